//! One client's session, and the registry in which sessions are found.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`Session`], [`HeldConnect`] | `session` | what a client agreed, subscribed to and waits for; its connect while it is held |
//! | [`Sessions`], [`SessionKey`] | `registry` | all sessions of a home, by key, clientId, endpoint, deadline and network |
//! | [`Held`], `Holdings` | `memory_by_address` | what a session holds of the home's memory, and all sessions by address |
//! | [`ClientId`] | | the secret that names a session to its client |
//! | [`Client`], [`Sender`], [`Attributes`] | `client`, `attributes` | a session as the application sees it |
//! | [`Delivered`] | `delivery_counts` | what was sent to clients, for the metrics |
//! | [`Ending`] | | why a session ended |
//! | [`PendingDisconnects`] | | the last events of sessions that the server ended while their client was away |
//! | `Refusals`, `PastRefusal` | `refused_messages` | the last refused messages of each session |
//!
//! This room never sends anything, and reads no clock.

mod attributes;
mod client;
mod client_id;
mod delivery_counts;
mod ending;
mod memory_by_address;
mod pending_disconnects;
mod refused_messages;
mod registry;
mod session;

pub use self::attributes::Attributes;
pub use self::client::{Client, Sender};
pub use self::client_id::ClientId;
pub(in crate::bayeux) use self::client_id::{base62, from_base62};
pub use self::delivery_counts::Delivered;
pub use self::ending::Ending;
pub(in crate::bayeux) use self::memory_by_address::{Held, NAME, NEW_NAME, SESSION};
pub use self::pending_disconnects::PendingDisconnects;
pub(in crate::bayeux) use self::refused_messages::{PastRefusal, Refusals};
pub use self::registry::{Delivery, News, SessionKey, Sessions};
pub(in crate::bayeux) use self::session::BATCHES_A_ROW;
pub use self::session::{HeldConnect, Negotiated, Session, Timing};
