//! What is logged, and about which session.

use serde_json::Value;

use super::BayeuxServer;
use crate::bayeux::auth::CLAIMS;
use crate::bayeux::io::{Notice, Output, Who};
use crate::bayeux::metrics::Metrics;
use crate::bayeux::session::{PastRefusal, Session, SessionKey};
use crate::bayeux::wire::{RefusedMessage, SocketId};

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

    /// Who speaks over this socket, for the platform's own log lines about it; of several the first.
    pub fn who_is_on(&self, socket: SocketId) -> Option<Who> {
        let key = *self.sessions.on(socket).first()?;
        self.sessions.get(key).map(|session| who(key, session))
    }

    /// Counts and logs a refused message, with its session if that is known, and notes it there.
    pub(in crate::bayeux) fn was_refused(&mut self, session: Option<SessionKey>, refused: Option<Box<RefusedMessage>>) {
        let Some(refused) = refused else { return };
        Metrics::count(&mut self.metrics.refused, refused.name, 1);
        if let Some(key) = session {
            let at = self.time_outside();
            self.refusals.add(key, PastRefusal::new(at, &refused));
        }
        let RefusedMessage { channel, subscription, error, name, reason, rule } = *refused;
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
