//! An unchecked token, and the places of a request that may carry one beside the messages.

use std::fmt;
use std::rc::Rc;

/// The longest token, in bytes: HTTP headers have no more room.
pub const MAX_TOKEN_LENGTH: usize = 8 << 10;

/// The prefix of the subprotocol that carries a token: the only header that a page can set on a WebSocket.
const SUBPROTOCOL: &str = "bayeux.token.";

/// A token that is not checked yet. It is a secret, so logs and panics do not show it.
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
    /// A text that is too long is cut just past the limit, so that it is still refused; one that is not ASCII becomes
    /// empty, and is refused too. So the attachment of a socket stays small.
    pub fn new(text: &str) -> Self {
        let text = if text.is_ascii() { text } else { "" };
        Self(text.get(..=MAX_TOKEN_LENGTH).unwrap_or(text).into())
    }

    /// The token in an `Authorization` header (RFC 6750 section 2.1, RFC 9110 section 11.1).
    pub fn of_authorization(header: &str) -> Option<Self> {
        let (scheme, token) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        scheme.eq_ignore_ascii_case("Bearer").then(|| Self::new(token.trim()))
    }

    /// The token among the subprotocols that a WebSocket offers: `bayeux.token.` and the token, whose characters are
    /// all allowed there (RFC 6455 section 4.1).
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

/// The subprotocol to accept: the first without a token. A browser closes a socket where it offered some and none was
/// accepted.
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
