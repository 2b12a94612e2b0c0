//! The cookie that identifies a browser across its tabs: CometD's `BAYEUX_BROWSER`.
//!
//! `BROWSER_COOKIE` is what follows `Set-Cookie:` (RFC 6265) without the value: name and attributes. `true` stands for
//! `BAYEUX_BROWSER; Path=/; HttpOnly; SameSite=Lax`.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;

use crate::bayeux::OptionError;
use crate::cloudflare::http::request::{ClientRequest, cookie, header, is_token};
use crate::cloudflare::js;

const OPTION: &str = "BROWSER_COOKIE";

const USUAL: &str = "BAYEUX_BROWSER; Path=/; HttpOnly; SameSite=Lax";

const ALLOWED: &str = "true, false, or a cookie's name and attributes as in \"BAYEUX_BROWSER; Path=/; HttpOnly; \
                       SameSite=None; Secure; Partitioned\", which browsers accept";

/// The longest value that is accepted: ours have 32 characters.
const MAX_LENGTH: usize = 64;

/// The cookie's name and attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserCookie {
    name: String,
    /// With separators: `; Path=/; HttpOnly`.
    attributes: String,
    /// Whether `Secure` is among them.
    secure: bool,
}

/// The browser of a request.
pub struct Browser {
    pub id: Rc<str>,
    /// The `Set-Cookie` of its response, where the request had no cookie.
    pub set_cookie: Option<String>,
}

impl BrowserCookie {
    /// # Errors
    /// A cookie that browsers would reject, or one with a value.
    pub fn parse(value: Option<String>) -> Result<Option<Self>, OptionError> {
        let written = match value.as_deref().map(str::trim) {
            None | Some("false") => return Ok(None),
            Some("true") => USUAL,
            Some(written) => written,
        };
        let cookie = Self::read(written);
        let refused = || OptionError { name: OPTION, value: written.to_owned(), allowed: ALLOWED.to_owned() };
        cookie.ok_or_else(refused).map(Some)
    }

    fn read(written: &str) -> Option<Self> {
        let mut parts = written.split(';').map(str::trim);
        let name = parts.next().filter(|name| is_token(name))?;
        let (mut secure, mut host_only, mut at_root, mut needs_secure) = (false, true, false, false);
        let mut attributes = String::new();
        for attribute in parts {
            match attribute.split_once('=').map_or((attribute, None), |(name, value)| (name, Some(value))) {
                ("Secure", None) => secure = true,
                ("HttpOnly", None) => {}
                ("Partitioned", None) | ("SameSite", Some("None")) => needs_secure = true,
                ("SameSite", Some("Strict" | "Lax")) => {}
                ("Path", Some(path)) if path.starts_with('/') && is_printable(path) => at_root = path == "/",
                ("Domain", Some(domain)) if !domain.is_empty() && is_printable(domain) => host_only = false,
                _ => return None,
            }
            attributes += "; ";
            attributes += attribute;
        }
        let needs_secure = needs_secure || name.starts_with("__Secure-") || name.starts_with("__Host-");
        let is_at_home = !name.starts_with("__Host-") || host_only && at_root;
        let accepted = (secure || !needs_secure) && is_at_home;
        accepted.then(|| Self { name: name.to_owned(), attributes, secure })
    }

    /// The browser of a request; one without a cookie gets a new one.
    pub fn browser(&self, request: &ClientRequest) -> Browser {
        if let Some(id) = self.of(request) {
            return Browser { id, set_cookie: None };
        }
        let id: String = js::random_seed()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        // A cookie that is set over https is never sent over http.
        let secure = if !self.secure && request.url().starts_with("https://") { "; Secure" } else { "" };
        let set_cookie = Some(self.with(&id) + &self.attributes + secure);
        Browser { id: id.into(), set_cookie }
    }

    /// The cookie as this browser sends it.
    pub fn with(&self, browser: &str) -> String {
        format!("{}={browser}", self.name)
    }

    /// The value in a request's cookies.
    pub fn of(&self, request: &ClientRequest) -> Option<Rc<str>> {
        self.find(&header(request, "Cookie")?).map(Into::into)
    }

