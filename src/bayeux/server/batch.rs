//! The messages of one request, and the replies so far.
//!
//! A batch holds the messages that have not begun and the replies so far. A message that needs an answer from elsewhere
//! leaves its place empty and comes back: see `suspended_messages.rs`. A held connect takes the endpoint along.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::dedup::Said;
use super::suspended_messages::{BatchNumber, PendingId, SuspendedMessage};
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::{BayeuxContext, Charge};
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::timesync;
use crate::bayeux::wire::{
    ChannelPattern, Element, Endpoint, Event, Message, MessageId, RefusedMessage, Status, Written,
};

pub(in crate::bayeux) struct Batch {
    pub from: Endpoint,
    pub context: BayeuxContext,
    pub number: BatchNumber,
    /// Whether it is a call of the server API, whose sender has no session.
    pub by_api: bool,
    /// Whether the batch is one single message: only then is a connect held.
    pub alone: bool,
    /// Whether its client does not wait for the answer any more.
    pub has_aborted: bool,
    /// Events for the sender of this batch that no session queues.
    pub piggybacked: Vec<Event>,
    /// Whether some reply depends on a row that is not written yet.
    pub(super) is_uncommitted: bool,
    /// Its sender is past a rate: how long it must wait before the next one.
    pub too_soon: Option<Duration>,
    pub(super) status: Status,
    /// The format of its answer, which one of its sessions has negotiated.
    pub(super) format: Format,
    remaining: std::vec::IntoIter<Element>,
    /// How many of them are within `MAX_MESSAGES_PER_BATCH`.
    within_limit: usize,
    sessions: Vec<Spoke>,
    /// What it published under an id: see `dedup.rs`.
    pub(super) said: Vec<Said>,
    /// The replies, in the order of the messages; those of waiting messages are missing.
    replies: Vec<Option<String>>,
    /// The errors of these replies.
    pub(super) refused: Vec<RefusedMessage>,
    /// The session of a message that was refused before its session counted as one that spoke.
    pub(super) refused_early: Option<SessionKey>,
    /// How many replies are missing.
    open: usize,
    /// The places of subscribes, and of connects that name numbers, that wait.
    subscribing: BTreeSet<usize>,
    /// The places of messages to channels that wait for the hooks Worker, and of handshakes that wait for keys.
    asking: BTreeSet<usize>,
    /// The charge for the messages that had not begun when the batch was parked first, and their sessions.
    pub(super) charge: Charge,
    pub(super) lanes: Vec<SessionKey>,
}

/// A session that spoke in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoke {
    pub session: SessionKey,
    pub rides: Rides,
}

/// Which of a session's events ride on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bayeux) enum Rides {
    /// None: it only subscribed and the like, and clients do not expect events there.
    Nothing,
    /// It published: events that need not wait for a connect.
    OnPublish,
    /// It connected: everything that waits.
    OnConnect,
}

/// The outcome of one message.
pub(in crate::bayeux) enum Step {
    Replied(Written),
    /// The message waits for so many outcomes.
    Suspended(PendingId, usize, Box<SuspendedMessage>),
    /// The session's row lacks the new subscriptions: see `subscriptions_commit.rs`.
    Subscribed(Box<Subscribed>),
    /// The connect is held; no reply yet.
    Hold(SessionKey, Hold),
    /// The address holds too many connects already.
    Refused(Written),
}

/// A subscription that has no row yet.
pub(in crate::bayeux) struct Subscribed {
    pub session: SessionKey,
    pub client: Client,
    /// The patterns that were new to the session.
    pub new: Vec<ChannelPattern>,
    /// The reply, and the one where the row cannot be written.
    pub reply: Written,
    pub refusal: Written,
}

/// A connect to be held, but for the endpoint that the batch still has.
pub(in crate::bayeux) struct Hold {
    pub id: MessageId,
    pub until: Millis,
    pub advise: bool,
    pub timesync: Option<timesync::ClockReading>,
}

impl Batch {
    /// All messages beside a handshake are ignored (Bayeux 1.0 section 4.1). Messages past `limit` are refused.
    pub fn new(
        number: BatchNumber,
        from: Endpoint,
        context: BayeuxContext,
        mut messages: Vec<Element>,
        limit: usize,
    ) -> Self {
        if let Some(at) = messages.iter().position(is_handshake) {
            messages = vec![messages.swap_remove(at)];
        }
        Self {
            from,
            number,
            by_api: false,
            too_soon: None,
            charge: Charge::default(),
            alone: messages.len() == 1,
            has_aborted: context.has_aborted,
            context,
            piggybacked: Vec::new(),
            is_uncommitted: false,
            status: Status::Ok,
            format: Format::Json,
            within_limit: limit,
            sessions: Vec::new(),
            said: Vec::new(),
            replies: Vec::with_capacity(messages.len()),
            refused: Vec::new(),
            refused_early: None,
            open: 0,
            subscribing: BTreeSet::new(),
            asking: BTreeSet::new(),
            remaining: messages.into_iter(),
            lanes: Vec::new(),
        }
    }

