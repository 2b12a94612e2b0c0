//! What a home has asked owners to relay: patterns, however many of its clients subscribe to each.
//!
//! A client is told of success when the owner has answered the very question that was asked for it: an answer to an
//! earlier question, or to one that promised less, says nothing about this one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::deadlines::Deadlines;
use super::home::Home;
use super::messages::Item;
use super::presence::PresenceEffect;
use super::uplink::Tell;
use super::{Cluster, ClusterEffect, Context, PendingId, spans_trees};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern};

/// How long a pattern stays asked for when nobody listens any more: pages that are reloaded come back sooner.
const GRACE: Duration = Duration::from_secs(10);

/// How long events may still come of a pattern that was withdrawn.
const ON_THE_WAY: Duration = Duration::from_secs(60);

/// How long until an owner is asked once more that has forgotten a pattern and could not take it again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Interests {
    by_pattern: BTreeMap<ChannelPattern, Interest>,
    by_owner: BTreeMap<Home, BTreeSet<ChannelPattern>>,
    /// How many of the patterns span trees, so that any tree may relay what they match.
    spanning: usize,
    /// When a pattern that nobody listens to is withdrawn.
    ending: Deadlines<ChannelPattern>,
    /// When an owner is told again what it has forgotten.
    again: Deadlines<ChannelPattern>,
    /// Until when events may come of what was withdrawn. Nobody is woken for that.
    withdrawn: Deadlines<ChannelPattern>,
    last_question: u64,
}

#[derive(Debug, Default)]
struct Interest {
    /// Whether a client here listens.
    heard: bool,
    /// What the owner knows: whether someone acknowledges, so that nothing may be lost on the way. None where it knows
    /// nothing.
    told: Option<bool>,
    /// What it has known before it forgot.
    strict: bool,
    /// Questions that the owner has not answered, oldest first.
    asked: VecDeque<AskedOwner>,
}

#[derive(Debug)]
struct AskedOwner {
    number: u64,
    strict: bool,
    /// Those who wait for its answer.
    waiting: Vec<PendingId>,
}

impl Interests {
    pub fn is_empty(&self) -> bool {
        self.by_pattern.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        self.ending.next().into_iter().chain(self.again.next()).min()
    }

    /// Whether the owner knows that this pattern is wanted, and whether nothing may be lost.
    fn is_told(&self, pattern: &ChannelPattern, strict: bool) -> bool {
        self.by_pattern.get(pattern).is_some_and(|interest| interest.told >= Some(strict))
    }

    /// Whether events of this channel are asked for, by whatever pattern, or were a moment ago.
    fn cover(&self, channel: &ChannelId) -> bool {
        channel.matching_keys().any(|key| self.by_pattern.contains_key(&*key) || self.withdrawn.has(&*key))
    }

    /// Whether anything of this owner is wanted here.
    pub fn concern(&self, owner: &Home) -> bool {
        self.spanning > 0 || self.by_owner.contains_key(owner)
    }

    /// How many owners were asked for something.
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

    /// The owner has answered a question, or will not. Those who wait for it.
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

    /// Those who have waited for too long. The question is still under way.
    fn give_up(&mut self, pattern: &ChannelPattern, number: u64) -> Vec<PendingId> {
        let interest = self.by_pattern.get_mut(pattern);
        let question =
            interest.and_then(|interest| interest.asked.iter_mut().find(|question| question.number == number));
        question.map(|question| std::mem::take(&mut question.waiting)).unwrap_or_default()
    }
}

impl Cluster {
    /// Whether events of this pattern come here, so that a session may listen at once.
    pub fn has_told(&self, pattern: &ChannelPattern, strict: bool) -> bool {
        !self.is_from_elsewhere(pattern) || self.interests.is_told(pattern, strict)
    }

    fn is_from_elsewhere(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home || self.spans(pattern)
    }

    /// A session is about to subscribe: one word comes for each of these patterns.
    pub(super) fn subscribe(
        &mut self,
        cx: &mut Context,
        patterns: Vec<ChannelPattern>,
        strict: bool,
        pending: PendingId,
    ) {
        for pattern in patterns {
            if self.has_told(&pattern, strict) {
                // The session listens when the last of its patterns is answered, and nobody waits for longer than this.
                if self.interests.ending.has(&pattern) {
                    self.interests.ending.set(&pattern, Some(cx.now + GRACE));
                }
                cx.resolve(pending, Ok(()));
            } else if !self.joins_question(&pattern, strict, pending) {
                self.put_question(cx, &pattern, strict, vec![pending]);
            }
        }
    }

