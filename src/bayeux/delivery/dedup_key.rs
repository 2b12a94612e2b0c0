//! How a publish is recognised when it comes again.
//!
//! ```text
//! → {"channel":"/chat/demo","clientId":"…","id":"5","data":"hi","ext":{"idempotencyKey":"3f1c…"}}
//! ```
//!
//! * With an idempotency key: the same session, channel, data and key are the same publish. The key is between
//!   publisher and server, and is removed before anybody else sees the message.
//! * With an id alone: the same session, channel, data and id are the same publish only where the answer to the first
//!   one reached nobody. Some clients restart their counter, or send the same id with each message.
//! * The data are always compared. If a client uses a key again by mistake, with other data, the message is delivered.

use std::hash::{DefaultHasher, Hash, Hasher};

use rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::bayeux::wire::{BayeuxError, ChannelId, Message, MessageId};

/// The entry of `ext`.
const ENTRY: &str = "idempotencyKey";

/// The longest key, in bytes. A UUID has 36, a SHA-512 in hexadecimal digits 128.
const MAX_KEY_LENGTH: usize = 128;

/// A hash over the secret clientId and the message. Among 65,536 of them, one in 10^14 publishes collides. Another
/// version of Rust may hash differently: then retries during a deploy are not recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DedupKey(u64);

/// One publish, as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::bayeux) struct Attempt {
    /// By its idempotency key.
    pub key: Option<DedupKey>,
    /// By its id: of a session's message that has no key.
    pub id: Option<DedupKey>,
}

impl DedupKey {
    /// A key that no other publish has.
    pub(in crate::bayeux) fn unique(random: &mut impl Rng) -> Self {
        Self(random.next_u64())
    }

    fn of(message: &Message, channel: &ChannelId, kind: &str, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, name, channel.as_str()).hash(&mut hasher);
        // The server API has its own sender.
        for field in ["clientId", "client", "data"] {
            message.field(field).map(|value| value.get()).hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

impl Attempt {
    /// Removes the key from a message to a channel.
    ///
    /// # Errors
    /// `400::idempotency_key_invalid` where it is not a string, or too short or too long.
    pub fn take_from(message: &mut Message, id: &MessageId, channel: &ChannelId) -> Result<Self, BayeuxError> {
        if let Some(key) = take_key(message)? {
            return Ok(Self { key: Some(DedupKey::of(message, channel, "key", &key)), id: None });
        }
        let of_session = message.field("clientId").is_some();
        let id = id.as_json().filter(|_| of_session);
        Ok(Self { key: None, id: id.map(|id| DedupKey::of(message, channel, "id", id.get())) })
    }

    /// The same for a caller of the server API, who has no session.
    pub fn by_api(self) -> Self {
        let other = |DedupKey(hash)| DedupKey(hash.rotate_left(1) ^ 1);
        Self { key: self.key.map(other), id: None }
    }
}

fn take_key(message: &mut Message) -> Result<Option<String>, BayeuxError> {
    let Some(mut ext) = message.get::<Message>("ext") else { return Ok(None) };
    if ext.fields().all(|(name, _)| name != ENTRY) {
        return Ok(None);
    }
    let is_given = ext.field(ENTRY).is_some();
    let key = ext.get::<String>(ENTRY).filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len()));
    ext.set(ENTRY, &());
    if ext.fields().next().is_some() {
        message.set("ext", &ext);
    } else {
        message.set("ext", &());
    }
    match key {
        None if is_given => Err(BayeuxError::IdempotencyKeyInvalid),
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(json: &str) -> Attempt {
        let mut message: Message = serde_json::from_str(json).unwrap();
        let (id, channel) = (message.id().unwrap(), message.channel().unwrap());
        Attempt::take_from(&mut message, &id, &channel).unwrap()
    }

    #[test]
    fn channel_client_id_id_and_data_decide_whether_a_publish_is_the_same() {
        let one = attempt(r#"{"channel":"/a","clientId":"x","id":"1","data":1}"#);
        assert!(one.id.is_some() && one.key.is_none());
        assert_eq!(one, attempt(r#"{"data":1,"id":"1","clientId":"x","channel":"/a","ext":{}}"#));
        for other in [
            r#"{"channel":"/b","clientId":"x","id":"1","data":1}"#,
            r#"{"channel":"/a","clientId":"y","id":"1","data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":"2","data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":1,"data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":"1","data":2}"#,
            r#"{"channel":"/a","clientId":"x","id":"7","data":1,"ext":{"idempotencyKey":"\"1\""}}"#,
        ] {
            assert_ne!(attempt(other), one, "{other}");
        }
        assert_eq!(attempt(r#"{"channel":"/a","clientId":"x","data":1}"#), Attempt::default());
        assert_eq!(attempt(r#"{"channel":"/a","id":"1","data":1}"#), Attempt::default(), "nobody in particular");
    }

    #[test]
    fn with_an_idempotency_key_the_message_id_does_not_count() {
        let keyed = |id: &str| {
            attempt(&format!(
                r#"{{"channel":"/a","clientId":"x","id":"{id}","data":1,"ext":{{"idempotencyKey":"k"}}}}"#
            ))
        };
        assert!(keyed("1").key.is_some() && keyed("1") == keyed("2") && keyed("1") != keyed("1").by_api());
    }
}
