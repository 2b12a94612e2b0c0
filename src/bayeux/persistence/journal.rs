//! Which events have a row in the store, and which should get one.
//!
//! An event that a client must not lose has its row before the publisher hears of success: that of a session that
//! acknowledges, and with `DURABILITY = "strict"` each that does not leave at once. Any other gets one when it is still
//! there after a second, so that clients which read what they are sent cost no writes.
//!
//! A row goes when no queue holds its event any more. It is not the queues that say so but the event itself, which is
//! shared by them: see [`Event::holders`](crate::bayeux::Event::holders). What a publish is known by, should it come again, stays for some time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::notes::{Note, Notes};
use super::store::{Store, StoreError};
use crate::bayeux::delivery::{DedupKey, Weighed};
use crate::bayeux::session::{Delivery, SessionKey, Sessions};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::EventNumber;

/// As events may be large, the useless ones go at the latest when so many bytes have come. A Worker has 128 MB.
const MAX_BYTES: usize = 8 << 20;

/// How long an event may wait before it gets a row, and how long a row may stay that nobody needs.
const TICK: Duration = Duration::from_secs(1);

/// How many rows of deliveries there may be at least before they are put together: one client that never acknowledges keeps the rows
/// of all that was sent since.
const MOST_DELIVERIES: usize = 64;

/// How many deliveries one row takes: about half a megabyte, of the two that a row may have.
const DELIVERIES_A_ROW: usize = 8192;

/// How many keys are written down of events that have no row any more: 20 kB, once in a tick.
const MOST_KEYS: usize = 1000;

#[derive(Debug, Default)]
pub struct Journal {
    last: EventNumber,
    /// Those without a row for all who wait, oldest first.
    recent: VecDeque<Recent>,
    saved: BTreeMap<EventNumber, Saved>,
    has_saved: bool,
    /// Of events whose rows are gone, oldest first.
    keys: VecDeque<DedupKey>,
    /// Since when rows may have become useless.
    released: Option<Millis>,
    /// How many rows of deliveries were written since they were last put together, and how many may be.
    deliveries: usize,
    most_deliveries: usize,
    /// Bytes of the events that came since it was last seen to that none is kept in vain.
    bytes: usize,
}

#[derive(Debug)]
struct Recent {
    number: EventNumber,
    event: Weighed,
    /// By which the publish is known should it come again.
    key: Option<DedupKey>,
    at: Millis,
    /// For whom it waits without a row.
    to: Vec<SessionKey>,
}

#[derive(Debug)]
struct Saved {
    event: Weighed,
    key: Option<DedupKey>,
    to: Vec<SessionKey>,
}

impl Journal {
    /// The number of one more event.
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

    /// Takes note of an event that waits for these sessions without a row.
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

    /// What the publishes of the last life are known by: those of its rows, and those of which it took note.
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

    /// Takes note of what was sent.
    ///
    /// # Errors
    /// The store's.
    pub fn delivered(&mut self, deliveries: &[Delivery], store: &mut dyn Store) -> Result<(), StoreError> {
        let Some(newest) = deliveries.iter().map(|delivery| delivery.newest).max() else { return Ok(()) };
        self.deliveries += 1;
        store.save_deliveries(newest, deliveries)
    }

    /// So many deliveries of earlier lives have rows.
    pub fn restore_deliveries(&mut self, count: usize) {
        self.deliveries = count;
    }

    /// Something was written down besides, so that what it came from is not to be done a second time.
    pub fn saved_besides(&mut self) {
        self.has_saved = true;
    }

    /// Whether rows of events were written since this was asked last.
    pub fn has_saved(&mut self) -> bool {
        std::mem::take(&mut self.has_saved)
    }

    /// The numbers to come are higher.
    pub fn never_again(&mut self, number: EventNumber) {
        self.last = self.last.max(number);
    }

    /// Some queue let go of an event that has a row.
    pub fn released(&mut self, now: Millis) {
        self.released.get_or_insert(now);
    }

    /// The next [`Journal::settle`] lets go of all that nobody waits for.
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

    /// Saves what waits for too long, and forgets what nobody waits for. `homes` takes note that an event has a row, and knows whether
    /// it still waits for another home.
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
            // One that cannot be saved keeps nobody waiting: it would be due again at once.
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

    /// Writes down anew what was sent of the events that have a row, and forgets all that was written of it before. What that costs grows
    /// with what waits, so it is done the more seldom the more that is.
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
                // The numbers rise: what was sent before in the same way is part of this.
                deliveries.pop_if(|delivery| delivery.batch == batch);
                deliveries.push(Delivery { session: *key, newest: *number, batch });
            }
        }
        let all: Vec<_> = by_session.into_values().flatten().collect();
        for part in all.chunks(DELIVERIES_A_ROW) {
            store.save_deliveries(self.last, part)?;
        }
        // The new rows speak of the last event of all, the old ones of earlier ones; where there is none both are of no use.
        store.forget_deliveries(Some(self.last).filter(|_| !all.is_empty()))?;
        self.deliveries = all.len().div_ceil(DELIVERIES_A_ROW);
        self.most_deliveries = self.deliveries + MOST_DELIVERIES + looked_at / 8;
        Ok(())
    }
}

impl Recent {
    /// Whether a queue still holds it: something besides the journal does.
    fn waits(&self, saved: &BTreeMap<EventNumber, Saved>) -> bool {
        self.event.event.holders() > 1 + usize::from(saved.contains_key(&self.number))
    }
}
