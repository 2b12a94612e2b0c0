//! Clients that send more than `RATE_HANDSHAKES` or `RATE_PUBLISHES` allows: told to wait, and their sessions live on.
//!
//! ```text
//! → [{"channel":"/chat/demo","clientId":"…","id":"5","data":"hi"}]
//! ← [{"channel":"/chat/demo","id":"5","successful":false,"error":"429::rate_exceeded",
//!     "advice":{"reconnect":"retry","interval":400,"timeout":30000}}]
//! ```
//!
//! * A message is counted by the network it comes from, before listeners, hooks or owners hear of it. One that is refused
//!   does not count.
//! * What comes with a key of the server API, from other homes and from the application itself is nobody's flood.
//! * Clients take advice from any reply: the next connect comes so much later, and is told the usual interval again.

use std::time::Duration;

use super::BayeuxServer;
use super::batch::{Batch, Checked};
use crate::bayeux::io::Notice;
use crate::bayeux::limits::Exceeded;
use crate::bayeux::session::{Session, Timing};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Advice, BayeuxError, Message, Realm};

impl BayeuxServer {
    /// The reply to a message past its rate.
    pub(in crate::bayeux) fn refuse_flood(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: &Checked,
    ) -> Option<String> {
        let (what, rates) = match (checked.channel.as_str(), checked.channel.realm()) {
            _ if batch.by_api => return None,
            ("/meta/handshake", _) => ("handshakes", &mut self.handshakes),
            (_, Realm::Meta) => return None,
            (_, Realm::Service | Realm::Broadcast) => ("publishes", &mut self.publishes),
        };
        let Exceeded { wait, first } = rates.take(now, batch.origin.network()).err()?;
        if let Some(address) = batch.origin.address.clone().filter(|_| first) {
            self.tell(Notice::RateExceeded { what, address });
        }
        let error = BayeuxError::RateExceeded(wait);
        if checked.channel.realm() == Realm::Meta {
            return Some(self.refusal(checked, &error));
        }
        let mut reply = checked.failed(&error);
        reply.advice = Some(self.advise_to_wait(now, batch, &checked.message, wait));
        Some(reply.into_json())
    }

    /// Has whoever sent this message stay away for a while after its next connect was answered. Its session is kept for as
    /// much longer.
    fn advise_to_wait(&mut self, now: Millis, batch: &mut Batch, message: &Message, wait: Duration) -> Advice {
        let timeout = self.options.timeout_at(&batch.from);
        let wait = wait.min(self.options.max_client_interval());
        let Ok(key) = self.speaker(batch, message) else { return Advice::retry(wait, timeout) };
        let Some(Session { timing, .. }) = self.sessions.get_mut(key) else { return Advice::retry(wait, timeout) };
        let wait = wait.max(timing.interval);
        // Who has had no connect yet is told all with the first.
        if timing.advised.is_some() {
            *timing = Timing { interval: wait, advised: Some(wait) };
        }
        let until = self.kept_until(now, key);
        self.sessions.extend(key, until);
        Advice::retry(wait, timeout)
    }
}
