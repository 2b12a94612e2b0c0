//! The messages of one request, worked through in order.
//!
//! A batch is a small state machine: it holds what is still to do and what was said so far, so that a step which needs
//! an answer from elsewhere can leave it and come back. A held connect is such a step today; it takes the endpoint along.

use super::app::Client;
use super::extensions::{ReplyExt, timesync};
use super::message::MessageId;
use super::request::Element;
use super::session::HeldConnect;
use super::{
    BayeuxError, BayeuxServer, ChannelId, Endpoint, Event, Format, Message, Millis, Notice, Origin, Realm, Reply,
    Session, SessionKey, Status, channel,
};

pub(super) struct Batch {
    pub from: Endpoint,
    pub origin: Origin,
    remaining: std::vec::IntoIter<Element>,
    /// Whether the batch is one single message: only then is a connect held.
    pub alone: bool,
    /// The sessions that spoke here. What waits for them rides along.
    sessions: Vec<SessionKey>,
    /// How its answer is written: as one of those who spoke wants it.
    format: Format,
    /// Events for whoever sent this batch that no session keeps.
    pub parting: Vec<Event>,
    replies: Vec<String>,
}

/// What became of one message.
pub(super) enum Step {
    Replied(String),
    /// The connect is held; no reply yet.
    Hold(SessionKey, Hold),
    /// The address holds too many connects already.
    Refused(String),
}

/// A connect to be held, but for the endpoint that the batch still has.
pub(super) struct Hold {
    pub id: MessageId,
    pub until: Millis,
    pub advise: bool,
    pub timesync: Option<timesync::Question>,
}

/// A message past the checks that all messages share.
pub(super) struct Checked {
    pub message: Message,
    pub id: MessageId,
    pub channel: ChannelId,
    /// What a meta message asks about the clocks.
    pub timesync: Option<timesync::Question>,
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
            alone: messages.len() == 1,
            remaining: messages.into_iter(),
            sessions: Vec::new(),
            format: Format::Json,
            parting: Vec::new(),
            replies: Vec::new(),
        }
    }
}

fn is_handshake(element: &Element) -> bool {
    let name = element.as_ref().ok().and_then(Message::channel_name);
    name.is_some_and(|name| name == "/meta/handshake" || name == "/meta/handshake/")
}

impl BayeuxServer {
    pub(super) fn run(&mut self, now: Millis, mut batch: Batch) {
        let mut status = Status::Ok;
        while let Some(element) = batch.remaining.next() {
            match self.step(now, &mut batch, element) {
                Step::Replied(reply) => batch.replies.push(reply),
                Step::Hold(key, hold) => return self.hold(key, hold, batch),
                Step::Refused(reply) => {
                    status = Status::Unavailable;
                    batch.replies.push(reply);
                }
            }
        }
        let mut events = batch.parting;
        for key in batch.sessions {
            self.sessions.extend(key, now + self.options.max_interval);
            // Clients read the answer only where the status is 200.
            if status == Status::Ok && !self.sessions.get(key).is_some_and(Session::is_streaming) {
                events.extend(self.sessions.take_events(key));
            }
        }
        self.send(batch.from, status, batch.format, &events, &batch.replies);
    }

    fn hold(&mut self, key: SessionKey, hold: Hold, batch: Batch) {
        let Hold { id, until, advise, timesync } = hold;
        let (endpoint, address) = (batch.from, batch.origin.address);
        let held = HeldConnect { endpoint, address, id, until, advise, timesync, stalled: false };
        self.sessions.suspend(key, held);
        // Events may wait already, for the pace of a busy object.
        if self.sessions.get(key).is_some_and(Session::is_ready) {
            self.ready.insert(key);
        }
    }

    fn step(&mut self, now: Millis, batch: &mut Batch, element: Element) -> Step {
        let checked = match check(now, element) {
            Ok(checked) => checked,
            Err(reply) => return Step::Replied(reply),
        };
        match (checked.channel.as_str(), checked.channel.realm()) {
            ("/meta/handshake", _) => Step::Replied(self.handshake(now, batch, &checked)),
            ("/meta/connect", _) => self.connect(now, batch, checked),
            ("/meta/subscribe", _) => Step::Replied(self.subscribe(batch, &checked)),
            ("/meta/unsubscribe", _) => Step::Replied(self.unsubscribe(batch, &checked)),
            ("/meta/disconnect", _) => Step::Replied(self.disconnect(batch, &checked)),
            (_, Realm::Meta) => Step::Replied(checked.failed(&BayeuxError::MetaChannelUnknown).into_json()),
            _ => Step::Replied(self.publish(now, batch, checked)),
        }
    }

    /// The session that sent this message, noted as one that spoke in this batch.
    ///
    /// # Errors
    /// `402::session_unknown`.
    pub(super) fn speaker(&self, batch: &mut Batch, message: &Message) -> Result<SessionKey, BayeuxError> {
        let key = message.client_id().and_then(|id| self.sessions.find(&id)).ok_or(BayeuxError::SessionUnknown)?;
        if !batch.sessions.contains(&key) {
            batch.sessions.push(key);
            let wanted = self.format(key);
            if wanted != Format::Json {
                batch.format = wanted;
            }
        }
        Ok(key)
    }

    /// Who sent this message, as the application sees it.
    pub(super) fn client(&self, batch: &Batch, session: Option<SessionKey>) -> Client {
        let known = session.and_then(|key| self.sessions.get(key));
        let attributes = known.map(|session| session.attributes.clone()).unwrap_or_default();
        Client { session, attributes, address: batch.origin.address.clone(), local: None }
    }

    /// `Step::Refused`, with a line in the log.
    pub(super) fn refuse_connection(&mut self, batch: &Batch, checked: &Checked) -> Step {
        if let Some(address) = &batch.origin.address {
            self.tell(Notice::ConnectionRefused { address: address.clone() });
        }
        Step::Refused(checked.failed(&BayeuxError::ConnectionsExceeded).into_json())
    }
}

impl Checked {
    pub fn successful(&self) -> Reply<'_> {
        Reply { ext: self.ext(), ..Reply::successful(self.channel.as_str(), &self.id) }
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
            Ok(Checked { message, id, channel, timesync })
        }
        Err(error) => Err(Reply::failed(name.as_deref(), &id, &error).into_json()),
    }
}
