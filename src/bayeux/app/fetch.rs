//! Requests that a handler has sent before it answers: see [`Actions::ask`](super::Actions::ask).

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Outcome;

/// How long an answer may take, unless [`Fetch::timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request to send.
///
/// ```
/// use bayeux_edge::prelude::*;
///
/// let weather = Fetch::get("https://weather.example/today").header("accept", "application/json");
/// let order = Fetch::post("https://shop.example/orders", json!({ "item": 7 })).timeout(Duration::from_secs(3));
/// let to_hooks = Fetch::hooks("/prices", json!({ "item": 7 }));
/// assert_eq!((&*order.method, &*to_hooks.method), ("POST", "POST"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub to: FetchTarget,
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    pub timeout: Duration,
}

/// Who is sent the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchTarget {
    Url(String),
    /// The Worker that is bound as `HOOKS`, at this path.
    Hooks(String),
}

/// A response, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// 1 MiB at most; a longer one is a [`FetchError`].
    pub body: Vec<u8>,
}

/// Why there is no response: it took too long, its body was too long, the connection failed, or the request was
/// invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError(pub String);

/// What a handler does with the response.
pub(in crate::bayeux) type OnResponse = Box<dyn FnOnce(Result<FetchResponse, FetchError>) -> Outcome>;

/// A request, and the handler of its response.
pub struct Ask {
    pub(in crate::bayeux) fetch: Fetch,
    pub(in crate::bayeux) then: OnResponse,
    /// Whether a remote call waits for this: then an error is its answer.
    pub(in crate::bayeux) is_call: bool,
}

impl Fetch {
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", FetchTarget::Url(url.into()))
    }

    /// Posts JSON.
    pub fn post(url: impl Into<String>, data: impl Serialize) -> Self {
        Self::new("POST", FetchTarget::Url(url.into())).json(data)
    }

    /// Posts JSON to the hooks Worker, at a path of your own: `/` is the hooks contract's.
    pub fn hooks(path: impl Into<String>, data: impl Serialize) -> Self {
        Self::new("POST", FetchTarget::Hooks(path.into())).json(data)
    }

    pub fn new(method: &str, to: FetchTarget) -> Self {
        Self { to, method: method.to_owned(), headers: Vec::new(), body: None, timeout: TIMEOUT }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// With this body. Data that is no JSON becomes `null`.
    #[must_use]
    pub fn json(mut self, data: impl Serialize) -> Self {
        let json = serde_json::to_vec(&data).unwrap_or_else(|_| Value::Null.to_string().into_bytes());
        self.body = Some(json);
        self.header("content-type", "application/json")
    }

    /// How long the whole response may take. The default is 10 s.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Bytes.
    pub(in crate::bayeux) fn weight(&self) -> usize {
        let (FetchTarget::Url(target) | FetchTarget::Hooks(target)) = &self.to;
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        target.len() + headers + self.body.as_ref().map_or(0, Vec::len)
    }
}

impl FetchResponse {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// Where the status is not 2xx, or the body is no JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, FetchError> {
        if !(200..300).contains(&self.status) {
            return Err(FetchError(format!("status {}", self.status)));
        }
        serde_json::from_slice(&self.body).map_err(|error| FetchError(error.to_string()))
    }

    /// The body as text, with U+FFFD for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Ask {
    /// The same for a remote call, which is answered whatever happens.
    pub(super) fn of_call(self) -> Self {
        let then = self.then;
        Self { then: Box::new(|response| super::call_outcome(then(response))), is_call: true, ..self }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ask").field(&self.fetch).finish()
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FetchError {}
