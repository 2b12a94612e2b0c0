//! The one way into the protocol and out of it: inputs are handled, and what the outputs say is done.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::Request;

use super::{Incoming, Tree};
use crate::bayeux::app::Fetch;
use crate::bayeux::{EndpointKey, Format, Home, Input, Notice, Output, Refusal, SocketId, StreamId};
use crate::cloudflare::http::app_http;
use crate::cloudflare::js;
use crate::cloudflare::log::{LogLevel, during, last_panic};
use crate::cloudflare::outbound::{calls, fetches, hooks, jwks_fetch};
use crate::cloudflare::transport::websocket::Close;

impl Tree {
    /// The time has come that the server wanted to be woken for.
    pub(super) fn wake(&self) {
        self.close_silent_sockets();
        let work = || self.handle(Input::Timeout, None);
        if self.is_busy() { work() } else { self.timer.rings(work) }
    }

    /// Whether requests keep the object in memory.
    fn is_busy(&self) -> bool {
        !self.polls.is_empty() || !self.streams.is_empty()
    }

    /// Leaves nothing behind where nobody is here any more.
    fn forget(&self) {
        if self.store.is_in_use() && self.server.borrow().is_empty() {
            self.store.clear();
            self.timer.alarm_is_gone();
        }
    }

    /// Handles what came, now or at the end of the turn.
    pub(super) fn submit(&self, incoming: Incoming) {
        if let Some(incoming) = self.group_commit.admit(incoming) {
            self.handle_all([incoming]);
        }
    }

    pub(super) fn handle_all(&self, incoming: impl IntoIterator<Item = Incoming>) {
        self.gather(|| {
            for Incoming { input, sender, request } in incoming {
                let has_aborted = matches!(&input, Input::Messages { origin, .. } if origin.has_aborted);
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

    /// A request is held: its client may go away.
    fn watch_held(&self, request: &Request, sender: EndpointKey, has_aborted: bool) {
        if has_aborted {
            // Nobody reads it, but the platform's side of the request comes to its end.
            self.polls.answer(sender, 200, Format::Json, "[]");
        } else {
            self.client_aborts.watch(request, sender);
        }
    }

    /// Lets the server handle what happened, and does what it says.
    ///
    /// A panic, say of an application's service, costs its own request only: `sender` is told of a fault, and what the
    /// server had to say to others until then is still said.
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
            self.log.refusal(LogLevel::Warn, "socket_too_slow", json!({}));
            self.close(&socket, &Close::too_slow());
        }
        self.links.flush();
        self.forget();
    }

    /// Tells the one whose input ran into a fault of ours.
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
                Ok(response) => self.polls.respond(to.key(), |_| response),
                Err(error) => {
                    let reason = format!("a route's response: {error:?}");
                    self.log.notice(&Notice::ActionFailed { reason }, None);
                    self.answer(to.key(), 500, Format::Json, &Refusal::InternalError.body());
                }
            },
            Output::Stream { to, messages } => self.streams.send(&to, &messages),
            Output::Beat(stream) => self.streams.beat(stream),
            Output::Deliver { to, messages } => self.sockets.send(&to, &messages),
            Output::Ask { token, whom, call } => self.ask(token, whom, call),
            Output::Consult { request } => self.consult(request),
            Output::FetchKeys { url } => self.fetch_keys(url),
            Output::Fetch { token, fetch } => self.fetch(token, fetch),
            Output::Keep { socket, held } => {
                if let Err(error) = self.sockets.keep(socket, held) {
                    self.log.line(LogLevel::Warn, "socket_not_kept", json!({ "error": error.to_string() }));
                }
            }
            // The platform's timers ring when it has nothing else to do that has come already. One of a millisecond
            // rings 1 to 3 ms later, in which a small crowd's object would be idle.
            Output::AwaitTurn => drop(js::set_timeout(self.turn_over.as_ref().unchecked_ref(), 0.0)),
            Output::WakeAt(time) => {
                if self.timer.set(time, self.is_busy(), self.sockets.were_answered()) {
                    let outputs = self.server.borrow_mut().fall_asleep();
                    outputs.into_iter().for_each(|output| self.perform(output));
                }
            }
            Output::Tell(notice, who) => self.log.notice(&notice, who.as_ref()),
        }
    }

    /// `status` is HTTP's, and means nothing to a socket. What answers a stream ends it.
    pub(super) fn answer(&self, to: EndpointKey, status: u16, format: Format, messages: &str) {
        match to {
            EndpointKey::LongPolling(_) if self.links.answer(to, status, format, messages) => {}
            EndpointKey::LongPolling(_) => self.polls.answer(to, status, format, messages),
            EndpointKey::WebSocket(number) => self.sockets.send(&[SocketId(number)], messages),
            EndpointKey::EventSource(number) => self.streams.end(StreamId(number), status, messages),
        }
    }

    /// Asks another object, and hands the server its answer.
    fn ask(&self, token: u64, whom: Home, call: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let answer = calls::ask(&tree.bindings, &whom, &call).await;
            tree.handle(Input::Answer { token, answer }, None);
        });
    }

    /// Asks the hooks Worker, and hands the server its answer.
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

    /// Sends a request of the application's, and hands the server the response.
    fn fetch(&self, token: u64, fetch: Fetch) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let response = fetches::send(&tree.bindings, fetch).await;
            tree.handle(Input::Fetched { token, response }, None);
        });
    }

    /// Fetches the keys of others, and hands them to the server.
    fn fetch_keys(&self, url: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let fetched = jwks_fetch::fetch(&url).await;
            tree.handle(Input::KeysFetched(fetched), None);
        });
    }
}
