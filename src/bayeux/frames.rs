//! What one flush sends over sockets: each set of events is written once, for all the sockets that get it.

use std::collections::BTreeMap;

use super::{Event, Output, SocketId};

#[derive(Debug, Default)]
pub struct Frames {
    /// By the addresses of the events' JSON, which is shared by all queues: the same events are the same addresses.
    by_events: BTreeMap<Vec<*const u8>, Frame>,
    sockets: usize,
}

#[derive(Debug)]
struct Frame {
    events: Vec<Event>,
    to: Vec<SocketId>,
}

impl Frames {
    pub fn add(&mut self, socket: SocketId, events: Vec<Event>) {
        self.sockets += 1;
        let addresses = events.iter().map(|event| event.as_json().as_ptr()).collect();
        let frame = self.by_events.entry(addresses).or_insert_with(|| Frame { events, to: Vec::new() });
        frame.to.push(socket);
    }

    /// How many sockets get something.
    pub fn sockets(&self) -> usize {
        self.sockets
    }

    pub fn into_outputs(self) -> impl Iterator<Item = Output> {
        self.by_events.into_values().map(|Frame { events, to }| {
            let messages = array(events.iter().map(Event::as_json));
            Output::Deliver { to, messages }
        })
    }
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
