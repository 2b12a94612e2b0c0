//! The root's list of wildcards, the patterns that span trees. The root knows every tree, and sends each the list.
//!
//! A tree is sent the whole list whenever it changes: a lost or repeated call does no harm.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::deadline_queue::Deadlines;
use super::messages::{Acknowledged, Call, Failure, Item, Wildcard, WildcardList, to_json};
use super::{ANSWER_TIMEOUT, About, Cluster, Context, Home, pause};
use crate::bayeux::persistence::Note;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, Endpoint, Status};

/// How long a tree may be unreachable before subscribes to wildcards succeed without it. When it is back it gets the
/// list, and relays from then on.
const WITHOUT_IT_AFTER: Duration = Duration::from_secs(60);

/// How many trees are called at a time: the most requests that an object may have under way.
const MOST_AT_ONCE: usize = 200;

/// What only the root knows.
#[derive(Debug, Default)]
pub struct Wildcards {
    version: u64,
    /// The wildcards by home, and whether no event may be lost.
    list: BTreeMap<(Home, ChannelPattern), bool>,
    trees: BTreeMap<Home, RegisteredTree>,
    /// How many of the reachable trees have each version.
    told: BTreeMap<u64, usize>,
    /// Trees that lack the latest version and are not being called or paused.
    behind: BTreeSet<Home>,
    being_told: usize,
    /// When unreachable trees are retried.
    deadlines: Deadlines<Home>,
    /// What waits until every tree has a version: later ones wait for later versions.
    waiting: VecDeque<Waiter>,
    /// Questions of this home's own that timed out, with the version that answers them: their interests must still be
    /// withdrawn.
    given_up: VecDeque<(u64, ChannelPattern, u64)>,
}

#[derive(Debug, Default)]
struct RegisteredTree {
    /// The number of its last registration.
    number: u64,
    /// The version of the list that it has.
    told: u64,
    being_told: bool,
    failures: u32,
    failing_since: Option<Millis>,
    /// It is unreachable for so long that nothing waits for it.
    lost: bool,
}

#[derive(Debug)]
struct Waiter {
    version: u64,
    since: Millis,
    who: WaitsFor,
}

#[derive(Debug)]
enum WaitsFor {
    Link {
        from: Endpoint,
        key: SessionKey,
        is_new: bool,
    },
    /// A question of this number about a pattern.
    Question(ChannelPattern, u64),
}

impl Wildcards {
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.list.is_empty() && self.waiting.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        let timeout = self.waiting.front().map(|waits| waits.since + ANSWER_TIMEOUT);
        timeout.into_iter().chain(self.deadlines.next()).min()
    }

    /// The registered trees, sorted by name.
    pub fn trees(&self) -> impl Iterator<Item = &Home> {
        self.trees.keys()
    }

    pub fn restore_tree(&mut self, name: &str, text: &str) {
        let (Some(home), Ok((number, told))) = (Home::named(name), serde_json::from_str(text)) else { return };
        self.change(&home, |tree| (tree.number, tree.told) = (number, told));
    }

    pub fn restore_list(&mut self, text: &str) {
        let Ok(WildcardList { version, spans }) = serde_json::from_str(text) else { return };
        self.version = version;
        self.list = spans.into_iter().map(|span| ((span.home, span.pattern), span.strict)).collect();
        self.behind = self.trees.iter().filter(|(_, tree)| tree.told < version).map(|(home, _)| home.clone()).collect();
    }

    /// The wildcards of a home.
    pub fn of(&self, home: &Home) -> Vec<ChannelPattern> {
        let own = self.list.keys().filter(|(listener, _)| listener == home);
        own.map(|(_, pattern)| pattern.clone()).collect()
    }

    fn list(&self) -> WildcardList {
        let span = |((home, pattern), strict): (&(Home, ChannelPattern), &bool)| Wildcard {
            home: home.clone(),
            pattern: pattern.clone(),
            strict: *strict,
        };
        WildcardList { version: self.version, spans: self.list.iter().map(span).collect() }
    }

    /// The oldest version that a reachable tree has.
    fn oldest(&self) -> u64 {
        self.told.first_key_value().map_or(u64::MAX, |(version, _)| *version)
    }

    /// Changes a tree and updates the indexes.
    fn change(&mut self, home: &Home, change: impl FnOnce(&mut RegisteredTree)) {
        let counted = self.trees.get(home).filter(|tree| !tree.lost).map(|tree| tree.told);
        self.count(counted, false);
        let tree = self.trees.entry(home.clone()).or_default();
        let before = tree.being_told;
        change(tree);
        let (told, lost, being_told) = (tree.told, tree.lost, tree.being_told);
        self.count(Some(told).filter(|_| !lost), true);
        self.being_told = self.being_told + usize::from(being_told) - usize::from(before);
        if told < self.version && !being_told && !self.deadlines.has(home) {
            self.behind.insert(home.clone());
        } else {
            self.behind.remove(home);
        }
    }

    fn count(&mut self, version: Option<u64>, one_more: bool) {
        let Some(version) = version else { return };
        let count = self.told.entry(version).or_default();
        *count = if one_more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.told.remove(&version);
        }
    }

    fn remove(&mut self, home: &Home) {
        self.deadlines.set(home, None);
        self.behind.remove(home);
        if let Some(tree) = self.trees.remove(home) {
            self.count(Some(tree.told).filter(|_| !tree.lost), false);
            self.being_told -= usize::from(tree.being_told);
        }
    }
}

