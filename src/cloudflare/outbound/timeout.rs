//! Timeouts for requests.

use wasm_bindgen::prelude::*;
use worker::web_sys::{AbortController, AbortSignal};

use crate::cloudflare::js;

/// Runs something with a signal that aborts it after this many ms.
///
/// # Errors
/// Its error: the platform throws when the signal aborts.
pub async fn within<T>(ms: f64, work: impl AsyncFnOnce(AbortSignal) -> Result<T, JsValue>) -> Result<T, JsValue> {
    let controller = AbortController::new()?;
    let signal = controller.signal();
    let give_up = Closure::once_assert_unwind_safe(move || controller.abort());
    // Not `AbortSignal.timeout`: its timer goes on after the response, and an object with a timer does not hibernate.
    let timer = js::set_timeout(give_up.as_ref().unchecked_ref(), ms);
    let outcome = work(signal).await;
    js::clear_timeout(&timer);
    outcome
}
