//! Which events have a row in the store, and which need one.
//!
//! An event that a client must not lose has its row before the publisher hears of success: every event for a session
//! that acknowledges, and with `DURABILITY = "strict"` every event that does not leave at once. Any other event gets a
//! row when it still waits after a second, so that clients that read at once cost no writes.
//!
//! A row is deleted when no queue holds its event any more. The event itself tells, by the count of its clones: see
//! [`Event::holders`](crate::bayeux::Event::holders). The key by which a publish is recognised stays for some time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::notes::{Note, Notes};
use super::store::{Store, StoreError};
use crate::bayeux::delivery::{DedupKey, Weighed};
use crate::bayeux::session::{Delivery, SessionKey, Sessions};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::EventNumber;

/// Useless rows are deleted at the latest when so many bytes of events have come. A Worker has 128 MB.
const MAX_BYTES: usize = 8 << 20;

/// How long an event may wait before it gets a row, and how long a useless row may stay.
const TICK: Duration = Duration::from_secs(1);

/// How many rows of deliveries there may be before they are merged: a client that never acknowledges keeps the rows of
/// everything sent since.
const MOST_DELIVERIES: usize = 64;

/// How many deliveries one row takes: about half a megabyte, of the two that a row may have.
const DELIVERIES_A_ROW: usize = 8192;

/// How many keys are written down of events whose rows are gone: 20 kB, once a tick.
const MOST_KEYS: usize = 1000;

#[derive(Debug, Default)]
pub struct Journal {
    last: EventNumber,
    /// Events that some session waits for without a row, oldest first.
    recent: VecDeque<Recent>,
    saved: BTreeMap<EventNumber, Saved>,
    has_saved: bool,
    /// The keys of events whose rows are gone, oldest first.
    keys: VecDeque<DedupKey>,
    /// Since when rows may have become useless.
    released: Option<Millis>,
    /// How many rows of deliveries were written since they were last merged, and how many may be.
    deliveries: usize,
    most_deliveries: usize,
    /// Bytes of events since useless rows were last deleted.
    bytes: usize,
}

#[derive(Debug)]
struct Recent {
    number: EventNumber,
    event: Weighed,
    /// The key by which the publish is recognised.
    key: Option<DedupKey>,
    at: Millis,
    /// The sessions for which it waits without a row.
    to: Vec<SessionKey>,
}

#[derive(Debug)]
struct Saved {
    event: Weighed,
    key: Option<DedupKey>,
    to: Vec<SessionKey>,
}

impl Journal {
    /// The number of the next event.
    pub fn next_number(&mut self) -> EventNumber {
        self.last.0 += 1;
        self.last
    }

    /// The newest event's number.
    pub fn last(&self) -> EventNumber {
        self.last
    }

    /// Gives an event its row, for these sessions.
    ///
    /// # Errors
    /// The store's.
    pub fn save(
        &mut self,
        number: EventNumber,
        event: &Weighed,
        key: Option<DedupKey>,
        to: Vec<SessionKey>,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        if to.is_empty() {
            return Ok(());
        }
        let already = self.saved.get(&number).into_iter().flat_map(|saved| saved.to.iter().copied());
        let to: Vec<_> = already.chain(to).collect();
        store.save_event(number, &event.event.to_row(), key, &to)?;
        self.has_saved = true;
        self.bytes += event.event.as_json().len();
        self.saved.insert(number, Saved { event: event.clone(), key, to });
        Ok(())
    }

    /// Remembers an event that waits for these sessions without a row.
    pub fn watch(
        &mut self,
        now: Millis,
        number: EventNumber,
        event: &Weighed,
        key: Option<DedupKey>,
        to: Vec<SessionKey>,
    ) {
        if !to.is_empty() {
            self.bytes += event.event.as_json().len();
            self.recent.push_back(Recent { number, event: event.clone(), key, at: now, to });
        }
    }

    /// An event of the last life, with the row it has.
    pub fn restore(&mut self, number: EventNumber, event: Weighed, to: Vec<SessionKey>) {
        self.never_again(number);
        self.saved.insert(number, Saved { event, key: None, to });
    }

    /// The keys of the last life's publishes: those of its rows, and those of its note.
    pub fn restore_keys(&mut self, of_rows: Vec<(EventNumber, DedupKey)>, notes: &Notes) -> Vec<DedupKey> {
        let note = notes.get(&Note::Keys).and_then(|text| serde_json::from_str(text).ok());
        self.keys = note.unwrap_or_default();
        let mut keys: Vec<_> = self.keys.iter().copied().collect();
        for (number, key) in of_rows {
            keys.push(key);
            if let Some(saved) = self.saved.get_mut(&number) {
                saved.key = Some(key);
            }
        }
        keys
    }

    /// Writes down what was sent.
    ///
    /// # Errors
    /// The store's.
    pub fn delivered(&mut self, deliveries: &[Delivery], store: &mut dyn Store) -> Result<(), StoreError> {
        let Some(newest) = deliveries.iter().map(|delivery| delivery.newest).max() else { return Ok(()) };
        self.deliveries += 1;
        store.save_deliveries(newest, deliveries)
    }

