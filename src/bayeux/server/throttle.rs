//! Rates: a client past `RATE_HANDSHAKES`, `RATE_PUBLISHES` or another `RATE_…` is told to wait, and keeps its session.
//!
//! ```text
//! → [{"channel":"/chat/demo","clientId":"…","id":"5","data":"hi"}]
//! ← [{"channel":"/chat/demo","id":"5","successful":false,"error":"429::rate_exceeded",
//!     "advice":{"reconnect":"retry","interval":400,"timeout":30000}}]
//! ```
//!
//! * A message is counted by the network it comes from, before listeners, hooks or owners are involved. A refused
//!   message does not count.
//! * Messages of the server API, of other homes and of the application itself are not counted.
//! * Clients follow the advice of any reply: the next connect comes that much later, and its reply restores the usual
//!   interval.

use std::collections::BTreeSet;
use std::time::Duration;

use super::BayeuxServer;
use super::batch::Batch;
use super::checked_message::Checked;
use crate::bayeux::cluster::Home;
use crate::bayeux::io::Notice;
use crate::bayeux::limits::{BayeuxContext, Exceeded, Rates};
use crate::bayeux::session::{Session, Timing};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Advice, BayeuxError, Message, Realm, Written, patterns};

impl BayeuxServer {
    /// The reply to a message that exceeds its rate, or would start too many objects.
    pub(in crate::bayeux) fn refuse_flood(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: &Checked,
    ) -> Option<Written> {
        if batch.by_api {
            return None;
        }
        let error = self.is_flood(now, batch, checked).err()?;
        if checked.channel.as_str() == "/meta/handshake" {
            return Some(self.refusal(checked, &error));
        }
        let mut reply = checked.failed(&error);
        if checked.channel.as_str() == "/meta/subscribe" {
            reply.subscription = checked.message.field("subscription");
        }
        if let BayeuxError::RateExceeded(wait) = error {
            reply.advice = Some(self.advise_to_wait(now, batch, &checked.message, wait));
        }
        Some(reply.into_json())
    }

    /// # Errors
    /// [`BayeuxError::RateExceeded`] or [`BayeuxError::TreesExceeded`].
    fn is_flood(&mut self, now: Millis, batch: &mut Batch, checked: &Checked) -> Result<(), BayeuxError> {
        if let Some(wait) = batch.too_soon {
            return Err(BayeuxError::RateExceeded(wait));
        }
        let context = &batch.context.clone();
        match (checked.channel.as_str(), checked.channel.realm()) {
            ("/meta/handshake", _) => self.take_tokens(now, context, "handshakes", 1, |server| &mut server.handshakes),
            ("/meta/subscribe", _) => {
                // An invalid message gets its own error.
                let names: BTreeSet<_> = patterns(&checked.message).unwrap_or_default().into_iter().collect();
                self.take_tokens(now, context, "subscribes", names.len(), |server| &mut server.subscribes)?;
                let names = names.iter().filter(|name| name.realm() == Realm::Broadcast);
                let owners = names.map(|name| self.cluster.owner_of_pattern(name)).collect();
                self.may_use(now, context, owners)
            }
            (_, Realm::Meta) => Ok(()),
            (_, realm) => {
                self.take_tokens(now, context, "publishes", 1, |server| &mut server.publishes)?;
                let named = (realm == Realm::Broadcast).then(|| checked.channel.clone());
                let named = named.or_else(|| self.presence_channel(checked));
                let owner = named.map(|channel| self.cluster.owner_of(&channel));
                self.may_use(now, context, owner.into_iter().collect())
            }
        }
    }

    /// Counts a request, or a frame of a socket. Returns how long its sender should have waited.
    pub(in crate::bayeux) fn count_request(&mut self, now: Millis, batch: &mut Batch) {
        if let Err(BayeuxError::RateExceeded(wait)) =
            self.take_tokens(now, &batch.context, "requests", 1, |server| &mut server.requests)
        {
            batch.too_soon = Some(wait);
        }
    }

    /// Whether these owners may be called: each one that this home has not called yet starts an object.
    fn may_use(&mut self, now: Millis, context: &BayeuxContext, owners: BTreeSet<Home>) -> Result<(), BayeuxError> {
        let new = owners.iter().filter(|owner| self.cluster.is_new_tree(owner)).count();
        self.take_tokens(now, context, "trees", new, |server| &mut server.new_trees)?;
        let exceeded = new > 0 && self.cluster.has_too_many_trees(new, self.options.max_trees);
        if exceeded { Err(BayeuxError::TreesExceeded) } else { Ok(()) }
    }

    fn take_tokens(
        &mut self,
        now: Millis,
        context: &BayeuxContext,
        what: &'static str,
        count: usize,
        rates: impl Fn(&mut Self) -> &mut Rates,
    ) -> Result<(), BayeuxError> {
        let Err(Exceeded { wait, first }) = rates(self).take_many(now, context.network(), count) else { return Ok(()) };
        if let Some(address) = context.address.clone().filter(|_| first) {
            self.tell(Notice::RateExceeded { what, address });
        }
        Err(BayeuxError::RateExceeded(wait))
    }

    /// Makes the sender wait longer after its next connect. Its session lives that much longer.
    fn advise_to_wait(&mut self, now: Millis, batch: &mut Batch, message: &Message, wait: Duration) -> Advice {
        let timeout = self.options.timeout_at(&batch.from);
        let wait = wait.min(self.options.max_client_interval());
        let Ok(key) = self.speaker(batch, message) else { return Advice::retry(wait, timeout) };
        let Some(Session { timing, .. }) = self.sessions.get_mut(key) else { return Advice::retry(wait, timeout) };
        let wait = wait.max(timing.interval);
        // A session that has not connected yet gets its advice with the first connect.
        if timing.advised.is_some() {
            *timing = Timing { interval: wait, advised: Some(wait) };
        }
        let until = self.kept_until(now, key);
        self.sessions.extend(key, until);
        Advice::retry(wait, timeout)
    }
}
