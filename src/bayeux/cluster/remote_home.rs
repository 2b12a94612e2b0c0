//! Homes as an owner knows them: each listens like a session, with a queue and a row of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::home::Home;
use super::messages::{Call, Failure, Gap, Item, LinkAnswer, LinkCall, to_json};
use super::spans_trees;
use crate::bayeux::server::{BayeuxServer, Publisher};
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint, Event, EventNumber};

/// What an owner knows of a home, beyond what it knows of any session.
#[derive(Debug)]
pub struct Peer {
    pub home: Home,
    /// Some of those who listen there acknowledge: nothing may be lost on the way.
    pub strict: bool,
    pub done: Done,
    pub(super) way: Way,
    /// It has asked for something since the relay left that is under way: if that one found nobody there, that is no longer so.
    pub(super) asked_since: bool,
    pub(super) failures: u32,
    pub(super) failing_since: Option<Millis>,
    /// When it was last asked, and did not answer.
    pub(super) failed_at: Millis,
    /// Until when no other home passes events on to it, nor it to others: a relay of which it was a part has failed.
    pub(super) apart_until: Millis,
    /// Events that one session there is not to hear.
    pub(super) not_to: BTreeMap<EventNumber, SessionKey>,
    /// Events that may wait for company there, whatever their channel is.
    pub(super) lazy: BTreeSet<EventNumber>,
    /// What it missed and has not been told of.
    pub(super) gap: Option<Gap>,
}

/// What was done of a home's link, should the answer have been lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The home's life, in which its items are numbered.
    life: u64,
    /// The last item.
    last: u64,
    /// The latest items that failed.
    failed: BTreeMap<u64, Failure>,
}

/// What is written down of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPeer {
    pub home: Home,
    #[serde(default)]
    pub strict: bool,
}

/// Whether a relay to a home can start.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    Free,
    /// One is under way.
    Taken,
    /// Events up to this one went with the answer to a link's call. Until this time they are taken as heard unless newer ones come.
    Given(EventNumber, Millis),
    /// The home could not be reached.
    Rests(Millis),
}

#[derive(Debug, Default)]
pub struct Peers {
    by_home: BTreeMap<Home, SessionKey>,
    /// What earlier lives have done for homes that have not called in this one.
    done: BTreeMap<Home, Done>,
    /// Those with events to relay.
    pub ready: BTreeSet<SessionKey>,
    /// Those of whom more was done than is written down.
    unnoted: BTreeSet<SessionKey>,
    /// When those that were left alone are ready again.
    pub(super) resting: BTreeSet<(Millis, SessionKey)>,
    /// How many relays have left, so that each home in turn passes one on.
    pub(super) relays: usize,
}

impl Peers {
    pub fn len(&self) -> usize {
        self.by_home.len()
    }

    pub(super) fn due(&self) -> Option<Millis> {
        self.resting.first().map(|(time, _)| *time)
    }

    pub(super) fn keys(&self) -> Vec<SessionKey> {
        self.by_home.values().copied().collect()
    }

    pub(super) fn restore_done(&mut self, home: &str, text: &str) {
        if let (Some(home), Ok(done)) = (Home::named(home), serde_json::from_str(text)) {
            self.done.insert(home, done);
        }
    }

    /// What an earlier life has done for a home.
    pub fn take_done(&mut self, home: &Home) -> Done {
        self.done.remove(home).unwrap_or_default()
    }

    pub fn restore(&mut self, home: Home, key: SessionKey) {
        self.by_home.insert(home, key);
        self.ready.insert(key);
    }
}

impl Peer {
    pub fn new(home: Home, strict: bool) -> Self {
        Self {
            home,
            strict,
            done: Done::default(),
            way: Way::Free,
            asked_since: false,
            failures: 0,
            failing_since: None,
            failed_at: Millis::default(),
            apart_until: Millis::default(),
            not_to: BTreeMap::new(),
            lazy: BTreeSet::new(),
            gap: None,
        }
    }

    /// Whether an event leaves at once.
    pub fn is_free(&self, now: Millis) -> bool {
        match self.way {
            Way::Free => true,
            Way::Taken | Way::Given(..) => false,
            Way::Rests(until) => until <= now,
        }
    }
}

impl BayeuxServer {
    pub(in crate::bayeux) fn is_peer(&self, key: SessionKey) -> bool {
        self.trees.peers.len() > 0 && self.sessions.get(key).is_some_and(|session| session.peer.is_some())
    }

    /// Those of them that are homes.
    pub(in crate::bayeux) fn peers_of(&self, subscribers: &[SessionKey]) -> Vec<SessionKey> {
        subscribers.iter().copied().filter(|key| self.is_peer(*key)).collect()
    }

