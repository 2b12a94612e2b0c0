//! Options read from named strings, each checked: an invalid value is reported with what is allowed.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use super::{Durability, MINUTE, Options, QueueOverflow};
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::auth::{AccessRules, RuleError, TokenOptions};
use crate::bayeux::cluster::{MAX_SHARDS, Placement};
use crate::bayeux::delivery::HistoryRules;
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::Rate;
use crate::bayeux::time::millis;
use crate::bayeux::wire::{ChannelPattern, ConnectionType};

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

impl OptionError {
    /// The answer to every request, which whoever deployed it reads first.
    pub fn body(&self) -> String {
        let Self { name, value, allowed } = self;
        json!([{ "successful": false, "error": "500::option_invalid", "option": name, "value": value, "allowed": allowed }])
            .to_string()
    }
}

const DURABILITIES: [(&str, Durability); 2] = [("relaxed", Durability::Relaxed), ("strict", Durability::Strict)];
const QUEUE_OVERFLOWS: [(&str, QueueOverflow); 2] =
    [("drop", QueueOverflow::Drop), ("disconnect", QueueOverflow::Disconnect)];

const DAY: u64 = 24 * 60 * MINUTE;

impl Options {
    /// Reads every option that `var` knows by name; the others keep their defaults.
    ///
    /// # Errors
    /// The first invalid value, with what is allowed.
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
            rate_connections: vars.rate("RATE_CONNECTIONS", default.rate_connections)?,
            rate_frames: vars.rate("RATE_FRAMES", default.rate_frames)?,
            rate_handshakes: vars.rate("RATE_HANDSHAKES", default.rate_handshakes)?,
            rate_publishes: vars.rate("RATE_PUBLISHES", default.rate_publishes)?,
            rate_subscribes: vars.rate("RATE_SUBSCRIBES", default.rate_subscribes)?,
            rate_requests: vars.rate("RATE_REQUESTS", default.rate_requests)?,
            rate_trees: vars.rate("RATE_TREES", default.rate_trees)?,
            max_trees: vars.count("MAX_TREES", default.max_trees)?,
            spanning_patterns: vars.flag("SPANNING_PATTERNS", default.spanning_patterns)?,
            max_spanning_patterns: vars.count("MAX_SPANNING_PATTERNS", default.max_spanning_patterns)?,
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
            max_sessions_per_address: vars.count("MAX_SESSIONS_PER_ADDRESS", default.max_sessions_per_address)?,
            max_subscriptions_per_address: vars
                .count("MAX_SUBSCRIPTIONS_PER_ADDRESS", default.max_subscriptions_per_address)?,
            max_subscription_bytes: vars.number(
                "MAX_SUBSCRIPTION_BYTES",
                1024..=1 << 20,
                default.max_subscription_bytes,
            )?,
            max_memory: vars.number("MAX_MEMORY", 1 << 20..=1 << 30, default.max_memory)?,
            lazy_channels: vars.patterns("LAZY_CHANNELS", default.lazy_channels)?,
            max_lazy_timeout: vars.duration("MAX_LAZY_TIMEOUT", 1..=10 * MINUTE, default.max_lazy_timeout)?,
            durability: vars.one_of("DURABILITY", DURABILITIES, default.durability)?,
            retry_window: vars.duration("RETRY_WINDOW", 0..=10 * MINUTE, default.retry_window)?,
            history: vars.history("HISTORY")?,
            retain: vars.patterns("RETAIN", default.retain)?,
            max_history_bytes: vars.number("MAX_HISTORY_BYTES", 1 << 20..=8 << 30, default.max_history_bytes)?,
            presence: vars.patterns("PRESENCE", default.presence)?,
            max_presence: vars.number("MAX_PRESENCE", 0..=100_000, default.max_presence)?,
            meta_connect_deliver_only: vars.flag("META_CONNECT_DELIVER_ONLY", default.meta_connect_deliver_only)?,
            broadcast_to_publisher: vars.flag("BROADCAST_TO_PUBLISHER", default.broadcast_to_publisher)?,
            messages_per_frame: NonZeroUsize::new(vars.number("MESSAGES_PER_FRAME", 0..=1_000_000, 0)?),
            timestamp: vars.flag("TIMESTAMP", default.timestamp)?,
            tree_depth: vars.number("TREE_DEPTH", 0..=8, default.tree_depth)?,
            trees: vars.trees("TREES")?,
            homes: vars.homes("HOMES", default.homes)?,
            former_homes: vars.former_homes("FORMER_HOMES")?,
            max_relays: vars.count("MAX_RELAYS", default.max_relays)?,
            max_relays_bytes: vars.number("MAX_RELAYS_BYTES", 1024..=64 << 20, default.max_relays_bytes)?,
            relay_fanout: vars.count("RELAY_FANOUT", default.relay_fanout)?,
            api_attributes: vars.words("API_ATTRIBUTES"),
            hooks_for: vars.hooks("HOOKS_FOR", default.hooks_for)?,
            hooks_timeout: vars.duration("HOOKS_TIMEOUT", 1..=MINUTE, default.hooks_timeout)?,
            flush_pace: vars.duration("FLUSH_PACE", 0..=10_000, default.flush_pace)?,
        })
    }
}

