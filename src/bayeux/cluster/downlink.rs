//! From an owner to homes: relays each event once to every home with a subscriber, in the owner's order.
//!
//! One call to each home is under way at a time, and carries all events since the last one. Events wait here until the
//! home confirms that it has received them; a home skips events that come again. An unreachable home is retried without
//! end, because its clients were told that they are subscribed.

use std::time::Duration;

use super::messages::{Call, Heard, Relay, Relayed, raw};
use super::relay_groups::{Group, ToHome, groups};
use super::remote_home::RelayState;
use super::{About, Cluster, Context, Home, pause};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::EventNumber;

/// Most events and bytes of one relay.
const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// How long events that went with an answer count as received. A busy home confirms them sooner, with its next call. A
/// quiet home is called after this time. A longer one would save calls, but the owner stays awake meanwhile, which
/// costs more.
const UNHEARD: Duration = Duration::from_millis(500);

/// After this time without an answer, a home is retried only now and then.
const SELDOM_AFTER: Duration = Duration::from_secs(3600);

/// The pause between such retries.
const SELDOM: Duration = Duration::from_secs(3600);

/// The same, where something was published for the home since.
const SELDOM_WITH_NEWS: Duration = Duration::from_secs(30);

/// How long the homes of a group are called one by one after one of them did not answer.
const APART: Duration = Duration::from_secs(60);

impl Cluster {
    /// All events that the home has not received, as far as they fit.
    fn next_relay(&self, key: SessionKey) -> Option<Relay> {
        let remote = self.remote_homes.get(key)?;
        let mut bytes = 0;
        let mut events = Vec::new();
        for (number, event) in remote.queue.iter().take(MAX_EVENTS) {
            bytes += event.as_json().len();
            if bytes > MAX_BYTES && !events.is_empty() {
                break;
            }
            let (not_to, only_to) = (remote.not_to.get(&number).copied(), remote.only_to.get(&number).copied());
            let lazy = remote.lazy.contains(&number);
            events.extend(raw(event).map(|event| Relayed { number, event, not_to, only_to, lazy }));
        }
        let (owner, since, gap) = (self.home.clone(), self.since, remote.gap);
        (!events.is_empty()).then_some(Relay { owner, since, events, gap, also: Vec::new() })
    }

    /// The events for a home that is answered anyway: they go with the answer.
    pub(super) fn relay_with_answer(&mut self, cx: &mut Context, key: SessionKey) -> Option<Relay> {
        let relay = self.next_relay(key)?;
        self.note_since(cx);
        let remote = self.remote_homes.get_mut(key)?;
        if remote.state == RelayState::UnderWay {
            // A relay is under way, maybe with the same events. They are sent again, and the home skips what it has: so
            // a publisher there reads its own event before its reply, whichever arrives first.
            return Some(relay);
        }
        let (upto, until) = (relay.events.last()?.number, cx.now + UNHEARD);
        remote.state = RelayState::Answered(upto, until);
        self.remote_homes.rest(key, until);
        self.remote_homes.ready.remove(&key);
        Some(relay)
    }

    pub(super) fn send_relays(&mut self, cx: &mut Context) {
        while let Some(key) = self.remote_homes.deadlines.pop(cx.now) {
            self.remote_homes.ready.insert(key);
        }
        let mut relays = Vec::new();
        for key in std::mem::take(&mut self.remote_homes.ready) {
            self.try_sooner(cx.now, key);
            if !self.may_relay(cx.now, key) {
                continue;
            }
            let Some(relay) = self.next_relay(key) else { continue };
            let Some(remote) = self.remote_homes.get_mut(key) else { continue };
            (remote.state, remote.asked_since) = (RelayState::UnderWay, false);
            let together = remote.failures == 0 && remote.apart_until <= cx.now;
            relays.push(ToHome { key, home: remote.home.clone(), relay, together });
            self.remote_homes.deadlines.set(&key, None);
        }
        if relays.is_empty() {
            return;
        }
        self.note_since(cx);
        for group in groups(relays, self.options.relay_fanout) {
            self.send_relay(cx, group);
        }
    }

