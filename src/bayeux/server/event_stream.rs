//! Server-sent events: a stream that carries a session's events, as Faye's client uses it.
//!
//! ```text
//! → GET /cometd/<clientId>                          accept: text/event-stream
//! ← data: [{"channel":"/chat/demo","data":"hi"}]    …
//! → POST [{"channel":"/meta/connect","clientId":"…","connectionType":"eventsource","id":"3"}]
//! ← [{"channel":"/meta/connect","id":"3","successful":true,
//!     "advice":{"reconnect":"retry","interval":30000,"timeout":0}}]
//! ```
//!
//! * An open stream is the connect that the session holds: it keeps the session alive, and all events go there, so they
//!   stay in order. Other connects of the client are answered at once; they only show that the client is there (Faye
//!   sends them).
//! * A new stream of the same session replaces the old one. A connect of another type replaces the stream, unless it is
//!   the session's first: Faye polls while it opens the stream. A poll that is held then is answered without events.
//! * A client that does not read is sent nothing more: its events wait in the session's queue, which is bounded. If
//!   that lasts, the stream ends and the rest waits for the next one.
//! * With the ack extension, events are sent with replies to connects only: such a session has no stream, and its
//!   connects are held. Nor has one that reads numbers in `ext`: a stream that breaks shows in no connect.

use std::time::Duration;

