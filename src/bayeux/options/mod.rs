//! The options of a server. `table` says what each does, with its unit and its default; `vars` reads them from
//! `[vars]`. Options of the shell alone are in the table too, and are read in `src/cloudflare/config.rs`.

pub mod table;
mod vars;

use std::num::NonZeroUsize;
use std::time::Duration;

pub use self::vars::OptionError;
use crate::bayeux::auth::{AccessRules, TokenOptions};
use crate::bayeux::cluster::{Home, Placement};
use crate::bayeux::delivery::{Bounds, HistoryRules};
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::Rate;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, ConnectionType, Endpoint, Realm, RequestLimits};

/// In ms.
const MINUTE: u64 = 60_000;

/// How a server behaves. [`Options::from_vars`] reads them from named strings, as `[vars]` in `wrangler.toml` gives
/// them. The table says more of each, and where its default comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `TIMEOUT`, ms: how long a connect is held.
    pub timeout: Duration,
    /// `WEBSOCKET_TIMEOUT`, ms: how long a connect over WebSocket is held.
    pub websocket_timeout: Duration,
    /// `CONNECTION_TYPES`: those that are offered, separated by spaces.
    pub connection_types: Vec<ConnectionType>,
    /// `INTERVAL`, ms: how long a client waits before its next connect.
    pub interval: Duration,
    /// `MAX_INTERVAL`, ms: how long a session outlives its last connect, beyond `INTERVAL`.
    pub max_interval: Duration,
    /// `ANON_PUBLISH`: whether a message without a clientId may be published.
    pub anon_publish: bool,
    /// `ACCESS_RULES`: who may publish and subscribe where.
    pub access_rules: Option<AccessRules>,
    /// `TOKENS`, `TOKEN_…`: what is asked of the tokens in handshakes.
    pub tokens: TokenOptions,
    /// `CLIENT_MAX_CONNECTIONS`: connects of one IP address, of IPv6 of one /64, held at the same time.
    pub client_max_connections: usize,
    /// `RATE_CONNECTIONS`, `count/seconds`: sockets and streams that one address may open.
    pub rate_connections: Option<Rate>,
    /// `RATE_FRAMES`, `count/seconds`: frames that one address may send on its sockets, heartbeats not counted.
    pub rate_frames: Option<Rate>,
    /// `RATE_HANDSHAKES`, `count/seconds`: sessions that one address may open.
    pub rate_handshakes: Option<Rate>,
    /// `RATE_PUBLISHES`, `count/seconds`: messages that one address may send to channels, services included.
    pub rate_publishes: Option<Rate>,
    /// `RATE_SUBSCRIBES`, `count/seconds`: names that one address may subscribe to.
    pub rate_subscribes: Option<Rate>,
    /// `RATE_REQUESTS`, `count/seconds`: requests with messages, and frames of sockets, that one address may send.
    pub rate_requests: Option<Rate>,
    /// `RATE_TREES`, `count/seconds`: trees that this home does not talk to yet, and that one address may name in
    /// subscribes, publishes and calls of `/service/presence`: each starts an object.
    pub rate_trees: Option<Rate>,
    /// `MAX_TREES` that a home talks to at a time.
    pub max_trees: usize,
    /// `SPANNING_PATTERNS`: whether patterns that span trees, like `/**`, may be subscribed to where no access rule
    /// allows them.
    pub spanning_patterns: bool,
    /// `MAX_SPANNING_PATTERNS` of all homes together.
    pub max_spanning_patterns: usize,
    /// `MAX_SESSIONS_PER_BROWSER`: connects of one browser held at the same time over HTTP/1.1, with `BROWSER_COOKIE`;
    /// 0 for any number.
    pub max_sessions_per_browser: usize,
    /// `MULTI_SESSION_INTERVAL`, ms: how often the other tabs poll; 0 tells them to give up.
    pub multi_session_interval: Duration,
    /// `MAX_MESSAGE_SIZE`, bytes of a request's body.
    pub max_message_size: usize,
    /// `MAX_MESSAGES_PER_BATCH`.
    pub max_messages_per_batch: usize,
    /// `MAX_JSON_DEPTH`, brackets of a request's JSON.
    pub max_json_depth: usize,
    /// `MAX_QUEUE`, events that wait for one session.
    pub max_queue: usize,
    /// `MAX_QUEUE_BYTES`, bytes of JSON that wait for one session.
    pub max_queue_bytes: usize,
    /// `QUEUE_OVERFLOW`: what happens to a session whose queue is full.
    pub queue_overflow: QueueOverflow,
    /// `MAX_SUBSCRIPTIONS` of one session.
    pub max_subscriptions: usize,
    /// `MAX_SESSIONS` of one home.
    pub max_sessions: usize,
    /// `MAX_SESSIONS_PER_ADDRESS`: sessions of one IP address, of IPv6 of one /64.
    pub max_sessions_per_address: usize,
    /// `MAX_SUBSCRIPTIONS_PER_ADDRESS`, patterns.
    pub max_subscriptions_per_address: usize,
    /// `MAX_SUBSCRIPTION_BYTES`, bytes of the names of one session: each change writes all of them.
    pub max_subscription_bytes: usize,
    /// `MAX_MEMORY`, bytes of events, sessions and names that one home holds.
    pub max_memory: usize,
    /// `LAZY_CHANNELS`: patterns of channels whose events are in no hurry, separated by spaces.
    pub lazy_channels: Vec<ChannelPattern>,
    /// `MAX_LAZY_TIMEOUT`, ms: how long a lazy event waits for company.
    pub max_lazy_timeout: Duration,
    /// `DURABILITY`: when an event that waits for a client is written down.
    pub durability: Durability,
    /// `RETRY_WINDOW`, ms in which a publish that comes again, with the same key or after an answer that reached
    /// nobody, is not delivered again; 0 for none.
    pub retry_window: Duration,
    /// `HISTORY`: which channels keep events for those who come later, how many and how long, as in
    /// `/chat/** 200 7d; /ticks/* 1000 1h`.
    pub history: HistoryRules,
    /// `RETAIN`: patterns of channels whose latest event each new subscriber receives, separated by spaces.
    pub retain: Vec<ChannelPattern>,
    /// `MAX_HISTORY_BYTES` of all events that the channels of one tree keep.
    pub max_history_bytes: u64,
    /// `PRESENCE`: patterns of channels that tell who is there, separated by spaces.
    pub presence: Vec<ChannelPattern>,
    /// `MAX_PRESENCE`, users of one channel who are named; of more it is told how many.
    pub max_presence: usize,
    /// `META_CONNECT_DELIVER_ONLY`: whether events ride on the replies to connects only, on every transport.
    pub meta_connect_deliver_only: bool,
    /// `BROADCAST_TO_PUBLISHER`: whether a client receives what it publishes where it is subscribed.
    pub broadcast_to_publisher: bool,
    /// `MESSAGES_PER_FRAME`: how many events go into one frame of a WebSocket, 0 for all that leave at the same time;
    /// CometD's `ws.messagesPerFrame`, which is 1 there.
    pub messages_per_frame: Option<NonZeroUsize>,
    /// `TIMESTAMP`: whether each reply and event says when it was made.
    pub timestamp: bool,
    /// `TREE_DEPTH`, segments of a channel that name its tree, whose owner is an object of its own; with 0 the root
    /// owns all.
    pub tree_depth: usize,
    /// `TREES`: patterns of the trees that exist, separated by spaces; a tree is named by its first `TREE_DEPTH`
    /// segments, at least one.
    pub trees: Option<Vec<ChannelPattern>>,
    /// `HOMES`: over which homes the clients of the root's address are spread.
    pub homes: Placement,
    /// `FORMER_HOMES`: earlier values of `HOMES`, separated by spaces, whose sessions may still live.
    pub former_homes: Vec<Placement>,
    /// `MAX_RELAYS`, events that wait for one home at an owner, or for one owner at a home.
    pub max_relays: usize,
    /// `MAX_RELAYS_BYTES`, bytes of JSON in them.
    pub max_relays_bytes: usize,
    /// `RELAY_FANOUT`, homes: for more of them one home of each region passes events on to the others.
    pub relay_fanout: usize,
    /// `API_ATTRIBUTES`: names of session attributes that the server API shows with a client, separated by spaces.
    pub api_attributes: Vec<String>,
    /// `TAIL_EVENTS`: how many events a tail of the server API keeps from one call to the next; 0 for no tails.
    pub tail_events: usize,
    /// `HOOKS_FOR`: what a hooks Worker is asked, where one is bound.
    pub hooks_for: Vec<Hook>,
    /// `HOOKS_TIMEOUT`, ms that it may take to answer.
    pub hooks_timeout: Duration,
    /// `FLUSH_PACE`, ms: the longest an object under load gathers events before it sends again; 0 sends each event at
    /// once.
    pub flush_pace: Duration,
}

