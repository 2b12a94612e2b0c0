//! The messages of one request, worked through in order.
//!
//! A batch is a small state machine: it holds what is still to do and what was said so far, so that a step which needs
//! an answer from elsewhere can leave it and come back: see `pending.rs`. A held connect takes the endpoint along.

use std::collections::BTreeSet;

use std::rc::Rc;
use std::time::Duration;

use super::BayeuxServer;
use super::beginnings::Cursors;
use super::pending::{Asked, Then, Ticket};
use crate::bayeux::auth::Identity;
use crate::bayeux::hooks::{Hook, Leave};
use crate::bayeux::io::Notice;
use crate::bayeux::limits::{Charge, Origin};
use crate::bayeux::session::{Client, HeldConnect, Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::Replayed;
use crate::bayeux::wire::extensions::timesync;
use crate::bayeux::wire::{
    BayeuxError, ChannelId, Element, Endpoint, Event, Message, MessageId, Realm, Reply, ReplyExt, Status, channel,
};

/// Bytes that a field takes beside its own.
const BESIDE: usize = 40;

pub(in crate::bayeux) struct Batch {
    pub from: Endpoint,
    pub origin: Origin,
    /// By which it is known while it waits for a word from elsewhere.
    pub number: Option<u64>,
    /// Whether it came with a key of the server API, from nobody who has a session.
    pub by_api: bool,
    /// Its sender has sent too many of them: for how long to wait with the next.
    pub too_soon: Option<Duration>,
    remaining: std::vec::IntoIter<Element>,
    /// For what is left of it, once it waits for others.
    charge: Charge,
    /// Whether the batch is one single message: only then is a connect held.
    pub alone: bool,
    /// The sessions that spoke here. What waits for them rides along.
    sessions: Vec<SessionKey>,
    /// How its answer is written: as one of those who spoke wants it.
    format: Format,
    /// Events for whoever sent this batch that no session keeps.
    pub parting: Vec<Event>,
    /// In the order of the messages. Those are missing that wait.
    replies: Vec<Option<String>>,
    /// The places of subscribes that wait.
    subscribing: BTreeSet<usize>,
    /// The places of messages to channels that wait for leave.
    asking: BTreeSet<usize>,
}

/// What became of one message.
pub(in crate::bayeux) enum Step {
    Replied(String),
    /// Other objects are to say so many words first.
    Asked(Ticket, usize, Box<Asked>),
    /// The connect is held; no reply yet.
    Hold(SessionKey, Hold),
    /// The address holds too many connects already.
    Refused(String),
}

/// A connect to be held, but for the endpoint that the batch still has.
pub(in crate::bayeux) struct Hold {
    pub id: MessageId,
    pub until: Millis,
    pub advise: bool,
    pub timesync: Option<timesync::Question>,
}

/// A message past the checks that all messages share.
pub(in crate::bayeux) struct Checked {
    pub message: Message,
    pub id: MessageId,
    pub channel: ChannelId,
    /// What a meta message asks about the clocks.
    pub timesync: Option<timesync::Question>,
    /// What a handshake's token has said.
    pub identity: Option<Identity>,
}

impl Batch {
    /// Beside a handshake all other messages of a request are ignored (Bayeux 1.0 section 4.1).
    pub fn new(from: Endpoint, origin: Origin, mut messages: Vec<Element>) -> Self {
        if let Some(at) = messages.iter().position(is_handshake) {
            messages = vec![messages.swap_remove(at)];
        }
        Self {
            from,
            origin,
            number: None,
            by_api: false,
            too_soon: None,
            charge: Charge::default(),
            alone: messages.len() == 1,
            remaining: messages.into_iter(),
            sessions: Vec::new(),
            format: Format::Json,
            parting: Vec::new(),
            replies: Vec::new(),
            subscribing: BTreeSet::new(),
            asking: BTreeSet::new(),
        }
    }

    /// Bytes of what is still to be worked on.
    fn weight(&self) -> usize {
        let messages = self.remaining.as_slice().iter().flatten();
        messages.flat_map(Message::fields).map(|(name, value)| BESIDE + name.len() + value.get().len()).sum()
    }

    /// The next message that may be worked on.
    fn next(&mut self) -> Option<Element> {
        let next = self.remaining.as_slice().first()?;
        let waits =
            !self.subscribing.is_empty() && !is_to(next, "/meta/subscribe") || !self.asking.is_empty() && is_meta(next);
        if waits { None } else { self.remaining.next() }
    }

    /// The reply that was missing.
    pub fn fill(&mut self, place: usize, reply: String) {
        self.subscribing.remove(&place);
        self.asking.remove(&place);
        if let Some(missing) = self.replies.get_mut(place) {
            *missing = Some(reply);
        }
    }

    /// Messages that came with a key. A handshake among them means nothing.
    pub fn of_api(from: Endpoint, origin: Origin, messages: Vec<Element>) -> Self {
        Self { by_api: true, remaining: messages.into_iter(), ..Self::new(from, origin, Vec::new()) }
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

fn is_handshake(element: &Element) -> bool {
    is_to(element, "/meta/handshake")
}

fn is_to(element: &Element, channel: &str) -> bool {
    let name = element.as_ref().ok().and_then(Message::channel_name);
    name.is_some_and(|name| name == channel)
}

fn is_meta(element: &Element) -> bool {
    let name = element.as_ref().ok().and_then(Message::channel_name);
    name.is_some_and(|name| name.starts_with("/meta/"))
}

impl BayeuxServer {
    pub(in crate::bayeux) fn run(&mut self, now: Millis, mut batch: Batch) {
        let mut status = Status::Ok;
        while let Some(element) = batch.next() {
            match self.step(now, &mut batch, element) {
                Step::Replied(reply) => batch.replies.push(Some(reply)),
                Step::Asked(ticket, words, asked) => self.leave_open(&mut batch, ticket, words, asked),
                Step::Hold(key, hold) => return self.hold(key, hold, batch),
                Step::Refused(reply) => {
                    status = Status::Unavailable;
                    batch.replies.push(Some(reply));
                }
            }
        }
        if batch.replies.contains(&None) {
            if batch.charge.amount() == 0 {
                batch.charge = self.budget.charge(batch.weight());
            }
            return self.waiting.park(batch);
        }
        let mut events = batch.parting;
        let network = batch.origin.network();
        for key in batch.sessions {
            self.sessions.extend(key, now + self.options.max_interval);
            network.into_iter().for_each(|network| self.sessions.seen_at(key, network));
            // Clients read the answer only where the status is 200.
            if status == Status::Ok && !self.sessions.get(key).is_some_and(Session::is_streaming) {
                events.extend(self.sessions.take_events(key));
            }
        }
        let replies: Vec<_> = batch.replies.into_iter().flatten().collect();
        self.send(batch.from, status, batch.format, &events, &replies);
    }

    /// Leaves the place of a reply empty until the words have come.
    fn leave_open(&mut self, batch: &mut Batch, ticket: Ticket, words: usize, asked: Box<Asked>) {
        let place = batch.replies.len();
        batch.replies.push(None);
        self.wait_at(batch, place, ticket, words, asked);
    }

    /// This place of a batch is filled when the words have come.
    pub(in crate::bayeux) fn wait_at(
        &mut self,
        batch: &mut Batch,
        place: usize,
        ticket: Ticket,
        words: usize,
        asked: Box<Asked>,
    ) {
        batch.asking.remove(&place);
        match *asked {
            Asked::Subscribe { .. } | Asked::Leave { hook: Hook::Subscribe, .. } => batch.subscribing.insert(place),
            Asked::Leave { .. } | Asked::Keys { .. } => batch.asking.insert(place),
            Asked::Publish { .. } => false,
        };
        let batch = self.waiting.number(batch);
        self.waiting.wait(ticket, words, Then::Reply { batch, place, asked });
    }

    pub(in crate::bayeux) fn hold(&mut self, key: SessionKey, hold: Hold, batch: Batch) {
        let Hold { id, until, advise, timesync } = hold;
        let browser = batch.occupied_browser().cloned();
        let (network, endpoint) = (batch.origin.network(), batch.from);
        let held = HeldConnect { endpoint, network, browser, id, until, advise, timesync, stalled: false };
        self.sessions.suspend(key, held);
        network.into_iter().for_each(|network| self.sessions.seen_at(key, network));
        self.look_for_page(key);
        // Events may wait already, for the pace of a busy object.
        if self.sessions.get(key).is_some_and(Session::is_ready) {
            self.ready.insert(key);
        }
    }

    fn step(&mut self, now: Millis, batch: &mut Batch, element: Element) -> Step {
        let mut checked = match check(now, element) {
            Ok(checked) => checked,
            Err(reply) => return Step::Replied(reply),
        };
        if let Some(reply) = self.refuse_flood(now, batch, &checked) {
            return Step::Replied(reply);
        }
        let token = self.take_token(&mut checked.message);
        if checked.channel.as_str() == "/meta/handshake" && !batch.by_api {
            let token = token.or_else(|| batch.origin.token.clone());
            return self.step_handshake(now, batch, checked, token);
        }
        self.step_identified(now, batch, checked)
    }

    /// A message of which it is known who sent it.
    pub(in crate::bayeux) fn step_identified(&mut self, now: Millis, batch: &mut Batch, checked: Checked) -> Step {
        match self.hook_for(batch, &checked) {
            Some(hook) => self.ask_leave(now, batch, hook, checked),
            None => self.step_allowed(now, batch, checked, Leave::default()),
        }
    }

    /// A message that nobody else need be asked about, or not any more.
    pub(in crate::bayeux) fn step_allowed(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: Checked,
        leave: Leave,
    ) -> Step {
        match (checked.channel.as_str(), checked.channel.realm()) {
            _ if batch.by_api => self.step_of_api(now, batch, checked),
            ("/meta/handshake", _) => Step::Replied(self.handshake(now, batch, &checked, leave)),
            ("/meta/connect", _) => self.connect(now, batch, checked),
            ("/meta/subscribe", _) => self.subscribe(now, batch, checked),
            ("/meta/unsubscribe", _) => Step::Replied(self.unsubscribe(batch, &checked)),
            ("/meta/disconnect", _) => Step::Replied(self.disconnect(batch, &checked)),
            (_, Realm::Meta) => Step::Replied(checked.failed(&BayeuxError::MetaChannelUnknown).into_json()),
            _ => self.publish(now, batch, checked, leave),
        }
    }

    /// The session that sent this message, noted as one that spoke in this batch.
    ///
    /// # Errors
    /// `402::session_unknown`.
    pub(in crate::bayeux) fn speaker(&self, batch: &mut Batch, message: &Message) -> Result<SessionKey, BayeuxError> {
        let key = message.client_id().and_then(|id| self.session_of(&id, &batch.origin));
        let key = key.ok_or(BayeuxError::SessionUnknown)?;
        if !batch.sessions.contains(&key) {
            batch.sessions.push(key);
            let wanted = self.format(key);
            if wanted != Format::Json {
                batch.format = wanted;
            }
        }
        Ok(key)
    }

    /// The session of this name, where it is this browser's.
    pub(in crate::bayeux) fn session_of(&self, client_id: &str, origin: &Origin) -> Option<SessionKey> {
        let key = self.sessions.find(client_id)?;
        let owner = self.sessions.get(key)?.agreed.browser.as_deref();
        (owner.is_none() || owner == origin.browser.as_deref()).then_some(key)
    }

    /// Who sent this message, as the application sees it.
    pub(in crate::bayeux) fn client(&self, batch: &Batch, session: Option<SessionKey>) -> Client {
        let known = session.and_then(|key| self.sessions.get(key));
        let attributes = known.map(|session| session.attributes.clone()).unwrap_or_default();
        let Batch { origin, by_api, .. } = batch;
        Client { session, attributes, address: origin.address.clone(), by_api: *by_api, local: None }
    }

    /// `Step::Refused`, with a line in the log.
    pub(in crate::bayeux) fn refuse_connection(&mut self, batch: &Batch, checked: &Checked) -> Step {
        self.connection_refused(&batch.origin);
        Step::Refused(checked.failed(&BayeuxError::ConnectionsExceeded).into_json())
    }

    /// Whether so many connects are held there that no more fit in.
    pub(in crate::bayeux) fn holds_too_many(&self, origin: &Origin) -> bool {
        let held = origin.network().map(|network| self.sessions.held_by(network));
        held.is_some_and(|held| held >= self.options.client_max_connections)
    }

    pub(in crate::bayeux) fn connection_refused(&mut self, origin: &Origin) {
        if let Some(address) = origin.address.clone() {
            self.tell(Notice::ConnectionRefused { address });
        }
    }
}

impl Checked {
    pub fn successful(&self) -> Reply<'_> {
        Reply { ext: self.ext(), ..Reply::successful(self.channel.as_str(), &self.id) }
    }

    /// A reply that says no more than how it went.
    pub fn answered(&self, outcome: Result<(), BayeuxError>) -> String {
        self.reply(&outcome).into_json()
    }

    /// The reply to a subscribe, with where what was said before begins.
    pub fn answered_subscribe(&self, outcome: Result<Cursors, BayeuxError>) -> String {
        let (outcome, cursors) = outcome.map_or_else(|error| (Err(error), Cursors::new()), |cursors| (Ok(()), cursors));
        let mut reply = Reply { subscription: self.message.field("subscription"), ..self.reply(&outcome) };
        reply.ext.replay = (!cursors.is_empty()).then_some(Replayed::Cursors(cursors));
        reply.into_json()
    }

    /// The reply to a subscribe or an unsubscribe: it repeats the subscription.
    pub fn answered_subscription(&self, outcome: Result<(), BayeuxError>) -> String {
        Reply { subscription: self.message.field("subscription"), ..self.reply(&outcome) }.into_json()
    }

    fn reply(&self, outcome: &Result<(), BayeuxError>) -> Reply<'_> {
        match outcome {
            Ok(()) => self.successful(),
            Err(error) => self.failed(error),
        }
    }

    pub fn failed(&self, error: &BayeuxError) -> Reply<'_> {
        let mut reply = Reply::failed(Some(self.channel.as_str()), &self.id, error);
        reply.ext.timesync = self.ext().timesync;
        reply
    }

    /// The `ext` of an immediate answer.
    fn ext(&self) -> ReplyExt {
        let timesync = self.timesync.and_then(timesync::Question::answer_at_once);
        ReplyExt { timesync, ..ReplyExt::default() }
    }
}

/// Checks what every message must have. The error is the finished reply.
fn check(now: Millis, element: Element) -> Result<Checked, String> {
    let nameless = MessageId::default();
    let message = element.map_err(|error| Reply::failed(None, &nameless, &error).into_json())?;
    // A client knows its message by the channel too, so even a bad one is repeated, within reason.
    let name = message.channel_name().filter(|name| name.len() <= channel::MAX_LENGTH);
    let id = message.id().map_err(|error| Reply::failed(name.as_deref(), &nameless, &error).into_json())?;
    match message.channel() {
        Ok(channel) => {
            let meta = channel.realm() == Realm::Meta;
            let timesync = if meta { timesync::Question::of(&message, now) } else { None };
            Ok(Checked { message, id, channel, timesync, identity: None })
        }
        Err(error) => Err(Reply::failed(name.as_deref(), &id, &error).into_json()),
    }
}
