//! From an owner to homes: events, each once for every home where somebody listens, in the owner's order.
//!
//! One call is under way to each home, and carries all that has gathered since the last. Events stay in the home's queue until
//! it says that it has heard them; it passes over those that come again.
//!
//! When an event is for more than `RELAY_FANOUT` homes, one home of each region gets it for the others as well, and passes
//! it on: the owner makes a call for each region, not for each home.

use std::collections::BTreeMap;
use std::time::Duration;

use super::home::{Home, Region};
use super::messages::{Call, Gap, Heard, Relay, Relayed, raw, to_json};
use super::remote_home::{Peer, Way};
use super::uplink::Link;
use super::{About, pause, spans_trees};
use crate::bayeux::server::BayeuxServer;
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{ChannelPattern, Endpoint, Event, EventNumber};

/// The most events of one relay, and their bytes.
const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// How long events that went with an answer are taken as heard. A busy home says so sooner, with its next call; a quiet one is asked,
/// as the owner stays awake for this time, which costs more than the call.
const UNHEARD: Duration = Duration::from_millis(500);

/// How long a home may be out of reach before it is forgotten with all that waits for it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Relays that this home passes on, by a number.
#[derive(Debug, Default)]
pub struct PassingOn {
    last: u64,
    by_number: BTreeMap<u64, PassedOn>,
}

#[derive(Debug)]
struct PassedOn {
    from: Endpoint,
    heard: Vec<Heard>,
    left: usize,
}

impl BayeuxServer {
    /// Everything that a home has not heard, as far as it fits.
    fn next_relay(&self, key: SessionKey) -> Option<Relay> {
        let session = self.sessions.get(key)?;
        let Peer { not_to, gap, .. } = &**session.peer.as_ref()?;
        let mut bytes = 0;
        let mut events = Vec::new();
        for (number, event) in session.queue.iter().take(MAX_EVENTS) {
            bytes += event.as_json().len();
            if bytes > MAX_BYTES && !events.is_empty() {
                break;
            }
            let not_to = not_to.get(&number).copied();
            events.extend(raw(event).map(|event| Relayed { number, event, not_to }));
        }
        let (owner, since) = (self.home.clone(), self.trees.since);
        (!events.is_empty()).then_some(Relay { owner, since, events, gap: *gap, also: Vec::new() })
    }

    /// What a home is to hear, with the answer that it waits for anyway.
    pub(super) fn relay_with_answer(&mut self, now: Millis, key: SessionKey) -> Option<Relay> {
        let relay = self.next_relay(key)?;
        self.note_since();
        if self.peer_mut(key)?.way == Way::Taken {
            // Whichever comes first: the publishers there read their own events before the reply.
            return Some(relay);
        }
        let (upto, until) = (relay.events.last()?.number, now + UNHEARD);
        self.peer_mut(key)?.way = Way::Given(upto, until);
        self.trees.peers.resting.insert((until, key));
        self.trees.peers.ready.remove(&key);
        Some(relay)
    }

    pub(super) fn send_relays(&mut self, now: Millis) {
        while let Some(key) = pop_due(&mut self.trees.peers.resting, now) {
            self.trees.peers.ready.insert(key);
        }
        let mut relays = Vec::new();
        for key in std::mem::take(&mut self.trees.peers.ready) {
            if !self.may_relay(now, key) {
                continue;
            }
            let Some(relay) = self.next_relay(key) else { continue };
            let Some(peer) = self.peer_mut(key) else { continue };
            (peer.way, peer.asked_since) = (Way::Taken, false);
            relays.push((key, peer.home.clone(), relay));
        }
        if !relays.is_empty() {
            self.note_since();
        }
        for group in groups(relays, self.options.relay_fanout) {
            self.send_relay(group);
        }
    }

    fn may_relay(&self, now: Millis, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        match session.peer.as_ref().map(|peer| &peer.way) {
            Some(Way::Free) => true,
            Some(Way::Given(upto, until)) => {
                *until <= now || session.queue.newest().is_some_and(|newest| *upto < newest)
            }
            Some(Way::Rests(until)) => *until <= now,
            Some(Way::Taken) | None => false,
        }
    }

    fn send_relay(&mut self, group: Group) {
        let Group { peers, mut relay } = group;
        let Some((_, whom)) = peers.first().cloned() else { return };
        relay.also = peers.iter().skip(1).map(|(_, home)| home.clone()).collect();
        self.ask(whom, About::Relay(peers), &Call::Relay(relay));
    }

    pub(super) fn relay_answered(&mut self, now: Millis, peers: &[(SessionKey, Home)], answer: Option<Vec<Heard>>) {
        let answer = answer.unwrap_or_default();
        for (key, home) in peers {
            match answer.iter().find(|heard| heard.home == *home) {
                Some(Heard { heard, interested, .. }) => {
                    if *interested || self.peer_mut(*key).is_some_and(|peer| peer.asked_since) {
                        self.peer_has_heard(*key, *heard);
                    } else {
                        self.silence_peer(*key);
                    }
                    let Some(peer) = self.peer_mut(*key) else { continue };
                    (peer.way, peer.failures, peer.failing_since) = (Way::Free, 0, None);
                    self.trees.peers.ready.insert(*key);
                }
                None => self.relay_failed(now, *key),
            }
        }
    }

