//! Whoever comes too often is turned away with a 429: before a home is called.

use std::time::Duration;

use serde_json::json;
use wasm_bindgen::JsValue;
use worker::js_sys::{Object, Promise, Reflect};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::RateLimiter;

use crate::bayeux::Network;
use crate::cloudflare::log::{Log, LogLevel};

/// What whoever Cloudflare's own limiter refuses is told to wait. It does not say how long it takes; 10 s is the
/// shorter of the two periods that it knows.
pub const PERIOD: Duration = Duration::from_secs(10);

/// Whether the rate limiter that is bound as `RATE_LIMITER` lets one more request of this network through. Where it
/// fails it does: it is there to spare the server, not to stop it.
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
