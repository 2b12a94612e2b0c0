//! The table of wire errors.
//!
//! Bayeux 1.0 section 3.1 gives the shape: `code ":" args ":" message`, with comma separated args.

use std::fmt;

/// What a client did wrong, or may not do. `Display` is the string of a reply's `error` field.
///
/// ```
/// use bayeux_edge::bayeux::{BayeuxError, Denial, Operation};
///
/// assert_eq!(BayeuxError::SessionUnknown.to_string(), "402::session_unknown");
/// let denied = BayeuxError::Denied(Operation::Publish, Denial::because("nope"));
/// assert_eq!(denied.to_string(), "403:nope:publish_denied");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BayeuxError {
    /// The message is not a JSON object.
    MessageInvalid,
    /// No `channel`.
    ChannelMissing,
    /// `channel` is not the name of a channel, or is a pattern.
    ChannelInvalid,
    /// `id` is neither a number nor a string that is safe to repeat.
    MessageIdInvalid,
    /// No session has this `clientId`.
    SessionUnknown,
    /// A handshake without `version`.
    VersionMissing,
    /// A handshake whose `minimumVersion` is above ours.
    VersionUnsupported,
    /// A handshake without `supportedConnectionTypes`.
    SupportedConnectionTypesMissing,
    /// A handshake that shares no connection type with us.
    ConnectionTypesUnsupported,
    /// A connect without `connectionType`.
    ConnectionTypeMissing,
    /// A connect with a `connectionType` that is not offered.
    ConnectionTypeUnsupported,
    /// The session sent a newer connect while this one was held.
    ConnectOvertaken,
    /// A subscribe or unsubscribe without `subscription`, or with an empty list.
    SubscriptionMissing,
    /// `subscription` holds something that is no channel and no pattern.
    SubscriptionInvalid,
    /// The session would have more subscriptions than `MAX_SUBSCRIPTIONS`.
    SubscriptionsExceeded,
    /// A publish without `data`.
    DataMissing,
    /// A listener or service vetoed the message.
    MessageDeleted,
    /// A service answered with an error of its own: code, then message.
    Service(u16, String),
    /// A meta channel that the protocol does not know.
    MetaChannelUnknown,
    /// The policy said no.
    Denied(Operation, Denial),
    /// `MAX_SESSIONS` sessions live here already.
    SessionsExceeded,
    /// `CLIENT_MAX_CONNECTIONS` connects of this address are held already.
    ConnectionsExceeded,
}

/// What a policy decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Handshake,
    Subscribe,
    Publish,
}

/// A policy's "no", with the reason it wants the client to read, if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    reason: Option<String>,
}

impl Denial {
    /// A denial with the policy's own reason. Colons and commas would break the error's shape and become spaces.
    pub fn because(reason: &str) -> Self {
        Self { reason: Some(reason.replace([':', ','], " ")) }
    }
}

impl fmt::Display for BayeuxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::MessageInvalid => "400::message_invalid",
            Self::ChannelMissing => "400::channel_missing",
            Self::ChannelInvalid => "405::channel_invalid",
            Self::MessageIdInvalid => "405::message_id_invalid",
            Self::SessionUnknown => "402::session_unknown",
            Self::VersionMissing => "400::version_missing",
            Self::VersionUnsupported => "403::version_unsupported",
            Self::SupportedConnectionTypesMissing => "400::supported_connection_types_missing",
            Self::ConnectionTypesUnsupported => "403::connection_types_unsupported",
            Self::ConnectionTypeMissing => "400::connection_type_missing",
            Self::ConnectionTypeUnsupported => "403::connection_type_unsupported",
            Self::ConnectOvertaken => "409::connect_overtaken",
            Self::SubscriptionMissing => "403::subscription_missing",
            Self::SubscriptionInvalid => "403::subscription_invalid",
            Self::SubscriptionsExceeded => "403::subscriptions_exceeded",
            Self::DataMissing => "400::data_missing",
            Self::MessageDeleted => "404::message_deleted",
            Self::MetaChannelUnknown => "403::meta_channel_unknown",
            Self::SessionsExceeded => "503::sessions_exceeded",
            Self::ConnectionsExceeded => "503::connections_exceeded",
            Self::Service(code, message) => return write!(f, "{code}::{message}"),
            // CometD words a denied handshake without the argument that the others carry.
            Self::Denied(Operation::Handshake, Denial { reason: None }) => "403::handshake_denied",
            Self::Denied(operation, Denial { reason }) => {
                let reason = reason.as_deref().unwrap_or("denied_by_security_policy");
                return write!(f, "403:{reason}:{operation}_denied");
            }
        };
        f.write_str(text)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "handshake",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
        })
    }
}
