//! Calls between objects: dispatches those of others, and routes the answers to this object's own.

use super::home_name::Home;
use super::messages::{Call, parse, to_json};
use super::presence_calls::{Asker, MembersCall, PresenceEffect};
use super::replay_calls::PageWanted;
use super::{Cluster, ClusterEffect, Context, PendingId};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{ChannelPattern, Endpoint, Status};

/// What a call of this object was about.
#[derive(Debug)]
pub enum About {
    /// Items for this owner, in this life of the uplink.
    Uplink {
        owner: Home,
        life: u64,
    },
    /// Events for these homes.
    Relay(Vec<(SessionKey, Home)>),
    /// Events of another owner that this home passes on: the relay that this belongs to.
    PassedOn(u64),
    Announce,
    Leave,
    /// The number at which a subscription begins, for a suspended subscribe.
    Begin(PendingId, ChannelPattern, ReplayFrom),
    /// A replay page.
    Page(PageWanted),
    /// The members at a home.
    Members(SessionKey, MembersCall),
    /// The members of a channel, for this asker.
    Who(Asker),
    /// The list of wildcards, for a tree.
    Wildcards(Home, u64),
}

impl Cluster {
    /// Takes a call of another object.
    pub(super) fn take_call(&mut self, cx: &mut Context, from: Endpoint, call: &str) {
        match parse(Some(call)) {
            Some(Call::Link(call)) => self.take_link(cx, from, call),
            Some(Call::Relay(relay)) => self.take_relay_call(cx, from, relay),
            Some(Call::Announce { tree, number }) => self.take_announcement(cx, from, &tree, number),
            Some(Call::Leave { tree, number }) => self.take_leave(cx, from, &tree, number),
            Some(Call::Wildcards(spans)) => self.take_wildcards(cx, from, spans),
            Some(Call::Begin { pattern, from: start }) => self.take_begin(cx, from, pattern, start),
            Some(Call::Read(wants)) => self.take_read(cx, from, wants),
            Some(Call::Members(call)) => cx.present(PresenceEffect::Asked { to: from, call }),
            Some(Call::Who { channel }) => self.take_who(cx, from, &channel),
            None => cx.reply(from, Status::Misunderstood, String::new()),
        }
    }

    /// Takes the answer of another object; none where it was unreachable or did not understand the call.
    pub(super) fn take_answer(&mut self, cx: &mut Context, token: u64, answer: Option<&str>) {
        match self.calls.remove(&token) {
            Some(About::Uplink { owner, life }) => self.uplink_answered(cx, &owner, life, parse(answer)),
            Some(About::Relay(homes)) => self.relay_answered(cx, &homes, parse(answer)),
            Some(About::PassedOn(relay)) => self.passed_on(cx, relay, parse(answer)),
            Some(About::Announce) => self.announcement_answered(cx, parse(answer)),
            Some(About::Wildcards(tree, version)) => self.wildcards_answered(cx, &tree, version, parse(answer)),
            Some(About::Leave) => self.leave_answered(cx, parse(answer)),
            Some(About::Begin(pending, pattern, from)) => {
                Self::begin_answered(cx, pending, pattern, from, parse(answer));
            }
            Some(About::Page(wanted)) => Self::page_answered(cx, wanted, parse(answer)),
            Some(About::Members(home, call)) => {
                cx.present(PresenceEffect::Answered { home, call, members: parse(answer) });
            }
            Some(About::Who(asker)) => cx.present(PresenceEffect::Told { asker, whole: parse(answer) }),
            None => (),
        }
    }

    pub(super) fn call(&mut self, cx: &mut Context, whom: Home, about: About, call: &Call) {
        self.call_with(cx, whom, about, to_json(call));
    }

    pub(super) fn call_with(&mut self, cx: &mut Context, whom: Home, about: About, call: String) {
        self.last_token += 1;
        let token = self.last_token;
        self.calls.insert(token, about);
        cx.effects.push(ClusterEffect::Call { token, whom, call });
    }
}

impl Context<'_> {
    pub(super) fn reply(&mut self, to: Endpoint, status: Status, json: String) {
        self.effects.push(ClusterEffect::Reply { to, status, json });
    }

    pub(super) fn answer_with(&mut self, to: Endpoint, answer: &impl serde::Serialize) {
        self.reply(to, Status::Ok, to_json(answer));
    }
}