struct Vars<F>(F);

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    fn duration(
        &self,
        name: &'static str,
        allowed: RangeInclusive<u64>,
        default: Duration,
    ) -> Result<Duration, OptionError> {
        self.number(name, allowed, millis(default)).map(Duration::from_millis)
    }

    fn count(&self, name: &'static str, default: usize) -> Result<usize, OptionError> {
        self.number(name, 1..=1_000_000, default)
    }

    fn number<N>(&self, name: &'static str, allowed: RangeInclusive<N>, default: N) -> Result<N, OptionError>
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

    fn history(&self, name: &'static str) -> Result<HistoryRules, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(HistoryRules::default());
        };
        HistoryRules::parse(&value).ok_or_else(|| {
            let allowed = "rules like /chat/** 200 7d 1MB, separated by semicolons: a pattern, how many events, and perhaps how old \
                           and how large they may be in all";
            OptionError { name, value, allowed: allowed.to_owned() }
        })
    }

    fn trees(&self, name: &'static str) -> Result<Option<Vec<ChannelPattern>>, OptionError> {
        if (self.0)(name).is_none() {
            return Ok(None);
        }
        self.patterns(name, Vec::new()).map(Some)
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
        // Tokens without keys would let everybody in.
        let asked = ["TOKENS", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "TOKEN_COOKIE"];
        let asked = asked.into_iter().any(|name| (self.0)(name).is_some());
        if asked && !tokens.are_in_use() { wrong("", "there is none, and no TOKEN_JWKS_URL") } else { Ok(tokens) }
    }

    /// A URL whose answer cannot be forged on the way.
    fn url(&self, name: &'static str) -> Result<Option<String>, OptionError> {
        match (self.0)(name) {
            Some(value) if !is_safe(&value) => {
                // Visitors of the site read this, and the URL may contain a password.
                let (value, allowed) = ("(a URL)", "one with https://, or for development with http://localhost");
                let allowed = format!("{allowed}, and without a user or a fragment");
                Err(OptionError { name, value: value.to_owned(), allowed })
            }
            value => Ok(value),
        }
    }

    fn words(&self, name: &str) -> Vec<String> {
        (self.0)(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn homes(&self, name: &'static str, default: Placement) -> Result<Placement, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
        };
        Placement::parse(&value).ok_or_else(|| {
            let allowed = format!("root, sharded:N or regional:N, with N from 1 to {MAX_SHARDS}");
            OptionError { name, value, allowed }
        })
    }

    fn former_homes(&self, name: &'static str) -> Result<Vec<Placement>, OptionError> {
        let value = (self.0)(name).unwrap_or_default();
        value.split_whitespace().map(Placement::parse).collect::<Option<_>>().ok_or_else(|| {
            let allowed = "earlier values of HOMES, separated by spaces".to_owned();
            OptionError { name, value, allowed }
        })
    }

    fn rate(&self, name: &'static str, default: Option<Rate>) -> Result<Option<Rate>, OptionError> {
        let Some(value) = (self.0)(name) else {
            return Ok(default);
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

/// An invalid URL does no harm: the shell cannot fetch it.
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
            ("HISTORY", "/chat/**"),
            ("RETAIN", "chat"),
            ("MAX_HISTORY_BYTES", "1"),
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