/// What happens to a session that does not read its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOverflow {
    /// Its oldest events are dropped, and it is told how many.
    Drop,
    /// The session ends, and its client is told.
    Disconnect,
}

/// When an event is written down. For a session that acknowledges it is always strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it still waits after a second. A crash may lose newer events.
    Relaxed,
    /// Before its publisher hears of success, unless it leaves at once.
    Strict,
}

impl From<&Options> for RequestLimits {
    fn from(options: &Options) -> Self {
        let Options { max_message_size, max_messages_per_batch, max_json_depth, .. } = *options;
        Self { max_message_size, max_messages_per_batch, max_json_depth }
    }
}

impl Options {
    /// How long a connect that came by this endpoint may be held.
    pub fn timeout_at(&self, endpoint: &Endpoint) -> Duration {
        match endpoint {
            Endpoint::LongPolling(_) | Endpoint::EventSource(_) => self.timeout,
            Endpoint::WebSocket(_) => self.websocket_timeout,
        }
    }

    /// How much longer than `MAX_INTERVAL` a session is kept whose held connect was answered on a socket: where the
    /// network has died silently, its client waits for that answer somewhat longer than the connect can be held before
    /// it opens another socket. Twice `WEBSOCKET_TIMEOUT`, at most a minute more than that.
    pub fn socket_grace(&self) -> Duration {
        (2 * self.websocket_timeout).min(self.websocket_timeout + Duration::from_millis(MINUTE))
    }

