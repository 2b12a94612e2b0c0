//! Messages that wait: for a channel's owner, for the hooks Worker, for keys.
//!
//! A message that cannot be answered yet is a [`SuspendedMessage`]. It leaves its place in the batch empty, and the
//! batch continues with the next message. The question has a [`PendingId`]. Its outcome resolves the id, and
//! `resume_ready` continues with the message. A batch is answered when none of its places is empty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::BayeuxServer;
use super::batch::Batch;
use super::checked_message::Checked;
use super::dedup::Said;
use super::publish::Following;
use super::replay_start::Past;
use super::session_order::Lanes;
use crate::bayeux::cluster::Begun;
pub(in crate::bayeux) use crate::bayeux::cluster::PendingId;
use crate::bayeux::delivery::DedupKey;
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::Charge;
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Bearer, ChannelId, ChannelPattern, EndpointKey, Event};

/// The number of a batch. Later batches have higher numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bayeux) struct BatchNumber(u64);

#[derive(Default)]
pub(in crate::bayeux) struct Pending {
    last: u64,
    /// The batches that are not answered yet.
    batches: BTreeMap<BatchNumber, Batch>,
    by_endpoint: BTreeSet<(EndpointKey, BatchNumber)>,
    pub(super) lanes: Lanes,
    awaited: BTreeMap<PendingId, Awaited>,
    /// Sessions with a connect that waits.
    catching_up: BTreeSet<SessionKey>,
    resolved: VecDeque<(PendingId, Result<(), BayeuxError>)>,
}

struct Awaited {
    /// Outcomes that are missing.
    outcomes: usize,
    /// The first error.
    error: Option<BayeuxError>,
    /// The numbers at which subscriptions begin, as far as owners have answered.
    begun: Vec<(ChannelPattern, Begun)>,
    then: Continuation,
}

/// How to continue when all outcomes have come.
pub(in crate::bayeux) enum Continuation {
    /// Fill this place of this batch.
    Reply { batch: BatchNumber, place: usize, suspended: Box<SuspendedMessage> },
    /// A publish of the server or the application: tell the application.
    Publish(Published),
}

/// A message that waits, and for whom.
pub(in crate::bayeux) enum SuspendedMessage {
    /// For the channel's owner.
    Publish { checked: Checked, sent: SuspendedPublish },
    /// For the owners of what is subscribed to.
    Subscribe {
        checked: Checked,
        client: Client,
        session: SessionKey,
        patterns: Vec<ChannelPattern>,
        past: Past,
        /// The charge for the session's names.
        under_way: Charge,
    },
    /// For the owners of what its client has missed.
    Connect { checked: Checked, session: SessionKey, past: Past, _charge: Charge },
    /// For the hooks Worker.
    Hook { checked: Checked, hook: Hook, session: Option<SessionKey>, pending_id: PendingId },
    /// For the keys by which this handshake's token is checked.
    Keys { checked: Checked, token: Option<Bearer> },
}

/// A publish, and what to do when it has succeeded.
pub(in crate::bayeux) struct SuspendedPublish {
    pub published: Published,
    pub then: Following,
}

/// The publisher and its event.
pub(in crate::bayeux) struct Published {
    pub publisher: Client,
    pub channel: ChannelId,
    pub event: Event,
    /// The dedup key.
    pub key: Option<DedupKey>,
    /// The charge for the event until its publish is complete.
    pub _charge: Charge,
}

impl Pending {
    pub fn next_id(&mut self) -> PendingId {
        self.last += 1;
        PendingId(self.last)
    }

    pub fn next_batch_number(&mut self) -> BatchNumber {
        self.last += 1;
        BatchNumber(self.last)
    }

    /// Continues with `then` when so many outcomes have come.
    pub fn expect(&mut self, pending_id: PendingId, outcomes: usize, then: Continuation) {
        if let Continuation::Reply { batch, suspended, .. } = &then
            && let Some(session) = suspended.session()
        {
            self.lanes.suspend(session, *batch);
            if matches!(**suspended, SuspendedMessage::Connect { .. }) {
                self.catching_up.insert(session);
            }
        }
        self.awaited.insert(pending_id, Awaited { outcomes, error: None, begun: Vec::new(), then });
    }

