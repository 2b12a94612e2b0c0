//! A token on its way to where it is checked, and where in a request it may stand beside the messages.

use std::fmt;
use std::rc::Rc;

/// Bytes of a token. Whatever carries one in an HTTP header has no more room than this.
pub const MAX_TOKEN_LENGTH: usize = 8 << 10;

/// The subprotocol that is none, but has a token behind it. A page can give its WebSocket no header but this one.
const SUBPROTOCOL: &str = "bayeux.token.";

/// A token that nobody has checked. Whoever has it may use it, so logs and panics do not show it.
///
/// ```
/// use bayeux_edge::bayeux::tokens::{Bearer, plain_subprotocol};
///
/// let token = Some(Bearer::new("eyJ.eyJ.x"));
/// assert_eq!(Bearer::of_authorization("Bearer eyJ.eyJ.x"), token);
/// assert_eq!(Bearer::of_authorization("Basic YWxpY2U6eA=="), None);
/// let offered = "bayeux, bayeux.token.eyJ.eyJ.x";
/// assert_eq!((Bearer::of_subprotocols(offered), plain_subprotocol(offered)), (token, Some("bayeux")));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(Rc<str>);

impl Bearer {
    /// Of a text that is too long for a token as much is kept as is refused for its length, of one that is no ASCII nothing,
    /// which is no token either: what a socket keeps stays small.
    pub fn new(text: &str) -> Self {
        let text = if text.is_ascii() { text } else { "" };
        Self(text.get(..=MAX_TOKEN_LENGTH).unwrap_or(text).into())
    }

    /// The token in an `Authorization` header, if it is there for one (RFC 6750 section 2.1, RFC 9110 section 11.1).
    pub fn of_authorization(header: &str) -> Option<Self> {
        let (scheme, token) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        scheme.eq_ignore_ascii_case("Bearer").then(|| Self::new(token.trim()))
    }

    /// The token among the subprotocols that a WebSocket offers: `bayeux.token.` and the token, which is all made of the signs that
    /// one may have (RFC 6455 section 4.1).
    pub fn of_subprotocols(header: &str) -> Option<Self> {
        offered(header).find_map(|name| name.strip_prefix(SUBPROTOCOL)).map(Self::new)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header that has it.
    pub fn to_authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

/// The subprotocol to agree on: the first that is one. A browser closes a socket for which it offered some, and none was taken.
pub fn plain_subprotocol(header: &str) -> Option<&str> {
    offered(header).find(|name| !name.starts_with(SUBPROTOCOL))
}

fn offered(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim).filter(|name| !name.is_empty())
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}
