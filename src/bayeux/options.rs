//! The options of a server, each with its unit, its default, and where the number comes from.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use super::queue::Bounds;
use super::time::millis;
use super::tokens::Keys;
use super::{
    AccessRules, ChannelId, ChannelPattern, ConnectionType, Endpoint, Homes, Hook, MAX_SHARDS, Rate, RuleError,
    TokenOptions,
};

/// How a server behaves. [`Options::from_vars`] reads them from named strings, as `[vars]` in `wrangler.toml` gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `TIMEOUT`, ms: how long a connect is held. 30,000 as CometD: below the 60 s after which common proxies cut.
    pub timeout: Duration,
    /// `WEBSOCKET_TIMEOUT`, ms: how long a connect over WebSocket is held. An hour: events do not wait for it, and each
    /// end of it wakes an idle object.
    pub websocket_timeout: Duration,
    /// `CONNECTION_TYPES`: those that are offered, separated by spaces. All there are.
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
    /// `CLIENT_MAX_CONNECTIONS`: connects of one IP address, of IPv6 of one /64, held at the same time. POE's 10 suits one machine; an
    /// office or a mobile carrier's gateway is one address too, and an object takes about 1,000 requests a second.
    pub client_max_connections: usize,
    /// `RATE_CONNECTIONS`, `count/seconds`: sockets and streams that one address may open. Any number.
    pub rate_connections: Option<Rate>,
    /// `RATE_HANDSHAKES`, `count/seconds`: sessions that one address may open. Any number.
    pub rate_handshakes: Option<Rate>,
    /// `RATE_PUBLISHES`, `count/seconds`: messages that one address may send to channels, services included. Any number: what is
    /// much depends on the application.
    pub rate_publishes: Option<Rate>,
    /// `MAX_SESSIONS_PER_BROWSER`: connects of one browser held at the same time over HTTP/1.1, with `BROWSER_COOKIE`; 0 for any
    /// number. 1 as CometD: a browser has six connections to a site, and six tabs that poll would leave none for anything else.
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
    /// `QUEUE_OVERFLOW`: what becomes of a session whose queue is full. It loses its oldest events.
    pub queue_overflow: QueueOverflow,
    /// `MAX_SUBSCRIPTIONS` of one session. 2,000: with names of 512 bytes at most, 1 MiB.
    pub max_subscriptions: usize,
    /// `MAX_SESSIONS` of one home. 32,768: as many sockets as one Durable Object accepts.
    pub max_sessions: usize,
    /// `LAZY_CHANNELS`: patterns of channels whose events are in no hurry, separated by spaces. None.
    pub lazy_channels: Vec<ChannelPattern>,
    /// `MAX_LAZY_TIMEOUT`, ms: how long a lazy event waits for company. 5,000 as CometD.
    pub max_lazy_timeout: Duration,
    /// `DURABILITY`: when an event that waits for a client is written down. Relaxed.
    pub durability: Durability,
    /// `RETRY_WINDOW`, ms in which a publish that a session sends again, with the same id, channel and data, is not delivered again;
    /// 0 for none. A minute: Faye's clients try again after 41 seconds without an answer.
    pub retry_window: Duration,
    /// `META_CONNECT_DELIVER_ONLY`: whether events ride on the replies to connects only, on every transport. Off, as in
    /// CometD. On, a client reads all events in one order, whatever else it asks at the same time.
    pub meta_connect_deliver_only: bool,
    /// `BROADCAST_TO_PUBLISHER`: whether a client receives what it publishes where it is subscribed. On, as in CometD.
    pub broadcast_to_publisher: bool,
    /// `MESSAGES_PER_FRAME`: how many events go into one frame of a WebSocket, 0 for all that leave at the same time; CometD's
    /// `ws.messagesPerFrame`, which is 1 there. All: clients take arrays, and a frame costs the same whatever is in it.
    pub messages_per_frame: Option<NonZeroUsize>,
    /// `TIMESTAMP`: whether each reply and event says when it was made. Off, as CometD's `TimestampExtension`.
    pub timestamp: bool,
    /// `TREE_DEPTH`, segments of a channel that name its tree, whose owner is an object of its own; with 0 the root owns all.
    /// 1: `/chat/demo` and `/chat/other` have one owner, `/news` another.
    pub tree_depth: usize,
    /// `HOMES`: over which homes the clients of the root's address are spread. All in the root.
    pub homes: Homes,
    /// `MAX_RELAYS`, events that wait for one home at an owner, or for one owner at a home. 10,000: 1,000 a second for ten seconds.
    pub max_relays: usize,
    /// `MAX_RELAYS_BYTES`, bytes of JSON in them. 16 MiB: an eighth of a Worker's memory.
    pub max_relays_bytes: usize,
    /// `RELAY_FANOUT`, homes: for more of them one home of each region passes events on to the others. 32: calls of 0.3 ms each
    /// keep an owner busy for 10 ms.
    pub relay_fanout: usize,
    /// `API_ATTRIBUTES`: names of session attributes that the server API shows with a client, separated by spaces. None:
    /// applications note secrets there too.
    pub api_attributes: Vec<String>,
    /// `HOOKS_FOR`: what a hooks Worker is asked, where one is bound. All but events, which are most and which nobody waits for.
    pub hooks_for: Vec<Hook>,
    /// `HOOKS_TIMEOUT`, ms that it may take to answer. 2,000: who waits for a reply still has patience then.
    pub hooks_timeout: Duration,
    /// `FLUSH_PACE`, ms: the longest an object under load gathers events before it answers polls again; 0 answers
    /// each event at once. The figures are in `flush.rs`.
    pub flush_pace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(30_000),
            websocket_timeout: Duration::from_millis(3_600_000),
            connection_types: ConnectionType::ALL.to_vec(),
            interval: Duration::ZERO,
            max_interval: Duration::from_millis(10_000),
            anon_publish: false,
            access_rules: None,
            tokens: TokenOptions::default(),
            client_max_connections: 1000,
            rate_connections: None,
            rate_handshakes: None,
            rate_publishes: None,
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
            lazy_channels: Vec::new(),
            max_lazy_timeout: Duration::from_millis(5000),
            durability: Durability::Relaxed,
            retry_window: Duration::from_millis(60_000),
            meta_connect_deliver_only: false,
            broadcast_to_publisher: true,
            messages_per_frame: None,
            timestamp: false,
            tree_depth: 1,
            homes: Homes::Root,
            max_relays: 10_000,
            max_relays_bytes: 16 << 20,
            relay_fanout: 32,
            api_attributes: Vec::new(),
            hooks_for: vec![Hook::Handshake, Hook::Subscribe, Hook::Publish, Hook::Service],
            hooks_timeout: Duration::from_millis(2000),
            flush_pace: Duration::from_millis(500),
        }
    }
}

