//! HTTP as values: what routes and the hook on static responses read and write.

use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::actions::Actions;

/// A request for a route, or for a static file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// In capitals.
    pub method: String,
    /// As it was sent, percent-encoded: `/hello/w%C3%B6rld`.
    pub path: String,
    /// What stands behind the question mark, or nothing.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// `MAX_MESSAGE_SIZE` bytes at the most. A static file's request comes without.
    pub body: Vec<u8>,
    /// The IP address that it came from, where the platform vouches for it.
    pub address: Option<Rc<str>>,
}

/// A response. Its status and headers are the application's own; nothing is added but what HTTP needs.
///
/// ```
/// use bayeux_edge::bayeux::app::HttpResponse;
///
/// let response = HttpResponse::json([1, 2]).header("cache-control", "max-age=60");
/// assert_eq!((response.status, response.body.as_deref()), (200, Some(&b"[1,2]"[..])));
/// assert_eq!(HttpResponse::text("no such page").with_status(404).status, 404);
/// ```
#[derive(Debug, Default)]
pub struct HttpResponse {
    /// 200 to 599.
    pub status: u16,
    /// A name may stand there more than once.
    pub headers: Vec<(String, String)>,
    /// None is an empty one; of a static response, the file as it is.
    pub body: Option<Vec<u8>>,
    /// What else is to be done. Of a static response nothing: it is made far from any home.
    pub actions: Actions,
}

impl HttpRequest {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first field of this name in the query, decoded.
    pub fn query_field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.query.as_bytes());
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The body as a `T`, if it is JSON of one.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl HttpResponse {
    /// A status without a body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::of("text/plain;charset=UTF-8", text.into())
    }

    pub fn html(html: impl Into<String>) -> Self {
        Self::of("text/html;charset=UTF-8", html.into())
    }

    /// JSON; a 500 where `data` cannot be any.
    pub fn json(data: impl Serialize) -> Self {
        match serde_json::to_string(&data) {
            Ok(json) => Self::of("application/json;charset=UTF-8", json),
            Err(_) => Self::new(500),
        }
    }

    fn of(content_type: &str, body: String) -> Self {
        let body = Some(body.into_bytes());
        Self { body, ..Self::new(200) }.header("content-type", content_type)
    }

    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With this header in place of those of its name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_header(name, value);
        self
    }

    /// Puts this header in the place of those of its name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.remove_header(name);
        self.headers.push((name.to_ascii_lowercase(), value.into()));
    }

    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// With these [`actions`](Self::actions).
    #[must_use]
    pub fn and(self, actions: Actions) -> Self {
        Self { actions, ..self }
    }
}
