//! Who listens to which pattern: one map, no trie.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::bayeux::limits::Charge;
use crate::bayeux::wire::{ChannelId, ChannelPattern};

/// Subscribers of type `S`, by pattern.
#[derive(Debug)]
pub struct Subscriptions<S> {
    by_pattern: BTreeMap<ChannelPattern, Subscribers<S>>,
}

#[derive(Debug)]
struct Subscribers<S> {
    all: BTreeSet<S>,
    /// The charge for the name, as long as anyone listens to it.
    charge: Charge,
}

impl<S> Default for Subscriptions<S> {
    fn default() -> Self {
        Self { by_pattern: BTreeMap::new() }
    }
}

impl<S: Ord + Copy> Subscriptions<S> {
    pub fn add(&mut self, pattern: ChannelPattern, subscriber: S) {
        let new = || Subscribers { all: BTreeSet::new(), charge: Charge::default() };
        self.by_pattern.entry(pattern).or_insert_with(new).all.insert(subscriber);
    }

    /// `charge` is for the name itself, as long as anyone listens to it.
    pub fn charge(&mut self, pattern: &ChannelPattern, charge: Charge) {
        if let Some(subscribers) = self.by_pattern.get_mut(pattern) {
            subscribers.charge = charge;
        }
    }

    /// The shared copy of a name, so that it is in memory once.
    pub fn shared(&self, pattern: &ChannelPattern) -> ChannelPattern {
        self.by_pattern.get_key_value(pattern).map_or(pattern, |(shared, _)| shared).clone()
    }

    pub fn remove(&mut self, pattern: &ChannelPattern, subscriber: S) {
        if let Some(subscribers) = self.by_pattern.get_mut(pattern) {
            subscribers.all.remove(&subscriber);
            if subscribers.all.is_empty() {
                self.by_pattern.remove(pattern);
            }
        }
    }

    /// Whether anyone listens to this very name.
    pub fn has(&self, name: &str) -> bool {
        self.by_pattern.contains_key(name)
    }

    /// Whether a subscriber that satisfies `wanted` listens to this very name.
    pub fn any(&self, pattern: &ChannelPattern, wanted: impl Fn(S) -> bool) -> bool {
        self.by_pattern.get(pattern).is_some_and(|subscribers| subscribers.all.iter().any(|key| wanted(*key)))
    }

    /// Those who listen to this very name.
    pub fn of(&self, pattern: &ChannelPattern) -> impl Iterator<Item = S> {
        self.by_pattern.get(pattern).into_iter().flat_map(|subscribers| subscribers.all.iter().copied())
    }

    /// How many listen to this very name.
    pub fn count(&self, pattern: &ChannelPattern) -> usize {
        self.by_pattern.get(pattern).map_or(0, |subscribers| subscribers.all.len())
    }

    /// The patterns after `after`, in the order of their names, each with its subscribers.
    pub fn after(&self, after: Option<&ChannelPattern>) -> impl Iterator<Item = (&ChannelPattern, &BTreeSet<S>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.by_pattern.range::<ChannelPattern, _>((from, Bound::Unbounded));
        after.map(|(pattern, subscribers)| (pattern, &subscribers.all))
    }

    /// Everyone who listens to `channel`, once each, however many of their patterns match.
    pub fn matching(&self, channel: &ChannelId) -> impl Iterator<Item = S> {
        let mut sets = channel
            .matching_keys()
            .filter_map(|key| self.by_pattern.get(key.as_str()).map(|subscribers| &subscribers.all));
        let (first, second) = (sets.next(), sets.next());
        // Nearly always one pattern matches: then its own set is used without a copy.
        let merged = second
            .map(|second| first.into_iter().chain([second]).chain(sets).flatten().copied().collect::<BTreeSet<S>>());
        let alone = if merged.is_none() { first } else { None };
        alone.into_iter().flatten().copied().chain(merged.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions(patterns: &[(&str, u32)]) -> Subscriptions<u32> {
        let mut subscriptions = Subscriptions::default();
        for (pattern, subscriber) in patterns {
            subscriptions.add(ChannelPattern::parse(pattern).unwrap(), *subscriber);
        }
        subscriptions
    }

    fn matching(subscriptions: &Subscriptions<u32>, channel: &str) -> Vec<u32> {
        subscriptions.matching(&ChannelId::parse(channel).unwrap()).collect()
    }

    #[test]
    fn a_channel_is_matched_by_its_name_its_star_and_every_double_star_above() {
        let subscriptions =
            subscriptions(&[("/a/b", 1), ("/a/*", 2), ("/a/**", 3), ("/**", 4), ("/*", 5), ("/a/b/*", 6), ("/a", 7)]);
        assert_eq!(matching(&subscriptions, "/a/b"), [1, 2, 3, 4]);
        assert_eq!(matching(&subscriptions, "/a"), [4, 5, 7]);
        assert_eq!(matching(&subscriptions, "/a/b/c"), [3, 4, 6]);
        assert_eq!(matching(&subscriptions, "/ab"), [4, 5]);
    }

    #[test]
    fn a_subscriber_with_overlapping_patterns_is_found_once() {
        assert_eq!(matching(&subscriptions(&[("/a/b", 1), ("/a/*", 1), ("/**", 1)]), "/a/b"), [1]);
    }

    #[test]
    fn a_pattern_without_subscribers_is_removed() {
        let mut subscriptions = subscriptions(&[("/a", 1), ("/a", 2)]);
        let pattern = ChannelPattern::parse("/a").unwrap();
        subscriptions.remove(&pattern, 1);
        assert_eq!(matching(&subscriptions, "/a"), [2]);
        subscriptions.remove(&pattern, 2);
        subscriptions.remove(&pattern, 2);
        assert!(subscriptions.by_pattern.is_empty());
    }
}
