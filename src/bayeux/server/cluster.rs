//! Connects the server to its cluster: passes inputs on and carries out effects.

use std::collections::{BTreeSet, VecDeque};

use super::{BayeuxServer, Past, Publisher};
use crate::bayeux::cluster::{
    ClusterEffect, ClusterInput, ClusterOptions, Home, MOST_EVENTS, PageWanted, PendingId, Publish, Received,
    begin_answer, page_answer,
};
use crate::bayeux::delivery::Want;
use crate::bayeux::io::Output;
use crate::bayeux::metrics::Metrics;
use crate::bayeux::options::{Durability, Options};
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// Bytes that the root's list takes for each tree: an entry, its name, and the room the list grows into. The list may
/// take half of the memory.
const KNOWN_TREE: usize = 300;

impl ClusterOptions {
    pub(super) fn of(options: &Options) -> Self {
        Self {
            tree_depth: options.tree_depth,
            relay_fanout: options.relay_fanout,
            max_spanning_patterns: options.max_spanning_patterns,
            max_known_trees: options.max_memory / 2 / KNOWN_TREE,
            relay_bounds: options.relay_bounds(),
            lasting: options.durability == Durability::Strict,
        }
    }
}

impl BayeuxServer {
    /// Passes an input to the cluster and carries out its effects.
    pub(in crate::bayeux) fn cluster(&mut self, now: Millis, input: ClusterInput) {
        let mut effects = VecDeque::from(self.cluster.handle(now, input, &mut *self.store));
        while let Some(effect) = effects.pop_front() {
            let Some(follows) = self.perform_effect(now, effect) else { continue };
            let next = self.cluster.handle(now, follows, &mut *self.store);
            // The effects of an effect come before the next one.
            next.into_iter().rev().for_each(|effect| effects.push_front(effect));
        }
    }

    /// Carries out an effect. Returns the input that follows from it, if any.
    fn perform_effect(&mut self, now: Millis, effect: ClusterEffect) -> Option<ClusterInput> {
        match effect {
            ClusterEffect::Call { token, whom, call } => {
                Metrics::count(&mut self.metrics.calls, "sent", 1);
                self.outputs.push(Output::Ask { token, whom, call });
            }
            ClusterEffect::Reply { to, status, json } => {
                self.outputs.push(Output::Send { to, status, format: Format::Json, messages: json });
            }
            ClusterEffect::Resolve { pending, outcome } => {
                self.pending.resolve(pending, outcome);
            }
            ClusterEffect::Accept { number, channel, event, publisher, lazy } => {
                let outcome = self.accept(now, publisher, &channel, &event, lazy);
                return Some(ClusterInput::Accepted { number, outcome });
            }
            ClusterEffect::GoOn => return Some(ClusterInput::GoOn),
            ClusterEffect::Deliver { number, events } => {
                // Sessions that were told of success must listen before their events arrive.
                self.resume_ready(now);
                let (upto, unheard) = self.deliver_received(now, events);
                return Some(ClusterInput::Delivered { number, upto, unheard });
            }
            ClusterEffect::Missed { owner, events } => {
                self.resume_ready(now);
                self.tell_of_gap(now, &owner, events);
            }
            ClusterEffect::Begin { to, pattern, from } => {
                let begun = self.begin_here(&pattern, from);
                self.answer_call(to, begin_answer(begun));
            }
            ClusterEffect::Read { to, wants } => {
                let read = self.read_wants(&wants, MOST_EVENTS);
                let answer = read.map(|(reads, events)| page_answer(reads, &events)).map_err(|error| {
                    self.storage_failed(&error);
                    Status::Unavailable
                });
                self.answer_call(to, answer);
            }
            ClusterEffect::Begun { pending, pattern, begun } => {
                self.pending.begun(pending, pattern, begun);
            }
            ClusterEffect::Page { wanted: PageWanted { session, request, wants }, page } => match page {
                Some((reads, events)) => self.page_was_read(now, session, request, &wants, &reads, events),
                None => self.page_failed(now, session, request),
            },
            ClusterEffect::Presence(effect) => self.take_presence(now, effect),
            ClusterEffect::EventsDropped { events } => self.dropped(None, events),
            ClusterEffect::StoreFailed(error) => drop(self.storage_failed(&error)),
            ClusterEffect::Released => self.journal.released(now),
        }
        None
    }

    pub(super) fn answer_call(&mut self, to: Endpoint, answer: Result<String, Status>) {
        let (status, messages) = answer.map_or_else(|status| (status, String::new()), |json| (Status::Ok, json));
        self.outputs.push(Output::Send { to, status, format: Format::Json, messages });
    }

