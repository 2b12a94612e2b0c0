//! Which publish counts as a retry: one whose key was accepted before, or one that equals a publish whose answer
//! reached nobody. See `delivery/dedup.rs`.

use super::BayeuxServer;
use super::batch::Batch;
use crate::bayeux::delivery::{Attempt, DedupKey};
use crate::bayeux::time::Millis;

/// The hash of a publish's id and data, and the key that its owner has for it.
pub(in crate::bayeux) type Said = (DedupKey, DedupKey);

impl BayeuxServer {
    /// Whether a publish was accepted before, as far as this home knows. Then it only needs its reply.
    pub(in crate::bayeux) fn was_said_before(&mut self, now: Millis, batch: &mut Batch, attempt: Attempt) -> bool {
        let window = self.options.retry_window;
        if window.is_zero() {
            return false;
        }
        if let Some(key) = attempt.key {
            return self.dedup.knows(now, window, key);
        }
        let Some(id) = attempt.id else { return false };
        let first = self.unanswered.find(now, window, id);
        let Some(key) = first.filter(|key| self.dedup.knows(now, window, *key)) else { return false };
        self.unanswered.answer(id, key);
        self.is_said(now, batch, (id, key));
        true
    }

    /// The key for the owner: the publish's own, that of an equal unanswered one, or a new one.
    pub(super) fn key_of(&mut self, now: Millis, batch: &mut Batch, attempt: Attempt) -> Option<DedupKey> {
        let window = self.options.retry_window;
        if window.is_zero() || attempt.key.is_some() {
            return attempt.key.filter(|_| !window.is_zero());
        }
        let id = attempt.id?;
        let first = self.unanswered.find(now, window, id);
        first.iter().for_each(|key| self.unanswered.answer(id, *key));
        let key = first.unwrap_or_else(|| DedupKey::unique(&mut self.random));
        self.is_said(now, batch, (id, key));
        Some(key)
    }

    /// The owner may have accepted this publish, but its client reads an error, and may retry.
    pub(super) fn may_be_taken(&mut self, now: Millis, attempt: Attempt, key: Option<DedupKey>) {
        let said = attempt.id.zip(key);
        said.into_iter().for_each(|(id, key)| self.unanswered.note(now, id, key));
    }

    /// Nobody reads the answers to these publishes.
    pub(super) fn nobody_reads(&mut self, now: Millis, said: Vec<Said>) {
        said.into_iter().for_each(|(id, key)| self.unanswered.note(now, id, key));
    }

    fn is_said(&mut self, now: Millis, batch: &mut Batch, said: Said) {
        if batch.has_aborted {
            self.unanswered.note(now, said.0, said.1);
        } else {
            batch.said.push(said);
        }
    }
}
