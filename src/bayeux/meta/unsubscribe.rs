//! `/meta/unsubscribe`: the names a client no longer wants to hear.
//!
//! ```text
//! → [{"channel":"/meta/unsubscribe","clientId":"…","subscription":"/chat/demo","id":"7"}]
//! ← [{"channel":"/meta/unsubscribe","id":"7","successful":true,"subscription":"/chat/demo"}]
//! ```
//!
//! * `subscription` as in a subscribe (Bayeux 1.0 section 4.4). A name that was never subscribed does no harm.

use super::subscribe::{patterns, reply};
use crate::bayeux::batch::{Batch, Checked};
use crate::bayeux::{BayeuxError, BayeuxServer, Message, SessionKey};

impl BayeuxServer {
    pub(in crate::bayeux) fn unsubscribe(&mut self, batch: &mut Batch, checked: &Checked) -> String {
        let outcome = self.speaker(batch, &checked.message).and_then(|key| self.try_unsubscribe(key, &checked.message));
        reply(checked, outcome)
    }

    fn try_unsubscribe(&mut self, key: SessionKey, message: &Message) -> Result<(), BayeuxError> {
        let patterns = patterns(message)?;
        let session = self.sessions.get_mut(key).ok_or(BayeuxError::SessionUnknown)?;
        for pattern in patterns {
            if session.subscriptions.remove(&pattern) {
                self.subscriptions.remove(&pattern, key);
            }
        }
        Ok(())
    }
}
