//! The events that wait for one session, bounded.

use std::collections::VecDeque;

use super::{Event, Millis, Options};

#[derive(Debug, Default)]
pub struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    /// Whether anything came that is not lazy.
    urgent: bool,
    /// When the first of the lazy events wants to leave.
    lazy_due: Option<Millis>,
}

impl Queue {
    /// Adds an event; past `MAX_QUEUE` or `MAX_QUEUE_BYTES` the oldest ones make room. Returns how many were dropped.
    pub fn push(&mut self, event: Event, options: &Options) -> usize {
        self.urgent = true;
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

    /// As [`Queue::push`], for an event that is in no hurry: it leaves with the next one that is, or at `due`.
    pub fn push_lazy(&mut self, event: Event, due: Millis, options: &Options) -> usize {
        let urgent = self.urgent;
        let dropped = self.push(event, options);
        self.urgent = urgent;
        self.lazy_due = Some(self.lazy_due.map_or(due, |earlier| earlier.min(due)));
        dropped
    }

    /// Empties the queue.
    pub fn take(&mut self) -> VecDeque<Event> {
        std::mem::take(self).events
    }

    /// Whether something waits that a connect should not be held for.
    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// When what waits should leave even if nothing urgent comes.
    pub fn lazy_due(&self) -> Option<Millis> {
        self.lazy_due
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
    fn lazy_events_are_not_urgent_and_leave_when_the_first_of_them_is_due() {
        let options = Options::default();
        let mut queue = Queue::default();
        queue.push_lazy(event("1"), Millis(30), &options);
        queue.push_lazy(event("2"), Millis(20), &options);
        assert_eq!((queue.is_urgent(), queue.lazy_due()), (false, Some(Millis(20))));
        queue.push(event("3"), &options);
        assert!(queue.is_urgent());
        assert_eq!(queue.take().len(), 3);
        assert_eq!((queue.is_urgent(), queue.lazy_due()), (false, None));
    }

    #[test]
    fn a_single_event_is_kept_whatever_its_size() {
        let options = Options { max_queue_bytes: 1, ..Options::default() };
        assert_eq!(push_all(&options, 1), (0, vec![event("0")]));
    }
}
