//! Who comes in, and where to: decided before any home is called.

use super::call::channels;
use super::error::ApiError;
use super::fan_out::FanOut;
use super::keys::{ApiKeys, Scope};
use super::{guarded, json};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::cluster::{API_PATH, Home};
use crate::bayeux::limits::{Network, Rate, Rates};
use crate::bayeux::time::Millis;

/// The description of the API (OpenAPI 3.1). It tells nothing of this deployment, so it needs no key.
const DESCRIPTION: &str = include_str!("openapi.json");

/// What becomes of a call.
#[derive(Debug)]
pub enum Route {
    /// It goes to this home.
    Open(Home),
    /// It is a list of all homes: see [`FanOut`].
    FanOut,
    /// It was answered here.
    Closed(HttpResponse),
}

/// Lets a call in that has a key, whoever asks and however often, where a tree is one segment. `request` needs no body.
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

/// Lets calls in, and whoever guesses keys out: an address that has shown this many wrong keys in a minute is not
/// listened to for a while, whatever key it shows then. A key has 96 bits, so this is about what guessing costs, not
/// about finding one.
#[derive(Debug)]
pub struct Gateway {
    guesses: Rates,
}

/// Wrong keys, or none, that an address may show: a program with an old key tries every few seconds.
const GUESSES: &str = "20/60";

impl Default for Gateway {
    fn default() -> Self {
        Self { guesses: Rates::new(Rate::parse(GUESSES)) }
    }
}

impl Gateway {
    /// Where a call leads, with trees of so many segments: `TREE_DEPTH`. `request` needs no body.
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
            // There is one: it was looked for just now.
            let _ = self.guesses.take(now, network);
        })?;
        let scope = Scope::of_call(&request.method);
        if key.opens(scope) { Ok(()) } else { Err(ApiError::ScopeMissing(scope)) }
    }
}

/// Where a monitor asks whether the Worker runs with options that can be read. It needs no key and wakes no object.
pub const HEALTH_PATH: &str = "/cometd/healthz";

/// What it is told.
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

/// Where a call leads that has a key.
fn lead(request: &HttpRequest, tree_depth: usize) -> Result<Route, ApiError> {
    if FanOut::is_meant(request) {
        return Ok(Route::FanOut);
    }
    if matches!(request.path.strip_prefix(API_PATH), Some("/history" | "/presence")) {
        // What a channel keeps, and who is there, its owner knows.
        let owner = Home::owner_of(&channels(request)?, tree_depth);
        return owner.map(Route::Open).ok_or(ApiError::ChannelInvalid);
    }
    home(request).map(Route::Open)
}

/// The home that a call speaks of.
fn home(request: &HttpRequest) -> Result<Home, ApiError> {
    // The root alone knows every tree.
    let of_all = request.path.strip_prefix(API_PATH) == Some("/trees");
    let Some(tree) = request.query_field("tree").filter(|_| !of_all) else { return Ok(Home::Root) };
    // `@3` is one of the homes of `HOMES`, `/@3` a tree that looks like it.
    let name = if tree.starts_with(['/', '@']) { tree } else { format!("/{tree}") };
    Home::named(&name).ok_or(ApiError::TreeInvalid)
}
