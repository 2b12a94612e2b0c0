//! The texts of requests, awaited by the platform.
//!
//! A Rust future for each costs a tenth of an answer: its task, two closures, and their entries in JavaScript's registry of what
//! is to be freed. Here all the requests of an object share one function.

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;
use worker::web_sys::Request;

#[wasm_bindgen]
extern "C" {
    /// A promise of text.
    type Text;

    #[wasm_bindgen(method)]
    fn then(this: &Text, read: &Read, broken: &Read) -> Promise;

    /// A function.
    type Read;

    #[wasm_bindgen(method)]
    fn bind(this: &Read, context: &JsValue, request: &Request) -> Read;
}

/// Calls when a request's text has been read.
pub struct Texts(Closure<dyn Fn(Request, JsValue) -> JsValue>);

impl Texts {
    /// `read` is called with the text, or with none where it broke off; it returns the response or the promise of it.
    pub fn new(read: impl Fn(Request, Option<String>) -> JsValue + 'static) -> Self {
        Self(Closure::own_assert_unwind_safe(move |request, text: JsValue| read(request, text.as_string())))
    }

    /// The promise of what is returned for this request; none where its body is taken already.
    pub fn of(&self, request: &Request) -> Option<Promise> {
        let text: Text = request.text().ok()?.unchecked_into();
        let read = self.0.as_ref().unchecked_ref::<Read>().bind(&JsValue::UNDEFINED, request);
        Some(text.then(&read, &read))
    }
}
