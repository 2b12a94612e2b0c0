//! Long-polling over HTTP: a request becomes a batch, and its answer may come much later.

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

/// The requests of one object that wait for their answer.
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
    /// A place for one more answer, and the promise of it.
    pub fn open(&self, head: Head) -> (Endpoint, Promise) {
        let endpoint = self.next_endpoint();
        let resolvers = js::with_resolvers();
        let poll = Poll { resolve: resolvers.resolve(), head };
        self.waiting.borrow_mut().insert(endpoint.key(), poll);
        (endpoint, resolvers.promise())
    }

    /// The place of one more answer, which may be given elsewhere.
    pub fn next_endpoint(&self) -> Endpoint {
        self.opened.set(self.opened.get() + 1);
        Endpoint::LongPolling(RequestId::new(self.opened.get()))
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Whether this endpoint still waits for its answer.
    pub fn holds(&self, endpoint: EndpointKey) -> bool {
        self.waiting.borrow().contains_key(&endpoint)
    }

    /// Answers; an endpoint that is not open any more is passed over.
    pub fn answer(&self, endpoint: EndpointKey, status: u16, format: Format, json: &str) {
        self.respond(endpoint, |head| response::respond(&Head { status, format, ..head }, json));
    }

    /// Answers with a response of any kind.
    pub fn respond(&self, endpoint: EndpointKey, response: impl FnOnce(Head) -> Response) {
        let Some(Poll { resolve, head }) = self.waiting.borrow_mut().remove(&endpoint) else { return };
        // A promise's own resolve function does not throw.
        let _ = resolve.call1(&JsValue::UNDEFINED, &response(head));
    }
}

/// What a request brought.
pub struct Arrival {
    pub origin: Origin,
    pub messages: Vec<Element>,
    /// How the answer is to be wrapped, with callback-polling.
    pub callback: Option<Callback>,
    /// The text it came in; none where that is in the URL.
    pub body: Option<String>,
}

/// Reads a request.
///
/// # Errors
/// Where the request as a whole cannot be taken.
pub async fn read(request: &Request, config: &Config) -> Result<Arrival, RequestError> {
    arrived(request, request::body(request, config.options.max_message_size).await?, config)
}

/// What a request brought whose body was read.
///
/// # Errors
/// Where it cannot be taken.
pub fn arrived(request: &Request, body: String, config: &Config) -> Result<Arrival, RequestError> {
    let form = is_form(request::header(request, "Content-Type").as_deref(), &body)?;
    let messages = if form { parse_form(&body, &config.options) } else { parse_json(&body, &config.options) }?;
    Ok(Arrival { origin: origin(request), messages, callback: None, body: Some(body) })
}

/// The client's IP address. Cloudflare sets this header itself and overwrites what a client sends (HTTP headers
/// reference).
pub const ADDRESS_HEADER: &str = "CF-Connecting-IP";

/// Where a request comes from.
pub fn origin(request: &Request) -> Origin {
    Origin { address: request::header(request, ADDRESS_HEADER).map(Into::into), ..Origin::default() }
}