    fn may_relay(&self, now: Millis, key: SessionKey) -> bool {
        let Some(remote) = self.remote_homes.get(key) else { return false };
        match remote.state {
            RelayState::Free => true,
            RelayState::Answered(upto, until) => {
                until <= now || remote.queue.newest().is_some_and(|newest| upto < newest)
            }
            RelayState::Resting(until) => until <= now,
            RelayState::UnderWay => false,
        }
    }

    /// An unreachable home is tried sooner, as new events wait for it.
    fn try_sooner(&mut self, now: Millis, key: SessionKey) {
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        let sooner = remote.failed_at + SELDOM_WITH_NEWS;
        if matches!(remote.state, RelayState::Resting(until) if sooner < until) {
            remote.state = RelayState::Resting(sooner);
            self.remote_homes.deadlines.set(&key, Some(sooner).filter(|sooner| now < *sooner));
        }
    }

    fn send_relay(&mut self, cx: &mut Context, group: Group) {
        let Group { mut homes, mut relay } = group;
        self.relays = self.relays.wrapping_add(1);
        let turn = self.relays % homes.len().max(1);
        homes.rotate_left(turn);
        let Some((_, whom)) = homes.first().cloned() else { return };
        relay.also = homes.iter().skip(1).map(|(_, home)| home.clone()).collect();
        self.call(cx, whom, About::Relay(homes), &Call::Relay(relay));
    }

    pub(super) fn relay_answered(
        &mut self,
        cx: &mut Context,
        homes: &[(SessionKey, Home)],
        answer: Option<Vec<Heard>>,
    ) {
        let (grouped, reached) = (homes.len() > 1, answer.is_some());
        let answer = answer.unwrap_or_default();
        for (at, (key, home)) in homes.iter().enumerate() {
            let heard = answer.iter().find(|heard| heard.home == *home);
            if grouped && heard.is_none() {
                self.tell_apart(cx.now, *key);
            }
            match heard {
                // The home answers but could not deliver even the first event: its storage fails.
                Some(Heard { heard, interested: true, .. }) if self.is_stuck(*key, *heard) => {
                    self.relay_failed(cx.now, *key);
                }
                Some(Heard { heard, interested, .. }) => {
                    if *interested || self.remote_homes.get(*key).is_some_and(|remote| remote.asked_since) {
                        self.has_heard(cx, *key, *heard);
                    } else {
                        self.silence(cx, *key);
                    }
                    self.is_free_again(*key);
                    let Some(remote) = self.remote_homes.get_mut(*key) else { continue };
                    (remote.failures, remote.failing_since) = (0, None);
                }
                // Only the home that was to pass the events on counts as unreachable.
                None if !reached && at > 0 => self.is_free_again(*key),
                None => self.relay_failed(cx.now, *key),
            }
        }
    }

    fn is_stuck(&self, key: SessionKey, heard: EventNumber) -> bool {
        let first = self.remote_homes.get(key).and_then(|remote| remote.queue.iter().next());
        first.is_some_and(|(number, _)| heard < number)
    }

    fn is_free_again(&mut self, key: SessionKey) {
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        remote.state = RelayState::Free;
        self.remote_homes.deadlines.set(&key, None);
        self.remote_homes.ready.insert(key);
    }

    /// Calls this home by itself for some time, outside of groups.
    fn tell_apart(&mut self, now: Millis, key: SessionKey) {
        if let Some(remote) = self.remote_homes.get_mut(key) {
            remote.apart_until = now + APART;
        }
    }

    fn relay_failed(&mut self, now: Millis, key: SessionKey) {
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        remote.failures += 1;
        remote.failed_at = now;
        let since = *remote.failing_since.get_or_insert(now);
        let until = now + if since + SELDOM_AFTER <= now { SELDOM } else { pause(remote.failures) };
        remote.state = RelayState::Resting(until);
        self.remote_homes.rest(key, until);
    }
}
