//! Interests: the patterns that this home has asked owners to relay, each once for all its clients.
//!
//! A subscribe succeeds when the owner has answered the request that was made for it. The answer to an earlier request
//! does not count. A strict subscribe needs the answer to a strict request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::deadline_queue::Deadlines;
use super::home_name::Home;
use super::messages::Item;
use super::presence_calls::PresenceEffect;
use super::uplink::Tell;
use super::{Cluster, ClusterEffect, Context, PendingId, spans_trees};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern};

/// How long an interest stays when its last subscriber has left: a page that is reloaded subscribes again within this
/// time.
const GRACE: Duration = Duration::from_secs(10);

/// How long events of a withdrawn pattern may still arrive.
const ON_THE_WAY: Duration = Duration::from_secs(60);

/// The pause before a home repeats an interest to an owner that lost it and failed to record it.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Interests {
    by_pattern: BTreeMap<ChannelPattern, Interest>,
    by_owner: BTreeMap<Home, BTreeSet<ChannelPattern>>,
    /// How many patterns span trees, so that any tree may relay to this home.
    spanning: usize,
    /// When a pattern without subscribers is withdrawn.
    ending: Deadlines<ChannelPattern>,
    /// When an owner is told again of an interest that it has lost.
    again: Deadlines<ChannelPattern>,
    /// Until when events of withdrawn patterns may arrive. No wake-up is needed for that.
    withdrawn: Deadlines<ChannelPattern>,
    last_question: u64,
}

#[derive(Debug, Default)]
struct Interest {
    /// Whether a client here is subscribed.
    heard: bool,
    /// What the owner has recorded: whether a subscriber acknowledges, so that no event may be lost. None where it has
    /// recorded nothing.
    told: Option<bool>,
    /// What the owner had recorded before it lost it.
    strict: bool,
    /// Questions without an answer yet, oldest first.
    asked: VecDeque<AskedOwner>,
}

#[derive(Debug)]
struct AskedOwner {
    number: u64,
    strict: bool,
    /// The suspended subscribes that wait for its answer.
    waiting: Vec<PendingId>,
}

impl Interests {
    pub fn is_empty(&self) -> bool {
        self.by_pattern.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        self.ending.next().into_iter().chain(self.again.next()).min()
    }

    /// Whether the owner has recorded this interest, with at least this promise.
    fn is_told(&self, pattern: &ChannelPattern, strict: bool) -> bool {
        self.by_pattern.get(pattern).is_some_and(|interest| interest.told >= Some(strict))
    }

    /// Whether any pattern of this home matches the channel, or did a moment ago.
    fn cover(&self, channel: &ChannelId) -> bool {
        channel.matching_keys().any(|key| self.by_pattern.contains_key(&*key) || self.withdrawn.has(&*key))
    }

    /// Whether any pattern concerns this owner.
    pub fn concern(&self, owner: &Home) -> bool {
        self.spanning > 0 || self.by_owner.contains_key(owner)
    }

    /// How many owners have interests of this home.
    pub fn owners(&self) -> usize {
        self.by_owner.len()
    }

    pub fn has_owner(&self, owner: &Home) -> bool {
        self.by_owner.contains_key(owner)
    }

    fn interest(&mut self, pattern: &ChannelPattern, owner: &Home, spans: bool) -> &mut Interest {
        if !self.by_pattern.contains_key(pattern) {
            self.by_owner.entry(owner.clone()).or_default().insert(pattern.clone());
            self.spanning += usize::from(spans);
        }
        self.by_pattern.entry(pattern.clone()).or_default()
    }

    fn remove(&mut self, pattern: &ChannelPattern, owner: &Home, spans: bool) {
        self.ending.set(pattern, None);
        self.again.set(pattern, None);
        if self.by_pattern.remove(pattern).is_none() {
            return;
        }
        self.spanning -= usize::from(spans);
        if let Some(patterns) = self.by_owner.get_mut(owner) {
            patterns.remove(pattern);
            if patterns.is_empty() {
                self.by_owner.remove(owner);
            }
        }
    }

    /// Takes the answer to a question, or its failure. Returns the subscribes that wait for it.
    fn answered(&mut self, pattern: &ChannelPattern, number: u64, successful: bool) -> Vec<PendingId> {
        let Some(interest) = self.by_pattern.get_mut(pattern) else { return Vec::new() };
        let Some(at) = interest.asked.iter().position(|question| question.number == number) else { return Vec::new() };
        let Some(AskedOwner { strict, waiting, .. }) = interest.asked.remove(at) else { return Vec::new() };
        if successful {
            interest.told = interest.told.max(Some(strict));
            interest.strict |= strict;
        }
        waiting
    }

