//! The events that wait for one session, bounded.

use std::collections::VecDeque;

use super::{Event, Options};

#[derive(Debug, Default)]
pub struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
}

impl Queue {
    /// Adds an event; past `MAX_QUEUE` or `MAX_QUEUE_BYTES` the oldest ones make room. Returns how many were dropped.
    pub fn push(&mut self, event: Event, options: &Options) -> usize {
        self.bytes += event.as_json().len();
        self.events.push_back(event);
        let mut dropped = 0;
        // One event alone always stays: a message within MAX_MESSAGE_SIZE can be delivered.
        while self.events.len() > 1 && (self.events.len() > options.max_queue || self.bytes > options.max_queue_bytes) {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.as_json().len();
                dropped += 1;
            }
        }
        dropped
    }

    /// Empties the queue.
    pub fn take(&mut self) -> VecDeque<Event> {
        self.bytes = 0;
        std::mem::take(&mut self.events)
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::ChannelId;

    fn event(data: &str) -> Event {
        let raw = serde_json::value::RawValue::from_string(data.to_owned()).unwrap();
        Event::of_server(&ChannelId::parse("/a").unwrap(), &raw)
    }

    fn push_all(options: &Options, count: usize) -> (usize, Vec<Event>) {
        let mut queue = Queue::default();
        let dropped = (0..count).map(|n| queue.push(event(&n.to_string()), options)).sum();
        (dropped, queue.take().into())
    }

    #[test]
    fn events_come_out_in_the_order_they_went_in() {
        assert_eq!(push_all(&Options::default(), 3), (0, vec![event("0"), event("1"), event("2")]));
    }

    #[test]
    fn past_the_bound_the_oldest_make_room() {
        let options = Options { max_queue: 2, ..Options::default() };
        assert_eq!(push_all(&options, 5), (3, vec![event("3"), event("4")]));
        let options = Options { max_queue_bytes: event("0").as_json().len() * 2, ..Options::default() };
        assert_eq!(push_all(&options, 5), (3, vec![event("3"), event("4")]));
    }

    #[test]
    fn a_single_event_is_kept_whatever_its_size() {
        let options = Options { max_queue_bytes: 1, ..Options::default() };
        assert_eq!(push_all(&options, 1), (0, vec![event("0")]));
    }
}
