//! Which events have a row in the store, and which should get one.
//!
//! An event that a client must not lose has its row before the publisher hears of success: that of a session that
//! acknowledges, and with `DURABILITY = "strict"` each that does not leave at once. Any other gets one when it is still
//! there after a second, so that clients which read what they are sent cost no writes.
//!
//! A row goes when no queue holds its event any more. It is not the queues that say so but the event itself, which is
//! shared by them: see [`Event::holders`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sessions::Sessions;
use super::store::{Store, StoreError};
use super::{Event, Millis, SessionKey};

/// An event's place among all of its home. Never given twice as long as a row speaks of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventNumber(pub u64);

/// As events may be large, the useless ones go at the latest when so many bytes have come. A Worker has 128 MB.
const MAX_BYTES: usize = 8 << 20;

/// How long an event may wait before it gets a row, and how long a row may stay that nobody needs.
const TICK: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Journal {
    last: EventNumber,
    /// Those without a row for all who wait, oldest first.
    recent: VecDeque<Recent>,
    saved: BTreeMap<EventNumber, Saved>,
    saves: u64,
    /// Since when rows may have become useless.
    released: Option<Millis>,
    /// Bytes of the events that came since it was last seen to that none is kept in vain.
    bytes: usize,
}

#[derive(Debug)]
struct Recent {
    number: EventNumber,
    event: Event,
    at: Millis,
    /// For whom it waits without a row.
    to: Vec<SessionKey>,
}

#[derive(Debug)]
struct Saved {
    event: Event,
    to: Vec<SessionKey>,
}

impl Journal {
    /// The number of one more event.
    pub fn next_number(&mut self) -> EventNumber {
        self.last.0 += 1;
        self.last
    }

    /// Gives an event its row, for these sessions.
    ///
    /// # Errors
    /// The store's.
    pub fn save(
        &mut self,
        number: EventNumber,
        event: &Event,
        to: Vec<SessionKey>,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        if to.is_empty() {
            return Ok(());
        }
        let already = self.saved.get(&number).into_iter().flat_map(|saved| saved.to.iter().copied());
        let to: Vec<_> = already.chain(to).collect();
        store.save_event(number, event.as_json(), &to)?;
        self.saves += 1;
        self.bytes += event.as_json().len();
        self.saved.insert(number, Saved { event: event.clone(), to });
        Ok(())
    }

    /// Takes note of an event that waits for these sessions without a row.
    pub fn watch(&mut self, now: Millis, number: EventNumber, event: &Event, to: Vec<SessionKey>) {
        if !to.is_empty() {
            self.bytes += event.as_json().len();
            self.recent.push_back(Recent { number, event: event.clone(), at: now, to });
        }
    }

    /// An event of the last life, with the row it has.
    pub fn restore(&mut self, number: EventNumber, event: Event, to: Vec<SessionKey>) {
        self.never_again(number);
        self.saved.insert(number, Saved { event, to });
    }

    /// How many rows were written.
    pub fn saves(&self) -> u64 {
        self.saves
    }

    /// The numbers to come are higher.
    pub fn never_again(&mut self, number: EventNumber) {
        self.last = self.last.max(number);
    }

    /// Some queue let go of an event that has a row.
    pub fn released(&mut self, now: Millis) {
        self.released.get_or_insert(now);
    }

    /// When [`Journal::settle`] has something to do.
    pub fn due(&mut self) -> Option<Millis> {
        while self.recent.front().is_some_and(|recent| !recent.waits(&self.saved)) {
            self.recent.pop_front();
        }
        let recent = self.recent.front().map(|recent| recent.at);
        recent.into_iter().chain(self.released).min().map(|since| since + TICK)
    }

    /// Saves what waits for too long, and forgets what nobody waits for. `relaxed`: what homes were given can wait for their word,
    /// as it does not wait to leave.
    ///
    /// # Errors
    /// The store's. What could not be saved stays in memory alone.
    pub fn settle(
        &mut self,
        now: Millis,
        relaxed: bool,
        sessions: &mut Sessions,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        while let Some(recent) = self.recent.pop_front_if(|recent| recent.at + TICK <= now) {
            let Recent { number, event, to, .. } = recent;
            let is_given = |key: &SessionKey| relaxed && sessions.get(*key).is_some_and(|home| home.is_given(number));
            let (given, to): (Vec<_>, Vec<_>) = to.into_iter().partition(is_given);
            if !given.is_empty() {
                self.recent.push_back(Recent { number, event: event.clone(), at: now, to: given });
            }
            let to: Vec<_> = to.into_iter().filter(|key| sessions.mark_saved(*key, number)).collect();
            self.save(number, &event, to, store)?;
        }
        let many = self.bytes > MAX_BYTES;
        if many {
            self.bytes = 0;
            let saved = &self.saved;
            self.recent.retain(|recent| recent.waits(saved));
        }
        if self.released.is_some_and(|since| many || since + TICK <= now) {
            self.released = None;
            let gone: Vec<_> =
                self.saved.extract_if(.., |_, saved| saved.event.holders() == 1).map(|(n, _)| n).collect();
            if !gone.is_empty() {
                store.forget_events(&gone)?;
                store.forget_deliveries(self.saved.keys().next().copied())?;
            }
        }
        Ok(())
    }
}

impl Recent {
    /// Whether a queue still holds it: something besides the journal does.
    fn waits(&self, saved: &BTreeMap<EventNumber, Saved>) -> bool {
        self.event.holders() > 1 + usize::from(saved.contains_key(&self.number))
    }
}
