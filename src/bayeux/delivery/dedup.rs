//! Publishes that come a second time: a client whose connection broke before the answer came sends the same again.
//!
//! The second one is answered `successful` as the first was, and not delivered. Only what is surely a retry is treated
//! so: it has an idempotency key that was accepted already, or it equals a publish whose answer reached nobody.
//!
//! A home knows which answers its clients received; an owner knows which publishes it accepted, from any life of a
//! home. Publishes with a row are known to the next life too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::dedup_key::DedupKey;
use crate::bayeux::time::Millis;

/// How many are remembered: 1,000 a second for the minute of `RETRY_WINDOW`, in about 2 MB.
const MOST: usize = 1 << 16;

/// The publishes that were accepted lately.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Dedup {
    keys: BTreeSet<DedupKey>,
    /// Oldest first.
    taken: VecDeque<(Millis, DedupKey)>,
}

impl Dedup {
    /// Whether it was accepted within this time.
    pub fn knows(&mut self, now: Millis, window: Duration, key: DedupKey) -> bool {
        while let Some((_, old)) = self.taken.pop_front_if(|(since, _)| *since + window <= now) {
            self.keys.remove(&old);
        }
        self.keys.contains(&key)
    }

    /// Remembers a publish that is accepted now.
    pub fn accept(&mut self, now: Millis, key: DedupKey) {
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

/// How many unanswered publishes are remembered. Each one means a connection that broke.
const MOST_UNANSWERED: usize = 1 << 14;

/// Publishes whose answers reached nobody: from the hash of id and data to the key under which the owner knows the
/// publish.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Unanswered {
    /// Equal ones in order, the oldest first.
    by_id: BTreeMap<DedupKey, VecDeque<DedupKey>>,
    /// Oldest first. Some may have been removed from `by_id` since.
    noted: VecDeque<(Millis, DedupKey, DedupKey)>,
}

impl Unanswered {
    /// Nobody will read the answer to this publish.
    pub fn note(&mut self, now: Millis, id: DedupKey, key: DedupKey) {
        self.by_id.entry(id).or_default().push_back(key);
        self.noted.push_back((now, id, key));
        if self.noted.len() > MOST_UNANSWERED {
            self.forget_oldest();
        }
    }

    /// The key of the first equal publish within this time.
    pub fn find(&mut self, now: Millis, window: Duration, id: DedupKey) -> Option<DedupKey> {
        while self.noted.front().is_some_and(|(since, ..)| *since + window <= now) {
            self.forget_oldest();
        }
        self.by_id.get(&id)?.front().copied()
    }

    /// Forgets a publish that came again, and is answered now.
    pub fn answer(&mut self, id: DedupKey, key: DedupKey) {
        let Some(keys) = self.by_id.get_mut(&id) else { return };
        // Older ones are gone already.
        keys.pop_front_if(|first| *first == key);
        if keys.is_empty() {
            self.by_id.remove(&id);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id, key)) = self.noted.pop_front() {
            self.answer(id, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha12Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn keys<const N: usize>() -> [DedupKey; N] {
        let mut random = ChaCha12Rng::from_seed([1; 32]);
        [(); N].map(|()| DedupKey::unique(&mut random))
    }

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn an_accepted_key_is_known_for_the_retry_window() {
        let [one, two] = keys();
        let mut dedup = Dedup::default();
        dedup.accept(Millis(1000), one);
        dedup.accept(Millis(2000), two);
        assert!(dedup.knows(Millis(60_999), WINDOW, one));
        assert!(!dedup.knows(Millis(61_000), WINDOW, one));
        assert!(dedup.knows(Millis(61_000), WINDOW, two));
    }

    #[test]
    fn past_the_bound_the_oldest_key_is_forgotten() {
        let mut random = ChaCha12Rng::from_seed([2; 32]);
        let all: Vec<_> = (0..=MOST).map(|_| DedupKey::unique(&mut random)).collect();
        let mut dedup = Dedup::default();
        all.iter().for_each(|key| dedup.accept(Millis(0), *key));
        assert!(!dedup.knows(Millis(0), WINDOW, all[0]) && dedup.knows(Millis(0), WINDOW, all[1]));
        assert_eq!((dedup.keys.len(), dedup.taken.len()), (MOST, MOST));
    }

    #[test]
    fn each_of_several_equal_unanswered_publishes_is_found_once_the_oldest_first() {
        let [id, other, one, two] = keys();
        let mut unanswered = Unanswered::default();
        for key in [one, two] {
            unanswered.note(Millis(1000), id, key);
        }
        assert_eq!(unanswered.find(Millis(1000), WINDOW, other), None);
        for key in [one, two] {
            assert_eq!(unanswered.find(Millis(60_999), WINDOW, id), Some(key));
            unanswered.answer(id, key);
        }
        assert_eq!(unanswered.find(Millis(60_999), WINDOW, id), None);
        unanswered.note(Millis(1000), id, one);
        assert_eq!(unanswered.find(Millis(61_000), WINDOW, id), None);
        assert!(unanswered.by_id.is_empty() && unanswered.noted.is_empty());
    }

    #[test]
    fn the_number_of_remembered_unanswered_publishes_is_bounded() {
        let mut random = ChaCha12Rng::from_seed([2; 32]);
        let mut unanswered = Unanswered::default();
        let [id] = keys();
        for _ in 0..MOST_UNANSWERED + 10 {
            unanswered.note(Millis(0), id, DedupKey::unique(&mut random));
        }
        assert_eq!((unanswered.noted.len(), unanswered.by_id[&id].len()), (MOST_UNANSWERED, MOST_UNANSWERED));
    }
}
