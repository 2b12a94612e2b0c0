//! The core's part of links.js: the Worker holds requests and their promises; this tells their homes, and writes their
//! responses as the object would.

use std::time::Duration;

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::future_to_promise;
use worker::web_sys::{ReadableStream, Request, Response};
use worker::worker_sys::DurableObject;

use super::{is_cross_site, lacks_token};
use crate::bayeux::{Callback, ConnectionType, Format, Home, Placement, Refusal, STREAM_BEAT};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::config::{Config, LinksOption};
use crate::cloudflare::http::browser_cookie::is_multiplexed;
use crate::cloudflare::http::cors::{AllowedOrigins, RequestOrigin, sender};
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::http::response::{self, Head, refuse, respond};
use crate::cloudflare::http::token_sources;
use crate::cloudflare::log::Log;
use crate::cloudflare::transport::event_source::{self, is_event_source};
use crate::cloudflare::transport::long_polling::context;
use crate::cloudflare::worker::home_of_request::{forward, home_of_newcomer};
use crate::cloudflare::worker::rate_limits;

/// How long a request waits for its answer beyond the time that a connect is held, repeats included.
const SLACK: Duration = Duration::from_secs(60);

/// The options that links.js needs; none where requests go to the objects directly.
#[wasm_bindgen(js_name = linkSettings)]
pub fn settings(bindings: &Bindings) -> Option<String> {
    let config = Config::of(bindings).ok()?;
    let mode = match config.links {
        LinksOption::Never => return None,
        LinksOption::Auto => "auto",
        LinksOption::Always => "always",
    };
    let options = &config.options;
    let wait = options.timeout.max(options.websocket_timeout).saturating_mul(2).saturating_add(SLACK);
    let settings = json!({
        "mode": mode,
        "most": options.max_message_size,
        // A timer of more than 2^31 ms would fire at once.
        "wait": u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).min(1 << 30),
        "fixed": matches!(options.homes, Placement::Root) && !options.tokens.are_required(),
        "plain": config.browser_cookie.is_none() && !options.tokens.are_in_use(),
        "callback": options.connection_types.contains(&ConnectionType::CallbackPolling),
        "limited": bindings.rate_limiter().is_some(),
        "stream": options.connection_types.contains(&ConnectionType::EventSource).then(|| json!({
            "retry": event_source::RETRY,
            "beat": event_source::BEAT,
            "every": STREAM_BEAT,
            "mark": event_source::HIGH_WATER_MARK,
            // A home sends a session's queue at most until it hears that the client does not read, and once more after
            // a link has broken.
            "most": event_source::HIGH_WATER_MARK as usize + 2 * options.max_queue_bytes,
        })),
    });
    Some(settings.to_string())
}

/// The name of the home for a request with messages; none where the request may not use a link.
#[wasm_bindgen(js_name = linkHome)]
pub fn home(request: Request, bindings: &Bindings) -> Option<String> {
    let config = Config::of(bindings).ok()?;
    let request = &ClientRequest::read(request);
    let home = Home::at_path(request.path()).filter(|home| config.options.leads_to(home))?;
    // The Worker refuses such a request, or reads it first.
    if lacks_token(request, &config) {
        return None;
    }
    let home = if home == Home::Root { home_of_newcomer(request, &config) } else { home };
    Some(home.name().to_owned())
}

/// Whether a GET's query names a valid callback, for a page that may read the response.
#[wasm_bindgen(js_name = linkCallback)]
pub fn callback(request: Request, bindings: &Bindings) -> bool {
    let Ok(config) = Config::of(bindings) else { return false };
    let request = &ClientRequest::read(request);
    let may_read = config.allowed_origins == AllowedOrigins::Any || !is_cross_site(request);
    may_read && Callback::of_query(request.query()).is_ok()
}

/// The event stream that a request opens: its home, the clientId, and the browser's cookie; none where the object
/// answers itself.
#[wasm_bindgen(js_name = linkStream)]
pub fn stream(request: Request, bindings: &Bindings) -> Option<String> {
    let config = Config::of(bindings).ok()?;
    let request = &ClientRequest::read(request);
    let (home, client_id) = Home::of_stream(request.path()).filter(|(home, _)| config.options.leads_to(home))?;
    if !is_event_source(request) || matches!(sender(request, &config.allowed_origins), RequestOrigin::Foreign(_)) {
        return None;
    }
    let home = if home == Home::Root { home_of_newcomer(request, &config) } else { home };
    let browser = config.browser_cookie.as_ref().and_then(|cookie| cookie.of(request));
    Some(json!({ "home": home.name(), "client": client_id, "browser": browser.as_deref() }).to_string())
}

