//! The protocol: pure Rust, without clock, randomness, async or platform.
//!
//! [`BayeuxServer::handle`] takes an [`Input`] and gives back what to do, a list of [`Output`]. Everything else is a part of it,
//! in rooms. A room imports only from those above it in this table:
//!
//! | Room | Has |
//! |---|---|
//! | `time`, `clock`, `io` | time as a value; what goes into the core and what comes out |
//! | `wire` | channels, messages, replies, events, errors, extensions' fields |
//! | `limits` | rates by network |
//! | `delivery` | subscribers, queues, frames, when a flush may leave |
//! | `session` | one client's session, and the registry of all |
//! | `persistence` | the rows that outlive the object |
//! | `auth` | access rules, tokens, keys |
//! | `cluster` | homes and owners of channel trees, and what they say to each other |
//! | `options` | the options of a server, with units and defaults |
//! | `app`, `hooks`, `api` | what an application, another Worker, and a program with a key can decide and ask |
//! | `meta` | one file for each meta channel |
//! | `server` | [`BayeuxServer`]: the order in which all of this happens |

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
pub use io::{Ending, Endpoint, EndpointKey, Input, Notice, Origin, Output, RequestId, SocketId, Status, StreamId};
pub use limits::{Exceeded, Network, Rate, Rates};
pub use options::{Durability, OptionError, Options, QueueOverflow};
pub use persistence::{
    Delivery, EventNumber, Forgetful, KeptSocket, SavedEvent, SavedSession, Store, StoreError, Stored,
};
pub use server::{BayeuxServer, has_handshake};
pub use session::{ClientId, Session, SessionKey};
pub use time::Millis;
pub use wire::extensions::comment_filter::Format;
pub use wire::{
    Advice, BayeuxError, Callback, ChannelId, ChannelPattern, ConnectionType, Denial, Element, Event, Message,
    MessageId, Operation, Realm, Reply, RequestError, Wish, parse_form, parse_json,
};
