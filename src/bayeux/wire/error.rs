//! The table of wire errors.
//!
//! Bayeux 1.0 section 3.1 gives the shape: `code ":" args ":" message`, with comma separated args.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::advice::Advice;
use super::channel::ChannelPattern;
use super::event::EventNumber;
use super::token_error::TokenError;

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
    /// It has more fields than any message needs.
    MessageFieldsExceeded,
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
    /// A handshake whose `version` or `minimumVersion` is neither text nor a number, or longer than any.
    VersionInvalid,
    /// A handshake whose `minimumVersion` is above ours.
    VersionUnsupported,
    /// A handshake without `supportedConnectionTypes`.
    SupportedConnectionTypesMissing,
    /// A handshake whose `supportedConnectionTypes` is neither a name nor an array.
    SupportedConnectionTypesInvalid,
    /// A handshake that shares no connection type with us.
    ConnectionTypesUnsupported,
    /// A connect without `connectionType`.
    ConnectionTypeMissing,
    /// A connect with a `connectionType` that is not offered.
    ConnectionTypeUnsupported,
    /// A stream for a session whose events ride on the replies to connects only.
    MetaConnectDeliverOnly,
    /// A connect of a browser that holds as many as it may.
    MultipleClients,
    /// The session sent a newer connect while this one was held.
    ConnectOvertaken,
    /// A subscribe or unsubscribe without `subscription`, or with an empty list.
    SubscriptionMissing,
    /// `subscription` holds something that is no channel and no pattern.
    SubscriptionInvalid,
    /// The session would have more subscriptions than `MAX_SUBSCRIPTIONS`.
    SubscriptionsExceeded,
    /// A replay after something that is not a number.
    ReplayIdInvalid(ChannelPattern),
    /// A replay after a number that is not kept any more, or is of another tree, or of the future.
    ReplayIdNotKept(ChannelPattern, EventNumber),
    /// A replay of a pattern that spans trees.
    ReplaySpansTrees(ChannelPattern),
    /// The channel has as many subscribers as the application allows.
    SubscribersExceeded,
    /// A publish without `data`.
    DataMissing,
    /// A publish whose `ext.idempotencyKey` is not a text of 1 to 128 bytes.
    IdempotencyKeyInvalid,
    /// The service does not accept this data.
    DataInvalid,
    /// `TREES` does not have the channel's tree.
    TreeUnknown,
    /// Nobody answers or hears what is published to this `/service/` channel.
    ServiceUnknown,
    /// A listener or service vetoed the message.
    MessageDeleted,
    /// The message is one of more than `MAX_MESSAGES_PER_BATCH` in a request: those before it were done.
    BatchTooLarge,
    /// Too many messages of this session, or of all, wait for other objects or the hooks Worker. The message had no
    /// effect.
    PendingExceeded,
    /// An internal error of the application or the server. The log says more.
    Internal,
    /// A service answered with an error of its own: code, then message.
    Service(u16, String),
    /// A meta channel that the protocol does not know.
    MetaChannelUnknown,
    /// A handshake without a token, where one is required.
    TokenMissing,
    /// A token that is invalid, or has expired since.
    Token(TokenError),
    /// The keys that tokens are checked with could not be fetched.
    TokenKeysUnavailable,
    /// The policy refused.
    Denied(Operation, Denial),
    /// `MAX_SESSIONS` sessions live here already.
    SessionsExceeded,
    /// `MAX_MEMORY` is used up, or this address's part of it.
    MemoryExceeded,
    /// `CLIENT_MAX_CONNECTIONS` connects of this address are held already.
    ConnectionsExceeded,
    /// The home talks to `MAX_TREES` trees already.
    TreesExceeded,
    /// More of these messages came from one network than `RATE_HANDSHAKES` or `RATE_PUBLISHES` allows; the next one is
    /// accepted after this time.
    RateExceeded(Duration),
    /// The hooks Worker, which has to be asked first, does not answer.
    HooksUnavailable,
    /// A row could not be written, for example because the storage is full. Nothing was changed.
    StorageFailed,
    /// The object that owns the channel's tree did not answer in time, or too much waits for it already. Whether it
    /// took the message is not known.
    OwnerUnreachable,
}

