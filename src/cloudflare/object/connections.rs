//! Open connections: sockets and event streams, what arrives on them, and their ends.

use std::rc::Rc;

use serde_json::json;
use worker::WebSocket;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::Response;

use super::{Incoming, Tree, calling};
use crate::bayeux::{
    BayeuxContext, ConnectionRefused, Endpoint, EndpointKey, Format, Home, Input, Notice, Refusal, RequestError,
    SocketId, parse_json,
};
use crate::cloudflare::http::cors::{RequestOrigin, sender};
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::http::response::{Head, refuse};
use crate::cloudflare::http::token_sources;
use crate::cloudflare::js;
use crate::cloudflare::log::LogLevel;
use crate::cloudflare::outbound::tunnels::{Arrived, Passed};
use crate::cloudflare::transport::event_source::Signal;
use crate::cloudflare::transport::long_polling;
use crate::cloudflare::transport::sockets::Close;

/// How often sockets are checked for silence, ms: as often as our own clients send heartbeats.
const LOOK_EVERY: u64 = 30_000;

impl Tree {
    /// Opens a socket for a page that may read answers: browsers let any page read a socket's frames, unlike a
    /// request's response.
    pub(super) fn open_socket(&self, request: &ClientRequest) -> Response {
        if let RequestOrigin::Foreign(origin) = sender(request, &self.config.allowed_origins) {
            return self.foreign(&origin);
        }
        let context = BayeuxContext { token: token_sources::token(request, &self.config), ..self.context(request) };
        let network = context.network();
        let admitted = self.connections.borrow_mut().admit_socket(js::now(), network);
        if let Err(refused) = admitted {
            return self.refuse_connection(&context, refused, Head::default());
        }
        let subprotocol = token_sources::subprotocol(request);
        match self.sockets.accept(context, subprotocol.as_deref()) {
            Ok(response) => {
                self.connections.borrow_mut().socket_opened(network);
                response
            }
            Err(error) => {
                self.log.refusal(LogLevel::Warn, "socket_refused", json!({ "error": error.to_string() }));
                refuse(Head::default(), Refusal::SocketsExceeded)
            }
        }
    }

    /// Opens an event stream for the session that the path ends with, under the same rule.
    pub(super) fn open_stream(&self, request: &ClientRequest, client_id: &str) -> Response {
        let page = sender(request, &self.config.allowed_origins);
        if let RequestOrigin::Foreign(origin) = &page {
            return self.foreign(origin);
        }
        let head = Head { cross_origin: page.cross_origin(), ..Head::default() };
        let context = self.context(request);
        let admitted = self.connections.borrow_mut().admit_stream(js::now(), context.network());
        if let Err(refused) = admitted {
            return self.refuse_connection(&context, refused, head);
        }
        let client_id = client_id.to_owned();
        let opened = self.streams.open(head.clone()).ok().and_then(|stream| {
            let sender = Endpoint::EventSource(stream).key();
            self.handle(Input::Listen { from: stream, context, client_id, kept_open: false }, Some(sender));
            self.streams.response(stream)
        });
        opened.unwrap_or_else(|| {
            self.log.line(LogLevel::Error, "stream_refused", json!({}));
            refuse(head, Refusal::StreamRefused)
        })
    }

    /// The response where too many sockets or streams are opened.
    fn refuse_connection(&self, context: &BayeuxContext, refused: ConnectionRefused, head: Head) -> Response {
        self.tell_of(context, refused, "connections");
        refuse(head, refused.refusal)
    }

    pub(super) fn tell_of(
        &self,
        context: &BayeuxContext,
        ConnectionRefused { refusal, first }: ConnectionRefused,
        what: &'static str,
    ) {
        let Some(address) = context.address.clone().filter(|_| first) else { return };
        let notice = match refusal {
            Refusal::RateExceeded(_) => Notice::RateExceeded { what, address },
            _ => Notice::ConnectionRefused { address },
        };
        self.log.notice(&notice, None);
    }

    /// The context of a socket or a stream. A new browser cookie goes with the answer to a handshake.
    fn context(&self, request: &ClientRequest) -> BayeuxContext {
        let browser = self.config.browser_cookie.as_ref().and_then(|cookie| cookie.of(request));
        BayeuxContext { browser, ..long_polling::context(request) }
    }

    /// The same as headers.
    fn headers_of(&self, context: &BayeuxContext) -> Vec<(&'static str, String)> {
        let address = context.address.as_ref().map(|address| (long_polling::ADDRESS_HEADER, address.to_string()));
        let cookie = self.config.browser_cookie.as_ref().zip(context.browser.as_ref());
        let cookie = cookie.map(|(cookie, browser)| ("Cookie", cookie.with(browser)));
        let token = context.token.as_ref().map(|token| (token_sources::AUTHORIZATION, token.to_authorization()));
        address.into_iter().chain(cookie).chain(token).collect()
    }

