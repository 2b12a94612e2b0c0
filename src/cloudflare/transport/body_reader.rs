//! Request bodies, awaited by the platform.
//!
//! A Rust future for each body costs a tenth of a response: its task, two closures, and their entries in JavaScript's
//! finalization registry. Here all requests of an object share one function. Bodies are bytes and not text: the
//! platform would replace invalid UTF-8 by U+FFFD.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Function, Promise};
use worker::web_sys::Request;

// Returns the promise of what `read` returns, which gets the body's bytes, or undefined where the body broke off. The
// request stays in JavaScript meanwhile: the sender decides how long that is, and the wasm heap never shrinks.
#[wasm_bindgen(inline_js = r#"
export const readBody = (request, read) =>
  request.bytes().then(
    (bytes) => read(request, bytes),
    () => read(request, undefined),
  );
"#)]
extern "C" {
    #[wasm_bindgen(js_name = readBody)]
    fn read_body(request: &Request, read: &Function) -> Promise;
}

/// Calls back when a request's body was read.
pub struct RequestBodies(Closure<dyn Fn(Request, Option<Vec<u8>>) -> JsValue>);

impl RequestBodies {
    /// `read` is called with the bytes, or with none where the body broke off; it returns the response or its promise.
    pub fn new(read: impl Fn(Request, Option<Vec<u8>>) -> JsValue + 'static) -> Self {
        Self(Closure::own_assert_unwind_safe(read))
    }

    /// The promise of the response to this request.
    pub fn read(&self, request: &Request) -> Promise {
        read_body(request, self.0.as_ref().unchecked_ref())
    }
}