    /// Messages that came with a key. A handshake among them means nothing.
    pub fn of_api(number: BatchNumber, from: Endpoint, context: BayeuxContext, messages: Vec<Element>) -> Self {
        let nothing = Self::new(number, from, context, Vec::new(), messages.len());
        Self { by_api: true, remaining: messages.into_iter(), ..nothing }
    }

    /// The next message, which may have to wait.
    pub(super) fn peek(&self) -> Option<&Element> {
        self.remaining.as_slice().first()
    }

    /// The messages that have not begun.
    pub(super) fn rest(&self) -> &[Element] {
        self.remaining.as_slice()
    }

    /// Bytes of the messages that have not begun.
    pub(super) fn weight(&self) -> usize {
        self.rest().iter().flatten().map(Message::weight).sum()
    }

    /// Whether the next message must wait for earlier ones. Messages after a subscribe wait until it completes:
    /// otherwise a client would miss what it publishes in the same batch.
    pub(super) fn must_wait(&self, next: &Element) -> bool {
        self.open > 0
            && (!self.subscribing.is_empty() && !is_to(next, "/meta/subscribe")
                || !self.asking.is_empty() && is_meta(next)
                || is_last_word(next))
    }

    /// Takes the next message, and whether it is within the limit; its place is empty.
    pub(super) fn begin(&mut self) -> Option<(usize, Element, bool)> {
        let element = self.remaining.next()?;
        self.replies.push(None);
        self.open += 1;
        let within = self.within_limit > 0;
        self.within_limit = self.within_limit.saturating_sub(1);
        Some((self.replies.len() - 1, element, within))
    }

    /// The reply that was missing, or another one in its place.
    pub(super) fn fill(&mut self, place: usize, Written { json: reply, refused }: Written) {
        self.stop_waiting(place);
        self.refused.extend(refused.map(|refused| *refused));
        if let Some(missing) = self.replies.get_mut(place)
            && missing.replace(reply).is_none()
        {
            self.open -= 1;
        }
    }

    /// The message of this place waits.
    pub(super) fn wait_at(&mut self, place: usize, suspended: &SuspendedMessage) {
        self.stop_waiting(place);
        match suspended {
            SuspendedMessage::Subscribe { .. }
            | SuspendedMessage::Connect { .. }
            | SuspendedMessage::Hook { hook: Hook::Subscribe, .. } => {
                self.subscribing.insert(place);
            }
            SuspendedMessage::Hook { .. } | SuspendedMessage::Keys { .. } => {
                self.asking.insert(place);
            }
            SuspendedMessage::Publish { .. } => (),
        }
    }

    fn stop_waiting(&mut self, place: usize) {
        self.subscribing.remove(&place);
        self.asking.remove(&place);
    }

    /// Whether all messages are done and all replies are there.
    pub(super) fn is_complete(&self) -> bool {
        self.open == 0 && self.remaining.as_slice().is_empty()
    }

    pub(super) fn take_replies(&mut self) -> Vec<String> {
        std::mem::take(&mut self.replies).into_iter().flatten().collect()
    }

    pub(super) fn sessions(&self) -> &[Spoke] {
        &self.sessions
    }

    /// Records that this session spoke. Returns whether it is the first time.
    pub(super) fn heard(&mut self, session: SessionKey) -> bool {
        let new = self.sessions.iter().all(|spoke| spoke.session != session);
        if new {
            self.sessions.push(Spoke { session, rides: Rides::Nothing });
        }
        new
    }

    /// At least so many of this session's events ride on the answer.
    pub fn carries(&mut self, session: SessionKey, rides: Rides) {
        let spoke = self.sessions.iter_mut().find(|spoke| spoke.session == session);
        spoke.into_iter().for_each(|spoke| spoke.rides = spoke.rides.max(rides));
    }

    /// The browser that has a connection less while a connect of this batch is held: over HTTP/1.1 it has six to a
    /// site, each good for one request (RFC 9112, section 9.4).
    pub fn occupied_browser(&self) -> Option<&Rc<str>> {
        let occupies = matches!(self.from, Endpoint::LongPolling(_)) && !self.context.multiplexed;
        self.context.browser.as_ref().filter(|_| occupies)
    }
}

/// Whether somebody shakes hands.
pub fn has_handshake(messages: &[Element]) -> bool {
    messages.iter().any(is_handshake)
}

pub(in crate::bayeux) fn is_handshake(element: &Element) -> bool {
    is_to(element, "/meta/handshake")
}

/// Whether it revokes something earlier: an unsubscribe or a disconnect.
pub(super) fn is_last_word(element: &Element) -> bool {
    is_to(element, "/meta/unsubscribe") || is_to(element, "/meta/disconnect")
}

pub(super) fn is_connect(element: &Element) -> bool {
    is_to(element, "/meta/connect")
}

pub(super) fn is_subscribe(element: &Element) -> bool {
    is_to(element, "/meta/subscribe")
}

fn is_to(element: &Element, channel: &str) -> bool {
    let name = element.as_ref().ok().and_then(Message::channel_name);
    name.is_some_and(|name| name.strip_suffix('/').unwrap_or(&name) == channel)
}

fn is_meta(element: &Element) -> bool {
    let name = element.as_ref().ok().and_then(Message::channel_name);
    name.is_some_and(|name| name.starts_with("/meta/"))
}
