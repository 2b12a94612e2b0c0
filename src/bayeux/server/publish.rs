//! Publishing: from a client to the application, to the channel's owner, and to the subscribers.
//!
//! ```text
//! → [{"channel":"/chat/demo","clientId":"…","id":"5","data":{"text":"hi"}}]
//! ← [{"channel":"/chat/demo","data":{"text":"hi"}},{"channel":"/chat/demo","id":"5","successful":true}]
//! ```
//!
//! * MUST have `data` (Bayeux 1.0 section 5.1); MAY lack a clientId where the server allows it.
//! * A delivered event MUST have channel and data, and never the publisher's clientId (section 5.2).
//! * A message to `/service/**` reaches the application only (section 2.3.2), each time it is sent.

use std::time::Duration;

use super::actions::Subject;
use super::batch::{Batch, Rides, Step};
use super::checked_message::Checked;
use super::suspended_messages::{PendingId, Published, SuspendedMessage, SuspendedPublish};
use super::{BayeuxServer, Publisher};
use crate::bayeux::app::{Action, Publication};
use crate::bayeux::cluster::{ClusterInput, ListeningHome, ToRelay};
use crate::bayeux::delivery::{DedupKey, ENTRY, Urgency, Weighed};
use crate::bayeux::hooks::Permission;
use crate::bayeux::options::{Durability, QueueOverflow};
use crate::bayeux::session::{Client, Ending, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, Denial, Event, EventNumber, Message, Operation, Realm};

/// The outcome of a publish.
pub(in crate::bayeux) enum Taken {
    /// The event is queued for its subscribers.
    Here,
    /// The event was sent to its owner, whose answer resolves this pending_id.
    Pending(PendingId),
}

/// What is done when a publish has succeeded.
pub(in crate::bayeux) struct Following {
    pub on: Subject,
    /// The application's actions.
    pub actions: Vec<Action>,
    /// The hooks Worker's actions.
    pub by_hooks: Vec<Action>,
}

impl BayeuxServer {
    pub(in crate::bayeux) fn publish(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        mut checked: Checked,
        permission: Permission,
    ) -> Step {
        match self.try_publish(now, batch, &mut checked, permission) {
            Ok(None) => Step::Replied(checked.answered(Ok(()))),
            Ok(Some((pending_id, sent))) => {
                Step::Suspended(pending_id, 1, Box::new(SuspendedMessage::Publish { checked, sent }))
            }
            Err(error) => Step::Replied(checked.answered(Err(error))),
        }
    }

    fn try_publish(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: &mut Checked,
        mut permission: Permission,
    ) -> Result<Option<(PendingId, SuspendedPublish)>, BayeuxError> {
        let Checked { message, channel, attempt, .. } = checked;
        permission.edit(message);
        let anonymous = batch.by_api
            || permission.client.is_some()
            || self.options.anon_publish && message.field("clientId").is_none();
        let sender = if anonymous { None } else { Some(self.speaker(batch, message)?) };
        if message.field("data").is_none() {
            return Err(BayeuxError::DataMissing);
        }
        self.options.check_tree(&channel.clone().into())?;
        if channel.watched().is_some() {
            return Err(BayeuxError::Denied(Operation::Publish, Denial::because("presence")));
        }
        // Another Worker answers for the service.
        let is_served = permission.client.is_some();
        let client = permission.client.take().unwrap_or_else(|| self.client(batch, sender));
        client.session().iter().for_each(|sender| batch.carries(*sender, Rides::OnPublish));
        if !batch.by_api {
            self.may_publish(&client, channel, message)?;
        }
        if self.is_presence_service(channel) {
            self.serve_presence(now, &client, message, &mut batch.piggybacked)?;
            return Ok(None);
        }
        if channel.realm() == Realm::Service && !is_served && !self.app.takes(channel) {
            return Err(BayeuxError::ServiceUnknown);
        }
        if self.was_said_before(now, batch, *attempt) {
            return Ok(None);
        }
        let key = self.key_of(now, batch, *attempt);
        let mut publication = Publication::new(client, channel.clone(), std::mem::take(message));
        let actions = self.app.receive(&mut publication).map_err(|fault| self.blame(fault))?;
        let on = Subject::sent(&publication);
        let then = Following { on, actions, by_hooks: permission.actions };
        let event = Event::freeze(channel, publication.message(), &self.stamp);
        let lazy = publication.is_lazy();
        // Counted twice: here, and in the call to the owner.
        let weight = 2 * Weighed::weight(&event);
        self.make_room(now, weight)?;
        let charge = self.budget.charge(weight);
        let published =
            Published { publisher: publication.client, channel: publication.channel, event, key, _charge: charge };
        match self.deliver(now, &published, lazy)? {
            Taken::Pending(pending_id) => Ok(Some((pending_id, SuspendedPublish { published, then }))),
            Taken::Here => {
                self.act(now, batch, then);
                Ok(None)
            }
        }
    }

