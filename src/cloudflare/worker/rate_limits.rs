//! Answers a client past its rate with a 429, before an object is called.

use std::time::Duration;

use serde_json::json;
use wasm_bindgen::JsValue;
use worker::js_sys::{Object, Promise, Reflect};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::RateLimiter;

use crate::bayeux::Network;
use crate::cloudflare::log::{Log, LogLevel};

/// The `Retry-After` where Cloudflare's limiter refuses. It does not tell the time; 10 s is the shorter of its two
/// periods.
pub const PERIOD: Duration = Duration::from_secs(10);

/// Whether the limiter bound as `RATE_LIMITER` admits another request of this network. One that fails admits it: it
/// must not stop the server.
pub async fn allows(limiter: &RateLimiter, network: Network, log: &Log) -> bool {
    ask(limiter, network).await.unwrap_or_else(|error| {
        log.line(LogLevel::Error, "rate_limiter_failed", json!({ "error": format!("{error:?}") }));
        true
    })
}

async fn ask(limiter: &RateLimiter, network: Network) -> Result<bool, JsValue> {
    let asked = Object::new();
    Reflect::set(&asked, &"key".into(), &network.to_string().into())?;
    let outcome: Promise = limiter.limit(asked)?;
    let outcome = JsFuture::from(outcome).await?;
    Reflect::get(&outcome, &"success".into())?.as_bool().ok_or_else(|| "no outcome".into())
}
