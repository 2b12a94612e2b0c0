//! Held connects: what answers them, and when a session without one expires.

use std::time::Duration;

use super::BayeuxServer;
use crate::bayeux::session::{Ending, HeldConnect, Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::ack::Ack;
use crate::bayeux::wire::{Advice, BayeuxError, Endpoint, EndpointKey, Event, Reply, ReplyExt, SocketId, Status};

/// When a session with a suspended message is checked again, at the earliest.
const WAITS: Duration = Duration::from_secs(1);

/// How many held connects of sockets are answered early, along with one that is due. Each client connects again, so a
/// larger number would keep the object awake that this lets sleep.
const AT_ONCE: usize = 64;

impl BayeuxServer {
    /// The client of this connect has left: later events wait for its next connect.
    pub(super) fn closed(&mut self, now: Millis, endpoint: EndpointKey) {
        for key in self.sessions.at(endpoint) {
            self.resume(now, key);
        }
        let said = self.pending.client_aborted(endpoint);
        self.nobody_reads(now, said);
        if let EndpointKey::WebSocket(socket) = endpoint {
            for key in self.sessions.on(SocketId(socket)) {
                // The client is known to be gone: no grace is added for noticing it.
                let until = self.kept_until(now, key);
                self.sessions.shorten(key, until);
                self.sessions.moves_to(key, None);
            }
        }
    }

    /// Answers the connects that are due, keeps streams alive, and expires sessions whose clients stayed away too long.
    pub(super) fn sweep(&mut self, now: Millis) {
        self.pending_disconnects.sweep(now);
        // A handshake may have waited until its token expired.
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

    /// While the object is awake for one socket's connect, it also answers others that are past half of their time. So
    /// the connects of a room come to be due together, and wake an idle object once instead of many times.
    fn answer_sockets_nearly_due(&mut self, now: Millis) {
        for key in self.sessions.due_on_sockets(now + self.options.websocket_timeout / 2, AT_ONCE) {
            if let Some(held) = self.resume(now, key) {
                self.answer_connect(now, key, held);
            }
        }
    }

    /// Releases a session's held connect and awaits the next one.
    pub(in crate::bayeux) fn resume(&mut self, now: Millis, key: SessionKey) -> Option<HeldConnect> {
        let until = self.kept_until(now, key);
        self.sessions.resume(key, until)
    }

    /// Ends the held connect of a client that asks for a replay where it may have lost this connect, or the replay
    /// would go there. So it is with a socket that the request does not come from, and with a poll or a stream
    /// where the request subscribes again: the client may do so because that broke off. The replay comes with the
    /// next connect, or when the stream is opened again.
    pub(in crate::bayeux) fn leaves_lost_connect(
        &mut self,
        now: Millis,
        key: SessionKey,
        from: &Endpoint,
        subscribes_again: bool,
    ) {
        match self.sessions.get(key).and_then(Session::held).map(|held| &held.endpoint) {
            Some(Endpoint::WebSocket(socket)) if Some(*socket) != from.socket() => {
                self.resume(now, key);
                self.sessions.moves_to(key, from.socket());
            }
            Some(Endpoint::LongPolling(_)) if subscribes_again => {
                if let Some(held) = self.resume(now, key) {
                    self.answer_held(now, key, held, &[], None);
                }
            }
            Some(Endpoint::EventSource(_)) if subscribes_again => {
                if let Some(held) = self.resume(now, key) {
                    self.end_stream(held.endpoint);
                }
            }
            _ => {}
        }
    }

    /// How long a session lives after its connect is answered.
    pub(in crate::bayeux) fn kept_until(&self, now: Millis, key: SessionKey) -> Millis {
        now + self.interval(key) + self.options.max_interval
    }

    fn interval(&self, key: SessionKey) -> Duration {
        self.sessions.get(key).map_or(self.options.interval, |session| session.timing.interval)
    }

    /// Answers a held connect with the queued events.
    pub(super) fn answer_connect(&mut self, now: Millis, key: SessionKey, held: HeldConnect) {
        self.turn_page(now, key);
        if held.endpoint.socket().is_some() {
            let until = self.kept_until(now, key) + self.options.socket_grace();
            self.sessions.extend(key, until);
        }
        let (events, ack) = self.sessions.take_batch(key);
        self.answer_held(now, key, held, &events, ack);
    }

    /// Answers a connect that is held no longer, with these events.
    pub(super) fn answer_held(
        &mut self,
        now: Millis,
        key: SessionKey,
        held: HeldConnect,
        events: &[Event],
        ack: Option<Ack>,
    ) {
        let mut reply = Reply::successful("/meta/connect", &held.id);
        reply.advice = held.advise.then(|| self.advise(key, &held.endpoint));
        let timesync = held.timesync.and_then(|question| question.answer(now));
        reply.ext = ReplyExt { ack, timesync, ..ReplyExt::default() };
        let reply = reply.into_json().json;
        self.send(held.endpoint, Status::Ok, self.format(key), events, &[reply]);
    }

    /// The timing advice of a connect's reply. Only here does the client count as advised: a connect that is replaced
    /// or refused has no such reply.
    pub(in crate::bayeux) fn advise(&mut self, key: SessionKey, endpoint: &Endpoint) -> Advice {
        let interval = self.interval(key);
        if let Some(session) = self.sessions.get_mut(key) {
            session.timing.advised = Some(interval);
        }
        Advice::retry(interval, self.options.timeout_at(endpoint))
    }

    /// Answers a connect that a newer one replaced. The newer one gets the events. A socket needs no answer.
    pub(in crate::bayeux) fn answer_overtaken(&mut self, key: SessionKey, held: HeldConnect) {
        if matches!(held.endpoint, Endpoint::WebSocket(_)) {
            return;
        }
        let reply = Reply::failed(Some("/meta/connect"), &held.id, &BayeuxError::ConnectOvertaken).into_json();
        self.was_refused(Some(key), reply.refused);
        self.send(held.endpoint, Status::Overtaken, self.format(key), &[], &[reply.json]);
    }
}