/// What becomes of a session that does not read what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOverflow {
    /// Its oldest events make room, and in their place it is told how many.
    Drop,
    /// It ends, and is told so.
    Disconnect,
}

/// When an event is written down. For a session that acknowledges it is always strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it still waits after a second. A crash may lose what came since.
    Relaxed,
    /// Before its publisher hears of success, unless it leaves at once.
    Strict,
}

/// A value that an option cannot have.
///
/// ```
/// use bayeux_edge::bayeux::Options;
///
/// let error = Options::from_vars(|name| (name == "TIMEOUT").then(|| "soon".to_owned())).unwrap_err();
/// assert_eq!(error.to_string(), r#"TIMEOUT is "soon", but must be a whole number from 1 to 600000"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// As written in `[vars]`.
    pub name: &'static str,
    pub value: String,
    /// What it may be, in words.
    pub allowed: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:?}, but must be {}", self.name, self.value, self.allowed)
    }
}

impl std::error::Error for OptionError {}

const DURABILITIES: [(&str, Durability); 2] = [("relaxed", Durability::Relaxed), ("strict", Durability::Strict)];
const QUEUE_OVERFLOWS: [(&str, QueueOverflow); 2] =
    [("drop", QueueOverflow::Drop), ("disconnect", QueueOverflow::Disconnect)];

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

