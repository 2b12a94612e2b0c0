//! Subscriptions are written together: a session's row has all of them, and it is written once for all subscribes of an
//! input.
//!
//! A subscription is active at once, but its reply waits for the row. The row is written at the next message that is
//! not a subscribe, or at the end of the input.

use std::collections::BTreeSet;

use super::BayeuxServer;
use super::batch::{Batch, Subscribed};
use super::suspended_messages::BatchNumber;
use crate::bayeux::app::ServerEvent;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, Written};

#[derive(Default)]
pub(super) struct Uncommitted {
    subscriptions: Vec<RepliedSubscribe>,
    /// Batches that are done, and have replies to such subscribes.
    complete: Vec<Batch>,
}

/// A subscribe, by the place of its reply.
struct RepliedSubscribe {
    batch: BatchNumber,
    place: usize,
    subscribed: Subscribed,
}

impl Uncommitted {
    /// Adds a subscription. Returns the reply for its success.
    pub fn add(&mut self, batch: BatchNumber, place: usize, mut subscribed: Subscribed) -> Written {
        let reply = std::mem::take(&mut subscribed.reply);
        self.subscriptions.push(RepliedSubscribe { batch, place, subscribed });
        reply
    }

    /// Keeps a batch until the rows are written.
    pub fn complete(&mut self, batch: Batch) {
        self.complete.push(batch);
    }

    /// Whether some of these subscriptions have no row yet.
    fn has(&self, session: SessionKey, patterns: &[ChannelPattern]) -> bool {
        let of_session = self.subscriptions.iter().map(|RepliedSubscribe { subscribed, .. }| subscribed);
        of_session
            .filter(|subscribed| subscribed.session == session)
            .any(|subscribed| subscribed.new.iter().any(|new| patterns.contains(new)))
    }

    fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.complete.is_empty()
    }
}

impl BayeuxServer {
    /// Whether some of these subscriptions are active but have no row yet.
    pub(in crate::bayeux) fn awaits_row(&self, session: SessionKey, patterns: &[ChannelPattern]) -> bool {
        self.uncommitted.has(session, patterns)
    }

    /// Writes the rows of sessions that subscribed, and answers the batches that wait for them alone. Where a row
    /// cannot be written its subscribes fail, and the session listens to what it did before.
    pub(super) fn commit(&mut self, now: Millis, mut running: Option<&mut Batch>) {
        if self.uncommitted.is_empty() {
            return;
        }
        let Uncommitted { subscriptions, mut complete } = std::mem::take(&mut self.uncommitted);
        let sessions: BTreeSet<_> = subscriptions.iter().map(|one| one.subscribed.session).collect();
        let mut failed = BTreeSet::new();
        for session in sessions {
            if let Err(error) = self.save_session(session) {
                self.storage_failed(&error);
                failed.insert(session);
            }
        }
        for RepliedSubscribe { batch: number, place, subscribed } in subscriptions {
            if !failed.contains(&subscribed.session) {
                self.subscribed(subscribed);
                continue;
            }
            let refusal = self.take_back(subscribed);
            let here = running.as_deref_mut().into_iter().chain(&mut complete).find(|batch| batch.number == number);
            let batch = here.or_else(|| self.pending.batch_mut(number));
            batch.into_iter().for_each(|batch| batch.fill(place, refusal.clone()));
        }
        if let Some(running) = running {
            running.is_uncommitted = false;
        }
        complete.into_iter().for_each(|batch| self.answer(now, batch));
    }

    fn subscribed(&mut self, Subscribed { session, client, new, .. }: Subscribed) {
        if self.sessions.get(session).is_some() {
            for pattern in new {
                self.happened(|| ServerEvent::Subscribe { client: client.clone(), pattern });
            }
        }
    }

    fn take_back(&mut self, Subscribed { session: key, new, refusal, .. }: Subscribed) -> Written {
        if let Some(session) = self.sessions.get_mut(key) {
            session.subscriptions.retain(|pattern| !new.contains(pattern));
            session.with_slash.retain(|channel| !new.contains(channel));
            new.iter().for_each(|pattern| session.replays.end(pattern));
        }
        new.iter().for_each(|pattern| self.unlisten(pattern, key));
        refusal
    }
}
