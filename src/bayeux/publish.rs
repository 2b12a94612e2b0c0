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

use super::app::Action;
use super::batch::{Batch, Checked};
use super::{
    BayeuxError, BayeuxServer, ChannelId, Ending, Event, Millis, Notice, Operation, Realm, SessionKey, Urgency,
};

impl BayeuxServer {
    pub(super) fn publish(&mut self, now: Millis, batch: &mut Batch, checked: &Checked) -> String {
        match self.try_publish(now, batch, checked) {
            Ok(()) => checked.successful().into_json(),
            Err(error) => checked.failed(&error).into_json(),
        }
    }

    fn try_publish(&mut self, now: Millis, batch: &mut Batch, checked: &Checked) -> Result<(), BayeuxError> {
        let Checked { message, channel, .. } = checked;
        let anonymous = self.options.anon_publish && message.field("clientId").is_none();
        let sender = if anonymous { None } else { Some(self.speaker(batch, message)?) };
        if message.field("data").is_none() {
            return Err(BayeuxError::DataMissing);
        }
        let denied = |denial| BayeuxError::Denied(Operation::Publish, denial);
        self.app.can_publish(channel, message).map_err(denied)?;
        let actions = self.app.receive(channel, message)?;
        self.deliver(now, channel, &Event::freeze(channel, message));
        for action in actions {
            self.act(now, batch, sender, channel, action);
        }
        Ok(())
    }

    fn act(&mut self, now: Millis, batch: &mut Batch, sender: Option<SessionKey>, channel: &ChannelId, action: Action) {
        match action {
            Action::Reply(data) => {
                // Whoever sent it reads the answer to this very request, with or without a session.
                batch.parting.push(Event::of_server(channel, &data));
            }
            Action::Publish { channel, data } => self.deliver(now, &channel, &Event::of_server(&channel, &data)),
            Action::Disconnect => {
                if let Some(sender) = sender {
                    batch.parting.extend(self.end(sender, Ending::Dismissed));
                }
            }
        }
    }

    /// Queues an event for every subscriber of the channel, once each. Meta and service channels have none, not even
    /// `/**`: what seems to come from there, a client takes as the server's word.
    fn deliver(&mut self, now: Millis, channel: &ChannelId, event: &Event) {
        if channel.realm() != Realm::Broadcast {
            return;
        }
        let urgency = self.options.laziness(channel).map_or(Urgency::Now, |lazy| Urgency::Lazy(now + lazy));
        let mut dropped = 0;
        for key in self.subscriptions.matching(channel) {
            let (event, options, ready) = (event.clone(), &self.options, &mut self.ready);
            let queued = self.sessions.change(key, |session| {
                let dropped = session.queue.push(event, urgency, options);
                if session.is_ready() {
                    ready.insert(key);
                }
                dropped
            });
            dropped += queued.unwrap_or(0);
        }
        if dropped > 0 {
            self.tell(Notice::EventsDropped { events: dropped });
        }
    }
}
