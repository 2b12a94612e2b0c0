//! Which pages of other origins may use the server (Fetch standard, CORS protocol).
//!
//! cometd.js always sends credentials, so an answer names the page's origin and never says `*`.

use wasm_bindgen::prelude::*;

use crate::bayeux::OptionError;
use crate::cloudflare::http::request::{ClientRequest, header};

#[wasm_bindgen]
extern "C" {
    /// The platform's URL parser writes an origin as browsers do: in punycode, without a default port.
    type URL;

    #[wasm_bindgen(constructor, catch)]
    fn new(url: &str) -> Result<URL, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn origin(this: &URL) -> String;
}

/// `ALLOWED_ORIGINS`: origins separated by spaces or commas, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    Any,
    Listed(Vec<String>),
}

/// The page that sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOrigin {
    /// A page of this origin, or a client that is no page.
    Own,
    /// A page of another origin that may read responses.
    Allowed(String),
    /// A page of another origin that may not.
    Foreign(String),
}

/// The origin of sandboxed frames and local files, whoever made them.
const OPAQUE: &str = "null";

impl AllowedOrigins {
    /// # Errors
    /// A part that is no origin.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        let value = value.unwrap_or_default();
        let parts: Vec<&str> = value.split([' ', ',']).filter(|part| !part.is_empty()).collect();
        if parts == ["*"] {
            return Ok(Self::Any);
        }
        let origins = parts.iter().map(|part| as_sent(part)).collect::<Result<_, _>>();
        origins.map(Self::Listed).map_err(|why| {
            let allowed = format!(
                "*, null, or origins like https://example.com:8443 and capacitor://localhost, separated by spaces: {why}"
            );
            OptionError { name: "ALLOWED_ORIGINS", value, allowed }
        })
    }

    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin)),
        }
    }

    /// Whether this origin is listed by name, and stands for one site.
    fn name(&self, origin: &str) -> bool {
        *self != Self::Any && origin != OPAQUE && self.allow(origin)
    }
}

/// The page that sends this request.
pub fn sender(request: &ClientRequest, allowed: &AllowedOrigins) -> RequestOrigin {
    match header(request, "Origin") {
        None => RequestOrigin::Own,
        Some(origin) if is_same(request, &origin) => RequestOrigin::Own,
        Some(origin) if allowed.allow(&origin) => RequestOrigin::Allowed(origin),
        Some(origin) => RequestOrigin::Foreign(origin),
    }
}

impl RequestOrigin {
    /// The origin that the response must name.
    pub fn cross_origin(self) -> Option<String> {
        match self {
            Self::Allowed(origin) => Some(origin),
            Self::Own | Self::Foreign(_) => None,
        }
    }
}

/// Whether the request comes from a page of this origin, or of one that is listed by name. Only browsers send an
/// origin: a client that is no page has none.
pub fn is_trusted(request: &ClientRequest, allowed: &AllowedOrigins) -> bool {
    header(request, "Origin").is_some_and(|origin| is_same(request, &origin) || allowed.name(&origin))
}

/// Whether a page of another site makes its browser send this request, even by `<script src>`, which has no `Origin`
/// (Fetch Metadata, section 2.3).
pub fn is_cross_site(request: &ClientRequest) -> bool {
    header(request, "Sec-Fetch-Site").is_some_and(|site| site == "cross-site")
}

fn is_same(request: &ClientRequest, origin: &str) -> bool {
    request.url().strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
}