    /// Carries out what followed from a publish.
    pub(super) fn act(&mut self, now: Millis, batch: &mut Batch, then: Following) {
        let Following { on, actions, by_hooks } = then;
        self.apply(now, &on, &mut batch.piggybacked, actions);
        self.apply(now, &on.by_hooks(), &mut batch.piggybacked, by_hooks);
    }

    /// # Errors
    /// The denial by the rules or the policy.
    fn may_publish(&mut self, client: &Client, channel: &ChannelId, message: &Message) -> Result<(), BayeuxError> {
        let name = channel.clone().into();
        self.check_access(client, Operation::Publish, &name)?;
        self.may_create(client, &name, message)?;
        self.app.can_publish(client, channel, message).map_err(|fault| self.blame(fault))
    }

    /// Publishes an event to its channel's owner, which is this object or another one. Meta and service channels have
    /// no subscribers, not even `/**`: a client would believe that such an event came from the server.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`] or [`BayeuxError::OwnerUnreachable`]; nobody receives the event.
    pub(in crate::bayeux) fn deliver(
        &mut self,
        now: Millis,
        published: &Published,
        lazy: bool,
    ) -> Result<Taken, BayeuxError> {
        let Published { publisher, channel, event, key, .. } = published;
        if channel.realm() != Realm::Broadcast {
            return Ok(Taken::Here);
        }
        let session = publisher.session().filter(|_| !self.options.broadcast_to_publisher);
        let publisher = Publisher { session, home: None, key: *key };
        if let Some(pending_id) = self.ask_to_publish(now, channel, event, publisher, lazy) {
            return Ok(Taken::Pending(pending_id));
        }
        self.accept(now, publisher, channel, event, lazy)?;
        self.published(published);
        Ok(Taken::Here)
    }

    /// As the channel's owner: accepts an event, numbers it and queues it once for each subscriber, unless it was
    /// accepted before. Without `BROADCAST_TO_PUBLISHER` its publisher is left out. All events that this object owns
    /// pass here.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`]; nobody receives the event.
    pub(in crate::bayeux) fn accept(
        &mut self,
        now: Millis,
        publisher: Publisher,
        channel: &ChannelId,
        event: &Event,
        lazy: bool,
    ) -> Result<(), BayeuxError> {
        let Publisher { session, home, key } = publisher;
        self.remember_keys(now, channel);
        if self.was_taken_before(now, key) {
            return Ok(());
        }
        let left_out = session.filter(|_| home.is_none());
        let (number, kept) = self.keep_for_later(channel, event, key)?;
        let event = kept.as_ref().unwrap_or(event);
        let mut sessions = self.subscriptions.matching(channel).filter(|key| Some(*key) != left_out).collect();
        self.leave_to_replays(channel, event, &mut sessions);
        let homes = self.cluster.listeners(now, channel);
        let to = Recipients { sessions, homes, not_to: home.zip(session), only_to: None, lazy };
        if let Err(error) = self.enqueue(now, number, to, event, self.urgency(now, channel, lazy), key) {
            kept.iter().for_each(|_| self.unkeep(channel, number));
            return Err(error);
        }
        self.metrics.accepted += 1;
        self.add_to_tails(now, channel, event);
        self.was_taken(now, key);
        Ok(())
    }

