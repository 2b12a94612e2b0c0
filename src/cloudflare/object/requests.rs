//! Requests to the object, and their responses.
//!
//! The path of a POST with messages, from the platform to the protocol:
//!
//! 1. `ChannelTree::fetch`: the platform calls.
//! 2. `answer_to` lets the platform read the body; `receive_body` continues with it.
//! 3. `receive_messages` parses it, finds the session's home, and makes an `Input`.
//! 4. `submit` holds the input back while a group commit is under way.
//! 5. `handle` passes it to `BayeuxServer::handle`, and carries out the outputs.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::JsValue;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::future_to_promise;

use super::{Incoming, Tree};
use crate::bayeux::api::{ApiKey, Scope, is_api_path};
use crate::bayeux::app::HttpRequest;
use crate::bayeux::metrics::Platform;
use crate::bayeux::{
    BASE_PATH, BayeuxContext, Endpoint, Format, Home, Input, Refusal, RequestError, has_handshake, text_of,
};
use crate::cloudflare::http::app_http;
use crate::cloudflare::http::browser_cookie::is_multiplexed;
use crate::cloudflare::http::cors::{RequestOrigin, sender};
use crate::cloudflare::http::request::{ClientRequest, bytes, encoding, header, is_upgrade, length};
use crate::cloudflare::http::response::{Head, refuse, respond};
use crate::cloudflare::http::token_sources;
use crate::cloudflare::log::LogLevel;
use crate::cloudflare::outbound::calls;
use crate::cloudflare::transport::callback_polling;
use crate::cloudflare::transport::event_source::is_event_source;
use crate::cloudflare::transport::long_polling::{self, Arrival};
use crate::cloudflare::worker::home_of_request;

impl Tree {
    /// The response to a request, or the promise of it.
    pub(super) async fn receive(&self, request: &ClientRequest) -> JsValue {
        let path = request.path();
        if !path.starts_with(BASE_PATH) {
            return self.serve(request, |from, request| Input::Http { from, request }).await.into();
        }
        if is_api_path(path) {
            // The Worker has checked the key.
            self.close_silent_sockets();
            let platform = self.platform();
            // The Worker has checked the key: its scope is what this request may see.
            let key = self.config.api_keys.admit(header(request, "Authorization").as_deref());
            let scope = key.map_or(Scope::Read, ApiKey::scope);
            let without_key = |call| HttpRequest { headers: Vec::new(), ..call };
            let call = |from, call| Input::Api { from, request: without_key(call), scope, platform };
            return self.serve(request, call).await.into();
        }
        if is_upgrade(request) {
            return self.open_link(request).unwrap_or_else(|| self.open_socket(request)).into();
        }
        if is_event_source(request) {
            let client_id = Home::of_stream(path).map_or("", |(_, client_id)| client_id);
            return match self.elsewhere(Home::of_client_id(client_id)) {
                Some(home) => self.forward(request, &home, None),
                None => self.open_stream(request, client_id).into(),
            };
        }
        if calls::is_call(request) {
            return self.answer_call(request).await.into();
        }
        let arrival = match request.method() {
            "GET" => callback_polling::read(request, &self.config),
            _ => long_polling::read(request, &self.config).await,
        };
        self.receive_messages(request, arrival)
    }

    /// The platform's figures for this object.
    pub(super) fn platform(&self) -> Platform {
        Platform {
            sockets: self.sockets.count() as u64,
            storage_bytes: self.store.database_size() as u64,
            rows_written: self.store.rows_written(),
        }
    }

    /// The promise of the response to a request.
    pub(super) fn answer_to(self: &Rc<Self>, request: ClientRequest) -> Promise {
        if self.is_usual(&request) {
            return self.bodies.read(request.raw());
        }
        let tree = Rc::clone(self);
        future_to_promise(AssertUnwindSafe(async move { Ok(tree.receive(&request).await) }))
    }

