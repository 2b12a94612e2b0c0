//! Who sends too much: rates by network; who holds too much: budgets.
//!
//! | Type | Is |
//! |---|---|
//! | [`BayeuxContext`] | where a request came from: address, browser, the token beside the messages |
//! | [`Network`] | an IPv4 address, or the /64 of an IPv6 address: what limits count by |
//! | [`Connections`] | the sockets and streams that each network opens, and the frames it sends |
//! | [`Rate`], [`Rates`] | `count/seconds`; the counters of all networks |
//! | [`Budget`], [`Charge`] | what is held in all, and who holds how much of it |
//!
//! This room never refuses anything itself: `server/throttle.rs` and `server/memory.rs` do, with the error.

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
