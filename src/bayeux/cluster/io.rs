//! What the cluster is told, and what it wants done.

use super::home::Home;
use super::presence::{PresenceEffect, PresenceInput};
use super::replay::{Begun, PageWanted};
use crate::bayeux::delivery::{DedupKey, Read, Want, Weighed};
use crate::bayeux::persistence::StoreError;
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// Whoever waits for a word of another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum ClusterInput {
    /// A session is about to subscribe: a word comes for each of the patterns. `strict`: it acknowledges, so nothing
    /// may be lost.
    Subscribe { patterns: Vec<ChannelPattern>, strict: bool, pending: PendingId },
    /// A client here listens to a pattern, or none does any more.
    Listens { pattern: ChannelPattern, heard: bool },
    /// An event for an owner that is not this object, or that waits until this tree is registered: a word comes.
    Publish { publish: Publish, pending: PendingId },
    /// The answer to [`ClusterEffect::Accept`].
    Accepted { number: u64, outcome: Result<(), BayeuxError> },
    /// The answer to [`ClusterEffect::Deliver`]: the events up to this one are delivered, and to these channels nobody
    /// listens.
    Delivered { number: u64, upto: EventNumber, unheard: Vec<ChannelId> },
    /// The answer to [`ClusterEffect::GoOn`].
    GoOn,
    /// An event was accepted that homes are to hear.
    Relay(ToRelay),
    /// From where a pattern of another owner is heard: a word comes.
    AskToBegin { pattern: ChannelPattern, from: ReplayFrom, pending: PendingId },
    /// A session is to read what the owner of the first of these keeps.
    AskForPage(PageWanted),
    /// Who is there is to be told.
    Presence(PresenceInput),
    /// Another object calls.
    Call { from: Endpoint, call: String },
    /// Another object has answered; none where it could not be reached or did not understand.
    Answer { token: u64, answer: Option<String> },
    /// Time passes: those are told who have waited long enough.
    Due,
    /// An input is worked through: what has gathered leaves.
    Send { has_sessions: bool },
    /// Events were written down: so is how far this object has come with others.
    Written,
}

/// What is to be done.
#[derive(Debug)]
pub enum ClusterEffect {
    /// Call another object, and bring its answer back.
    Call {
        token: u64,
        whom: Home,
        call: String,
    },
    /// Answer another object's call.
    Reply {
        to: Endpoint,
        status: Status,
        json: String,
    },
    /// A word has come for whoever waits.
    Resolve {
        pending: PendingId,
        outcome: Result<(), BayeuxError>,
    },
    /// As its owner, accept an event.
    Accept {
        number: u64,
        channel: ChannelId,
        event: Event,
        publisher: Publisher,
        lazy: bool,
    },
    /// Go on with what waited, when all effects before this one are done.
    GoOn,
    /// Deliver events to the clients here, in order. Whoever was told of success before hears them.
    Deliver {
        number: u64,
        events: Vec<Received>,
    },
    /// Events of this owner are missing here, at most so many.
    Missed {
        owner: Home,
        events: usize,
    },
    /// Answer from where a pattern of this owner is heard: see [`begin_answer`](super::begin_answer).
    Begin {
        to: Endpoint,
        pattern: ChannelPattern,
        from: ReplayFrom,
    },
    /// Answer with what this owner keeps: see [`page_answer`](super::page_answer).
    Read {
        to: Endpoint,
        wants: Vec<Want>,
    },
    /// From there a pattern is heard. The word comes next.
    Begun {
        pending: PendingId,
        pattern: ChannelPattern,
        begun: Begun,
    },
    /// What an owner has read, none where it could not.
    Page {
        wanted: PageWanted,
        page: Option<(Vec<Read>, Vec<Event>)>,
    },
    /// Others have told who is there.
    Presence(PresenceEffect),
    /// Too much waited for homes.
    EventsDropped {
        events: usize,
    },
    StoreFailed(StoreError),
    /// Rows of events may have become useless.
    Released,
}

/// What was published.
#[derive(Debug)]
pub struct Publish {
    pub channel: ChannelId,
    pub event: Event,
    pub publisher: Publisher,
    pub lazy: bool,
}

/// Who published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Publisher {
    /// The session that is not to hear what it says, if there is one.
    pub session: Option<SessionKey>,
    /// The home of that session, where that is another one.
    pub home: Option<SessionKey>,
    /// By which the publish is known should it come again.
    pub key: Option<DedupKey>,
}

/// An event that its owner relayed.
#[derive(Debug)]
pub struct Received {
    pub number: EventNumber,
    pub event: Event,
    pub not_to: Option<SessionKey>,
    /// It is for this session alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// An event that homes are to hear.
#[derive(Debug)]
pub struct ToRelay {
    pub number: EventNumber,
    pub event: Weighed,
    pub homes: Vec<ListeningHome>,
    /// One session of one home is not to hear it.
    pub not_to: Option<(SessionKey, SessionKey)>,
    /// It is for one session of the home alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// A home that is to hear an event.
#[derive(Clone, Copy, Debug)]
pub struct ListeningHome {
    pub key: SessionKey,
    /// Whether the event must be written down before its publisher hears of success.
    pub lasts: bool,
}