impl Options {
    /// Reads every option that `var` knows by name; the others keep their defaults.
    ///
    /// # Errors
    /// The first value that cannot be taken, with what is allowed.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, OptionError> {
        let vars = Vars(var);
        let default = Self::default();
        Ok(Self {
            timeout: vars.duration("TIMEOUT", 1..=10 * MINUTE, default.timeout)?,
            websocket_timeout: vars.duration("WEBSOCKET_TIMEOUT", 1..=DAY, default.websocket_timeout)?,
            connection_types: vars.connection_types("CONNECTION_TYPES", default.connection_types)?,
            interval: vars.duration("INTERVAL", 0..=60 * MINUTE, default.interval)?,
            max_interval: vars.duration("MAX_INTERVAL", 1..=DAY, default.max_interval)?,
            anon_publish: vars.flag("ANON_PUBLISH", default.anon_publish)?,
            access_rules: vars.access_rules("ACCESS_RULES")?,
            tokens: vars.tokens()?,
            client_max_connections: vars.count("CLIENT_MAX_CONNECTIONS", default.client_max_connections)?,
            rate_connections: vars.rate("RATE_CONNECTIONS")?,
            rate_handshakes: vars.rate("RATE_HANDSHAKES")?,
            rate_publishes: vars.rate("RATE_PUBLISHES")?,
            max_sessions_per_browser: vars.number(
                "MAX_SESSIONS_PER_BROWSER",
                0..=1_000_000,
                default.max_sessions_per_browser,
            )?,
            multi_session_interval: vars.duration(
                "MULTI_SESSION_INTERVAL",
                0..=5 * MINUTE,
                default.multi_session_interval,
            )?,
            max_message_size: vars.number("MAX_MESSAGE_SIZE", 64..=32 << 20, default.max_message_size)?,
            max_messages_per_batch: vars.count("MAX_MESSAGES_PER_BATCH", default.max_messages_per_batch)?,
            max_json_depth: vars.number("MAX_JSON_DEPTH", 4..=1000, default.max_json_depth)?,
            max_queue: vars.count("MAX_QUEUE", default.max_queue)?,
            max_queue_bytes: vars.number("MAX_QUEUE_BYTES", 1024..=64 << 20, default.max_queue_bytes)?,
            queue_overflow: vars.one_of("QUEUE_OVERFLOW", QUEUE_OVERFLOWS, default.queue_overflow)?,
            max_subscriptions: vars.count("MAX_SUBSCRIPTIONS", default.max_subscriptions)?,
            max_sessions: vars.count("MAX_SESSIONS", default.max_sessions)?,
            lazy_channels: vars.patterns("LAZY_CHANNELS", default.lazy_channels)?,
            max_lazy_timeout: vars.duration("MAX_LAZY_TIMEOUT", 1..=10 * MINUTE, default.max_lazy_timeout)?,
            durability: vars.one_of("DURABILITY", DURABILITIES, default.durability)?,
            retry_window: vars.duration("RETRY_WINDOW", 0..=10 * MINUTE, default.retry_window)?,
            meta_connect_deliver_only: vars.flag("META_CONNECT_DELIVER_ONLY", default.meta_connect_deliver_only)?,
            broadcast_to_publisher: vars.flag("BROADCAST_TO_PUBLISHER", default.broadcast_to_publisher)?,
            messages_per_frame: NonZeroUsize::new(vars.number("MESSAGES_PER_FRAME", 0..=1_000_000, 0)?),
            timestamp: vars.flag("TIMESTAMP", default.timestamp)?,
            tree_depth: vars.number("TREE_DEPTH", 0..=8, default.tree_depth)?,
            homes: vars.homes("HOMES", default.homes)?,
            max_relays: vars.count("MAX_RELAYS", default.max_relays)?,
            max_relays_bytes: vars.number("MAX_RELAYS_BYTES", 1024..=64 << 20, default.max_relays_bytes)?,
            relay_fanout: vars.count("RELAY_FANOUT", default.relay_fanout)?,
            api_attributes: vars.words("API_ATTRIBUTES"),
            hooks_for: vars.hooks("HOOKS_FOR", default.hooks_for)?,
            hooks_timeout: vars.duration("HOOKS_TIMEOUT", 1..=MINUTE, default.hooks_timeout)?,
            flush_pace: vars.duration("FLUSH_PACE", 0..=10_000, default.flush_pace)?,
        })
    }

    /// How long a connect that came by this endpoint may be held.
    pub fn timeout_at(&self, endpoint: &Endpoint) -> Duration {
        match endpoint {
            Endpoint::LongPolling(_) | Endpoint::EventSource(_) => self.timeout,
            Endpoint::WebSocket(_) => self.websocket_timeout,
        }
    }

    /// What may wait for one session.
    pub fn queue_bounds(&self) -> Bounds {
        Bounds { events: self.max_queue, bytes: self.max_queue_bytes }
    }

    /// What may wait for one home at an owner, or for one owner at a home.
    pub fn relay_bounds(&self) -> Bounds {
        Bounds { events: self.max_relays, bytes: self.max_relays_bytes }
    }

    /// How long an event of this channel may wait, if it is a lazy one.
    pub fn laziness(&self, channel: &ChannelId) -> Option<Duration> {
        let lazy = self.lazy_channels.iter().any(|pattern| pattern.matches(channel));
        lazy.then_some(self.max_lazy_timeout)
    }

    /// The longest interval a client may ask for: a phone that sleeps for minutes, not a session kept for ever.
    pub fn max_client_interval(&self) -> Duration {
        self.interval.max(Duration::from_millis(5 * MINUTE))
    }
}

