//! Who sent a message.

use std::rc::Rc;

use super::attributes::Attributes;
use super::registry::SessionKey;

/// A client, as an application sees it: never with the clientId, which is the client's secret. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The number of its session, for [`Actions::push`](crate::bayeux::app::Actions::push) and the like. None where it has none: with
    /// `ANON_PUBLISH`, during the handshake, and where the server itself is the sender.
    pub session: Option<SessionKey>,
    /// What [`SecurityPolicy::can_handshake`](crate::bayeux::app::SecurityPolicy::can_handshake) and
    /// [`Actions::set_attribute`](crate::bayeux::app::Actions::set_attribute) noted.
    pub attributes: Attributes,
    /// The IP address that the message came from, where the platform vouches for it.
    pub address: Option<Rc<str>>,
    /// Whether it is no client at all but somebody with a key of the server API, who needs no session.
    pub by_api: bool,
    /// The name of the [`LocalSession`](crate::bayeux::app::LocalSession), where it is one.
    pub local: Option<Rc<str>>,
}

impl Client {
    pub(in crate::bayeux) fn local(name: Rc<str>) -> Self {
        Self { local: Some(name), ..Self::default() }
    }
}
