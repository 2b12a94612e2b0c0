//! Publishes that come a second time: a client that has no answer, because its connection broke, sends the same again.
//!
//! The second one is answered `successful` as the first was, and not delivered. The same means: the same session, id, channel and
//! data. The id alone would not do, as there are clients that begin to count anew, or say the same with each message.
//! One without an id is never taken for another.
//!
//! A home knows what its clients were told of, an owner what it has taken, whichever life of a home it came from. What has a row
//! is known to the next life too.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, Message, MessageId};

/// How many are remembered: 1,000 a second for the minute of `RETRY_WINDOW`, in about 2 MB.
const MOST: usize = 1 << 16;

/// What a publish is known by: a hash, in which the secret clientId is but one part. That two of 65,536 agree by chance happens once
/// in 10^14 publishes. Another version of Rust may hash in another way: then the retries that come in the minute of a deploy are
/// not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublishKey(u64);

/// Those that were taken lately.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Retries {
    keys: BTreeSet<PublishKey>,
    /// Oldest first.
    taken: VecDeque<(Millis, PublishKey)>,
}

impl PublishKey {
    /// None where the message has no id.
    pub(in crate::bayeux) fn of(message: &Message, id: &MessageId, channel: &ChannelId) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        id.as_json()?.get().hash(&mut hasher);
        channel.as_str().hash(&mut hasher);
        for name in ["clientId", "data"] {
            message.field(name)?.get().hash(&mut hasher);
        }
        Some(Self(hasher.finish()))
    }
}

impl Retries {
    /// Whether it was taken within this time.
    pub fn knows(&mut self, now: Millis, window: Duration, key: PublishKey) -> bool {
        while let Some((_, old)) = self.taken.pop_front_if(|(since, _)| *since + window <= now) {
            self.keys.remove(&old);
        }
        self.keys.contains(&key)
    }

    /// It is taken now.
    pub fn take(&mut self, now: Millis, key: PublishKey) {
        if !self.keys.insert(key) {
            return;
        }
        self.taken.push_back((now, key));
        if self.taken.len() > MOST
            && let Some((_, oldest)) = self.taken.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn they_are_known_for_a_while() {
        let mut retries = Retries::default();
        retries.take(Millis(1000), PublishKey(1));
        retries.take(Millis(2000), PublishKey(2));
        assert!(retries.knows(Millis(60_999), WINDOW, PublishKey(1)));
        assert!(!retries.knows(Millis(61_000), WINDOW, PublishKey(1)));
        assert!(retries.knows(Millis(61_000), WINDOW, PublishKey(2)));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut retries = Retries::default();
        for number in 0..=MOST as u64 {
            retries.take(Millis(0), PublishKey(number));
        }
        assert!(!retries.knows(Millis(0), WINDOW, PublishKey(0)) && retries.knows(Millis(0), WINDOW, PublishKey(1)));
        assert_eq!((retries.keys.len(), retries.taken.len()), (MOST, MOST));
    }

    #[test]
    fn each_part_counts() {
        let key = |json: &str| {
            let message: Message = serde_json::from_str(json).unwrap();
            PublishKey::of(&message, &message.id().unwrap(), &message.channel().unwrap())
        };
        let one = key(r#"{"channel":"/a","clientId":"x","id":"1","data":1}"#);
        assert!(one.is_some());
        assert_eq!(one, key(r#"{"data":1,"id":"1","clientId":"x","channel":"/a","ext":{}}"#));
        for other in [
            r#"{"channel":"/b","clientId":"x","id":"1","data":1}"#,
            r#"{"channel":"/a","clientId":"y","id":"1","data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":"2","data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":1,"data":1}"#,
            r#"{"channel":"/a","clientId":"x","id":"1","data":2}"#,
        ] {
            assert!(key(other).is_some() && key(other) != one, "{other}");
        }
        assert_eq!(key(r#"{"channel":"/a","clientId":"x","data":1}"#), None);
    }
}
