//! One client, as its home knows it.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attributes::Attributes;
use super::client_id::ClientId;
use super::memory_by_address::Held;
use crate::bayeux::delivery::{Queue, Replays};
use crate::bayeux::limits::Network;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::ack::Ack;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::Numbers;
use crate::bayeux::wire::extensions::timesync;
use crate::bayeux::wire::{ChannelPattern, ConnectionType, Endpoint, Event, MessageId, Sink, SocketId};

/// A session: what a client subscribed to, what waits for it, and where its connect stands.
#[derive(Debug)]
pub struct Session {
    pub client_id: ClientId,
    pub subscriptions: BTreeSet<ChannelPattern>,
    /// The subscribed channels that its client spells with a slash at the end.
    pub with_slash: BTreeSet<ChannelPattern>,
    pub queue: Queue,
    pub timing: Timing,
    /// When its token expires, in the time outside.
    pub expires: Option<Millis>,
    /// What the application knows of it.
    pub attributes: Attributes,
    pub negotiated: Negotiated,
    /// With the ack extension: how many batches were sent.
    pub batches: Option<u64>,
    /// Its charge to the home's memory, and to its address's part.
    pub held: Held,
    /// The earlier events that it has still to receive.
    pub replays: Replays,
    /// For whoever runs the server.
    pub heard: LastSeen,
    /// What its last connect came by; none before the first, and in a new life of its home.
    pub(in crate::bayeux) connected_by: Option<ConnectionType>,
    /// Where its client shook hands or connected last, if that was a socket. Changed by [`super::registry::Sessions`]
    /// alone.
    pub(in crate::bayeux) socket: Option<SocketId>,
    /// Changed by [`super::registry::Sessions`] alone, which keeps the index by deadline.
    pub(in crate::bayeux) connect: MetaConnect,
}

/// What was settled when the client shook hands, for as long as its session lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Negotiated {
    /// Events ride on the replies to connects only: with the ack extension, or `META_CONNECT_DELIVER_ONLY`.
    pub meta_connect_deliver_only: bool,
    /// Where it reads the numbers of events that are kept.
    #[serde(skip_serializing_if = "Numbers::is_none")]
    pub numbers: Numbers,
    /// How answers to it are written.
    pub format: Format,
    /// The browser that shook hands. A request with another cookie, or without one, cannot use the clientId.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<Box<str>>,
    /// When that was, in the time outside; 0 in rows of older versions.
    #[serde(skip_serializing_if = "is_zero")]
    pub since: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// When and where a session was last heard of.
#[derive(Debug, Default)]
pub struct LastSeen {
    /// In the time outside; none in this life.
    pub at: Option<Millis>,
    pub address: Option<Rc<str>>,
}

/// Where the client's `/meta/connect` stands.
#[derive(Debug)]
pub enum MetaConnect {
    /// None is held. One must come before `until`, or the session ends.
    Awaited { until: Millis },
    /// One is held, and answered by `until` at the latest. A session in this state cannot expire.
    Suspended(HeldConnect),
}

/// A connect that waits for events.
#[derive(Debug)]
pub struct HeldConnect {
    pub endpoint: Endpoint,
    /// Where it came from, where the platform tells.
    pub network: Option<Network>,
    /// The browser that spends one of its few connections on it.
    pub browser: Option<Rc<str>>,
    pub id: MessageId,
    pub until: Millis,
    /// Whether its reply contains the advice.
    pub advise: bool,
    pub timesync: Option<timesync::ClockReading>,
    /// Whether its stream is full for now.
    pub stalled: bool,
    /// Whether somebody else keeps its stream open: it needs no comments.
    pub kept_open: bool,
}

/// How long a client stays away between connects, as negotiated.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub interval: Duration,
    /// The interval that the client was last told; none before the first connect.
    pub advised: Option<Duration>,
}

/// A session's row covers so many batches in advance, so that not each batch needs a write.
pub(in crate::bayeux) const BATCHES_A_ROW: u64 = 64;

impl Session {
    pub fn new(client_id: ClientId, interval: Duration, until: Millis) -> Self {
        Self {
            client_id,
            subscriptions: BTreeSet::new(),
            with_slash: BTreeSet::new(),
            queue: Queue::default(),
            timing: Timing { interval, advised: None },
            expires: None,
            attributes: Attributes::default(),
            negotiated: Negotiated::default(),
            batches: None,
            held: Held::default(),
            replays: Replays::default(),
            heard: LastSeen::default(),
            connected_by: None,
            socket: None,
            connect: MetaConnect::Awaited { until },
        }
    }

    /// Whether it has the ack extension.
    pub fn is_strict(&self) -> bool {
        self.batches.is_some()
    }

    /// Whether its client comes back with the number of the last event it heard, and takes any later one for the next.
    pub fn counts_on_numbers(&self) -> bool {
        !self.negotiated.numbers.is_none()
    }

    /// Whether the last batch exceeds the number that the row covers.
    pub(in crate::bayeux) fn is_past_its_row(&self) -> bool {
        self.batches.is_some_and(|batches| batches > BATCHES_A_ROW && batches % BATCHES_A_ROW == 1)
    }