    fn relay_failed(&mut self, now: Millis, key: SessionKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        peer.failures += 1;
        let until = now + pause(peer.failures);
        peer.way = Way::Rests(until);
        let since = *peer.failing_since.get_or_insert(now);
        self.trees.peers.resting.insert((until, key));
        if since + FORGOTTEN_AFTER <= now {
            self.silence_peer(key);
        }
    }

    /// An owner relays.
    pub(super) fn take_relay_call(&mut self, now: Millis, from: Endpoint, mut relay: Relay) {
        let also = std::mem::take(&mut relay.also);
        let heard = vec![self.take_relay(now, &relay)];
        if also.is_empty() {
            return self.answer_with(from, &heard);
        }
        let passing_on = &mut self.trees.passing_on;
        passing_on.last += 1;
        let number = passing_on.last;
        passing_on.by_number.insert(number, PassedOn { from, heard, left: also.len() });
        let call = Call::Relay(relay);
        for home in also {
            self.ask(home, About::PassedOn(number), &call);
        }
    }

    /// A home that this one passed a relay on to has heard, or could not be reached.
    pub(super) fn passed_on(&mut self, number: u64, answer: Option<Vec<Heard>>) {
        let by_number = &mut self.trees.passing_on.by_number;
        let Some(passed_on) = by_number.get_mut(&number) else { return };
        passed_on.heard.extend(answer.into_iter().flatten());
        passed_on.left -= 1;
        if passed_on.left == 0
            && let Some(PassedOn { from, heard, .. }) = by_number.remove(&number)
        {
            self.answer_with(from, &heard);
        }
    }

    /// Delivers what an owner relays, each event once.
    pub(super) fn take_relay(&mut self, now: Millis, relay: &Relay) -> Heard {
        let Relay { owner, since, events, gap, .. } = relay;
        let link = self.trees.links.to(owner);
        // What an earlier life said comes too late: the later one says it again.
        let (events, gap) = if *since < link.since { (&[][..], None) } else { (&events[..], *gap) };
        link.since = link.since.max(*since);
        let before = link.heard;
        let mut heard = before;
        if let Some(Gap { upto, events }) = gap.filter(|gap| gap.upto > before) {
            self.tell_of_gap(now, owner, events);
            heard = upto;
        }
        for Relayed { number, event, not_to } in events.iter().filter(|relayed| relayed.number > before) {
            let event = Event::thawed(event.get().to_owned());
            if let Some(channel) = event.channel() {
                if !self.is_heard_here(&channel) {
                    self.withdraw_forgotten(now, &channel);
                } else if self.deliver_here(now, *not_to, &channel, &event).is_err() {
                    // It comes again, and those after it.
                    break;
                }
            }
            heard = *number;
        }
        self.trees.links.to(owner).heard = heard;
        if heard != before {
            self.trees.links.unnoted.insert(owner.clone());
        }
        let interested = self.is_interested_in(owner);
        Heard { home: self.home.clone(), heard, interested }
    }

    /// Events of this owner are missing here: everyone who may have been to hear them is told, as when its own queue was full.
    fn tell_of_gap(&mut self, now: Millis, owner: &Home, events: usize) {
        let depth = self.options.tree_depth;
        let concerns =
            |pattern: &ChannelPattern| spans_trees(pattern, depth) || self.owner_of_pattern(pattern) == *owner;
        let listens = |session: &Session| session.peer.is_none() && session.subscriptions.iter().any(concerns);
        let all = self.sessions.after(None).filter(|(_, session)| listens(session));
        for key in all.map(|(key, _)| key).collect::<Vec<_>>() {
            self.missed(now, key, events);
        }
    }

    /// Writes down what was heard of whom, with the events that were written down for the clients here: they are not to come
    /// a second time after a crash.
    pub(super) fn note_heard(&mut self) {
        for owner in std::mem::take(&mut self.trees.links.unnoted) {
            let Link { since, heard, .. } = self.trees.links.to(&owner);
            let text = to_json(&(*since, *heard));
            self.note(&format!("heard:{owner}"), Some(&text));
        }
    }

    fn is_heard_here(&self, channel: &crate::bayeux::wire::ChannelId) -> bool {
        self.subscriptions.matching(channel).any(|key| !self.is_peer(key))
    }
}

/// Homes that are told the same by one call.
struct Group {
    peers: Vec<(SessionKey, Home)>,
    relay: Relay,
}

/// A group for each home, or, for more of them than `most`, one for all homes of a region that are to hear the same.
fn groups(relays: Vec<(SessionKey, Home, Relay)>, most: usize) -> Vec<Group> {
    let apart = relays.len() <= most;
    let mut groups = Vec::new();
    let mut by_content: BTreeMap<(Option<Region>, Vec<EventNumber>), Group> = BTreeMap::new();
    for (key, home, relay) in relays {
        // What one session is not to hear, or one home has missed, is said to that home alone.
        if apart || relay.gap.is_some() || relay.events.iter().any(|event| event.not_to.is_some()) {
            groups.push(Group { peers: vec![(key, home)], relay });
            continue;
        }
        let content = (home.region(), relay.events.iter().map(|event| event.number).collect());
        let group = by_content.entry(content).or_insert(Group { peers: Vec::new(), relay });
        group.peers.push((key, home));
    }
    groups.extend(by_content.into_values());
    groups
}
