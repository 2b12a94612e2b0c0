//! An owner's standing with the root: before anything is published in a tree the root must know of it, and tell it who
//! listens to all trees.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::home::Home;
use super::messages::{Call, Done, Failure, Spans};
use super::{About, PATIENCE, pause, spans_trees};
use crate::bayeux::server::{BayeuxServer, PendingId, Publisher};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Endpoint, Event, Status};

/// How long a tree stays known that nobody uses. An object may sleep after 10 s, and forgets since when that was: longer, and it would
/// wake again and again in vain.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Standing {
    /// The root has been told of this tree, and has answered.
    known: bool,
    /// The version of the list of those who listen to all.
    version: u64,
    /// Each announcement and each leave has a higher number than the last.
    number: u64,
    asked: bool,
    /// The root has not heard yet that nobody uses this tree any more.
    leaving: bool,
    failures: u32,
    rests_until: Option<Millis>,
    /// What waits until the root knows.
    waiting: VecDeque<(Millis, Waits)>,
    /// Since when nobody uses this tree.
    idle_since: Option<Millis>,
}

#[derive(Debug)]
enum Waits {
    Call(Endpoint, Call),
    Publish { publisher: Publisher, channel: ChannelId, event: Event, lazy: bool, pending_id: PendingId },
}

impl Standing {
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.asked && !self.leaving && !self.known
    }

    pub fn due(&self) -> Option<Millis> {
        let patience = self.waiting.front().map(|(since, _)| *since + PATIENCE);
        let rest = self.rests_until.filter(|_| !self.waiting.is_empty() || self.leaving);
        let idle = self.idle_since.map(|since| since + IDLE);
        [patience, rest, idle].into_iter().flatten().min()
    }

    pub fn restore(&mut self, text: &str) {
        if let Ok((known, version, number)) = serde_json::from_str::<(bool, u64, u64)>(text) {
            (self.known, self.leaving, self.version, self.number) = (known, !known, version, number);
        }
    }

    /// The root could not be reached, or its answer not be written down.
    fn failed(&mut self, now: Millis) {
        self.known = false;
        self.failures += 1;
        self.rests_until = Some(now + pause(self.failures));
    }

    /// Whether one more may wait: one of each home, and as many publishes as may wait for a home.
    fn has_room(&self, most: usize) -> bool {
        self.waiting.len() < most
    }

    fn next_number(&mut self, now: Millis) -> u64 {
        self.number = now.0.max(self.number + 1);
        self.number
    }
}

impl BayeuxServer {
    /// Whether events may be published here.
    pub(super) fn is_known(&self) -> bool {
        self.trees.standing.known || !matches!(self.home, Home::Tree(_)) || self.options.tree_depth == 0
    }

    /// Lets an event of this home's own wait, where the root does not know of this tree yet.
    pub(super) fn wait_to_be_known(
        &mut self,
        now: Millis,
        channel: &ChannelId,
        event: &Event,
        publisher: Publisher,
        lazy: bool,
    ) -> Result<Option<PendingId>, BayeuxError> {
        if self.is_known() {
            return Ok(None);
        }
        if !self.trees.standing.has_room(self.options.max_relays) {
            return Err(BayeuxError::OwnerUnreachable);
        }
        let pending_id = self.pending.next_id();
        let publish = Waits::Publish { publisher, channel: channel.clone(), event: event.clone(), lazy, pending_id };
        self.trees.standing.waiting.push_back((now, publish));
        Ok(Some(pending_id))
    }

    pub(super) fn wait_with_call(&mut self, now: Millis, from: Endpoint, call: Call) {
        if !self.trees.standing.has_room(self.options.max_relays) {
            // The home asks again after a pause.
            return self.reply_to_call(from, Status::Unavailable, String::new());
        }
        self.trees.standing.waiting.push_back((now, Waits::Call(from, call)));
    }

