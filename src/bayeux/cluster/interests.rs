//! What a home has asked owners to relay: patterns, however many of its clients subscribe to each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::home::Home;
use super::messages::Item;
use super::spans_trees;
use super::uplink::Word;
use crate::bayeux::server::{BayeuxServer, Ticket};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern};

/// How long a pattern stays asked for when nobody listens any more: pages that are reloaded come back sooner.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Interests {
    by_pattern: BTreeMap<ChannelPattern, Interest>,
    /// When those that nobody listens to are withdrawn.
    ending: BTreeSet<(Millis, ChannelPattern)>,
    unheard: BTreeSet<ChannelPattern>,
}

#[derive(Debug)]
struct Interest {
    /// Whether someone acknowledges: then nothing may be lost on the way.
    strict: bool,
    /// Those who wait for the owner's word; none once it has come.
    asked: Option<Vec<Ticket>>,
    ends: Option<Millis>,
}

impl Interests {
    pub fn is_empty(&self) -> bool {
        self.by_pattern.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        self.ending.first().map(|(time, _)| *time)
    }

    pub fn perhaps_unheard(&mut self, patterns: impl IntoIterator<Item = ChannelPattern>) {
        let Self { by_pattern, unheard, .. } = self;
        unheard.extend(patterns.into_iter().filter(|pattern| by_pattern.contains_key(pattern)));
    }

    /// Someone listens again.
    fn keep(&mut self, pattern: &ChannelPattern) {
        if let Some(time) = self.by_pattern.get_mut(pattern).and_then(|interest| interest.ends.take()) {
            self.ending.remove(&(time, pattern.clone()));
        }
    }

    fn end_at(&mut self, pattern: ChannelPattern, time: Millis) {
        if let Some(interest) = self.by_pattern.get_mut(&pattern).filter(|interest| interest.ends.is_none()) {
            interest.ends = Some(time);
            self.ending.insert((time, pattern));
        }
    }

    fn remove(&mut self, pattern: &ChannelPattern) {
        self.keep(pattern);
        self.by_pattern.remove(pattern);
    }
}

impl BayeuxServer {
    /// Makes sure that what a session is about to subscribe to comes here. How many words `ticket` must wait for.
    ///
    /// # Errors
    /// [`BayeuxError::OwnerUnreachable`] where too much waits for an owner.
    pub(in crate::bayeux) fn ask_owners(
        &mut self,
        now: Millis,
        session: SessionKey,
        patterns: &[ChannelPattern],
        ticket: Ticket,
    ) -> Result<usize, BayeuxError> {
        let strict = self.sessions.get(session).is_some_and(crate::bayeux::session::Session::is_strict);
        let mut words = 0;
        for pattern in patterns.iter().collect::<BTreeSet<_>>() {
            words += usize::from(self.is_from_elsewhere(pattern) && self.ask_owner(now, pattern, strict, ticket)?);
        }
        Ok(words)
    }

    fn is_from_elsewhere(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home || spans_trees(pattern, self.options.tree_depth)
    }

    /// Whether the owner's word is still to come.
    fn ask_owner(
        &mut self,
        now: Millis,
        pattern: &ChannelPattern,
        strict: bool,
        ticket: Ticket,
    ) -> Result<bool, BayeuxError> {
        let owner = self.owner_of_pattern(pattern);
        let interests = &mut self.trees.interests;
        interests.keep(pattern);
        let mut waiting = vec![ticket];
        if let Some(interest) = interests.by_pattern.get_mut(pattern) {
            match &mut interest.asked {
                None if interest.strict >= strict => return Ok(false),
                Some(waiting) if interest.strict >= strict => {
                    waiting.push(ticket);
                    return Ok(true);
                }
                before => waiting.extend(before.take().into_iter().flatten()),
            }
        }
        let about = Word::Interest(pattern.clone());
        if owner != self.home {
            self.tell_owner(now, &owner, Item::Interest { pattern: pattern.clone(), strict }, about)?;
        }
        let interest = Interest { strict, asked: Some(waiting), ends: None };
        self.trees.interests.by_pattern.insert(pattern.clone(), interest);
        if owner == self.home {
            self.span_here(now, pattern, strict);
        }
        Ok(true)
    }

