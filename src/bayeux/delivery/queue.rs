//! The events that wait for one session, bounded, and those that a client has not acknowledged.

use std::collections::VecDeque;

use super::weighed_event::{EVENT, Weighed};
use crate::bayeux::limits::{Budget, Charge};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Event, EventNumber};

/// How much may wait in a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub events: usize,
    /// Of JSON.
    pub bytes: usize,
}

/// Bytes of an event's entry in one queue and in the journal's list of its receivers together. Both lists have unused
/// capacity, which counts too.
pub const ENTRY: usize = 80;

#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    /// Events that are not a replay's, and their bytes: the bounds are for these.
    bounded: usize,
    bounded_bytes: usize,
    /// Bytes of all.
    bytes: usize,
    /// Entries that are not lazy.
    urgent: usize,
    /// When the first lazy one should leave. Channels have different times, so that need not be the oldest.
    lazy_due: Option<Millis>,
    /// Entries that have a row for this session.
    saved: usize,
    /// How many were dropped, ever.
    dropped: usize,
    gap: Option<OpenGap>,
    /// For the entries.
    charge: Charge,
}

/// A notice that events are missing before the first one that waits, which the client has not acknowledged.
#[derive(Debug)]
struct OpenGap {
    notice: Event,
    /// The batch that told it first; 0 while none has.
    batch: u64,
}

#[derive(Debug)]
struct Entry {
    event: Weighed,
    number: EventNumber,
    saved: bool,
    /// It is a replay's, of which one page waits at a time.
    replayed: bool,
    urgency: Urgency,
    /// The batch that carried it first; 0 while none has.
    batch: u64,
}

/// How long an event may wait for company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It leaves as soon as it can.
    Now,
    /// It leaves with the next urgent one, or at this time.
    Lazy(Millis),
    /// It was sent, and goes again with the next one that leaves.
    Again,
}

impl Queue {
    /// From now on its entries are charged to this budget.
    pub fn charge_to(&mut self, budget: &Budget) {
        self.charge.move_to(budget);
    }

    /// Bytes that dropping it would free, if nobody else held its events.
    pub fn weight(&self) -> usize {
        self.bytes + self.entries.len() * (ENTRY + EVENT)
    }

    /// Drops the oldest events until it weighs no more than that. Returns how many.
    pub fn lighten(&mut self, weight: usize) -> usize {
        let before = self.entries.len();
        while self.weight() > weight && !self.entries.is_empty() {
            self.drop_first();
        }
        // Frees the room that it has grown into.
        self.entries.shrink_to(self.entries.len() * 2);
        let dropped = before - self.entries.len();
        self.dropped += dropped;
        dropped
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (EventNumber, &Event)> {
        self.entries.iter().map(|entry| (entry.number, &entry.event.event))
    }

    pub fn newest(&self) -> Option<EventNumber> {
        self.entries.back().map(|entry| entry.number)
    }

    /// Drops everything up to this event.
    pub fn forget_up_to(&mut self, number: EventNumber) {
        while self.entries.front().is_some_and(|entry| entry.number <= number) {
            self.drop_first();
        }
    }

    /// Adds an event; past the bounds the oldest ones make room. Returns how many were dropped.
    pub fn push(&mut self, event: impl Into<Weighed>, number: EventNumber, urgency: Urgency, bounds: Bounds) -> usize {
        let event = event.into();
        self.bounded += 1;
        self.bounded_bytes += event.event.as_json().len();
        self.urgent += usize::from(urgency == Urgency::Now);
        if let Urgency::Lazy(due) = urgency {
            self.lazy_due = self.lazy_due.into_iter().chain([due]).min();
        }
        self.add(Entry { event, number, saved: false, replayed: false, urgency, batch: 0 });
        let dropped = self.make_room(bounds);
        self.dropped += dropped;
        dropped
    }

    /// Adds a page of a replay, before the newer events that were not sent yet. The bounds do not count it.
    pub fn push_page(&mut self, page: Vec<Weighed>) {
        self.count_page(&page);
        let number_of = |event: &Weighed| event.event.kept().map(|kept| kept.number);
        let first = page.first().and_then(number_of);
        // Events may wait that are not kept any more.
        let older = |entry: &Entry| number_of(&entry.event).is_some_and(|number| Some(number) < first);
        let newer = |entry: &Entry| entry.batch == 0 && !older(entry);
        let place = self.entries.iter().position(newer).unwrap_or(self.entries.len());
        let number = self.entries.iter().take(place).next_back().map(|entry| entry.number).unwrap_or_default();
        let later = self.entries.split_off(place);
        self.entries.extend(page.into_iter().map(|event| Entry::replayed(event, number, 0)));
        self.entries.extend(later);
        self.charge.set(self.entries.len() * ENTRY);
    }

    /// Puts a page that an earlier life sent with this batch before everything that waits.
    pub fn push_page_again(&mut self, page: Vec<Weighed>, batch: u64) {
        self.count_page(&page);
        for event in page.into_iter().rev() {
            self.entries.push_front(Entry::replayed(event, EventNumber::default(), batch));
        }
        self.charge.set(self.entries.len() * ENTRY);
    }

    fn count_page(&mut self, page: &[Weighed]) {
        self.urgent += page.len();
        self.bytes += page.iter().map(|event| event.event.as_json().len()).sum::<usize>();
    }

    /// Drops these events, wherever they stand.
    pub fn drop_matching(&mut self, goes: impl Fn(&Event) -> bool) {
        let (gone, left): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| goes(&entry.event.event));
        self.entries = left;
        gone.iter().for_each(|entry| self.forget(entry));
    }