impl Cluster {
    /// Adds a home's wildcard. Returns the version of the list that has it.
    pub(super) fn add_wildcard(
        &mut self,
        cx: &mut Context,
        home: &Home,
        pattern: &ChannelPattern,
        strict: bool,
    ) -> Result<u64, Failure> {
        let span = (home.clone(), pattern.clone());
        let list = &self.wildcards.list;
        if !list.contains_key(&span) && list.len() >= self.options.max_spanning_patterns {
            return Err(Failure::Exceeded);
        }
        let before = list.get(&span).copied();
        if before.is_none_or(|had| strict && !had) {
            self.wildcards.list.insert(span.clone(), strict);
            if let Err(failure) = self.wildcards_changed(cx) {
                match before {
                    Some(before) => self.wildcards.list.insert(span, before),
                    None => self.wildcards.list.remove(&span),
                };
                return Err(failure);
            }
        }
        Ok(self.wildcards.version)
    }

    /// The version that every tree must have before this item is done.
    pub(super) fn version_for(&self, item: &Item) -> Option<u64> {
        let Item::Interest { pattern, .. } = item else { return None };
        self.spans(pattern).then_some(self.wildcards.version)
    }

    pub(super) fn remove_wildcard(
        &mut self,
        cx: &mut Context,
        home: &Home,
        pattern: &ChannelPattern,
    ) -> Result<(), Failure> {
        match self.wildcards.list.remove(&(home.clone(), pattern.clone())) {
            Some(_) => self.wildcards_changed(cx),
            None => Ok(()),
        }
    }

    fn wildcards_changed(&mut self, cx: &mut Context) -> Result<(), Failure> {
        let wildcards = &mut self.wildcards;
        wildcards.version += 1;
        // A tree that is being sent an earlier version is sent this one next.
        let free = wildcards.trees.iter().filter(|(home, tree)| !tree.being_told && !wildcards.deadlines.has(home));
        wildcards.behind = free.map(|(home, _)| home.clone()).collect();
        let text = to_json(&wildcards.list());
        if self.note(cx, &Note::Wildcards, Some(&text)) { Ok(()) } else { Err(Failure::Storage) }
    }

    /// Clients of the root itself subscribe to a wildcard.
    pub(super) fn span_here(&mut self, cx: &mut Context, pattern: &ChannelPattern, question: u64, strict: bool) {
        let home = self.home.clone();
        match self.add_wildcard(cx, &home, pattern, strict) {
            Ok(version) => self.wait_for_trees(cx, version, WaitsFor::Question(pattern.clone(), question)),
            Err(failure) => self.question_answered(cx, pattern, question, &Err(failure.into())),
        }
    }

    pub(super) fn span_ends_here(&mut self, cx: &mut Context, pattern: &ChannelPattern) {
        let home = self.home.clone();
        // If this is not saved, trees go on relaying events that nobody receives.
        let _ = self.remove_wildcard(cx, &home, pattern);
    }

    pub(super) fn answer_when_spanned(
        &mut self,
        cx: &mut Context,
        from: Endpoint,
        key: SessionKey,
        version: u64,
        is_new: bool,
    ) {
        self.wait_for_trees(cx, version, WaitsFor::Link { from, key, is_new });
    }

    /// The version is the latest or almost: nothing that came before waits for a later one.
    fn wait_for_trees(&mut self, cx: &mut Context, version: u64, who: WaitsFor) {
        let version = version.max(self.wildcards.waiting.back().map_or(0, |last| last.version));
        self.wildcards.waiting.push_back(Waiter { version, since: cx.now, who });
        self.tell_spanned(cx);
    }

