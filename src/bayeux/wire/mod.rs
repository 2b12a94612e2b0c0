//! What is on the wire: channels, messages, replies, events, errors, and the extensions' fields.
//!
//! | Type | Is |
//! |---|---|
//! | [`ChannelId`], [`ChannelPattern`] | a channel's name; a name or a pattern with a wildcard at its end |
//! | [`ChannelTemplate`], [`Captures`] | a pattern with named segments, for what an application declares |
//! | [`Message`], [`Element`] | a client's message with its raw fields; a message of a batch, or its error |
//! | [`Reply`], [`Advice`] | the server's answer to one message; how the client goes on |
//! | [`Event`] | a published message, frozen to the JSON that every subscriber receives |
//! | [`BayeuxError`], [`RequestError`] | the error of one reply; why a request's text is refused |
//! | [`Refusal`] | why a request, a socket or a stream is refused before that |
//! | [`Callback`] | the function of a callback-polling answer |
//! | [`Bearer`] | a token as it came, which no log prints |
//!
//! This room never decides who may do what, and knows no session.

mod advice;
mod bearer;
pub(in crate::bayeux) mod channel;
mod channel_template;
mod connection_type;
mod endpoint;
mod error;
mod event;
pub(in crate::bayeux) mod extensions;
mod jsonp;
pub(in crate::bayeux) mod message;
mod refusal;
mod reply;
mod request;
mod subscription;
mod token_error;

pub use self::advice::{Advice, RequestedTiming};
pub use self::bearer::{Bearer, MAX_TOKEN_LENGTH, plain_subprotocol};
pub(in crate::bayeux) use self::channel::is_segment;
pub use self::channel::{ChannelId, ChannelPattern, Realm};
pub use self::channel_template::{Captures, ChannelTemplate};
pub use self::connection_type::ConnectionType;
pub use self::endpoint::{Endpoint, EndpointKey, RequestId, Sink, SocketId, Status, StreamId};
pub use self::error::{BayeuxError, Denial, Operation};
pub use self::event::{Event, EventNumber, Kept};
pub use self::extensions::ReplyExt;
pub use self::jsonp::Callback;
pub use self::message::{Message, MessageId};
pub use self::refusal::Refusal;
pub use self::reply::{RefusedMessage, Reply, Written};
pub use self::request::{Element, RequestError, RequestLimits, is_form, parse_form, parse_json, text_of};
pub(in crate::bayeux) use self::subscription::{patterns, spelt_with_slash, subscribed_names};
pub use self::token_error::TokenError;
