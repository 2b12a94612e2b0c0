//! The options of a server, each with its unit, its default, and where the number comes from.

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
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `TIMEOUT`, ms: how long a connect is held. 30,000 as CometD: below the 60 s after which common proxies cut.
    pub timeout: Duration,
    /// `WEBSOCKET_TIMEOUT`, ms: how long a connect over WebSocket is held. 30,000 as `TIMEOUT`: the reply is how a
    /// client learns that its network still works, and each one wakes an idle object (docs/SCALE.md).
    pub websocket_timeout: Duration,
    /// `CONNECTION_TYPES`: those that are offered, separated by spaces. All but callback-polling: any site's page can
    /// run a script from here and read what is in it.
    pub connection_types: Vec<ConnectionType>,
    /// `INTERVAL`, ms: how long a client waits before its next connect. 0 as CometD.
    pub interval: Duration,
    /// `MAX_INTERVAL`, ms: how long a session outlives its last connect, beyond `INTERVAL`. 10,000 as CometD.
    pub max_interval: Duration,
    /// `ANON_PUBLISH`: whether a message without a clientId may be published. Off, as in POE.
    pub anon_publish: bool,
    /// `ACCESS_RULES`: who may publish and subscribe where. None: everybody, everywhere.
    pub access_rules: Option<AccessRules>,
    /// `TOKENS`, `TOKEN_…`: what is asked of the tokens in handshakes.
    pub tokens: TokenOptions,
    /// `CLIENT_MAX_CONNECTIONS`: connects of one IP address, of IPv6 of one /64, held at the same time. POE's 10 suits
    /// one machine; an office or a mobile carrier's gateway is one address too, and an object takes about 1,000
    /// requests a second.
    pub client_max_connections: usize,
    /// `RATE_CONNECTIONS`, `count/seconds`: sockets and streams that one address may open. Any number.
    pub rate_connections: Option<Rate>,
    /// `RATE_FRAMES`, `count/seconds`: frames that one address may send on its sockets, heartbeats not counted. 100 a
    /// second, a tenth of what an object takes: an office of 500 people sends 17 where nobody says anything.
    pub rate_frames: Option<Rate>,
    /// `RATE_HANDSHAKES`, `count/seconds`: sessions that one address may open. Any number.
    pub rate_handshakes: Option<Rate>,
    /// `RATE_PUBLISHES`, `count/seconds`: messages that one address may send to channels, services included. Any
    /// number: what is much depends on the application.
    pub rate_publishes: Option<Rate>,
    /// `RATE_SUBSCRIBES`, `count/seconds`: names that one address may subscribe to. Any number.
    pub rate_subscribes: Option<Rate>,
    /// `RATE_REQUESTS`, `count/seconds`: requests with messages, and frames of sockets, that one address may send. Any
    /// number.
    pub rate_requests: Option<Rate>,
    /// `RATE_TREES`, `count/seconds`: trees that this home does not talk to yet, and that one address may name in
    /// subscribes and publishes: each starts an object. 600 at once, one more every six seconds: a page with 300
    /// channels of 300 trees, twice.
    pub rate_trees: Option<Rate>,
    /// `MAX_TREES` that a home talks to at a time. 10,000: as many sessions as it is meant for, each in a room of its
    /// own.
    pub max_trees: usize,
    /// `SPANNING_PATTERNS`: whether patterns that span trees, like `/**`, may be subscribed to where no access rule
    /// allows them. Off: each one multiplies everybody's messages.
    pub spanning_patterns: bool,
    /// `MAX_SPANNING_PATTERNS` of all homes together. 32: consoles and logs.
    pub max_spanning_patterns: usize,
    /// `MAX_SESSIONS_PER_BROWSER`: connects of one browser held at the same time over HTTP/1.1, with `BROWSER_COOKIE`;
    /// 0 for any number. 1 as CometD: a browser has six connections to a site, and six tabs that poll would leave none
    /// for anything else.
    pub max_sessions_per_browser: usize,
    /// `MULTI_SESSION_INTERVAL`, ms: how often the other tabs poll; 0 tells them to give up. 2,000 as CometD.
    pub multi_session_interval: Duration,
    /// `MAX_MESSAGE_SIZE`, bytes of a request's body. 1 MiB: 100 times a long chat message, 1 % of a Worker's memory.
    pub max_message_size: usize,
    /// `MAX_MESSAGES_PER_BATCH`. 256: clients batch tens; 1,000 a second is what an object takes at all.
    pub max_messages_per_batch: usize,
    /// `MAX_JSON_DEPTH`, brackets of a request's JSON. 100: below the 128 at which common parsers stop.
    pub max_json_depth: usize,
    /// `MAX_QUEUE`, events that wait for one session. 2,000: 100 a second for twice `MAX_INTERVAL`.
    pub max_queue: usize,
    /// `MAX_QUEUE_BYTES`, bytes of JSON that wait for one session. 8 MiB: 2,000 events of 4 KiB; a Worker has 128 MB.
    pub max_queue_bytes: usize,
    /// `QUEUE_OVERFLOW`: what happens to a session whose queue is full. It loses its oldest events.
    pub queue_overflow: QueueOverflow,
    /// `MAX_SUBSCRIPTIONS` of one session. 2,000: with names of 512 bytes at most, 1 MiB.
    pub max_subscriptions: usize,
    /// `MAX_SESSIONS` of one home. 32,768: as many sockets as one Durable Object accepts.
    pub max_sessions: usize,
    /// `MAX_SESSIONS_PER_ADDRESS`: sessions of one IP address, of IPv6 of one /64. 2,000: an office of 500 people with
    /// four tabs each.
    pub max_sessions_per_address: usize,
    /// `MAX_SUBSCRIPTIONS_PER_ADDRESS`, patterns. 150,000: an office of 500 people, each with a page of 300 channels.
    pub max_subscriptions_per_address: usize,
    /// `MAX_SUBSCRIPTION_BYTES`, bytes of the names of one session: each change writes all of them. 128 KiB: 2,000
    /// names of 64 bytes.
    pub max_subscription_bytes: usize,
    /// `MAX_MEMORY`, bytes of events, sessions and names that one home holds. 48 MiB: an object has 128 MB, with what
    /// the platform and JavaScript hold of the same clients.
    pub max_memory: usize,
    /// `LAZY_CHANNELS`: patterns of channels whose events are in no hurry, separated by spaces. None.
    pub lazy_channels: Vec<ChannelPattern>,
    /// `MAX_LAZY_TIMEOUT`, ms: how long a lazy event waits for company. 5,000 as CometD.
    pub max_lazy_timeout: Duration,
    /// `DURABILITY`: when an event that waits for a client is written down. Relaxed.
    pub durability: Durability,
    /// `RETRY_WINDOW`, ms in which a publish that comes again, with the same key or after an answer that reached
    /// nobody, is not delivered again; 0 for none. A minute: Faye's clients try again after 41 seconds without an
    /// answer.
    pub retry_window: Duration,
    /// `HISTORY`: which channels keep events for those who come later, how many and how long:
    /// `/chat/** 200 7d; /ticks/* 1000 1h`. None.
    pub history: HistoryRules,
    /// `RETAIN`: patterns of channels whose latest event each new subscriber receives, separated by spaces. None.
    pub retain: Vec<ChannelPattern>,
    /// `MAX_HISTORY_BYTES` of all events that the channels of one tree keep. 256 MiB: a fortieth of an object's 10 GB.
    pub max_history_bytes: u64,
    /// `PRESENCE`: patterns of channels that tell who is there, separated by spaces. None.
    pub presence: Vec<ChannelPattern>,
    /// `MAX_PRESENCE`, users of one channel who are named; of more it is told how many. 1,000: at 60 bytes each, what a
    /// new watcher is told is 60 KB.
    pub max_presence: usize,
    /// `META_CONNECT_DELIVER_ONLY`: whether events ride on the replies to connects only, on every transport. Off, as in
    /// CometD. On, a client reads all events in one order, whatever else it asks at the same time.
    pub meta_connect_deliver_only: bool,
    /// `BROADCAST_TO_PUBLISHER`: whether a client receives what it publishes where it is subscribed. On, as in CometD.
    pub broadcast_to_publisher: bool,
    /// `MESSAGES_PER_FRAME`: how many events go into one frame of a WebSocket, 0 for all that leave at the same time;
    /// CometD's `ws.messagesPerFrame`, which is 1 there. All: clients take arrays, and a frame costs the same whatever
    /// is in it.
    pub messages_per_frame: Option<NonZeroUsize>,
    /// `TIMESTAMP`: whether each reply and event says when it was made. Off, as CometD's `TimestampExtension`.
    pub timestamp: bool,
    /// `TREE_DEPTH`, segments of a channel that name its tree, whose owner is an object of its own; with 0 the root
    /// owns all. 1: `/chat/demo` and `/chat/other` have one owner, `/news` another.
    pub tree_depth: usize,
    /// `TREES`: patterns of the trees that exist, separated by spaces; a tree is named by its first `TREE_DEPTH`
    /// segments, at least one. None: a tree exists as soon as somebody names it.
    pub trees: Option<Vec<ChannelPattern>>,
    /// `HOMES`: over which homes the clients of the root's address are spread. All in the root.
    pub homes: Placement,
    /// `FORMER_HOMES`: earlier values of `HOMES`, separated by spaces, whose sessions may still live. None.
    pub former_homes: Vec<Placement>,
    /// `MAX_RELAYS`, events that wait for one home at an owner, or for one owner at a home. 10,000: 1,000 a second for
    /// ten seconds.
    pub max_relays: usize,
    /// `MAX_RELAYS_BYTES`, bytes of JSON in them. 16 MiB: an eighth of a Worker's memory.
    pub max_relays_bytes: usize,
    /// `RELAY_FANOUT`, homes: for more of them one home of each region passes events on to the others. 32: calls of 0.3
    /// ms each keep an owner busy for 10 ms.
    pub relay_fanout: usize,
    /// `API_ATTRIBUTES`: names of session attributes that the server API shows with a client, separated by spaces.
    /// None: applications note secrets there too.
    pub api_attributes: Vec<String>,
    /// `HOOKS_FOR`: what a hooks Worker is asked, where one is bound. All but events, which are the most frequent and
    /// which nobody waits for.
    pub hooks_for: Vec<Hook>,
    /// `HOOKS_TIMEOUT`, ms that it may take to answer. 2,000: a client that waits for a reply has not given up by then.
    pub hooks_timeout: Duration,
    /// `FLUSH_PACE`, ms: the longest an object under load gathers events before it answers polls again; 0 answers
    /// each event at once. The figures are in `delivery/flush_pace.rs`.
    pub flush_pace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(30_000),
            websocket_timeout: Duration::from_millis(30_000),
            connection_types: ConnectionType::USUAL.to_vec(),
            interval: Duration::ZERO,
            max_interval: Duration::from_millis(10_000),
            anon_publish: false,
            access_rules: None,
            tokens: TokenOptions::default(),
            client_max_connections: 1000,
            rate_connections: None,
            rate_frames: Rate::parse("1000/10"),
            rate_handshakes: None,
            rate_publishes: None,
            rate_subscribes: None,
            rate_requests: None,
            rate_trees: Rate::parse("600/3600"),
            max_trees: 10_000,
            spanning_patterns: false,
            max_spanning_patterns: 32,
            max_sessions_per_browser: 1,
            multi_session_interval: Duration::from_millis(2000),
            max_message_size: 1 << 20,
            max_messages_per_batch: 256,
            max_json_depth: 100,
            max_queue: 2000,
            max_queue_bytes: 8 << 20,
            queue_overflow: QueueOverflow::Drop,
            max_subscriptions: 2000,
            max_sessions: 32_768,
            max_sessions_per_address: 2000,
            max_subscriptions_per_address: 150_000,
            max_subscription_bytes: 128 << 10,
            max_memory: 48 << 20,
            lazy_channels: Vec::new(),
            max_lazy_timeout: Duration::from_millis(5000),
            durability: Durability::Relaxed,
            retry_window: Duration::from_millis(60_000),
            history: HistoryRules::default(),
            retain: Vec::new(),
            max_history_bytes: 256 << 20,
            presence: Vec::new(),
            max_presence: 1000,
            meta_connect_deliver_only: false,
            broadcast_to_publisher: true,
            messages_per_frame: None,
            timestamp: false,
            tree_depth: 1,
            trees: None,
            homes: Placement::Root,
            former_homes: Vec::new(),
            max_relays: 10_000,
            max_relays_bytes: 16 << 20,
            relay_fanout: 32,
            api_attributes: Vec::new(),
            hooks_for: Hook::DEFAULT.to_vec(),
            hooks_timeout: Duration::from_millis(2000),
            flush_pace: Duration::from_millis(500),
        }
    }
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
