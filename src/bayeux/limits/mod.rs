//! Who sends too much: rates by network.
//!
//! | Type | Is |
//! |---|---|
//! | [`Origin`] | where a request came from: address, browser, the token beside the messages |
//! | [`Network`] | an IPv4 address, or the /64 of an IPv6 address: what limits count by |
//! | [`Rate`], [`Rates`] | `count/seconds`; the counters of all networks |
//!
//! This room never refuses anything itself: `server/throttle.rs` does, with the error.

mod network;
mod origin;
mod rates;

pub use self::network::Network;
pub use self::origin::Origin;
pub use self::rates::{Exceeded, Rate, Rates};
