//! The inputs and effects of the cluster, as values.

use super::home_name::Home;
use super::presence_calls::{PresenceEffect, PresenceInput};
use super::replay_calls::{Begun, PageWanted};
use crate::bayeux::delivery::{DedupKey, Read, Want, Weighed};
use crate::bayeux::persistence::StoreError;
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// Something suspended that waits for answers of other objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum ClusterInput {
    /// A session is about to subscribe: `pending` is resolved once for each pattern. `strict`: it acknowledges, so no
    /// event may be lost.
    Subscribe { patterns: Vec<ChannelPattern>, strict: bool, pending: PendingId },
    /// A pattern has its first subscriber here, or lost its last.
    Listens { pattern: ChannelPattern, heard: bool },
    /// An event for another owner, or for this tree before it is registered. `pending` is resolved.
    Publish { publish: Publish, pending: PendingId },
    /// The answer to [`ClusterEffect::Accept`].
    Accepted { number: u64, outcome: Result<(), BayeuxError> },
    /// The answer to [`ClusterEffect::Deliver`]: events up to this one are delivered, and these channels have no
    /// subscribers.
    Delivered { number: u64, upto: EventNumber, unheard: Vec<ChannelId> },
    /// The answer to [`ClusterEffect::GoOn`].
    GoOn,
    /// An event was accepted that other homes are to receive.
    Relay(ToRelay),
    /// Asks a pattern's owner where a subscription begins. `pending` is resolved.
    AskToBegin { pattern: ChannelPattern, from: ReplayFrom, pending: PendingId },
    /// Asks the owner of the first of these for a replay page.
    AskForPage(PageWanted),
    /// Presence of this home, or a question about it.
    Presence(PresenceInput),
    /// A call of another object.
    Call { from: Endpoint, call: String },
    /// The answer of another object; none where it was unreachable or did not understand the call.
    Answer { token: u64, answer: Option<String> },
    /// Time has passed: timeouts end, and retries are due.
    Due,
    /// An input was processed: the calls that it filled leave.
    Send { has_sessions: bool },
    /// Events were saved: so is how far this object has come with others.
    Written,
}

/// What is to be done.
#[derive(Debug)]
pub enum ClusterEffect {
    /// Call another object, and return its answer.
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
    /// Resolve one outcome of something suspended.
    Resolve {
        pending: PendingId,
        outcome: Result<(), BayeuxError>,
    },
    /// As the owner, accept an event.
    Accept {
        number: u64,
        channel: ChannelId,
        event: Event,
        publisher: Publisher,
        lazy: bool,
    },
    /// Return to the cluster when all effects before this one are done.
    GoOn,
    /// Deliver events to the clients here, in order. Sessions told of success before this are subscribed.
    Deliver {
        number: u64,
        events: Vec<Received>,
    },
    /// At most this many events of this owner were lost.
    Missed {
        owner: Home,
        events: usize,
    },
    /// As the owner, answer where a subscription begins: see [`begin_answer`](super::begin_answer).
    Begin {
        to: Endpoint,
        pattern: ChannelPattern,
        from: ReplayFrom,
    },
    /// As the owner, answer with a replay page: see [`page_answer`](super::page_answer).
    Read {
        to: Endpoint,
        wants: Vec<Want>,
    },
    /// Where a subscription begins. Its outcome comes next.
    Begun {
        pending: PendingId,
        pattern: ChannelPattern,
        begun: Begun,
    },
    /// The page that an owner has read; none where it failed.
    Page {
        wanted: PageWanted,
        page: Option<(Vec<Read>, Vec<Event>)>,
    },
    /// Presence of other objects.
    Presence(PresenceEffect),
    /// Events for homes were dropped: too many waited.
    EventsDropped {
        events: usize,
    },
    StoreFailed(StoreError),
    /// Rows of events may be useless now.
    Released,
}

/// A publish.
#[derive(Debug)]
pub struct Publish {
    pub channel: ChannelId,
    pub event: Event,
    pub publisher: Publisher,
    pub lazy: bool,
}

/// The publisher.
#[derive(Clone, Copy, Debug, Default)]
pub struct Publisher {
    /// The session that is not sent its own event, if any.
    pub session: Option<SessionKey>,
    /// The home of that session, where it is another one.
    pub home: Option<SessionKey>,
    /// The dedup key, which a retry has too.
    pub key: Option<DedupKey>,
}

/// An event that its owner relayed.
#[derive(Debug)]
pub struct Received {
    pub number: EventNumber,
    pub event: Event,
    pub not_to: Option<SessionKey>,
    /// For this session alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// An event for homes.
#[derive(Debug)]
pub struct ToRelay {
    pub number: EventNumber,
    pub event: Weighed,
    pub homes: Vec<ListeningHome>,
    /// Of one home, this session is left out.
    pub not_to: Option<(SessionKey, SessionKey)>,
    /// At a home, for this session alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// A home with a subscriber.
#[derive(Clone, Copy, Debug)]
pub struct ListeningHome {
    pub key: SessionKey,
    /// Whether the event must be saved before its publisher is told of success.
    pub lasts: bool,
}