    /// Whether another object owns channels of this pattern.
    pub(in crate::bayeux) fn is_relayed(&self, pattern: &ChannelPattern) -> bool {
        self.cluster.is_relayed(pattern)
    }

    /// Asks a pattern's owner for the number at which a subscription begins.
    pub(in crate::bayeux) fn ask_to_begin(
        &mut self,
        now: Millis,
        pending_id: PendingId,
        pattern: ChannelPattern,
        from: ReplayFrom,
    ) {
        self.cluster(now, ClusterInput::AskToBegin { pattern, from, pending: pending_id });
    }

    /// Asks the owner of the first of these for a page; the page has all that this owner owns.
    pub(in crate::bayeux) fn ask_for_page(&mut self, now: Millis, session: SessionKey, request: u64, wants: Vec<Want>) {
        self.cluster(now, ClusterInput::AskForPage(PageWanted { session, request, wants }));
    }

    /// Delivers relayed events. Returns the number of the last delivered event, and the channels without subscribers
    /// here.
    fn deliver_received(&mut self, now: Millis, events: Vec<Received>) -> (EventNumber, Vec<ChannelId>) {
        let (mut upto, mut unheard) = (EventNumber::default(), Vec::new());
        for Received { number, event, not_to, only_to, lazy } in events {
            if let Some(channel) = event.channel() {
                self.unsettle_watchers(now, &channel);
                if let Some(session) = only_to {
                    if self.deliver_whole(now, session, &channel, &event).is_err() {
                        break;
                    }
                } else if self.subscriptions.matching(&channel).next().is_none() {
                    unheard.push(channel);
                } else if self.deliver_here(now, not_to, &channel, &event, lazy).is_err() {
                    // The owner sends this event and all later ones again.
                    break;
                }
            }
            upto = number;
        }
        (upto, unheard)
    }

    /// Events of this owner were lost on the way: tells every session that may have been subscribed, as when its own
    /// queue overflows.
    fn tell_of_gap(&mut self, now: Millis, owner: &Home, events: usize) {
        let concerns = |pattern: &ChannelPattern| self.cluster.may_come_from(pattern, owner);
        let all = self.sessions.after(None).filter(|(_, session)| session.subscriptions.iter().any(concerns));
        for key in all.map(|(key, _)| key).collect::<Vec<_>>() {
            self.missed(now, key, events);
        }
        self.watch_again(owner);
    }

    /// Asks owners to relay what a session is about to subscribe to. Returns how many answers `pending_id` must wait
    /// for.
    pub(in crate::bayeux) fn ask_owners(
        &mut self,
        now: Millis,
        session: SessionKey,
        patterns: &[ChannelPattern],
        past: &Past,
        pending_id: PendingId,
    ) -> usize {
        let strict = past.has_numbers() || self.sessions.get(session).is_some_and(Session::is_strict);
        if patterns.iter().all(|pattern| self.cluster.has_told(pattern, strict)) {
            return 0;
        }
        // Patterns that are relayed already are included: they must not end while the session waits for the others.
        let patterns: Vec<_> = patterns.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let words = patterns.len();
        self.cluster(now, ClusterInput::Subscribe { patterns, strict, pending: pending_id });
        words
    }

    /// Sends an event to its owner. None where this object is the owner.
    pub(in crate::bayeux) fn ask_to_publish(
        &mut self,
        now: Millis,
        channel: &ChannelId,
        event: &Event,
        publisher: Publisher,
        lazy: bool,
    ) -> Option<PendingId> {
        if self.cluster.accepts(channel) {
            return None;
        }
        let pending_id = self.pending.next_id();
        let publish = Publish { channel: channel.clone(), event: event.clone(), publisher, lazy };
        self.cluster(now, ClusterInput::Publish { publish, pending: pending_id });
        Some(pending_id)
    }

    /// Subscribes a session of this home.
    pub(in crate::bayeux) fn listen(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.add_subscriber(pattern, session);
        self.comes(pattern, session);
        self.cluster(self.now(), ClusterInput::Listens { pattern: pattern.clone(), heard: true });
    }

    /// Unsubscribes a session of this home.
    pub(in crate::bayeux) fn unlisten(&mut self, pattern: &ChannelPattern, session: SessionKey) {
        self.remove_subscriber(pattern, session);
        self.goes(pattern, session);
        self.review_interest(pattern);
    }

    /// Tells the cluster whether a pattern still has subscribers here.
    pub(in crate::bayeux) fn review_interest(&mut self, pattern: &ChannelPattern) {
        let heard = self.subscriptions.has(pattern.as_str());
        self.cluster(self.now(), ClusterInput::Listens { pattern: pattern.clone(), heard });
    }
}