    /// A stream's client has read, or has left.
    pub(super) fn hear_of(&self, signal: Signal) {
        match signal {
            Signal::Drained(stream) if self.streams.caught_up(stream) => self.handle(Input::Drained(stream), None),
            Signal::Drained(_) => {}
            Signal::Left(stream) => {
                self.streams.forget(stream);
                self.handle(Input::Closed(EndpointKey::EventSource(stream.0)), None);
            }
        }
    }

    /// A frame arrived: its text, or none where it was binary.
    pub(super) fn hear(&self, socket: &WebSocket, text: Option<String>) {
        let Some(text) = text else { return self.close(socket, &Close::binary()) };
        let Some((id, context)) = self.sockets.sender(socket) else { return self.close(socket, &Close::fault()) };
        let admitted = self.connections.borrow_mut().admit_frame(js::now(), context.network());
        if let Err(refused) = admitted {
            self.tell_of(&context, refused, "frames");
            return self.close(socket, &Close::turning_away(refused.refusal));
        }
        match parse_json(&text, &self.config.options) {
            Ok(messages) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.tunnel(socket, id, &context, home, text);
                }
                let from = Endpoint::WebSocket(id);
                let sender = Some(from.key());
                self.submit(Incoming { input: Input::Messages { from, context, messages }, sender, request: None });
            }
            // A heartbeat in another spelling than the one the platform answers itself.
            Err(error @ RequestError::Empty) => self.sockets.send(&[id], &error.body()),
            Err(error) => {
                self.log.line(LogLevel::Debug, "frame_refused", json!({ "status": error.status() }));
                self.close(socket, &Close::refusing(error));
            }
        }
    }

    /// Passes a frame to the home of its session.
    fn tunnel(&self, client: &WebSocket, socket: SocketId, context: &BayeuxContext, home: Home, text: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        let passed = self.tunnels.send(socket, &home, text);
        if passed == Passed::Refused {
            self.log.refusal(LogLevel::Warn, "tunnel_refused", json!({}));
            return self.close(client, &Close::turning_away(Refusal::HomesExceeded));
        }
        if passed == Passed::Unopened {
            let itself = self.itself.clone();
            let arrived = calling(&itself, |tree, arrived| match arrived {
                Arrived::Text(socket, text) => tree.sockets.send(&[socket], &text),
                Arrived::Closed(socket) => tree.tunnel_closed(socket),
            });
            let client = self.headers_of(context);
            spawn_local(tree.tunnels.clone().open(self.bindings.clone(), socket, home, client, Rc::new(arrived)));
        }
    }

    /// The client is to reconnect, as after a network failure.
    fn tunnel_closed(&self, socket: SocketId) {
        if let Some(socket) = self.sockets.get(socket) {
            self.close(&socket, &Close::restart());
        }
    }

    /// Closes the sockets whose heartbeats have ceased: their clients are gone without a close. Called when a member
    /// list is asked for, or the object is awake anyway; it walks all sockets, so it runs at intervals.
    pub(super) fn close_silent_sockets(&self) {
        let now = js::now();
        if now.0.saturating_sub(self.looked_for_silent.get().0) < LOOK_EVERY {
            return;
        }
        self.looked_for_silent.set(now);
        for socket in self.sockets.silent(now, self.config.options.longest_silence()) {
            self.close(&socket, &Close::silent());
        }
    }

    pub(super) fn close(&self, socket: &WebSocket, close: &Close) {
        if let Some((endpoint, network)) = self.sockets.close(socket, close) {
            self.connections.borrow_mut().socket_closed(network);
            self.tunnels.close(endpoint);
            self.submit(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
        }
    }

    /// The response for a page that may not read answers.
    fn foreign(&self, origin: &str) -> Response {
        self.origin_refused(origin);
        refuse(Head::default(), Refusal::OriginNotAllowed)
    }

    /// Tells the page's developer what to add to `ALLOWED_ORIGINS`.
    pub(super) fn origin_refused(&self, origin: &str) {
        self.log.refusal(LogLevel::Warn, "origin_refused", json!({ "origin": origin }));
    }

    /// The client of a held request has left.
    pub(super) fn client_aborted(&self, endpoint: EndpointKey) {
        self.handle(Input::Closed(endpoint), None);
        // Nobody reads it, but it completes the platform's side of the request.
        self.polls.answer(endpoint, 200, Format::Json, "[]");
    }
}
