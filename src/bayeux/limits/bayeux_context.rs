//! What is known of a request or a socket besides its messages: CometD's `BayeuxContext`.

use std::rc::Rc;

use super::network::Network;
use crate::bayeux::wire::Bearer;

/// What is known of the request, the socket or the stream that messages came with, besides the messages.
#[derive(Clone, Debug, Default)]
pub struct BayeuxContext {
    /// The IP address, where the platform vouches for it.
    pub address: Option<Rc<str>>,
    /// The cookie that tells browsers apart, with `BROWSER_COOKIE`.
    pub browser: Option<Rc<str>>,
    /// Whether the browser's connection carries many requests at a time: HTTP/2 and later.
    pub multiplexed: bool,
    /// Whether this home held the same request before its object lost its memory. The client has not noticed, and still
    /// waits for the answer.
    pub again: bool,
    /// The token that came beside the messages, for a handshake that has none in its `ext`. With a socket it is that of
    /// its upgrade.
    pub token: Option<Bearer>,
    /// Whether the client was gone before its messages were handled. They take effect, but are not answered, and no
    /// connect is held.
    pub has_aborted: bool,
}

impl BayeuxContext {
    /// The network that limits count it for.
    pub fn network(&self) -> Option<Network> {
        self.address.as_deref().and_then(Network::of)
    }
}
