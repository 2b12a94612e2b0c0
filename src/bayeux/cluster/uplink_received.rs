//! The uplink calls of homes, as an owner handles them.
//!
//! The items of a call are processed in order. A publish is accepted outside, which numbers its event; then the call
//! continues.

use super::done_calls::DoneCalls;
use super::home_name::Home;
use super::messages::{Call, Failure, Item, LinkAnswer, LinkCall};
use super::{Accepting, Cluster, ClusterEffect, Context, Publisher};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{Endpoint, Event};

/// A call in progress.
#[derive(Debug)]
pub struct HomeCall {
    from: Endpoint,
    pub key: SessionKey,
    home: Home,
    is_new: bool,
    /// The item in progress.
    number: u64,
    remaining: std::vec::IntoIter<(u64, Item)>,
    /// The wildcard version that all trees must have before the home is answered.
    version: Option<u64>,
}

impl Cluster {
    /// Takes a home's uplink call.
    pub(super) fn take_link(&mut self, cx: &mut Context, from: Endpoint, call: LinkCall) {
        // A call without a publish needs no registration at the root.
        if !self.is_registered() && call.items.iter().any(|(_, item)| matches!(item, Item::Publish { .. })) {
            return self.wait_with_call(cx, from, Call::Link(call));
        }
        let LinkCall { home, life, items, heard } = call;
        let (key, is_new) = self.remote_homes.known(cx.now, &home);
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        if life < remote.done.life {
            let later_life = Some(remote.done.life);
            return cx.answer_with(from, &LinkAnswer { later_life, ..LinkAnswer::default() });
        }
        if life > remote.done.life {
            remote.done = DoneCalls { life, ..DoneCalls::default() };
        }
        let first = items.first().map_or(u64::MAX, |(number, _)| *number);
        remote.done.failed.retain(|number, _| *number >= first);
        // The home is reachable.
        remote.failing_since = None;
        self.has_heard(cx, key, heard);
        let call = HomeCall { from, key, home, is_new, number: 0, remaining: items.into_iter(), version: None };
        self.work_on(cx, call);
    }

    /// Processes items up to the first one that is handled outside.
    pub(super) fn work_on(&mut self, cx: &mut Context, mut call: HomeCall) {
        while let Some((number, item)) = call.remaining.next() {
            if self.remote_homes.get(call.key).is_none_or(|remote| number <= remote.done.last) {
                // The item succeeded, but perhaps not all trees know of it yet.
                call.version = call.version.max(self.version_for(&item));
                continue;
            }
            call.number = number;
            let outcome = match item {
                Item::Interest { pattern, strict } if self.spans(&pattern) => {
                    self.add_wildcard(cx, &call.home, &pattern, strict).map(|version| call.version = Some(version))
                }
                Item::Withdraw { pattern } if self.spans(&pattern) => self.remove_wildcard(cx, &call.home, &pattern),
                Item::Interest { pattern, strict } => self.let_listen(cx, call.key, [pattern], strict),
                Item::Withdraw { pattern } => self.stop_listening(cx, call.key, [&pattern]),
                Item::Presence(item) => {
                    self.take_presence(cx, call.key, item);
                    Ok(())
                }
                Item::Publish { event, not_to, lazy, key } => {
                    let event = Event::thawed(event.get().to_owned());
                    match event.channel().filter(|channel| self.owner_of(channel) == self.home) {
                        Some(channel) => {
                            let home = not_to.is_some().then_some(call.key);
                            let publisher = Publisher { session: not_to, home, key };
                            let number = self.accepting(Accepting::Call(Box::new(call)));
                            return cx.effects.push(ClusterEffect::Accept { number, channel, event, publisher, lazy });
                        }
                        None => Err(Failure::Invalid),
                    }
                }
            };
            self.item_done(&call, outcome);
        }
        self.remote_homes.has_done(call.key);
        let HomeCall { from, key, is_new, version, .. } = call;
        match version {
            Some(version) => self.answer_when_spanned(cx, from, key, version, is_new),
            None => self.answer_link(cx, from, key, is_new),
        }
    }

    pub(super) fn item_done(&mut self, call: &HomeCall, outcome: Result<(), Failure>) {
        let Some(remote) = self.remote_homes.get_mut(call.key) else { return };
        remote.done.last = remote.done.last.max(call.number);
        remote.done.failed.extend(outcome.err().map(|failure| (call.number, failure)));
    }

    pub(super) fn answer_link(&mut self, cx: &mut Context, from: Endpoint, key: SessionKey, is_new: bool) {
        let failed = self.remote_homes.get(key).map(|remote| remote.done.failed.clone()).unwrap_or_default();
        let relay = self.relay_with_answer(cx, key);
        let answer = LinkAnswer { failed: failed.into_iter().collect(), relay, later_life: None, is_new };
        cx.answer_with(from, &answer);
    }
}
