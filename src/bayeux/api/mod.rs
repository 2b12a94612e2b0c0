//! The server API: what other programs may see and do with a key.
//!
//! ```text
//! POST   /cometd/api/publish              [{"channel":"/news","data":1},{"channel":"/news","data":2,"client":"17…"}]
//!        ← [{"channel":"/news","successful":true},{"channel":"/news","successful":true}]
//! GET    /cometd/api/clients              ← {"clients":[{"client":"17…","connected":true,…}],"next":"17…"}
//! GET    /cometd/api/clients/{client}     ← {"client":"17…","channels":["/news"],…}
//! DELETE /cometd/api/clients/{client}     ← 204
//! GET    /cometd/api/channels             ← {"channels":[{"channel":"/news","subscribers":1}]}
//! GET    /cometd/api/trees                ← {"trees":[{"tree":"/"},{"tree":"/news"}]}
//! GET    /cometd/api/history?channel=/chat/a  ← {"events":[…],"next":…}
//! GET    /cometd/api/presence?channel=/chat/a ← {"count":2,…}
//! GET    /cometd/api/tail?channel=/chat/*  ← {"events":[{"channel":"/chat/a","data":1}],"next":…}
//! GET    /cometd/api/stats                ← {"home":"/","sessions":{"websocket":2},…}
//! GET    /cometd/api/metrics              ← the same as OpenMetrics text
//! GET    /cometd/api/metrics?tree=*       ← that of all homes, a page at a time, with the label home
//! GET    /cometd/api/openapi.json         ← openapi.json of this folder
//! ```
//!
//! | File | Has |
//! |---|---|
//! | `gateway`, `keys` | which home a call goes to; the key and its scope |
//! | `call`, `page` | a call as a value, its `limit` and `after` |
//! | `fan_out` | a GET of lists or metrics asked of all homes, and merged into pages; no other call goes to all homes |
//! | `metrics_of_all_homes` | the last metrics that each home wrote to Workers KV, in pages: no home is called |
//! | `error` | what a whole call is refused with |
//!
//! Clients are named by their [`SessionKey`](crate::bayeux::SessionKey), which reveals nothing of the clientId. Each
//! call is for one home: the root's, or that of `?tree=`; the root lists the trees, and lists with `?tree=*` are merged
//! from all homes. Without a key in `API_KEYS` these paths do not exist.

mod call;
mod error;
mod fan_out;
mod gateway;
mod keys;
mod metrics_of_all_homes;
mod page;

pub(in crate::bayeux) use self::call::ApiCall;
pub use self::error::ApiError;
pub use self::fan_out::{FanOut, PageRequest};
pub use self::gateway::{Gateway, HEALTH_PATH, Route, health, route};
pub use self::keys::{ApiKey, ApiKeys, Scope};
pub use self::metrics_of_all_homes::KeptMetrics;
pub(in crate::bayeux) use self::page::ListPage;
pub use crate::bayeux::cluster::is_api_path;

use crate::bayeux::app::HttpResponse;

/// A response that no cache keeps, and that browsers do not interpret as another type.
pub(in crate::bayeux) fn json(data: impl serde::Serialize) -> HttpResponse {
    guarded(HttpResponse::json(data))
}

/// The media type of OpenMetrics 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The response with these metrics.
pub(in crate::bayeux) fn openmetrics(text: String) -> HttpResponse {
    let response = HttpResponse { body: Some(text.into_bytes()), ..HttpResponse::new(200) };
    guarded(response.header("content-type", OPENMETRICS))
}

fn guarded(response: HttpResponse) -> HttpResponse {
    response.header("cache-control", "no-store").header("x-content-type-options", "nosniff")
}