    /// Returns the subscribes that have timed out. The question stays under way.
    fn give_up(&mut self, pattern: &ChannelPattern, number: u64) -> Vec<PendingId> {
        let interest = self.by_pattern.get_mut(pattern);
        let question =
            interest.and_then(|interest| interest.asked.iter_mut().find(|question| question.number == number));
        question.map(|question| std::mem::take(&mut question.waiting)).unwrap_or_default()
    }
}

impl Cluster {
    /// Whether events of this pattern are relayed to this home, so that a session may subscribe at once.
    pub fn has_told(&self, pattern: &ChannelPattern, strict: bool) -> bool {
        !self.is_from_elsewhere(pattern) || self.interests.is_told(pattern, strict)
    }

    fn is_from_elsewhere(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home || self.spans(pattern)
    }

    /// A session is about to subscribe: resolves its pending id once for each of these patterns.
    pub(super) fn subscribe(
        &mut self,
        cx: &mut Context,
        patterns: Vec<ChannelPattern>,
        strict: bool,
        pending: PendingId,
    ) {
        for pattern in patterns {
            if self.has_told(&pattern, strict) {
                // The session is subscribed when the last pattern is answered, or the timeout has passed.
                if self.interests.ending.has(&pattern) {
                    self.interests.ending.set(&pattern, Some(cx.now + GRACE));
                }
                cx.resolve(pending, Ok(()));
            } else if !self.joins_question(&pattern, strict, pending) {
                self.put_question(cx, &pattern, strict, vec![pending]);
            }
        }
    }

    /// Whether a question that is as strict is waiting for its answer.
    fn joins_question(&mut self, pattern: &ChannelPattern, strict: bool, pending: PendingId) -> bool {
        let Some(interest) = self.interests.by_pattern.get_mut(pattern) else { return false };
        let good = |question: &&mut AskedOwner| question.strict >= strict && !question.waiting.is_empty();
        let Some(question) = interest.asked.iter_mut().find(good) else { return false };
        question.waiting.push(pending);
        true
    }

    fn put_question(&mut self, cx: &mut Context, pattern: &ChannelPattern, strict: bool, waiting: Vec<PendingId>) {
        let (owner, spans, wait) = (self.owner_of_pattern(pattern), self.spans(pattern), !waiting.is_empty());
        self.interests.last_question += 1;
        let number = self.interests.last_question;
        let interest = self.interests.interest(pattern, &owner, spans);
        interest.asked.push_back(AskedOwner { number, strict, waiting });
        self.interests.ending.set(pattern, None);
        if owner == self.home {
            return self.span_here(cx, pattern, number, strict);
        }
        let item = Item::Interest { pattern: pattern.clone(), strict };
        let tell = Tell::Question { pattern: pattern.clone(), number, wait };
        if let Err(error) = self.tell_owner(cx, &owner, item, tell) {
            self.question_answered(cx, pattern, number, &Err(error));
        }
    }

    /// The owner has answered a question, or was unreachable.
    pub(super) fn question_answered(
        &mut self,
        cx: &mut Context,
        pattern: &ChannelPattern,
        number: u64,
        outcome: &Result<(), BayeuxError>,
    ) {
        for pending in self.interests.answered(pattern, number, outcome.is_ok()) {
            cx.resolve(pending, outcome.clone());
        }
        self.review(cx.now, pattern);
    }

    /// The subscribes that wait for this answer time out. The owner may still take the question.
    pub(super) fn question_given_up(&mut self, cx: &mut Context, pattern: &ChannelPattern, number: u64) {
        for pending in self.interests.give_up(pattern, number) {
            cx.resolve(pending, Err(BayeuxError::OwnerUnreachable));
        }
    }

    /// A pattern has its first subscriber here, or lost its last.
    pub(super) fn listens(&mut self, now: Millis, pattern: &ChannelPattern, heard: bool) {
        if let Some(interest) = self.interests.by_pattern.get_mut(pattern) {
            interest.heard = heard;
            self.review(now, pattern);
        }
    }

    /// Reviews what must follow from the state of an interest.
    fn review(&mut self, now: Millis, pattern: &ChannelPattern) {
        let Some(interest) = self.interests.by_pattern.get(pattern) else { return };
        let Interest { heard, told, asked, .. } = interest;
        let (heard, told, open) = (*heard, told.is_some(), !asked.is_empty());
        if !heard && !told && !open {
            let (owner, spans) = (self.owner_of_pattern(pattern), self.spans(pattern));
            return self.interests.remove(pattern, &owner, spans);
        }
        // The subscriber was told of success and relies on the owner, which has lost the interest: asks until it is
        // recorded again.
        let again = (heard && !told && !open).then(|| now + AGAIN_AFTER);
        self.interests.again.set(pattern, again);
        if heard || open {
            self.interests.ending.set(pattern, None);
        } else if !self.interests.ending.has(pattern) {
            self.interests.ending.set(pattern, Some(now + GRACE));
        }
    }

