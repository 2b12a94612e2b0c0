//! A home's questions about an owner's kept events.
//!
//! Each call is complete in itself, and the owner keeps no state for it: a lost call is repeated. The interest is
//! recorded first, so that whatever is published after a page was read is relayed. The history itself is kept outside:
//! here calls only pass.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messages::{Call, raw, to_json};
use super::{About, Cluster, ClusterEffect, Context, PendingId};
use crate::bayeux::delivery::{Read, Start, Want};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint, Event, Status};

/// Most events of an answer.
pub const MOST_EVENTS: usize = 500;

/// Where a subscription begins, and the number that its client can ask for to receive the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub start: Start,
    pub cursor: i64,
    /// Whether there is something to read.
    pub behind: bool,
}

/// Where a subscription begins; none where that is impossible.
#[derive(Debug, Serialize, Deserialize)]
pub struct BeginAnswer {
    begun: Option<Begun>,
}

/// A replay page.
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

/// An owner's answer to a question about kept events: JSON, or the status of the failure.
pub type HistoryAnswer = Result<String, Status>;

/// The answer to [`ClusterEffect::Begin`].
///
/// # Errors
/// The status that makes the home ask again.
pub fn begin_answer(begun: Result<Begun, BayeuxError>) -> HistoryAnswer {
    match begun {
        Ok(begun) => Ok(to_json(&BeginAnswer { begun: Some(begun) })),
        Err(BayeuxError::StorageFailed) => Err(Status::Unavailable),
        Err(_) => Ok(to_json(&BeginAnswer { begun: None })),
    }
}

/// The answer to [`ClusterEffect::Read`].
pub fn page_answer(reads: Vec<Read>, events: &[Event]) -> String {
    to_json(&PageAnswer { reads, events: events.iter().filter_map(raw).collect() })
}

impl Cluster {
    /// Whether another object owns channels of this pattern.
    pub fn is_relayed(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home
    }

    /// Asks a pattern's owner where a subscription begins.
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
            (Some(_), _) => Err(BayeuxError::ReplayIdInvalid(pattern)),
            (None, _) => Err(BayeuxError::OwnerUnreachable),
        };
        cx.resolve(pending, outcome);
    }

    /// Asks the owner of the first of these for a page; the page has all that this owner owns.
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
