//! The metrics of a home, as OpenMetrics text and as JSON.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`Metrics`] | `mod` | the counters that the server keeps as it goes |
//! | [`Histogram`] | | times, by how long they were |
//! | [`Gauges`], [`Platform`] | `mod` | what there is at this moment, in the core and around it |
//! | [`Report`] | | all of it as a table of families, in either form |
//! | [`Merged`] | | the texts of several homes as one |
//! | [`Points`], [`DataPoint`] | `points` | what is new since the last data point, for Analytics Engine |
//!
//! A label's value is a `&'static str`, a name in this program's text: so clients, applications and other Workers
//! cannot create labels, and their number is bounded. Counters begin with the object's life, except that of the lives;
//! a report says when that was.

mod histogram;
mod merged;
mod points;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bayeux::session::Delivered;
use crate::bayeux::time::Millis;

pub use self::histogram::Histogram;
pub use self::merged::Merged;
pub use self::points::{AtHand, DOUBLES, DataPoint, KeptPoints, Points};
pub use self::report::{Family, Kind, Report, Values};

/// A count for each name.
pub type Tally = BTreeMap<&'static str, u64>;

/// What has happened since the object's life began.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests with messages, and frames of sockets, by connection type.
    pub requests: Tally,
    /// Messages by kind: see [`message_kind`].
    pub messages: Tally,
    /// Refused messages, by the error's name.
    pub refused: Tally,
    /// Events that this home accepted as the owner of their channel.
    pub accepted: u64,
    /// Events sent to clients, by transport; an event for two clients counts twice. One that is sent again counts once.
    pub delivered: Tally,
    /// Events sent again because they were not acknowledged.
    pub resent: u64,
    /// Sends that carried events, over all transports.
    pub deliveries: u64,
    /// Events for the sender alone, beside the replies: those of services, and disconnect notices.
    pub piggybacked: u64,
    /// Dropped events.
    pub dropped: u64,
    pub opened: u64,
    /// Ended sessions, by reason.
    pub ended: Tally,
    /// Replay pages: `read` or `failed`.
    pub replay_pages: Tally,
    /// Subscriptions with a replay, by where they begin: `new` or `behind`. Refused ones are counted in `refused`.
    pub replays: Tally,
    /// Questions to the hooks Worker: `answered` or `failed`.
    pub hook_calls: Tally,
    /// Its response times.
    pub hook_time: Histogram,
    /// Calls between objects: `sent`, `received` or `failed`.
    pub calls: Tally,
    /// How long events were queued before they were first sent.
    pub latency: Histogram,
}

/// What is there at this moment.
#[derive(Debug, Default)]
pub struct Gauges {
    /// By transport.
    pub sessions: Tally,
    /// Held connects, by transport.
    pub held: Tally,
    pub subscriptions: u64,
    pub channels: u64,
    pub queued_events: u64,
    pub queued_bytes: u64,
    pub memory_bytes: u64,
    pub memory_limit: u64,
    /// Of all lives of the object.
    pub restarts: u64,
}

/// Figures of the platform about this object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// Open WebSockets.
    pub sockets: u64,
    /// Bytes of the object's database.
    pub storage_bytes: u64,
    /// Rows written, as the platform counts them.
    pub rows_written: u64,
}

impl Metrics {
    /// Adds to the count of this name.
    pub fn count(tally: &mut Tally, name: &'static str, more: u64) {
        if more > 0 {
            *tally.entry(name).or_default() += more;
        }
    }

    /// Counts what was sent to clients.
    pub fn delivered(&mut self, now: Millis, Delivered { by_transport, resent, arrivals }: Delivered) {
        self.deliveries += by_transport.len() as u64;
        for (transport, events) in by_transport {
            Self::count(&mut self.delivered, transport, events);
        }
        self.resent += resent;
        // Events that arrive together leave together, so a few durations stand for many events.
        for same in arrivals.chunk_by(|one, other| one == other) {
            let waited = same.first().map_or(0, |arrived| now.0.saturating_sub(arrived.0));
            self.latency.observe(Duration::from_millis(waited), same.len() as u64);
        }
    }
}

/// The kind of a message to this channel.
pub fn message_kind(channel: &str) -> &'static str {
    match channel {
        "/meta/handshake" => "handshake",
        "/meta/connect" => "connect",
        "/meta/subscribe" => "subscribe",
        "/meta/unsubscribe" => "unsubscribe",
        "/meta/disconnect" => "disconnect",
        _ if channel.starts_with("/meta/") => "meta",
        _ if channel.starts_with("/service/") => "service",
        _ => "publish",
    }
}
