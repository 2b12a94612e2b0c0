//! What a home has asked owners to relay: patterns, however many of its clients subscribe to each.
//!
//! A client is told of success when the owner has answered the very question that was asked for it: an answer to an earlier
//! question, or to one that promised less, says nothing about this one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::home::Home;
use super::messages::Item;
use super::spans_trees;
use super::uplink::Word;
use crate::bayeux::server::{BayeuxServer, PendingId};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern};

/// How long a pattern stays asked for when nobody listens any more: pages that are reloaded come back sooner.
const GRACE: Duration = Duration::from_secs(10);

/// How long until an owner is asked once more that has forgotten a pattern and could not take it again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Interests {
    by_pattern: BTreeMap<ChannelPattern, Interest>,
    /// When those that nobody listens to are withdrawn.
    ending: BTreeSet<(Millis, ChannelPattern)>,
    /// When an owner is told again what it has forgotten.
    again: BTreeSet<(Millis, ChannelPattern)>,
    unheard: BTreeSet<ChannelPattern>,
    last_question: u64,
}

#[derive(Debug, Default)]
struct Interest {
    /// What the owner knows: whether someone acknowledges, so that nothing may be lost on the way. None where it knows nothing.
    told: Option<bool>,
    /// Questions that the owner has not answered, oldest first.
    asked: VecDeque<Question>,
    ends: Option<Millis>,
}

#[derive(Debug)]
struct Question {
    number: u64,
    strict: bool,
    /// Those who wait for its answer.
    waiting: Vec<PendingId>,
}

impl Interests {
    pub fn is_empty(&self) -> bool {
        self.by_pattern.is_empty()
    }

    /// What this home wants to hear from elsewhere.
    pub fn patterns(&self) -> impl Iterator<Item = &ChannelPattern> {
        self.by_pattern.keys()
    }

    pub fn due(&self) -> Option<Millis> {
        [&self.ending, &self.again].into_iter().filter_map(|list| list.first()).map(|(time, _)| *time).min()
    }

    pub fn perhaps_unheard(&mut self, patterns: impl IntoIterator<Item = ChannelPattern>) {
        let Self { by_pattern, unheard, .. } = self;
        unheard.extend(patterns.into_iter().filter(|pattern| by_pattern.contains_key(pattern)));
    }

