//! What a home asks an owner of the events that it keeps.
//!
//! A call stands for itself, and the owner remembers nothing of it: one that is lost is made again. An interest is told
//! first, so that whatever is published after a page was read is relayed. What is kept is known outside: here calls
//! only come and go.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messages::{Call, raw, to_json};
use super::{About, Cluster, ClusterEffect, Context, PendingId};
use crate::bayeux::delivery::{Read, Start, Want};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// The most events of one answer.
pub const MOST_EVENTS: usize = 500;

/// From where a subscription is heard, and what its client is told to ask for to hear the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub start: Start,
    pub cursor: i64,
    /// There is something to read.
    pub behind: bool,
}

/// From where a subscription is heard: none where that is not possible.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeginAnswer {
    begun: Option<Begun>,
}

/// A page of what is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct PageAnswer {
    reads: Vec<Read>,
    events: Vec<Box<RawValue>>,
}

/// What a page was asked for.
#[derive(Debug)]
pub struct PageWanted {
    pub session: SessionKey,
    pub request: u64,
    pub wants: Vec<Want>,
}

/// How an owner answers when asked for what it keeps: JSON, or how it went.
pub type HistoryAnswer = Result<String, Status>;

/// An owner's answer to [`ClusterEffect::Begin`].
///
/// # Errors
/// Where the home is to ask again.
pub fn begin_answer(begun: Result<Begun, BayeuxError>) -> HistoryAnswer {
    match begun {
        Ok(begun) => Ok(to_json(&BeginAnswer { begun: Some(begun) })),
        Err(BayeuxError::StorageFailed) => Err(Status::Unavailable),
        Err(_) => Ok(to_json(&BeginAnswer { begun: None })),
    }
}

/// An owner's answer to [`ClusterEffect::Read`].
pub fn page_answer(reads: Vec<Read>, events: &[Event]) -> String {
    to_json(&PageAnswer { reads, events: events.iter().filter_map(raw).collect() })
}

impl Cluster {
    /// Whether another object owns what matches.
    pub fn is_relayed(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home
    }

    /// Asks a pattern's owner from where it is heard.
    pub(super) fn ask_to_begin(
        &mut self,
        cx: &mut Context,
        pending: PendingId,
        pattern: ChannelPattern,
        from: ReplayFrom,
    ) {
        let (owner, call) = (self.owner_of_pattern(&pattern), Call::Begin { pattern: pattern.clone(), from });
        self.call(cx, owner, About::Begin(pending, pattern, from), &call);
    }

    pub(super) fn take_begin(&self, cx: &mut Context, to: Endpoint, pattern: ChannelPattern, from: ReplayFrom) {
        if self.is_relayed(&pattern) {
            return cx.reply(to, Status::Misunderstood, String::new());
        }
        cx.effects.push(ClusterEffect::Begin { to, pattern, from });
    }

    pub(super) fn begin_answered(
        cx: &mut Context,
        pending: PendingId,
        pattern: ChannelPattern,
        from: ReplayFrom,
        answer: Option<BeginAnswer>,
    ) {
        let outcome = match (answer, from) {
            (Some(BeginAnswer { begun: Some(begun) }), _) => {
                cx.effects.push(ClusterEffect::Begun { pending, pattern, begun });
                Ok(())
            }
            (Some(_), ReplayFrom::After(number)) => Err(BayeuxError::ReplayIdNotKept(pattern, number)),
            (Some(_), _) => Err(BayeuxError::ReplayIdNotKept(pattern, EventNumber::default())),
            (None, _) => Err(BayeuxError::OwnerUnreachable),
        };
        cx.resolve(pending, outcome);
    }

    /// Asks the owner of the first of these for a page of all that are its.
    pub(super) fn ask_for_page(&mut self, cx: &mut Context, wanted: PageWanted) {
        let PageWanted { session, request, mut wants } = wanted;
        let Some(owner) = wants.first().map(|want| self.owner_of_pattern(&want.pattern)) else { return };
        wants.retain(|want| self.owner_of_pattern(&want.pattern) == owner);
        let about = About::Page(PageWanted { session, request, wants: wants.clone() });
        self.call(cx, owner, about, &Call::Read(wants));
    }

    pub(super) fn take_read(&self, cx: &mut Context, to: Endpoint, wants: Vec<Want>) {
        if wants.iter().any(|want| self.is_relayed(&want.pattern)) {
            return cx.reply(to, Status::Misunderstood, String::new());
        }
        cx.effects.push(ClusterEffect::Read { to, wants });
    }

    pub(super) fn page_answered(cx: &mut Context, wanted: PageWanted, answer: Option<PageAnswer>) {
        let page = answer.map(|PageAnswer { reads, events }| {
            (reads, events.into_iter().map(|event| Event::thawed(event.get().to_owned())).collect())
        });
        cx.effects.push(ClusterEffect::Page { wanted, page });
    }
}