    /// Whether this is as nearly every request: a POST with messages and a `Content-Length`.
    fn is_usual(&self, request: &ClientRequest) -> bool {
        let path = request.path();
        request.method() == "POST"
            && path.starts_with(BASE_PATH)
            && !is_api_path(path)
            && length(request).is_some_and(|length| length <= self.config.options.max_message_size as u64)
            && encoding(request).is_none()
    }

    /// The body was read, or broke off.
    pub(super) fn receive_body(&self, request: &ClientRequest, body: Option<Vec<u8>>) -> JsValue {
        let text = body.ok_or(RequestError::JsonInvalid).and_then(text_of);
        self.receive_messages(request, text.and_then(|text| long_polling::arrived(request, text, &self.config)))
    }

    /// The response to messages, or the promise of it.
    fn receive_messages(&self, request: &ClientRequest, arrival: Result<Arrival, RequestError>) -> JsValue {
        let page = sender(request, &self.config.allowed_origins);
        if let RequestOrigin::Foreign(origin) = &page {
            self.origin_refused(origin);
        }
        let browser = self.config.browser_cookie.as_ref().map(|cookie| cookie.browser(request));
        let (browser, set_cookie) = browser.map(|browser| (browser.id, browser.set_cookie)).unzip();
        let head = Head { cross_origin: page.cross_origin(), set_cookie: set_cookie.flatten(), ..Head::default() };
        match arrival {
            Ok(Arrival { context, messages, callback, body }) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.forward(request, &home, body);
                }
                let multiplexed = browser.is_some() && is_multiplexed(request);
                let token = if has_handshake(&messages) { token_sources::token(request, &self.config) } else { None };
                let context = BayeuxContext { browser, multiplexed, token, ..context };
                let (from, promise) = self.polls.open(Head { callback, ..head });
                let sender = from.key();
                let input = Input::Messages { from, context, messages };
                self.submit(Incoming { input, sender: Some(sender), request: Some(Clone::clone(request.raw())) });
                promise.into()
            }
            Err(error) => {
                self.log.line(LogLevel::Debug, "request_refused", json!({ "status": error.status() }));
                respond(&Head { status: error.status(), ..head }, &error.body()).into()
            }
        }
    }

    /// A session's home, where that is another object. An invented clientId leads nowhere: its session is unknown here.
    pub(super) fn elsewhere(&self, home: Option<Home>) -> Option<Home> {
        home.filter(|home| *home != self.home && self.config.options.leads_to(home))
    }

    /// Passes a request to the session's home, and returns the promise of its response: the Worker does not read
    /// bodies, so a client whose address has changed arrives at another home than its session's.
    pub(super) fn forward(&self, request: &ClientRequest, home: &Home, body: Option<String>) -> JsValue {
        home_of_request::forward(&self.bindings, home, request, body).map_or_else(
            |error| {
                self.log.line(LogLevel::Error, "not_forwarded", json!({ "error": format!("{error:?}") }));
                refuse(Head::default(), Refusal::HomeUnreachable).into()
            },
            Into::into,
        )
    }

    /// Handles a call of another object. Returns the promise of the answer.
    async fn answer_call(&self, request: &ClientRequest) -> Promise {
        let (from, promise) = self.polls.open(Head::default());
        let sender = from.key();
        match calls::read(request).await {
            Ok(call) => self.handle(Input::Call { from, call }, Some(sender)),
            Err(error) => self.answer(sender, error.status(), Format::Json, &error.body()),
        }
        promise
    }

    /// Handles a request for the server API or a route of the application. Returns the promise of the response.
    async fn serve(&self, request: &ClientRequest, input: impl FnOnce(Endpoint, HttpRequest) -> Input) -> Promise {
        let (from, promise) = self.polls.open(Head::default());
        let sender = from.key();
        match bytes(request, self.config.options.max_message_size).await {
            Ok(body) => {
                let request = HttpRequest { body, ..app_http::request(request) };
                self.handle(input(from, request), Some(sender));
            }
            Err(error) => self.answer(sender, error.status(), Format::Json, &error.body()),
        }
        promise
    }
}