    /// Resolves what waits for a version that every tree has.
    fn tell_spanned(&mut self, cx: &mut Context) {
        let oldest = self.wildcards.oldest();
        while let Some(Waiter { who, .. }) = self.wildcards.waiting.pop_front_if(|waits| waits.version <= oldest) {
            match who {
                WaitsFor::Link { from, key, is_new } => self.answer_link(cx, from, key, is_new),
                WaitsFor::Question(pattern, question) => self.question_answered(cx, &pattern, question, &Ok(())),
            }
        }
        let given_up = &mut self.wildcards.given_up;
        let told: Vec<_> = std::iter::from_fn(|| given_up.pop_front_if(|(version, ..)| *version <= oldest)).collect();
        for (_, pattern, question) in told {
            self.question_answered(cx, &pattern, question, &Ok(()));
        }
    }

    pub(super) fn wildcards_are_due(&mut self, cx: &mut Context) {
        let now = cx.now;
        while let Some(Waiter { version, who, .. }) =
            self.wildcards.waiting.pop_front_if(|waits| waits.since + ANSWER_TIMEOUT <= now)
        {
            match who {
                // The home repeats the call, until its clients' subscribes time out.
                WaitsFor::Link { from, .. } => cx.reply(from, Status::Unavailable, String::new()),
                WaitsFor::Question(pattern, question) => {
                    self.question_given_up(cx, &pattern, question);
                    self.wildcards.given_up.push_back((version, pattern, question));
                }
            }
        }
        while let Some(tree) = self.wildcards.deadlines.pop(now) {
            self.wildcards.change(&tree, |_| ());
        }
    }

    pub(super) fn send_wildcards(&mut self, cx: &mut Context) {
        if self.wildcards.behind.is_empty() {
            return;
        }
        let list = self.wildcards.list();
        let version = list.version;
        let call = to_json(&Call::Wildcards(list));
        while self.wildcards.being_told < MOST_AT_ONCE
            && let Some(tree) = self.wildcards.behind.pop_first()
        {
            self.wildcards.change(&tree, |tree| tree.being_told = true);
            self.call_with(cx, tree.clone(), About::Wildcards(tree, version), call.clone());
        }
    }

    pub(super) fn wildcards_answered(
        &mut self,
        cx: &mut Context,
        home: &Home,
        version: u64,
        answer: Option<Acknowledged>,
    ) {
        let Some(tree) = self.wildcards.trees.get(home) else { return };
        if answer.is_some() {
            self.wildcards.change(home, |tree| {
                *tree =
                    RegisteredTree { number: tree.number, told: tree.told.max(version), ..RegisteredTree::default() };
            });
            self.note_tree(cx, home);
            return self.tell_spanned(cx);
        }
        let failures = tree.failures + 1;
        let since = tree.failing_since.unwrap_or(cx.now);
        let lost = since + WITHOUT_IT_AFTER <= cx.now;
        self.wildcards.deadlines.set(home, Some(cx.now + pause(failures)));
        self.wildcards.change(home, |tree| {
            (tree.being_told, tree.failures, tree.failing_since, tree.lost) = (false, failures, Some(since), lost);
        });
        self.tell_spanned(cx);
    }

    /// Registers a tree.
    pub(super) fn take_announcement(&mut self, cx: &mut Context, from: Endpoint, home: &Home, number: u64) {
        let trees = &self.wildcards.trees;
        if !trees.contains_key(home) && trees.len() >= self.options.max_known_trees {
            return cx.reply(from, Status::Unavailable, String::new());
        }
        let list = self.wildcards.list();
        let version = list.version;
        // A repeated call is answered already: this answer reaches nobody.
        self.wildcards.change(home, |tree| {
            if number > tree.number {
                (tree.number, tree.told, tree.failing_since, tree.lost) = (number, version, None, false);
            }
        });
        if self.note_tree(cx, home) {
            cx.answer_with(from, &list);
        } else {
            cx.reply(from, Status::Unavailable, String::new());
        }
        self.tell_spanned(cx);
    }

    /// Deregisters a tree.
    pub(super) fn take_leave(&mut self, cx: &mut Context, from: Endpoint, home: &Home, number: u64) {
        if self.wildcards.trees.get(home).is_some_and(|tree| tree.number <= number) {
            self.wildcards.remove(home);
            self.note(cx, &Note::Tree(home.to_string()), None);
            self.tell_spanned(cx);
        }
        cx.answer_with(from, &Acknowledged {});
    }

    fn note_tree(&mut self, cx: &mut Context, home: &Home) -> bool {
        let Some(RegisteredTree { number, told, .. }) = self.wildcards.trees.get(home) else { return true };
        let text = to_json(&(number, told));
        self.note(cx, &Note::Tree(home.to_string()), Some(&text))
    }
}
