//! The Worker: stateless, it sends each request to where it belongs.
//!
//! Exported by hand and not by `#[event(fetch)]`: that one awaits the object's answer in Rust, and each client that
//! leaves meanwhile would leave its future behind in the wasm heap. This one returns the object's own promise.

use std::panic::AssertUnwindSafe;

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::future_to_promise;
use worker::web_sys::{Request, Response};

use super::bindings::Bindings;
use super::config::Config;
use super::cors::cross_origin;
use super::event_source::is_event_source;
use super::homes;
use super::http::{is_upgrade, path, query};
use super::log::{Log, LogLevel};
use super::long_polling::origin;
use super::response::{ALLOWED_METHODS, Head, preflight, respond};
use super::{everywhere, plain_http, rate_limits, site};
use crate::bayeux::api::{Door, is_api_path, knock};
use crate::bayeux::{BASE_PATH, ConnectionType, Home, OptionError, RequestError};

/// Panics are told with their stack until the first request, when logs become lines of JSON: see `log_panics`.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Called for every request that is not a static asset's.
#[wasm_bindgen]
pub fn fetch(request: Request, bindings: Bindings, _context: JsValue) -> Result<JsValue, JsValue> {
    let url = request.url();
    let path = path(&url);
    if !path.starts_with(BASE_PATH) {
        return site(request, &bindings, path);
    }
    let config = match Config::of(&bindings) {
        Ok(config) => config,
        Err(error) => return Ok(misconfigured(&error).into()),
    };
    if is_api_path(path) && !config.api_keys.is_empty() {
        return api(&request, &bindings, &config);
    }
    let head =
        |status| Head { status, cross_origin: cross_origin(&request, &config.allowed_origins), ..Head::default() };
    // Asked once: each call into the platform costs, and nearly all requests are POSTs.
    let method = request.method();
    let asked_for = if method == "GET" { asked_for(&request, query(&url)) } else { None };
    let home = match asked_for {
        Some(ConnectionType::EventSource) => Home::of_stream(path).map(|(home, _)| home),
        _ => Home::at_path(path),
    };
    let Some(home) = home else {
        let body = r#"[{"successful":false,"error":"404::no_such_home"}]"#;
        return Ok(respond(&head(404), body).into());
    };
    if let Some(type_) = asked_for
        && !config.options.connection_types.contains(&type_)
    {
        let body = r#"[{"successful":false,"error":"403::connection_type_unsupported"}]"#;
        return Ok(respond(&head(403), body).into());
    }
    let home = if home == Home::Root { homes::home_of_newcomer(&request, &config) } else { home };
    match method.as_str() {
        "POST" => unless_too_many(request, bindings, home, &config),
        "GET" if asked_for.is_some() => unless_too_many(request, bindings, home, &config),
        "GET" => Ok(respond(&head(RequestError::Empty.status()), &RequestError::Empty.body()).into()),
        "OPTIONS" => Ok(preflight(&Head { allow: Some(ALLOWED_METHODS), ..head(204) }).into()),
        _ => {
            let body = r#"[{"successful":false,"error":"405::method_not_allowed"}]"#;
            Ok(respond(&Head { allow: Some(ALLOWED_METHODS), ..head(405) }, body).into())
        }
    }
}

/// The server API: a key is asked for before any object is called.
fn api(request: &Request, bindings: &Bindings, config: &Config) -> Result<JsValue, JsValue> {
    let call = plain_http::request(request);
    match knock(&config.api_keys, &call) {
        Door::Open(home) => Ok(object(bindings, &home, request)?.into()),
        Door::Everywhere => Ok(everywhere::list(bindings.clone(), call, config.options.homes).into()),
        Door::Closed(response) => {
            if response.status == 401 {
                let details = json!({ "address": call.address.as_deref() });
                Log::new(config.log_level, "").line(LogLevel::Warn, "api_refused", details);
            }
            Ok(plain_http::response(&response, None)?.into())
        }
    }
}

/// What the application's routes answer, in the root's home; everything else is a static file.
fn site(request: Request, bindings: &Bindings, path: &str) -> Result<JsValue, JsValue> {
    let application = site::application(bindings);
    if application.has_route(path) {
        return Ok(object(bindings, &Home::Root, &request)?.into());
    }
    let file = bindings.assets()?.fetch(&request)?;
    Ok(if application.has_static_hook() { site::hooked(application, request, file).into() } else { file.into() })
}

/// The connection type that a GET asks for by its very form.
fn asked_for(request: &Request, query: &str) -> Option<ConnectionType> {
    if is_upgrade(request) {
        Some(ConnectionType::WebSocket)
    } else if is_event_source(request) {
        Some(ConnectionType::EventSource)
    } else {
        (!query.is_empty()).then_some(ConnectionType::CallbackPolling)
    }
}

/// The answer of a home's object, where the rate limiter that may be bound lets the request through.
fn unless_too_many(request: Request, bindings: Bindings, home: Home, config: &Config) -> Result<JsValue, JsValue> {
    let Some(limiter) = bindings.rate_limiter() else { return Ok(object(&bindings, &home, &request)?.into()) };
    let Some(network) = origin(&request).network() else { return Ok(object(&bindings, &home, &request)?.into()) };
    let head = Head { cross_origin: cross_origin(&request, &config.allowed_origins), ..Head::default() };
    let log = Log::new(config.log_level, "");
    let answer = async move {
        match rate_limits::allows(&limiter, network, &log).await {
            true => object(&bindings, &home, &request).map(Into::into),
            false => Ok(rate_limits::too_many(head, rate_limits::PERIOD).into()),
        }
    };
    Ok(future_to_promise(AssertUnwindSafe(answer)).into())
}

/// The answer of a home's object.
fn object(bindings: &Bindings, home: &Home, request: &Request) -> Result<Promise, JsValue> {
    bindings.object(home)?.fetch_with_request(request)
}

/// A bad variable stops everything, as loudly as possible: whoever deployed it reads this first.
fn misconfigured(error: &OptionError) -> Response {
    Log::new(LogLevel::Error, "").line(
        LogLevel::Error,
        "option_invalid",
        json!({ "option": error.name, "value": error.value, "allowed": error.allowed }),
    );
    let reply = json!([{ "successful": false, "error": "500::option_invalid", "option": error.name,
        "value": error.value, "allowed": error.allowed }]);
    respond(&Head { status: 500, ..Head::default() }, &reply.to_string())
}