    /// The events that ride on a connect's reply, and the reply's `ext.ack`.
    pub(in crate::bayeux) fn take_batch(&mut self) -> (Vec<Event>, Option<Ack>) {
        let Some(batches) = &mut self.batches else {
            return (self.take_queue(), None);
        };
        *batches += 1;
        let batch = *batches;
        // A page that an earlier life sent comes first, and is not read yet.
        let events = if self.replays.holds_back() { Vec::new() } else { self.queue.send(batch) };
        (self.as_read(events), Some(Ack::Batch(batch)))
    }

    /// Adds the page that was read, if any, to what is sent next. Returns whether the session's row is out of date.
    pub fn turn_page(&mut self) -> bool {
        let next_batch = self.batches.map(|batches| batches + 1);
        let Some(page) = self.replays.turn_page(next_batch) else { return false };
        match page.again {
            Some(batch) => self.queue.push_page_again(page.events, batch),
            None => self.queue.push_page(page.events),
        }
        true
    }

    /// The client has everything up to this batch. Returns whether the session's row is out of date.
    pub fn acknowledge(&mut self, batch: u64) -> bool {
        self.queue.acknowledge(batch);
        self.replays.acknowledge(batch)
    }

    /// All events that wait, at the end of the session.
    pub(in crate::bayeux) fn take_queue(&mut self) -> Vec<Event> {
        let events = self.queue.take();
        self.as_read(events)
    }

    /// Remembers how its client spells these channels.
    pub(in crate::bayeux) fn spell(&mut self, patterns: &[ChannelPattern], with_slash: Vec<ChannelPattern>) {
        self.with_slash.retain(|channel| !patterns.contains(channel));
        let subscribed = |channel: &ChannelPattern| self.subscriptions.contains(channel);
        self.with_slash.extend(with_slash.into_iter().filter(subscribed));
    }

    /// The events with their channels as this client spells them, and their numbers where it reads them.
    fn as_read(&self, mut events: Vec<Event>) -> Vec<Event> {
        if !self.with_slash.is_empty() {
            for event in &mut events {
                if event.channel().is_some_and(|channel| self.with_slash.contains(channel.as_str())) {
                    *event = event.spelt_with_slash();
                }
            }
        }
        match self.negotiated.numbers {
            Numbers::None => events,
            numbers => events.into_iter().map(|event| event.with_number(numbers)).collect(),
        }
    }

    /// Where events go while the connect stays held, unless they ride on its reply.
    pub(in crate::bayeux) fn sink(&self) -> Option<Sink> {
        match self.held()?.endpoint {
            Endpoint::WebSocket(_) if self.negotiated.meta_connect_deliver_only => None,
            Endpoint::WebSocket(socket) => Some(Sink::Socket(socket)),
            Endpoint::EventSource(stream) => Some(Sink::Stream(stream)),
            Endpoint::LongPolling(_) => None,
        }
    }

    /// Whether a stream is open: events go there and nowhere else, so that they stay in order.
    pub fn is_streaming(&self) -> bool {
        matches!(self.sink(), Some(Sink::Stream(_)))
    }

    /// The connect that is held, if one is.
    pub(in crate::bayeux) fn held(&self) -> Option<&HeldConnect> {
        match &self.connect {
            MetaConnect::Suspended(held) => Some(held),
            MetaConnect::Awaited { .. } => None,
        }
    }

    /// Until when a connect is held on a socket, if one is.
    pub(super) fn held_on_socket_until(&self) -> Option<Millis> {
        self.held().filter(|held| held.endpoint.socket().is_some()).map(|held| held.until)
    }

    /// What its client connects by, in a word: a [`ConnectionType`]'s name, or `none` where that is not known.
    pub fn transport(&self) -> &'static str {
        // A client that listens to a stream may have connected in another way before.
        let streams = self.held().is_some_and(|held| matches!(held.endpoint, Endpoint::EventSource(_)));
        match (self.socket, self.connected_by) {
            (Some(_), _) => ConnectionType::WebSocket.name(),
            (None, _) if streams => ConnectionType::EventSource.name(),
            (None, Some(type_)) => type_.name(),
            (None, None) => "none",
        }
    }

    pub fn is_held(&self) -> bool {
        self.held().is_some()
    }

    /// Marks the stream as full, or as open again, and sets the next deadline.
    pub(in crate::bayeux) fn set_stalled(&mut self, stalled: bool, until: Millis) {
        if let MetaConnect::Suspended(held) = &mut self.connect {
            (held.stalled, held.until) = (stalled, until);
        }
    }

    /// Whether a connect is held with which events could leave at once.
    pub fn is_open(&self) -> bool {
        self.held().is_some_and(|held| !held.stalled)
    }

    /// Whether urgent events wait and could go out at once.
    pub fn is_ready(&self) -> bool {
        self.is_open() && self.has_something()
    }

    /// Whether something waits that a connect should not be held for.
    pub fn has_something(&self) -> bool {
        self.replays.has_page() || self.queue.is_urgent() && !self.replays.holds_back()
    }

    /// This session's next deadline.
    pub fn due(&self) -> Millis {
        match &self.connect {
            MetaConnect::Awaited { until } => *until,
            MetaConnect::Suspended(held) if held.stalled => held.until,
            MetaConnect::Suspended(held) => self.queue.lazy_due().map_or(held.until, |lazy| lazy.min(held.until)),
        }
    }
}