    /// An owner has answered where a subscription begins.
    pub fn begun(&mut self, pending_id: PendingId, pattern: ChannelPattern, begun: Begun) {
        let awaited = self.awaited.get_mut(&pending_id).into_iter();
        awaited.for_each(|awaited| awaited.begun.push((pattern.clone(), begun)));
    }

    /// One outcome has come. [`BayeuxServer::resume_ready`] goes on from there.
    pub fn resolve(&mut self, pending_id: PendingId, outcome: Result<(), BayeuxError>) {
        self.resolved.push_back((pending_id, outcome));
    }

    /// Whether a connect of this session waits for owners.
    pub(super) fn catches_up(&self, session: SessionKey) -> bool {
        self.catching_up.contains(&session)
    }

    /// Whether a message of this session waits.
    pub(super) fn has_of(&self, session: SessionKey) -> bool {
        self.lanes.has(session)
    }

    /// Parks a batch until it can continue.
    pub(super) fn park(&mut self, batch: Batch) {
        self.by_endpoint.insert((batch.from.key(), batch.number));
        self.batches.insert(batch.number, batch);
    }

    fn unpark(&mut self, number: BatchNumber) -> Option<Batch> {
        let batch = self.batches.remove(&number)?;
        self.by_endpoint.remove(&(batch.from.key(), number));
        Some(batch)
    }

    /// A batch that waits.
    pub(super) fn batch_mut(&mut self, number: BatchNumber) -> Option<&mut Batch> {
        self.batches.get_mut(&number)
    }

    /// The client of these batches has left. Returns what it published with them.
    pub(super) fn client_aborted(&mut self, endpoint: EndpointKey) -> Vec<Said> {
        let all = (endpoint, BatchNumber(0))..=(endpoint, BatchNumber(u64::MAX));
        let mut said = Vec::new();
        for (_, number) in self.by_endpoint.range(all) {
            let Some(batch) = self.batches.get_mut(number) else { continue };
            batch.has_aborted = true;
            said.append(&mut batch.said);
        }
        said
    }
}

impl SuspendedMessage {
    /// The session that waits.
    fn session(&self) -> Option<SessionKey> {
        match self {
            Self::Publish { sent, .. } => sent.published.publisher.session(),
            Self::Subscribe { session, .. } | Self::Connect { session, .. } => Some(*session),
            Self::Hook { session, .. } => *session,
            Self::Keys { .. } => None,
        }
    }
}

impl BayeuxServer {
    /// Continues messages whose outcomes have come, and batches whose turn has come.
    pub(in crate::bayeux) fn resume_ready(&mut self, now: Millis) {
        loop {
            if let Some((pending_id, outcome)) = self.pending.resolved.pop_front() {
                self.resolved(now, pending_id, outcome);
            } else if let Some(number) = self.pending.lanes.next_ready() {
                // A batch that is being processed continues by itself.
                if let Some(batch) = self.pending.unpark(number) {
                    self.run(now, batch);
                }
            } else {
                return;
            }
        }
    }

    fn resolved(&mut self, now: Millis, pending_id: PendingId, outcome: Result<(), BayeuxError>) {
        let Some(awaited) = self.pending.awaited.get_mut(&pending_id) else { return };
        awaited.outcomes -= 1;
        awaited.error = awaited.error.take().or(outcome.err());
        if awaited.outcomes > 0 {
            return;
        }
        let Some(Awaited { error, begun, then, .. }) = self.pending.awaited.remove(&pending_id) else { return };
        let outcome = error.map_or(Ok(()), Err);
        match then {
            Continuation::Reply { batch, place, suspended } => {
                if let Some(session) = suspended.session() {
                    self.pending.lanes.resume(session, batch);
                    if matches!(*suspended, SuspendedMessage::Connect { .. }) {
                        self.pending.catching_up.remove(&session);
                    }
                }
                let Some(mut batch) = self.pending.unpark(batch) else { return };
                let step = self.resume_message(now, &mut batch, *suspended, outcome, &begun);
                if let Some(batch) = self.apply_step(batch, place, step) {
                    self.run(now, batch);
                }
            }
            Continuation::Publish(published) => match outcome {
                Ok(()) => self.published(&published),
                Err(error) => self.publish_failed(&error),
            },
        }
    }
}