    /// As a home: queues an event that the owner relayed for the subscribers here.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`]; nobody receives the event.
    pub(in crate::bayeux) fn deliver_here(
        &mut self,
        now: Millis,
        left_out: Option<SessionKey>,
        channel: &ChannelId,
        event: &Event,
        lazy: bool,
    ) -> Result<(), BayeuxError> {
        let wanted = |key: &SessionKey| Some(*key) != left_out && !self.presence.awaits_whole(channel, *key);
        let mut sessions = self.subscriptions.matching(channel).filter(wanted).collect();
        self.leave_to_replays(channel, event, &mut sessions);
        let number = self.journal.next_number();
        let to = Recipients::of(sessions);
        self.enqueue(now, number, to, event, self.urgency(now, channel, lazy), None)
    }

    /// As the owner: sends an event of the server to all subscribers of this exact channel, or to one home alone, or to
    /// one session there.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`] or [`BayeuxError::MemoryExceeded`]; nobody receives the event.
    pub(super) fn tell_listeners(
        &mut self,
        now: Millis,
        channel: &ChannelId,
        event: &Event,
        at: Option<(SessionKey, Option<SessionKey>)>,
    ) -> Result<(), BayeuxError> {
        let mut homes = self.cluster.listeners(now, channel);
        let mut sessions: Vec<_> = self.subscriptions.matching(channel).collect();
        if let Some((home, _)) = at {
            homes.retain(|listener| listener.key == home);
            sessions.clear();
        }
        if homes.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let only_to = at.and_then(|(_, session)| session);
        let to = Recipients { homes, only_to, ..Recipients::of(sessions) };
        let number = self.journal.next_number();
        self.enqueue(now, number, to, event, Urgency::Now, None)
    }

    /// Whether this publish was accepted before: see `delivery/dedup.rs`.
    fn was_taken_before(&mut self, now: Millis, key: Option<DedupKey>) -> bool {
        key.is_some_and(|key| self.dedup.knows(now, self.options.retry_window, key))
    }

    /// Records a publish, to recognise its retry.
    pub(in crate::bayeux) fn was_taken(&mut self, now: Millis, key: Option<DedupKey>) {
        key.into_iter().for_each(|key| self.dedup.accept(now, key));
    }

    fn urgency(&self, now: Millis, channel: &ChannelId, lazy: bool) -> Urgency {
        self.laziness(channel, lazy).map_or(Urgency::Now, |wait| Urgency::Lazy(now + wait))
    }

    /// How long an event may be delayed: its channel's lazy timeout, or `MAX_LAZY_TIMEOUT` where only the message is
    /// lazy.
    fn laziness(&self, channel: &ChannelId, lazy: bool) -> Option<Duration> {
        let of_channel = self.app.laziness(channel).or_else(|| self.options.laziness(channel));
        of_channel.filter(|wait| !wait.is_zero()).or(lazy.then_some(self.options.max_lazy_timeout))
    }

    /// Queues an event for one session, subscribed or not.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`]; the session does not receive the event.
    pub(in crate::bayeux) fn enqueue_for(
        &mut self,
        now: Millis,
        session: SessionKey,
        event: &Event,
    ) -> Result<(), BayeuxError> {
        let number = self.journal.next_number();
        self.enqueue(now, number, Recipients::of(vec![session]), event, Urgency::Now, None)
    }

