//! The Worker: stateless, it routes each request.
//!
//! Exported by hand and not by `#[event(fetch)]`: that awaits the object's response in Rust, and each client that
//! leaves in the meantime would leave its future behind in the wasm heap. This returns the object's own promise.
//!
//! | File | Has |
//! |---|---|
//! | `mod` | the routes |
//! | `site` | static files and the application's own routes |
//! | `home_of_request` | which home a client comes to |
//! | `fan_out` | one question to all homes |
//! | `rate_limits` | refusals before an object is woken |
//! | `links` | polls and event streams that the Worker holds |

pub mod fan_out;
pub mod home_of_request;
mod links;
pub mod rate_limits;
pub mod site;

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::future_to_promise;
use worker::web_sys::{Request, Response};

use crate::bayeux::api::{ApiKey, Gateway, HEALTH_PATH, Route, health, is_api_path};
use crate::bayeux::app::HttpRequest;
use crate::bayeux::{
    BASE_PATH, BayeuxError, ConnectionType, Home, Notice, OptionError, Refusal, RequestError, refuse_without_token,
};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::config::Config;
use crate::cloudflare::http::app_http;
use crate::cloudflare::http::cors::{AllowedOrigins, RequestOrigin, is_cross_site, sender};
use crate::cloudflare::http::request::{ClientRequest, header, is_upgrade};
use crate::cloudflare::http::response::{ALLOWED_METHODS, Head, preflight, refuse, respond};
use crate::cloudflare::http::token_sources;
use crate::cloudflare::js;
use crate::cloudflare::log::{Log, LogLevel, during};
use crate::cloudflare::transport::event_source::is_event_source;
use crate::cloudflare::transport::long_polling::{self, context};

/// Until the first request, panics are logged with their stack; then as lines of JSON: see `log_panics`.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Called for every request that is not for a static asset.
#[wasm_bindgen]
pub fn fetch(request: Request, bindings: Bindings, _context: JsValue) -> Result<JsValue, JsValue> {
    let asked = Clone::clone(&request);
    during(Some(&asked), || answer(ClientRequest::read(request), bindings))
}

fn answer(request: ClientRequest, bindings: Bindings) -> Result<JsValue, JsValue> {
    let path = request.path();
    if !path.starts_with(BASE_PATH) {
        return site(&request, &bindings);
    }
    let config = match Config::of(&bindings) {
        Ok(config) => config,
        Err(error) => return Ok(misconfigured(&error).into()),
    };
    if path == HEALTH_PATH {
        return Ok(app_http::response(&health(request.method()), None)?.into());
    }
    if is_api_path(path) && !config.api_keys.is_empty() {
        return api(&request, &bindings, &config);
    }
    let sender = || sender(&request, &config.allowed_origins);
    let head = || Head { cross_origin: sender().cross_origin(), ..Head::default() };
    let asked_for = if request.method() == "GET" { asked_for(&request) } else { None };
    let home = match asked_for {
        Some(ConnectionType::EventSource) => Home::of_stream(path).map(|(home, _)| home),
        _ => Home::at_path(path),
    };
    let Some(home) = home.filter(|home| config.options.leads_to(home)) else {
        return Ok(refuse(head(), Refusal::NoSuchHome).into());
    };
    if let Some(type_) = asked_for
        && !config.options.connection_types.contains(&type_)
    {
        return Ok(refuse(head(), Refusal::ConnectionTypeUnsupported).into());
    }
    if asked_for == Some(ConnectionType::CallbackPolling)
        && config.allowed_origins != AllowedOrigins::Any
        && is_cross_site(&request)
    {
        // A script has no `Origin`, and its page can read what it contains.
        let site = header(&request, "Referer").unwrap_or_default();
        Log::of_worker(config.log_level).refusal(LogLevel::Warn, "origin_refused", json!({ "origin": site }));
        return Ok(refuse(head(), Refusal::OriginNotAllowed).into());
    }
    let home = if home == Home::Root { home_of_request::home_of_newcomer(&request, &config) } else { home };
    match request.method() {
        "POST" => unless_too_many(request, bindings, home, &config),
        "GET" if asked_for.is_some() => unless_too_many(request, bindings, home, &config),
        "GET" => {
            Ok(respond(&Head { status: RequestError::Empty.status(), ..head() }, &RequestError::Empty.body()).into())
        }
        "OPTIONS" => {
            if let RequestOrigin::Foreign(origin) = sender() {
                let details = json!({ "origin": origin });
                Log::of_worker(config.log_level).refusal(LogLevel::Warn, "origin_refused", details);
            }
            let asked = header(&request, "Access-Control-Request-Headers");
            Ok(preflight(&Head { allow: Some(ALLOWED_METHODS), ..head() }, asked.as_deref()).into())
        }
        _ => Ok(refuse(Head { allow: Some(ALLOWED_METHODS), ..head() }, Refusal::MethodNotAllowed).into()),
    }
}

thread_local! {
    /// Counts all requests of this isolate.
    static GATEWAY: RefCell<Gateway> = RefCell::default();
}

