//! From an owner to homes: events, each once for every home where somebody listens, in the owner's order.
//!
//! One call is under way to each home, and carries all that has gathered since the last. Events stay in the home's queue until
//! it says that it has heard them; it passes over those that come again.
//!
//! When an event is for more than `RELAY_FANOUT` homes, one home of each region gets it for the others as well, and passes
//! it on: the owner makes a call for each region, not for each home. Each does so in turn, for 31 others at most. Where a home does not
//! answer only itself goes without: whoever was to pass on says within seconds who has heard, and the owner asks all others of the
//! group on their own, for a minute.

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

/// How long a home may be out of reach before it is tried but now and then. It is never forgotten: it was told that it listens.
const SELDOM_AFTER: Duration = Duration::from_secs(3600);

/// How long it is left alone then, where nothing is published that it has asked for, and where something is.
const SELDOM: Duration = Duration::from_secs(3600);
const SELDOM_WITH_NEWS: Duration = Duration::from_secs(30);

/// How many homes are told by one call at most, so that what one of them fails to do concerns few.
const MOST_TOGETHER: usize = 32;

/// How long a home that passes events on waits for the others, before it says who has heard. Well below what its owner waits for it.
/// Whoever is later hears the same from the owner, and passes over it.
const PASSING_ON: Duration = Duration::from_secs(3);

/// How long homes are told on their own after one of them did not answer.
const APART: Duration = Duration::from_secs(60);

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
    until: Millis,
}

impl PassingOn {
    /// The first of them is the oldest.
    pub fn due(&self) -> Option<Millis> {
        self.by_number.first_key_value().map(|(_, passed_on)| passed_on.until)
    }
}

impl BayeuxServer {
    /// Everything that a home has not heard, as far as it fits.
    fn next_relay(&self, key: SessionKey) -> Option<Relay> {
        let session = self.sessions.get(key)?;
        let Peer { not_to, lazy, gap, .. } = &**session.peer.as_ref()?;
        let mut bytes = 0;
        let mut events = Vec::new();
        for (number, event) in session.queue.iter().take(MAX_EVENTS) {
            bytes += event.as_json().len();
            if bytes > MAX_BYTES && !events.is_empty() {
                break;
            }
            let not_to = not_to.get(&number).copied();
            let lazy = lazy.contains(&number);
            events.extend(raw(event).map(|event| Relayed { number, event, not_to, lazy }));
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
                self.try_sooner(key);
                continue;
            }
            let Some(relay) = self.next_relay(key) else { continue };
            let Some(peer) = self.peer_mut(key) else { continue };
            (peer.way, peer.asked_since) = (Way::Taken, false);
            let together = peer.failures == 0 && peer.apart_until <= now;
            relays.push(ToHome { key, home: peer.home.clone(), relay, together });
        }
        if !relays.is_empty() {
            self.note_since();
        }
        for group in groups(relays, self.options.relay_fanout) {
            self.send_relay(group);
        }
    }

    /// Something new waits for a home that is out of reach.
    fn try_sooner(&mut self, key: SessionKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        let sooner = peer.failed_at + SELDOM_WITH_NEWS;
        if matches!(peer.way, Way::Rests(until) if sooner < until) {
            peer.way = Way::Rests(sooner);
            self.trees.peers.resting.insert((sooner, key));
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
        let Group { mut peers, mut relay } = group;
        self.trees.peers.relays = self.trees.peers.relays.wrapping_add(1);
        let turn = self.trees.peers.relays % peers.len().max(1);
        peers.rotate_left(turn);
        let Some((_, whom)) = peers.first().cloned() else { return };
        relay.also = peers.iter().skip(1).map(|(_, home)| home.clone()).collect();
        self.ask(whom, About::Relay(peers), &Call::Relay(relay));
    }

    pub(super) fn relay_answered(&mut self, now: Millis, peers: &[(SessionKey, Home)], answer: Option<Vec<Heard>>) {
        let passed_on = peers.len() > 1;
        let reached = answer.is_some();
        let answer = answer.unwrap_or_default();
        for (at, (key, home)) in peers.iter().enumerate() {
            let heard = answer.iter().find(|heard| heard.home == *home);
            if passed_on && (heard.is_none() || !reached) {
                self.tell_apart(now, *key);
            }
            match heard {
                // Whoever was to pass it on is at fault, nobody else.
                None if !reached && at > 0 => {
                    let Some(peer) = self.peer_mut(*key) else { continue };
                    peer.way = Way::Free;
                    self.trees.peers.ready.insert(*key);
                }
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

    /// For some time this home is told on its own.
    fn tell_apart(&mut self, now: Millis, key: SessionKey) {
        if let Some(peer) = self.peer_mut(key) {
            peer.apart_until = now + APART;
        }
    }

    fn relay_failed(&mut self, now: Millis, key: SessionKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        peer.failures += 1;
        peer.failed_at = now;
        let since = *peer.failing_since.get_or_insert(now);
        let until = now + if since + SELDOM_AFTER <= now { SELDOM } else { pause(peer.failures) };
        peer.way = Way::Rests(until);
        self.trees.peers.resting.insert((until, key));
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
        passing_on.by_number.insert(number, PassedOn { from, heard, left: also.len(), until: now + PASSING_ON });
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

    /// The owner is told who has heard, and asks the others itself.
    pub(super) fn give_up_passing_on(&mut self, now: Millis) {
        while self.trees.passing_on.due().is_some_and(|until| until <= now)
            && let Some((_, PassedOn { from, heard, .. })) = self.trees.passing_on.by_number.pop_first()
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
        for Relayed { number, event, not_to, lazy } in events.iter().filter(|relayed| relayed.number > before) {
            let event = Event::thawed(event.get().to_owned());
            if let Some(channel) = event.channel() {
                if !self.is_heard_here(&channel) {
                    self.withdraw_forgotten(now, &channel);
                } else if self.deliver_here(now, *not_to, &channel, &event, *lazy).is_err() {
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

/// What one home is to hear.
struct ToHome {
    key: SessionKey,
    home: Home,
    relay: Relay,
    /// Whether it may come by way of another home.
    together: bool,
}

/// Homes that are told the same by one call.
struct Group {
    peers: Vec<(SessionKey, Home)>,
    relay: Relay,
}

/// A group for each home, or, for more of them than `most`, groups of homes of a region that are to hear the same.
fn groups(relays: Vec<ToHome>, most: usize) -> Vec<Group> {
    let apart = relays.len() <= most;
    let mut groups = Vec::new();
    let mut by_content: BTreeMap<(Option<Region>, Vec<EventNumber>), Group> = BTreeMap::new();
    for ToHome { key, home, relay, together } in relays {
        // What one session is not to hear, or one home has missed, is said to that home alone.
        let special = || relay.gap.is_some() || relay.events.iter().any(|event| event.not_to.is_some());
        if apart || !together || special() {
            groups.push(Group { peers: vec![(key, home)], relay });
            continue;
        }
        let content = (home.region(), relay.events.iter().map(|event| event.number).collect());
        let group = by_content.entry(content).or_insert(Group { peers: Vec::new(), relay });
        group.peers.push((key, home));
    }
    for Group { peers, relay } in by_content.into_values() {
        let parts = peers.len().div_ceil(MOST_TOGETHER);
        let part = peers.len().div_ceil(parts.max(1)).max(1);
        groups.extend(peers.chunks(part).map(|peers| Group { peers: peers.to_vec(), relay: relay.clone() }));
    }
    groups
}
