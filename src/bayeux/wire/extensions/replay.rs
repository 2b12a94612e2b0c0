//! The replay extension, which Salesforce's clients speak: the number after which a subscription receives events.
//!
//! ```text
//! → {"channel":"/meta/handshake", … "ext":{"replay":true}}
//! ← {"channel":"/meta/handshake", … "ext":{"replay":true}}
//! → {"channel":"/meta/subscribe","subscription":"/c", … "ext":{"replay":{"/c":-2}}}
//! ← {"channel":"/meta/subscribe","subscription":"/c","successful":true,"ext":{"replay":{"/c":1740800000000000}}}
//! ← {"channel":"/c","data":{"text":"hi","event":{"createdDate":"2026-03-29T19:05:28.334Z","replayId":174080000128}}}
//! ```
//!
//! -1 asks for new events, -2 for all kept events, any other number for all kept events after it. Numbers may be
//! strings: `elastic/bayeux` sends them so. Every handshake reply says that there is replay: Salesforce's own
//! JavaScript waits for it without asking. A client that says `"replay":"ext"` reads the number in the event's `ext`,
//! and `data` as it was sent. (Salesforce, "Streaming API Developer Guide", "Message Durability".)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bayeux::wire::{BayeuxError, ChannelPattern, EventNumber, Message};

/// Where a client reads the number of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Numbers {
    /// The client did not ask for numbers: events stay as they were sent.
    #[default]
    None,
    /// In `data.event`, as Salesforce's clients.
    Data,
    /// In `ext.replay`.
    Ext,
}

/// Which earlier events a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplayFrom {
    New,
    All,
    After(EventNumber),
    /// The retained values of its channels: the default for a client that asks for no replay.
    Retained,
}

/// `ext.replay` of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Replayed {
    /// The handshake's: `true`.
    Offered(bool),
    /// The handshake's to a client that reads numbers in `ext`.
    InExt(&'static str),
    /// A subscribe's: for each name the number that asks for the same events again.
    Cursors(BTreeMap<String, i64>),
}

impl Numbers {
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The field of the handshake reply.
    pub fn offer(self) -> Replayed {
        if self == Self::Ext { Replayed::InExt("ext") } else { Replayed::Offered(true) }
    }

    /// What a handshake asks for.
    pub fn of_handshake(handshake: &Message) -> Self {
        let asked =
            handshake.get("ext").and_then(|ext: Message| ext.field("replay").map(|asked| asked.get().to_owned()));
        match asked.as_deref() {
            None | Some("false") => Self::None,
            Some(r#""ext""#) => Self::Ext,
            Some(_) => Self::Data,
        }
    }
}

/// What a subscribe asks for, by the names as the client wrote them; none where it asks for no replay.
///
/// # Errors
/// `400:…:replay_id_invalid` for a value that is not a number.
pub fn wanted(subscribe: &Message) -> Result<Option<BTreeMap<ChannelPattern, ReplayFrom>>, BayeuxError> {
    let Some(map) = subscribe.get("ext").and_then(|ext: Message| ext.get::<BTreeMap<String, Box<RawValue>>>("replay"))
    else {
        return Ok(None);
    };
    let mut wanted = BTreeMap::new();
    for (name, number) in map {
        let Some(pattern) = ChannelPattern::parse(&name) else { continue };
        let from = replay_from(number.get()).ok_or_else(|| BayeuxError::ReplayIdInvalid(pattern.clone()))?;
        wanted.insert(pattern, from);
    }
    Ok(Some(wanted))
}

fn replay_from(json: &str) -> Option<ReplayFrom> {
    let digits = json.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(json).trim();
    match digits.parse::<i64>().ok()? {
        -1 => Some(ReplayFrom::New),
        -2 => Some(ReplayFrom::All),
        number => u64::try_from(number).ok().map(|number| ReplayFrom::After(EventNumber(number))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> Message {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn replay_ids_are_integers_or_strings_of_integers() {
        for (number, from) in [
            ("-1", ReplayFrom::New),
            (r#""-1""#, ReplayFrom::New),
            ("-2", ReplayFrom::All),
            ("82", ReplayFrom::After(EventNumber(82))),
            (r#""82""#, ReplayFrom::After(EventNumber(82))),
        ] {
            let asked = wanted(&message(&format!(r#"{{"ext":{{"replay":{{"/a":{number}}}}}}}"#))).unwrap().unwrap();
            assert_eq!(
                asked.into_iter().collect::<Vec<_>>(),
                [(ChannelPattern::parse("/a").unwrap(), from)],
                "{number}"
            );
        }
        for number in ["1.5", "-3", "null", "true", r#""""#, r#""x""#, "[1]", "99999999999999999999"] {
            let asked = wanted(&message(&format!(r#"{{"ext":{{"replay":{{"/a":{number}}}}}}}"#)));
            assert_eq!(asked.unwrap_err().to_string(), "400:/a:replay_id_invalid", "{number}");
        }
    }

    #[test]
    fn a_replay_field_that_is_no_object_is_ignored() {
        for json in ["{}", r#"{"ext":7}"#, r#"{"ext":{"replay":true}}"#, r#"{"ext":{"replay":-2}}"#] {
            assert_eq!(wanted(&message(json)), Ok(None), "{json}");
        }
        assert_eq!(wanted(&message(r#"{"ext":{"replay":{"no channel":1}}}"#)), Ok(Some(BTreeMap::new())));
    }

    #[test]
    fn a_handshake_says_whether_replay_ids_come_in_data_or_in_ext() {
        for (ext, numbers) in [
            ("{}", Numbers::None),
            (r#"{"ext":{"replay":false}}"#, Numbers::None),
            (r#"{"ext":{"replay":true}}"#, Numbers::Data),
            (r#"{"ext":{"replay":{"/a":-1}}}"#, Numbers::Data),
            (r#"{"ext":{"replay":"ext"}}"#, Numbers::Ext),
        ] {
            assert_eq!(Numbers::of_handshake(&message(ext)), numbers, "{ext}");
        }
    }
}
