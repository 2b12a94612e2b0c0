//! A published message on its way to the subscribers.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::channel::ChannelId;
use super::error::BayeuxError;
use super::message::{Message, MessageId};
use crate::bayeux::wire::extensions::timestamp::Stamp;

/// A message frozen to its JSON, once, whoever will receive it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event(Rc<str>);

/// An event's place among all of its home. Never given twice as long as a row speaks of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventNumber(pub u64);

/// Fields that speak of the exchange with the publisher, or that a client would take as the server's word: its
/// clientId is a secret, and `advice` or `successful` from a stranger would steer the receiver's session.
const NOT_DELIVERED: [&str; 7] = ["channel", "data", "clientId", "id", "advice", "successful", "error"];

impl Event {
    /// What subscribers receive of a publish: `data` byte for byte, `ext` and the publisher's own fields behind it.
    /// A stamp takes the place of the publisher's own.
    pub fn freeze(channel: &ChannelId, message: &Message, stamp: &Stamp) -> Self {
        let data = message.field("data").map_or("null", |data| data.get());
        let mut json = opened(channel, data);
        let passes = |name| !NOT_DELIVERED.contains(&name) && (stamp.is_empty() || name != "timestamp");
        for (name, value) in message.fields().filter(|(name, _)| passes(name)) {
            json.push(',');
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(value.get());
        }
        closed(json, stamp)
    }

    /// A message of the server's own. `data` is JSON.
    pub fn of_server(channel: &ChannelId, data: &RawValue, stamp: &Stamp) -> Self {
        closed(opened(channel, data.get()), stamp)
    }

    /// What a remote call comes to: the client knows its call by the id. `data` is JSON.
    pub fn of_call(
        channel: &ChannelId,
        id: &MessageId,
        outcome: Result<(), Option<&BayeuxError>>,
        data: &RawValue,
        stamp: &Stamp,
    ) -> Self {
        let mut json = format!(r#"{{"channel":"{channel}","#);
        if let Some(id) = id.as_json() {
            json.push_str(&format!(r#""id":{},"#, id.get()));
        }
        json.push_str(&format!(r#""successful":{}"#, outcome.is_ok()));
        if let Err(Some(error)) = outcome {
            json.push_str(&format!(r#","error":{}"#, quoted(&error.to_string())));
        }
        json.push_str(&format!(r#","data":{}"#, data.get()));
        closed(json, stamp)
    }

    /// The server ends a session: what its client is told.
    pub fn disconnected(stamp: &Stamp) -> Self {
        closed(r#"{"channel":"/meta/disconnect","successful":true"#.to_owned(), stamp)
    }

    /// So many events, in all, had to make room in a session's queue: what its client is told in their place.
    pub fn dropped(events: usize, stamp: &Stamp) -> Self {
        closed(format!(r#"{{"channel":"/service/dropped","data":{{"events":{events}}}"#), stamp)
    }

    /// One that was frozen before.
    pub fn thawed(json: String) -> Self {
        Self(json.into())
    }

    /// Where it was published: every event begins with that.
    pub fn channel(&self) -> Option<ChannelId> {
        let (name, _) = self.0.strip_prefix(r#"{"channel":""#)?.split_once('"')?;
        ChannelId::parse(name)
    }

    /// The same event, its channel spelt with a slash at the end.
    pub fn spelt_with_slash(&self) -> Self {
        match self.channel() {
            Some(channel) => Self(self.0.replacen(&format!(r#""{channel}""#), &format!(r#""{channel}/""#), 1).into()),
            None => self.clone(),
        }
    }

    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// How many hold this very event.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }
}

/// The names of channels need no escapes in JSON.
fn opened(channel: &ChannelId, data: &str) -> String {
    format!(r#"{{"channel":"{channel}","data":{data}"#)
}

fn closed(mut json: String, stamp: &Stamp) -> Event {
    json.push_str(stamp.as_json());
    json.push('}');
    Event(json.into())
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen(json: &str) -> String {
        let channel = ChannelId::parse("/a").unwrap();
        Event::freeze(&channel, &serde_json::from_str(json).unwrap(), &Stamp::default()).as_json().to_owned()
    }

    #[test]
    fn data_goes_out_byte_for_byte() {
        for data in ["18446744073709551616", "1E400", "-0", "1.10", r#"{"b":1,"a":"\u00e9\/é"}"#, "[ 1 , 2 ]", "null"]
        {
            assert_eq!(frozen(&format!(r#"{{"data":{data}}}"#)), format!(r#"{{"channel":"/a","data":{data}}}"#));
        }
    }

    #[test]
    fn the_publishers_own_fields_pass_and_what_is_secret_or_the_servers_word_does_not() {
        let json = frozen(
            r#"{"clientId":"s","id":"1","channel":"/a/","ext":{"x":1},"foo \"q\"":2,"data":3,"advice":{"reconnect":"none"},"successful":true}"#,
        );
        assert_eq!(json, r#"{"channel":"/a","data":3,"ext":{"x":1},"foo \"q\"":2}"#);
    }
}
