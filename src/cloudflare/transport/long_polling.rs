//! Long-polling over HTTP: a request becomes a batch, and its response may come much later.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use wasm_bindgen::JsValue;
use worker::js_sys::{Function, Promise};
use worker::web_sys::{Request, Response};

use crate::bayeux::{
    Callback, Element, Endpoint, EndpointKey, Format, Origin, RequestError, RequestId, is_form, parse_form, parse_json,
};
use crate::cloudflare::config::Config;
use crate::cloudflare::http::request;
use crate::cloudflare::http::response::{self, Head};
use crate::cloudflare::js;

/// The requests of an object that wait for their responses.
#[derive(Default)]
pub struct Polls {
    opened: Cell<u64>,
    waiting: RefCell<HashMap<EndpointKey, Poll>>,
}

struct Poll {
    resolve: Function,
    head: Head,
}

impl Polls {
    /// Adds a request. Returns its place and the promise of its response.
    pub fn open(&self, head: Head) -> (Endpoint, Promise) {
        let endpoint = self.next_endpoint();
        let resolvers = js::with_resolvers();
        let poll = Poll { resolve: resolvers.resolve(), head };
        self.waiting.borrow_mut().insert(endpoint.key(), poll);
        (endpoint, resolvers.promise())
    }

    /// Adds a request that may be answered elsewhere.
    pub fn next_endpoint(&self) -> Endpoint {
        self.opened.set(self.opened.get() + 1);
        Endpoint::LongPolling(RequestId::new(self.opened.get()))
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Whether this endpoint still waits.
    pub fn holds(&self, endpoint: EndpointKey) -> bool {
        self.waiting.borrow().contains_key(&endpoint)
    }

    /// Responds; a closed endpoint is skipped.
    pub fn answer(&self, endpoint: EndpointKey, status: u16, format: Format, json: &str) {
        self.respond(endpoint, |head| response::respond(&Head { status, format, ..head }, json));
    }

    /// Responds with any kind of response.
    pub fn respond(&self, endpoint: EndpointKey, response: impl FnOnce(Head) -> Response) {
        let Some(Poll { resolve, head }) = self.waiting.borrow_mut().remove(&endpoint) else { return };
        // A promise's own resolve function does not throw.
        let _ = resolve.call1(&JsValue::UNDEFINED, &response(head));
    }
}

/// A request's content.
pub struct Arrival {
    pub origin: Origin,
    pub messages: Vec<Element>,
    /// The JSONP callback, with callback-polling.
    pub callback: Option<Callback>,
    /// The text of the messages; none where that is in the URL.
    pub body: Option<String>,
}

/// Reads a request.
///
/// # Errors
/// The request as a whole is refused.
pub async fn read(request: &Request, config: &Config) -> Result<Arrival, RequestError> {
    arrived(request, request::body(request, config.options.max_message_size).await?, config)
}

/// The content of a request whose body was read.
///
/// # Errors
/// The request is refused.
pub fn arrived(request: &Request, body: String, config: &Config) -> Result<Arrival, RequestError> {
    let form = is_form(request::header(request, "Content-Type").as_deref(), &body)?;
    let messages = if form { parse_form(&body, &config.options) } else { parse_json(&body, &config.options) }?;
    Ok(Arrival { origin: origin(request), messages, callback: None, body: Some(body) })
}

/// The client's IP address. Cloudflare sets this header itself and overwrites what a client sends (HTTP headers
/// reference).
pub const ADDRESS_HEADER: &str = "CF-Connecting-IP";

/// The origin of a request.
pub fn origin(request: &Request) -> Origin {
    Origin { address: request::header(request, ADDRESS_HEADER).map(Into::into), ..Origin::default() }
}
