//! Options read from named strings, each checked: an invalid value is reported with what is allowed.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use super::table::{Setting, find};
use super::{Durability, MINUTE, Options, QueueOverflow};
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::auth::{AccessRules, RuleError, TokenOptions};
use crate::bayeux::cluster::{MAX_SHARDS, Placement};
use crate::bayeux::delivery::HistoryRules;
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::Rate;
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

/// A row of the table.
macro_rules! option {
    ($name:literal) => {
        const { find($name) }
    };
}

impl Default for Options {
    /// The defaults of the table, read as `[vars]` are.
    fn default() -> Self {
        match Self::from_vars(|_| None) {
            Ok(options) => options,
            Err(error) => panic!("the table of options has a bad default: {error}"),
        }
    }
}

impl Options {
    /// Reads every option that `var` knows by name; the others have the defaults of the table.
    ///
    /// # Errors
    /// The first invalid value, with what is allowed.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, OptionError> {
        let vars = Vars(var);
        Ok(Self {
            timeout: vars.duration(option!("TIMEOUT"), 1..=10 * MINUTE)?,
            websocket_timeout: vars.duration(option!("WEBSOCKET_TIMEOUT"), 1..=DAY)?,
            connection_types: vars.connection_types(option!("CONNECTION_TYPES"))?,
            interval: vars.duration(option!("INTERVAL"), 0..=60 * MINUTE)?,
            max_interval: vars.duration(option!("MAX_INTERVAL"), 1..=DAY)?,
            anon_publish: vars.flag(option!("ANON_PUBLISH"))?,
            access_rules: vars.access_rules(option!("ACCESS_RULES"))?,
            tokens: vars.tokens()?,
            client_max_connections: vars.count(option!("CLIENT_MAX_CONNECTIONS"))?,
            rate_connections: vars.rate(option!("RATE_CONNECTIONS"))?,
            rate_frames: vars.rate(option!("RATE_FRAMES"))?,
            rate_handshakes: vars.rate(option!("RATE_HANDSHAKES"))?,
            rate_publishes: vars.rate(option!("RATE_PUBLISHES"))?,
            rate_subscribes: vars.rate(option!("RATE_SUBSCRIBES"))?,
            rate_requests: vars.rate(option!("RATE_REQUESTS"))?,
            rate_trees: vars.rate(option!("RATE_TREES"))?,
            max_trees: vars.count(option!("MAX_TREES"))?,
            spanning_patterns: vars.flag(option!("SPANNING_PATTERNS"))?,
            max_spanning_patterns: vars.count(option!("MAX_SPANNING_PATTERNS"))?,
            max_sessions_per_browser: vars.number(option!("MAX_SESSIONS_PER_BROWSER"), 0..=1_000_000)?,
            multi_session_interval: vars.duration(option!("MULTI_SESSION_INTERVAL"), 0..=5 * MINUTE)?,
            max_message_size: vars.number(option!("MAX_MESSAGE_SIZE"), 64..=32 << 20)?,
            max_messages_per_batch: vars.count(option!("MAX_MESSAGES_PER_BATCH"))?,
            max_json_depth: vars.number(option!("MAX_JSON_DEPTH"), 4..=1000)?,
            max_queue: vars.count(option!("MAX_QUEUE"))?,
            max_queue_bytes: vars.number(option!("MAX_QUEUE_BYTES"), 1024..=64 << 20)?,
            queue_overflow: vars.one_of(option!("QUEUE_OVERFLOW"), QUEUE_OVERFLOWS)?,
            max_subscriptions: vars.count(option!("MAX_SUBSCRIPTIONS"))?,
            max_sessions: vars.count(option!("MAX_SESSIONS"))?,
            max_sessions_per_address: vars.count(option!("MAX_SESSIONS_PER_ADDRESS"))?,
            max_subscriptions_per_address: vars.count(option!("MAX_SUBSCRIPTIONS_PER_ADDRESS"))?,
            max_subscription_bytes: vars.number(option!("MAX_SUBSCRIPTION_BYTES"), 1024..=1 << 20)?,
            max_memory: vars.number(option!("MAX_MEMORY"), 1 << 20..=1 << 30)?,
            lazy_channels: vars.patterns(option!("LAZY_CHANNELS"))?,
            max_lazy_timeout: vars.duration(option!("MAX_LAZY_TIMEOUT"), 1..=10 * MINUTE)?,
            durability: vars.one_of(option!("DURABILITY"), DURABILITIES)?,
            retry_window: vars.duration(option!("RETRY_WINDOW"), 0..=10 * MINUTE)?,
            history: vars.history(option!("HISTORY"))?,
            retain: vars.patterns(option!("RETAIN"))?,
            max_history_bytes: vars.number(option!("MAX_HISTORY_BYTES"), 1 << 20..=8 << 30)?,
            presence: vars.patterns(option!("PRESENCE"))?,
            max_presence: vars.number(option!("MAX_PRESENCE"), 0..=100_000)?,
            meta_connect_deliver_only: vars.flag(option!("META_CONNECT_DELIVER_ONLY"))?,
            broadcast_to_publisher: vars.flag(option!("BROADCAST_TO_PUBLISHER"))?,
            messages_per_frame: NonZeroUsize::new(vars.number(option!("MESSAGES_PER_FRAME"), 0..=1_000_000)?),
            timestamp: vars.flag(option!("TIMESTAMP"))?,
            tree_depth: vars.number(option!("TREE_DEPTH"), 0..=8)?,
            trees: vars.patterns_if_set(option!("TREES"))?,
            homes: vars.homes(option!("HOMES"))?,
            former_homes: vars.former_homes(option!("FORMER_HOMES"))?,
            max_relays: vars.count(option!("MAX_RELAYS"))?,
            max_relays_bytes: vars.number(option!("MAX_RELAYS_BYTES"), 1024..=64 << 20)?,
            relay_fanout: vars.count(option!("RELAY_FANOUT"))?,
            api_attributes: vars.words(option!("API_ATTRIBUTES")),
            tail_events: vars.number(option!("TAIL_EVENTS"), 0..=1000)?,
            hooks_for: vars.hooks(option!("HOOKS_FOR"))?,
            hooks_timeout: vars.duration(option!("HOOKS_TIMEOUT"), 1..=MINUTE)?,
            flush_pace: vars.duration(option!("FLUSH_PACE"), 0..=10_000)?,
        })
    }
}

