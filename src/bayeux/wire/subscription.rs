//! The `subscription` of a subscribe and an unsubscribe.

use serde_json::value::RawValue;

use super::{BayeuxError, ChannelPattern, Message};

/// The patterns in `subscription`, all of them valid.
pub(in crate::bayeux) fn patterns(message: &Message) -> Result<Vec<ChannelPattern>, BayeuxError> {
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
