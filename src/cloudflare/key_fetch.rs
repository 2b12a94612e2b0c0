//! The fetch of the keys that `TOKEN_JWKS_URL` publishes.

use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{AbortSignal, Headers, Request, RequestCache, RequestInit, RequestRedirect, Response};

use super::http::bounded;
use super::js;
use super::patience::within;
use crate::bayeux::{FetchedKeys, RequestError};

/// How long the URL may take, ms: half of what clients wait for the reply to a handshake.
const PATIENCE_MS: f64 = 5_000.0;

/// Bytes: 16 RSA keys of 4,096 bits, with a certificate each.
const MOST_BYTES: usize = 64 << 10;

/// What the URL answers.
///
/// # Errors
/// Why it did not within five seconds with a 200 and a set of reasonable length. A redirect is not followed: where the keys are is the
/// operator's to say.
pub async fn fetch(url: &str) -> Result<FetchedKeys, String> {
    let fetched = within(PATIENCE_MS, async |signal| try_to_fetch(url, &signal).await).await;
    fetched.map_err(|error| error.as_string().unwrap_or_else(|| format!("{error:?}")))
}

async fn try_to_fetch(url: &str, signal: &AbortSignal) -> Result<FetchedKeys, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/jwk-set+json, application/json")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_signal(Some(signal));
    // The platform knows no `error` here (Workers runtime API, Request).
    init.set_redirect(RequestRedirect::Manual);
    // Asked for a key that is new, no cache between is to give the old ones.
    init.set_cache(RequestCache::NoStore);
    let request = Request::new_with_str_and_init(url, &init)?;
    let response: Response = JsFuture::from(js::fetch(&request)).await?.unchecked_into();
    if response.status() != 200 {
        return Err(format!("status {}", response.status()).into());
    }
    let bytes = bounded(response.body(), MOST_BYTES).await.map_err(|error| match error {
        RequestError::TooLarge => format!("more than {MOST_BYTES} bytes"),
        _ => "it broke off".to_owned(),
    })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(FetchedKeys { text, cache_control: response.headers().get("cache-control")? })
}
