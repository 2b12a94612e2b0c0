//! What a home asks an owner of the events that it keeps.
//!
//! A call stands for itself, and the owner remembers nothing of it: one that is lost is made again. An interest is told first, so that
//! whatever is published after a page was read is relayed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messages::{Call, raw};
use super::{About, spans_trees};
use crate::bayeux::delivery::{Read, Want};

use crate::bayeux::server::{BayeuxServer, Begun, PendingId};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// The most events of one answer.
const MOST_EVENTS: usize = 500;

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

impl BayeuxServer {
    /// Whether a pattern is of no single tree.
    pub(in crate::bayeux) fn spans(&self, pattern: &ChannelPattern) -> bool {
        spans_trees(pattern, self.options.tree_depth)
    }

    /// Whether another object owns what matches.
    pub(in crate::bayeux) fn is_relayed(&self, pattern: &ChannelPattern) -> bool {
        self.owner_of_pattern(pattern) != self.home
    }

    /// Asks a pattern's owner from where it is heard.
    pub(in crate::bayeux) fn ask_to_begin(
        &mut self,
        pending_id: PendingId,
        pattern: &ChannelPattern,
        from: ReplayFrom,
    ) {
        let about = About::Begin(pending_id, pattern.clone(), from);
        self.ask(self.owner_of_pattern(pattern), about, &Call::Begin { pattern: pattern.clone(), from });
    }

    pub(super) fn take_begin(&mut self, from_whom: Endpoint, pattern: &ChannelPattern, from: ReplayFrom) {
        match self.begin_here(pattern, from) {
            _ if self.is_relayed(pattern) => self.reply_to_call(from_whom, Status::Misunderstood, String::new()),
            Ok(begun) => self.answer_with(from_whom, &BeginAnswer { begun: Some(begun) }),
            Err(BayeuxError::StorageFailed) => self.reply_to_call(from_whom, Status::Unavailable, String::new()),
            Err(_) => self.answer_with(from_whom, &BeginAnswer { begun: None }),
        }
    }

    pub(super) fn begin_answered(
        &mut self,
        pending_id: PendingId,
        pattern: ChannelPattern,
        from: ReplayFrom,
        answer: Option<BeginAnswer>,
    ) {
        let outcome = match (answer, from) {
            (Some(BeginAnswer { begun: Some(begun) }), _) => {
                self.pending.begun(pending_id, pattern, begun);
                Ok(())
            }
            (Some(_), ReplayFrom::After(number)) => Err(BayeuxError::ReplayIdNotKept(pattern, number)),
            (Some(_), _) => Err(BayeuxError::ReplayIdNotKept(pattern, EventNumber::default())),
            (None, _) => Err(BayeuxError::OwnerUnreachable),
        };
        self.pending.resolve(pending_id, outcome);
    }

    /// Asks the owner of the first of these for a page of all that are its.
    pub(in crate::bayeux) fn ask_for_page(&mut self, key: SessionKey, request: u64, mut wants: Vec<Want>) {
        let Some(owner) = wants.first().map(|want| self.owner_of_pattern(&want.pattern)) else { return };
        wants.retain(|want| self.owner_of_pattern(&want.pattern) == owner);
        self.ask(owner, About::Page(key, request, wants.clone()), &Call::Read(wants));
    }

    pub(super) fn take_read(&mut self, from: Endpoint, wants: &[Want]) {
        if wants.iter().any(|want| self.is_relayed(&want.pattern)) {
            return self.reply_to_call(from, Status::Misunderstood, String::new());
        }
        match self.read_wants(wants, MOST_EVENTS) {
            Ok((reads, events)) => {
                let events = events.iter().filter_map(raw).collect();
                self.answer_with(from, &PageAnswer { reads, events });
            }
            Err(error) => {
                self.storage_failed(&error);
                self.reply_to_call(from, Status::Unavailable, String::new());
            }
        }
    }

    pub(super) fn page_answered(
        &mut self,
        now: Millis,
        key: SessionKey,
        request: u64,
        wants: &[Want],
        answer: Option<PageAnswer>,
    ) {
        let Some(PageAnswer { reads, events }) = answer else { return self.page_failed(now, key, request) };
        let events = events.into_iter().map(|event| Event::thawed(event.get().to_owned())).collect();
        self.page_was_read(now, key, request, wants, &reads, events);
    }
}
