//! The only path into the protocol and out of it: passes inputs to the server, and carries out its outputs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::Request;

use super::{Incoming, Tree};
use crate::bayeux::app::Fetch;
use crate::bayeux::metrics::DataPoint;
use crate::bayeux::{EndpointKey, Format, Home, Input, Millis, Notice, Output, Refusal, SocketId, StreamId};
use crate::cloudflare::http::app_http;
use crate::cloudflare::js;
use crate::cloudflare::log::{Log, LogLevel, during, last_panic, with_who};
use crate::cloudflare::outbound::{calls, fetches, hooks, jwks_fetch};
use crate::cloudflare::transport::event_source::event;
use crate::cloudflare::transport::sockets::Close;

impl Tree {
    /// The timer or the alarm rang.
    pub(super) fn wake(&self) {
        self.close_silent_sockets();
        let work = || self.handle(Input::Timeout, None);
        if self.is_busy() { work() } else { self.timer.rings(work) }
    }

    /// Whether requests keep the object in memory.
    fn is_busy(&self) -> bool {
        !self.polls.is_empty() || !self.streams.is_empty()
    }

    /// Deletes all tables when the home has no sessions and no data.
    fn forget(&self) {
        if self.store.is_in_use() && self.server.borrow().is_empty() {
            self.store.clear();
            self.timer.alarm_is_gone();
        }
    }

    /// Handles an input, now or at the end of the turn.
    pub(super) fn submit(&self, incoming: Incoming) {
        if let Some(incoming) = self.group_commit.admit(incoming) {
            self.handle_all([incoming]);
        }
    }

    pub(super) fn handle_all(&self, incoming: impl IntoIterator<Item = Incoming>) {
        self.gather(|| {
            for Incoming { input, sender, request } in incoming {
                let has_aborted = matches!(&input, Input::Messages { context, .. } if context.has_aborted);
                during(request.as_ref(), || self.handle(input, sender));
                if let (Some(request), Some(sender)) = (request, sender)
                    && self.polls.holds(sender)
                {
                    self.watch_held(&request, sender, has_aborted);
                }
            }
        });
        if self.store.has_written() {
            self.group_commit.wrote();
        }
    }

    /// A request is held, so its client may leave.
    fn watch_held(&self, request: &Request, sender: EndpointKey, has_aborted: bool) {
        if has_aborted {
            // Nobody reads it, but it completes the platform's side of the request.
            self.polls.answer(sender, 200, Format::Json, "[]");
        } else {
            self.client_aborts.watch(request, sender);
        }
    }

    /// Passes an input to the server, and carries out the outputs.
    ///
    /// A panic, for example in an application's service, costs its own request only: `sender` gets an error, and
    /// outputs for others are carried out.
    pub(super) fn handle(&self, input: Input, sender: Option<EndpointKey>) {
        let now = js::now();
        self.log.tell_sums(now);
        let outputs = catch_unwind(AssertUnwindSafe(|| self.server.borrow_mut().handle(now, input)));
        let outputs = outputs.unwrap_or_else(|_| {
            self.log.line(LogLevel::Error, "request_failed", json!({ "panic": last_panic() }));
            self.fail(sender);
            self.server.borrow_mut().handle(now, Input::Timeout)
        });
        outputs.into_iter().for_each(|output| self.perform(output));
        for stream in self.streams.take_full() {
            self.handle(Input::Stalled(stream), None);
        }
        for socket in self.sockets.take_slow() {
            let who = self.sockets.sender(&socket).and_then(|(id, _)| self.server.borrow().who_is_on(id));
            self.log.refusal(LogLevel::Warn, "socket_too_slow", with_who(json!({}), who.as_ref()));
            self.close(&socket, &Close::too_slow());
        }
        self.links.flush();
        self.write_metrics(now);
        self.forget();
    }

    /// Answers the request whose input panicked.
    fn fail(&self, sender: Option<EndpointKey>) {
        match sender {
            Some(EndpointKey::WebSocket(number)) => {
                if let Some(socket) = self.sockets.get(SocketId(number)) {
                    self.close(&socket, &Close::fault());
                }
            }
            Some(sender) => self.answer(sender, 500, Format::Json, &Refusal::InternalError.body()),
            None => {}
        }
    }

