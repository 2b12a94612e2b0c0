//! Until when clients that are away are waited for, while the object sleeps.
//!
//! A session's row does not say so: each message moves that time, and none of them is to cost a write. So a server that is put
//! together again gives every client its time anew. But where nothing else wakes an object than its alarm, at the time when the
//! first client is to be given up, nobody would ever be. So an object that falls asleep writes down for whom it still waits,
//! all in one note, which is good until one of them comes back.

use std::collections::BTreeMap;

use super::BayeuxServer;
use crate::bayeux::clock::LATE;
use crate::bayeux::io::Output;
use crate::bayeux::persistence::{Note, Notes, Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;

/// So many fit into a row of 2 MB, at 32 bytes each. All others get their time anew.
const MOST: usize = 50_000;

impl BayeuxServer {
    /// To be called when from now on nothing but an input or its alarm will wake the object, and it may lose its memory.
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

    /// What the last life wrote down of its sessions when it fell asleep, where that still holds. Where the alarm is late nobody
    /// could wake the object, or reach it: then everyone gets their time anew.
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

    /// Whether it is written down, where the caller has no one to tell.
    fn saved(&mut self, write: impl FnOnce(&mut dyn Store) -> Result<(), StoreError>) -> bool {
        write(&mut *self.store).map_err(|error| self.storage_failed(&error)).is_ok()
    }

    /// The note does not hold any more.
    pub(in crate::bayeux) fn forget_away(&mut self) {
        self.saved(|store| Note::Away.forget(store));
    }
}