/// An origin as browsers send it, or why no browser sends it.
fn as_sent(written: &str) -> Result<String, String> {
    if written == OPAQUE {
        return Ok(written.to_owned());
    }
    let refused = |why: &str| Err(format!("{written} {why}"));
    let Some((scheme, authority)) = written.split_once("://") else { return refused("has no scheme") };
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || authority.is_empty() {
        return refused("is no scheme with a host");
    }
    if authority.contains(['/', '*', '?', '#', '@', '\\']) {
        return refused("has more than a scheme, a host and a port");
    }
    match scheme.as_str() {
        "http" | "https" => match URL::new(written) {
            Ok(url) => Ok(url.origin()),
            Err(_) => refused("is no URL"),
        },
        "ws" | "wss" | "ftp" | "file" | "data" | "blob" => refused("is never the origin of a page"),
        // The host of an app's own scheme is kept as it is (URL standard, opaque host).
        _ if authority.is_ascii() => Ok(format!("{scheme}://{authority}")),
        _ => refused("is not ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::web_sys::Request;

    use super::*;

    fn parse(value: &str) -> Result<AllowedOrigins, OptionError> {
        AllowedOrigins::parse(Some(value.to_owned()))
    }

    #[wasm_bindgen_test]
    fn listed_origins_are_allowed_and_no_others() {
        let allowed = parse("https://example.com, http://localhost:8080  https://A.example").unwrap();
        for origin in ["https://example.com", "http://localhost:8080", "https://a.example"] {
            assert!(allowed.allow(origin), "{origin}");
        }
        for origin in ["http://example.com", "https://example.com:8443", "https://example.com.evil.example", "null", ""]
        {
            assert!(!allowed.allow(origin), "{origin}");
        }
    }

    #[wasm_bindgen_test]
    fn apps_have_origins_too() {
        for origin in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "safari-web-extension://4F2B9C1E-0000-4000-8000-000000000000",
            "null",
        ] {
            let allowed = parse(&format!("https://page.example {origin}")).unwrap();
            assert!(allowed.allow(origin), "{origin}");
            assert!(!allowed.allow("capacitor://elsewhere"), "{origin}");
        }
    }

    #[wasm_bindgen_test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (written, sent) in [
            ("https://page.example:443", "https://page.example"),
            ("http://page.example:80", "http://page.example"),
            ("https://page.example:8443", "https://page.example:8443"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("HTTPS://Page.Example", "https://page.example"),
            ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ] {
            assert_eq!(parse(written), Ok(AllowedOrigins::Listed(vec![sent.to_owned()])), "{written}");
        }
    }

    #[wasm_bindgen_test]
    fn a_star_allows_any_origin_and_nothing_allows_none() {
        assert!(parse("*").unwrap().allow("https://example.com"));
        for none in [None, Some(String::new())] {
            assert!(!AllowedOrigins::parse(none).unwrap().allow("https://example.com"));
        }
    }

    #[wasm_bindgen_test]
    fn what_is_no_origin_is_refused_with_the_reason() {
        for (value, why) in [
            ("example.com", "example.com has no scheme"),
            ("https://", "is no scheme with a host"),
            ("1app://host", "is no scheme with a host"),
            ("https://example.com/", "has more than a scheme, a host and a port"),
            ("https://*.example.com", "has more than a scheme, a host and a port"),
            ("https://user@example.com", "has more than a scheme, a host and a port"),
            ("https://page.example:port", "is no URL"),
            ("wss://example.com", "is never the origin of a page"),
            ("file://host", "is never the origin of a page"),
            ("* https://example.com", "* has no scheme"),
        ] {
            let error = parse(value).unwrap_err();
            assert_eq!(error.value, value);
            assert!(error.allowed.contains(why), "{}", error.allowed);
        }
    }

    fn request(headers: &[(&str, &str)]) -> ClientRequest {
        let request = Request::new_with_str("https://edge.example/cometd").unwrap();
        for (name, value) in headers {
            request.headers().set(name, value).unwrap();
        }
        ClientRequest::read(request)
    }

    #[wasm_bindgen_test]
    fn a_page_of_another_origin_is_one_that_may_read_only_where_it_is_allowed() {
        let listed = AllowedOrigins::Listed(vec!["https://page.example".to_owned()]);
        let of = |origin: &str, allowed| sender(&request(&[("Origin", origin)]), allowed);
        let allowed = |origin: &str| RequestOrigin::Allowed(origin.to_owned());
        assert_eq!(of("https://page.example", &listed), allowed("https://page.example"));
        assert_eq!(of("https://other.example", &listed), RequestOrigin::Foreign("https://other.example".to_owned()));
        assert_eq!(of("https://other.example", &AllowedOrigins::Any), allowed("https://other.example"));
        assert_eq!(of("https://edge.example", &AllowedOrigins::Any), RequestOrigin::Own);
        assert_eq!(of("https://edge", &AllowedOrigins::Any), allowed("https://edge"), "a beginning of its own name");
        assert_eq!(sender(&request(&[]), &AllowedOrigins::Any), RequestOrigin::Own);
    }

    #[wasm_bindgen_test]
    fn a_sandboxed_frame_may_be_allowed_and_is_trusted_by_nobody() {
        let listed = parse("null https://page.example").unwrap();
        let trusted = |origin: &str| is_trusted(&request(&[("Origin", origin)]), &listed);
        assert!(trusted("https://page.example") && trusted("https://edge.example"));
        assert!(!trusted("null") && !trusted("https://other.example"));
        assert_eq!(sender(&request(&[("Origin", "null")]), &listed), RequestOrigin::Allowed("null".to_owned()));
    }

    #[wasm_bindgen_test]
    fn the_browser_says_whether_another_sites_page_asks() {
        for (site, is_cross) in [("cross-site", true), ("same-site", false), ("same-origin", false), ("none", false)] {
            assert_eq!(is_cross_site(&request(&[("Sec-Fetch-Site", site)])), is_cross, "{site}");
        }
        assert!(!is_cross_site(&request(&[])), "a client that is no page says nothing");
    }
}
