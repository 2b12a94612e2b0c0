//! The root's book of patterns that span trees: it knows every tree, and tells each who listens to all.
//!
//! A tree is told the whole list whenever it changes: what is lost or comes twice does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use super::home::Home;
use super::messages::{Call, Done, Failure, Item, Span, Spans, to_json};
use super::{About, PATIENCE, pause, spans_trees};
use crate::bayeux::server::BayeuxServer;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint};

/// What the root alone knows.
#[derive(Debug, Default)]
pub struct Root {
    version: u64,
    /// Who wants what of every tree, and whether nothing may be lost.
    spans: BTreeMap<(Home, ChannelPattern), bool>,
    trees: BTreeMap<Home, Tree>,
    waiting: Vec<Waits>,
}

#[derive(Debug, Default)]
struct Tree {
    /// Of its last announcement.
    number: u64,
    /// The version of the list that it has.
    told: u64,
    being_told: bool,
    failures: u32,
    failing_since: Option<Millis>,
    rests_until: Option<Millis>,
}

/// How long a tree may be out of reach before those who listen to all are told of success without it. It hears of them when it
/// is back, and they hear of it from then on.
const WITHOUT_IT_AFTER: Duration = Duration::from_secs(60);

/// Someone who is told when every tree has a version of the list.
#[derive(Debug)]
struct Waits {
    version: u64,
    since: Millis,
    who: Who,
}

#[derive(Debug)]
enum Who {
    Link {
        from: Endpoint,
        key: SessionKey,
        is_new: bool,
    },
    /// The question of this number about a pattern.
    Interest(ChannelPattern, u64),
}

impl Root {
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.spans.is_empty() && self.waiting.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        let patience = self.waiting.iter().map(|waits| waits.since + PATIENCE);
        let rests = self.trees.values().filter(|tree| tree.told < self.version).filter_map(|tree| tree.rests_until);
        patience.chain(rests).min()
    }

    /// The trees that are in use, in the order of their names.
    pub fn trees(&self) -> impl Iterator<Item = &Home> {
        self.trees.keys()
    }

    pub fn restore_tree(&mut self, name: &str, text: &str) {
        let (Some(home), Ok((number, told))) = (Home::named(name), serde_json::from_str(text)) else { return };
        self.trees.insert(home, Tree { number, told, ..Tree::default() });
    }

    pub fn restore_spans(&mut self, text: &str) {
        let Ok(Spans { version, spans }) = serde_json::from_str(text) else { return };
        self.version = version;
        self.spans = spans.into_iter().map(|span| ((span.home, span.pattern), span.strict)).collect();
    }

    fn list(&self) -> Spans {
        let span = |((home, pattern), strict): (&(Home, ChannelPattern), &bool)| Span {
            home: home.clone(),
            pattern: pattern.clone(),
            strict: *strict,
        };
        Spans { version: self.version, spans: self.spans.iter().map(span).collect() }
    }

    /// The oldest version that any tree within reach has.
    fn told(&self, now: Millis) -> u64 {
        let lost = |tree: &&Tree| tree.failing_since.is_some_and(|since| since + WITHOUT_IT_AFTER <= now);
        self.trees.values().filter(|tree| !lost(tree)).map(|tree| tree.told).min().unwrap_or(u64::MAX)
    }
}

impl BayeuxServer {
    /// A home listens to all trees. The version of the list with which it does.
    pub(super) fn add_span(&mut self, home: &Home, pattern: &ChannelPattern, strict: bool) -> Result<u64, Failure> {
        let span = (home.clone(), pattern.clone());
        let spans = &self.trees.root.spans;
        if !spans.contains_key(&span) && spans.len() >= self.options.max_spanning_patterns {
            return Err(Failure::Exceeded);
        }
        if self.trees.root.spans.get(&span).is_none_or(|had| strict && !had) {
            self.trees.root.spans.insert(span, strict);
            self.spans_changed()?;
        }
        Ok(self.trees.root.version)
    }

    /// The version of the list that every tree must have, for an item that spans trees.
    pub(super) fn span_of(&self, item: &Item) -> Option<u64> {
        let Item::Interest { pattern, .. } = item else { return None };
        spans_trees(pattern, self.options.tree_depth).then_some(self.trees.root.version)
    }

    pub(super) fn end_span(&mut self, home: &Home, pattern: &ChannelPattern) -> Result<(), Failure> {
        match self.trees.root.spans.remove(&(home.clone(), pattern.clone())) {
            Some(_) => self.spans_changed(),
            None => Ok(()),
        }
    }

    fn spans_changed(&mut self) -> Result<(), Failure> {
        self.trees.root.version += 1;
        let text = to_json(&self.trees.root.list());
        if self.note("spans", Some(&text)) { Ok(()) } else { Err(Failure::Storage) }
    }

