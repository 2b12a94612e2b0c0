//! A message, as an application sees it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::bayeux::session::Client;
use crate::bayeux::wire::{BayeuxError, Captures, ChannelId, Message};

/// What a client sent to a service or published on a channel, and who it was.
#[derive(Debug)]
pub struct Publication {
    pub client: Client,
    pub channel: ChannelId,
    message: Message,
    lazy: bool,
    captures: Captures,
}

impl Publication {
    pub fn new(client: Client, channel: ChannelId, message: Message) -> Self {
        Self { client, channel, message, lazy: false, captures: Captures::default() }
    }

    /// The segment that a name of the handler's pattern matched: `room` of `/rooms/{room}`.
    pub fn capture(&self, name: &str) -> Option<&str> {
        self.captures.get(name)
    }

    pub(super) fn set_captures(&mut self, captures: Captures) {
        self.captures = captures;
    }

    /// The data as a `T`.
    ///
    /// # Errors
    /// `400::data_invalid` where the data is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, BayeuxError> {
        self.message.get("data").ok_or(BayeuxError::DataInvalid)
    }

    /// The data's JSON, byte for byte as it was sent.
    pub fn raw_data(&self) -> &RawValue {
        self.message.field("data").unwrap_or(RawValue::NULL)
    }

    /// The whole message, with `ext` and the sender's own fields.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Other data in place of what was sent.
    pub fn set_data(&mut self, data: impl Serialize) {
        self.message.set("data", &data);
    }

    /// Makes the message lazy: it waits for other events as on a lazy channel, up to `MAX_LAZY_TIMEOUT`, or the
    /// channel's own time. A message of a lazy channel waits either way.
    pub fn set_lazy(&mut self, lazy: bool) {
        self.lazy = lazy;
    }

    pub(in crate::bayeux) fn is_lazy(&self) -> bool {
        self.lazy
    }

    /// Another `ext`, or one where there was none; `()` takes it away.
    pub fn set_ext(&mut self, ext: impl Serialize) {
        self.message.set("ext", &ext);
    }
}
