//! Remote homes, as an owner knows them, and the events queued for them. Their interests are in
//! `remote_interests.rs`, how far their calls are done in `done_calls.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::deadline_queue::Deadlines;
use super::done_calls::DoneCalls;
use super::home_name::Home;
use super::messages::Gap;
use super::{Cluster, Context};
use crate::bayeux::delivery::{Queue, Subscriptions, Urgency, Weighed};
use crate::bayeux::limits::Budget;
use crate::bayeux::persistence::Note;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, ChannelPattern, EventNumber};

/// How long an owner remembers a home without interests. It must be longer than a home retries a call: then the owner
/// recognises a publish that comes again.
const REMEMBERED: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub struct RemoteHome {
    pub home: Home,
    /// A subscriber there acknowledges: no event may be lost.
    pub strict: bool,
    /// Whether it has a row.
    pub saved: bool,
    pub done: DoneCalls,
    pub state: RelayState,
    /// The home has called since the relay under way left. "No subscribers" in that relay's answer may be outdated.
    pub asked_since: bool,
    pub failures: u32,
    pub failing_since: Option<Millis>,
    /// When its last call failed.
    pub failed_at: Millis,
    /// A group relay to this home failed. Until this time the owner calls it alone.
    pub apart_until: Millis,
    pub patterns: BTreeSet<ChannelPattern>,
    /// Events that it has not confirmed.
    pub queue: Queue,
    /// Events that one session there is not to get.
    pub not_to: BTreeMap<EventNumber, SessionKey>,
    /// Events for one session there alone.
    pub only_to: BTreeMap<EventNumber, SessionKey>,
    /// Events that it may delay, whatever their channel's options are.
    pub lazy: BTreeSet<EventNumber>,
    /// The last event that was ever queued.
    newest: EventNumber,
    /// What it missed and has yet to be told.
    pub gap: Option<Gap>,
}

/// Whether a relay to a home can start.
#[derive(Debug, PartialEq, Eq)]
pub enum RelayState {
    Free,
    UnderWay,
    /// Events up to this number went with the answer to a call. They are sent again after this time, or with newer
    /// events, unless the home confirms them.
    Answered(EventNumber, Millis),
    /// The home was unreachable, and is retried at this time.
    Resting(Millis),
}

#[derive(Debug, Default)]
pub struct RemoteHomes {
    by_key: BTreeMap<SessionKey, RemoteHome>,
    pub by_home: BTreeMap<Home, SessionKey>,
    pub subscriptions: Subscriptions<SessionKey>,
    /// Homes with patterns that span trees.
    pub spanning: BTreeSet<SessionKey>,
    /// Homes with interests or queued events.
    active: BTreeSet<SessionKey>,
    /// Calls that earlier lives did for homes that have not called in this one.
    pub done: BTreeMap<Home, DoneCalls>,
    /// Homes with events to relay.
    pub ready: BTreeSet<SessionKey>,
    /// Homes with processed items that no row records yet.
    pub unnoted: BTreeSet<SessionKey>,
    /// When unreachable homes are retried.
    pub deadlines: Deadlines<SessionKey>,
    /// When homes without interests are forgotten. No wake-up is needed for that.
    idle: Deadlines<SessionKey>,
    last_key: u64,
    /// The budget that queued events are charged to.
    budget: Budget,
}

impl RemoteHome {
    fn new(home: Home, done: DoneCalls, budget: &Budget) -> Self {
        let mut queue = Queue::default();
        queue.charge_to(budget);
        Self {
            home,
            strict: false,
            saved: false,
            done,
            state: RelayState::Free,
            asked_since: false,
            failures: 0,
            failing_since: None,
            failed_at: Millis::default(),
            apart_until: Millis::default(),
            patterns: BTreeSet::new(),
            queue,
            not_to: BTreeMap::new(),
            only_to: BTreeMap::new(),
            lazy: BTreeSet::new(),
            newest: EventNumber::default(),
            gap: None,
        }
    }