    /// Clients of the root itself listen to all trees.
    pub(super) fn span_here(&mut self, now: Millis, pattern: &ChannelPattern, question: u64, strict: bool) {
        let home = self.home.clone();
        match self.add_span(&home, pattern, strict) {
            Ok(version) => self.wait_for_trees(now, version, Who::Interest(pattern.clone(), question)),
            Err(failure) => self.interest_settled(now, pattern, question, &Err(failure.into())),
        }
    }

    pub(super) fn span_ends_here(&mut self, pattern: &ChannelPattern) {
        let home = self.home.clone();
        // Where it cannot be written down the trees go on relaying what nobody hears.
        let _ = self.end_span(&home, pattern);
    }

    pub(super) fn answer_when_spanned(
        &mut self,
        now: Millis,
        from: Endpoint,
        key: SessionKey,
        version: u64,
        is_new: bool,
    ) {
        self.wait_for_trees(now, version, Who::Link { from, key, is_new });
    }

    fn wait_for_trees(&mut self, now: Millis, version: u64, who: Who) {
        self.trees.root.waiting.push(Waits { version, since: now, who });
        self.tell_spanned(now);
    }

    /// Tells those whose version every tree has.
    fn tell_spanned(&mut self, now: Millis) {
        let told = self.trees.root.told(now);
        let done: Vec<_> = self.trees.root.waiting.extract_if(.., |waits| waits.version <= told).collect();
        for Waits { who, .. } in done {
            match who {
                Who::Link { from, key, is_new } => self.answer_link(now, from, key, is_new),
                Who::Interest(pattern, question) => self.interest_settled(now, &pattern, question, &Ok(())),
            }
        }
    }

    pub(super) fn give_up_spans(&mut self, now: Millis) {
        let late = self.trees.root.waiting.extract_if(.., |waits| waits.since + PATIENCE <= now).collect::<Vec<_>>();
        for Waits { who, .. } in late {
            match who {
                // The home makes the same call again, until its clients are told that it took too long.
                Who::Link { from, .. } => {
                    self.reply_to_call(from, crate::bayeux::wire::Status::Unavailable, String::new());
                }
                Who::Interest(pattern, question) => {
                    self.interest_settled(now, &pattern, question, &Err(BayeuxError::OwnerUnreachable));
                }
            }
        }
    }

    pub(super) fn send_spans(&mut self, now: Millis) {
        let Root { version, trees, .. } = &mut self.trees.root;
        let late = trees.iter_mut().filter(|(_, tree)| {
            tree.told < *version && !tree.being_told && tree.rests_until.is_none_or(|until| until <= now)
        });
        let mut whom = Vec::new();
        for (home, tree) in late {
            (tree.being_told, tree.rests_until) = (true, None);
            whom.push(home.clone());
        }
        if whom.is_empty() {
            return;
        }
        let list = self.trees.root.list();
        let (version, call) = (list.version, Call::Spans(list));
        for tree in whom {
            self.ask(tree.clone(), About::Spans(tree, version), &call);
        }
    }

    pub(super) fn spans_answered(&mut self, now: Millis, home: &Home, version: u64, answer: Option<Done>) {
        let Some(tree) = self.trees.root.trees.get_mut(home) else { return };
        tree.being_told = false;
        match answer {
            Some(Done {}) => {
                (tree.told, tree.failures, tree.failing_since) = (tree.told.max(version), 0, None);
                self.note_tree(home);
                self.tell_spanned(now);
            }
            None => {
                tree.failures += 1;
                tree.failing_since.get_or_insert(now);
                tree.rests_until = Some(now + pause(tree.failures));
                self.tell_spanned(now);
            }
        }
    }

    /// There is such a tree.
    pub(super) fn take_announcement(&mut self, from: Endpoint, home: Home, number: u64) {
        let list = self.trees.root.list();
        let tree = self.trees.root.trees.entry(home.clone()).or_default();
        // One that comes again has been answered: this answer reaches nobody.
        if number > tree.number {
            (tree.number, tree.told, tree.failing_since) = (number, list.version, None);
        }
        if self.note_tree(&home) {
            self.answer_with(from, &list);
        } else {
            self.reply_to_call(from, crate::bayeux::wire::Status::Unavailable, String::new());
        }
    }

    /// Nobody uses this tree any more.
    pub(super) fn take_leave(&mut self, now: Millis, from: Endpoint, home: &Home, number: u64) {
        if self.trees.root.trees.get(home).is_some_and(|tree| tree.number <= number) {
            self.trees.root.trees.remove(home);
            self.note(&format!("tree:{home}"), None);
            self.tell_spanned(now);
        }
        self.answer_with(from, &Done {});
    }

    fn note_tree(&mut self, home: &Home) -> bool {
        let Some(Tree { number, told, .. }) = self.trees.root.trees.get(home) else { return true };
        let text = to_json(&(number, told));
        self.note(&format!("tree:{home}"), Some(&text))
    }
}