    /// How many events had to make room, ever.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// So many events were lost before they came here. Returns how many are missing in all.
    pub fn missed(&mut self, events: usize) -> usize {
        self.dropped += events;
        self.dropped
    }

    /// Puts a notice of dropped events before the first event that waits.
    pub fn tell_of_gap(&mut self, notice: Event) {
        self.gap = Some(OpenGap { notice, batch: 0 });
    }

    /// Adds an event of the last life, which has a row; `batch` is the one that carried it first, or 0. Rows of events
    /// that were dropped then may still exist: they are dropped again.
    pub fn restore(&mut self, event: impl Into<Weighed>, number: EventNumber, batch: u64, bounds: Bounds) {
        let event = event.into();
        self.bounded += 1;
        self.bounded_bytes += event.event.as_json().len();
        self.urgent += 1;
        self.saved += 1;
        let (saved, replayed) = (true, false);
        self.add(Entry { event, number, saved, replayed, urgency: Urgency::Now, batch });
        self.make_room(bounds);
    }

    /// Marks an event as having a row. Returns whether it still waits here.
    pub fn mark_saved(&mut self, number: EventNumber) -> bool {
        let first = self.entries.partition_point(|entry| entry.number < number);
        let mut same = self.entries.iter_mut().skip(first).take_while(|entry| entry.number == number);
        let Some(entry) = same.find(|entry| !entry.replayed) else { return false };
        self.saved += usize::from(!std::mem::replace(&mut entry.saved, true));
        true
    }

    /// The batch that carried an event first, or 0, where it still waits here.
    pub fn batch_of(&self, number: EventNumber) -> Option<u64> {
        let first = self.entries.partition_point(|entry| entry.number < number);
        let mut same = self.entries.iter().skip(first).take_while(|entry| entry.number == number);
        same.find(|entry| !entry.replayed).map(|entry| entry.batch)
    }

    /// How many of the events have a row for this session.
    pub fn saved(&self) -> usize {
        self.saved
    }

    /// The newest event, if it was never sent.
    pub fn newest_unsent(&self) -> Option<EventNumber> {
        self.entries.back().filter(|entry| entry.batch == 0).map(|entry| entry.number)
    }

    /// Empties the queue.
    pub fn take(&mut self) -> Vec<Event> {
        let Self { entries, gap, dropped, charge, .. } = std::mem::take(self);
        (self.dropped, self.charge) = (dropped, charge);
        self.charge.set(0);
        gap.map(|gap| gap.notice).into_iter().chain(entries.into_iter().map(|entry| entry.event.event)).collect()
    }

    /// Everything that waits, in order, as batch number `batch`. It stays queued until it is acknowledged.
    pub fn send(&mut self, batch: u64) -> Vec<Event> {
        self.lazy_due = None;
        for entry in &mut self.entries {
            if entry.batch == 0 {
                entry.batch = batch;
            }
            if matches!(entry.urgency, Urgency::Lazy(_)) {
                entry.urgency = Urgency::Again;
            }
        }
        let told = self.gap.iter_mut().map(|gap| {
            gap.batch = if gap.batch == 0 { batch } else { gap.batch };
            gap.notice.clone()
        });
        told.chain(self.entries.iter().map(|entry| entry.event.event.clone())).collect()
    }

    /// The client is back and has not acknowledged everything: lazy events leave again by this time, or earlier with an
    /// urgent one.
    pub fn send_again_by(&mut self, due: Millis) {
        if self.entries.iter().any(|entry| entry.urgency == Urgency::Again) {
            self.lazy_due = Some(self.lazy_due.map_or(due, |before| before.min(due)));
        }
    }