    fn perform(&self, output: Output) {
        match output {
            Output::Send { to, status, format, messages } => self.answer(to.key(), status.code(), format, &messages),
            Output::Respond { to, response } => match app_http::response(&response, None) {
                Ok(response) => self.polls.respond(to.key(), &response),
                Err(error) => {
                    let reason = format!("a route's response: {error:?}");
                    self.log.notice(&Notice::ActionFailed { reason }, None);
                    self.answer(to.key(), 500, Format::Json, &Refusal::InternalError.body());
                }
            },
            Output::Stream { to, messages } => {
                let to = self.links.write(to, || event(&messages));
                if !to.is_empty() {
                    self.streams.send(&to, &messages);
                }
            }
            Output::Beat(stream) => {
                if !self.links.write(vec![stream], String::new).is_empty() {
                    self.streams.beat(stream);
                }
            }
            Output::Deliver { to, messages } => self.sockets.send(&to, &messages),
            Output::Ask { token, whom, call } => self.ask(token, whom, call),
            Output::Consult { request } => self.consult(request),
            Output::FetchKeys { url } => self.fetch_keys(url),
            Output::Fetch { token, fetch } => self.fetch(token, fetch),
            Output::Keep { socket, held } => {
                if let Err(error) = self.sockets.keep(socket, held) {
                    let who = self.server.borrow().who_is_on(socket);
                    let details = with_who(json!({ "error": error.to_string() }), who.as_ref());
                    self.log.line(LogLevel::Warn, "socket_not_kept", details);
                }
            }
            // A timer of the platform fires when no other event is pending. One of a millisecond fires 1 to 3 ms later,
            // in which an object with few clients would be idle.
            Output::AwaitTurn => drop(js::set_timeout(self.turn_over.as_ref().unchecked_ref(), 0.0)),
            Output::WakeAt(time) => {
                if self.timer.set(time, self.is_busy(), self.sockets.were_answered()) {
                    let outputs = self.server.borrow_mut().fall_asleep();
                    outputs.into_iter().for_each(|output| self.perform(output));
                    self.write_last_metrics();
                }
            }
            Output::Tell(notice, who) => self.log.notice(&notice, who.as_ref()),
        }
    }

    /// Writes the figures of the minute that is over, where something is bound that takes them.
    fn write_metrics(&self, now: Millis) {
        if self.writes_metrics() {
            let point = self.server.borrow_mut().data_point(now, || self.platform());
            self.write_point(point);
        }
    }

    /// The object may lose its memory: writes what it has not told yet.
    fn write_last_metrics(&self) {
        if self.writes_metrics() {
            let point = self.server.borrow_mut().last_data_point(js::now(), || self.platform());
            self.write_point(point);
        }
        self.keep_metrics();
    }

    fn writes_metrics(&self) -> bool {
        self.dataset.is_some() || self.metrics_store.is_some()
    }

    /// Keeps what the next life needs to know of the figures: with a socket for nothing, or in a row, which is billed,
    /// where the figures are written somewhere.
    pub(super) fn keep_metrics(&self) {
        let (sockets, in_rows) = (&self.sockets, self.writes_metrics());
        let lost = if in_rows { sockets.lost_points() } else { !sockets.keeps_points() };
        let points = self.server.borrow_mut().points_to_keep(|| self.platform(), lost);
        if let Some(points) = points.filter(|points| !sockets.keep_points(points) && in_rows) {
            self.server.borrow_mut().save_points(&points);
        }
    }

    fn write_point(&self, point: Option<DataPoint>) {
        let Some(point) = point else { return };
        if let Some(Err(error)) = self.dataset.as_ref().map(|dataset| dataset.write(&point)) {
            metrics_failed(&self.log, &error);
        }
        if let Some(store) = self.metrics_store.clone() {
            let (log, text) = (self.log.clone(), self.server.borrow().report(self.platform()).to_openmetrics());
            spawn_local(async move {
                if let Err(error) = store.keep(&point.home, &text).await {
                    metrics_failed(&log, &error);
                }
            });
        }
    }

    /// `status` is HTTP's, and means nothing to a socket. The answer to a stream ends it.
    pub(super) fn answer(&self, to: EndpointKey, status: u16, format: Format, messages: &str) {
        match to {
            EndpointKey::LongPolling(_) if self.links.answer(to, status, format, messages) => {}
            EndpointKey::LongPolling(_) => self.polls.answer(to, status, format, messages),
            EndpointKey::WebSocket(number) => self.sockets.send(&[SocketId(number)], messages),
            EndpointKey::EventSource(_) if self.links.end(to, status, messages) => {}
            EndpointKey::EventSource(number) => self.streams.end(StreamId(number), status, messages),
        }
    }

    /// Calls another object, and returns its answer to the server.
    fn ask(&self, token: u64, whom: Home, call: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let answer = calls::ask(&tree.bindings, &whom, &call).await;
            tree.handle(Input::Answer { token, answer }, None);
        });
    }

    /// Calls the hooks Worker, and returns its answer to the server.
    fn consult(&self, request: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let answer = hooks::consult(&tree.bindings, &tree.config.options, &request).await;
            if let Err(error) = &answer {
                tree.log.line(LogLevel::Debug, "hooks_unreachable", json!({ "error": error }));
            }
            tree.handle(Input::Consulted(answer.ok()), None);
        });
    }

    /// Sends an HTTP request of the application, and returns the response to the server.
    fn fetch(&self, token: u64, fetch: Fetch) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let response = fetches::send(&tree.bindings, fetch).await;
            tree.handle(Input::Fetched { token, response }, None);
        });
    }

    /// Fetches `TOKEN_JWKS_URL`, and returns the keys to the server.
    fn fetch_keys(&self, url: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let fetched = jwks_fetch::fetch(&url).await;
            tree.handle(Input::KeysFetched(fetched), None);
        });
    }
}

fn metrics_failed(log: &Log, error: &JsValue) {
    log.refusal(LogLevel::Error, "metrics_failed", json!({ "error": js::words(error) }));
}
