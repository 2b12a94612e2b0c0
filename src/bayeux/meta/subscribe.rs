//! `/meta/subscribe`: the names a client wants to hear.
//!
//! ```text
//! → [{"channel":"/meta/subscribe","clientId":"…","subscription":["/chat/demo","/news/**"],"id":"2"}]
//! ← [{"channel":"/meta/subscribe","id":"2","successful":true,"subscription":["/chat/demo","/news/**"]}]
//! ```
//!
//! * `subscription` MUST be a name, a pattern or an array of them (Bayeux 1.0 section 4.3); the reply repeats it as it came.
//! * All or nothing: one invalid or denied name, and none is applied.
//! * Meta channels cannot be subscribed; a subscription to a service channel is accepted and does nothing.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::bayeux::app::{Client, ServerEvent};
use crate::bayeux::batch::{Batch, Checked};
use crate::bayeux::{BayeuxError, BayeuxServer, ChannelPattern, Denial, Message, Operation, Realm};

impl BayeuxServer {
    pub(in crate::bayeux) fn subscribe(&mut self, batch: &mut Batch, checked: &Checked) -> String {
        let outcome = self.try_subscribe(batch, &checked.message);
        reply(checked, outcome)
    }

    fn try_subscribe(&mut self, batch: &mut Batch, message: &Message) -> Result<(), BayeuxError> {
        let key = self.speaker(batch, message)?;
        let patterns = patterns(message)?;
        let client = self.client(batch, Some(key));
        for pattern in &patterns {
            self.may_subscribe(&client, pattern, message)?;
        }
        let session = self.sessions.get_mut(key).ok_or(BayeuxError::SessionUnknown)?;
        let heard = patterns.into_iter().filter(|pattern| pattern.realm() == Realm::Broadcast);
        let new: BTreeSet<_> = heard.filter(|pattern| !session.subscriptions.contains(pattern)).collect();
        if session.subscriptions.len() + new.len() > self.options.max_subscriptions {
            return Err(BayeuxError::SubscriptionsExceeded);
        }
        for pattern in &new {
            let most = self.app.max_subscribers(pattern).unwrap_or(usize::MAX);
            if self.subscriptions.count(pattern) >= most {
                return Err(BayeuxError::SubscribersExceeded);
            }
        }
        session.subscriptions.extend(new.iter().cloned());
        if let Err(error) = self.save_session(key) {
            let session = self.sessions.get_mut(key).into_iter();
            session.for_each(|session| session.subscriptions.retain(|pattern| !new.contains(pattern)));
            return Err(self.storage_failed(&error));
        }
        for pattern in new {
            self.subscriptions.add(pattern.clone(), key);
            self.happened(|| ServerEvent::Subscribe { client: client.clone(), pattern });
        }
        Ok(())
    }

    fn may_subscribe(&mut self, client: &Client, name: &ChannelPattern, message: &Message) -> Result<(), BayeuxError> {
        let denied = |denial| BayeuxError::Denied(Operation::Subscribe, denial);
        if name.realm() == Realm::Meta {
            return Err(denied(Denial::default()));
        }
        self.may_create(client, name, message)?;
        let Some(policy) = &mut self.app.policy else { return Ok(()) };
        policy.can_subscribe(client, name, message).map_err(denied)
    }

    /// Whether a message may name a channel that nobody has named before: with a subscriber, or the application at home
    /// there, it exists.
    pub(in crate::bayeux) fn may_create(
        &mut self,
        client: &Client,
        name: &ChannelPattern,
        message: &Message,
    ) -> Result<(), BayeuxError> {
        let exists = self.subscriptions.has(name.as_str()) || self.app.has(name);
        match &mut self.app.policy {
            Some(policy) if !exists => {
                let denied = |denial| BayeuxError::Denied(Operation::Create, denial);
                policy.can_create(client, name, message).map_err(denied)
            }
            _ => Ok(()),
        }
    }
}

/// The reply to a subscribe or an unsubscribe.
pub(super) fn reply(checked: &Checked, outcome: Result<(), BayeuxError>) -> String {
    let mut reply = match &outcome {
        Ok(()) => checked.successful(),
        Err(error) => checked.failed(error),
    };
    reply.subscription = checked.message.field("subscription");
    reply.into_json()
}

/// The patterns in `subscription`, all of them valid.
pub(super) fn patterns(message: &Message) -> Result<Vec<ChannelPattern>, BayeuxError> {
    let subscription = message.field("subscription").ok_or(BayeuxError::SubscriptionMissing)?;
    let names = names(subscription).ok_or(BayeuxError::SubscriptionInvalid)?;
    if names.is_empty() {
        return Err(BayeuxError::SubscriptionMissing);
    }
    names.iter().map(|name| ChannelPattern::parse(name).ok_or(BayeuxError::SubscriptionInvalid)).collect()
}

fn names(subscription: &RawValue) -> Option<Vec<String>> {
    let json = subscription.get();
    serde_json::from_str(json).or_else(|_| serde_json::from_str(json).map(|name| vec![name])).ok()
}