    /// Drops what the client has acknowledged: it has received everything up to batch number `batch`. A batch carries
    /// all events that are not acknowledged, so an event has arrived if its first batch is `batch` or an earlier one.
    pub fn acknowledge(&mut self, batch: u64) {
        while self.entries.front().is_some_and(|entry| entry.batch != 0 && entry.batch <= batch) {
            self.drop_first();
        }
        self.gap.take_if(|gap| gap.batch != 0 && gap.batch <= batch);
    }

    /// How many events wait or are unacknowledged.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// When each event arrived that was never sent. None for one of a replay's page: that is not new.
    pub fn unsent(&self) -> impl Iterator<Item = Option<Millis>> {
        let unsent = self.entries.iter().filter(|entry| entry.batch == 0);
        unsent.map(|entry| entry.event.shared.as_ref().and_then(|shared| shared.arrived))
    }

    /// Bytes of JSON that wait, a replay's not counted.
    pub fn bounded_bytes(&self) -> usize {
        self.bounded_bytes
    }

    /// Whether something waits that a connect should not be held for.
    pub fn is_urgent(&self) -> bool {
        self.urgent > 0
    }

    /// When what waits should leave even if nothing urgent comes.
    pub fn lazy_due(&self) -> Option<Millis> {
        self.lazy_due
    }

    /// Drops the oldest past the bounds; how many. One event alone always stays: a message within `MAX_MESSAGE_SIZE`
    /// can be delivered.
    fn make_room(&mut self, bounds: Bounds) -> usize {
        let before = self.entries.len();
        while self.bounded > 1 && (self.bounded > bounds.events || self.bounded_bytes > bounds.bytes) {
            let oldest = self.entries.iter().position(|entry| !entry.replayed);
            let Some(entry) = oldest.and_then(|oldest| self.entries.remove(oldest)) else { break };
            self.forget(&entry);
        }
        before - self.entries.len()
    }

    fn add(&mut self, entry: Entry) {
        // Grows by a quarter: if the queues of a crowd doubled at the same event, half of their memory would be empty.
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.entries.len() / 4 + 4);
        }
        self.bytes += entry.event.event.as_json().len();
        self.entries.push_back(entry);
        self.charge.set(self.entries.len() * ENTRY);
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.forget(&entry);
        }
    }

    /// Stops counting this entry.
    fn forget(&mut self, entry: &Entry) {
        let Entry { event, urgency, saved, replayed, .. } = entry;
        self.bounded -= usize::from(!replayed);
        let bytes = event.event.as_json().len();
        self.bytes -= bytes;
        self.bounded_bytes -= if *replayed { 0 } else { bytes };
        self.saved -= usize::from(*saved);
        self.urgent -= usize::from(*urgency == Urgency::Now);
        self.charge.set(self.entries.len() * ENTRY);
    }
}

