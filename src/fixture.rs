//! The application that the conformance cases and the end-to-end tests run against (`npm run fixture`).
//!
//! | Channel or message | What it does |
//! |---|---|
//! | `/service/echo` | answers with the data it got |
//! | `/service/veto` | vetoes the message |
//! | `/service/kick` | ends the sender's session |
//! | `/service/pub` with `{"channel":C,"data":D}` | publishes D on C as the server |
//! | `/service/panic` | panics, as a bug in an application would |
//! | `/service/memory` | answers with the bytes of the wasm heap that are in use, of all objects together |
//! | handshake with `ext.deny` true | denied |
//! | `/auth/**` | neither published nor subscribed |
//! | `/sub/**` | subscribed only |
//! | `/den/*` | denied, with the reason `nope` |

#[cfg(target_arch = "wasm32")]
mod memory;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bayeux::app::{Action, Application};
use crate::bayeux::{BayeuxError, ChannelId, ChannelPattern, Denial, Message};

/// See the table above.
#[derive(Debug)]
pub struct Fixture;

/// The data of `/service/pub`.
#[derive(Deserialize)]
struct Publication {
    channel: String,
    data: Box<RawValue>,
}

impl Application for Fixture {
    fn can_handshake(&self, handshake: &Message) -> Result<(), Denial> {
        #[derive(Default, Deserialize)]
        struct Ext {
            #[serde(default)]
            deny: bool,
        }
        let ext: Ext = handshake.get("ext").unwrap_or_default();
        if ext.deny { Err(Denial::default()) } else { Ok(()) }
    }

    fn can_subscribe(&self, pattern: &ChannelPattern) -> Result<(), Denial> {
        closed_to_all(pattern.as_str())
    }

    fn can_publish(&self, channel: &ChannelId, _message: &Message) -> Result<(), Denial> {
        let name = channel.as_str();
        closed_to_all(name)?;
        if name.starts_with("/sub/") { Err(Denial::default()) } else { Ok(()) }
    }

    fn receive(&mut self, channel: &ChannelId, message: &Message) -> Result<Vec<Action>, BayeuxError> {
        Ok(match channel.as_str() {
            "/service/echo" => message.get("data").map(Action::Reply).into_iter().collect(),
            "/service/veto" => return Err(BayeuxError::MessageDeleted),
            "/service/kick" => vec![Action::Disconnect],
            "/service/pub" => publication(message).into_iter().collect(),
            "/service/panic" => panic!("the panic that /service/panic was asked for"),
            #[cfg(target_arch = "wasm32")]
            "/service/memory" => memory::report().map(Action::Reply).into_iter().collect(),
            _ => Vec::new(),
        })
    }
}

fn publication(message: &Message) -> Option<Action> {
    let Publication { channel, data } = message.get("data")?;
    Some(Action::Publish { channel: ChannelId::parse(&channel)?, data })
}

fn closed_to_all(name: &str) -> Result<(), Denial> {
    if name.starts_with("/auth/") {
        return Err(Denial::default());
    }
    if name.starts_with("/den/") {
        return Err(Denial::because("nope"));
    }
    Ok(())
}
