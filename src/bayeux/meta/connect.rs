//! `/meta/connect` waits for events.
//!
//! ```text
//! → [{"channel":"/meta/connect","clientId":"…","connectionType":"long-polling","id":"3"}]
//! ← [{"channel":"/chat/demo","data":"hi"},{"channel":"/meta/connect","id":"3","successful":true}]
//! ```
//!
//! * A request MUST have clientId and connectionType (Bayeux 1.0 section 4.2); it MAY be held until there are events.
//! * A client MUST have one connect outstanding only; a second one replaces the first.
//! * The client's `advice.timeout` and `advice.interval` SHOULD be honoured; ours caps them.
//! * A connect is held only if it is alone in its request, not the session's first, and nothing is queued (CometD);
//!   `may_wait` has two exceptions.
//!
//! A session's connect has two states, `MetaConnect` in session/session.rs:
//!
//! ```text
//!                     connect: alone, not the first, nothing queued
//!            ┌────────────────────────────────────────────────────────┐
//!            │                                                        ▼
//!   ┌────────┴─────────┐                                    ┌───────────────────┐
//!   │ Awaited { until }│                                    │ Suspended (held)  │──┐ event on a socket or
//!   └────────┬─────────┘                                    └─────────┬─────────┘◀─┘ stream: stays held
//!            │ ▲  any other connect: answered at once                 │
//!            │ └──────────────────────────────────────────────────────┘
//!            │      event, time-out, newer connect, endpoint closed: answered, until = now + interval + maxInterval
//!            ▼ until has passed
//!       expired, forgotten
//! ```
//!
//! * Over HTTP/1.1 one tab of a browser has its connect held; the others are told to come again in a while (CometD).

use std::time::Duration;

use crate::bayeux::server::{Batch, BayeuxServer, Checked, Hold, Rides, Step};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::ack;
use crate::bayeux::wire::{Advice, BayeuxError, ConnectionType, Endpoint, Message, RequestedTiming, Written};

/// When a browser that sends no cookie tries again, where `BROWSER_COOKIE` requires one. The same as for a full home.
const WITHOUT_COOKIE: Duration = Duration::from_secs(10);

impl BayeuxServer {
    pub(in crate::bayeux) fn connect(&mut self, now: Millis, batch: &mut Batch, checked: Checked) -> Step {
        let Ok(key) = self.speaker(batch, &checked.message) else {
            return Step::Replied(self.connect_of_nobody(batch, &checked));
        };
        let type_ = match self.connection_type(&batch.from, &checked.message) {
            Ok(type_) => type_,
            Err(error) => return Step::Replied(checked.failed(&error).into_json()),
        };
        let is_socket = matches!(batch.from, Endpoint::WebSocket(_));
        let is_poll = !is_socket && type_ == ConnectionType::WebSocket;
        self.sessions.connects_by(key, if is_poll { ConnectionType::LongPolling } else { type_ });
        if type_ == ConnectionType::EventSource && !self.delivers_on_connects_only(key) {
            batch.carries(key, Rides::OnConnect);
            return Step::Replied(self.connect_beside_stream(now, &checked, key, self.options.timeout));
        }
        if self.is_overtaken_by_its_stream(key) {
            batch.carries(key, Rides::OnConnect);
            return Step::Replied(self.connect_beside_stream(now, &checked, key, Duration::ZERO));
        }
        if let Some(overtaken) = self.resume(now, key) {
            self.answer_overtaken(key, overtaken);
        }
        if let Some(batch) = ack::acknowledged(&checked.message) {
            let due = now + self.options.max_lazy_timeout;
            let changed = self.sessions.change(key, |session| {
                let changed = session.acknowledge(batch);
                session.queue.send_again_by(due);
                changed
            });
            if changed == Some(true) {
                self.sessions.mark_changed(key);
            }
        }
        match self.past_missed(key, &checked.message) {
            Ok(past) if past.is_empty() => self.wait_for_events(now, batch, checked, key),
            Ok(past) => self.catch_up(now, batch, checked, key, past),
            Err(error) => self.cannot_catch_up(batch, &checked, key, &error),
        }
    }