/// The response to a request that opens an event stream.
///
/// # Errors
/// With bad options no request gets here.
#[wasm_bindgen(js_name = linkStreamResponse)]
pub fn stream_response(request: Request, bindings: &Bindings, body: &ReadableStream) -> Result<Response, JsError> {
    let config = Config::of(bindings)?;
    let cross_origin = sender(&ClientRequest::read(request), &config.allowed_origins).cross_origin();
    Ok(response::stream(&Head { cross_origin, ..Head::default() }, body))
}

/// What an object must know of a request's context besides the address; and the cookie that its response sets.
#[wasm_bindgen(js_name = linkContext)]
pub fn context_of(request: Request, bindings: &Bindings) -> Option<String> {
    let config = Config::of(bindings).ok()?;
    let request = &ClientRequest::read(request);
    let browser = config.browser_cookie.as_ref().map(|cookie| cookie.browser(request));
    let context = json!({
        "multiplexed": browser.is_some() && is_multiplexed(request),
        "token": token_sources::token(request, &config).map(|token| token.as_str().to_owned()),
        "browser": browser.as_ref().map(|browser| &*browser.id),
        "cookie": browser.as_ref().and_then(|browser| browser.set_cookie.as_deref()),
    });
    Some(context.to_string())
}

/// The response where the rate limiter refuses.
#[wasm_bindgen(js_name = linkRefusal)]
pub fn refusal(request: Request, bindings: Bindings) -> Promise {
    future_to_promise(std::panic::AssertUnwindSafe(async move {
        let Ok(config) = Config::of(&bindings) else { return Ok(JsValue::UNDEFINED) };
        let request = ClientRequest::read(request);
        let Some((limiter, network)) = bindings.rate_limiter().zip(context(&request).network()) else {
            return Ok(JsValue::UNDEFINED);
        };
        let log = Log::of_worker(config.log_level);
        if rate_limits::allows(&limiter, network, &log).await {
            return Ok(JsValue::UNDEFINED);
        }
        let cross_origin = sender(&request, &config.allowed_origins).cross_origin();
        let head = Head { cross_origin, ..Head::default() };
        Ok(refuse(head, Refusal::RateExceeded(rate_limits::PERIOD)).into())
    }))
}

/// A request's response. `format` is 1 for a comment; `retry_after` is in ms.
///
/// # Errors
/// With bad options no request gets here.
#[wasm_bindgen(js_name = linkAnswer)]
pub fn answer(
    request: Request,
    bindings: &Bindings,
    set_cookie: Option<String>,
    status: u16,
    format: u8,
    text: &str,
    retry_after: Option<u32>,
) -> Result<Response, JsError> {
    let config = Config::of(bindings)?;
    let request = &ClientRequest::read(request);
    let format = if format == 1 { Format::CommentFiltered } else { Format::Json };
    let is_query = request.method() == "GET" && !is_event_source(request);
    let callback = if is_query { Callback::of_query(request.query()).ok() } else { None };
    let cross_origin = sender(request, &config.allowed_origins).cross_origin();
    let retry_after = retry_after.filter(|wait| *wait > 0).map(|wait| Duration::from_millis(wait.into()));
    Ok(respond(&Head { status, format, callback, cross_origin, set_cookie, retry_after, ..Head::default() }, text))
}

/// A home's object.
///
/// # Errors
/// The platform's error; or no home has this name.
#[wasm_bindgen(js_name = linkObject)]
pub fn object(bindings: &Bindings, name: &str) -> Result<DurableObject, JsValue> {
    let home = Home::named(name).ok_or("no home's name")?;
    bindings.object(&home)
}

/// The promise of the response of another home, to which the session belongs.
///
/// # Errors
/// The platform's error; or no home has this name.
#[wasm_bindgen(js_name = linkForward)]
pub fn forward_to(bindings: &Bindings, name: &str, request: Request, body: Option<String>) -> Result<Promise, JsValue> {
    let home = Home::named(name).ok_or("no home's name")?;
    forward(bindings, &home, &ClientRequest::read(request), body)
}
