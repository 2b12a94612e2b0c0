//! The acknowledge extension: no event is lost on the way to a client that asks for it.
//!
//! ```text
//! → {"channel":"/meta/handshake", … "ext":{"ack":true}}
//! ← {"channel":"/meta/handshake", … "ext":{"ack":true}}
//! → {"channel":"/meta/connect", … "ext":{"ack":7}}          everything up to batch 7 has arrived
//! ← [events, {"channel":"/meta/connect", … "ext":{"ack":8}}]  this is batch 8
//! ```
//!
//! From the handshake on events ride on connect replies only, on every transport. Each connect reply is the next batch,
//! from 1, of everything that is not acknowledged. (CometD reference, "Acknowledge Extension".)

use serde::Serialize;

use crate::bayeux::wire::message::Message;

/// `ext.ack` of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Ack {
    /// The handshake's: `true`.
    Agreed(bool),
    /// A connect's: the number of the batch.
    Batch(u64),
}

/// Whether a handshake asks for the extension. Only `true` itself does.
pub fn is_asked_for(handshake: &Message) -> bool {
    handshake.get("ext").and_then(|ext: Message| ext.get("ack")).unwrap_or(false)
}

/// The batch that a connect acknowledges. Some clients begin with -1, which is none yet, as is anything else.
pub fn acknowledged(connect: &Message) -> Option<u64> {
    connect.get::<Message>("ext")?.get("ack")
}