struct Vars<F>(F);

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    /// What is set, or the default.
    fn value(&self, option: Setting) -> Option<String> {
        (self.0)(option.name).or_else(|| option.default.map(str::to_owned))
    }

    /// A value that may be left out only where the table has a default.
    fn read<T>(
        &self,
        option: Setting,
        parse: impl Fn(&str) -> Option<T>,
        allowed: impl Fn() -> String,
    ) -> Result<T, OptionError> {
        let value = self.value(option).unwrap_or_default();
        parse(&value).ok_or_else(|| OptionError { name: option.name, value, allowed: allowed() })
    }

    /// A value that may be left out.
    fn read_if_set<T>(
        &self,
        option: Setting,
        parse: impl Fn(&str) -> Option<T>,
        allowed: impl Fn() -> String,
    ) -> Result<Option<T>, OptionError> {
        if self.value(option).is_none() { Ok(None) } else { self.read(option, parse, allowed).map(Some) }
    }

    fn duration(&self, option: Setting, allowed: RangeInclusive<u64>) -> Result<Duration, OptionError> {
        self.number(option, allowed).map(Duration::from_millis)
    }

    fn count(&self, option: Setting) -> Result<usize, OptionError> {
        self.number(option, 1..=1_000_000)
    }

    fn number<N>(&self, option: Setting, allowed: RangeInclusive<N>) -> Result<N, OptionError>
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        let number = |value: &str| value.trim().parse().ok().filter(|number| allowed.contains(number));
        self.read(option, number, || format!("a whole number from {} to {}", allowed.start(), allowed.end()))
    }

    fn connection_types(&self, option: Setting) -> Result<Vec<ConnectionType>, OptionError> {
        let types = |value: &str| {
            let mut types: Vec<_> = value.split_whitespace().map(ConnectionType::named).collect::<Option<_>>()?;
            types.sort();
            types.dedup();
            (!types.is_empty()).then_some(types)
        };
        self.read(option, types, || {
            let all = ConnectionType::ALL.map(ConnectionType::name).join(", ");
            format!("one or more of {all}, separated by spaces")
        })
    }

    fn patterns(&self, option: Setting) -> Result<Vec<ChannelPattern>, OptionError> {
        self.patterns_if_set(option).map(Option::unwrap_or_default)
    }

    fn patterns_if_set(&self, option: Setting) -> Result<Option<Vec<ChannelPattern>>, OptionError> {
        let patterns = |value: &str| value.split_whitespace().map(ChannelPattern::parse).collect();
        self.read_if_set(option, patterns, || "channels or patterns like /news/**, separated by spaces".to_owned())
    }

    fn history(&self, option: Setting) -> Result<HistoryRules, OptionError> {
        let rules = self.read_if_set(option, HistoryRules::parse, || {
            "rules like /chat/** 200 7d 1MB, separated by semicolons: a pattern, how many events, and perhaps how old \
             and how large they may be in all"
                .to_owned()
        });
        rules.map(Option::unwrap_or_default)
    }

    fn hooks(&self, option: Setting) -> Result<Vec<Hook>, OptionError> {
        self.read(
            option,
            |value| value.split_whitespace().map(Hook::named).collect(),
            || format!("any of {}, separated by spaces", Hook::ALL.map(Hook::name).join(", ")),
        )
    }

    fn access_rules(&self, option: Setting) -> Result<Option<AccessRules>, OptionError> {
        let rules = self.value(option).map(|text| AccessRules::parse(&text)).transpose();
        rules.map_err(|RuleError { rule, expected }| OptionError {
            name: option.name,
            value: rule,
            allowed: format!("rules, each with {expected}"),
        })
    }

    fn tokens(&self) -> Result<TokenOptions, OptionError> {
        let option = option!("TOKEN_KEYS");
        let wrong = |value: &str, why: &str| {
            let allowed =
                format!("a JWK Set with keys for HS256, RS256, ES256 or EdDSA, or a secret of 32 bytes or more: {why}");
            Err(OptionError { name: option.name, value: value.to_owned(), allowed })
        };
        let keys = match self.value(option).map(|keys| Keys::parse(&keys)) {
            Some(Err(error)) => return wrong("(a secret)", &error.to_string()),
            keys => keys.and_then(Result::ok),
        };
        let tokens = TokenOptions {
            optional: self.one_of(option!("TOKENS"), [("required", false), ("optional", true)])?,
            jwks_url: self.url(option!("TOKEN_JWKS_URL"))?,
            issuer: self.value(option!("TOKEN_ISSUER")),
            audience: self.value(option!("TOKEN_AUDIENCE")),
            keys,
        };
        // Tokens without keys would let everybody in.
        let asked = ["TOKENS", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "TOKEN_COOKIE"];
        let asked = asked.into_iter().any(|name| (self.0)(name).is_some());
        if asked && !tokens.are_in_use() { wrong("", "there is none, and no TOKEN_JWKS_URL") } else { Ok(tokens) }
    }

    /// A URL whose answer cannot be forged on the way.
    fn url(&self, option: Setting) -> Result<Option<String>, OptionError> {
        match self.value(option) {
            Some(value) if !is_safe(&value) => {
                // Visitors of the site read this, and the URL may contain a password.
                let (value, allowed) = ("(a URL)", "one with https://, or for development with http://localhost");
                let allowed = format!("{allowed}, and without a user or a fragment");
                Err(OptionError { name: option.name, value: value.to_owned(), allowed })
            }
            value => Ok(value),
        }
    }

    fn words(&self, option: Setting) -> Vec<String> {
        self.value(option).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn homes(&self, option: Setting) -> Result<Placement, OptionError> {
        let allowed = || format!("root, sharded:N or regional:N, with N from 1 to {MAX_SHARDS}");
        self.read(option, Placement::parse, allowed)
    }

    fn former_homes(&self, option: Setting) -> Result<Vec<Placement>, OptionError> {
        let homes = |value: &str| value.split_whitespace().map(Placement::parse).collect();
        self.read(option, homes, || "earlier values of HOMES, separated by spaces".to_owned())
    }

    fn rate(&self, option: Setting) -> Result<Option<Rate>, OptionError> {
        let allowed = || "a count of 1 to 1000000 and 1 to 3600 seconds, like 20/60".to_owned();
        self.read_if_set(option, Rate::parse, allowed)
    }

    /// One of two words.
    fn one_of<T: Copy>(&self, option: Setting, words: [(&str, T); 2]) -> Result<T, OptionError> {
        let meant = |value: &str| words.iter().find(|(word, _)| *word == value.trim()).map(|(_, meant)| *meant);
        self.read(option, meant, || words.map(|(word, _)| word).join(" or "))
    }

    fn flag(&self, option: Setting) -> Result<bool, OptionError> {
        let meant = |value: &str| match value.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.read(option, meant, || "true or false".to_owned())
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
    fn options_that_are_not_set_have_their_default() {
        assert_eq!(Options::default().timeout, Duration::from_secs(30));
        assert_eq!(Options::default().rate_frames, Rate::parse("1000/10"));
        assert_eq!(
            Options::default().connection_types,
            [ConnectionType::WebSocket, ConnectionType::EventSource, ConnectionType::LongPolling]
        );
        assert_eq!(Options::default().hooks_for, Hook::DEFAULT);
        let changed = with("TIMEOUT", "3000").unwrap();
        assert_eq!(changed, Options { timeout: Duration::from_secs(3), ..Options::default() });
        assert!(with("ANON_PUBLISH", "true").unwrap().anon_publish);
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_name_the_value_and_what_is_allowed() {
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
