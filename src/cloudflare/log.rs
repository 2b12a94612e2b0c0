//! Structured logs: one line of JSON each, for `wrangler tail` and Workers Logs.
//!
//! Lines that a client can cause without limit are counted: the first ones of each event in a minute are written, and
//! at its end one line with the number of the rest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;
use std::rc::Rc;
use std::sync::Once;

use serde_json::{Value, json};
use worker::web_sys::Request;
use worker::{console_debug, console_error, console_log, console_warn};

use crate::bayeux::{Millis, Notice, OptionError, SessionKey, Who};
use crate::cloudflare::js;

/// How much is logged: each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Our own fault.
    Error,
    /// A client was refused, or lost something.
    Warn,
    /// Rare and important.
    Info,
    /// Each session.
    Debug,
}

/// A home's logger. Clones share its counts.
#[derive(Clone, Debug)]
pub struct Log {
    level: LogLevel,
    home: Rc<str>,
    counts: Rc<RefCell<Counts>>,
}

thread_local! {
    /// For all requests of this isolate: each is an invocation of its own, and a flood consists of many.
    static OF_WORKER: RefCell<Option<Log>> = const { RefCell::new(None) };
    /// The current request, read only when a line is written.
    static REQUEST: RefCell<Option<Request>> = const { RefCell::new(None) };
    /// The message and place of the last panic.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// In ms.
const MINUTE: u64 = 60_000;

/// Lines of an event in a minute whose details differ by client: one line shows a refusal, ten show who is refused.
const LINES: u64 = 10;

/// An event, with an error's name where it has several kinds.
type LineKind = (&'static str, &'static str);

/// The count of each kind of event in a minute, which begins with its first one.
#[derive(Debug, Default)]
struct Counts(BTreeMap<LineKind, Count>);

#[derive(Debug)]
struct Count {
    until: Millis,
    seen: u64,
    level: LogLevel,
    most: u64,
}

impl LogLevel {
    /// # Errors
    /// Any other word.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        match value.as_deref() {
            None | Some("info") => Ok(Self::Info),
            Some("error") => Ok(Self::Error),
            Some("warn") => Ok(Self::Warn),
            Some("debug") => Ok(Self::Debug),
            Some(other) => {
                let allowed = "error, warn, info or debug".to_owned();
                Err(OptionError { name: "LOG_LEVEL", value: other.to_owned(), allowed })
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl Log {
    pub fn new(level: LogLevel, home: &str) -> Self {
        Self { level, home: home.into(), counts: Rc::default() }
    }

    /// The Worker's own logger, which belongs to no home.
    pub fn of_worker(level: LogLevel) -> Self {
        let log = OF_WORKER.with_borrow_mut(|log| log.get_or_insert_with(|| Self::new(level, "")).clone());
        log.tell_sums(js::now());
        log
    }

    /// Writes a server's notice.
    pub fn notice(&self, notice: &Notice, who: Option<&Who>) {
        let (level, event, details) = match notice {
            Notice::SessionOpened { sessions } => (LogLevel::Debug, "session_opened", json!({ "sessions": sessions })),
            Notice::SessionClosed { why, sessions } => {
                (LogLevel::Debug, "session_closed", json!({ "why": why.name(), "sessions": sessions }))
            }
            Notice::EventsDropped { events } => (LogLevel::Warn, "events_dropped", json!({ "events": events })),
            Notice::ConnectionRefused { address } => {
                (LogLevel::Warn, "connection_refused", json!({ "address": &**address }))
            }
            Notice::RateExceeded { what, address } => {
                (LogLevel::Warn, "rate_exceeded", json!({ "what": what, "address": &**address }))
            }
            Notice::HooksFailed { calls } => (LogLevel::Error, "hooks_failed", json!({ "calls": calls })),
            Notice::TokenKeysFetched { keys } => (LogLevel::Info, "token_keys_fetched", json!({ "keys": keys })),
            Notice::TokenKeysFailed { reason } => (LogLevel::Error, "token_keys_failed", json!({ "reason": reason })),
            Notice::SessionsGivenUp { sessions } => {
                (LogLevel::Warn, "sessions_given_up", json!({ "sessions": sessions }))
            }
            Notice::StoreFailed { error } => (LogLevel::Error, "store_failed", json!({ "error": error })),
            Notice::HandshakeRefused { error } => (LogLevel::Info, "handshake_refused", json!({ "error": error })),
            Notice::MessageRefused { channel, subscription, error, reason, rule, .. } => {
                let details = json!({
                    "channel": channel, "subscription": subscription, "error": error, "reason": reason, "rule": rule
                });
                (LogLevel::Info, "message_refused", details)
            }
            Notice::ApplicationPanicked { what } => {
                (LogLevel::Error, "request_failed", json!({ "what": what, "panic": last_panic() }))
            }
            Notice::ActionFailed { reason } => (LogLevel::Error, "action_failed", json!({ "reason": reason })),
        };
        let details = with_who(details, who);
        match notice {
            Notice::MessageRefused { name, .. } => self.counted(level, (event, name), details, 1),
            Notice::HandshakeRefused { .. } | Notice::ConnectionRefused { .. } => self.refusal(level, event, details),
            Notice::RateExceeded { .. } | Notice::EventsDropped { .. } => {
                self.counted(level, (event, ""), details, LINES)
            }
            _ => self.line(level, event, details),
        }
    }

    /// A refusal: the first one in a minute has a line.
    pub fn refusal(&self, level: LogLevel, event: &'static str, details: Value) {
        self.counted(level, (event, ""), details, 1);
    }

    /// A client's mistake: the first `most` in a minute have lines.
    fn counted(&self, level: LogLevel, kind: LineKind, details: Value, most: u64) {
        let now = js::now();
        self.tell_sums(now);
        if self.counts.borrow_mut().count(now, level, kind, most) {
            self.line(level, kind.0, details);
        }
    }

    /// Writes the sums of past minutes. To be called now and then: nothing wakes an object for it.
    pub fn tell_sums(&self, now: Millis) {
        // Runs with each input, and nearly always finds nothing counted.
        if self.counts.borrow().0.is_empty() {
            return;
        }
        let sums = self.counts.borrow_mut().take_sums(now);
        for ((event, kind), level, more) in sums {
            let kind = Some(kind).filter(|kind| !kind.is_empty());
            self.line(level, event, without_nulls(json!({ "kind": kind, "more": more, "seconds": MINUTE / 1000 })));
        }
    }

    /// Writes a line, if the level is logged. `details` is an object.
    pub fn line(&self, level: LogLevel, event: &str, mut details: Value) {
        if level > self.level {
            return;
        }
        details["level"] = level.name().into();
        details["event"] = event.into();
        details["home"] = (*self.home).into();
        if let Some(ray) = ray() {
            details["ray"] = ray.into();
        }
        match level {
            LogLevel::Error => console_error!("{details}"),
            LogLevel::Warn => console_warn!("{details}"),
            LogLevel::Info => console_log!("{details}"),
            LogLevel::Debug => console_debug!("{details}"),
        }
    }
}

impl Counts {
    /// Counts an event. Returns whether it gets a line of its own.
    fn count(&mut self, now: Millis, level: LogLevel, kind: LineKind, most: u64) -> bool {
        let until = Millis(now.0 + MINUTE);
        let count = self.0.entry(kind).or_insert(Count { until, seen: 0, level, most });
        count.seen += 1;
        count.seen <= most
    }

    /// The events without a line, for each minute that is over.
    fn take_sums(&mut self, now: Millis) -> Vec<(LineKind, LogLevel, u64)> {
        // A clock that was set back ends a minute too.
        let over = |count: &Count| now >= count.until || now.0 + MINUTE < count.until.0;
        let ended = self.0.extract_if(.., |_, count| over(count));
        let sums = ended.map(|(kind, count)| (kind, count.level, count.seen.saturating_sub(count.most)));
        sums.filter(|(_, _, more)| *more > 0).collect()
    }
}

/// Sets the current request: lines until the next one have its `cf-ray`.
pub fn during<T>(request: Option<&Request>, work: impl FnOnce() -> T) -> T {
    let before = REQUEST.replace(request.cloned());
    let done = work();
    REQUEST.set(before);
    done
}

/// Cloudflare's id of the current request, as in its other logs.
fn ray() -> Option<String> {
    REQUEST.with_borrow(|request| request.as_ref()?.headers().get("cf-ray").ok().flatten())
}

/// Takes the message and place of the last panic.
pub fn last_panic() -> Option<String> {
    PANIC.take()
}

/// The details of a line, with the session that it is about.
pub fn with_who(mut details: Value, who: Option<&Who>) -> Value {
    if let Some(Who { client: SessionKey(client), user, transport }) = who {
        details["client"] = client.to_string().into();
        details["user"] = user.as_deref().into();
        details["transport"] = (*transport).into();
    }
    without_nulls(details)
}

fn without_nulls(mut details: Value) -> Value {
    if let Value::Object(fields) = &mut details {
        fields.retain(|_, value| !value.is_null());
    }
    details
}

/// Makes a panic one line of JSON too, with its place.
pub fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            PANIC.set(Some(panic.to_string()));
            let line = json!({ "level": "error", "event": "panic", "message": panic.to_string() });
            console_error!("{line}");
        }));
    });
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn a_flood_is_a_first_line_and_a_sum_a_minute() {
        let mut counts = Counts::default();
        let flood = |counts: &mut Counts, at: u64| {
            let lines = (0..1000).filter(|_| counts.count(Millis(at), LogLevel::Warn, ("api_refused", ""), 1)).count();
            (lines, counts.take_sums(Millis(at)))
        };
        assert_eq!(flood(&mut counts, 0), (1, vec![]));
        assert_eq!(flood(&mut counts, MINUTE - 1), (0, vec![]));
        assert_eq!(counts.take_sums(Millis(MINUTE)), [(("api_refused", ""), LogLevel::Warn, 1999)]);
        assert!(counts.0.is_empty(), "nothing is kept of it");
        assert_eq!(flood(&mut counts, MINUTE), (1, vec![]), "the next minute has its own first line");
    }

    #[wasm_bindgen_test]
    fn what_came_no_more_often_than_it_has_lines_needs_no_sum() {
        let mut counts = Counts::default();
        assert!((0..10).all(|_| counts.count(Millis(0), LogLevel::Warn, ("rate_exceeded", ""), 10)));
        assert_eq!(counts.take_sums(Millis(MINUTE)), []);
    }

    #[wasm_bindgen_test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut counts = Counts::default();
        counts.count(Millis(10 * MINUTE), LogLevel::Warn, ("origin_refused", ""), 1);
        assert!(counts.take_sums(Millis(MINUTE)).is_empty());
        assert!(counts.count(Millis(MINUTE), LogLevel::Warn, ("origin_refused", ""), 1));
    }
}
