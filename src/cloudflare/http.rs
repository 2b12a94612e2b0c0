//! Requests read and responses written, with as few calls into JavaScript as they need.

use std::time::Duration;

use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader, Request, Response, ResponseInit};

use super::cors::AllowedOrigins;
use crate::bayeux::{Callback, Format, RequestError};

const JSON: &str = "application/json;charset=UTF-8";

const COMMENT_FILTERED: &str = "text/json-comment-filtered;charset=UTF-8";

const EVENT_STREAM: &str = "text/event-stream;charset=UTF-8";

const SCRIPT: &str = "text/javascript;charset=UTF-8";

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

/// The query of the request's URL, without its question mark.
pub fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or(url);
    url.split_once('?').map_or("", |(_, query)| query)
}

/// The origin that an answer must name, where the request comes from a page of another origin that may read it.
pub fn cross_origin(request: &Request, allowed: &AllowedOrigins) -> Option<String> {
    let origin = header(request, "Origin")?;
    (!is_same(request, &origin) && allowed.allow(&origin)).then_some(origin)
}

/// Whether the request comes from a page of another origin that may not read answers.
pub fn is_foreign(request: &Request, allowed: &AllowedOrigins) -> bool {
    header(request, "Origin").is_some_and(|origin| !is_same(request, &origin) && !allowed.allow(&origin))
}

/// Whether the request comes from a page of this origin, or of one that is allowed by its name. Unlike [`is_foreign`] it is so only
/// where a browser says it.
pub fn is_trusted(request: &Request, allowed: &AllowedOrigins) -> bool {
    header(request, "Origin").is_some_and(|origin| is_same(request, &origin) || allowed.name(&origin))
}

/// Of a `Cookie` header the first value of this name (RFC 6265 section 5.4: the one for the longest path).
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut cookies = header.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(of, _)| *of == name).map(|(_, value)| value)
}

