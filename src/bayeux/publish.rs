//! Publishing: from one client to the application and to whoever listens.
//!
//! ```text
//! → [{"channel":"/chat/demo","clientId":"…","id":"5","data":{"text":"hi"}}]
//! ← [{"channel":"/chat/demo","data":{"text":"hi"}},{"channel":"/chat/demo","id":"5","successful":true}]
//! ```
//!
//! * MUST have `data` (Bayeux 1.0 section 5.1); MAY be without a clientId where the server allows it.
//! * A delivered event MUST have channel and data, and never the publisher's clientId (section 5.2).
//! * What is published to `/service/**` reaches the application only (section 2.3.2).

use std::time::Duration;

use super::actions::Subject;
use super::app::{Client, Publication};
use super::batch::{Batch, Checked};
use super::{
    BayeuxError, BayeuxServer, ChannelId, Durability, Ending, Event, Millis, Notice, Operation, QueueOverflow, Realm,
    SessionKey, Urgency,
};

impl BayeuxServer {
    pub(super) fn publish(&mut self, now: Millis, batch: &mut Batch, mut checked: Checked) -> String {
        match self.try_publish(now, batch, &mut checked) {
            Ok(()) => checked.successful().into_json(),
            Err(error) => checked.failed(&error).into_json(),
        }
    }

    fn try_publish(&mut self, now: Millis, batch: &mut Batch, checked: &mut Checked) -> Result<(), BayeuxError> {
        let Checked { message, channel, .. } = checked;
        let anonymous = self.options.anon_publish && message.field("clientId").is_none();
        let sender = if anonymous { None } else { Some(self.speaker(batch, message)?) };
        if message.field("data").is_none() {
            return Err(BayeuxError::DataMissing);
        }
        let client = self.client(batch, sender);
        self.may_create(&client, &channel.clone().into(), message)?;
        if let Some(policy) = &mut self.app.policy {
            let denied = |denial| BayeuxError::Denied(Operation::Publish, denial);
            policy.can_publish(&client, channel, message).map_err(denied)?;
        }
        let mut publication = Publication::new(client, channel.clone(), std::mem::take(message));
        let actions = self.app.receive(&mut publication)?;
        let event = Event::freeze(channel, publication.message(), &self.stamp);
        self.deliver(now, &publication.client, channel, &event, publication.is_lazy())?;
        self.perform(now, &Subject::sent(&publication), &mut batch.parting, actions);
        Ok(())
    }

    /// Queues an event for every subscriber of the channel, once each; without `BROADCAST_TO_PUBLISHER` not for the one
    /// who published it. Meta and service channels have no subscribers, not even `/**`: what seems to come from there, a client takes as the server's word.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`], and nobody gets it.
    pub(super) fn deliver(
        &mut self,
        now: Millis,
        publisher: &Client,
        channel: &ChannelId,
        event: &Event,
        lazy: bool,
    ) -> Result<(), BayeuxError> {
        if channel.realm() != Realm::Broadcast {
            return Ok(());
        }
        let left_out = publisher.session.filter(|_| !self.options.broadcast_to_publisher);
        let subscribers = self.subscriptions.matching(channel).filter(|key| Some(*key) != left_out).collect();
        let urgency = self.laziness(channel, lazy).map_or(Urgency::Now, |wait| Urgency::Lazy(now + wait));
        self.enqueue(now, subscribers, event, urgency)?;
        self.published(publisher, channel, event);
        Ok(())
    }

    /// How long an event may wait for company: its channel's time, or `MAX_LAZY_TIMEOUT` where the message alone is lazy.
    fn laziness(&self, channel: &ChannelId, lazy: bool) -> Option<Duration> {
        let of_channel = self.app.laziness(channel).or_else(|| self.options.laziness(channel));
        of_channel.filter(|wait| !wait.is_zero()).or(lazy.then_some(self.options.max_lazy_timeout))
    }

    /// Queues an event for one session, subscribed or not.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`], and it does not get it.
    pub(super) fn enqueue_for(&mut self, now: Millis, session: SessionKey, event: &Event) -> Result<(), BayeuxError> {
        self.enqueue(now, vec![session], event, Urgency::Now)
    }

    /// Queues an event for each of these sessions that is still there.
    fn enqueue(
        &mut self,
        now: Millis,
        sessions: Vec<SessionKey>,
        event: &Event,
        urgency: Urgency,
    ) -> Result<(), BayeuxError> {
        let (lasting, passing): (Vec<_>, Vec<_>) = sessions.iter().partition(|key| self.must_last(now, **key, urgency));
        let number = self.journal.next_number();
        self.journal
            .save(number, event, lasting.clone(), &mut *self.store)
            .map_err(|error| self.storage_failed(&error))?;
        let mut overflows = Vec::new();
        for key in sessions {
            let (event, options, ready) = (event.clone(), &self.options, &mut self.ready);
            let queued = self.sessions.change(key, |session| {
                let dropped = session.queue.push(event, number, urgency, options);
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
        self.journal.watch(now, number, event, passing);
        let dropped: usize = overflows.into_iter().map(|(key, dropped)| dropped + self.overflowed(key)).sum();
        if dropped > 0 {
            self.tell(Notice::EventsDropped { events: dropped });
        }
        Ok(())
    }

    /// A session's queue was full: its client is told that something is missing, or its session ends. How many more events
    /// that costs.
    fn overflowed(&mut self, key: SessionKey) -> usize {
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

    /// Whether an event for this session must be written down before its publisher hears of success.
    fn must_last(&self, now: Millis, key: SessionKey, urgency: Urgency) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let leaves_at_once = || session.is_open() && urgency == Urgency::Now && self.pace.allows(now);
        session.batches.is_some() || self.options.durability == Durability::Strict && !leaves_at_once()
    }
}
