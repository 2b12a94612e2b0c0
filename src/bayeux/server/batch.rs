//! The messages of one request, and what was said to them so far.
//!
//! A batch holds what is still to do and the replies there are, so that a message which needs an answer from elsewhere can leave
//! its place empty and come back: see `pending.rs`. A held connect takes the endpoint along.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::dedup::Said;
use super::pending::{BatchNumber, PendingId, Suspended};
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::{Charge, Origin};
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::timesync;
use crate::bayeux::wire::{
    ChannelPattern, Element, Endpoint, Event, Message, MessageId, RefusedMessage, Status, Written,
};

/// Bytes that a field takes beside its own.
const BESIDE: usize = 40;

pub(in crate::bayeux) struct Batch {
    pub from: Endpoint,
    pub origin: Origin,
    pub number: BatchNumber,
    /// Whether it came with a key of the server API, from nobody who has a session.
    pub by_api: bool,
    /// Whether the batch is one single message: only then is a connect held.
    pub alone: bool,
    /// Whether its client does not wait for the answer any more.
    pub has_aborted: bool,
    /// Events for whoever sent this batch that no session keeps.
    pub piggybacked: Vec<Event>,
    /// Whether some reply depends on a row that is not written yet.
    pub(super) is_uncommitted: bool,
    /// Its sender has sent too many of them: for how long to wait with the next.
    pub too_soon: Option<Duration>,
    pub(super) status: Status,
    /// How its answer is written: as one of those who spoke wants it.
    pub(super) format: Format,
    remaining: std::vec::IntoIter<Element>,
    /// How many of them are within `MAX_MESSAGES_PER_BATCH`.
    within_limit: usize,
    sessions: Vec<Spoke>,
    /// What it published under an id.
    pub(super) said: Vec<Said>,
    /// In the order of the messages. Those are missing that wait.
    replies: Vec<Option<String>>,
    /// What they refuse.
    pub(super) refused: Vec<RefusedMessage>,
    /// How many are missing.
    open: usize,
    /// The places of subscribes that wait.
    subscribing: BTreeSet<usize>,
    /// The places of messages to channels that wait for the hooks Worker, and of handshakes that wait for keys.
    asking: BTreeSet<usize>,
    /// Of the messages that had not begun when the batch was parked first: their bytes, and the sessions that spoke in them.
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
    /// It only subscribed and the like: clients in use do not expect events there.
    Nothing,
    /// It published: what does not have to wait for a connect.
    OnPublish,
    /// It connected: all that waits.
    OnConnect,
}

/// What became of one message.
pub(in crate::bayeux) enum Step {
    Replied(Written),
    /// So many outcomes are awaited first.
    Suspended(PendingId, usize, Box<Suspended>),
    /// The session listens to more than its row says: see `commit.rs`.
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
    /// Those that the session did not have.
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
    pub timesync: Option<timesync::Question>,
}

impl Batch {
    /// Beside a handshake all other messages of a request are ignored (Bayeux 1.0 section 4.1). `limit`: how many messages are
    /// done; the others are refused.
    pub fn new(number: BatchNumber, from: Endpoint, origin: Origin, mut messages: Vec<Element>, limit: usize) -> Self {
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
            has_aborted: origin.has_aborted,
            origin,
            piggybacked: Vec::new(),
            is_uncommitted: false,
            status: Status::Ok,
            format: Format::Json,
            within_limit: limit,
            sessions: Vec::new(),
            said: Vec::new(),
            replies: Vec::with_capacity(messages.len()),
            refused: Vec::new(),
            open: 0,
            subscribing: BTreeSet::new(),
            asking: BTreeSet::new(),
            remaining: messages.into_iter(),
            lanes: Vec::new(),
        }
    }

    /// Messages that came with a key. A handshake among them means nothing.
    pub fn of_api(number: BatchNumber, from: Endpoint, origin: Origin, messages: Vec<Element>) -> Self {
        let nothing = Self::new(number, from, origin, Vec::new(), messages.len());
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
        let messages = self.rest().iter().flatten();
        messages.flat_map(Message::fields).map(|(name, value)| BESIDE + name.len() + value.get().len()).sum()
    }

    /// Whether this message, the next one, must wait for those before it: what comes behind a subscribe does until the
    /// subscription stands, else a client would miss what it publishes in the same breath.
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
    pub(super) fn wait_at(&mut self, place: usize, suspended: &Suspended) {
        self.stop_waiting(place);
        match suspended {
            Suspended::Subscribe { .. } | Suspended::Hook { hook: Hook::Subscribe, .. } => {
                self.subscribing.insert(place);
            }
            Suspended::Hook { .. } | Suspended::Keys { .. } => {
                self.asking.insert(place);
            }
            Suspended::Publish { .. } => (),
        }
    }

    fn stop_waiting(&mut self, place: usize) {
        self.subscribing.remove(&place);
        self.asking.remove(&place);
    }

    /// Whether all is done and said.
    pub(super) fn is_complete(&self) -> bool {
        self.open == 0 && self.remaining.as_slice().is_empty()
    }

    pub(super) fn take_replies(&mut self) -> Vec<String> {
        std::mem::take(&mut self.replies).into_iter().flatten().collect()
    }

    pub(super) fn sessions(&self) -> &[Spoke] {
        &self.sessions
    }

    /// Takes note that this session spoke. Whether it is the first time.
    pub(super) fn heard(&mut self, session: SessionKey) -> bool {
        let new = self.sessions.iter().all(|spoke| spoke.session != session);
        if new {
            self.sessions.push(Spoke { session, rides: Rides::Nothing });
        }
        new
    }

    /// So much of this session's events rides on the answer, at least.
    pub fn carries(&mut self, session: SessionKey, rides: Rides) {
        let spoke = self.sessions.iter_mut().find(|spoke| spoke.session == session);
        spoke.into_iter().for_each(|spoke| spoke.rides = spoke.rides.max(rides));
    }

    /// The browser that has a connection less while a connect of this batch is held: over HTTP/1.1 it has six to a site, each
    /// good for one request (RFC 9112, section 9.4).
    pub fn occupied_browser(&self) -> Option<&Rc<str>> {
        let occupies = matches!(self.from, Endpoint::LongPolling(_)) && !self.origin.multiplexed;
        self.origin.browser.as_ref().filter(|_| occupies)
    }
}

/// Whether somebody shakes hands.
pub fn has_handshake(messages: &[Element]) -> bool {
    messages.iter().any(is_handshake)
}

pub(in crate::bayeux) fn is_handshake(element: &Element) -> bool {
    is_to(element, "/meta/handshake")
}

/// Whether it takes back what was said before.
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
