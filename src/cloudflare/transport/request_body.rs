//! The bodies of requests, awaited by the platform.
//!
//! A Rust future for each costs a tenth of an answer: its task, two closures, and their entries in JavaScript's
//! registry of what is to be freed. Here all the requests of an object share one function. Bytes and not text: the
//! platform would put U+FFFD in the place of what is no UTF-8.

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

/// Calls when a request's body has been read.
pub struct RequestBodies(Closure<dyn Fn(Request, JsValue) -> JsValue>);

impl RequestBodies {
    /// `read` is called with the bytes, or with none where the body broke off; it returns the response or the promise
    /// of it.
    pub fn new(read: impl Fn(Request, Option<Vec<u8>>) -> JsValue + 'static) -> Self {
        Self(Closure::own_assert_unwind_safe(move |request, body: JsValue| {
            read(request, body.dyn_ref::<ArrayBuffer>().map(|bytes| Uint8Array::new(bytes).to_vec()))
        }))
    }

    /// The promise of what is returned for this request; none where its body is taken already.
    pub fn of(&self, request: &Request) -> Option<Promise> {
        let body: Body = request.array_buffer().ok()?.unchecked_into();
        let read = self.0.as_ref().unchecked_ref::<ReadCallback>().bind(&JsValue::UNDEFINED, request);
        Some(body.then(&read, &read))
    }
}
