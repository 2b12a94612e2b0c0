//! Which messages the application allows: CometD's `SecurityPolicy`.

use crate::bayeux::session::Client;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Denial, Message};

/// Decides on every message of every client. What it does not define is allowed.
///
/// Not asked: about `/meta/**`, which nobody may subscribe to or publish on, about what the application itself does,
/// and about what comes by the server API with a key.
///
/// ```
/// use bayeux_edge::bayeux::app::{Application, Client, SecurityPolicy};
/// use bayeux_edge::bayeux::{ChannelId, ChannelPattern, Denial, Message};
///
/// /// Members only: who they are is in the handshake's `ext`, and rooms below `/private` are for their owners.
/// struct Members;
///
/// impl SecurityPolicy for Members {
///     fn can_handshake(&mut self, client: &mut Client, handshake: &Message) -> Result<(), Denial> {
///         let ext: Message = handshake.get("ext").unwrap_or_default();
///         match ext.get::<String>("user") {
///             Some(user) => client.attributes.set("user", user),
///             None => return Err(Denial::error(401, "log in first").ext("loginAt", "/login")),
///         }
///         Ok(())
///     }
///
///     fn can_subscribe(&mut self, client: &Client, pattern: &ChannelPattern, _: &Message) -> Result<(), Denial> {
///         let own = client.attributes.text("user").and_then(|user| ChannelId::parse(&format!("/private/{user}")));
///         // `/**` reaches into the rooms as well: whether two patterns meet is what `covers` tells.
///         let meets = |rooms: ChannelPattern| rooms.covers(pattern) || pattern.covers(&rooms);
///         let is_own = own.map(ChannelPattern::from).as_ref() == Some(pattern);
///         if ChannelPattern::parse("/private/**").is_some_and(meets) && !is_own {
///             return Err(Denial::because("not your room"));
///         }
///         Ok(())
///     }
/// }
///
/// let application = Application::new().security_policy(Members);
/// ```
pub trait SecurityPolicy {
    /// Whether a client may have a session. The credentials are in the handshake's `ext`; what is set among
    /// `client.attributes` stays with the session.
    ///
    /// # Errors
    /// The denial that the client reads: `403::handshake_denied`, unless it says otherwise.
    fn can_handshake(&mut self, _client: &mut Client, _handshake: &Message) -> Result<(), Denial> {
        Ok(())
    }

    /// Whether a message may create a channel, or a pattern: a publish or subscribe to one that has no subscriber, no
    /// service and no place in the application. Asked before `can_publish` and `can_subscribe`, as CometD does.
    ///
    /// # Errors
    /// The denial that the client reads: `403:denied_by_security_policy:channel_create_denied`.
    fn can_create(&mut self, _client: &Client, _channel: &ChannelPattern, _message: &Message) -> Result<(), Denial> {
        Ok(())
    }

    /// Whether a client may publish on a channel, or call a service.
    ///
    /// # Errors
    /// The denial that the client reads: `403:denied_by_security_policy:publish_denied`.
    fn can_publish(&mut self, _client: &Client, _channel: &ChannelId, _message: &Message) -> Result<(), Denial> {
        Ok(())
    }

    /// Whether a client may subscribe to a channel, or a pattern.
    ///
    /// # Errors
    /// The denial that the client reads: `403:denied_by_security_policy:subscribe_denied`. One denied name denies the
    /// whole message.
    fn can_subscribe(&mut self, _client: &Client, _pattern: &ChannelPattern, _message: &Message) -> Result<(), Denial> {
        Ok(())
    }
}
