//! Structured logs: one line of JSON each, for `wrangler tail` and Workers Logs.

use std::panic;
use std::sync::Once;

use serde_json::{Value, json};
use worker::{console_debug, console_error, console_log, console_warn};

use crate::bayeux::{Notice, OptionError};

/// How much is logged: each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A fault of ours.
    Error,
    /// Somebody was refused or lost something.
    Warn,
    /// Rare and worth knowing.
    Info,
    /// Every session.
    Debug,
}

/// A logger of one home.
#[derive(Clone, Debug)]
pub struct Log {
    level: LogLevel,
    home: String,
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
        Self { level, home: home.to_owned() }
    }

    /// What a server says of itself.
    pub fn notice(&self, notice: &Notice) {
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
            Notice::ApplicationPanicked { what } => (LogLevel::Error, "request_failed", json!({ "what": what })),
            Notice::ActionFailed { reason } => (LogLevel::Error, "action_failed", json!({ "reason": reason })),
        };
        self.line(level, event, details);
    }

    /// Writes a line, where the level asks for it. `details` is an object.
    pub fn line(&self, level: LogLevel, event: &str, mut details: Value) {
        if level > self.level {
            return;
        }
        details["level"] = level.name().into();
        details["event"] = event.into();
        details["home"] = self.home.as_str().into();
        match level {
            LogLevel::Error => console_error!("{details}"),
            LogLevel::Warn => console_warn!("{details}"),
            LogLevel::Info => console_log!("{details}"),
            LogLevel::Debug => console_debug!("{details}"),
        }
    }
}

/// Makes a panic one line of JSON too, with where it was.
pub fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            let line = json!({ "level": "error", "event": "panic", "message": panic.to_string() });
            console_error!("{line}");
        }));
    });
}