/// The server API: the key is checked before an object is called.
fn api(request: &ClientRequest, bindings: &Bindings, config: &Config) -> Result<JsValue, JsValue> {
    let call = app_http::request(request);
    match GATEWAY
        .with_borrow_mut(|gateway| gateway.route(js::now(), &config.api_keys, config.options.tree_depth, &call))
    {
        Route::Open(home) => {
            log_call(config, &call);
            Ok(bindings.call(&home, request.raw())?.into())
        }
        Route::FanOut => Ok(fan_out::list(bindings.clone(), call, config.options.homes).into()),
        Route::Closed(response) => {
            if matches!(response.status, 401 | 403 | 429) {
                let details = json!({ "address": call.address.as_deref(), "key": key_name(config, &call) });
                Log::of_worker(config.log_level).refusal(LogLevel::Warn, "api_refused", details);
            }
            Ok(app_http::response(&response, None)?.into())
        }
    }
}

/// Logs the use of a key by its name: a DELETE at the level info, the rest at debug.
fn log_call(config: &Config, call: &HttpRequest) {
    let level = if call.method == "DELETE" { LogLevel::Info } else { LogLevel::Debug };
    let details = json!({ "key": key_name(config, call), "method": call.method, "path": call.path });
    Log::of_worker(config.log_level).line(level, "api_called", details);
}

fn key_name<'a>(config: &'a Config, call: &HttpRequest) -> Option<&'a str> {
    config.api_keys.admit(call.header("authorization")).ok().map(ApiKey::name)
}

/// The application's routes, in the root's home; all else are static files.
fn site(request: &ClientRequest, bindings: &Bindings) -> Result<JsValue, JsValue> {
    let application = site::application(bindings);
    if application.has_route(request.path()) {
        return Ok(bindings.call(&Home::Root, request.raw())?.into());
    }
    let file = bindings.assets()?.fetch(request.raw())?;
    Ok(if application.has_static_hook() {
        site::hooked(application, request.clone(), file).into()
    } else {
        file.into()
    })
}

/// The connection type of a GET, by its form.
fn asked_for(request: &ClientRequest) -> Option<ConnectionType> {
    if is_upgrade(request) {
        Some(ConnectionType::WebSocket)
    } else if is_event_source(request) {
        Some(ConnectionType::EventSource)
    } else {
        (!request.query().is_empty()).then_some(ConnectionType::CallbackPolling)
    }
}

/// The response of a home's object. The rate limiter is asked first, and a handshake without its required token is
/// refused here.
fn unless_too_many(
    request: ClientRequest,
    bindings: Bindings,
    home: Home,
    config: &Rc<Config>,
) -> Result<JsValue, JsValue> {
    let limited = bindings.rate_limiter().and_then(|limiter| Some((limiter, context(&request).network()?)));
    let is_token_missing = lacks_token(&request, config);
    if limited.is_none() && !is_token_missing {
        return Ok(bindings.call(&home, request.raw())?.into());
    }
    let cross_origin = sender(&request, &config.allowed_origins).cross_origin();
    let head = Head { cross_origin, ..Head::default() };
    let log = Log::of_worker(config.log_level);
    let config = Rc::clone(config);
    let answer = async move {
        if let Some((limiter, network)) = limited
            && !rate_limits::allows(&limiter, network, &log).await
        {
            return Ok(refuse(head, Refusal::RateExceeded(rate_limits::PERIOD)).into());
        }
        if is_token_missing {
            return unless_tokenless(&request, &bindings, &home, &config, head, &log).await;
        }
        bindings.call(&home, request.raw()).map(Into::into)
    };
    Ok(future_to_promise(AssertUnwindSafe(answer)).into())
}

/// Whether a required token did not come with the headers: then it must be in the messages. For a socket it may come in
/// a frame.
fn lacks_token(request: &ClientRequest, config: &Config) -> bool {
    config.options.tokens.are_required()
        && request.method() == "POST"
        && token_sources::token(request, config).is_none()
}

/// The promise of a home's response, or the refusal of a handshake without a token.
async fn unless_tokenless(
    request: &ClientRequest,
    bindings: &Bindings,
    home: &Home,
    config: &Config,
    head: Head,
    log: &Log,
) -> Result<JsValue, JsValue> {
    let arrival = match long_polling::read(request, config).await {
        Ok(arrival) => arrival,
        Err(error) => return Ok(respond(&Head { status: error.status(), ..head }, &error.body()).into()),
    };
    if let Some(reply) = refuse_without_token(&config.options, &arrival.messages) {
        log.notice(&Notice::HandshakeRefused { error: BayeuxError::TokenMissing.to_string() }, None);
        return Ok(respond(&head, &format!("[{reply}]")).into());
    }
    home_of_request::forward(bindings, home, request, arrival.body).map(Into::into)
}

/// A bad variable stops everything with a clear message: its operator is the first to see it.
fn misconfigured(error: &OptionError) -> Response {
    Log::new(LogLevel::Error, "").line(
        LogLevel::Error,
        "option_invalid",
        json!({ "option": error.name, "value": error.value, "allowed": error.allowed }),
    );
    respond(&Head { status: 500, ..Head::default() }, &error.body())
}
