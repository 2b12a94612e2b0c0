//! What is logged, and about which session.

use serde_json::Value;

use super::BayeuxServer;
use crate::bayeux::auth::CLAIMS;
use crate::bayeux::io::{Notice, Output, Who};
use crate::bayeux::metrics::Metrics;
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::wire::RefusedMessage;

/// Errors that are logged with the address at which they occur.
const HAVE_LINES: [&str; 2] = ["rate_exceeded", "connections_exceeded"];

impl BayeuxServer {
    pub(in crate::bayeux) fn tell(&mut self, notice: Notice) {
        self.outputs.push(Output::Tell(notice, None));
    }

    /// Logs a line about a session.
    pub(in crate::bayeux) fn tell_of(&mut self, key: SessionKey, notice: Notice) {
        let who = self.sessions.get(key).map(|session| who(key, session));
        self.outputs.push(Output::Tell(notice, who));
    }

    /// Logs a refused message, with its session if that is known.
    pub(in crate::bayeux) fn was_refused(&mut self, session: Option<SessionKey>, refused: Option<Box<RefusedMessage>>) {
        let Some(refused) = refused else { return };
        let RefusedMessage { channel, subscription, error, name, reason, rule } = *refused;
        Metrics::count(&mut self.metrics.refused, name, 1);
        // These have log lines of their own.
        let is_told = channel.as_deref() == Some("/meta/handshake") || HAVE_LINES.contains(&name);
        if !is_told {
            let notice = Notice::MessageRefused { channel, subscription, error, name, reason, rule };
            match session {
                Some(key) => self.tell_of(key, notice),
                None => self.tell(notice),
            }
        }
    }

    /// Counts and logs dropped events, with this session as one that lost some.
    pub(in crate::bayeux) fn dropped(&mut self, session: Option<SessionKey>, events: usize) {
        self.metrics.dropped += events as u64;
        let notice = Notice::EventsDropped { events };
        match session {
            Some(key) => self.tell_of(key, notice),
            None => self.tell(notice),
        }
    }
}

/// A session as the log shows it.
pub(super) fn who(client: SessionKey, session: &Session) -> Who {
    let claims = session.attributes.value(CLAIMS).and_then(Value::as_object);
    let user = claims.and_then(|claims| claims.get("sub")).and_then(Value::as_str).map(str::to_owned);
    Who { client, user, transport: session.transport() }
}