    pub(super) fn peer_mut(&mut self, key: SessionKey) -> Option<&mut Peer> {
        self.sessions.get_mut(key)?.peer.as_deref_mut()
    }

    /// The session as which a home listens here, and whether it is new.
    pub(super) fn peer(&mut self, home: &Home) -> (SessionKey, bool) {
        if let Some(key) = self.trees.peers.by_home.get(home) {
            return (*key, false);
        }
        let done = self.trees.peers.take_done(home);
        let peer = Peer { done, ..Peer::new(home.clone(), false) };
        let session = Session::of_peer(self.new_client_id(), peer);
        let key = self.sessions.open(session);
        self.trees.peers.by_home.insert(home.clone(), key);
        (key, true)
    }

    /// What a home sends over its link.
    pub(super) fn take_link(&mut self, now: Millis, from: Endpoint, call: LinkCall) {
        // To listen where nothing is published yet the root need not know of it.
        if !self.is_known() && call.items.iter().any(|(_, item)| matches!(item, Item::Publish { .. })) {
            return self.wait_with_call(now, from, Call::Link(call));
        }
        let LinkCall { home, life, items, heard } = call;
        let (key, is_new) = self.peer(&home);
        let Some(peer) = self.peer_mut(key) else { return };
        if life < peer.done.life {
            let later_life = Some(peer.done.life);
            return self.answer_with(from, &LinkAnswer { later_life, ..LinkAnswer::default() });
        }
        if life > peer.done.life {
            peer.done = Done { life, ..Done::default() };
        }
        let first = items.first().map_or(u64::MAX, |(number, _)| *number);
        peer.done.failed.retain(|number, _| *number >= first);
        // It is within reach.
        peer.failing_since = None;
        self.peer_has_heard(key, heard);
        let mut spans = None;
        for (number, item) in items {
            if self.peer_mut(key).is_none_or(|peer| number <= peer.done.last) {
                // Done, but perhaps not all trees know of it yet.
                spans = spans.max(self.span_of(&item));
            } else {
                let outcome = self.work_on_item(now, key, &home, item, &mut spans);
                let Some(peer) = self.peer_mut(key) else { continue };
                peer.done.last = number;
                peer.done.failed.extend(outcome.err().map(|failure| (number, failure)));
            }
        }
        self.trees.peers.unnoted.insert(key);
        match spans {
            Some(version) => self.answer_when_spanned(now, from, key, version, is_new),
            None => self.answer_link(now, from, key, is_new),
        }
    }

    pub(super) fn answer_link(&mut self, now: Millis, from: Endpoint, key: SessionKey, is_new: bool) {
        let failed = self.peer_mut(key).map(|peer| peer.done.failed.clone()).unwrap_or_default();
        let relay = self.relay_with_answer(now, key);
        let answer = LinkAnswer { failed: failed.into_iter().collect(), relay, later_life: None, is_new };
        self.answer_with(from, &answer);
    }

    fn work_on_item(
        &mut self,
        now: Millis,
        key: SessionKey,
        home: &Home,
        item: Item,
        spans: &mut Option<u64>,
    ) -> Result<(), Failure> {
        let spans_all = |pattern: &ChannelPattern| spans_trees(pattern, self.options.tree_depth);
        match item {
            Item::Interest { pattern, strict } if spans_all(&pattern) => {
                *spans = Some(self.add_span(home, &pattern, strict)?);
                Ok(())
            }
            Item::Withdraw { pattern } if spans_all(&pattern) => self.end_span(home, &pattern),
            Item::Interest { pattern, strict } => self.let_listen(key, [pattern], strict),
            Item::Withdraw { pattern } => self.stop_listening(key, &[pattern]),
            Item::Publish { event, not_to, lazy, key: retry } => {
                let event = Event::thawed(event.get().to_owned());
                let channel = event.channel().filter(|channel| self.owner_of(channel) == self.home);
                let channel = channel.ok_or(Failure::Invalid)?;
                let publisher = Publisher { session: Some(key).filter(|_| not_to.is_some()), not_to, key: retry };
                let taken = self.deliver_to_all(now, publisher, &channel, &event, lazy);
                taken.map_err(|_: BayeuxError| Failure::Storage)
            }
        }
    }

    /// Too much waited for a home: it is told with what comes next that so many events are missing.
    pub(in crate::bayeux) fn note_gap(&mut self, home: SessionKey, dropped: usize) {
        let Some(session) = self.sessions.get_mut(home) else { return };
        let Some((EventNumber(first), _)) = session.queue.iter().next() else { return };
        let Some(peer) = &mut session.peer else { return };
        let before = peer.gap.map_or(0, |gap| gap.events);
        peer.gap = Some(Gap { upto: EventNumber(first.saturating_sub(1)), events: before + dropped });
    }