    /// Holds a connect, or answers it with what waits.
    pub(in crate::bayeux) fn wait_for_events(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: Checked,
        key: SessionKey,
    ) -> Step {
        batch.carries(key, Rides::OnConnect);
        self.read_page(now, key);
        let mut requested = RequestedTiming::of(
            &checked.message,
            self.options.timeout_at(&batch.from),
            self.options.interval,
            self.options.max_client_interval(),
        );
        let crowded = batch.alone && self.is_crowded(batch);
        if crowded {
            requested.interval = requested.interval.max(self.options.multi_session_interval);
            requested.timeout = Duration::ZERO;
        }
        let Some((first, advise)) = self.negotiate(key, requested) else {
            return Step::Replied(checked.failed(&BayeuxError::SessionUnknown).into_json());
        };
        if batch.alone
            && (!first || batch.context.again)
            && requested.timeout > Duration::ZERO
            && self.may_wait(batch, key)
        {
            if self.holds_too_many(&batch.context) {
                return self.refuse_connection(batch, &checked);
            }
            return Step::Hold(
                key,
                Hold { id: checked.id, until: now + requested.timeout, advise, timesync: checked.timesync },
            );
        }
        let until = self.kept_until(now, key);
        self.sessions.resume(key, until);
        self.sessions.moves_to(key, batch.from.socket());
        self.turn_page(now, key);
        let (events, ack) = self.sessions.take_acknowledged(key);
        batch.piggybacked.extend(events);
        let mut reply = checked.successful();
        if crowded && self.options.multi_session_interval.is_zero() {
            reply = checked.failed(&BayeuxError::MultipleClients);
            reply.advice = Some(Advice::none().to_multiple_clients());
        } else if crowded {
            reply.advice = Some(self.advise(key, &batch.from).to_multiple_clients());
        } else if advise {
            reply.advice = Some(self.advise(key, &batch.from));
        }
        reply.ext.ack = ack;
        Step::Replied(reply.into_json())
    }

    /// Whether the browser has given as many of its connections to other tabs' connects as it may.
    fn is_crowded(&self, batch: &Batch) -> bool {
        let most = self.options.max_sessions_per_browser;
        most > 0 && batch.occupied_browser().is_some_and(|browser| self.sessions.held_by_browser(browser) >= most)
    }

    /// A client without a session is advised to shake hands, unless the server itself has ended the session meanwhile.
    fn connect_of_nobody(&mut self, batch: &mut Batch, checked: &Checked) -> Written {
        let ending = checked.message.client_id().and_then(|id| self.pending_disconnects.take(&id));
        let mut reply = match &ending {
            Some(_) => checked.successful(),
            None => checked.failed(&BayeuxError::SessionUnknown),
        };
        reply.advice = Some(match &ending {
            Some(_) => Advice::none(),
            None if self.is_anothers(&checked.message, batch) => Advice::handshake_after(WITHOUT_COOKIE),
            None => Advice::handshake(),
        });
        let ending = ending.unwrap_or_default();
        self.metrics.piggybacked += ending.len() as u64;
        batch.piggybacked.extend(ending);
        reply.into_json()
    }

    /// Whether the session exists but belongs to another browser. A browser that keeps no cookies
    /// looks the same: told to shake hands at once, it would do so for ever.
    fn is_anothers(&self, message: &Message, batch: &Batch) -> bool {
        batch.context.browser.is_some() && message.client_id().is_some_and(|id| self.sessions.find(&id).is_some())
    }

    /// Stores the client's timing. Returns whether this is the session's first connect, and whether the reply has
    /// advice: on the first one, when the timing changed, and when the client sent advice, so may have forgotten ours.
    pub(in crate::bayeux) fn negotiate(&mut self, key: SessionKey, requested: RequestedTiming) -> Option<(bool, bool)> {
        let session = self.sessions.get_mut(key)?;
        let timing = &mut session.timing;
        let first = timing.advised.is_none();
        let advise = requested.given || timing.advised != Some(requested.interval);
        let before = std::mem::replace(&mut timing.interval, requested.interval);
        if before != requested.interval {
            self.sessions.mark_changed(key);
        }
        Some((first, advise))
    }

    /// Whether a connect may be held. It may while nothing urgent is queued for its session. If something is, it still
    /// may in two cases: on a busy object, until the next flush may leave; and on a socket, where events are sent ahead
    /// of the connect's reply, unless the session takes events with connects only.
    fn may_wait(&self, batch: &Batch, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let events_go_ahead =
            matches!(batch.from, Endpoint::WebSocket(_)) && !session.negotiated.meta_connect_deliver_only;
        events_go_ahead || !session.has_something() || !self.pace.allows()
    }

    /// The type that a connect names, if it is offered. An HTTP request that names `websocket` counts as long-polling,
    /// and is refused where long-polling is not offered.
    fn connection_type(&self, from: &Endpoint, message: &Message) -> Result<ConnectionType, BayeuxError> {
        if message.field("connectionType").is_none() {
            return Err(BayeuxError::ConnectionTypeMissing);
        }
        let offered = |type_: &ConnectionType| self.options.connection_types.contains(type_);
        let type_ = message.get::<String>("connectionType").and_then(|name| ConnectionType::named(&name));
        let type_ = type_.filter(offered).ok_or(BayeuxError::ConnectionTypeUnsupported)?;
        let is_poll = type_ == ConnectionType::WebSocket && matches!(from, Endpoint::LongPolling(_));
        if is_poll && !offered(&ConnectionType::LongPolling) {
            return Err(BayeuxError::ConnectionTypeUnsupported);
        }
        Ok(type_)
    }
}
