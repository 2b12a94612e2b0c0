//! `/meta/unsubscribe`: the names that a client no longer subscribes to.
//!
//! ```text
//! → [{"channel":"/meta/unsubscribe","clientId":"…","subscription":"/chat/demo","id":"7"}]
//! ← [{"channel":"/meta/unsubscribe","id":"7","successful":true,"subscription":"/chat/demo"}]
//! ```
//!
//! * `subscription` as in a subscribe (Bayeux 1.0 section 4.4), meta channels refused. A name that was never subscribed
//!   does no harm.

use crate::bayeux::app::ServerEvent;
use crate::bayeux::server::{Batch, BayeuxServer, Checked};
use crate::bayeux::wire::{BayeuxError, Message, Realm, Written, patterns};

impl BayeuxServer {
    pub(in crate::bayeux) fn unsubscribe(&mut self, batch: &mut Batch, checked: &Checked) -> Written {
        let outcome = self.try_unsubscribe(batch, &checked.message);
        checked.answered_subscription(outcome)
    }

    fn try_unsubscribe(&mut self, batch: &mut Batch, message: &Message) -> Result<(), BayeuxError> {
        let key = self.speaker(batch, message)?;
        let patterns = patterns(message)?;
        if patterns.iter().any(|pattern| pattern.realm() == Realm::Meta) {
            return Err(BayeuxError::SubscriptionInvalid);
        }
        let client = self.client(batch, Some(key));
        let session = self.sessions.get_mut(key).ok_or(BayeuxError::SessionUnknown)?;
        patterns.iter().for_each(|pattern| session.replays.end(pattern));
        let gone: Vec<_> = patterns.into_iter().filter(|pattern| session.subscriptions.remove(pattern)).collect();
        session.with_slash.retain(|channel| !gone.contains(channel));
        if !gone.is_empty() {
            self.sessions.mark_changed(key);
        }
        self.look_for_page(key);
        for pattern in gone {
            self.unlisten(&pattern, key);
            self.happened(|| ServerEvent::Unsubscribe { client: client.clone(), pattern });
        }
        Ok(())
    }
}
