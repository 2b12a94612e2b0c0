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

/// The channels in `subscription` that the client spells with a slash at the end, `/a/` for `/a`. It recognises their
/// events by that spelling only: cometd.js compares names literally.
pub(in crate::bayeux) fn spelt_with_slash(message: &Message) -> Vec<ChannelPattern> {
    let names = subscribed_names(message);
    names.iter().filter(|name| name.ends_with('/')).filter_map(|name| ChannelPattern::parse(name)).collect()
}

/// The names in `subscription` as the client wrote them.
pub(in crate::bayeux) fn subscribed_names(message: &Message) -> Vec<String> {
    message.field("subscription").and_then(names).unwrap_or_default()
}

fn names(subscription: &RawValue) -> Option<Vec<String>> {
    let json = subscription.get();
    serde_json::from_str(json).or_else(|_| serde_json::from_str(json).map(|name| vec![name])).ok()
}