    /// Whether events of this channel were asked for, by whatever pattern.
    fn cover(&self, channel: &ChannelId) -> bool {
        channel.matching_keys().any(|key| self.by_pattern.contains_key(key.as_str()))
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

    /// Takes note of a question to the owner, for whom it is asked. Its number.
    fn ask(&mut self, pattern: &ChannelPattern, strict: bool, waiting: Vec<PendingId>) -> u64 {
        self.last_question += 1;
        let number = self.last_question;
        let interest = self.by_pattern.entry(pattern.clone()).or_default();
        interest.asked.push_back(Question { number, strict, waiting });
        number
    }

    /// The owner has answered a question, or will not. Those who wait for it.
    fn answered(&mut self, pattern: &ChannelPattern, number: u64, successful: bool) -> Vec<PendingId> {
        let Some(interest) = self.by_pattern.get_mut(pattern) else { return Vec::new() };
        let Some(at) = interest.asked.iter().position(|question| question.number == number) else { return Vec::new() };
        let Some(Question { strict, waiting, .. }) = interest.asked.remove(at) else { return Vec::new() };
        if successful {
            interest.told = interest.told.max(Some(strict));
        }
        waiting
    }

    /// Whether those who listen count on an owner that does not know of it.
    fn is_forgotten(&self, pattern: &ChannelPattern) -> bool {
        self.by_pattern.get(pattern).is_some_and(|interest| interest.told.is_none() && interest.asked.is_empty())
    }
}

impl BayeuxServer {
    /// Makes sure that what a session is about to subscribe to comes here. How many words `pending_id` must wait for.
    ///
    /// # Errors
    /// [`BayeuxError::OwnerUnreachable`] where too much waits for an owner.
    pub(in crate::bayeux) fn ask_owners(
        &mut self,
        now: Millis,
        session: SessionKey,
        patterns: &[ChannelPattern],
        pending_id: PendingId,
    ) -> Result<usize, BayeuxError> {
        let strict = self.sessions.get(session).is_some_and(crate::bayeux::session::Session::is_strict);
        let mut words = 0;
        for pattern in patterns.iter().collect::<BTreeSet<_>>() {
            words += usize::from(self.is_from_elsewhere(pattern) && self.ask_owner(now, pattern, strict, pending_id)?);
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
        pending_id: PendingId,
    ) -> Result<bool, BayeuxError> {
        let interests = &mut self.trees.interests;
        interests.keep(pattern);
        if let Some(interest) = interests.by_pattern.get_mut(pattern) {
            if interest.told >= Some(strict) {
                return Ok(false);
            }
            // What nobody waits for may take for ever.
            let good = |question: &&mut Question| question.strict >= strict && !question.waiting.is_empty();
            if let Some(question) = interest.asked.iter_mut().find(good) {
                question.waiting.push(pending_id);
                return Ok(true);
            }
        }
        self.put_question(now, pattern, strict, vec![pending_id])?;
        Ok(true)
    }

    fn put_question(
        &mut self,
        now: Millis,
        pattern: &ChannelPattern,
        strict: bool,
        waiting: Vec<PendingId>,
    ) -> Result<(), BayeuxError> {
        let owner = self.owner_of_pattern(pattern);
        let wait = !waiting.is_empty();
        let number = self.trees.interests.ask(pattern, strict, waiting);
        if owner == self.home {
            self.span_here(now, pattern, number, strict);
            return Ok(());
        }
        let item = Item::Interest { pattern: pattern.clone(), strict };
        let told = self.tell_owner(now, &owner, item, Word::Interest { pattern: pattern.clone(), number, wait });
        if told.is_err() {
            self.trees.interests.answered(pattern, number, false);
            self.drop_interest(pattern);
        }
        told
    }

    /// The owner has answered a question, or could not be reached.
    pub(super) fn interest_settled(
        &mut self,
        now: Millis,
        pattern: &ChannelPattern,
        number: u64,
        outcome: &Result<(), BayeuxError>,
    ) {
        for pending_id in self.trees.interests.answered(pattern, number, outcome.is_ok()) {
            self.pending.resolve(pending_id, outcome.clone());
        }
        if outcome.is_err() {
            self.drop_interest(pattern);
            self.remind_later(now, pattern);
        }
        self.trees.interests.perhaps_unheard([pattern.clone()]);
    }

    /// Forgets a pattern that no owner knows and nobody listens to.
    fn drop_interest(&mut self, pattern: &ChannelPattern) {
        if self.trees.interests.is_forgotten(pattern) && !self.has_subscriber(pattern) {
            self.trees.interests.remove(pattern);
        }
    }

    /// Somebody listens, was told of success, and the owner does not know of it: it is asked until it does.
    fn remind_later(&mut self, now: Millis, pattern: &ChannelPattern) {
        if self.trees.interests.is_forgotten(pattern) {
            self.trees.interests.again.insert((now + AGAIN_AFTER, pattern.clone()));
        }
    }

    /// A session of this home listens.
    pub(in crate::bayeux) fn listen(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.add_subscriber(pattern, session);
        self.trees.interests.keep(pattern);
    }

    /// A session of this home does not listen any more.
    pub(in crate::bayeux) fn unlisten(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.remove_subscriber(pattern, session);
        self.trees.interests.perhaps_unheard([pattern.clone()]);
    }

    fn has_subscriber(&self, pattern: &ChannelPattern) -> bool {
        self.subscriptions.any(pattern, |key| !self.is_peer(key))
    }

    /// Takes back what nobody has listened to for a while, and asks again for what an owner has forgotten.
    pub(super) fn end_interests(&mut self, now: Millis) {
        for pattern in std::mem::take(&mut self.trees.interests.unheard) {
            let waits =
                self.trees.interests.by_pattern.get(&pattern).is_some_and(|interest| !interest.asked.is_empty());
            if !waits && !self.has_subscriber(&pattern) {
                self.trees.interests.end_at(pattern, now + GRACE);
            }
        }
        while let Some(pattern) = pop_due(&mut self.trees.interests.ending, now) {
            self.trees.interests.by_pattern.remove(&pattern);
            self.withdraw(now, pattern);
        }
        while let Some(pattern) = pop_due(&mut self.trees.interests.again, now) {
            if self.trees.interests.is_forgotten(&pattern) {
                self.remind(now, &pattern);
            }
        }
    }

    /// Asks an owner that has forgotten what somebody here listens to. Nobody waits for the answer.
    fn remind(&mut self, now: Millis, pattern: &ChannelPattern) {
        let is_strict = |key| self.sessions.get(key).is_some_and(crate::bayeux::session::Session::is_strict);
        let strict = self.subscriptions.any(pattern, |key| !self.is_peer(key) && is_strict(key));
        if self.put_question(now, pattern, strict, Vec::new()).is_err() {
            self.remind_later(now, pattern);
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

    /// An event came that nobody here listens to. Where nobody has listened lately either its owner remembers a pattern that
    /// this home does not.
    pub(super) fn withdraw_forgotten(&mut self, now: Millis, channel: &ChannelId) {
        if self.trees.interests.cover(channel) {
            return;
        }
        for pattern in channel.matching_keys().filter_map(|key| ChannelPattern::parse(&key)) {
            self.withdraw(now, pattern);
        }
    }

    /// The owner has forgotten this home, which has not forgotten what it wants.
    pub(super) fn ask_again(&mut self, now: Millis, owner: &Home) {
        let settled = self.trees.interests.by_pattern.iter().filter(|(_, interest)| interest.told.is_some());
        let of_owner = settled.filter(|(pattern, _)| self.owner_of_pattern(pattern) == *owner);
        let wanted: Vec<_> = of_owner.map(|(pattern, _)| pattern.clone()).collect();
        for pattern in wanted {
            if let Some(interest) = self.trees.interests.by_pattern.get_mut(&pattern) {
                interest.told = None;
            }
            self.remind(now, &pattern);
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
            let interest = self.trees.interests.by_pattern.entry(pattern.clone()).or_default();
            interest.told = interest.told.max(Some(strict));
        }
    }
}