    /// Whether an event leaves at once.
    pub fn is_free(&self, now: Millis) -> bool {
        match self.state {
            RelayState::Free => true,
            RelayState::UnderWay | RelayState::Answered(..) => false,
            RelayState::Resting(until) => until <= now,
        }
    }

    /// Events were dropped: the next relay tells the home how many.
    fn note_gap(&mut self, dropped: usize) {
        let first = self.queue.iter().next().map(|(number, _)| number.0.saturating_sub(1));
        let before = self.gap.map_or(0, |gap| gap.events);
        let upto = first.map_or(self.newest, EventNumber);
        self.gap = Some(Gap { upto, events: before + dropped });
    }

    /// The home has received everything up to this event. Returns whether an event with a row was released.
    fn has_heard(&mut self, heard: EventNumber) -> bool {
        let saved = self.queue.saved();
        self.queue.forget_up_to(heard);
        let after = EventNumber(heard.0.saturating_add(1));
        (self.not_to, self.lazy) = (self.not_to.split_off(&after), self.lazy.split_off(&after));
        self.only_to = self.only_to.split_off(&after);
        self.gap.take_if(|gap| gap.upto <= heard);
        if matches!(self.state, RelayState::Answered(upto, _) if upto <= heard) {
            self.state = RelayState::Free;
        }
        self.queue.saved() < saved
    }
}

impl RemoteHomes {
    pub fn within(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    pub fn get(&self, key: SessionKey) -> Option<&RemoteHome> {
        self.by_key.get(&key)
    }

    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut RemoteHome> {
        self.by_key.get_mut(&key)
    }

    /// Whether all homes are known only for what they have published.
    pub fn are_silent(&self) -> bool {
        self.active.is_empty()
    }

    pub fn due(&self) -> Option<Millis> {
        self.deadlines.next()
    }

    /// The patterns of homes, each once.
    pub fn patterns(&self) -> impl Iterator<Item = &ChannelPattern> {
        self.subscriptions.after(None).map(|(pattern, _)| pattern)
    }

    /// The homes with subscribers of the channel.
    pub fn listening(&self, channel: &ChannelId) -> impl Iterator<Item = (SessionKey, &RemoteHome)> {
        self.subscriptions.matching(channel).filter_map(|key| Some((key, self.by_key.get(&key)?)))
    }

    /// The number of a home, and whether it is new.
    pub fn known(&mut self, now: Millis, home: &Home) -> (SessionKey, bool) {
        if let Some(key) = self.by_home.get(home) {
            return (*key, false);
        }
        self.last_key += 1;
        let key = SessionKey(self.last_key);
        let done = self.done.remove(home).unwrap_or_default();
        self.by_home.insert(home.clone(), key);
        self.by_key.insert(key, RemoteHome::new(home.clone(), done, &self.budget));
        self.review(now, key);
        (key, true)
    }

    /// Updates the indexes by a home's interests and queue.
    pub fn review(&mut self, now: Millis, key: SessionKey) {
        let Some(remote) = self.by_key.get(&key) else { return };
        let active = !remote.patterns.is_empty() || !remote.queue.is_empty();
        if active {
            self.active.insert(key);
        } else {
            self.active.remove(&key);
        }
        self.idle.set(&key, (!active).then(|| now + REMEMBERED));
    }

    pub fn rest(&mut self, key: SessionKey, until: Millis) {
        self.deadlines.set(&key, Some(until));
    }

    /// The calls of this home are done further than is saved.
    pub fn has_done(&mut self, key: SessionKey) {
        self.unnoted.insert(key);
    }

    /// Records that an event has a row. Returns whether it is still queued for this home.
    pub fn mark_saved(&mut self, key: SessionKey, number: EventNumber) -> bool {
        self.by_key.get_mut(&key).is_some_and(|remote| remote.queue.mark_saved(number))
    }

    /// Queued bytes of each home.
    pub fn weights(&self) -> impl Iterator<Item = (SessionKey, usize)> {
        let weight = |(key, remote): (&SessionKey, &RemoteHome)| (*key, remote.queue.weight());
        self.by_key.iter().map(weight).filter(|(_, weight)| *weight > 0)
    }

    /// Drops the oldest events queued for a home until they fit. Returns how many, if there is such a home.
    pub fn lighten(&mut self, key: SessionKey, weight: usize) -> Option<usize> {
        let remote = self.by_key.get_mut(&key)?;
        let dropped = remote.queue.lighten(weight);
        if dropped > 0 {
            remote.note_gap(dropped);
        }
        Some(dropped)
    }

    /// New homes get higher numbers than this one. Numbers from `MOST_HOMES` up belong to sessions.
    fn never_again(&mut self, SessionKey(key): SessionKey) {
        if key < MOST_HOMES {
            self.last_key = self.last_key.max(key);
        }
    }

    pub fn restored(&mut self, now: Millis, key: SessionKey, home: Home, strict: bool) {
        self.never_again(key);
        let done = self.done.remove(&home).unwrap_or_default();
        self.by_home.insert(home.clone(), key);
        self.by_key.insert(key, RemoteHome { strict, saved: true, ..RemoteHome::new(home, done, &self.budget) });
        self.ready.insert(key);
        self.review(now, key);
    }
}

/// Homes are numbered from 1; sessions by time, in tenths of a millisecond.
const MOST_HOMES: u64 = 1 << 40;

impl Cluster {
    pub(super) fn has_heard(&mut self, cx: &mut Context, key: SessionKey, heard: EventNumber) {
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        cx.released |= remote.has_heard(heard);
        self.remote_homes.review(cx.now, key);
    }

