//! Connects that are held: what answers them, and when the session of a client that holds none ends.

use std::time::Duration;

use super::BayeuxServer;
use crate::bayeux::session::{Ending, HeldConnect, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Advice, BayeuxError, Endpoint, EndpointKey, Reply, ReplyExt, SocketId, Status};

/// How long a session at least lives on whose message waits, before that is looked at again.
const WAITS: Duration = Duration::from_secs(1);

/// Connects of sockets that are answered before their time with one that is due. Each client comes back with another
/// one, so more of them would be a crowd that wakes an object to keep it from being busy.
const AT_ONCE: usize = 64;

impl BayeuxServer {
    /// Nobody waits for this answer any more: what comes from now on is kept for the client's next connect.
    pub(super) fn closed(&mut self, now: Millis, endpoint: EndpointKey) {
        for key in self.sessions.at(endpoint) {
            self.resume(now, key);
        }
        let said = self.pending.client_aborted(endpoint);
        self.nobody_reads(now, said);
        if let EndpointKey::WebSocket(socket) = endpoint {
            for key in self.sessions.on(SocketId(socket)) {
                // Its client is known to be gone, and needs no time to notice.
                let until = self.kept_until(now, key);
                self.sessions.shorten(key, until);
                self.sessions.moves_to(key, None);
            }
        }
    }

    /// Answers the connects that were held long enough, keeps streams alive, and forgets the sessions that stayed away
    /// too long.
    pub(super) fn sweep(&mut self, now: Millis) {
        self.pending_disconnects.sweep(now);
        // One may have taken so long to be let in.
        self.expire();
        let mut is_due_on_socket = false;
        while let Some(key) = self.sessions.first_due(now) {
            match self.resume(now, key) {
                Some(held) if matches!(held.endpoint, Endpoint::EventSource(_)) => self.beat(now, key, held),
                Some(held) => {
                    is_due_on_socket |= held.endpoint.socket().is_some();
                    self.answer_connect(now, key, held);
                }
                None if self.pending.has_of(key) => {
                    self.sessions.extend(key, now + self.options.max_interval.max(WAITS))
                }
                None => drop(self.end(key, Ending::Expired)),
            }
        }
        if is_due_on_socket {
            self.answer_sockets_nearly_due(now);
        }
    }

    /// While the object is awake for one socket's connect, those of others are answered too of which more than half of
    /// the time is over. So the connects of a room come to end together, and wake an idle object once in that time.
    fn answer_sockets_nearly_due(&mut self, now: Millis) {
        for key in self.sessions.due_on_sockets(now + self.options.websocket_timeout / 2, AT_ONCE) {
            if let Some(held) = self.resume(now, key) {
                self.answer_connect(now, key, held);
            }
        }
    }

    /// Lets go of a session's held connect; from now on its next one is awaited.
    pub(in crate::bayeux) fn resume(&mut self, now: Millis, key: SessionKey) -> Option<HeldConnect> {
        let until = self.kept_until(now, key);
        self.sessions.resume(key, until)
    }

    /// How long a session is kept whose connect is answered now.
    pub(in crate::bayeux) fn kept_until(&self, now: Millis, key: SessionKey) -> Millis {
        now + self.interval(key) + self.options.max_interval
    }

    fn interval(&self, key: SessionKey) -> Duration {
        self.sessions.get(key).map_or(self.options.interval, |session| session.timing.interval)
    }

    /// Answers a connect that was held, with the events that wait.
    pub(super) fn answer_connect(&mut self, now: Millis, key: SessionKey, held: HeldConnect) {
        self.turn_page(now, key);
        if held.endpoint.socket().is_some() {
            let until = self.kept_until(now, key) + self.options.socket_grace();
            self.sessions.extend(key, until);
        }
        let (events, ack) = self.sessions.take_batch(key);
        let mut reply = Reply::successful("/meta/connect", &held.id);
        reply.advice = held.advise.then(|| self.advise(key, &held.endpoint));
        let timesync = held.timesync.and_then(|question| question.answer(now));
        reply.ext = ReplyExt { ack, timesync, ..ReplyExt::default() };
        let reply = reply.into_json().json;
        self.send(held.endpoint, Status::Ok, self.format(key), &events, &[reply]);
    }

    /// What the reply to a connect tells of the session's timing. The client counts as told from now on, and not
    /// before: a connect that is overtaken or refused has no such reply.
    pub(in crate::bayeux) fn advise(&mut self, key: SessionKey, endpoint: &Endpoint) -> Advice {
        let interval = self.interval(key);
        if let Some(session) = self.sessions.get_mut(key) {
            session.timing.advised = Some(interval);
        }
        Advice::retry(interval, self.options.timeout_at(endpoint))
    }

    /// Answers a connect whose place a newer one took. Its events stay for that one. On a socket it needs no answer.
    pub(in crate::bayeux) fn answer_overtaken(&mut self, key: SessionKey, held: HeldConnect) {
        if matches!(held.endpoint, Endpoint::WebSocket(_)) {
            return;
        }
        let reply = Reply::failed(Some("/meta/connect"), &held.id, &BayeuxError::ConnectOvertaken).into_json();
        self.was_refused(Some(key), reply.refused);
        self.send(held.endpoint, Status::Overtaken, self.format(key), &[], &[reply.json]);
    }
}