/// What a policy decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Handshake,
    /// Of a channel, by the first message to name it.
    Create,
    Subscribe,
    Publish,
    /// To be told who is in a channel.
    Presence,
}

/// A policy's refusal, with what the client reads. The default has the server's own words.
///
/// ```
/// use bayeux_edge::bayeux::{Advice, BayeuxError, Denial, Operation};
///
/// let error = |denial| BayeuxError::Denied(Operation::Subscribe, denial).to_string();
/// assert_eq!(error(Denial::default()), "403:denied_by_security_policy:subscribe_denied");
/// assert_eq!(error(Denial::because("full")), "403:full:subscribe_denied");
/// assert_eq!(error(Denial::error(401, "log in").advice(Advice::handshake())), "401::log in");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    wording: Wording,
    /// The reply's advice. The default: `none` for a denied handshake, no advice for others.
    pub(in crate::bayeux) advice: Option<Advice>,
    /// The reply's `ext`.
    pub(in crate::bayeux) ext: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Wording {
    #[default]
    Usual,
    /// No access rule allows it; to others this one does, which only the log is told.
    AccessRules(Option<Box<str>>),
    Reason(String),
    Error(u16, String),
    Whole(String),
}

impl Denial {
    /// A denial with the policy's own reason. Colons and commas would break the error's shape and become spaces.
    pub fn because(reason: &str) -> Self {
        Self { wording: Wording::Reason(reason.replace([':', ','], " ")), ..Self::default() }
    }

    /// A denial with an error of its own: a code of three digits, and a text.
    pub fn error(code: u16, text: &str) -> Self {
        Self { wording: Wording::Error(code, text.to_owned()), ..Self::default() }
    }

    /// A denial with a complete Bayeux error, `ddd:args:text`; none where it is not one.
    pub fn worded(error: &str) -> Option<Self> {
        let mut parts = error.splitn(3, ':');
        let code = parts.next().filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()));
        let whole = code.is_some() && parts.count() == 2;
        whole.then(|| Self { wording: Wording::Whole(error.to_owned()), ..Self::default() })
    }

    /// With this advice in the reply.
    #[must_use]
    pub fn advice(self, advice: Advice) -> Self {
        Self { advice: Some(advice), ..self }
    }

    /// By the access rules, of which this one allows it to others.
    pub(in crate::bayeux) fn by_rules(rule: Option<&str>) -> Self {
        Self { wording: Wording::AccessRules(rule.map(Into::into)), ..Self::default() }
    }

    /// The access rule that allows it to others, for the log.
    pub(super) fn rule(&self) -> Option<&str> {
        match &self.wording {
            Wording::AccessRules(rule) => rule.as_deref(),
            _ => None,
        }
    }

    /// What denies it, where its error has a place for that.
    pub(super) fn reason(&self) -> Option<&str> {
        match &self.wording {
            Wording::Usual => Some("denied_by_security_policy"),
            Wording::AccessRules(_) => Some("denied_by_access_rules"),
            Wording::Reason(reason) => Some(reason),
            Wording::Error(..) | Wording::Whole(_) => None,
        }
    }

    /// With this in the reply's `ext`.
    #[must_use]
    pub fn ext(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.ext.insert(name.to_owned(), value.into());
        self
    }
}