struct Vars<F>(F);

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    fn duration(
        &self,
        name: &'static str,
        allowed: std::ops::RangeInclusive<u64>,
        default: Duration,
    ) -> Result<Duration, OptionError> {
        self.number(name, allowed, millis(default)).map(Duration::from_millis)
    }

    fn count(&self, name: &'static str, default: usize) -> Result<usize, OptionError> {
        self.number(name, 1..=1_000_000, default)
    }

    fn number<N>(&self, name: &'static str, allowed: std::ops::RangeInclusive<N>, default: N) -> Result<N, OptionError>
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        match value.trim().parse() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => {
                let allowed = format!("a whole number from {} to {}", allowed.start(), allowed.end());
                Err(OptionError { name, value, allowed })
            }
        }
    }

    fn connection_types(
        &self,
        name: &'static str,
        default: Vec<ConnectionType>,
    ) -> Result<Vec<ConnectionType>, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        match value.split_whitespace().map(ConnectionType::named).collect::<Option<Vec<_>>>() {
            Some(mut types) if !types.is_empty() => {
                types.sort();
                types.dedup();
                Ok(types)
            }
            _ => {
                let all = ConnectionType::ALL.map(ConnectionType::name).join(", ");
                Err(OptionError { name, value, allowed: format!("one or more of {all}, separated by spaces") })
            }
        }
    }

    fn patterns(&self, name: &'static str, default: Vec<ChannelPattern>) -> Result<Vec<ChannelPattern>, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        let patterns = value.split_whitespace().map(ChannelPattern::parse).collect::<Option<_>>();
        patterns.ok_or_else(|| {
            let allowed = "channels or patterns like /news/**, separated by spaces".to_owned();
            OptionError { name, value, allowed }
        })
    }

    fn hooks(&self, name: &'static str, default: Vec<Hook>) -> Result<Vec<Hook>, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        value.split_whitespace().map(Hook::named).collect::<Option<_>>().ok_or_else(|| {
            let all = Hook::ALL.map(Hook::name).join(", ");
            OptionError { name, value, allowed: format!("any of {all}, separated by spaces") }
        })
    }

    fn access_rules(&self, name: &'static str) -> Result<Option<AccessRules>, OptionError> {
        let rules = (self.0)(name).map(|text| AccessRules::parse(&text)).transpose();
        rules.map_err(|RuleError { rule, expected }| OptionError {
            name,
            value: rule,
            allowed: format!("rules, each with {expected}"),
        })
    }

    fn tokens(&self) -> Result<TokenOptions, OptionError> {
        let name = "TOKEN_KEYS";
        let wrong = |value: &str, why: &str| {
            let allowed =
                format!("a JWK Set with keys for HS256, RS256, ES256 or EdDSA, or a secret of 32 bytes or more: {why}");
            Err(OptionError { name, value: value.to_owned(), allowed })
        };
        let keys = match (self.0)(name).map(|keys| Keys::parse(&keys)) {
            Some(Err(error)) => return wrong("(a secret)", &error.to_string()),
            keys => keys.and_then(Result::ok),
        };
        let default = TokenOptions::default();
        let tokens = TokenOptions {
            optional: self.one_of("TOKENS", [("required", false), ("optional", true)], default.optional)?,
            jwks_url: self.url("TOKEN_JWKS_URL")?,
            issuer: (self.0)("TOKEN_ISSUER"),
            audience: (self.0)("TOKEN_AUDIENCE"),
            keys,
        };
        // Who asks for tokens and forgets the keys would let everybody in.
        let asked = ["TOKENS", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "TOKEN_COOKIE"];
        let asked = asked.into_iter().any(|name| (self.0)(name).is_some());
        if asked && !tokens.are_in_use() { wrong("", "there is none, and no TOKEN_JWKS_URL") } else { Ok(tokens) }
    }

    /// A URL whose answer nobody between can forge.
    fn url(&self, name: &'static str) -> Result<Option<String>, OptionError> {
        match (self.0)(name) {
            Some(value) if !is_safe(&value) => {
                let allowed = "a URL with https://, or for development with http://localhost".to_owned();
                Err(OptionError { name, value, allowed })
            }
            value => Ok(value),
        }
    }

    fn words(&self, name: &str) -> Vec<String> {
        (self.0)(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn homes(&self, name: &'static str, default: Homes) -> Result<Homes, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        Homes::parse(&value).ok_or_else(|| {
            let allowed = format!("root, sharded:N or regional:N, with N from 1 to {MAX_SHARDS}");
            OptionError { name, value, allowed }
        })
    }

    fn rate(&self, name: &'static str) -> Result<Option<Rate>, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(None);
        };
        Rate::parse(&value).map(Some).ok_or_else(|| {
            let allowed = "a count of 1 to 1000000 and 1 to 3600 seconds, like 20/60".to_owned();
            OptionError { name, value, allowed }
        })
    }

    /// One of two words.
    fn one_of<T: Copy>(&self, name: &'static str, words: [(&str, T); 2], default: T) -> Result<T, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        match words.iter().find(|(word, _)| *word == value.trim()) {
            Some((_, meant)) => Ok(*meant),
            None => Err(OptionError { name, value, allowed: words.map(|(word, _)| word).join(" or ") }),
        }
    }

    fn flag(&self, name: &'static str, default: bool) -> Result<bool, OptionError> {
        match (self.0)(name) {
            None => Ok(default),
            Some(value) => match value.trim() {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(OptionError { name, value, allowed: "true or false".to_owned() }),
            },
        }
    }
}