    /// Queues an accepted event for these homes.
    pub(super) fn relay(&mut self, cx: &mut Context, relayed: super::ToRelay) {
        let super::ToRelay { number, event, homes, not_to, only_to, lazy } = relayed;
        let mut lost = 0;
        for super::ListeningHome { key, lasts } in homes {
            let Some(remote) = self.remote_homes.get_mut(key) else { continue };
            let saved = remote.queue.saved();
            let dropped = remote.queue.push(event.clone(), number, Urgency::Now, self.options.relay_bounds);
            cx.released |= remote.queue.saved() < saved;
            if lasts {
                remote.queue.mark_saved(number);
            }
            remote.newest = number;
            if lazy {
                remote.lazy.insert(number);
            }
            if let Some((_, session)) = not_to.filter(|(home, _)| *home == key) {
                remote.not_to.insert(number, session);
            }
            if let Some(session) = only_to {
                remote.only_to.insert(number, session);
            }
            if dropped > 0 {
                remote.note_gap(dropped);
                lost += dropped;
            }
            self.remote_homes.ready.insert(key);
            self.remote_homes.review(cx.now, key);
        }
        if lost > 0 {
            cx.effects.push(super::ClusterEffect::EventsDropped { events: lost });
        }
    }

    pub(super) fn forget_idle_homes(&mut self, cx: &mut Context) {
        while let Some(key) = self.remote_homes.idle.pop(cx.now) {
            let Some(remote) = self.remote_homes.by_key.get(&key) else { continue };
            if self.remote_homes.active.contains(&key) || remote.state == RelayState::UnderWay {
                self.remote_homes.review(cx.now, key);
                continue;
            }
            let Some(remote) = self.remote_homes.by_key.remove(&key) else { continue };
            self.remote_homes.by_home.remove(&remote.home);
            self.remote_homes.ready.remove(&key);
            self.remote_homes.unnoted.remove(&key);
            self.remote_homes.spanning.remove(&key);
            self.remote_homes.deadlines.set(&key, None);
            if remote.done != DoneCalls::default() {
                self.note(cx, &Note::Done(remote.home.to_string()), None);
            }
        }
    }

    /// Restores a queued event with its row. Returns whether there is such a home.
    pub fn restore_event(&mut self, now: Millis, key: SessionKey, number: EventNumber, event: &Weighed) -> bool {
        self.remote_homes.never_again(key);
        let bounds = self.options.relay_bounds;
        let Some(remote) = self.remote_homes.get_mut(key) else { return false };
        remote.newest = number;
        // A dropped event may still have a row: it is dropped again.
        remote.queue.restore(event.clone(), number, 0, bounds);
        self.remote_homes.review(now, key);
        true
    }
}
