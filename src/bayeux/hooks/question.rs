//! The questions to a hooks Worker.

use serde::Serialize;

use super::Hook;
use crate::bayeux::app::ServerEvent;
use crate::bayeux::session::{Attributes, Client};
use crate::bayeux::wire::{ChannelId, ChannelPattern, Message, patterns};

/// One call. Fields that do not apply are left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HookRequest<'a> {
    hook: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    client: ClientView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ChannelPattern>,
    /// The channels that nobody has named before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    creates: Vec<ChannelPattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a serde_json::value::RawValue>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientView<'a> {
    /// The session's key, as the server API names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "no_attributes")]
    attributes: Option<&'a Attributes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    by_api: bool,
}

impl<'a> HookRequest<'a> {
    /// `exists`: whether somebody has named this channel before.
    pub fn message(
        hook: Hook,
        client: &'a Client,
        channel: &'a ChannelId,
        message: &Message,
        exists: impl Fn(&ChannelPattern) -> bool,
    ) -> Self {
        let mut message = message.clone();
        // The client's secret.
        message.set("clientId", &());
        let question = Self { hook: hook.name(), client: ClientView::of(client), ..Self::default() };
        let new = |name: &ChannelPattern| !exists(name);
        match hook {
            Hook::Handshake | Hook::Event => Self { message: Some(message), ..question },
            Hook::Subscribe => {
                let channels = patterns(&message).unwrap_or_default();
                let creates = channels.iter().filter(|name| new(name)).cloned().collect();
                Self { channels, creates, message: Some(message), ..question }
            }
            Hook::Publish | Hook::Service => {
                let name: ChannelPattern = channel.clone().into();
                let creates = if new(&name) { vec![name] } else { Vec::new() };
                Self { channel: Some(channel.as_str()), creates, message: Some(message), ..question }
            }
        }
    }

    pub fn event(event: &'a ServerEvent) -> Self {
        let told = |name, client| Self { hook: Hook::Event.name(), event: Some(name), client, ..Self::default() };
        let of = ClientView::of;
        let on = |channel: &'a ChannelId| Some(channel.as_str());
        match event {
            ServerEvent::ClientConnect { client } => told("client_connect", of(client)),
            ServerEvent::ClientDisconnect { client, why } => {
                Self { why: Some(why.name()), ..told("client_disconnect", of(client)) }
            }
            ServerEvent::Subscribe { client, pattern } => {
                Self { channels: vec![pattern.clone()], ..told("subscribe", of(client)) }
            }
            ServerEvent::Unsubscribe { client, pattern } => {
                Self { channels: vec![pattern.clone()], ..told("unsubscribe", of(client)) }
            }
            ServerEvent::Publish(publication) => {
                let message = Some(publication.message().clone());
                Self { channel: on(&publication.channel), message, ..told("publish", of(&publication.client)) }
            }
            ServerEvent::ClientPush { session, channel, data } => {
                let client = ClientView { client: Some(session.0.to_string()), ..ClientView::default() };
                Self { channel: on(channel), data: Some(data), ..told("client_push", client) }
            }
        }
    }

    /// Strings, numbers and already valid JSON always serialize.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}

impl<'a> ClientView<'a> {
    fn of(client: &'a Client) -> Self {
        Self {
            client: client.session().map(|key| key.0.to_string()),
            attributes: Some(&client.attributes),
            address: client.address.as_deref(),
            local: client.local(),
            by_api: client.by_api(),
        }
    }
}

/// The body of a request with these calls.
pub fn request(home: &str, calls: &[String]) -> String {
    // The names of homes need no escapes in JSON.
    format!(r#"{{"version":1,"home":"{home}","calls":[{}]}}"#, calls.join(","))
}

fn no_attributes(attributes: &Option<&Attributes>) -> bool {
    attributes.is_none_or(Attributes::is_empty)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}
