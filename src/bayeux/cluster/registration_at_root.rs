//! A tree's registration with the root. Before anything is published in a tree, the root must list it, and give it the
//! wildcards: patterns that span trees.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::messages::{Acknowledged, Call, Failure, WildcardList, to_json};
use super::{ANSWER_TIMEOUT, About, Accepting, Cluster, ClusterEffect, Context, Home, PendingId, Publish, pause};
use crate::bayeux::persistence::Note;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint, Status};

/// Idle time before a tree deregisters. Not above the 10 s after which an object may hibernate: hibernation forgets
/// when idleness began, so a longer time would wake the object again and again.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Registration {
    state: State,
    /// The version of the wildcard list.
    version: u64,
    /// Each registration and deregistration has a higher number than the last.
    number: u64,
    failures: u32,
    rests_until: Option<Millis>,
    /// What waits for the registration.
    waiting: VecDeque<(Millis, WaitsForRegistration)>,
    /// Since when the tree is idle.
    idle_since: Option<Millis>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    /// Registering: the root's answer is awaited.
    Announcing,
    /// Registered.
    Registered,
    /// Idle: the root has yet to be told.
    Leaving,
    /// Deregistering: the root's answer is awaited.
    TakingLeave,
}

#[derive(Debug)]
enum WaitsForRegistration {
    Call(Endpoint, Call),
    Publish(Publish, PendingId),
}

impl Registration {
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.state == State::Unknown
    }

    pub fn due(&self) -> Option<Millis> {
        let timeout = self.waiting.front().map(|(since, _)| *since + ANSWER_TIMEOUT);
        let rest = self.rests_until.filter(|_| !self.waiting.is_empty() || self.state == State::Leaving);
        let idle = self.idle_since.map(|since| since + IDLE);
        [timeout, rest, idle].into_iter().flatten().min()
    }

    pub fn restore(&mut self, text: &str) {
        if let Ok((known, version, number)) = serde_json::from_str::<(bool, u64, u64)>(text) {
            self.state = if known { State::Registered } else { State::Leaving };
            (self.version, self.number) = (version, number);
        }
    }

    fn failed(&mut self, now: Millis, state: State) {
        self.state = state;
        self.failures += 1;
        self.rests_until = Some(now + pause(self.failures));
    }

    /// Whether there is room for one more.
    fn has_room(&self, most: usize) -> bool {
        self.waiting.len() < most
    }

    fn next_number(&mut self, now: Millis) -> u64 {
        self.number = now.0.max(self.number + 1);
        self.number
    }
}

impl Cluster {
    /// Whether events may be published here.
    pub fn is_registered(&self) -> bool {
        let needed = matches!(self.home, Home::Tree(_)) && self.options.tree_depth > 0;
        !needed || self.registration.state == State::Registered
    }

    /// Parks an event of this home's own clients until the tree is registered.
    pub(super) fn wait_with_publish(&mut self, cx: &mut Context, publish: Publish, pending: PendingId) {
        if !self.registration.has_room(self.options.relay_bounds.events) {
            return cx.resolve(pending, Err(BayeuxError::OwnerUnreachable));
        }
        self.registration.waiting.push_back((cx.now, WaitsForRegistration::Publish(publish, pending)));
    }

    pub(super) fn wait_with_call(&mut self, cx: &mut Context, from: Endpoint, call: Call) {
        if !self.registration.has_room(self.options.relay_bounds.events) {
            // The home retries after a pause.
            return cx.reply(from, Status::Unavailable, String::new());
        }
        self.registration.waiting.push_back((cx.now, WaitsForRegistration::Call(from, call)));
    }

    /// Registers this tree where something waits for that, and deregisters it when it is idle.
    pub(super) fn register(&mut self, cx: &mut Context, has_sessions: bool) {
        let idle = self.registration.state == State::Registered && !has_sessions && self.remote_homes.are_silent();
        let registration = &mut self.registration;
        registration.rests_until.take_if(|until| *until <= cx.now);
        if registration.rests_until.is_none() && self.send_registration(cx) {
            return;
        }
        match self.registration.idle_since {
            _ if !idle => self.registration.idle_since = None,
            None => self.registration.idle_since = Some(cx.now),
            Some(since) if since + IDLE <= cx.now => {
                let version = std::mem::take(&mut self.registration.version);
                (self.registration.state, self.registration.idle_since) = (State::Leaving, None);
                // If the note is not deleted, the next life believes the tree registered though the root does not list
                // it.
                if self.note_registration(cx) {
                    self.send_registration(cx);
                } else {
                    (self.registration.state, self.registration.version) = (State::Registered, version);
                }
            }
            Some(_) => (),
        }
    }

