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

use std::collections::BTreeSet;

use super::app::Publication;
use super::batch::{Batch, Checked};
use super::sessions::Sessions;
use super::{
    BayeuxError, BayeuxServer, ChannelId, Event, Millis, Notice, Operation, Options, Realm, SessionKey, Urgency,
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
        self.deliver(now, channel, &Event::freeze(channel, publication.message()));
        self.perform(now, batch, &publication, actions);
        Ok(())
    }

    /// Queues an event for every subscriber of the channel, once each. Meta and service channels have none, not even
    /// `/**`: what seems to come from there, a client takes as the server's word.
    pub(super) fn deliver(&mut self, now: Millis, channel: &ChannelId, event: &Event) {
        if channel.realm() != Realm::Broadcast {
            return;
        }
        let urgency = self.options.laziness(channel).map_or(Urgency::Now, |lazy| Urgency::Lazy(now + lazy));
        let mut dropped = 0;
        for key in self.subscriptions.matching(channel) {
            dropped += queue(&mut self.sessions, &mut self.ready, &self.options, key, event.clone(), urgency);
        }
        self.tell_dropped(dropped);
    }

    /// Queues an event for one session, subscribed or not, if it is still there.
    pub(super) fn push(&mut self, key: SessionKey, event: Event) {
        let dropped = queue(&mut self.sessions, &mut self.ready, &self.options, key, event, Urgency::Now);
        self.tell_dropped(dropped);
    }

    fn tell_dropped(&mut self, events: usize) {
        if events > 0 {
            self.tell(Notice::EventsDropped { events });
        }
    }
}

/// How many events made room for this one.
fn queue(
    sessions: &mut Sessions,
    ready: &mut BTreeSet<SessionKey>,
    options: &Options,
    key: SessionKey,
    event: Event,
    urgency: Urgency,
) -> usize {
    let queued = sessions.change(key, |session| {
        let dropped = session.queue.push(event, urgency, options);
        if session.is_ready() {
            ready.insert(key);
        }
        dropped
    });
    queued.unwrap_or(0)
}
