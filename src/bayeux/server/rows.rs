//! Writes the rows of an input: sessions that changed, events that wait.

use std::collections::BTreeSet;

use super::BayeuxServer;
use crate::bayeux::cluster::ClusterInput;
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::persistence::{SavedSession, StoreError};
use crate::bayeux::session::{Delivery, News, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::BayeuxError;

impl BayeuxServer {
    /// Saves what must survive the object, and updates what each socket keeps.
    pub(super) fn keep(&mut self, now: Millis) {
        let News { changed, deliveries, released, sockets, away, delivered } = self.sessions.take_news();
        self.metrics.delivered(now, delivered);
        if released {
            self.journal.released(now);
        }
        if let Err(error) = self.try_keep(now, &changed, &deliveries) {
            self.storage_failed(&error);
        }
        if away {
            self.forget_away();
        }
        if self.journal.has_saved() {
            self.cluster(now, ClusterInput::Written);
        }
        for socket in sockets {
            let held = self.sessions.held_by_socket(socket);
            self.outputs.push(Output::Keep { socket, held });
        }
    }

    fn try_keep(
        &mut self,
        now: Millis,
        changed: &BTreeSet<SessionKey>,
        deliveries: &[Delivery],
    ) -> Result<(), StoreError> {
        for key in changed {
            self.save_session(*key)?;
        }
        self.journal.delivered(deliveries, &mut *self.store)?;
        self.settle_journal(now)
    }

    /// Saves events that have waited for a second, and deletes useless rows.
    pub(super) fn settle_journal(&mut self, now: Millis) -> Result<(), StoreError> {
        let (sessions, cluster) = (&mut self.sessions, &mut self.cluster);
        self.journal.settle(now, sessions, &mut |home, number| cluster.mark_saved(home, number), &mut *self.store)
    }

    /// Writes a session's row.
    pub(in crate::bayeux) fn save_session(&mut self, key: SessionKey) -> Result<(), StoreError> {
        match self.sessions.get(key) {
            Some(session) => self.store.save_session(key, &SavedSession::of(session)),
            None => Ok(()),
        }
    }

    /// The error that a client reads where a row could not be written; the log has the reason.
    pub(in crate::bayeux) fn storage_failed(&mut self, error: &StoreError) -> BayeuxError {
        self.tell(Notice::StoreFailed { error: error.to_string() });
        BayeuxError::StorageFailed
    }
}