    fn find<'a>(&self, header: &'a str) -> Option<&'a str> {
        let value = cookie(header, &self.name)?;
        let ours =
            !value.is_empty() && value.len() <= MAX_LENGTH && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ours.then_some(value)
    }
}

/// Whether requests share the client's connection. The platform tells the protocol: `HTTP/1.1`, `HTTP/2`, `HTTP/3`
/// (`IncomingRequestCfProperties`); in development it does not, and HTTP/1.1 is assumed.
pub fn is_multiplexed(request: &ClientRequest) -> bool {
    let property = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).unwrap_or_default();
    let cf = property(request.raw(), "cf");
    if !cf.is_object() {
        return false;
    }
    let protocol = property(&cf, "httpProtocol").as_string().unwrap_or_default();
    protocol.starts_with("HTTP/2") || protocol.starts_with("HTTP/3")
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::web_sys::Request;

    use super::*;

    fn cookie(option: &str) -> BrowserCookie {
        BrowserCookie::parse(Some(option.to_owned())).unwrap().unwrap()
    }

    #[wasm_bindgen_test]
    fn it_is_off_or_the_usual_one_or_as_it_is_written() {
        assert_eq!(BrowserCookie::parse(None), Ok(None));
        assert_eq!(BrowserCookie::parse(Some("false".to_owned())), Ok(None));
        assert_eq!((cookie("true").name.as_str(), cookie("true")), ("BAYEUX_BROWSER", cookie(USUAL)));
        let written = "__Host-who; Path=/; Secure; HttpOnly; SameSite=None; Partitioned";
        assert_eq!(cookie(written).attributes, written.trim_start_matches("__Host-who"));
        assert_eq!(cookie("X;Domain=example.com;Path=/cometd").attributes, "; Domain=example.com; Path=/cometd");
        assert_eq!(cookie("X").attributes, "");
    }

    #[wasm_bindgen_test]
    fn what_browsers_would_not_accept_is_refused() {
        for option in [
            "",
            "no name",
            "X=1",
            "X; SameSite=None",
            "X; Partitioned",
            "X; SameSite=Sometimes; Secure",
            "X; Max-Age=1",
            "X; Path=cometd",
            "X; Path=/\r\nEvil: 1",
            "X; Domain=",
            "__Secure-X; Path=/",
            "__Host-X; Secure; Path=/cometd",
            "__Host-X; Secure; Path=/; Domain=example.com",
            "X;",
        ] {
            let error = BrowserCookie::parse(Some(option.to_owned())).unwrap_err();
            assert_eq!((error.name, error.value.as_str()), (OPTION, option));
        }
    }

    #[wasm_bindgen_test]
    fn it_is_found_among_others_and_believed_where_it_may_be_ours() {
        let cookie = cookie("true");
        assert_eq!(cookie.find("a=1; BAYEUX_BROWSER=0123abcd; b=2"), Some("0123abcd"));
        assert_eq!(cookie.find("BAYEUX_BROWSER=x"), Some("x"));
        for header in [
            "",
            "a=1",
            "BAYEUX_BROWSER",
            "BAYEUX_BROWSER=",
            "xBAYEUX_BROWSER=1",
            "BAYEUX_BROWSER=a b",
            "BAYEUX_BROWSER=\"a\"",
        ] {
            assert_eq!(cookie.find(header), None, "{header}");
        }
        assert_eq!(cookie.find(&format!("BAYEUX_BROWSER={}", "x".repeat(65))), None);
    }

    #[wasm_bindgen_test]
    fn over_https_it_is_secure_whether_it_is_written_so_or_not() {
        let given = |option: &str, url: &str| {
            let given =
                cookie(option).browser(&ClientRequest::read(Request::new_with_str(url).unwrap())).set_cookie.unwrap();
            given.split_once("; ").unwrap().1.to_owned()
        };
        assert_eq!(given("true", "https://edge.example/cometd"), "Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(given("true", "http://localhost:8787/cometd"), "Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(given("X; Secure", "https://edge.example/cometd"), "Secure");
    }
}
