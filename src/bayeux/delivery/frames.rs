//! What one flush sends over sockets and streams: each set of events is serialised once for all its receivers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::flush_pace::Sent;
use crate::bayeux::wire::{Event, Sink, SocketId, StreamId};

#[derive(Debug)]
pub struct Frames {
    /// How many events go into one, at the most.
    per_frame: NonZeroUsize,
    frames: Vec<Frame>,
    /// Places in `frames`, by the addresses in memory of the events' JSON: all queues share it, so equal addresses are
    /// equal events. Frames leave in the order in which they were added, since the order of addresses changes from run
    /// to run.
    by_events: BTreeMap<Vec<*const u8>, usize>,
    sent: Sent,
}

#[derive(Debug)]
struct Frame {
    events: Vec<Event>,
    sockets: Vec<SocketId>,
    streams: Vec<StreamId>,
}

/// One text, and whom it goes to.
#[derive(Debug)]
pub struct Sending {
    pub sockets: Vec<SocketId>,
    pub streams: Vec<StreamId>,
    /// A JSON array.
    pub messages: String,
}

impl Frames {
    /// `per_frame` is `MESSAGES_PER_FRAME`; none puts all of a client's events into one.
    pub fn new(per_frame: Option<NonZeroUsize>) -> Self {
        let per_frame = per_frame.unwrap_or(NonZeroUsize::MAX);
        Self { per_frame, frames: Vec::new(), by_events: BTreeMap::new(), sent: Sent::default() }
    }

    pub fn add(&mut self, sink: Sink, events: Vec<Event>) {
        let count = events.len().div_ceil(self.per_frame.get());
        let addresses = events.iter().map(|event| event.as_json().as_ptr()).collect();
        let place = *self.by_events.entry(addresses).or_insert_with(|| {
            self.frames.push(Frame { events, sockets: Vec::new(), streams: Vec::new() });
            self.frames.len() - 1
        });
        let frame = &mut self.frames[place];
        match sink {
            Sink::Socket(socket) => {
                frame.sockets.push(socket);
                self.sent.frames += count;
            }
            Sink::Stream(stream) => {
                frame.streams.push(stream);
                self.sent.chunks += count;
            }
        }
    }

    /// How much is sent in all.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    pub fn into_sendings(self) -> impl Iterator<Item = Sending> {
        let Self { per_frame, frames, .. } = self;
        frames
            .into_iter()
            .flat_map(move |Frame { events, sockets, streams }| split(sockets, streams, &events, per_frame))
    }
}

/// The same frames for each of these sockets and streams, with so many events in each.
pub fn split(
    sockets: Vec<SocketId>,
    streams: Vec<StreamId>,
    events: &[Event],
    per_frame: NonZeroUsize,
) -> Vec<Sending> {
    let frames = events.chunks(per_frame.get()).map(|events| array(events.iter().map(Event::as_json)));
    frames.map(|messages| Sending { sockets: sockets.clone(), streams: streams.clone(), messages }).collect()
}

/// A JSON array of items that are JSON already.
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
