//! Calls the hooks Worker through its service binding.

use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{AbortSignal, Headers, Request, RequestInit, Response};

use super::timeout;
use crate::bayeux::Options;
use crate::cloudflare::bindings::Bindings;

/// What it answers.
///
/// # Errors
/// It failed, took longer than `HOOKS_TIMEOUT`, or did not answer with a 200.
pub async fn consult(bindings: &Bindings, options: &Options, request: &str) -> Result<String, String> {
    let ms = options.hooks_timeout.as_millis() as f64;
    let outcome = timeout::within(ms, async |signal| try_to_consult(bindings, request, &signal).await).await;
    outcome.map_err(|error| format!("{error:?}"))
}

async fn try_to_consult(bindings: &Bindings, request: &str, signal: &AbortSignal) -> Result<String, JsValue> {
    let hooks = bindings.hooks().or_else(|| bindings.application()).ok_or("no binding HOOKS")?;
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&request.into());
    init.set_signal(Some(signal));
    // The host does not matter: the request goes through the binding.
    let request = Request::new_with_str_and_init("https://hooks/", &init)?;
    let response: Response = JsFuture::from(hooks.fetch(&request)?).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    match response.status() {
        200 => Ok(text),
        status => Err(format!("status {status}").into()),
    }
}