    /// Announces this tree where something waits for that, and takes its leave when it is no longer used.
    pub(super) fn stand(&mut self, now: Millis) {
        let idle = self.trees.standing.known && self.only_publishers();
        let standing = &mut self.trees.standing;
        let wanted = !standing.waiting.is_empty() || standing.leaving;
        if wanted && !standing.asked && standing.rests_until.is_none_or(|until| until <= now) {
            (standing.asked, standing.rests_until) = (true, None);
            let (tree, number) = (self.home.clone(), standing.next_number(now));
            return if standing.waiting.is_empty() {
                self.ask(Home::Root, About::Leave, &Call::Leave { tree, number });
            } else {
                standing.leaving = false;
                self.ask(Home::Root, About::Announce, &Call::Announce { tree, number });
            };
        }
        match standing.idle_since {
            _ if !idle => standing.idle_since = None,
            None => standing.idle_since = Some(now),
            Some(since) if since + IDLE <= now => {
                (standing.known, standing.leaving, standing.version) = (false, true, 0);
                standing.idle_since = None;
                // Where that cannot be written down, the next life counts itself among the trees though the root does not.
                if self.note_standing() {
                    self.stand(now);
                } else {
                    (self.trees.standing.known, self.trees.standing.leaving) = (true, false);
                }
            }
            Some(_) => (),
        }
    }

    pub(super) fn announcement_answered(&mut self, now: Millis, answer: Option<Spans>) {
        self.trees.standing.asked = false;
        let applied = answer.is_some_and(|spans| self.apply_spans(spans).is_ok());
        self.trees.standing.known = applied;
        if !applied || !self.note_standing() {
            return self.trees.standing.failed(now);
        }
        let standing = &mut self.trees.standing;
        standing.failures = 0;
        for (_, waits) in std::mem::take(&mut standing.waiting) {
            match waits {
                Waits::Call(from, Call::Link(call)) => self.take_link(now, from, call),
                Waits::Call(from, _) => self.reply_to_call(from, Status::Misunderstood, String::new()),
                Waits::Publish { publisher, channel, event, lazy, pending_id } => {
                    let outcome = self.deliver_to_all(now, publisher, &channel, &event, lazy);
                    self.pending.resolve(pending_id, outcome);
                }
            }
        }
        self.resume_ready(now);
    }

    pub(super) fn leave_answered(&mut self, now: Millis, answer: Option<Done>) {
        self.trees.standing.asked = false;
        match answer {
            None => self.trees.standing.failed(now),
            Some(Done {}) => {
                self.trees.standing.leaving = false;
                self.note("standing", None);
            }
        }
    }

    pub(super) fn give_up_standing(&mut self, now: Millis) {
        while let Some((_, waits)) = self.trees.standing.waiting.pop_front_if(|(since, _)| *since + PATIENCE <= now) {
            match waits {
                Waits::Call(from, _) => self.reply_to_call(from, Status::Unavailable, String::new()),
                Waits::Publish { pending_id, .. } => {
                    self.pending.resolve(pending_id, Err(BayeuxError::OwnerUnreachable))
                }
            }
        }
    }

    /// The root says who listens to all trees.
    pub(super) fn take_spans(&mut self, from: Endpoint, spans: Spans) {
        // Whoever does not count itself among the trees asks when it does.
        let counts = self.trees.standing.known || self.trees.standing.asked;
        if !counts || (self.apply_spans(spans).is_ok() && (self.trees.standing.asked || self.note_standing())) {
            self.answer_with(from, &Done {});
        } else {
            self.reply_to_call(from, Status::Unavailable, String::new());
        }
    }

    /// Lets exactly those listen to all who are on the list.
    fn apply_spans(&mut self, spans: Spans) -> Result<(), Failure> {
        let Spans { version, spans } = spans;
        if version < self.trees.standing.version {
            return Ok(());
        }
        let mut wanted: BTreeMap<SessionKey, (BTreeSet<ChannelPattern>, bool)> = BTreeMap::new();
        for span in spans {
            // Its own clients listen to it as it is.
            if span.home == self.home {
                continue;
            }
            let (key, _) = self.peer(&span.home);
            let (patterns, strict) = wanted.entry(key).or_default();
            patterns.insert(span.pattern);
            *strict |= span.strict;
        }
        for key in self.trees.peers.keys() {
            let (patterns, strict) = wanted.remove(&key).unwrap_or_default();
            let Some(session) = self.sessions.get(key) else { continue };
            let spanning = session.subscriptions.iter().filter(|had| spans_trees(had, self.options.tree_depth));
            let ended: Vec<_> = spanning.filter(|had| !patterns.contains(*had)).cloned().collect();
            self.let_listen(key, patterns, strict)?;
            if !ended.is_empty() {
                self.stop_listening(key, &ended)?;
            }
        }
        self.trees.standing.version = version;
        Ok(())
    }

    fn note_standing(&mut self) -> bool {
        let Standing { known, version, number, .. } = self.trees.standing;
        self.note("standing", Some(&super::to_json(&(known, version, number))))
    }
}
