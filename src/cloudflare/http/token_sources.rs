//! Where a request carries a token outside of its messages: the header `Authorization`, a WebSocket's subprotocols, a
//! cookie.
//!
//! Browsers send cookies by themselves, for whichever page makes the request. So a cookie counts only in requests from
//! pages of this origin, or of one that `ALLOWED_ORIGINS` names. The other two prove that the page knows the token.

use crate::bayeux::OptionError;
use crate::bayeux::tokens::{Bearer, plain_subprotocol};
use crate::cloudflare::config::Config;
use crate::cloudflare::http::cors::is_trusted;
use crate::cloudflare::http::request::{ClientRequest, cookie, header, is_token};

pub const AUTHORIZATION: &str = "Authorization";

pub const SUBPROTOCOLS: &str = "Sec-WebSocket-Protocol";

/// `TOKEN_COOKIE`: the name of the cookie with the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCookie(String);

impl TokenCookie {
    /// # Errors
    /// An invalid cookie name (RFC 6265, section 4.1.1).
    pub fn parse(name: Option<String>) -> Result<Option<Self>, OptionError> {
        match name {
            Some(value) if !is_token(&value) => {
                let allowed = "the name of a cookie: letters, digits, and signs but ()<>@,;:\\\"/[]?={}".to_owned();
                Err(OptionError { name: "TOKEN_COOKIE", value, allowed })
            }
            name => Ok(name.map(Self)),
        }
    }

    /// The token in the cookie.
    fn of(&self, request: &ClientRequest, config: &Config) -> Option<Bearer> {
        let header = header(request, "Cookie")?;
        let value = cookie(&header, &self.0)?;
        // Quotes are not part of the value.
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        is_trusted(request, &config.allowed_origins).then(|| Bearer::new(value))
    }
}

/// The first token that a request carries outside of its messages, where tokens are configured.
pub fn token(request: &ClientRequest, config: &Config) -> Option<Bearer> {
    if !config.options.tokens.are_in_use() {
        return None;
    }
    header(request, AUTHORIZATION)
        .and_then(|header| Bearer::of_authorization(&header))
        .or_else(|| header(request, SUBPROTOCOLS).and_then(|header| Bearer::of_subprotocols(&header)))
        .or_else(|| config.token_cookie.as_ref()?.of(request, config))
}

/// The subprotocol that the server accepts: never one that is a token.
pub fn subprotocol(request: &ClientRequest) -> Option<String> {
    header(request, SUBPROTOCOLS).and_then(|header| plain_subprotocol(&header).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen::JsValue;
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::js_sys::JSON;
    use worker::web_sys::{Headers, Request, RequestInit};

    use super::*;

    /// The token in these headers, with keys, this `ALLOWED_ORIGINS` and `TOKEN_COOKIE`.
    fn carried(allowed_origins: &str, headers: &[(&str, &str)]) -> Option<String> {
        let env = format!(
            r#"{{"TOKEN_KEYS":"0123456789abcdef0123456789abcdef","TOKEN_COOKIE":"jwt","ALLOWED_ORIGINS":"{allowed_origins}"}}"#
        );
        with(&JSON::parse(&env).unwrap(), headers)
    }

    fn with(env: &JsValue, headers: &[(&str, &str)]) -> Option<String> {
        let list = Headers::new().unwrap();
        for (name, value) in headers {
            list.set(name, value).unwrap();
        }
        let init = RequestInit::new();
        init.set_headers(&list);
        let request = Request::new_with_str_and_init("https://edge.example/cometd", &init).unwrap();
        token(&ClientRequest::read(request), &Config::read(env).unwrap()).map(|token| token.as_str().to_owned())
    }

    #[wasm_bindgen_test]
    fn the_header_comes_before_the_subprotocol_and_that_before_the_cookie() {
        let header = (AUTHORIZATION, "Bearer h.h.h");
        let subprotocol = (SUBPROTOCOLS, "bayeux, bayeux.token.s.s.s");
        let cookie = [("Cookie", "a=b; jwt=c.c.c"), ("Origin", "https://edge.example")];
        let all = [header, subprotocol, cookie[0], cookie[1]];
        for (headers, token) in [(&all[..], "h.h.h"), (&all[1..], "s.s.s"), (&all[2..], "c.c.c")] {
            assert_eq!(carried("", headers).as_deref(), Some(token));
        }
        let basic = [(AUTHORIZATION, "Basic eDp5"), cookie[0], cookie[1]];
        assert_eq!(carried("", &basic).as_deref(), Some("c.c.c"), "a header for something else is none");
    }

    #[wasm_bindgen_test]
    fn a_cookie_counts_where_the_page_that_sends_it_is_known() {
        let sent = |allowed, origin| carried(allowed, &[("Cookie", "jwt=\"c.c.c\""), ("Origin", origin)]);
        let listed = "https://page.example";
        for (allowed, origin, counts) in [
            ("", "https://edge.example", true),
            ("*", "https://edge.example", true),
            (listed, "https://page.example", true),
            (listed, "https://page.example:8443", false),
            (listed, "https://other.example", false),
            ("", "https://other.example", false),
            ("", "http://edge.example", false),
            ("", "https://edge.example.evil.example", false),
            // `*` lets any page read, but lets no page act for its visitors.
            ("*", "https://other.example", false),
            ("*", "null", false),
        ] {
            assert_eq!(sent(allowed, origin).is_some(), counts, "{allowed} {origin}");
        }
        assert_eq!(carried(listed, &[("Cookie", "jwt=c.c.c")]), None, "a script's request names no origin");
    }

    #[wasm_bindgen_test]
    fn where_no_tokens_are_asked_for_or_no_cookie_is_named_there_is_none() {
        let headers = [(AUTHORIZATION, "Bearer h.h.h"), ("Cookie", "jwt=c.c.c"), ("Origin", "https://edge.example")];
        assert_eq!(with(&JSON::parse("{}").unwrap(), &headers), None);
        let keys = JSON::parse(r#"{"TOKEN_KEYS":"0123456789abcdef0123456789abcdef"}"#).unwrap();
        assert_eq!(with(&keys, &headers[1..]), None);
        assert_eq!(with(&keys, &headers).as_deref(), Some("h.h.h"));
    }

    #[wasm_bindgen_test]
    fn a_cookies_name_is_one_that_a_cookie_can_have() {
        assert_eq!(TokenCookie::parse(None), Ok(None));
        assert_eq!(TokenCookie::parse(Some("__Host-jwt".to_owned())), Ok(Some(TokenCookie("__Host-jwt".to_owned()))));
        for name in ["", "a b", "jwt=", "jwt;", "é"] {
            assert_eq!(TokenCookie::parse(Some(name.to_owned())).unwrap_err().value, name);
        }
    }
}
