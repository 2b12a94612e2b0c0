//! What a home counts, and how it is told: as OpenMetrics text and as JSON.
//!
//! | Type | Is |
//! |---|---|
//! | [`Metrics`] | the counters that the server keeps as it goes |
//! | [`Histogram`] | times, by how long they were |
//! | [`Gauges`], [`Platform`] | what there is at this moment, in the core and around it |
//! | [`Report`] | all of it as a table of families, in either form |
//!
//! A label's value is a `&'static str`: a name that this program has in its text. So no client, no application and no
//! other Worker can make a label, and there is a bound on how many there are. The counters begin with the object's
//! life; a report says when that was.

mod histogram;
mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bayeux::session::Delivered;
use crate::bayeux::time::Millis;

pub use self::histogram::Histogram;
pub use self::report::{Family, Kind, Report, Values};

/// A count for each name.
pub type Tally = BTreeMap<&'static str, u64>;

/// What has happened since the object's life began.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests with messages, and frames of sockets, by what they came by.
    pub requests: Tally,
    /// Messages, by what they are: see [`message_kind`].
    pub messages: Tally,
    /// Messages that were refused, by the error's name.
    pub refused: Tally,
    /// Events that this home took as the owner of their channel.
    pub accepted: u64,
    /// Events that left for a client, by its transport, each client counted. One that is sent again counts once.
    pub delivered: Tally,
    /// Events that left once more, as they were not acknowledged.
    pub resent: u64,
    /// How often events left for a client, some at a time.
    pub deliveries: u64,
    /// Events for the sender alone, beside the replies: those of services, and goodbyes.
    pub piggybacked: u64,
    /// Events that had to make room.
    pub dropped: u64,
    pub opened: u64,
    /// Sessions that ended, by why.
    pub ended: Tally,
    /// Pages of replays: `read` or `failed`.
    pub replay_pages: Tally,
    /// Subscriptions that ask for what was said, by where they begin: `new` or `behind`. One that is refused counts as
    /// such.
    pub replays: Tally,
    /// What the hooks Worker was asked: `answered` or `failed`.
    pub hook_calls: Tally,
    /// How long its answers took.
    pub hook_time: Histogram,
    /// Calls between objects: `sent`, `received` or `failed`.
    pub calls: Tally,
    /// How long events waited here for their first leaving.
    pub latency: Histogram,
}

/// What there is at this moment.
#[derive(Debug, Default)]
pub struct Gauges {
    /// By transport.
    pub sessions: Tally,
    /// Connects that are held, by transport.
    pub held: Tally,
    pub subscriptions: u64,
    pub channels: u64,
    pub queued_events: u64,
    pub queued_bytes: u64,
    pub memory_bytes: u64,
    pub memory_limit: u64,
}

/// What the platform knows of this object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// WebSockets that are open.
    pub sockets: u64,
    /// Bytes of the object's database.
    pub storage_bytes: u64,
    /// Rows that it has written, as the platform counts them.
    pub rows_written: u64,
}

impl Metrics {
    /// So many more of this name.
    pub fn count(tally: &mut Tally, name: &'static str, more: u64) {
        if more > 0 {
            *tally.entry(name).or_default() += more;
        }
    }

    /// This left for clients.
    pub fn delivered(&mut self, now: Millis, Delivered { by_transport, resent, arrivals }: Delivered) {
        self.deliveries += by_transport.len() as u64;
        for (transport, events) in by_transport {
            Self::count(&mut self.delivered, transport, events);
        }
        self.resent += resent;
        // What comes together leaves together, so a few times stand for many events.
        for same in arrivals.chunk_by(|one, other| one == other) {
            let waited = same.first().map_or(0, |arrived| now.0.saturating_sub(arrived.0));
            self.latency.observe(Duration::from_millis(waited), same.len() as u64);
        }
    }
}

/// What a message to this channel is, in a word.
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
