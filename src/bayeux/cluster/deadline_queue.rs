//! Deadlines by key. The next one is found without looking at the others.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use crate::bayeux::time::Millis;

#[derive(Debug)]
pub struct Deadlines<K> {
    by_time: BTreeSet<(Millis, K)>,
    by_key: BTreeMap<K, Millis>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Sets or clears the deadline of a key.
    pub fn set(&mut self, key: &K, time: Option<Millis>) {
        if self.by_key.get(key).copied() == time {
            return;
        }
        if let Some(before) = self.by_key.remove(key) {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(time) = time {
            self.by_time.insert((time, key.clone()));
            self.by_key.insert(key.clone(), time);
        }
    }

    pub fn has<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.by_key.contains_key(key)
    }

    pub fn next(&self) -> Option<Millis> {
        self.by_time.first().map(|(time, _)| *time)
    }

    /// Takes a key whose deadline has come, and clears it.
    pub fn pop(&mut self, now: Millis) -> Option<K> {
        let (_, key) = self.by_time.first().filter(|(time, _)| *time <= now)?.clone();
        self.set(&key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_deadline_and_the_earliest_comes_first() {
        let mut deadlines = Deadlines::default();
        deadlines.set(&"a", Some(Millis(5)));
        deadlines.set(&"b", Some(Millis(3)));
        deadlines.set(&"a", Some(Millis(2)));
        assert_eq!((deadlines.next(), deadlines.pop(Millis(1))), (Some(Millis(2)), None));
        assert_eq!(
            [deadlines.pop(Millis(9)), deadlines.pop(Millis(9)), deadlines.pop(Millis(9))],
            [Some("a"), Some("b"), None]
        );
        deadlines.set(&"c", Some(Millis(1)));
        deadlines.set(&"c", None);
        assert_eq!(deadlines.next(), None);
    }
}
