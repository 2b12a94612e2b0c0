//! The protocol: pure Rust, without clock, randomness, async or platform.
//!
//! [`BayeuxServer::handle`] takes what happened and gives back what to do. Everything else here is a part of it:
//!
//! | To change … | look into |
//! |---|---|
//! | what a request may look like | `request.rs`, `message.rs` |
//! | one meta channel | its file in `meta/` |
//! | how an event finds its subscribers | `publish.rs`, `subscriptions.rs`; once, though its publisher says it twice: `retries.rs` |
//! | when a held connect is answered | `server.rs`, `flush.rs` |
//! | who sends too much, and what becomes of it | `rates.rs`, `network.rs`, `flood.rs` |
//! | how long a session lives | `session.rs`, `sessions.rs` |
//! | what outlives the object | `store.rs`, `journal.rs`, `restore.rs`, `away.rs` |
//! | who may publish and subscribe where, by rules and claims | `access.rs` |
//! | who a client is, and for how long | `identity.rs` |
//! | what an application can decide | `app/`; what comes of it: `actions.rs` |
//! | how homes and owners of channels work together | `trees/`; who waits for another object: `waiting.rs` |
//! | what another Worker decides | `hooks/` |
//! | what other programs can ask with a key | `api/` |
//! | what a token must be to be believed | `tokens/`; whose keys are fetched, and when: `remote_keys.rs` |
//! | what travels in `ext` | its file in `extensions/` |
//! | names, errors, numbers | `channel.rs`, `error.rs`, `options.rs` |

mod access;
mod actions;
mod advice;
pub mod api;
pub mod app;
mod away;
mod batch;
mod callback;
mod channel;
mod client_id;
mod clock;
mod connection_type;
mod error;
mod event;
mod event_source;
mod extensions;
mod farewell;
mod flood;
mod flush;
mod frames;
mod home;
mod homes;
mod hooks;
mod identity;
mod io;
mod journal;
mod message;
mod meta;
mod network;
mod options;
mod publish;
mod queue;
mod rates;
mod remote_keys;
mod reply;
mod request;
mod restore;
mod retries;
mod server;
mod session;
mod sessions;
mod store;
mod subscriptions;
mod time;
pub mod tokens;
mod trees;
mod waiting;

pub use access::{AccessRules, Claims, RuleError};
pub use advice::{Advice, Wish};
pub use app::Application;
pub use batch::has_handshake;
pub use callback::Callback;
pub use channel::{ChannelId, ChannelPattern, Realm};
pub use client_id::ClientId;
pub use connection_type::ConnectionType;
pub use error::{BayeuxError, Denial, Operation};
pub use event::Event;
pub use extensions::comment_filter::Format;
pub use home::{API_PATH, BASE_PATH, Home, MAX_SHARDS, Region, Shard};
pub use homes::Homes;
pub use hooks::Hook;
pub use identity::TokenOptions;
pub use io::{Ending, Endpoint, EndpointKey, Input, Notice, Origin, Output, RequestId, SocketId, Status, StreamId};
pub use journal::EventNumber;
pub use message::{Message, MessageId};
pub use network::Network;
pub use options::{Durability, OptionError, Options, QueueOverflow};
pub use queue::{Queue, Urgency};
pub use rates::{Exceeded, Rate, Rates};
pub use remote_keys::FetchedKeys;
pub use reply::Reply;
pub use request::{Element, RequestError, parse_form, parse_json};
pub use retries::PublishKey;
pub use server::BayeuxServer;
pub use session::Session;
pub use sessions::SessionKey;
pub use store::{Delivery, Forgetful, KeptSocket, SavedEvent, SavedSession, Store, StoreError, Stored};
pub use subscriptions::Subscriptions;
pub use time::Millis;
pub use trees::{Peer, SavedPeer};
