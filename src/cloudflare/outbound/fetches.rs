//! Sends the HTTP requests of handlers: see [`Actions::ask`](crate::bayeux::app::Actions::ask).

use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{AbortSignal, Headers, Request, RequestInit, Response};

use crate::bayeux::RequestError;
use crate::bayeux::app::{Fetch, FetchError, FetchResponse, FetchTarget};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::http::app_http;
use crate::cloudflare::http::request::bounded;
use crate::cloudflare::js;
use crate::cloudflare::outbound::timeout::within;

/// Bytes of a response's body: an object has 128 MB in all.
const MOST_BYTES: usize = 1 << 20;

/// The response.
///
/// # Errors
/// It failed, or took longer than the request's timeout.
pub async fn send(bindings: &Bindings, fetch: Fetch) -> Result<FetchResponse, FetchError> {
    let ms = fetch.timeout.as_millis() as f64;
    let response = within(ms, async |signal| try_to_send(bindings, fetch, &signal).await).await;
    response.map_err(|error| FetchError(js::words(&error)))
}

async fn try_to_send(bindings: &Bindings, fetch: Fetch, signal: &AbortSignal) -> Result<FetchResponse, JsValue> {
    let Fetch { to, method, headers, body, .. } = fetch;
    let init = RequestInit::new();
    init.set_method(&method);
    let given = Headers::new()?;
    for (name, value) in headers {
        given.append(&name, &value)?;
    }
    init.set_headers(&given);
    init.set_signal(Some(signal));
    if let Some(body) = body {
        init.set_body(&Uint8Array::from(&body[..]));
    }
    let promise = match to {
        FetchTarget::Url(url) => js::fetch(&Request::new_with_str_and_init(&url, &init)?),
        FetchTarget::Hooks(path) => {
            let hooks = bindings.hooks().ok_or("no binding HOOKS")?;
            // The host does not matter: the request goes through the binding.
            hooks.fetch(&Request::new_with_str_and_init(&format!("https://hooks{path}"), &init)?)?
        }
    };
    let response: Response = JsFuture::from(promise).await?.unchecked_into();
    let body = bounded(response.body(), MOST_BYTES).await.map_err(|error| match error {
        RequestError::TooLarge => format!("more than {MOST_BYTES} bytes"),
        _ => "it broke off".to_owned(),
    })?;
    let head = app_http::head(&response);
    Ok(FetchResponse { status: head.status, headers: head.headers, body })
}
