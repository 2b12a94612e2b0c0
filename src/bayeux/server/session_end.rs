//! How a session ends, and where its last events go.

use super::BayeuxServer;
use super::notices::who;
use crate::bayeux::app::ServerEvent;
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::metrics::Metrics;
use crate::bayeux::session::{Client, Ending, Sender, SessionKey};
use crate::bayeux::wire::{Advice, BayeuxError, Event, Reply, Status, TokenError};

impl BayeuxServer {
    /// Ends a session. Its last events leave with its held connect; without one they are returned.
    pub(in crate::bayeux) fn end(&mut self, key: SessionKey, why: Ending) -> Vec<Event> {
        let Some((mut session, held)) = self.sessions.close(key) else {
            return Vec::new();
        };
        let about = who(key, &session);
        let client = Client { attributes: std::mem::take(&mut session.attributes), ..Sender::Session(key).into() };
        for pattern in std::mem::take(&mut session.subscriptions) {
            self.unlisten(&pattern, key);
            self.happened(|| ServerEvent::Unsubscribe { client: client.clone(), pattern });
        }
        self.happened(|| ServerEvent::ClientDisconnect { client, why });
        if let Err(error) = self.store.forget_session(key) {
            self.storage_failed(&error);
        }
        Metrics::count(&mut self.metrics.ended, why.name(), 1);
        self.outputs.push(Output::Tell(Notice::SessionClosed { why, sessions: self.sessions.len() }, Some(about)));
        let unasked = matches!(why, Ending::Dismissed | Ending::Overflowed);
        let goodbye = unasked.then(|| Event::disconnected(&self.stamp));
        let Some(held) = held.filter(|_| why != Ending::Replaced) else {
            return session.take_queue().into_iter().chain(goodbye).collect();
        };
        let (mut events, ack) = self.sessions.take_last(&mut session);
        events.extend(goodbye);
        let mut reply = match why {
            Ending::TokenExpired => {
                let error = BayeuxError::Token(TokenError::Expired);
                Reply { advice: Some(Advice::handshake()), ..Reply::failed(Some("/meta/connect"), &held.id, &error) }
            }
            _ => Reply { advice: Some(Advice::none()), ..Reply::successful("/meta/connect", &held.id) },
        };
        reply.ext.ack = ack;
        let reply = reply.into_json();
        self.was_refused(None, reply.refused);
        self.send(held.endpoint, Status::Ok, session.negotiated.format, &events, &[reply.json]);
        Vec::new()
    }

    /// Ends the earlier sessions of a client that shakes hands again on its socket. The client is not told: it would
    /// take that for an answer to the new session.
    pub(in crate::bayeux) fn replace(&mut self, before: &[SessionKey]) {
        before.iter().for_each(|key| drop(self.end(*key, Ending::Replaced)));
    }

    /// Ends a session other than the sender's. A client without a held connect is told at its next one.
    pub(in crate::bayeux) fn dismiss(&mut self, key: SessionKey, why: Ending) {
        let Some(session) = self.sessions.get(key) else { return };
        let (client_id, until) = (session.client_id.clone(), session.due());
        let events = self.end(key, why);
        if !events.is_empty() {
            // Copies, because a row is deleted when nobody holds its event any more.
            let events = events.iter().map(|event| Event::thawed(event.as_json().to_owned())).collect();
            self.pending_disconnects.keep(client_id, until, events, self.options.max_sessions);
        }
    }
}
