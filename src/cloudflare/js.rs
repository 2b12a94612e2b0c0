//! The JavaScript functions that are called directly.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Date, Error, Function, Promise};
use worker::web_sys::Request;

use crate::bayeux::Millis;

#[wasm_bindgen]
extern "C" {
    /// A timer beyond 2^31 ms fires at once (HTML, timers), so callers stay below.
    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(callback: &Function, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub fn clear_timeout(timer: &JsValue);

    /// A request to a URL.
    pub fn fetch(request: &Request) -> Promise;

    #[wasm_bindgen(js_name = encodeURIComponent)]
    pub fn encode_uri_component(text: &str) -> String;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// The platform's clock. It stands still while code runs and advances with each event (a Workers measure against timing
/// attacks), so it is read once an event.
pub fn now() -> Millis {
    Millis(Date::now() as u64)
}

/// The message of a thrown value.
pub fn words(thrown: &JsValue) -> String {
    let message = || thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
    thrown.as_string().or_else(message).unwrap_or_else(|| format!("{thrown:?}"))
}

/// 256 bits of the platform's cryptographic generator.
pub fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    get_random_values(&mut seed);
    seed
}