    /// Whether somebody waits for the answer to a question that is as good.
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

    /// The owner has answered a question, or could not be reached.
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

    /// Those who wait for this answer wait no more. The owner may still hear the question.
    pub(super) fn question_given_up(&mut self, cx: &mut Context, pattern: &ChannelPattern, number: u64) {
        for pending in self.interests.give_up(pattern, number) {
            cx.resolve(pending, Err(BayeuxError::OwnerUnreachable));
        }
    }

    /// A client of this home listens, or nobody does any more.
    pub(super) fn listens(&mut self, now: Millis, pattern: &ChannelPattern, heard: bool) {
        if let Some(interest) = self.interests.by_pattern.get_mut(pattern) {
            interest.heard = heard;
            self.review(now, pattern);
        }
    }

    /// What follows of what is known about a pattern.
    fn review(&mut self, now: Millis, pattern: &ChannelPattern) {
        let Some(interest) = self.interests.by_pattern.get(pattern) else { return };
        let Interest { heard, told, asked, .. } = interest;
        let (heard, told, open) = (*heard, told.is_some(), !asked.is_empty());
        if !heard && !told && !open {
            let (owner, spans) = (self.owner_of_pattern(pattern), self.spans(pattern));
            return self.interests.remove(pattern, &owner, spans);
        }
        // Who listens and was told of success counts on an owner that does not know: it is asked until it does.
        let again = (heard && !told && !open).then(|| now + AGAIN_AFTER);
        self.interests.again.set(pattern, again);
        if heard || open {
            self.interests.ending.set(pattern, None);
        } else if !self.interests.ending.has(pattern) {
            self.interests.ending.set(pattern, Some(now + GRACE));
        }
    }

    /// Takes back what nobody has listened to for a while, and asks again for what an owner has forgotten.
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

    /// Asks an owner that has forgotten what somebody here listens to. Nobody waits for the answer.
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
            // It is always taken.
            let _ = self.tell_owner(cx, &owner, Item::Withdraw { pattern }, Tell::Nobody);
        }
    }

    /// An event came that nobody here listens to. Where nobody has listened lately either its owner remembers a pattern
    /// that an earlier life of this home has asked for.
    pub(super) fn withdraw_forgotten(&mut self, cx: &mut Context, channel: &ChannelId) {
        if self.interests.cover(channel) {
            return;
        }
        for pattern in channel.matching_keys().filter_map(|key| ChannelPattern::parse(&key)) {
            self.interests.withdrawn.set(&pattern, Some(cx.now + ON_THE_WAY));
            self.withdraw(cx, pattern);
        }
    }

    /// The owner has forgotten this home, which has not forgotten what it wants.
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

    /// A restored session listens: its owner was told in an earlier life.
    pub(super) fn restore_interest(&mut self, pattern: &ChannelPattern, strict: bool) {
        if self.is_from_elsewhere(pattern) {
            let (owner, spans) = (self.owner_of_pattern(pattern), self.spans(pattern));
            let interest = self.interests.interest(pattern, &owner, spans);
            interest.told = interest.told.max(Some(strict));
            (interest.heard, interest.strict) = (true, interest.strict || strict);
            self.interests.ending.set(pattern, None);
        }
    }

    /// What the root's own clients have asked for in an earlier life ends where none of them comes back for it. Whether
    /// all trees know of it is not known.
    pub(super) fn restore_own_wildcards(&mut self, now: Millis) {
        for pattern in self.wildcards.of(&self.home) {
            self.interests.ending.set(&pattern, Some(now + GRACE));
        }
    }

    /// Whether what a pattern matches may come from this owner.
    pub fn may_come_from(&self, pattern: &ChannelPattern, owner: &Home) -> bool {
        self.spans(pattern) || self.owner_of_pattern(pattern) == *owner
    }

    /// Whether only all trees together have what it matches.
    pub fn spans(&self, pattern: &ChannelPattern) -> bool {
        spans_trees(pattern, self.options.tree_depth)
    }
}

impl Context<'_> {
    /// One word for whoever waits has come.
    pub(super) fn resolve(&mut self, pending: PendingId, outcome: Result<(), BayeuxError>) {
        self.effects.push(ClusterEffect::Resolve { pending, outcome });
    }
}
