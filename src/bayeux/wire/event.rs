//! A published message on its way to the subscribers.

use std::cell::OnceCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::channel::ChannelId;
use super::error::BayeuxError;
use super::message::{Message, MessageId};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::Numbers;
use crate::bayeux::wire::extensions::timestamp::{Stamp, iso};

/// A message frozen to its JSON, once, whoever will receive it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Event {
    frozen: Rc<Frozen>,
    numbers: Numbers,
}

#[derive(Debug)]
struct Frozen {
    json: Box<str>,
    kept: Option<Kept>,
    /// The JSON with the number in `data`, and with it in `ext`: written when first needed.
    with_data: OnceCell<Box<str>>,
    with_ext: OnceCell<Box<str>>,
}

/// The number in its tree, and the outside time, of an event that is kept for replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub number: EventNumber,
    pub at: Millis,
}

/// Prefix of a row's text where the event is kept for replay. No client's event starts so: its first field is the
/// channel.
const KEPT: &str = r#"{"kept":["#;

/// An event's place among all events of its home. Never given twice while a row mentions it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventNumber(pub u64);

/// Fields of the exchange with the publisher, or that a client would believe to be the server's: its clientId is a
/// secret, and `advice` or `successful` from a stranger would steer the receiver's session.
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

    /// The answer of a remote call; the client finds its call by the id. `data` is JSON.
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

    /// The event that tells a client that the server has ended its session.
    pub fn disconnected(stamp: &Stamp) -> Self {
        closed(r#"{"channel":"/meta/disconnect","successful":true"#.to_owned(), stamp)
    }

    /// The event that replaces dropped ones: how many events of this session were dropped in all.
    pub fn dropped(events: usize, stamp: &Stamp) -> Self {
        closed(format!(r#"{{"channel":"/service/dropped","data":{{"events":{events}}}"#), stamp)
    }

    /// An event that was frozen before, from the text of [`Event::to_row`].
    pub fn thawed(row: String) -> Self {
        match Kept::cut_from(&row) {
            Some((kept, fields)) => Self::from_json(format!("{{{fields}"), Some(kept)),
            None => Self::from_json(row, None),
        }
    }

    fn from_json(json: String, kept: Option<Kept>) -> Self {
        let (with_data, with_ext) = Default::default();
        let frozen = Rc::new(Frozen { json: json.into(), kept, with_data, with_ext });
        Self { frozen, numbers: Numbers::None }
    }

    /// The same, as its owner keeps it.
    #[must_use]
    pub fn keep(&self, kept: Kept) -> Self {
        Self::from_json(self.frozen.json.to_string(), Some(kept))
    }

    /// An event that its owner keeps for replay: its row's text, number and time.
    pub fn kept_as(json: String, kept: Kept) -> Self {
        Self::from_json(json, Some(kept))
    }

    /// Its number and time, where its owner keeps it for replay.
    pub fn kept(&self) -> Option<Kept> {
        self.frozen.kept
    }

    /// The same, for a client that reads its number there.
    #[must_use]
    pub fn with_number(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    /// The complete event, for a row or another object.
    pub fn to_row(&self) -> String {
        match (self.frozen.kept, self.frozen.json.strip_prefix('{')) {
            (Some(Kept { number, at }), Some(fields)) => format!("{KEPT}{},{}],{fields}", number.0, at.0),
            _ => self.frozen.json.to_string(),
        }
    }

    /// Its channel: the first field of every event.
    pub fn channel(&self) -> Option<ChannelId> {
        let (name, _) = self.frozen.json.strip_prefix(r#"{"channel":""#)?.split_once('"')?;
        ChannelId::parse(name)
    }

    /// The same event with a slash at the end of its channel.
    pub fn spelt_with_slash(&self) -> Self {
        let Some(channel) = self.channel() else { return self.clone() };
        let json = self.frozen.json.replacen(&format!(r#""{channel}""#), &format!(r#""{channel}/""#), 1);
        Self { numbers: self.numbers, ..Self::from_json(json, self.frozen.kept) }
    }

    /// As its client reads it.
    pub fn as_json(&self) -> &str {
        let Frozen { json, kept, with_data, with_ext } = &*self.frozen;
        match (self.numbers, kept) {
            (Numbers::None, _) | (_, None) => json,
            (Numbers::Data, Some(kept)) => with_data.get_or_init(|| kept.in_data(json).into()),
            (Numbers::Ext, Some(kept)) => with_ext.get_or_init(|| kept.in_ext(json).into()),
        }
    }

    /// How many clones of this event exist.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.frozen)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json() && self.kept() == other.kept()
    }
}

impl Eq for Event {}

impl Kept {
    /// The row's prefix, and the fields after it.
    fn cut_from(row: &str) -> Option<(Self, &str)> {
        let (numbers, fields) = row.strip_prefix(KEPT)?.split_once("],")?;
        let (number, at) = numbers.split_once(',')?;
        Some((Self { number: EventNumber(number.parse().ok()?), at: Millis(at.parse().ok()?) }, fields))
    }

    fn to_json(self) -> String {
        format!(r#"{{"createdDate":"{}","replayId":{}}}"#, iso(self.at), self.number.0)
    }

    /// As Salesforce's clients read it: an object gets one more member, anything else is wrapped.
    fn in_data(self, json: &str) -> String {
        rewritten(json, "data", |data| match members_without(data, "event") {
            Some(members) if members.is_empty() => format!(r#"{{"event":{}}}"#, self.to_json()),
            Some(members) => format!(r#"{{{members},"event":{}}}"#, self.to_json()),
            None => format!(r#"{{"event":{},"payload":{data}}}"#, self.to_json()),
        })
    }

    /// In `ext`; the data stays as it was sent.
    fn in_ext(self, json: &str) -> String {
        rewritten(json, "ext", |ext| match members_without(ext, "replay") {
            Some(members) if !members.is_empty() => format!(r#"{{{members},"replay":{}}}"#, self.to_json()),
            _ => format!(r#"{{"replay":{}}}"#, self.to_json()),
        })
    }
}

/// An object with one field replaced, or appended where it was absent.
fn rewritten(json: &str, name: &str, value: impl FnOnce(&str) -> String) -> String {
    let fields: Message = serde_json::from_str(json).unwrap_or_default();
    let new = value(fields.field(name).map_or("null", RawValue::get));
    let mut json = String::from("{");
    let mut found = false;
    for (field, old) in fields.fields() {
        if field != name {
            push_field(&mut json, field, old.get());
        } else if !std::mem::replace(&mut found, true) {
            push_field(&mut json, field, &new);
        }
    }
    if !found {
        push_field(&mut json, name, &new);
    }
    json.push('}');
    json
}

fn push_field(json: &mut String, name: &str, value: &str) {
    if json.len() > 1 {
        json.push(',');
    }
    json.push_str(&quoted(name));
    json.push(':');
    json.push_str(value);
}

/// The members of an object except one, byte for byte; none where it is not an object.
fn members_without<'a>(json: &'a str, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    let inner = json.strip_prefix('{')?.strip_suffix('}')?;
    let fields: Message = serde_json::from_str(json).ok()?;
    if fields.fields().all(|(field, _)| field != name) {
        return Some(inner.trim().into());
    }
    let mut others = String::from("{");
    fields
        .fields()
        .filter(|(field, _)| *field != name)
        .for_each(|(field, value)| push_field(&mut others, field, value.get()));
    Some(others.split_off(1).into())
}

/// The names of channels need no escapes in JSON.
fn opened(channel: &ChannelId, data: &str) -> String {
    format!(r#"{{"channel":"{channel}","data":{data}"#)
}

fn closed(mut json: String, stamp: &Stamp) -> Event {
    json.push_str(stamp.as_json());
    json.push('}');
    Event::from_json(json, None)
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
    fn data_is_delivered_byte_for_byte() {
        for data in ["18446744073709551616", "1E400", "-0", "1.10", r#"{"b":1,"a":"\u00e9\/é"}"#, "[ 1 , 2 ]", "null"]
        {
            assert_eq!(frozen(&format!(r#"{{"data":{data}}}"#)), format!(r#"{{"channel":"/a","data":{data}}}"#));
        }
    }

    fn kept(json: &str, numbers: Numbers) -> String {
        let kept = Kept { number: EventNumber(55), at: Millis(1_700_000_000_007) };
        let event = Event::thawed(frozen(json)).keep(kept);
        let again = Event::thawed(event.to_row());
        assert_eq!((again.kept(), again.as_json(), again.channel()), (Some(kept), event.as_json(), event.channel()));
        again.with_number(numbers).as_json().replace(r#"{"createdDate":"2023-11-14T22:13:20.007Z","replayId":55}"#, "E")
    }

    #[test]
    fn a_client_that_wants_replay_ids_in_data_gets_them_there() {
        for (data, expected) in [
            (r#"{"n": 1}"#, r#"{"n": 1,"event":E}"#),
            ("{}", r#"{"event":E}"#),
            ("{ }", r#"{"event":E}"#),
            (r#"{"event":7,"n":1E400}"#, r#"{"n":1E400,"event":E}"#),
            (r#""hi""#, r#"{"event":E,"payload":"hi"}"#),
            ("[1, 2]", r#"{"event":E,"payload":[1, 2]}"#),
            ("null", r#"{"event":E,"payload":null}"#),
        ] {
            let json = kept(&format!(r#"{{"data":{data},"ext":{{"x":1}}}}"#), Numbers::Data);
            assert_eq!(json, format!(r#"{{"channel":"/a","data":{expected},"ext":{{"x":1}}}}"#));
        }
    }

    #[test]
    fn a_client_that_wants_replay_ids_in_ext_gets_its_data_unchanged() {
        for (ext, expected) in [
            ("", r#"{"replay":E}"#),
            (r#","ext":{"x": 1}"#, r#"{"x": 1,"replay":E}"#),
            (r#","ext":{"replay":{"replayId":1}}"#, r#"{"replay":E}"#),
            (r#","ext":7"#, r#"{"replay":E}"#),
        ] {
            let json = kept(&format!(r#"{{"data":{{"n": 1}}{ext}}}"#), Numbers::Ext);
            assert_eq!(json, format!(r#"{{"channel":"/a","data":{{"n": 1}},"ext":{expected}}}"#));
        }
        assert_eq!(kept(r#"{"data":{"n": 1}}"#, Numbers::None), r#"{"channel":"/a","data":{"n": 1}}"#);
    }

    #[test]
    fn a_publisher_cannot_mark_an_event_as_kept() {
        let event = Event::thawed(frozen(r#"{"kept":[1,2],"data":3}"#));
        assert_eq!((event.kept(), event.to_row()), (None, r#"{"channel":"/a","data":3,"kept":[1,2]}"#.to_owned()));
    }

    #[test]
    fn an_events_own_fields_are_delivered_except_the_client_id_and_the_fields_of_replies() {
        let json = frozen(
            r#"{"clientId":"s","id":"1","channel":"/a/","ext":{"x":1},"foo \"q\"":2,"data":3,"advice":{"reconnect":"none"},"successful":true}"#,
        );
        assert_eq!(json, r#"{"channel":"/a","data":3,"ext":{"x":1},"foo \"q\"":2}"#);
    }
}
