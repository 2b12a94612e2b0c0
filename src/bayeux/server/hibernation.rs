//! The deadlines of clients that are away, while the object sleeps.
//!
//! A session's row has no deadline, since each message moves it and must not cost a write. So a restored server gives
//! every client its full time again. But where only the alarm wakes an object, at the deadline of the first client, no
//! session would ever expire. So an object that falls asleep writes all deadlines into one note, which is valid until
//! one of the clients comes back.

use std::collections::BTreeMap;

use super::BayeuxServer;
use crate::bayeux::clock::LATE;
use crate::bayeux::io::Output;
use crate::bayeux::persistence::{Note, Notes, Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;

/// So many fit into a row of 2 MB, at 32 bytes each. All others get their full time again.
const MOST: usize = 50_000;

impl BayeuxServer {
    /// To be called when only an input or the alarm will wake the object, and it may lose its memory until then.
    #[must_use]
    pub fn fall_asleep(&mut self) -> Vec<Output> {
        if let Some(away) = self.sessions.unnoted_away(MOST) {
            let outside: BTreeMap<_, _> = away.iter().map(|(key, until)| (key, self.clock.outside(*until).0)).collect();
            let text = serde_json::to_string(&outside).unwrap_or_default();
            if self.saved(|store| Note::Away.save(store, &text)) {
                self.sessions.away_is_noted(away);
            }
        }
        std::mem::take(&mut self.outputs)
    }

    /// The deadlines written before hibernation, if they are still valid. Where the alarm was late, clients could not
    /// reach the object either: then every client gets its full time again.
    pub(in crate::bayeux) fn restore_away(&mut self, now: Millis, notes: &Notes) -> BTreeMap<SessionKey, Millis> {
        let Some(text) = notes.get(&Note::Away) else { return BTreeMap::new() };
        let noted: BTreeMap<SessionKey, u64> = serde_json::from_str(text).unwrap_or_default();
        let mut away: BTreeMap<_, _> = noted.into_iter().map(|(key, until)| (key, Millis(until))).collect();
        if away.values().any(|until| *until + LATE < now) {
            away.clear();
        }
        if away.is_empty() {
            self.sessions.away_has_changed();
        }
        away
    }

    /// Writes to the store, and logs a failure. Returns whether it succeeded.
    pub(super) fn saved(&mut self, write: impl FnOnce(&mut dyn Store) -> Result<(), StoreError>) -> bool {
        write(&mut *self.store).map_err(|error| self.storage_failed(&error)).is_ok()
    }

    /// Deletes the note: its deadlines are out of date.
    pub(in crate::bayeux) fn forget_away(&mut self) {
        self.saved(|store| Note::Away.forget(store));
    }
}