    /// Withdraws interests that had no subscriber for a while, and repeats those that an owner has lost.
    pub(super) fn interests_are_due(&mut self, cx: &mut Context) {
        while let Some(pattern) = self.interests.ending.pop(cx.now) {
            let (owner, spans) = (self.owner_of_pattern(&pattern), self.spans(&pattern));
            self.interests.remove(&pattern, &owner, spans);
            self.interests.withdrawn.set(&pattern, Some(cx.now + ON_THE_WAY));
            self.withdraw(cx, pattern);
        }
        while self.interests.withdrawn.pop(cx.now).is_some() {}
        while let Some(pattern) = self.interests.again.pop(cx.now) {
            self.remind(cx, &pattern);
        }
    }

    /// Repeats an interest that the owner has lost. Nothing waits for the answer.
    fn remind(&mut self, cx: &mut Context, pattern: &ChannelPattern) {
        let Some(interest) = self.interests.by_pattern.get(pattern) else { return };
        let strict = interest.strict;
        self.put_question(cx, pattern, strict, Vec::new());
    }

    fn withdraw(&mut self, cx: &mut Context, pattern: ChannelPattern) {
        let owner = self.owner_of_pattern(&pattern);
        if owner == self.home {
            self.span_ends_here(cx, &pattern);
        } else {
            // A withdrawal never fails.
            let _ = self.tell_owner(cx, &owner, Item::Withdraw { pattern }, Tell::Nobody);
        }
    }

    /// An event without a subscriber arrived. If no pattern that was withdrawn lately matches it either, the owner
    /// still has an interest from before this home's restart: withdraws that.
    pub(super) fn withdraw_forgotten(&mut self, cx: &mut Context, channel: &ChannelId) {
        if self.interests.cover(channel) {
            return;
        }
        for pattern in channel.matching_keys().filter_map(|key| ChannelPattern::parse(&key)) {
            self.interests.withdrawn.set(&pattern, Some(cx.now + ON_THE_WAY));
            self.withdraw(cx, pattern);
        }
    }

    /// The owner has lost all interests of this home.
    pub(super) fn ask_again(&mut self, cx: &mut Context, owner: &Home) {
        let patterns: Vec<_> = self.interests.by_owner.get(owner).into_iter().flatten().cloned().collect();
        let mut forgotten = Vec::new();
        for pattern in patterns {
            let Some(interest) = self.interests.by_pattern.get_mut(&pattern) else { continue };
            if interest.told.take().is_some() {
                self.remind(cx, &pattern);
                forgotten.push(pattern);
            }
        }
        if !forgotten.is_empty() {
            cx.present(PresenceEffect::Forgotten { patterns: forgotten });
        }
    }

    /// A restored session is subscribed: its owner was told in an earlier life.
    pub(super) fn restore_interest(&mut self, pattern: &ChannelPattern, strict: bool) {
        if self.is_from_elsewhere(pattern) {
            let (owner, spans) = (self.owner_of_pattern(pattern), self.spans(pattern));
            let interest = self.interests.interest(pattern, &owner, spans);
            interest.told = interest.told.max(Some(strict));
            (interest.heard, interest.strict) = (true, interest.strict || strict);
            self.interests.ending.set(pattern, None);
        }
    }

    /// Interests of the root's own clients from an earlier life end unless a client subscribes again. Whether all trees
    /// know of them is unknown.
    pub(super) fn restore_own_wildcards(&mut self, now: Millis) {
        for pattern in self.wildcards.of(&self.home) {
            self.interests.ending.set(&pattern, Some(now + GRACE));
        }
    }

    /// Whether this owner may have channels that the pattern matches.
    pub fn may_come_from(&self, pattern: &ChannelPattern, owner: &Home) -> bool {
        self.spans(pattern) || self.owner_of_pattern(pattern) == *owner
    }

    /// Whether the pattern spans trees.
    pub fn spans(&self, pattern: &ChannelPattern) -> bool {
        spans_trees(pattern, self.options.tree_depth)
    }
}

impl Context<'_> {
    /// One answer for a suspended subscribe has come.
    pub(super) fn resolve(&mut self, pending: PendingId, outcome: Result<(), BayeuxError>) {
        self.effects.push(ClusterEffect::Resolve { pending, outcome });
    }
}
