//! Clients that leave while their request is held, as far as the platform reports it.
//!
//! With the compatibility flag `enable_request_signal`, a request's signal aborts when its client has left. workerd
//! does so for a connection that is reset, not for one that is closed in order, and `wrangler dev` never does. So this
//! is an addition: other sessions expire by the clock.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::js_sys::Function;
use worker::web_sys::Request;

use crate::bayeux::EndpointKey;

// Returns false where the client has left already: then no abort is reported any more.
#[wasm_bindgen(inline_js = r#"
export function watch({ signal }, endpoint, left) {
  if (signal.aborted) return false;
  signal.endpoint = endpoint;
  signal.onabort = left;
  return true;
}
"#)]
extern "C" {
    fn watch(request: &Request, endpoint: f64, left: &Function) -> bool;
}

#[wasm_bindgen]
extern "C" {
    type AbortEvent;

    #[wasm_bindgen(method, getter)]
    fn target(this: &AbortEvent) -> AbortSignal;

    /// An `AbortSignal`, with the number of its endpoint.
    type AbortSignal;

    #[wasm_bindgen(method, getter)]
    fn endpoint(this: &AbortSignal) -> f64;
}

/// Calls back when the client of a watched request leaves.
pub struct ClientAborts {
    /// One for all requests: a closure for each would cost every poll.
    callback: Closure<dyn Fn(AbortEvent)>,
    aborted: Rc<dyn Fn(EndpointKey)>,
}

impl ClientAborts {
    pub fn new(aborted: impl Fn(EndpointKey) + 'static) -> Self {
        let aborted: Rc<dyn Fn(EndpointKey)> = Rc::new(aborted);
        let gone = Rc::clone(&aborted);
        let callback = Closure::own_assert_unwind_safe(move |event: AbortEvent| {
            gone(EndpointKey::LongPolling(event.target().endpoint() as u64));
        });
        Self { callback, aborted }
    }

    /// Whether a request's client has left already: then no abort is reported any more.
    pub fn has_aborted(request: &Request) -> bool {
        request.signal().aborted()
    }

    pub fn watch(&self, request: &Request, endpoint: EndpointKey) {
        let EndpointKey::LongPolling(number) = endpoint else { return };
        // Exact to 2^53 requests of one object.
        if !watch(request, number as f64, self.callback.as_ref().unchecked_ref()) {
            // It left while the request waited for its turn.
            (self.aborted)(endpoint);
        }
    }
}