/// What is no URL at all does no harm: the shell cannot fetch it.
fn is_safe(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    // To the URL standard a backslash is a slash.
    let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
    let host = match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    };
    let plain =
        url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['#', '\\']) && !authority.contains('@');
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    plain && !host.is_empty() && (scheme == "https" || scheme == "http" && local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Options, OptionError> {
        Options::from_vars(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn what_is_not_set_keeps_its_default() {
        assert_eq!(Options::from_vars(|_| None), Ok(Options::default()));
        assert_eq!(with("TIMEOUT", "3000").unwrap().timeout, Duration::from_secs(3));
        assert!(with("ANON_PUBLISH", "true").unwrap().anon_publish);
    }

    #[test]
    fn a_bad_value_is_refused_with_its_name_the_value_and_what_is_allowed() {
        for (name, value) in [
            ("TIMEOUT", "0"),
            ("TIMEOUT", "-1"),
            ("INTERVAL", "1.5"),
            ("MAX_INTERVAL", ""),
            ("ANON_PUBLISH", "yes please"),
            ("CONNECTION_TYPES", ""),
            ("CONNECTION_TYPES", "long-polling flash"),
            ("LAZY_CHANNELS", "/news/**, /x"),
            ("MAX_QUEUE", "99999999999999999999999"),
            ("RATE_PUBLISHES", "20"),
            ("RATE_HANDSHAKES", ""),
            ("RATE_CONNECTIONS", "0/60"),
            ("QUEUE_OVERFLOW", "explode"),
            ("DURABILITY", ""),
        ] {
            let error = with(name, value).unwrap_err();
            assert_eq!((error.name, error.value.as_str()), (name, value));
        }
    }
}