    /// Queues an event for each of these sessions and homes that still exists. A home is sent it at once, and delays it
    /// itself.
    fn enqueue(
        &mut self,
        now: Millis,
        number: EventNumber,
        to: Recipients,
        event: &Event,
        urgency: Urgency,
        key: Option<DedupKey>,
    ) -> Result<(), BayeuxError> {
        let Recipients { sessions, homes, not_to, only_to, lazy } = to;
        self.make_room(now, (sessions.len() + homes.len()) * ENTRY + Weighed::weight(event))?;
        let event = Weighed::new(event.clone(), &self.budget, now);
        let kept = event.event.kept().is_some();
        let must_last = |key: &&SessionKey| self.must_last(**key, urgency, kept);
        let (lasting, mut passing): (Vec<_>, Vec<_>) = sessions.iter().partition(must_last);
        let mut saved = lasting.clone();
        for ListeningHome { key, lasts } in &homes {
            if *lasts { &mut saved } else { &mut passing }.push(*key);
        }
        self.journal.save(number, &event, key, saved, &mut *self.store).map_err(|error| self.storage_failed(&error))?;
        let mut overflows = Vec::new();
        for key in sessions {
            let event = event.clone();
            let (options, ready) = (&self.options, &mut self.ready);
            let queued = self.sessions.change(key, |session| {
                let dropped = session.queue.push(event, number, urgency, options.queue_bounds());
                if session.is_ready() {
                    ready.insert(key);
                }
                dropped
            });
            overflows.extend(queued.filter(|dropped| *dropped > 0).map(|dropped| (key, dropped)));
        }
        for key in lasting {
            self.sessions.mark_saved(key, number);
        }
        self.journal.watch(now, number, &event, key, passing);
        if !homes.is_empty() {
            self.cluster(now, ClusterInput::Relay(ToRelay { number, event, homes, not_to, only_to, lazy }));
        }
        let first = overflows.first().map(|(key, _)| *key);
        let dropped: usize = overflows.into_iter().map(|(key, dropped)| dropped + self.overflowed(key)).sum();
        if dropped > 0 {
            self.dropped(first, dropped);
        }
        Ok(())
    }

    /// A session's queue overflowed: its client is told, or the session ends. Returns how many more events that drops.
    pub(super) fn overflowed(&mut self, key: SessionKey) -> usize {
        let (queue_overflow, stamp) = (self.options.queue_overflow, &self.stamp);
        let lost = self.sessions.change(key, |session| match queue_overflow {
            QueueOverflow::Drop => {
                session.queue.tell_of_gap(Event::dropped(session.queue.dropped(), stamp));
                0
            }
            QueueOverflow::Disconnect => session.queue.take().len(),
        });
        if queue_overflow == QueueOverflow::Disconnect {
            self.dismiss(key, Ending::Overflowed);
        }
        lost.unwrap_or(0)
    }

    /// Events for this session were lost on the way to its home: its client is told how many at most, or the session
    /// ends.
    pub(in crate::bayeux) fn missed(&mut self, now: Millis, key: SessionKey, events: usize) {
        if self.options.queue_overflow == QueueOverflow::Disconnect {
            return self.dismiss(key, Ending::Overflowed);
        }
        let Some(missing) = self.sessions.change(key, |session| session.queue.missed(events)) else { return };
        let notice = Event::dropped(missing, &self.stamp);
        if self.enqueue_for(now, key, &notice).is_err() {
            // Needs no row: the next event carries it too.
            self.sessions.change(key, |session| session.queue.tell_of_gap(notice));
        }
    }

    /// Whether an event for this session must be saved before its publisher is told of success. `kept`: its channel
    /// keeps it.
    fn must_last(&self, key: SessionKey, urgency: Urgency, kept: bool) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let leaves_at_once = || session.is_open() && urgency == Urgency::Now && self.pace.allows();
        // A client that reads numbers could not notice that a waiting event was lost: the numbers have gaps anyway.
        let durable = self.options.durability == Durability::Strict || kept && session.counts_on_numbers();
        session.is_strict() || durable && !leaves_at_once()
    }
}

/// The receivers of an event.
struct Recipients {
    sessions: Vec<SessionKey>,
    homes: Vec<ListeningHome>,
    /// Of one home, this session is left out.
    not_to: Option<(SessionKey, SessionKey)>,
    /// At a home, for this session alone.
    only_to: Option<SessionKey>,
    /// Homes may delay it.
    lazy: bool,
}

impl Recipients {
    fn of(sessions: Vec<SessionKey>) -> Self {
        Self { sessions, homes: Vec::new(), not_to: None, only_to: None, lazy: false }
    }
}
