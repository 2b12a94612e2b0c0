//! Chooses the home of a request at the root's address, and passes on those that reach another home than their
//! session's.

use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Promise, Reflect};
use worker::web_sys::{Request, RequestInit};

use crate::bayeux::{Home, Network, Placement, Region};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::config::Config;
use crate::cloudflare::http::request::{ClientRequest, header};
use crate::cloudflare::transport::long_polling::ADDRESS_HEADER;

/// The home for a client without a session. The body is not read: while its address stays the same, all its requests
/// lead there.
pub fn home_of_newcomer(request: &ClientRequest, config: &Config) -> Home {
    let homes = config.options.homes;
    let address = || network(&header(request, ADDRESS_HEADER).unwrap_or_default());
    match homes {
        Placement::Root => Home::Root,
        Placement::Sharded(_) => homes.choose(&address(), None),
        Placement::Regional(_) => homes.choose(&address(), region(request, config)),
    }
}

/// The part of an address that identifies a client. Machines change their addresses within a /64 every day (RFC 8981).
fn network(address: &str) -> String {
    Network::of(address).map_or_else(|| address.to_owned(), |network| network.to_string())
}

/// The client's region, from Cloudflare's data (Workers runtime API, `IncomingRequestCfProperties`).
fn region(request: &ClientRequest, config: &Config) -> Option<Region> {
    if let Some(pretended) = config.region_header.as_ref().and_then(|name| header(request, name)) {
        return Region::near(&pretended, None);
    }
    let cf = Reflect::get(request.raw(), &"cf".into()).ok()?;
    let text = |name: &str| Reflect::get(&cf, &name.into()).ok()?.as_string();
    let longitude = text("longitude").and_then(|longitude| longitude.parse().ok());
    Region::near(&text("continent")?, longitude)
}

/// The promise of another home's response to a request whose body was read here already.
///
/// # Errors
/// The platform's error.
pub fn forward(
    bindings: &Bindings,
    home: &Home,
    request: &ClientRequest,
    body: Option<String>,
) -> Result<Promise, JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method());
    init.set_headers(request.raw().headers().unchecked_ref());
    init.set_signal(Some(&request.raw().signal()));
    if let Some(body) = body {
        init.set_body(&body.into());
    }
    let request = Request::new_with_str_and_init(request.url(), &init)?;
    bindings.call(home, &request)
}
