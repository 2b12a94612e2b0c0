//! Requests read and responses written, with as few calls into JavaScript as they need.

use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStreamDefaultReader, Request, Response, ResponseInit};

use super::cors::AllowedOrigins;
use crate::bayeux::RequestError;

const JSON: &str = "application/json;charset=UTF-8";

/// A header's value, where it is there.
pub fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// The path of the request's URL.
pub fn path(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let authority_and_path = &url[after_scheme..];
    let path = authority_and_path.find('/').map_or("/", |at| &authority_and_path[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// The origin that an answer must name, where the request comes from a page of another origin that may read it.
pub fn cross_origin(request: &Request, allowed: &AllowedOrigins) -> Option<String> {
    let origin = header(request, "Origin")?;
    let same = request.url().strip_prefix(&origin).is_some_and(|rest| rest.starts_with('/'));
    (!same && allowed.allow(&origin)).then_some(origin)
}

/// The request's body as text, `limit` bytes at the most.
///
/// # Errors
/// [`RequestError::TooLarge`]; [`RequestError::JsonInvalid`] where the body breaks off.
pub async fn body(request: &Request, limit: usize) -> Result<String, RequestError> {
    match header(request, "Content-Length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length > limit => Err(RequestError::TooLarge),
        Some(_) => whole_body(request).await.ok_or(RequestError::JsonInvalid),
        None => chunked_body(request, limit).await,
    }
}

async fn whole_body(request: &Request) -> Option<String> {
    JsFuture::from(request.text().ok()?).await.ok()?.as_string()
}

/// A body that does not say its length is read piece by piece: the Worker's memory must not depend on the sender.
async fn chunked_body(request: &Request, limit: usize) -> Result<String, RequestError> {
    let Some(stream) = request.body() else { return Ok(String::new()) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| RequestError::JsonInvalid)?;
        let value = Reflect::get(&chunk, &"value".into()).unwrap_or_default();
        if value.is_undefined() {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        let piece: Uint8Array = value.unchecked_into();
        if bytes.len() + piece.length() as usize > limit {
            // The sender is told at once; whether it listens to the end of its upload is its own affair.
            let _: Promise = reader.cancel();
            return Err(RequestError::TooLarge);
        }
        bytes.extend(piece.to_vec());
    }
}

/// How a response differs from an ordinary answer.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// 0 stands for 200.
    pub status: u16,
    /// The page's origin, where it is another one that may read the answer.
    pub cross_origin: Option<String>,
    /// The methods there are, in answer to one that is not.
    pub allow: Option<&'static str>,
}

thread_local! {
    /// The head of nearly every answer, made once: plain JavaScript data that any object may share.
    static ORDINARY: ResponseInit = init(&Head::default());
}

/// A JSON response.
pub fn respond(head: &Head, json: &str) -> Response {
    let ordinary = head.status <= 200 && head.cross_origin.is_none() && head.allow.is_none();
    let made = if ordinary {
        ORDINARY.with(|init| Response::new_with_opt_str_and_init(Some(json), init))
    } else {
        Response::new_with_opt_str_and_init(Some(json), &init(head))
    };
    made.unwrap_or_else(|_| Response::error())
}

/// The answer to a preflight (Fetch standard, CORS-preflight request).
pub fn preflight(head: &Head) -> Response {
    let init = init(&Head { status: 204, ..head.clone() });
    Response::new_with_opt_str_and_init(None, &init).unwrap_or_else(|_| Response::error())
}

fn init(head: &Head) -> ResponseInit {
    let headers = Object::new();
    let set = |name: &str, value: &str| {
        // A property of a fresh plain object can always be set.
        let _ = Reflect::set(&headers, &name.into(), &value.into());
    };
    set("content-type", JSON);
    set("cache-control", "no-store");
    set("x-content-type-options", "nosniff");
    if let Some(origin) = &head.cross_origin {
        set("access-control-allow-origin", origin);
        set("access-control-allow-credentials", "true");
        set("vary", "Origin");
        if head.status == 204 {
            set("access-control-allow-methods", ALLOWED_METHODS);
            set("access-control-allow-headers", "content-type");
            // Two hours, the most that Chrome keeps.
            set("access-control-max-age", "7200");
        }
    }
    if let Some(methods) = head.allow {
        set("allow", methods);
    }
    let init = ResponseInit::new();
    init.set_status(head.status.max(200));
    init.set_headers(&JsValue::from(headers));
    init
}

/// What a client may do at a home's address.
pub const ALLOWED_METHODS: &str = "POST, OPTIONS";