use super::BayeuxServer;
use super::checked_message::Checked;
use crate::bayeux::delivery::array;
use crate::bayeux::io::Output;
use crate::bayeux::limits::BayeuxContext;
use crate::bayeux::session::{HeldConnect, Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::Numbers;
use crate::bayeux::wire::{
    Advice, BayeuxError, Endpoint, EndpointKey, Event, MessageId, Reply, RequestedTiming, Status, StreamId, Written,
};

/// How often an idle stream gets a comment, ms: what the HTML standard recommends against proxies that cut idle
/// connections (section 9.2.7). At multiples of this on the clock, so that the object wakes once for all streams.
pub const STREAM_BEAT: u64 = 15_000;

/// How often a stream gets one that somebody else keeps open, ms: if that has forgotten the stream, it says so.
const RARE_BEAT: u64 = 3_600_000;

impl BayeuxServer {
    /// Opens a stream for the session of this clientId, or answers with the error.
    pub(in crate::bayeux) fn open_stream(
        &mut self,
        now: Millis,
        from: StreamId,
        context: BayeuxContext,
        client_id: &str,
        kept_open: bool,
    ) {
        let endpoint = Endpoint::EventSource(from);
        let key = match self.listener(now, &context, client_id) {
            Ok(key) => key,
            Err(error) => return self.refuse_stream(endpoint, &error),
        };
        let held = HeldConnect {
            endpoint,
            network: context.network(),
            browser: None,
            id: MessageId::default(),
            until: next_beat(now, kept_open),
            advise: false,
            timesync: None,
            stalled: false,
            kept_open,
        };
        self.sessions.suspend(key, held);
        self.look_for_page(key);
        if self.sessions.get(key).is_some_and(Session::is_ready) {
            self.ready.insert(key);
        }
    }

    /// The session of a stream, which holds no other connect any more.
    fn listener(&mut self, now: Millis, context: &BayeuxContext, client_id: &str) -> Result<SessionKey, BayeuxError> {
        let key = self.session_of(client_id, context).ok_or(BayeuxError::SessionUnknown)?;
        if self.delivers_on_connects_only(key) {
            return Err(BayeuxError::MetaConnectDeliverOnly);
        }
        match self.resume(now, key) {
            // A replaced stream would be opened again by its client, and replace this one.
            Some(poll) if matches!(poll.endpoint, Endpoint::LongPolling(_)) => {
                self.answer_held(now, key, poll, &[], None);
            }
            Some(overtaken) => self.answer_overtaken(key, overtaken),
            None => {}
        }
        if self.holds_too_many(context) {
            self.connection_refused(context);
            return Err(BayeuxError::ConnectionsExceeded);
        }
        Ok(key)
    }

    fn refuse_stream(&mut self, endpoint: Endpoint, error: &BayeuxError) {
        let (status, advice) = match error {
            BayeuxError::SessionUnknown => (Status::SessionUnknown, Some(Advice::handshake())),
            BayeuxError::ConnectionsExceeded => (Status::Unavailable, None),
            _ => (Status::Refused, None),
        };
        let reply = Reply { advice, ..Reply::failed(None, &MessageId::default(), error) }.into_json();
        self.was_refused(None, reply.refused);
        self.send(endpoint, status, Format::default(), &[], &[reply.json]);
    }

    /// Whether this session's events come with connects only, and so cannot come by a stream.
    pub(in crate::bayeux) fn delivers_on_connects_only(&self, key: SessionKey) -> bool {
        self.sessions.get(key).is_some_and(|session| {
            session.negotiated.meta_connect_deliver_only || session.negotiated.numbers == Numbers::Ext
        })
    }

    /// Whether a session that has not connected yet has a stream already.
    pub(in crate::bayeux) fn is_overtaken_by_its_stream(&self, key: SessionKey) -> bool {
        self.sessions.get(key).is_some_and(|session| session.is_streaming() && session.timing.advised.is_none())
    }

    /// Answers a connect of a client that has a stream, or is about to open one, and advises an interval.
    pub(in crate::bayeux) fn connect_beside_stream(
        &mut self,
        now: Millis,
        checked: &Checked,
        key: SessionKey,
        interval: Duration,
    ) -> Written {
        let streaming = self.sessions.get(key).is_some_and(Session::is_streaming);
        if !streaming && let Some(overtaken) = self.resume(now, key) {
            self.answer_overtaken(key, overtaken);
        }
        let requested = RequestedTiming { timeout: Duration::ZERO, interval, given: false };
        let Some((_, advise)) = self.negotiate(key, requested) else {
            return checked.failed(&BayeuxError::SessionUnknown).into_json();
        };
        // Makes the stream the connect that the session holds. If the stream has ended, the next connect is awaited.
        let until = self.kept_until(now, key);
        self.sessions.extend(key, until);
        let mut reply = checked.successful();
        if advise && let Some(session) = self.sessions.get_mut(key) {
            session.timing.advised = Some(interval);
            reply.advice = Some(Advice::retry(interval, Duration::ZERO));
        }
        reply.into_json()
    }

    /// Ends a stream. Its client opens it again, and hears there what comes from now on.
    pub(super) fn end_stream(&mut self, stream: Endpoint) {
        self.send(stream, Status::Ok, Format::default(), &[], &[]);
    }

    /// A stream's deadline has come: sends the queued events, or a comment. A stream that has read nothing since the
    /// last one ends.
    pub(in crate::bayeux) fn beat(&mut self, now: Millis, key: SessionKey, held: HeldConnect) {
        let Endpoint::EventSource(stream) = held.endpoint else { return };
        if held.stalled {
            return self.end_stream(held.endpoint);
        }
        let events = self.sessions.take_events(key);
        self.outputs.push(if events.is_empty() {
            Output::Beat(stream)
        } else {
            Output::Stream { to: vec![stream], messages: array(events.iter().map(Event::as_json)) }
        });
        let until = next_beat(now, held.kept_open);
        self.sessions.suspend(key, HeldConnect { until, ..held });
    }

    /// Records whether a stream's client keeps up.
    pub(in crate::bayeux) fn stalled(&mut self, now: Millis, stream: StreamId, stalled: bool) {
        for key in self.sessions.at(EndpointKey::EventSource(stream.0)) {
            let ready = self.sessions.change(key, |session| {
                let kept_open = session.held().is_some_and(|held| held.kept_open);
                // A stalled client has one whole interval to catch up.
                let until =
                    if stalled { next_beat(Millis(now.0 + STREAM_BEAT), false) } else { next_beat(now, kept_open) };
                session.set_stalled(stalled, until);
                session.is_ready()
            });
            self.look_for_page(key);
            if ready == Some(true) {
                self.ready.insert(key);
            }
        }
    }
}

fn next_beat(now: Millis, kept_open: bool) -> Millis {
    let every = if kept_open { RARE_BEAT } else { STREAM_BEAT };
    Millis((now.0 / every + 1) * every)
}