    /// How long a socket that sends heartbeats may be silent. Faye's clients send one every half of
    /// `WEBSOCKET_TIMEOUT`, our own every 30 s.
    pub fn longest_silence(&self) -> Duration {
        (2 * self.websocket_timeout).max(Duration::from_millis(100_000))
    }

    /// What may wait for one session.
    pub fn queue_bounds(&self) -> Bounds {
        Bounds { events: self.max_queue, bytes: self.max_queue_bytes }
    }

    /// What may wait for one home at an owner, or for one owner at a home.
    pub fn relay_bounds(&self) -> Bounds {
        Bounds { events: self.max_relays, bytes: self.max_relays_bytes }
    }

    /// Whether `TREES` has the tree.
    pub fn has_tree(&self, tree: &ChannelId) -> bool {
        self.trees.as_ref().is_none_or(|trees| trees.iter().any(|pattern| pattern.matches(tree)))
    }

    /// # Errors
    /// [`BayeuxError::TreeUnknown`] where all that matches the pattern is in a tree that `TREES` does not have.
    pub fn check_tree(&self, pattern: &ChannelPattern) -> Result<(), BayeuxError> {
        match pattern.tree(self.tree_depth.max(1)) {
            Some(tree) if pattern.realm() == Realm::Broadcast && !self.has_tree(&tree) => Err(BayeuxError::TreeUnknown),
            _ => Ok(()),
        }
    }

    /// Whether sessions may live at the home that a clientId names: `HOMES` or `FORMER_HOMES` has it. A tree's home is
    /// found by its address.
    pub fn leads_to(&self, home: &Home) -> bool {
        match home {
            Home::Root => true,
            Home::Tree(tree) => self.has_tree(tree),
            Home::Shard(shard) => self.former_homes.iter().chain([&self.homes]).any(|homes| homes.make(shard)),
        }
    }

    /// How long an event of this channel may wait, if the channel is lazy.
    pub fn laziness(&self, channel: &ChannelId) -> Option<Duration> {
        let lazy = self.lazy_channels.iter().any(|pattern| pattern.matches(channel));
        lazy.then_some(self.max_lazy_timeout)
    }

    /// The longest interval a client may ask for: a phone that sleeps for minutes, not a session kept for ever.
    pub fn max_client_interval(&self) -> Duration {
        self.interval.max(Duration::from_millis(5 * MINUTE))
    }
}