    /// Whether a call to the root is under way.
    fn send_registration(&mut self, cx: &mut Context) -> bool {
        let registration = &mut self.registration;
        let (about, state) = match registration.state {
            State::Unknown | State::Leaving if !registration.waiting.is_empty() => (About::Announce, State::Announcing),
            State::Leaving => (About::Leave, State::TakingLeave),
            _ => return false,
        };
        registration.state = state;
        let (tree, number) = (self.home.clone(), registration.next_number(cx.now));
        let call = match about {
            About::Announce => Call::Announce { tree, number },
            _ => Call::Leave { tree, number },
        };
        self.call(cx, Home::Root, about, &call);
        true
    }

    pub(super) fn announcement_answered(&mut self, cx: &mut Context, answer: Option<WildcardList>) {
        let applied = answer.is_some_and(|spans| self.apply_wildcards(cx, spans).is_ok());
        self.registration.state = State::Registered;
        if !applied || !self.note_registration(cx) {
            return self.registration.failed(cx.now, State::Unknown);
        }
        self.registration.failures = 0;
        cx.effects.push(ClusterEffect::GoOn);
    }

    /// Starts the next call or publish that waits for the registration. The others wait until it ends: the calls of one
    /// home must not mix.
    pub(super) fn next_goes_on(&mut self, cx: &mut Context) {
        let Some((_, waits)) = self.registration.waiting.pop_front() else { return };
        match waits {
            WaitsForRegistration::Call(from, Call::Link(call)) => self.take_link(cx, from, call),
            WaitsForRegistration::Call(from, _) => cx.reply(from, Status::Misunderstood, String::new()),
            WaitsForRegistration::Publish(Publish { channel, event, publisher, lazy }, pending) => {
                let number = self.accepting(Accepting::Publish(pending));
                cx.effects.push(ClusterEffect::Accept { number, channel, event, publisher, lazy });
            }
        }
        cx.effects.push(ClusterEffect::GoOn);
    }

    pub(super) fn leave_answered(&mut self, cx: &mut Context, answer: Option<Acknowledged>) {
        match answer {
            None => self.registration.failed(cx.now, State::Leaving),
            Some(Acknowledged {}) => {
                self.registration.state = State::Unknown;
                self.note(cx, &Note::Registration, None);
            }
        }
    }

    pub(super) fn registration_is_due(&mut self, cx: &mut Context) {
        let now = cx.now;
        let waiting = &mut self.registration.waiting;
        let late: Vec<_> =
            std::iter::from_fn(|| waiting.pop_front_if(|(since, _)| *since + ANSWER_TIMEOUT <= now)).collect();
        for (_, waits) in late {
            match waits {
                WaitsForRegistration::Call(from, _) => cx.reply(from, Status::Unavailable, String::new()),
                WaitsForRegistration::Publish(_, pending) => cx.resolve(pending, Err(BayeuxError::OwnerUnreachable)),
            }
        }
    }

    /// Takes the wildcard list from the root.
    pub(super) fn take_wildcards(&mut self, cx: &mut Context, from: Endpoint, spans: WildcardList) {
        // An unregistered tree asks for the list when it registers.
        let counts = matches!(self.registration.state, State::Registered | State::Announcing);
        let noted = |cluster: &mut Self, cx: &mut Context| {
            cluster.registration.state == State::Announcing || cluster.note_registration(cx)
        };
        if !counts || (self.apply_wildcards(cx, spans).is_ok() && noted(self, cx)) {
            cx.answer_with(from, &Acknowledged {});
        } else {
            cx.reply(from, Status::Unavailable, String::new());
        }
    }

    /// Replaces the wildcards by those of the list.
    fn apply_wildcards(&mut self, cx: &mut Context, spans: WildcardList) -> Result<(), Failure> {
        let WildcardList { version, spans } = spans;
        if version < self.registration.version {
            return Ok(());
        }
        let mut wanted: BTreeMap<SessionKey, (BTreeSet<ChannelPattern>, bool)> = BTreeMap::new();
        for span in spans {
            // The home's own clients are subscribed already.
            if span.home == self.home {
                continue;
            }
            let (key, _) = self.remote_homes.known(cx.now, &span.home);
            let (patterns, strict) = wanted.entry(key).or_default();
            patterns.insert(span.pattern);
            *strict |= span.strict;
        }
        let before: Vec<_> = self.remote_homes.spanning.iter().copied().collect();
        for key in before {
            let had = self.remote_homes.get(key).into_iter().flat_map(|remote| &remote.patterns);
            let wanted = |pattern: &&ChannelPattern| wanted.get(&key).is_some_and(|(all, _)| all.contains(*pattern));
            let ended: Vec<_> = had.filter(|had| self.spans(had) && !wanted(had)).cloned().collect();
            self.stop_listening(cx, key, &ended)?;
        }
        self.remote_homes.spanning = wanted.keys().copied().collect();
        for (key, (patterns, strict)) in wanted {
            self.let_listen(cx, key, patterns, strict)?;
        }
        self.registration.version = version;
        Ok(())
    }

    fn note_registration(&mut self, cx: &mut Context) -> bool {
        let Registration { state, version, number, .. } = self.registration;
        self.note(cx, &Note::Registration, Some(&to_json(&(state == State::Registered, version, number))))
    }
}
