//! A frame from the Worker: a list of words.

use std::rc::Rc;

use serde::Deserialize;

/// A request in a frame: its number, text, and the client's IP address.
#[derive(Deserialize)]
pub(super) struct FrameEntry(pub u64, pub Option<String>, pub Option<Rc<str>>, pub Option<More>);

/// Fields that only some requests have.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct More {
    pub again: bool,
    /// The object has held it before.
    pub held: bool,
    /// The text is a URL's query.
    pub query: bool,
    #[serde(rename = "type")]
    pub content_type: Option<String>,
    pub multiplexed: bool,
    pub token: Option<String>,
    pub browser: Option<Rc<str>>,
    /// The text is the clientId of a session whose event stream this is.
    pub stream: bool,
    /// Its response has begun.
    pub open: bool,
}

/// One element of a frame.
pub(super) enum Word {
    Asks(FrameEntry),
    Leaves(u64),
    /// A stream's client reads more slowly than it is sent to; or it has caught up.
    Reads {
        number: u64,
        stalled: bool,
    },
    AllIsSaid,
}

/// The elements of a frame; none where it is malformed.
pub(super) fn read(frame: &str) -> Option<Vec<Word>> {
    let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(frame).ok()?;
    elements.into_iter().map(|element| word(element.get())).collect()
}

fn word(element: &str) -> Option<Word> {
    if let Ok(entry) = serde_json::from_str::<FrameEntry>(element) {
        return Some(Word::Asks(entry));
    }
    if let Ok((number, stalled)) = serde_json::from_str(element) {
        return Some(Word::Reads { number, stalled });
    }
    match serde_json::from_str::<Vec<u64>>(element).ok()?[..] {
        [number] => Some(Word::Leaves(number)),
        [] => Some(Word::AllIsSaid),
        _ => None,
    }
}
