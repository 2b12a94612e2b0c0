//! Writes responses, with few calls into JavaScript.

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::js_sys::{Object, Reflect};
use worker::web_sys::{ReadableStream, Response, ResponseInit};

use crate::bayeux::{Callback, Format, Refusal};
use crate::cloudflare::http::request::is_token;

const JSON: &str = "application/json;charset=UTF-8";

const COMMENT_FILTERED: &str = "text/json-comment-filtered;charset=UTF-8";

const EVENT_STREAM: &str = "text/event-stream;charset=UTF-8";

const SCRIPT: &str = "text/javascript;charset=UTF-8";

/// How a response differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// 0 stands for 200.
    pub status: u16,
    /// The origin of a page of another site that may read the response.
    pub cross_origin: Option<String>,
    /// The browser cookie to set.
    pub set_cookie: Option<String>,
    /// The allowed methods, in a 405.
    pub allow: Option<&'static str>,
    /// When to retry, in a 429 or a 503.
    pub retry_after: Option<Duration>,
    /// The JSONP callback.
    pub callback: Option<Callback>,
    /// How the answer is written otherwise.
    pub format: Format,
}

impl Head {
    /// Whether the response is as nearly every one.
    pub fn is_ordinary(&self) -> bool {
        self.status <= 200
            && self.cross_origin.is_none()
            && self.allow.is_none()
            && self.set_cookie.is_none()
            && self.callback.is_none()
            && self.format == Format::Json
    }
}

/// Status and headers of nearly every response, made once: plain JavaScript data that any object may share.
pub fn ordinary() -> ResponseInit {
    thread_local! {
        static ORDINARY: ResponseInit = init(&Head::default());
    }
    ORDINARY.with(Clone::clone)
}

/// A JSON response in the head's format, or a script with callback-polling.
pub fn respond(head: &Head, json: &str) -> Response {
    let written = match (&head.callback, head.format) {
        (Some(callback), _) => Some(callback.script(json)),
        (None, Format::CommentFiltered) => Some(head.format.write(json)),
        (None, Format::Json) => None,
    };
    let text = written.as_deref().unwrap_or(json);
    let init = if head.is_ordinary() { ordinary() } else { init(head) };
    Response::new_with_opt_str_and_init(Some(text), &init).unwrap_or_else(|_| Response::error())
}

/// The response to a request that is refused as a whole.
pub fn refuse(head: Head, refusal: Refusal) -> Response {
    let (status, retry_after) = (refusal.status(), refusal.retry_after());
    respond(&Head { status, retry_after, ..head }, &refusal.body())
}

/// A response with a streamed body.
pub fn stream(head: &Head, body: &ReadableStream) -> Response {
    let init = init(head);
    let headers = init.get_headers();
    for (name, value) in [("content-type", EVENT_STREAM), ("cache-control", "no-store, no-transform")] {
        // A property of a plain object can always be set.
        let _ = Reflect::set(&headers, &name.into(), &value.into());
    }
    Response::new_with_opt_readable_stream_and_init(Some(body), &init).unwrap_or_else(|_| Response::error())
}

/// The response to a preflight (Fetch standard, CORS-preflight request). A page that may read responses may send any
/// headers: `asked` is what it asks for.
pub fn preflight(head: &Head, asked: Option<&str>) -> Response {
    let init = init(&Head { status: 204, ..head.clone() });
    if head.cross_origin.is_some() {
        let headers = init.get_headers();
        let usual = "content-type, authorization";
        let asked = asked.filter(|names| names.split(',').all(|name| is_token(name.trim()))).unwrap_or(usual);
        for (name, value) in [
            ("access-control-allow-methods", ALLOWED_METHODS),
            ("access-control-allow-headers", asked),
            // Two hours, the most that Chrome keeps.
            ("access-control-max-age", "7200"),
            ("vary", "Origin, Access-Control-Request-Headers"),
        ] {
            // A property of a plain object can always be set.
            let _ = Reflect::set(&headers, &name.into(), &value.into());
        }
    }
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
    // A script is the response to a GET, which a cache may keep and a page may run; so may a refusal be. The response
    // to a successful POST needs neither header, and each costs.
    if head.callback.is_some() || head.status > 200 {
        set("cache-control", "no-store");
        set("x-content-type-options", "nosniff");
    }
    if let Some(origin) = &head.cross_origin {
        set("access-control-allow-origin", origin);
        set("access-control-allow-credentials", "true");
        set("vary", "Origin");
    }
    if let Some(cookie) = &head.set_cookie {
        set("set-cookie", cookie);
    }
    if let Some(methods) = head.allow {
        set("allow", methods);
    }
    if let Some(wait) = head.retry_after.or((head.status == 503).then_some(RETRY_AFTER)) {
        // Whole seconds (RFC 9110, section 10.2.3).
        set("retry-after", &wait.as_millis().div_ceil(1000).to_string());
    }
    let init = ResponseInit::new();
    init.set_status(head.status.max(200));
    init.set_headers(&JsValue::from(headers));
    init
}

/// Used where the server is full and does not know for how long: sessions end all the time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The methods at a home's address.
pub const ALLOWED_METHODS: &str = "GET, POST, OPTIONS";

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::wasm_bindgen_futures::JsFuture;

    use super::*;

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
        let response = preflight(&of_page(0), None);
        let expected = ["https://page.example", "true", "GET, POST, OPTIONS", "content-type, authorization"];
        assert_eq!(headers(&response, CORS), expected.map(|value| Some(value.to_owned())));
        assert_eq!((response.status(), text(&response).await), (204, String::new()));
        assert_eq!(headers(&preflight(&Head::default(), Some("x-a")), CORS), [const { None }; 4]);
    }

    #[wasm_bindgen_test]
    fn a_preflight_allows_each_header_that_an_allowed_page_asks_for() {
        let allowed = |asked| headers(&preflight(&of_page(0), Some(asked)), ["access-control-allow-headers"]);
        for asked in ["x-requested-with", "content-type,x-a,authorization", "X-A, x-b"] {
            assert_eq!(allowed(asked), [Some(asked.to_owned())]);
        }
        for nonsense in ["", "x a", "a,,b", "x-a\r\nx-b: c"] {
            assert_eq!(allowed(nonsense), [Some("content-type, authorization".to_owned())], "{nonsense:?}");
        }
        assert_eq!(
            headers(&preflight(&of_page(0), Some("x-a")), ["vary"]),
            [Some("Origin, Access-Control-Request-Headers".to_owned())]
        );
    }
}
