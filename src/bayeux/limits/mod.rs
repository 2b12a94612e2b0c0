//! Who sends too much: a rate for each network. Who holds too much: an account of what is held.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`BayeuxContext`] | | what is known of a request besides its messages: address, browser, HTTP/2, the token beside them |
//! | [`Network`] | | an IPv4 address, or the /64 of an IPv6 address: what limits count by |
//! | [`Connections`] | `network_connections` | each network's open sockets, and its rates of new sockets and streams, and of frames; held connects are counted in `session/registry.rs` |
//! | [`Rate`], [`Rates`] | `network_rates` | `RATE_…` as `count/seconds`; a token bucket for each network, none for a session |
//! | [`Budget`], [`Charge`] | `budget` | an account of what is held now; a dropped charge gives its amount back; nothing refills with time |
//!
//! This room only says whether a limit is reached. Those who ask it refuse the client: `server/throttle.rs` (rates of
//! messages), `server/memory.rs` (sessions, subscriptions, memory), `api/gateway.rs` (guessed keys),
//! `src/cloudflare/object/connections.rs` (sockets, streams, frames) and `object/links/arrivals.rs` (streams over
//! links).

mod bayeux_context;
mod budget;
mod network;
mod network_connections;
mod network_rates;

pub use self::bayeux_context::BayeuxContext;
pub use self::budget::{Budget, Charge, level};
pub use self::network::Network;
pub use self::network_connections::{ConnectionRefused, Connections};
pub use self::network_rates::{Exceeded, Rate, Rates};