    /// Earlier lives have left so many rows of deliveries.
    pub fn restore_deliveries(&mut self, count: usize) {
        self.deliveries = count;
    }

    /// Something else was written down, so that its cause is not repeated.
    pub fn saved_besides(&mut self) {
        self.has_saved = true;
    }

    /// Whether rows of events were written since this was asked last.
    pub fn has_saved(&mut self) -> bool {
        std::mem::take(&mut self.has_saved)
    }

    /// Later numbers are higher than this one.
    pub fn never_again(&mut self, number: EventNumber) {
        self.last = self.last.max(number);
    }

    /// Some queue has dropped an event that has a row.
    pub fn released(&mut self, now: Millis) {
        self.released.get_or_insert(now);
    }

    /// The next [`Journal::settle`] deletes all useless rows.
    pub fn hurry(&mut self) {
        self.bytes = MAX_BYTES + 1;
    }

    /// When [`Journal::settle`] has something to do.
    pub fn due(&mut self) -> Option<Millis> {
        while self.recent.front().is_some_and(|recent| !recent.waits(&self.saved)) {
            self.recent.pop_front();
        }
        let recent = self.recent.front().map(|recent| recent.at);
        recent.into_iter().chain(self.released).min().map(|since| since + TICK)
    }

    /// Saves events that have waited for a second, and deletes useless rows. `homes` is told that an event has a row,
    /// and says whether it still waits for another home.
    ///
    /// # Errors
    /// The store's. What could not be saved stays in memory alone.
    pub fn settle(
        &mut self,
        now: Millis,
        sessions: &mut Sessions,
        homes: &mut dyn FnMut(SessionKey, EventNumber) -> bool,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        while let Some(recent) = self.recent.pop_front_if(|recent| recent.at + TICK <= now) {
            let Recent { number, event, key, to, .. } = recent;
            let to = to.into_iter().filter(|key| sessions.mark_saved(*key, number) || homes(*key, number)).collect();
            // An event that cannot be saved is not tried again: it would be due again at once.
            outcome = outcome.and(self.save(number, &event, key, to, store));
        }
        outcome.and(self.forget_useless(now, sessions, store))
    }

    fn forget_useless(&mut self, now: Millis, sessions: &Sessions, store: &mut dyn Store) -> Result<(), StoreError> {
        let many = self.bytes > MAX_BYTES;
        if many {
            self.bytes = 0;
            let saved = &self.saved;
            self.recent.retain(|recent| recent.waits(saved));
        }
        if self.released.is_some_and(|since| many || since + TICK <= now) {
            self.released = None;
            let gone = self.saved.extract_if(.., |_, saved| saved.event.event.holders() == 1);
            let (gone, keys): (Vec<_>, Vec<_>) = gone.map(|(number, saved)| (number, saved.key)).unzip();
            if keys.iter().any(Option::is_some) {
                self.keys.extend(keys.into_iter().flatten());
                self.keys.drain(..self.keys.len().saturating_sub(MOST_KEYS));
                Note::Keys.save(store, &serde_json::to_string(&self.keys).unwrap_or_default())?;
            }
            if !gone.is_empty() {
                store.forget_events(&gone)?;
                store.forget_deliveries(self.saved.keys().next().copied())?;
            }
        }
        if self.deliveries > self.most_deliveries.max(MOST_DELIVERIES) {
            self.compact_deliveries(sessions, store)?;
        }
        Ok(())
    }

    /// Replaces all rows of deliveries by merged ones. The cost grows with what waits, so the more waits the less
    /// often it is done.
    fn compact_deliveries(&mut self, sessions: &Sessions, store: &mut dyn Store) -> Result<(), StoreError> {
        let mut by_session = BTreeMap::<SessionKey, Vec<Delivery>>::new();
        let mut looked_at = 0;
        for (number, saved) in &self.saved {
            looked_at += saved.to.len();
            for key in &saved.to {
                let Some(session) = sessions.get(*key) else { continue };
                let batch = match session.queue.batch_of(*number) {
                    Some(0) => continue,
                    batch => batch,
                };
                let deliveries = by_session.entry(*key).or_default();
                // Numbers rise, so this includes the earlier delivery of the same kind.
                deliveries.pop_if(|delivery| delivery.batch == batch);
                deliveries.push(Delivery { session: *key, newest: *number, batch });
            }
        }
        let all: Vec<_> = by_session.into_values().flatten().collect();
        for part in all.chunks(DELIVERIES_A_ROW) {
            store.save_deliveries(self.last, part)?;
        }
        // The new rows name the newest event, the old ones older events; without any event all are useless.
        store.forget_deliveries(Some(self.last).filter(|_| !all.is_empty()))?;
        self.deliveries = all.len().div_ceil(DELIVERIES_A_ROW);
        self.most_deliveries = self.deliveries + MOST_DELIVERIES + looked_at / 8;
        Ok(())
    }
}

impl Recent {
    /// Whether a queue still holds it: it has a holder besides the journal.
    fn waits(&self, saved: &BTreeMap<EventNumber, Saved>) -> bool {
        self.event.event.holders() > 1 + usize::from(saved.contains_key(&self.number))
    }
}