/// What a cookie's name must be, and a header's (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether the request opens a WebSocket (RFC 6455 section 4.2.1).
pub fn is_upgrade(request: &Request) -> bool {
    request.method() == "GET"
        && header(request, "Upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

fn is_same(request: &Request, origin: &str) -> bool {
    request.url().strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
}

/// The request's body as text, `limit` bytes at the most.
///
/// # Errors
/// [`RequestError::TooLarge`]; [`RequestError::JsonInvalid`] where the body breaks off.
pub async fn body(request: &Request, limit: usize) -> Result<String, RequestError> {
    match length(request) {
        Some(length) if length > limit as u64 => Err(RequestError::TooLarge),
        Some(_) => whole_body(request).await.ok_or(RequestError::JsonInvalid),
        None => Ok(String::from_utf8_lossy(&bounded(request.body(), limit).await?).into_owned()),
    }
}

/// As [`body`], but the bytes as they are.
pub async fn bytes(request: &Request, limit: usize) -> Result<Vec<u8>, RequestError> {
    match length(request) {
        Some(length) if length > limit as u64 => Err(RequestError::TooLarge),
        _ => bounded(request.body(), limit).await,
    }
}

/// What the request says of the length of its body. A u64: 4 GiB and more are still a length.
pub fn length(request: &Request) -> Option<u64> {
    header(request, "Content-Length")?.parse().ok()
}

/// The request's body, however long; none where it breaks off.
pub async fn whole_body(request: &Request) -> Option<String> {
    JsFuture::from(request.text().ok()?).await.ok()?.as_string()
}

/// A body that does not say its length is read piece by piece: the Worker's memory must not depend on the sender.
///
/// # Errors
/// [`RequestError::TooLarge`]; [`RequestError::JsonInvalid`] where it breaks off.
pub async fn bounded(body: Option<ReadableStream>, limit: usize) -> Result<Vec<u8>, RequestError> {
    let Some(stream) = body else { return Ok(Vec::new()) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| RequestError::JsonInvalid)?;
        let value = Reflect::get(&chunk, &"value".into()).unwrap_or_default();
        if value.is_undefined() {
            return Ok(bytes);
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
    /// The cookie that its browser is given.
    pub set_cookie: Option<String>,
    /// The methods there are, in answer to one that is not.
    pub allow: Option<&'static str>,
    /// When it may be tried again, in answer to a 429 or a 503.
    pub retry_after: Option<Duration>,
    /// The function that a script gives the answer to.
    pub callback: Option<Callback>,
    /// How the answer is written otherwise.
    pub format: Format,
}

thread_local! {
    /// The head of nearly every answer, made once: plain JavaScript data that any object may share.
    static ORDINARY: ResponseInit = init(&Head::default());
}

/// A JSON response, in the format that the head says, or a script with callback-polling.
pub fn respond(head: &Head, json: &str) -> Response {
    let written = match (&head.callback, head.format) {
        (Some(callback), _) => Some(callback.script(json)),
        (None, Format::CommentFiltered) => Some(head.format.write(json)),
        (None, Format::Json) => None,
    };
    if let Some(text) = written {
        let made = Response::new_with_opt_str_and_init(Some(&text), &init(head));
        return made.unwrap_or_else(|_| Response::error());
    }
    let ordinary =
        head.status <= 200 && head.cross_origin.is_none() && head.allow.is_none() && head.set_cookie.is_none();
    let made = if ordinary {
        ORDINARY.with(|init| Response::new_with_opt_str_and_init(Some(json), init))
    } else {
        Response::new_with_opt_str_and_init(Some(json), &init(head))
    };
    made.unwrap_or_else(|_| Response::error())
}

/// A response whose body comes over time.
pub fn stream(head: &Head, body: &ReadableStream) -> Response {
    let init = init(head);
    let headers = init.get_headers();
    for (name, value) in [("content-type", EVENT_STREAM), ("cache-control", "no-store, no-transform")] {
        // A property of a plain object can always be set.
        let _ = Reflect::set(&headers, &name.into(), &value.into());
    }
    Response::new_with_opt_readable_stream_and_init(Some(body), &init).unwrap_or_else(|_| Response::error())
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
    let type_ = match (&head.callback, head.format) {
        (Some(_), _) => SCRIPT,
        (None, Format::CommentFiltered) => COMMENT_FILTERED,
        (None, Format::Json) => JSON,
    };
    set("content-type", type_);
    // A script is the answer to a GET, which a cache may keep and a page run; so may a refusal be. To a POST that went well
    // neither happens, and each header costs.
    if head.callback.is_some() || head.status > 200 {
        set("cache-control", "no-store");
        set("x-content-type-options", "nosniff");
    }
    if let Some(origin) = &head.cross_origin {
        set("access-control-allow-origin", origin);
        set("access-control-allow-credentials", "true");
        set("vary", "Origin");
        if head.status == 204 {
            set("access-control-allow-methods", ALLOWED_METHODS);
            set("access-control-allow-headers", "content-type, authorization");
            // Two hours, the most that Chrome keeps.
            set("access-control-max-age", "7200");
        }
    }
    if let Some(cookie) = &head.set_cookie {
        set("set-cookie", cookie);
    }
    if let Some(methods) = head.allow {
        set("allow", methods);
    }
    if let Some(wait) = head.retry_after.or((head.status == 503).then_some(RETRY_AFTER)) {
        // In whole seconds (RFC 9110, section 10.2.3).
        set("retry-after", &wait.as_millis().div_ceil(1000).to_string());
    }
    let init = ResponseInit::new();
    init.set_status(head.status.max(200));
    init.set_headers(&JsValue::from(headers));
    init
}

/// Where a server that has no room does not know when it will: places come free all the time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a client may do at a home's address.
pub const ALLOWED_METHODS: &str = "GET, POST, OPTIONS";

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::web_sys::{Headers, RequestInit};

    use super::*;

    fn request(body: &str, headers: &[(&str, &str)]) -> Request {
        let list = Headers::new().unwrap();
        for (name, value) in headers {
            list.set(name, value).unwrap();
        }
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&body.into());
        init.set_headers(&list);
        Request::new_with_str_and_init("https://edge.example/cometd", &init).unwrap()
    }

    fn headers<const N: usize>(response: &Response, names: [&str; N]) -> [Option<String>; N] {
        names.map(|name| response.headers().get(name).unwrap())
    }

    async fn text(response: &Response) -> String {
        JsFuture::from(response.text().unwrap()).await.unwrap().as_string().unwrap()
    }

    const CORS: [&str; 4] = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-allow-methods",
        "access-control-allow-headers",
    ];

    fn of_page(status: u16) -> Head {
        Head { status, cross_origin: Some("https://page.example".to_owned()), ..Head::default() }
    }

    #[wasm_bindgen_test]
    async fn an_ordinary_answer_is_json_with_no_more_headers_than_it_needs() {
        for status in [0, 200] {
            let response = respond(&Head { status, ..Head::default() }, "[{}]");
            assert_eq!(response.status(), 200);
            assert_eq!(
                headers(&response, ["content-type", "cache-control", "x-content-type-options"]),
                [Some("application/json;charset=UTF-8".to_owned()), None, None]
            );
            assert_eq!(headers(&response, CORS), [const { None }; 4]);
            assert_eq!(text(&response).await, "[{}]");
        }
    }

    #[wasm_bindgen_test]
    async fn with_a_callback_the_answer_is_a_script_that_nobody_keeps_or_guesses_to_be_anything_else() {
        let callback = Callback::of_query("jsonp=cometd._cb1").ok();
        let response = respond(&Head { callback, ..Head::default() }, "[{}]");
        assert_eq!(
            headers(&response, ["content-type", "cache-control", "x-content-type-options"]),
            ["text/javascript;charset=UTF-8", "no-store", "nosniff"].map(|value| Some(value.to_owned()))
        );
        assert_eq!(text(&response).await, "/**/cometd._cb1([{}]);");
    }

    #[wasm_bindgen_test]
    async fn an_answer_may_be_a_comment_and_never_is_where_a_callback_gets_it() {
        let format = Format::CommentFiltered;
        let response = respond(&Head { format, ..Head::default() }, "[{}]");
        assert_eq!(headers(&response, ["content-type"]), [Some("text/json-comment-filtered;charset=UTF-8".to_owned())]);
        assert_eq!(text(&response).await, "/*[{}]*/");
        let callback = Callback::of_query("jsonp=f").ok();
        assert_eq!(text(&respond(&Head { format, callback, ..Head::default() }, "[{}]")).await, "/**/f([{}]);");
    }

    #[wasm_bindgen_test]
    async fn a_refusal_has_its_status_and_the_methods_that_there_are() {
        let head = Head { status: 405, allow: Some(ALLOWED_METHODS), ..Head::default() };
        let response = respond(&head, "[]");
        assert_eq!((response.status(), headers(&response, ["allow"])), (405, [Some("GET, POST, OPTIONS".to_owned())]));
        assert_eq!(text(&response).await, "[]");
    }

    #[wasm_bindgen_test]
    fn who_is_to_come_again_hears_when_in_whole_seconds() {
        let after = |status, retry_after| {
            let [after] = headers(&respond(&Head { status, retry_after, ..Head::default() }, "[]"), ["retry-after"]);
            after
        };
        assert_eq!(after(429, Some(Duration::from_millis(1001))).as_deref(), Some("2"));
        assert_eq!(after(503, None).as_deref(), Some("5"));
        assert_eq!(after(200, None), None);
    }

    #[wasm_bindgen_test]
    fn an_answer_to_another_origins_page_names_that_origin() {
        for status in [0, 409] {
            let response = respond(&of_page(status), "[]");
            let [origin, credentials, methods, _] = headers(&response, CORS);
            assert_eq!(origin.as_deref(), Some("https://page.example"));
            assert_eq!((credentials.as_deref(), methods), (Some("true"), None));
            assert_eq!(headers(&response, ["vary"]), [Some("Origin".to_owned())]);
        }
        assert_eq!(headers(&respond(&Head::default(), "[]"), CORS), [const { None }; 4], "and the next one does not");
    }

    #[wasm_bindgen_test]
    async fn a_preflight_tells_what_an_allowed_page_may_send_and_others_nothing() {
        let response = preflight(&of_page(0));
        let expected = ["https://page.example", "true", "GET, POST, OPTIONS", "content-type, authorization"];
        assert_eq!(headers(&response, CORS), expected.map(|value| Some(value.to_owned())));
        assert_eq!((response.status(), text(&response).await), (204, String::new()));
        assert_eq!(headers(&preflight(&Head::default()), CORS), [const { None }; 4]);
    }

    #[wasm_bindgen_test]
    fn a_page_of_another_origin_is_one_that_may_read_only_where_it_is_allowed() {
        let listed = AllowedOrigins::Listed(vec!["https://page.example".to_owned()]);
        let of = |origin, allowed| cross_origin(&request("", &[("Origin", origin)]), allowed);
        assert_eq!(of("https://page.example", &listed), Some("https://page.example".to_owned()));
        assert_eq!(of("https://other.example", &listed), None);
        assert_eq!(of("https://other.example", &AllowedOrigins::Any), Some("https://other.example".to_owned()));
        assert_eq!(of("https://edge.example", &AllowedOrigins::Any), None, "its own page");
        assert!(of("https://edge", &AllowedOrigins::Any).is_some(), "a beginning of its own name is another");
        assert_eq!(cross_origin(&request("", &[]), &AllowedOrigins::Any), None);
    }

    #[wasm_bindgen_test]
    fn the_path_of_a_url_ends_before_the_query() {
        for (url, expected) in [
            ("https://edge.example/cometd", "/cometd"),
            ("http://127.0.0.1:8787/cometd/chat?x=/y#z", "/cometd/chat"),
            ("https://edge.example/?x", "/"),
            ("https://edge.example", "/"),
        ] {
            assert_eq!(path(url), expected);
        }
    }

    #[wasm_bindgen_test]
    fn the_query_of_a_url_is_what_stands_between_the_question_mark_and_the_fragment() {
        for (url, expected) in [("https://e/cometd?a=?b#c?d", "a=?b"), ("https://e/cometd#?x", ""), ("https://e", "")] {
            assert_eq!(query(url), expected);
        }
    }

    #[wasm_bindgen_test]
    async fn a_body_is_read_up_to_the_limit_whether_it_tells_its_length_or_not() {
        let json = "[\"é\"]"; // 6 bytes, 5 characters
        for told in [&[][..], &[("Content-Length", "6")]] {
            assert_eq!(body(&request(json, told), 6).await.as_deref(), Ok(json));
            assert_eq!(body(&request(json, told), 5).await, Err(RequestError::TooLarge));
        }
        let absurd = request(json, &[("Content-Length", "nonsense")]);
        assert_eq!(body(&absurd, 5).await, Err(RequestError::TooLarge));
    }
}
