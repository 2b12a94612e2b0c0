//! One incoming message, read leniently: a field of the wrong type never spoils the rest of the batch.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::channel::ChannelId;
use super::error::BayeuxError;

/// The most fields of one message. Clients in use send ten. Every extra field of a publish goes to every subscriber.
const MAX_FIELDS: usize = 64;

/// The longest `id` that is repeated in a reply, in bytes. Clients in use send counters; CometD's Java client UUIDs.
const MAX_ID_LENGTH: usize = 256;

/// Bytes that a field takes beside its own.
const BESIDE: usize = 40;

/// The fields of one message object, each as the bytes that were sent, in their order.
#[derive(Clone, Debug, Default)]
pub struct Message {
    fields: Vec<(String, Box<RawValue>)>,
}

/// A message's `id` as it was sent, a JSON number or string that is safe to repeat; none where there was none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Option<Box<RawValue>>);

impl Message {
    /// Reads one element of a batch.
    ///
    /// # Errors
    /// `400::message_invalid` where it is not an object, `400::message_fields_exceeded` where it has too many fields.
    pub fn parse(element: &RawValue) -> Result<Self, BayeuxError> {
        let message: Self = serde_json::from_str(element.get()).map_err(|_| BayeuxError::MessageInvalid)?;
        if message.fields.len() > MAX_FIELDS { Err(BayeuxError::MessageFieldsExceeded) } else { Ok(message) }
    }

    /// The field's JSON; `null` counts as absent everywhere but in `data`. Where a name occurs twice the last one
    /// counts, as in JavaScript (RFC 8259 section 4 leaves it open). Looking for duplicates while reading would cost
    /// the square of the number of fields.
    pub fn field(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.fields.iter().rfind(|(key, _)| key == name)?;
        (value.get() != "null" || name == "data").then_some(value)
    }

    /// The field as a `T`; `None` where it is absent or of another type.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        serde_json::from_str(self.field(name)?.get()).ok()
    }

    /// Sets a field. A value that is `null`, or cannot be JSON, removes it.
    pub fn set(&mut self, name: &str, value: &impl Serialize) {
        self.fields.retain(|(key, _)| key != name);
        if let Ok(value) = to_raw_value(value)
            && (value.get() != "null" || name == "data")
        {
            self.fields.push((name.to_owned(), value));
        }
    }

    /// All fields, as sent.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// Bytes that it takes.
    pub fn weight(&self) -> usize {
        self.fields().map(|(name, value)| BESIDE + name.len() + value.get().len()).sum()
    }

    /// # Errors
    /// `405::message_id_invalid` where `id` is neither a number nor a string of harmless characters.
    pub fn id(&self) -> Result<MessageId, BayeuxError> {
        let Some(raw) = self.field("id") else {
            return Ok(MessageId(None));
        };
        if is_harmless(raw.get()) { Ok(MessageId(Some(raw.to_owned()))) } else { Err(BayeuxError::MessageIdInvalid) }
    }

    /// The text of `channel`, valid or not.
    pub fn channel_name(&self) -> Option<String> {
        self.get("channel")
    }

    /// # Errors
    /// `400::channel_missing` or `405::channel_invalid`.
    pub fn channel(&self) -> Result<ChannelId, BayeuxError> {
        if self.field("channel").is_none() {
            return Err(BayeuxError::ChannelMissing);
        }
        let name = self.channel_name().ok_or(BayeuxError::ChannelInvalid)?;
        ChannelId::parse(&name).ok_or(BayeuxError::ChannelInvalid)
    }

    pub fn client_id(&self) -> Option<String> {
        self.get("clientId")
    }
}

impl MessageId {
    pub fn as_json(&self) -> Option<&RawValue> {
        self.0.as_deref()
    }
}

/// A reply repeats the id, and some clients show it, so only characters without a meaning in HTML or scripts are
/// allowed.
fn is_harmless(id: &str) -> bool {
    let number = id.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let string = id.len() > 2 && id.starts_with('"');
    let inner = id.trim_matches('"');
    id.len() <= MAX_ID_LENGTH
        && (number || string)
        && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_.:+/=@#$~!*()[]{},|;^?%".contains(&b))
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Message;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
                let mut fields: Vec<(String, Box<RawValue>)> = Vec::with_capacity(6);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Message { fields })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> Message {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_message_id_is_a_number_or_a_string_without_dangerous_characters() {
        for id in ["7", "-1", "\"7\"", "\"a-b_c.d:1\"", "\"1f 2\""] {
            let message = message(&format!("{{\"id\":{id}}}"));
            assert_eq!(message.id().unwrap().as_json().unwrap().get(), id);
        }
        for id in ["\"<script>\"", "\"\"", "{}", "[]", "true", "\"a\\u0000\"", "\"a'b\"", "\"&\""] {
            assert!(message(&format!("{{\"id\":{id}}}")).id().is_err(), "{id}");
        }
        assert!(message("{\"id\":null}").id().unwrap().as_json().is_none());
    }

    #[test]
    fn a_field_of_the_wrong_type_reads_as_absent() {
        let message = message(r#"{"channel":5,"clientId":{},"advice":"x","data":null}"#);
        assert_eq!(message.channel(), Err(BayeuxError::ChannelInvalid));
        assert_eq!(message.client_id(), None);
        assert_eq!(message.get::<Vec<u8>>("advice"), None);
        assert_eq!(message.field("data").map(RawValue::get), Some("null"));
    }

    #[test]
    fn if_a_field_is_sent_twice_the_last_one_counts() {
        assert_eq!(message(r#"{"channel":"/a","channel":"/b"}"#).channel().unwrap().as_str(), "/b");
    }
}
