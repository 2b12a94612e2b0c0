//! What stays open: sockets and event streams, what comes through them, and who left.

use std::rc::Rc;

use serde_json::json;
use worker::WebSocket;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::{Request, Response};

use super::{Incoming, Tree, calling};
use crate::bayeux::{
    Endpoint, EndpointKey, Exceeded, Format, Home, Input, Notice, Origin, RequestError, SocketId, parse_json,
};
use crate::cloudflare::cors::{cross_origin, is_foreign};
use crate::cloudflare::event_source::Signal;
use crate::cloudflare::log::LogLevel;
use crate::cloudflare::rate_limits::too_many;
use crate::cloudflare::response::{Head, respond};
use crate::cloudflare::tunnels::Arrived;
use crate::cloudflare::websocket::Close;
use crate::cloudflare::{carriers, js, long_polling};

impl Tree {
    /// A socket for whoever may read an answer: unlike a request's, the browser would let any page read a socket's.
    pub(super) fn open_socket(&self, request: &Request) -> Response {
        if is_foreign(request, &self.config.allowed_origins) {
            return foreign();
        }
        let origin = Origin { token: carriers::token(request, &self.config), ..self.origin(request) };
        if let Some(refusal) = self.refuse_connection(&origin, Head::default()) {
            return refusal;
        }
        if let (Some(network), Some(address)) = (origin.network(), origin.address.clone())
            && self.sockets.of_network(network) >= self.config.options.client_max_connections
        {
            self.log.notice(&Notice::ConnectionRefused { address });
            let head = Head { status: 503, ..Head::default() };
            return respond(&head, r#"[{"successful":false,"error":"503::connections_exceeded"}]"#);
        }
        let subprotocol = carriers::subprotocol(request);
        self.sockets.accept(origin, subprotocol.as_deref()).unwrap_or_else(|error| {
            self.log.line(LogLevel::Warn, "socket_refused", json!({ "error": error.to_string() }));
            let head = Head { status: 503, ..Head::default() };
            respond(&head, r#"[{"successful":false,"error":"503::sockets_exceeded"}]"#)
        })
    }

    /// An event stream for the session that the end of the path names, likewise.
    pub(super) fn open_stream(&self, request: &Request, client_id: &str) -> Response {
        if is_foreign(request, &self.config.allowed_origins) {
            return foreign();
        }
        let head = Head { cross_origin: cross_origin(request, &self.config.allowed_origins), ..Head::default() };
        let origin = self.origin(request);
        if let Some(refusal) = self.refuse_connection(&origin, head.clone()) {
            return refusal;
        }
        let client_id = client_id.to_owned();
        let opened = self.streams.open(head.clone()).ok().and_then(|stream| {
            let sender = Endpoint::EventSource(stream).key();
            self.handle(Input::Listen { from: stream, origin, client_id }, Some(sender));
            self.streams.response(stream)
        });
        opened.unwrap_or_else(|| {
            self.log.line(LogLevel::Error, "stream_refused", json!({}));
            respond(&Head { status: 503, ..head }, r#"[{"successful":false,"error":"503::stream_refused"}]"#)
        })
    }

    /// The answer to whoever opens sockets or streams faster than `RATE_CONNECTIONS` allows.
    fn refuse_connection(&self, origin: &Origin, head: Head) -> Option<Response> {
        let Exceeded { wait, first } = self.connections.borrow_mut().take(js::now(), origin.network()).err()?;
        if let Some(address) = origin.address.clone().filter(|_| first) {
            self.log.notice(&Notice::RateExceeded { what: "connections", address });
        }
        Some(too_many(head, wait))
    }

    /// Where a socket or a stream comes from. A cookie that it does not have yet is for the answer to a handshake.
    fn origin(&self, request: &Request) -> Origin {
        let browser = self.config.browser_cookie.as_ref().and_then(|cookie| cookie.of(request));
        Origin { browser, ..long_polling::origin(request) }
    }

    /// The headers that say so.
    fn headers_of(&self, origin: &Origin) -> Vec<(&'static str, String)> {
        let address = origin.address.as_ref().map(|address| (long_polling::ADDRESS_HEADER, address.to_string()));
        let cookie = self.config.browser_cookie.as_ref().zip(origin.browser.as_ref());
        let cookie = cookie.map(|(cookie, browser)| ("Cookie", cookie.with(browser)));
        let token = origin.token.as_ref().map(|token| (carriers::AUTHORIZATION, token.to_authorization()));
        address.into_iter().chain(cookie).chain(token).collect()
    }

    /// A stream's client does something.
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

    /// A frame came: text, or none where it was binary.
    pub(super) fn hear(&self, socket: &WebSocket, text: Option<String>) {
        let Some(text) = text else { return self.close(socket, &Close::binary()) };
        let Some((id, origin)) = self.sockets.sender(socket) else { return self.close(socket, &Close::fault()) };
        match parse_json(&text, &self.config.options) {
            Ok(messages) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.tunnel(id, &origin, home, text);
                }
                let from = Endpoint::WebSocket(id);
                let sender = Some(from.key());
                self.take(Incoming { input: Input::Messages { from, origin, messages }, sender, request: None });
            }
            // A heartbeat that is not spelled as the platform knows it.
            Err(error @ RequestError::Empty) => self.sockets.send(&[id], &error.body()),
            Err(error) => {
                self.log.line(LogLevel::Debug, "frame_refused", json!({ "status": error.status() }));
                self.close(socket, &Close::refusing(error));
            }
        }
    }

    /// Passes a frame on to the home of the session that speaks.
    fn tunnel(&self, socket: SocketId, origin: &Origin, home: Home, text: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        if self.tunnels.send(socket, &home, text) {
            let itself = self.itself.clone();
            let arrived = calling(&itself, |tree, arrived| match arrived {
                Arrived::Text(socket, text) => tree.sockets.send(&[socket], &text),
                Arrived::Closed(socket) => tree.tunnel_closed(socket),
            });
            let client = self.headers_of(origin);
            spawn_local(tree.tunnels.clone().open(self.bindings.clone(), socket, home, client, Rc::new(arrived)));
        }
    }

    /// The client is to come again, as if its network had failed.
    fn tunnel_closed(&self, socket: SocketId) {
        if let Some(socket) = self.sockets.get(socket) {
            self.close(&socket, &Close::restart());
        }
    }

    pub(super) fn close(&self, socket: &WebSocket, close: &Close) {
        if let Some(endpoint) = self.sockets.close(socket, close) {
            self.tunnels.close(endpoint);
            self.take(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
        }
    }

    /// The client of a held request is gone.
    pub(super) fn left(&self, endpoint: EndpointKey) {
        self.handle(Input::Closed(endpoint), None);
        // Nobody reads it, but the platform's side of the request comes to its end.
        self.polls.answer(endpoint, 200, Format::Json, "[]");
    }
}

/// The answer to a page that may not read it.
fn foreign() -> Response {
    let head = Head { status: 403, ..Head::default() };
    respond(&head, r#"[{"successful":false,"error":"403::origin_not_allowed"}]"#)
}
