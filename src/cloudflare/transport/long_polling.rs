//! Long-polling over HTTP: a request becomes a batch, and its response may come much later.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;
use worker::web_sys::{Response, ResponseInit};

use crate::bayeux::{
    BayeuxContext, Callback, Element, Endpoint, EndpointKey, Format, RequestError, RequestId, is_form, parse_form,
    parse_json,
};
use crate::cloudflare::config::Config;
use crate::cloudflare::http::request::{self, ClientRequest};
use crate::cloudflare::http::response::{self, Head};

// One call holds a request, and one answers it.
#[wasm_bindgen(inline_js = r#"
export class HeldRequests {
  #ordinary;
  #resolvers = new Map();

  constructor(ordinary) {
    this.#ordinary = ordinary;
  }

  hold(endpoint) {
    const { promise, resolve } = Promise.withResolvers();
    this.#resolvers.set(endpoint, resolve);
    return promise;
  }

  answer(endpoint, json) {
    this.respond(endpoint, new Response(json, this.#ordinary));
  }

  respond(endpoint, response) {
    const resolve = this.#resolvers.get(endpoint);
    this.#resolvers.delete(endpoint);
    resolve?.(response);
  }
}
"#)]
extern "C" {
    /// The functions that resolve the responses' promises, by endpoint.
    type HeldRequests;

    #[wasm_bindgen(constructor)]
    fn new(ordinary: &ResponseInit) -> HeldRequests;

    #[wasm_bindgen(method)]
    fn hold(this: &HeldRequests, endpoint: f64) -> Promise;

    /// Responds as ordinarily, with this JSON.
    #[wasm_bindgen(method)]
    fn answer(this: &HeldRequests, endpoint: f64, json: &str);

    #[wasm_bindgen(method)]
    fn respond(this: &HeldRequests, endpoint: f64, response: &Response);
}

/// The requests of an object that wait for their responses.
pub struct Polls {
    opened: Cell<u64>,
    waiting: RefCell<HashMap<EndpointKey, Head>>,
    held: HeldRequests,
}

impl Default for Polls {
    fn default() -> Self {
        let held = HeldRequests::new(&response::ordinary());
        Self { opened: Cell::default(), waiting: RefCell::default(), held }
    }
}

impl Polls {
    /// Adds a request. Returns its place and the promise of its response.
    pub fn open(&self, head: Head) -> (Endpoint, Promise) {
        let endpoint = self.next_endpoint();
        self.waiting.borrow_mut().insert(endpoint.key(), head);
        // Exact to 2^53 requests of one object.
        (endpoint, self.held.hold(self.opened.get() as f64))
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
        let Some((number, head)) = self.take(endpoint) else { return };
        let head = Head { status, format, ..head };
        if head.is_ordinary() {
            self.held.answer(number, json);
        } else {
            self.held.respond(number, &response::respond(&head, json));
        }
    }

    /// Responds with any kind of response.
    pub fn respond(&self, endpoint: EndpointKey, response: &Response) {
        if let Some((number, _)) = self.take(endpoint) {
            self.held.respond(number, response);
        }
    }

    fn take(&self, endpoint: EndpointKey) -> Option<(f64, Head)> {
        let EndpointKey::LongPolling(number) = endpoint else { return None };
        Some((number as f64, self.waiting.borrow_mut().remove(&endpoint)?))
    }
}

/// A request's content.
pub struct Arrival {
    pub context: BayeuxContext,
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
pub async fn read(request: &ClientRequest, config: &Config) -> Result<Arrival, RequestError> {
    arrived(request, request::body(request, config.options.max_message_size).await?, config)
}

/// The content of a request whose body was read.
///
/// # Errors
/// The request is refused.
pub fn arrived(request: &ClientRequest, body: String, config: &Config) -> Result<Arrival, RequestError> {
    let form = is_form(request::header(request, "Content-Type").as_deref(), &body)?;
    let messages = if form { parse_form(&body, &config.options) } else { parse_json(&body, &config.options) }?;
    Ok(Arrival { context: context(request), messages, callback: None, body: Some(body) })
}

/// The client's IP address. Cloudflare sets this header itself and overwrites what a client sends (HTTP headers
/// reference).
pub const ADDRESS_HEADER: &str = "CF-Connecting-IP";

/// The context of a request.
pub fn context(request: &ClientRequest) -> BayeuxContext {
    BayeuxContext { address: request::header(request, ADDRESS_HEADER).map(Into::into), ..BayeuxContext::default() }
}
