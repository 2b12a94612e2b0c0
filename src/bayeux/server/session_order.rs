//! The order of one session's messages across requests, while some of them wait for others.
//!
//! An unsubscribe or a disconnect waits until all earlier messages of its session are done, and later batches of the
//! session wait behind it, so the last word wins. Subscribes and publishes of different requests do not wait for each
//! other.

use std::collections::{BTreeMap, BTreeSet};

use super::suspended_messages::BatchNumber;
use crate::bayeux::session::SessionKey;

/// Requests of one session that wait for their turn. 1,000 is more than an object handles in a second.
const MAX_BLOCKED: usize = 1000;

/// One lane for each session of which something is pending.
#[derive(Debug, Default)]
pub struct Lanes {
    by_session: BTreeMap<SessionKey, Lane>,
    /// Lanes in which something has finished since [`Lanes::next_ready`] was called.
    changed: BTreeSet<SessionKey>,
}

#[derive(Debug, Default)]
struct Lane {
    /// How many messages of each batch wait for others.
    suspended: BTreeMap<BatchNumber, usize>,
    /// Batches with messages that have not begun.
    blocked: BTreeSet<BatchNumber>,
}

impl Lanes {
    pub fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }

    /// Whether something of this session is pending.
    pub fn has(&self, session: SessionKey) -> bool {
        self.by_session.contains_key(&session)
    }

    /// Whether the next message of this batch must wait for earlier ones of its session. `last_word`: it takes
    /// something back.
    pub fn must_wait(&self, session: SessionKey, batch: BatchNumber, last_word: bool) -> bool {
        let Some(Lane { suspended, blocked }) = self.by_session.get(&session) else { return false };
        blocked.first().is_some_and(|first| *first < batch)
            || last_word && suspended.first_key_value().is_some_and(|(first, _)| *first < batch)
    }

    /// Whether no more batches of this session may wait for their turn.
    pub fn is_full(&self, session: SessionKey) -> bool {
        self.by_session.get(&session).is_some_and(|lane| lane.blocked.len() >= MAX_BLOCKED)
    }

    /// A message waits for others.
    pub fn suspend(&mut self, session: SessionKey, batch: BatchNumber) {
        *self.by_session.entry(session).or_default().suspended.entry(batch).or_default() += 1;
    }

    /// A message no longer waits.
    pub fn resume(&mut self, session: SessionKey, batch: BatchNumber) {
        let Some(lane) = self.by_session.get_mut(&session) else { return };
        if let Some(count) = lane.suspended.get_mut(&batch) {
            *count -= 1;
            if *count == 0 {
                lane.suspended.remove(&batch);
            }
        }
        self.changed.insert(session);
    }

    /// The batch has messages of this session that have not begun.
    pub fn block(&mut self, session: SessionKey, batch: BatchNumber) {
        self.by_session.entry(session).or_default().blocked.insert(batch);
    }

    /// It has none any more.
    pub fn unblock(&mut self, session: SessionKey, batch: BatchNumber) {
        if let Some(lane) = self.by_session.get_mut(&session)
            && lane.blocked.remove(&batch)
        {
            self.changed.insert(session);
        }
    }

    /// A batch that may go on, if it waited for its turn alone.
    pub fn next_ready(&mut self) -> Option<BatchNumber> {
        while let Some(session) = self.changed.pop_first() {
            let Some(Lane { suspended, blocked }) = self.by_session.get(&session) else { continue };
            if let Some(first) = blocked.first() {
                return Some(*first);
            }
            if suspended.is_empty() {
                self.by_session.remove(&session);
            }
        }
        None
    }
}
