//! The protocol: pure Rust, without clock, randomness, async or platform.
//!
//! [`BayeuxServer::handle`] takes an [`Input`] and gives back what to do, a list of [`Output`]. Everything else is a part of it,
//! in rooms. A room imports only from those above it in this table:
//!
//! | Room | Has |
//! |---|---|
//! | `time`, `clock` | time as a value |
//! | `wire` | channels, messages, replies, events, errors, extensions' fields |
//! | `limits` | rates by network |
//! | `delivery` | subscribers, queues, frames, when a flush may leave |
//! | `session` | one client's session, and the registry of all |
//! | `persistence` | the rows that outlive the object |
//! | `auth` | access rules, tokens, keys |
//! | `cluster` | homes and owners of channel trees, and what they say to each other |
//! | `app`, `hooks` | what an application and another Worker can decide |
//! | `options` | the options of a server, with units and defaults |
//! | `api` | what a program with a key can ask |
//! | `io` | what goes into the core and what comes out, as values |
//! | `server` | [`BayeuxServer`]: the order in which all of this happens |
//! | `meta` | one file for each meta channel |
//!
//! `tests/architecture.rs` reads the imports, so that this stays so.

pub mod api;
pub mod app;
mod auth;
mod clock;
mod cluster;
mod delivery;
mod hooks;
mod io;
mod limits;
mod meta;
mod options;
mod persistence;
mod server;
mod session;
mod time;
mod wire;

pub use app::Application;
pub use auth::{AccessRules, Claims, FetchedKeys, RuleError, TokenOptions, tokens};
pub use cluster::{API_PATH, BASE_PATH, Home, Homes, MAX_SHARDS, Peer, Region, SavedPeer, Shard};
pub use delivery::{PublishKey, Queue, Subscriptions, Urgency};
pub use hooks::Hook;
pub use io::{Input, Notice, Output};
pub use limits::{Exceeded, Network, Origin, Rate, Rates};
pub use options::{Durability, OptionError, Options, QueueOverflow};
pub use persistence::{Forgetful, KeptSocket, SavedEvent, SavedSession, Store, StoreError, Stored};
pub use server::{BayeuxServer, has_handshake};
pub use session::{ClientId, Delivery, Ending, Session, SessionKey};
pub use time::Millis;
pub use wire::extensions::comment_filter::Format;
pub use wire::{
    Advice, BayeuxError, Callback, ChannelId, ChannelPattern, ConnectionType, Denial, Element, Endpoint, EndpointKey,
    Event, EventNumber, Message, MessageId, Operation, Realm, Reply, RequestError, RequestId, RequestLimits, SocketId,
    Status, StreamId, Wish, parse_form, parse_json,
};