impl Entry {
    fn replayed(event: Weighed, number: EventNumber, batch: u64) -> Self {
        Self { event, number, saved: false, replayed: true, urgency: Urgency::Now, batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::options::Options;
    use crate::bayeux::wire::ChannelId;
    use crate::bayeux::wire::extensions::timestamp::Stamp;

    fn event(data: &str) -> Event {
        let raw = serde_json::value::RawValue::from_string(data.to_owned()).unwrap();
        Event::of_server(&ChannelId::parse("/a").unwrap(), &raw, &Stamp::default())
    }

    fn push_all(options: &Options, count: u64) -> (usize, Vec<Event>) {
        let mut queue = Queue::default();
        let dropped = (0..count)
            .map(|n| queue.push(event(&n.to_string()), EventNumber(n), Urgency::Now, options.queue_bounds()))
            .sum();
        (dropped, queue.take())
    }

    #[test]
    fn events_come_out_in_the_order_they_went_in() {
        assert_eq!(push_all(&Options::default(), 3), (0, vec![event("0"), event("1"), event("2")]));
    }

    #[test]
    fn past_max_queue_or_max_queue_bytes_the_oldest_events_are_dropped() {
        let options = Options { max_queue: 2, ..Options::default() };
        assert_eq!(push_all(&options, 5), (3, vec![event("3"), event("4")]));
        let options = Options { max_queue_bytes: event("0").as_json().len() * 2, ..Options::default() };
        assert_eq!(push_all(&options, 5), (3, vec![event("3"), event("4")]));
    }

    #[test]
    fn a_page_of_a_replay_comes_before_unsent_events_and_is_not_bounded_by_max_queue() {
        let options = Options { max_queue: 2, ..Options::default() };
        let mut queue = Queue::default();
        queue.push(event("1"), EventNumber(1), Urgency::Now, options.queue_bounds());
        queue.send(1);
        queue.push(event("2"), EventNumber(2), Urgency::Now, options.queue_bounds());
        let (bytes, weight) = (queue.bounded_bytes(), queue.weight());
        queue.push_page(vec![event("10").into(), event("11").into()]);
        assert!(
            queue.bounded_bytes() == bytes && queue.weight() > weight,
            "a page weighs, and is not among what waits"
        );
        assert!(queue.mark_saved(EventNumber(1)) && queue.saved() == 1);
        assert_eq!(queue.push(event("3"), EventNumber(3), Urgency::Now, options.queue_bounds()), 1);
        assert_eq!(queue.send(2), [event("10"), event("11"), event("2"), event("3")]);
        queue.drop_matching(|waiting| *waiting == event("11"));
        queue.acknowledge(2);
        assert!(!queue.is_urgent() && queue.is_empty());
    }

    #[test]
    fn a_single_event_is_kept_whatever_its_size() {
        let options = Options { max_queue_bytes: 1, ..Options::default() };
        assert_eq!(push_all(&options, 1), (0, vec![event("0")]));
    }

    #[test]
    fn lazy_events_leave_when_the_first_of_them_is_due_or_with_an_urgent_one() {
        let options = Options::default();
        let mut queue = Queue::default();
        queue.push(event("1"), EventNumber(1), Urgency::Lazy(Millis(20)), options.queue_bounds());
        queue.push(event("2"), EventNumber(2), Urgency::Lazy(Millis(30)), options.queue_bounds());
        assert_eq!((queue.is_urgent(), queue.lazy_due()), (false, Some(Millis(20))));
        queue.push(event("3"), EventNumber(3), Urgency::Lazy(Millis(10)), options.queue_bounds());
        assert_eq!(queue.lazy_due(), Some(Millis(10)));
        queue.push(event("4"), EventNumber(4), Urgency::Now, options.queue_bounds());
        assert!(queue.is_urgent());
        assert_eq!(queue.take().len(), 4);
        assert_eq!((queue.is_urgent(), queue.lazy_due()), (false, None));
    }

    #[test]
    fn sent_events_stay_until_a_batch_that_carried_them_is_acknowledged() {
        let options = Options::default();
        let mut queue = Queue::default();
        queue.push(event("1"), EventNumber(1), Urgency::Now, options.queue_bounds());
        assert_eq!(queue.send(1), [event("1")]);
        queue.push(event("2"), EventNumber(2), Urgency::Now, options.queue_bounds());
        assert_eq!(queue.send(2), [event("1"), event("2")]);
        queue.acknowledge(1);
        assert_eq!(queue.send(3), [event("2")]);
        queue.push(event("3"), EventNumber(3), Urgency::Now, options.queue_bounds());
        queue.acknowledge(99);
        assert_eq!(queue.send(4), [event("3")]);
        queue.acknowledge(4);
        assert!(!queue.is_urgent() && queue.send(5).is_empty());
    }

    #[test]
    fn a_lazy_event_that_was_sent_comes_again_with_the_next_batch_and_does_not_trigger_it() {
        let options = Options::default();
        let mut queue = Queue::default();
        queue.push(event("1"), EventNumber(1), Urgency::Lazy(Millis(20)), options.queue_bounds());
        queue.send(1);
        assert_eq!((queue.is_urgent(), queue.lazy_due()), (false, None));
        assert_eq!(queue.send(2), [event("1")]);
    }

    #[test]
    fn a_queue_knows_which_of_its_events_have_a_row() {
        let options = Options::default();
        let mut queue = Queue::default();
        queue.push(event("1"), EventNumber(1), Urgency::Now, options.queue_bounds());
        queue.push(event("4"), EventNumber(4), Urgency::Now, options.queue_bounds());
        assert!(
            queue.mark_saved(EventNumber(4)) && queue.mark_saved(EventNumber(4)) && !queue.mark_saved(EventNumber(2))
        );
        assert_eq!((queue.saved(), queue.newest_unsent()), (1, Some(EventNumber(4))));
        queue.send(1);
        assert_eq!((queue.saved(), queue.newest_unsent()), (1, None));
        queue.acknowledge(1);
        assert_eq!(queue.saved(), 0);
    }

    #[test]
    fn an_event_restored_from_its_row_is_urgent_and_knows_its_batch() {
        let mut queue = Queue::default();
        queue.restore(event("1"), EventNumber(1), 7, Options::default().queue_bounds());
        queue.restore(event("2"), EventNumber(2), 0, Options::default().queue_bounds());
        assert!(queue.is_urgent());
        queue.acknowledge(7);
        assert_eq!((queue.saved(), queue.take()), (1, vec![event("2")]));
    }
}