impl BayeuxError {
    /// Its name in this table, whatever an application or another Worker has worded.
    ///
    /// ```
    /// use bayeux_edge::bayeux::{BayeuxError, Denial, Operation};
    ///
    /// assert_eq!(BayeuxError::SessionUnknown.name(), "session_unknown");
    /// assert_eq!(BayeuxError::Denied(Operation::Publish, Denial::because("nope")).name(), "publish_denied");
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReplayIdInvalid(_) => "replay_id_invalid",
            Self::ReplayIdNotKept(..) => "replay_id_not_kept",
            Self::ReplaySpansTrees(_) => "replay_spans_trees",
            Self::Token(error) => error.name(),
            Self::Service(..) => "service_error",
            Self::Denied(operation, _) => operation.denied(),
            fixed => fixed.fixed().rsplit(':').next().unwrap_or_default(),
        }
    }

    /// The whole text of those that always have the same.
    fn fixed(&self) -> &'static str {
        match self {
            Self::MessageInvalid => "400::message_invalid",
            Self::MessageFieldsExceeded => "400::message_fields_exceeded",
            Self::ChannelMissing => "400::channel_missing",
            Self::ChannelInvalid => "405::channel_invalid",
            Self::MessageIdInvalid => "405::message_id_invalid",
            Self::SessionUnknown => "402::session_unknown",
            Self::VersionMissing => "400::version_missing",
            Self::VersionInvalid => "400::version_invalid",
            Self::VersionUnsupported => "403::version_unsupported",
            Self::SupportedConnectionTypesMissing => "400::supported_connection_types_missing",
            Self::SupportedConnectionTypesInvalid => "400::supported_connection_types_invalid",
            Self::ConnectionTypesUnsupported => "403::connection_types_unsupported",
            Self::ConnectionTypeMissing => "400::connection_type_missing",
            Self::ConnectionTypeUnsupported => "403::connection_type_unsupported",
            Self::MetaConnectDeliverOnly => "403::meta_connect_deliver_only",
            Self::MultipleClients => "403::multiple_clients",
            Self::ConnectOvertaken => "409::connect_overtaken",
            Self::SubscriptionMissing => "403::subscription_missing",
            Self::SubscriptionInvalid => "403::subscription_invalid",
            Self::SubscriptionsExceeded => "403::subscriptions_exceeded",
            Self::SubscribersExceeded => "403::subscribers_exceeded",
            Self::DataMissing => "400::data_missing",
            Self::IdempotencyKeyInvalid => "400::idempotency_key_invalid",
            Self::DataInvalid => "400::data_invalid",
            Self::TreeUnknown => "404::tree_unknown",
            Self::ServiceUnknown => "404::service_unknown",
            Self::MessageDeleted => "404::message_deleted",
            Self::MetaChannelUnknown => "403::meta_channel_unknown",
            Self::TokenMissing => "403::token_missing",
            Self::TokenKeysUnavailable => "503::token_keys_unavailable",
            Self::SessionsExceeded => "503::sessions_exceeded",
            Self::MemoryExceeded => "503::memory_exceeded",
            Self::ConnectionsExceeded => "503::connections_exceeded",
            Self::TreesExceeded => "503::trees_exceeded",
            Self::RateExceeded(_) => "429::rate_exceeded",
            Self::HooksUnavailable => "503::hooks_unavailable",
            Self::StorageFailed => "503::storage_failed",
            Self::BatchTooLarge => "413::batch_too_large",
            Self::PendingExceeded => "503::pending_exceeded",
            Self::Internal => "500::internal_error",
            Self::OwnerUnreachable => "503::owner_unreachable",
            Self::ReplayIdInvalid(_)
            | Self::ReplayIdNotKept(..)
            | Self::ReplaySpansTrees(_)
            | Self::Token(_)
            | Self::Service(..)
            | Self::Denied(..) => "",
        }
    }
}

impl fmt::Display for BayeuxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReplayIdInvalid(pattern) => write!(f, "400:{pattern}:replay_id_invalid"),
            Self::ReplayIdNotKept(pattern, number) => write!(f, "400:{pattern},{}:replay_id_not_kept", number.0),
            Self::ReplaySpansTrees(pattern) => write!(f, "403:{pattern}:replay_spans_trees"),
            Self::Token(error) => error.fmt(f),
            Self::Service(code, message) => write!(f, "{code:03}::{message}"),
            // CometD's error for a denied handshake lacks the argument that the others have.
            Self::Denied(Operation::Handshake, Denial { wording: Wording::Usual, .. }) => {
                f.write_str("403::handshake_denied")
            }
            Self::Denied(operation, denial) => match &denial.wording {
                Wording::Error(code, text) => write!(f, "{code:03}::{text}"),
                Wording::Whole(error) => f.write_str(error),
                _ => write!(f, "403:{}:{operation}_denied", denial.reason().unwrap_or_default()),
            },
            fixed => f.write_str(fixed.fixed()),
        }
    }
}

impl std::error::Error for BayeuxError {}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Create => "channel_create",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Presence => "presence",
        }
    }

    /// The name of its denial.
    pub fn denied(self) -> &'static str {
        match self {
            Self::Handshake => "handshake_denied",
            Self::Create => "channel_create_denied",
            Self::Subscribe => "subscribe_denied",
            Self::Publish => "publish_denied",
            Self::Presence => "presence_denied",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
