//! What is on the wire: channels, messages, replies, events, errors, and the extensions' fields.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`ChannelId`], [`ChannelPattern`] | `channel` | a channel's name; a name or a pattern with a wildcard at its end |
//! | [`ChannelTemplate`], [`Captures`] | `channel_template` | a pattern with named segments, for what an application declares |
//! | [`Message`] | | a client's message with its raw fields; its `subscription` is read in `subscription` |
//! | [`Element`], [`RequestError`] | `request` | a message of a batch, or its error; why a request's text is refused |
//! | [`Reply`], [`Advice`] | `reply`, `advice` | the server's answer to one message; how the client goes on |
//! | [`Event`] | | a published message, frozen to the JSON that every subscriber receives |
//! | [`BayeuxError`] | `error` | the error of one reply |
//! | [`Refusal`] | | why a request, a socket or a stream is refused before any message of it is read |
//! | [`ConnectionType`], [`Endpoint`] | `connection_type`, `endpoint` | how a client connects; where its answers and events go |
//! | [`ReplyExt`] | `extensions/` | what extensions add to `ext`, one file each |
//! | [`Callback`] | `jsonp` | the function of a callback-polling answer |
//! | [`Bearer`], [`TokenError`] | `bearer`, `token_error` | a token as it came, which no log prints; why one is refused |
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
