//! Who sent a message, as an application sees it.

use std::rc::Rc;

use super::attributes::Attributes;
use super::registry::SessionKey;

/// Who speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sender {
    /// A client that has no session: during its handshake, and with `ANON_PUBLISH`.
    #[default]
    Anonymous,
    /// A client with a session, by the session's number in its home.
    Session(SessionKey),
    /// A caller of the server API, who needs no session.
    Api,
    /// A part of the application: a [`LocalSession`](crate::bayeux::app::LocalSession) by its name, or the hooks
    /// Worker.
    Local(Rc<str>),
    /// The server itself.
    Server,
}

/// Whoever sent a message, as an application sees it: never with the clientId, which is the client's secret. Cheap to
/// clone.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub sender: Sender,
    /// What [`SecurityPolicy::can_handshake`](crate::bayeux::app::SecurityPolicy::can_handshake) and
    /// [`Actions::set_attribute`](crate::bayeux::app::Actions::set_attribute) noted.
    pub attributes: Attributes,
    /// The IP address that the message came from, where the platform vouches for it.
    pub address: Option<Rc<str>>,
}

impl Client {
    /// The number of its session, for [`Actions::push`](crate::bayeux::app::Actions::push) and the like.
    pub fn session(&self) -> Option<SessionKey> {
        match self.sender {
            Sender::Session(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it is a caller of the server API, not a client.
    pub fn by_api(&self) -> bool {
        self.sender == Sender::Api
    }

    /// The name of the local session, where it is one.
    pub fn local(&self) -> Option<&str> {
        match &self.sender {
            Sender::Local(name) => Some(name),
            _ => None,
        }
    }
}

impl From<Sender> for Client {
    fn from(sender: Sender) -> Self {
        Self { sender, ..Self::default() }
    }
}