    /// The session of another home that is not to hear what it said.
    pub(in crate::bayeux) fn leave_out(&mut self, home: SessionKey, event: EventNumber, session: SessionKey) {
        if let Some(peer) = self.peer_mut(home) {
            peer.not_to.insert(event, session);
        }
    }

    /// An event may wait for company at this home.
    pub(in crate::bayeux) fn mark_lazy(&mut self, home: SessionKey, event: EventNumber) {
        if let Some(peer) = self.peer_mut(home) {
            peer.lazy.insert(event);
        }
    }

    /// A home wants to hear what matches.
    pub(super) fn let_listen(
        &mut self,
        key: SessionKey,
        patterns: impl IntoIterator<Item = ChannelPattern>,
        strict: bool,
    ) -> Result<(), Failure> {
        let Some(session) = self.sessions.get_mut(key) else { return Err(Failure::Invalid) };
        let Some(peer) = &mut session.peer else { return Err(Failure::Invalid) };
        let stricter = strict && !peer.strict;
        peer.strict |= strict;
        peer.asked_since = true;
        let new: Vec<_> = patterns.into_iter().filter(|pattern| !session.subscriptions.contains(pattern)).collect();
        if new.is_empty() && !stricter {
            return Ok(());
        }
        session.subscriptions.extend(new.iter().cloned());
        if let Err(error) = self.save_session(key) {
            self.storage_failed(&error);
            let session = self.sessions.get_mut(key).into_iter();
            session.for_each(|session| session.subscriptions.retain(|pattern| !new.contains(pattern)));
            return Err(Failure::Storage);
        }
        new.into_iter().for_each(|pattern| self.subscriptions.add(pattern, key));
        Ok(())
    }

    pub(super) fn stop_listening(&mut self, key: SessionKey, patterns: &[ChannelPattern]) -> Result<(), Failure> {
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        let before = session.subscriptions.len();
        session.subscriptions.retain(|pattern| !patterns.contains(pattern));
        let (left, changed) = (session.subscriptions.len(), session.subscriptions.len() < before);
        for pattern in patterns {
            self.subscriptions.remove(pattern, key);
        }
        // Without its row a home is known only as long as this object lives: it publishes without listening.
        let saved = match left {
            _ if !changed => Ok(()),
            0 => self.store.forget_session(key),
            _ => self.save_session(key),
        };
        saved.map_err(|error| {
            self.storage_failed(&error);
            Failure::Storage
        })
    }

    /// Writes down what was done for whom, with the events that were written down for those who listen: they are not to be
    /// published a second time after a crash.
    pub(super) fn note_done(&mut self) {
        for key in std::mem::take(&mut self.trees.peers.unnoted) {
            let Some(peer) = self.peer_mut(key) else { continue };
            let (name, text) = (format!("done:{}", peer.home), to_json(&peer.done));
            self.note(&name, Some(&text));
        }
    }

    /// A home wants nothing more. What it has done stays known, should it say so again.
    pub(super) fn silence_peer(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get(key) else { return };
        // What spans trees is the root's to take back: it goes on counting on this tree's word.
        let own = session.subscriptions.iter().filter(|pattern| !spans_trees(pattern, self.options.tree_depth));
        let patterns: Vec<_> = own.cloned().collect();
        self.peer_has_heard(key, EventNumber(u64::MAX));
        // Where the row stays the home says so again.
        let _ = self.stop_listening(key, &patterns);
    }

    pub(super) fn peer_has_heard(&mut self, key: SessionKey, heard: EventNumber) {
        self.sessions.change(key, |session| {
            session.queue.forget_up_to(heard);
            let Some(peer) = &mut session.peer else { return };
            peer.not_to = peer.not_to.split_off(&EventNumber(heard.0.saturating_add(1)));
            peer.lazy = peer.lazy.split_off(&EventNumber(heard.0.saturating_add(1)));
            peer.gap.take_if(|gap| gap.upto <= heard);
            if matches!(peer.way, Way::Given(upto, _) if upto <= heard) {
                peer.way = Way::Free;
            }
        });
    }

    /// Whether homes are known here only for what they have published.
    pub(in crate::bayeux) fn only_publishers(&self) -> bool {
        let silent = |key: &SessionKey| {
            self.sessions.get(*key).is_none_or(|session| session.subscriptions.is_empty() && session.queue.is_empty())
        };
        self.trees.peers.len() == self.sessions.len() && self.trees.peers.by_home.values().all(silent)
    }
}
