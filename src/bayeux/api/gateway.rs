//! Who comes in, and where to: decided before any home is called.

use super::error::ApiError;
use super::fan_out::Everywhere;
use super::guarded;
use super::keys::ApiKeys;
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::cluster::{API_PATH, Home};

/// The description of the API (OpenAPI 3.1). It tells nothing of this deployment, so it needs no key.
const DESCRIPTION: &str = include_str!("openapi.json");

/// What becomes of a call.
#[derive(Debug)]
pub enum Door {
    /// It goes to this home.
    Open(Home),
    /// It is a list of all homes: see [`Everywhere`].
    Everywhere,
    /// It was answered here.
    Closed(HttpResponse),
}

/// Lets a call in that has a key. `request` needs no body.
///
/// ```
/// use bayeux_edge::bayeux::Home;
/// use bayeux_edge::bayeux::api::{ApiKeys, Door, knock};
/// use bayeux_edge::bayeux::app::HttpRequest;
///
/// let keys = ApiKeys::parse(Some("0123456789abcdef".to_owned())).unwrap();
/// let mut request =
///     HttpRequest { path: "/cometd/api/clients".to_owned(), query: "tree=chat".to_owned(), ..HttpRequest::default() };
/// assert!(matches!(knock(&keys, &request), Door::Closed(response) if response.status == 401));
/// request.headers.push(("authorization".to_owned(), "Bearer 0123456789abcdef".to_owned()));
/// assert!(matches!(knock(&keys, &request), Door::Open(home) if home == Home::named("/chat").unwrap()));
/// ```
pub fn knock(keys: &ApiKeys, request: &HttpRequest) -> Door {
    if request.path.strip_prefix(API_PATH) == Some("/openapi.json") {
        return Door::Closed(describe(&request.method));
    }
    match keys.admit(request.header("authorization")).and_then(|()| door(request)) {
        Ok(door) => door,
        Err(error) => Door::Closed(error.into_response()),
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
fn door(request: &HttpRequest) -> Result<Door, ApiError> {
    if Everywhere::is_meant(request) { Ok(Door::Everywhere) } else { home(request).map(Door::Open) }
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
