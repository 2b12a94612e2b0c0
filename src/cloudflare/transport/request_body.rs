//! Request bodies, awaited by the platform.
//!
//! A Rust future for each body costs a tenth of a response: its task, two closures, and their entries in JavaScript's
//! finalization registry. Here all requests of an object share one function. Bodies are bytes and not text: the
//! platform would replace invalid UTF-8 by U+FFFD.

use wasm_bindgen::prelude::*;
use worker::js_sys::{ArrayBuffer, Promise, Uint8Array};
use worker::web_sys::Request;

#[wasm_bindgen]
extern "C" {
    /// A promise of an `ArrayBuffer`.
    type Body;

    #[wasm_bindgen(method)]
    fn then(this: &Body, read: &ReadCallback, broken: &ReadCallback) -> Promise;

    /// A function.
    type ReadCallback;

    #[wasm_bindgen(method)]
    fn bind(this: &ReadCallback, context: &JsValue, request: &Request) -> ReadCallback;
}

/// Calls back when a request's body was read.
pub struct RequestBodies(Closure<dyn Fn(Request, JsValue) -> JsValue>);

impl RequestBodies {
    /// `read` is called with the bytes, or with none where the body broke off; it returns the response or its promise.
    pub fn new(read: impl Fn(Request, Option<Vec<u8>>) -> JsValue + 'static) -> Self {
        Self(Closure::own_assert_unwind_safe(move |request, body: JsValue| {
            read(request, body.dyn_ref::<ArrayBuffer>().map(|bytes| Uint8Array::new(bytes).to_vec()))
        }))
    }

    /// The promise of the response to this request; none where its body was read already.
    pub fn of(&self, request: &Request) -> Option<Promise> {
        let body: Body = request.array_buffer().ok()?.unchecked_into();
        let read = self.0.as_ref().unchecked_ref::<ReadCallback>().bind(&JsValue::UNDEFINED, request);
        Some(body.then(&read, &read))
    }
}
