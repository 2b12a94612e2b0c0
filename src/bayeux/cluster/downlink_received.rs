//! What owners relay, as a home takes it: delivers each event once to its own clients.

use super::home_name::Home;
use super::messages::{Call, Gap, Heard, Relay, Relayed};
use super::{About, Accepting, Cluster, ClusterEffect, Context, Received};
use crate::bayeux::wire::{ChannelId, Endpoint, Event, EventNumber};

/// A relay in progress.
#[derive(Debug)]
pub struct Receiving {
    owner: Home,
    /// Up to where the home had received before, what it missed included.
    heard: EventNumber,
    /// The relay that this one was passed on from, if its sender waits for the result.
    passed_on: Option<u64>,
}

impl Cluster {
    /// Takes a relay of an owner, or of another home that passes it on.
    pub(super) fn take_relay_call(&mut self, cx: &mut Context, from: Endpoint, mut relay: Relay) {
        let also = std::mem::take(&mut relay.also);
        let number = self.relay_tree.begin(cx.now, from, also.len() + 1);
        if !also.is_empty() {
            let call = Call::Relay(relay.clone());
            for home in also {
                self.call(cx, home, About::PassedOn(number), &call);
            }
        }
        self.take_relay(cx, relay, Some(number));
    }

    /// Delivers the events of a relay that are new.
    pub(super) fn take_relay(&mut self, cx: &mut Context, relay: Relay, passed_on: Option<u64>) {
        let Relay { owner, since, events, gap, .. } = relay;
        let uplink = self.uplinks.to(cx.now, &owner);
        // A relay of an owner's earlier life: the later life sends its events again.
        let is_late = since < uplink.since;
        uplink.since = uplink.since.max(since);
        let before = uplink.heard;
        let mut heard = before;
        if let Some(Gap { upto, events }) = gap.filter(|gap| !is_late && gap.upto > before) {
            cx.effects.push(ClusterEffect::Missed { owner: owner.clone(), events });
            heard = upto;
        }
        let new = events.into_iter().filter(|relayed| !is_late && relayed.number > before);
        let events: Vec<_> = new.map(|relayed| received(&relayed)).collect();
        let receiving = Receiving { owner, heard, passed_on };
        if events.is_empty() {
            return self.received(cx, receiving, heard, Vec::new());
        }
        let number = self.accepting(Accepting::Relay(receiving));
        cx.effects.push(ClusterEffect::Deliver { number, events });
    }

    /// Events up to this one are delivered. These channels have no subscribers here.
    pub(super) fn received(
        &mut self,
        cx: &mut Context,
        receiving: Receiving,
        upto: EventNumber,
        unheard: Vec<ChannelId>,
    ) {
        let Receiving { owner, heard: before, passed_on } = receiving;
        for channel in unheard {
            self.withdraw_forgotten(cx, &channel);
        }
        let uplink = self.uplinks.to(cx.now, &owner);
        let heard = before.max(upto);
        if uplink.heard < heard {
            uplink.heard = heard;
            self.uplinks.has_heard(&owner);
        }
        if let Some(number) = passed_on {
            let heard = self.uplinks.to(cx.now, &owner).heard;
            let heard = Heard { home: self.home.clone(), heard, interested: self.interests.concern(&owner) };
            self.passed_on(cx, number, Some(vec![heard]));
        }
    }
}

fn received(relayed: &Relayed) -> Received {
    let Relayed { number, event, not_to, only_to, lazy } = relayed;
    let event = Event::thawed(event.get().to_owned());
    Received { number: *number, event, not_to: *not_to, only_to: *only_to, lazy: *lazy }
}
