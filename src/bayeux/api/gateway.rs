//! The gateway of the server API: checks the key and finds the home, before any object is called.

use super::call::channels;
use super::error::ApiError;
use super::fan_out::FanOut;
use super::keys::{ApiKeys, Scope};
use super::{guarded, json};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::cluster::{API_PATH, Home};
use crate::bayeux::limits::{Network, Rate, Rates};
use crate::bayeux::time::Millis;

/// The description of the API (OpenAPI 3.1). It tells nothing about this deployment, so it needs no key.
const DESCRIPTION: &str = include_str!("openapi.json");

/// Where a call goes.
#[derive(Debug)]
pub enum Route {
    /// To this home.
    Open(Home),
    /// To all homes: see [`FanOut`].
    FanOut,
    /// Nowhere: this is the response.
    Closed(HttpResponse),
}

/// The same as [`Gateway::route`] with a `TREE_DEPTH` of 1 and no wrong keys so far. `request` needs no body.
///
/// ```
/// use bayeux_edge::bayeux::Home;
/// use bayeux_edge::bayeux::api::{ApiKeys, Route, route};
/// use bayeux_edge::bayeux::app::HttpRequest;
///
/// let keys = ApiKeys::parse(Some("0123456789abcdef".to_owned())).unwrap();
/// let mut request =
///     HttpRequest { path: "/cometd/api/clients".to_owned(), query: "tree=chat".to_owned(), ..HttpRequest::default() };
/// assert!(matches!(route(&keys, &request), Route::Closed(response) if response.status == 401));
/// request.headers.push(("authorization".to_owned(), "Bearer 0123456789abcdef".to_owned()));
/// assert!(matches!(route(&keys, &request), Route::Open(home) if home == Home::named("/chat").unwrap()));
/// ```
pub fn route(keys: &ApiKeys, request: &HttpRequest) -> Route {
    Gateway::default().route(Millis::default(), keys, 1, request)
}

/// Routes calls, and blocks addresses that guess keys: after `GUESSES` wrong or missing keys an address is refused for
/// a while, even with a right key. A key has 96 bits, so guessing cannot succeed; this bounds what it costs.
#[derive(Debug)]
pub struct Gateway {
    guesses: Rates,
}

/// Wrong or missing keys that an address may send: a program with an old key tries every few seconds.
const GUESSES: &str = "20/60";

impl Default for Gateway {
    fn default() -> Self {
        Self { guesses: Rates::new(Rate::parse(GUESSES)) }
    }
}

impl Gateway {
    /// Routes a call, where this many segments name a tree: `TREE_DEPTH`. `request` needs no body.
    pub fn route(&mut self, now: Millis, keys: &ApiKeys, tree_depth: usize, request: &HttpRequest) -> Route {
        if request.path.strip_prefix(API_PATH) == Some("/openapi.json") {
            return Route::Closed(describe(&request.method));
        }
        match self.admit(now, keys, request).and_then(|()| lead(request, tree_depth)) {
            Ok(route) => route,
            Err(error) => Route::Closed(error.into_response()),
        }
    }

    fn admit(&mut self, now: Millis, keys: &ApiKeys, request: &HttpRequest) -> Result<(), ApiError> {
        let network = request.address.as_deref().and_then(Network::of);
        self.guesses.check(now, network).map_err(|exceeded| ApiError::TooManyKeys(exceeded.wait))?;
        let key = keys.admit(request.header("authorization")).inspect_err(|_| {
            // It exists: it was just looked up.
            let _ = self.guesses.take(now, network);
        })?;
        let scope = Scope::of_call(&request.method);
        if key.opens(scope) { Ok(()) } else { Err(ApiError::ScopeMissing(scope)) }
    }
}

/// The path at which a monitor checks that the Worker runs and its options are valid. It needs no key and wakes no
/// object.
pub const HEALTH_PATH: &str = "/cometd/healthz";

/// The response there.
///
/// ```
/// use bayeux_edge::bayeux::api::health;
///
/// assert_eq!(health("GET").body.unwrap(), br#"{"status":"ok"}"#);
/// assert_eq!(health("POST").status, 405);
/// ```
pub fn health(method: &str) -> HttpResponse {
    match method {
        "GET" => json(serde_json::json!({ "status": "ok" })),
        "HEAD" => HttpResponse { body: None, ..health("GET") },
        _ => ApiError::MethodNotAllowed("GET, HEAD").into_response(),
    }
}

fn describe(method: &str) -> HttpResponse {
    if method != "GET" {
        return ApiError::MethodNotAllowed("GET").into_response();
    }
    let response = HttpResponse { body: Some(DESCRIPTION.into()), ..HttpResponse::new(200) };
    guarded(response.header("content-type", "application/json;charset=UTF-8"))
}

/// Routes a call that has a key.
fn lead(request: &HttpRequest, tree_depth: usize) -> Result<Route, ApiError> {
    if FanOut::is_meant(request) {
        return Ok(Route::FanOut);
    }
    if matches!(request.path.strip_prefix(API_PATH), Some("/history" | "/tail" | "/presence")) {
        // The owner knows a channel's events and members.
        let owner = Home::owner_of(&channels(request)?, tree_depth);
        return owner.map(Route::Open).ok_or(ApiError::ChannelInvalid);
    }
    home(request).map(Route::Open)
}

/// The home that a call names.
fn home(request: &HttpRequest) -> Result<Home, ApiError> {
    // Only the root knows every tree.
    let of_all = request.path.strip_prefix(API_PATH) == Some("/trees");
    let Some(tree) = request.query_field("tree").filter(|_| !of_all) else { return Ok(Home::Root) };
    // `@3` is one of the homes of `HOMES`; `/@3` is a tree with a similar name.
    let name = if tree.starts_with(['/', '@']) { tree } else { format!("/{tree}") };
    Home::named(&name).ok_or(ApiError::TreeInvalid)
}
