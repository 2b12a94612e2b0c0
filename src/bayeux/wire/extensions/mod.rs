//! The protocol's extensions: what travels in `ext`, one file each.

pub mod ack;
pub mod comment_filter;
pub mod replay;
pub mod timestamp;
pub mod timesync;

use serde::Serialize;
use serde_json::{Map, Value};

use self::ack::Ack;
use self::replay::Replayed;
use self::timesync::Timesync;

/// The `ext` of a reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplyExt {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<Ack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replayed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timesync: Option<Timesync>,
    #[serde(rename = "json-comment-filtered", skip_serializing_if = "Option::is_none")]
    pub comment_filtered: Option<bool>,
    /// The fields that a policy adds.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

impl ReplyExt {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