    /// The owner's word has come, or it could not be reached.
    pub(super) fn interest_settled(&mut self, pattern: &ChannelPattern, outcome: &Result<(), BayeuxError>) {
        let interests = &mut self.trees.interests;
        let Some(interest) = interests.by_pattern.get_mut(pattern) else { return };
        let waiting = interest.asked.take().unwrap_or_default();
        if outcome.is_err() && !self.has_subscriber(pattern) {
            self.trees.interests.remove(pattern);
        }
        for ticket in waiting {
            self.waiting.word(ticket, outcome.clone());
        }
        self.trees.interests.perhaps_unheard([pattern.clone()]);
    }

    /// A session of this home listens.
    pub(in crate::bayeux) fn listen(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.subscriptions.add(pattern.clone(), session);
        self.trees.interests.keep(pattern);
    }

    /// A session of this home does not listen any more.
    pub(in crate::bayeux) fn unlisten(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.subscriptions.remove(pattern, session);
        self.trees.interests.perhaps_unheard([pattern.clone()]);
    }

    fn has_subscriber(&self, pattern: &ChannelPattern) -> bool {
        self.subscriptions.any(pattern, |key| !self.is_peer(key))
    }

    /// Takes back what nobody has listened to for a while.
    pub(super) fn end_interests(&mut self, now: Millis) {
        for pattern in std::mem::take(&mut self.trees.interests.unheard) {
            let waits = self.trees.interests.by_pattern.get(&pattern).is_some_and(|interest| interest.asked.is_some());
            if !waits && !self.has_subscriber(&pattern) {
                self.trees.interests.end_at(pattern, now + GRACE);
            }
        }
        while let Some(pattern) = pop_due(&mut self.trees.interests.ending, now) {
            self.trees.interests.by_pattern.remove(&pattern);
            self.withdraw(now, pattern);
        }
    }

    fn withdraw(&mut self, now: Millis, pattern: ChannelPattern) {
        let owner = self.owner_of_pattern(&pattern);
        if owner == self.home {
            self.span_ends_here(&pattern);
        } else {
            // Where too much waits the owner learns with its next relay that nobody listens.
            drop(self.tell_owner(now, &owner, Item::Withdraw { pattern }, Word::Nobody));
        }
    }

    /// An event came that nobody here listens to: its owner remembers a pattern that this home does not.
    pub(super) fn withdraw_forgotten(&mut self, now: Millis, channel: &ChannelId) {
        for pattern in channel.matching_keys().filter_map(|key| ChannelPattern::parse(&key)) {
            if !self.trees.interests.by_pattern.contains_key(&pattern) {
                self.withdraw(now, pattern);
            }
        }
    }

    /// The owner has forgotten this home, which has not forgotten what it wants.
    pub(super) fn ask_again(&mut self, now: Millis, owner: &Home) {
        let settled = self.trees.interests.by_pattern.iter().filter(|(_, interest)| interest.asked.is_none());
        let wanted: Vec<_> = settled.map(|(pattern, interest)| (pattern.clone(), interest.strict)).collect();
        for (pattern, strict) in wanted {
            if self.owner_of_pattern(&pattern) == *owner {
                drop(self.tell_owner(now, owner, Item::Interest { pattern, strict }, Word::Nobody));
            }
        }
    }

    /// Whether anything of this owner is wanted here.
    pub(super) fn is_interested_in(&self, owner: &Home) -> bool {
        // What spans trees was asked of the root, and any tree may relay it.
        self.trees.interests.by_pattern.keys().any(|pattern| {
            let asked = self.owner_of_pattern(pattern);
            asked == *owner || spans_trees(pattern, self.options.tree_depth)
        })
    }

    /// A restored session listens: its owner was told in an earlier life.
    pub(in crate::bayeux) fn restore_interest(&mut self, pattern: &ChannelPattern, strict: bool) {
        if self.is_from_elsewhere(pattern) {
            let interest = Interest { strict, asked: None, ends: None };
            self.trees.interests.by_pattern.entry(pattern.clone()).or_insert(interest).strict |= strict;
        }
    }
}
