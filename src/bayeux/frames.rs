//! What one flush sends over sockets: each set of events is written once, for all the sockets that get it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::{Event, Output, SocketId};

#[derive(Debug)]
pub struct Frames {
    /// How many events go into one, at the most.
    per_frame: NonZeroUsize,
    /// By the addresses of the events' JSON, which is shared by all queues: the same events are the same addresses.
    by_events: BTreeMap<Vec<*const u8>, Frame>,
    count: usize,
}

#[derive(Debug)]
struct Frame {
    events: Vec<Event>,
    to: Vec<SocketId>,
}

impl Frames {
    /// `per_frame` as `MESSAGES_PER_FRAME`; none for all of a socket's events in one.
    pub fn new(per_frame: Option<NonZeroUsize>) -> Self {
        Self { per_frame: per_frame.unwrap_or(NonZeroUsize::MAX), by_events: BTreeMap::new(), count: 0 }
    }

    pub fn add(&mut self, socket: SocketId, events: Vec<Event>) {
        self.count += events.len().div_ceil(self.per_frame.get());
        let addresses = events.iter().map(|event| event.as_json().as_ptr()).collect();
        let frame = self.by_events.entry(addresses).or_insert_with(|| Frame { events, to: Vec::new() });
        frame.to.push(socket);
    }

    /// How many frames are sent, over all sockets.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn into_outputs(self) -> impl Iterator<Item = Output> {
        let Self { per_frame, by_events, .. } = self;
        by_events.into_values().flat_map(move |Frame { events, to }| split(to, &events, per_frame))
    }
}

/// The same frames for each of these sockets, with so many events in each.
pub fn split(to: Vec<SocketId>, events: &[Event], per_frame: NonZeroUsize) -> Vec<Output> {
    let frames = events.chunks(per_frame.get());
    let deliver = |events: &[Event]| {
        let messages = array(events.iter().map(Event::as_json));
        Output::Deliver { to: to.clone(), messages }
    };
    frames.map(deliver).collect()
}

/// A JSON array of what is JSON already.
pub fn array<'a>(elements: impl Iterator<Item = &'a str>) -> String {
    let mut json = String::from("[");
    for element in elements {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(element);
    }
    json.push(']');
    json
}
