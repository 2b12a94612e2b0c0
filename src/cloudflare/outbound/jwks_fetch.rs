//! Fetches the keys of `TOKEN_JWKS_URL`.
//!
//! Each home fetches when a token needs it, and anybody may send tokens to many homes. So a result is shared for five
//! seconds: with the objects of this isolate in memory, with others of this location through the platform's cache.
//! While a fetch is under way, others wait for it with timers of their own: a future of another object must not be
//! awaited (the objects of an isolate share no wakers).

use std::cell::RefCell;
use std::time::Duration;

use wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{AbortSignal, Headers, Request, RequestCache, RequestInit, RequestRedirect, Response};
use worker::{Cache, Delay};

use crate::bayeux::{FetchedKeys, Millis, RequestError};
use crate::cloudflare::http::request::bounded;
use crate::cloudflare::js;
use crate::cloudflare::outbound::timeout::within;

/// The timeout, ms: half of the time that clients wait for the reply to a handshake.
const TIMEOUT_MS: f64 = 5_000.0;

/// Bytes: enough for 16 RSA keys of 4,096 bits, with a certificate each.
const MOST_BYTES: usize = 64 << 10;

/// How long a result is shared, ms: the pause between two fetches of one home.
const SHARED_MS: u64 = 5_000;

/// How often a home checks whether another home's fetch has ended.
const GLANCE: Duration = Duration::from_millis(25);

type KeysOutcome = Result<FetchedKeys, String>;

thread_local! {
    /// The last fetch of this isolate. There is only one URL, `TOKEN_JWKS_URL`.
    static LAST: RefCell<Option<LastFetch>> = const { RefCell::new(None) };
}

struct LastFetch {
    /// When it began or ended.
    at: Millis,
    /// None while it is under way.
    outcome: Option<KeysOutcome>,
}

/// The URL's response, or a recent one.
///
/// # Errors
/// No 200 with a set of reasonable length within five seconds. Redirects are not followed: the operator says where the
/// keys are.
pub async fn fetch(url: &str) -> KeysOutcome {
    while let Some(shared) = shared() {
        match shared {
            Some(outcome) => return outcome,
            None => Delay::from(GLANCE).await,
        }
    }
    note(None);
    let outcome = match cached(url).await {
        Some(keys) => Ok(keys),
        None => ask(url).await,
    };
    note(Some(outcome.clone()));
    outcome
}

/// The result of another home's recent fetch, or `Some(None)` while one is under way. A fetch whose object has ended
/// counts as failed.
fn shared() -> Option<Option<KeysOutcome>> {
    LAST.with_borrow(|last| {
        let LastFetch { at, outcome } = last.as_ref()?;
        is_recent(*at).then(|| outcome.clone())
    })
}

fn is_recent(at: Millis) -> bool {
    js::now().0.checked_sub(at.0).is_some_and(|age| age < SHARED_MS)
}

fn note(outcome: Option<KeysOutcome>) {
    LAST.set(Some(LastFetch { at: js::now(), outcome }));
}

/// The key in the cache: no URL that anybody else fetches.
fn cache_key(url: &str) -> String {
    format!("https://bayeux-edge.invalid/jwks?of={}", js::encode_uri_component(url))
}

const FETCHED_AT: &str = "x-fetched-at";

const CACHE_CONTROL: &str = "cache-control";

/// The publisher's own `Cache-Control`: the cache follows ours.
const PUBLISHERS: &str = "x-cache-control";

/// A recent result of an object in another isolate. A cache that fails has none.
async fn cached(url: &str) -> Option<FetchedKeys> {
    let mut response = Cache::default().get(cache_key(url), true).await.ok()??;
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let at = header(FETCHED_AT)?.parse().ok()?;
    let cache_control = header(PUBLISHERS);
    let text = response.text().await.ok()?;
    is_recent(Millis(at)).then_some(FetchedKeys { text, cache_control })
}

async fn keep(url: &str, keys: &FetchedKeys) -> worker::Result<()> {
    let headers = worker::Headers::new();
    headers.set(CACHE_CONTROL, &format!("max-age={}", SHARED_MS / 1000))?;
    headers.set(FETCHED_AT, &js::now().0.to_string())?;
    if let Some(theirs) = &keys.cache_control {
        headers.set(PUBLISHERS, theirs)?;
    }
    let response = worker::Response::ok(keys.text.clone())?.with_headers(headers);
    Cache::default().put(cache_key(url), response).await
}

async fn ask(url: &str) -> KeysOutcome {
    let fetched = within(TIMEOUT_MS, async |signal| try_to_fetch(url, &signal).await).await;
    let keys = fetched.map_err(|error| js::words(&error))?;
    // Without a cache each isolate fetches for itself.
    let _ = keep(url, &keys).await;
    Ok(keys)
}

async fn try_to_fetch(url: &str, signal: &AbortSignal) -> Result<FetchedKeys, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/jwk-set+json, application/json")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_signal(Some(signal));
    // The platform has no `redirect: "error"` (Workers runtime API, Request).
    init.set_redirect(RequestRedirect::Manual);
    // A new key was asked for: no cache on the way may return the old ones.
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
    Ok(FetchedKeys { text, cache_control: response.headers().get(CACHE_CONTROL)? })
}
