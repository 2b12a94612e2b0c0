//! Calls between the objects of this deployment.
//!
//! They use a method that the Worker never passes on: a request with it comes from another object.

use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{AbortSignal, Request, RequestInit, Response};

use crate::bayeux::{BASE_PATH, Home, RequestError};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::http::request::{ClientRequest, whole_body};
use crate::cloudflare::outbound::timeout::within;

const METHOD: &str = "PUT";

/// How long a call may take, ms: twice as long as clients wait for it.
const PATIENCE_MS: f64 = 10_000.0;

/// Whether this is another object's call.
pub fn is_call(request: &ClientRequest) -> bool {
    request.method() == METHOD && request.path() == BASE_PATH
}

/// The text of a call.
///
/// # Errors
/// The body broke off.
pub async fn read(request: &ClientRequest) -> Result<String, RequestError> {
    whole_body(request).await.ok_or(RequestError::JsonInvalid)
}

/// Another object's answer; none where it is unreachable or refuses.
pub async fn ask(bindings: &Bindings, whom: &Home, call: &str) -> Option<String> {
    let answer = within(PATIENCE_MS, async |signal| try_to_ask(bindings, whom, call, &signal).await).await;
    answer.ok().flatten()
}

async fn try_to_ask(
    bindings: &Bindings,
    whom: &Home,
    call: &str,
    signal: &AbortSignal,
) -> Result<Option<String>, JsValue> {
    let init = RequestInit::new();
    init.set_method(METHOD);
    init.set_body(&call.into());
    init.set_signal(Some(signal));
    // The host does not matter: the request goes to the given object.
    let request = Request::new_with_str_and_init(&format!("https://object{BASE_PATH}"), &init)?;
    let answer = bindings.call(whom, &request)?;
    let response: Response = JsFuture::from(answer).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string();
    Ok(text.filter(|_| response.ok()))
}
