//! Which pages of other origins may use the server (Fetch standard, CORS protocol).
//!
//! cometd.js always sends credentials, so an answer names the page's origin and never says `*`.

use worker::web_sys::Request;

use super::http::header;
use crate::bayeux::OptionError;

/// `ALLOWED_ORIGINS`: origins separated by spaces or commas, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    Any,
    Listed(Vec<String>),
}

impl AllowedOrigins {
    /// # Errors
    /// A part that is no origin.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        let value = value.unwrap_or_default();
        let parts = value.split([' ', ',']).filter(|part| !part.is_empty());
        let origins: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        if origins == ["*"] {
            return Ok(Self::Any);
        }
        if origins.iter().all(|origin| is_origin(origin)) {
            return Ok(Self::Listed(origins));
        }
        let allowed = "* or origins like https://example.com:8443, separated by spaces".to_owned();
        Err(OptionError { name: "ALLOWED_ORIGINS", value, allowed })
    }

    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(_) => self.name(origin),
        }
    }

    /// Whether this very origin is listed.
    pub fn name(&self, origin: &str) -> bool {
        matches!(self, Self::Listed(origins) if origins.iter().any(|listed| listed == origin))
    }
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

fn is_same(request: &Request, origin: &str) -> bool {
    request.url().strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
}

/// `scheme://host[:port]`, without a path.
fn is_origin(origin: &str) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| !authority.is_empty() && !authority.contains(['/', '*', '?', '#']))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

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
    fn a_star_allows_any_origin_and_nothing_allows_none() {
        assert!(parse("*").unwrap().allow("https://example.com"));
        for none in [None, Some(String::new())] {
            assert!(!AllowedOrigins::parse(none).unwrap().allow("https://example.com"));
        }
    }

    #[wasm_bindgen_test]
    fn what_is_no_origin_is_refused() {
        for value in
            ["example.com", "https://", "https://example.com/", "https://*.example.com", "* https://example.com"]
        {
            assert_eq!(parse(value).unwrap_err().value, value);
        }
    }

    fn request(origin: Option<&str>) -> Request {
        let request = Request::new_with_str("https://edge.example/cometd").unwrap();
        if let Some(origin) = origin {
            request.headers().set("Origin", origin).unwrap();
        }
        request
    }

    #[wasm_bindgen_test]
    fn a_page_of_another_origin_is_one_that_may_read_only_where_it_is_allowed() {
        let listed = AllowedOrigins::Listed(vec!["https://page.example".to_owned()]);
        let of = |origin, allowed| cross_origin(&request(Some(origin)), allowed);
        assert_eq!(of("https://page.example", &listed), Some("https://page.example".to_owned()));
        assert_eq!(of("https://other.example", &listed), None);
        assert_eq!(of("https://other.example", &AllowedOrigins::Any), Some("https://other.example".to_owned()));
        assert_eq!(of("https://edge.example", &AllowedOrigins::Any), None, "its own page");
        assert!(of("https://edge", &AllowedOrigins::Any).is_some(), "a beginning of its own name is another");
        assert_eq!(cross_origin(&request(None), &AllowedOrigins::Any), None);
    }
}
