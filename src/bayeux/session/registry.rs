//! All sessions of a home, with indexes by clientId, by endpoint, by deadline and by network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::client_id::ClientId;
use super::delivery_counts::Delivered;
use super::memory_by_address::{Holdings, SESSION};
use super::session::{HeldConnect, MetaConnect, Session};
use crate::bayeux::limits::{BayeuxContext, Budget, Charge, Network};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::ack::Ack;
use crate::bayeux::wire::{ChannelPattern, ConnectionType, EndpointKey, Event, EventNumber, SocketId};

/// A session's number within its home. Never given twice: each life of the home counts on from the time it began at, in
/// tenths of a millisecond, and no object opens ten sessions in a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(pub u64);

impl SessionKey {
    /// The first key of a life that begins now.
    pub fn of_life(now: Millis) -> Self {
        Self(now.0.saturating_mul(10))
    }

    /// Parses the digits of a key.
    pub fn parse(digits: &str) -> Option<Self> {
        let number = digits.parse().ok().filter(|number: &u64| number.to_string() == digits)?;
        Some(Self(number))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Default)]
pub struct Sessions {
    by_key: BTreeMap<SessionKey, Session>,
    by_client_id: BTreeMap<ClientId, SessionKey>,
    /// A socket may carry several sessions.
    by_endpoint: BTreeSet<(EndpointKey, SessionKey)>,
    /// Sessions whose client shook hands or connected last on a socket.
    by_socket: BTreeSet<(SocketId, SessionKey)>,
    by_due: BTreeSet<(Millis, SessionKey)>,
    /// Sessions whose connect is held on a socket, by the time of its answer.
    on_sockets: BTreeSet<(Millis, SessionKey)>,
    /// Sessions whose token expires, in the time outside.
    by_expiry: BTreeSet<(Millis, SessionKey)>,
    held_by_network: BTreeMap<Network, usize>,
    held_by_browser: BTreeMap<Rc<str>, usize>,
    holdings: Holdings,
    /// What the home holds.
    budget: Budget,
    last_key: u64,
    /// The sessions that are away, and until when, as the store has it.
    noted_away: BTreeMap<SessionKey, Millis>,
    news: News,
}

/// Changes that the store and the sockets do not have yet.
#[derive(Debug, Default)]
pub struct News {
    /// Sessions whose row is out of date.
    pub changed: BTreeSet<SessionKey>,
    /// Deliveries of events that have a row.
    pub deliveries: Vec<Delivery>,
    /// Whether a queue dropped an event that has a row.
    pub released: bool,
    /// Sockets whose held connects have changed.
    pub sockets: BTreeSet<SocketId>,
    /// Whether the stored note of those who are away is out of date.
    pub away: bool,
    /// What left for clients.
    pub delivered: Delivered,
}

/// A session was sent all its events up to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub session: SessionKey,
    pub newest: EventNumber,
    /// The batch that has to be acknowledged; none for a session that does not acknowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
}

impl Sessions {
    /// Charges its sessions to this budget.
    pub fn within(budget: &Budget) -> Self {
        Self { holdings: Holdings::within(budget), budget: budget.clone(), ..Self::default() }
    }

    /// What they hold, by address.
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    pub fn open(&mut self, session: Session) -> SessionKey {
        let key = SessionKey(self.last_key + 1);
        self.restore(key, session);
        key
    }

    /// A session of the last life. Its key must not be in use.
    pub fn restore(&mut self, key: SessionKey, mut session: Session) {
        self.never_again(key);
        session.held = self.holdings.enter(session.held.network, SESSION + session.attributes.size());
        session.queue.charge_to(&self.budget);
        self.by_client_id.insert(session.client_id.clone(), key);
        self.by_due.insert((session.due(), key));
        self.by_expiry.extend(session.expires.map(|expires| (expires, key)));
        self.by_key.insert(key, session);
    }

    /// Later keys are higher than this one.
    pub fn never_again(&mut self, SessionKey(key): SessionKey) {
        self.last_key = self.last_key.max(key);
    }

    /// Takes a session out, with the connect it may hold.
    pub fn close(&mut self, key: SessionKey) -> Option<(Session, Option<HeldConnect>)> {
        let held = self.resume(key, Millis::default());
        let session = self.by_key.remove(&key)?;
        self.by_client_id.remove(&session.client_id);
        self.by_due.remove(&(session.due(), key));
        self.by_expiry.remove(&(session.expires.unwrap_or_default(), key));
        if let Some(socket) = session.socket {
            self.by_socket.remove(&(socket, key));
        }
        self.news.changed.remove(&key);
        self.news.released |= session.queue.saved() > 0;
        self.holdings.left(session.held.network);
        Some((session, held))
    }

    /// A session's client has sent something. `at` is Unix time.
    pub fn heard(&mut self, key: SessionKey, at: Millis, context: &BayeuxContext) {
        let Some(session) = self.by_key.get_mut(&key) else { return };
        session.heard.at = Some(at);
        if context.address.is_some() {
            session.heard.address.clone_from(&context.address);
        }
        context.network().into_iter().for_each(|network| self.seen_at(key, network));
    }

    /// Its address is not known after a restart.
    fn seen_at(&mut self, key: SessionKey, network: Network) {
        let Some(session) = self.by_key.get_mut(&key).filter(|session| session.held.network.is_none()) else { return };
        session.held = self.holdings.enter(Some(network), SESSION + session.attributes.size());
        session.subscriptions.iter().for_each(|name| session.held.add(name));
    }

    /// A session has one more name; `is_new` where nobody else has it. Returns the charge for the name.
    pub fn has_name(&mut self, key: SessionKey, name: &ChannelPattern, is_new: bool) -> Option<Charge> {
        let session = self.by_key.get_mut(&key)?;
        session.held.add(name);
        is_new.then(|| self.holdings.name(session.held.network, name))
    }

    /// It has one name less.
    pub fn lost_name(&mut self, key: SessionKey, name: &ChannelPattern) {
        self.by_key.get_mut(&key).into_iter().for_each(|session| session.held.remove(name));
    }

    pub fn find(&self, client_id: &str) -> Option<SessionKey> {
        self.by_client_id.get(client_id).copied()
    }

    /// The sessions whose connect is held at this endpoint.
    pub fn at(&self, endpoint: EndpointKey) -> Vec<SessionKey> {
        let all = (endpoint, SessionKey(0))..=(endpoint, SessionKey(u64::MAX));
        self.by_endpoint.range(all).map(|(_, key)| *key).collect()
    }

    /// The sessions whose client shook hands or connected last on this socket.
    pub fn on(&self, socket: SocketId) -> Vec<SessionKey> {
        self.by_socket.range((socket, SessionKey(0))..=(socket, SessionKey(u64::MAX))).map(|(_, key)| *key).collect()
    }

    /// Its client shook hands or connected on this socket, or on none.
    pub fn moves_to(&mut self, key: SessionKey, socket: Option<SocketId>) {
        let Some(session) = self.by_key.get_mut(&key).filter(|session| session.socket != socket) else { return };
        if let Some(before) = std::mem::replace(&mut session.socket, socket) {
            self.by_socket.remove(&(before, key));
        }
        self.by_socket.extend(socket.map(|socket| (socket, key)));
    }

    pub fn get(&self, key: SessionKey) -> Option<&Session> {
        self.by_key.get(&key)
    }

    /// For changes that move no deadline; for others see [`Sessions::change`].
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.by_key.get_mut(&key)
    }

    /// The events that ride on the reply to a publish. A client that reads numbers would not notice that they are
    /// missing.
    pub fn take_events_on_publish(&mut self, key: SessionKey) -> Vec<Event> {
        let counts = self.by_key.get(&key).is_none_or(Session::counts_on_numbers);
        if counts { Vec::new() } else { self.take_events(key) }
    }

    /// The events that leave while a connect is held.
    pub fn take_events(&mut self, key: SessionKey) -> Vec<Event> {
        if self.by_key.get(&key).is_none_or(|session| session.negotiated.meta_connect_deliver_only) {
            return Vec::new();
        }
        self.delivering(key, |session| (session.take_queue(), None)).0
    }

    /// The events that ride on a connect's reply, and its `ext.ack`.
    pub fn take_batch(&mut self, key: SessionKey) -> (Vec<Event>, Option<Ack>) {
        self.delivering(key, Session::take_batch)
    }

    /// The same for a session that acknowledges: its events stay queued until then.
    pub fn take_acknowledged(&mut self, key: SessionKey) -> (Vec<Event>, Option<Ack>) {
        let acknowledges = self.by_key.get(&key).is_some_and(|session| session.batches.is_some());
        if acknowledges { self.take_batch(key) } else { Default::default() }
    }

    /// The events that ride on a connect's reply to a session that does not acknowledge: to be taken when the answer
    /// leaves.
    pub fn take_unacknowledged(&mut self, key: SessionKey) -> Vec<Event> {
        let acknowledges = self.by_key.get(&key).is_some_and(|session| session.batches.is_some());
        if acknowledges { Vec::new() } else { self.take_batch(key).0 }
    }

    /// Records what was sent of events that have a row, so that a later life does not send it again.
    fn delivering(
        &mut self,
        session: SessionKey,
        take: impl FnOnce(&mut Session) -> (Vec<Event>, Option<Ack>),
    ) -> (Vec<Event>, Option<Ack>) {
        let Some(before) = self.by_key.get(&session) else { return Default::default() };
        let newest = before.queue.newest_unsent().filter(|_| before.queue.saved() > 0);
        let mut delivered = std::mem::take(&mut self.news.delivered);
        let taken = self.change(session, |session| delivered.take(session, take, |(events, _)| events.len()));
        self.news.delivered = delivered;
        let taken = taken.unwrap_or_default();
        let Some(after) = self.by_key.get(&session) else { return taken };
        if after.is_past_its_row() && taken.1.is_some() {
            self.news.changed.insert(session);
        }
        if let Some(newest) = newest.filter(|_| !taken.0.is_empty()) {
            self.news.deliveries.push(Delivery { session, newest, batch: after.batches });
        }
        taken
    }

    /// The last events of a session that was taken out, and their `ext.ack`.
    pub fn take_last(&mut self, session: &mut Session) -> (Vec<Event>, Option<Ack>) {
        self.news.delivered.take(session, Session::take_batch, |(events, _)| events.len())
    }

    /// Its client connected by this.
    pub fn connects_by(&mut self, key: SessionKey, transport: ConnectionType) {
        self.by_key.get_mut(&key).into_iter().for_each(|session| session.connected_by = Some(transport));
    }

    /// Marks an event as having a row. Returns whether it still waits for this session.
    pub fn mark_saved(&mut self, key: SessionKey, event: EventNumber) -> bool {
        self.by_key.get_mut(&key).is_some_and(|session| session.queue.mark_saved(event))
    }

    /// Takes the changes that are to be written down.
    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    /// Marks a session's row as out of date.
    pub fn mark_changed(&mut self, key: SessionKey) {
        self.news.changed.insert(key);
    }

    /// The sessions after `after`, in the order of their keys.
    pub fn after(&self, after: Option<SessionKey>) -> impl Iterator<Item = (SessionKey, &Session)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_key.range((from, Bound::Unbounded)).map(|(key, session)| (*key, session))
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many connects this network holds.
    pub fn held_by(&self, network: Network) -> usize {
        self.held_by_network.get(&network).copied().unwrap_or(0)
    }

    /// How many connections of this browser are taken by held connects.
    pub fn held_by_browser(&self, browser: &str) -> usize {
        self.held_by_browser.get(browser).copied().unwrap_or(0)
    }

    /// Holds a connect. The session must not hold one already: see [`Sessions::resume`].
    pub fn suspend(&mut self, key: SessionKey, held: HeldConnect) {
        self.by_endpoint.insert((held.endpoint.key(), key));
        self.moves_to(key, held.endpoint.socket());
        self.news.sockets.extend(held.endpoint.socket());
        hold_on(&mut self.held_by_network, held.network);
        hold_on(&mut self.held_by_browser, held.browser.clone());
        self.set(key, MetaConnect::Suspended(held));
    }

    /// Takes the held connect out, if there is one: the caller answers it. The session is kept until `until`.
    pub fn resume(&mut self, key: SessionKey, until: Millis) -> Option<HeldConnect> {
        match self.set(key, MetaConnect::Awaited { until })? {
            MetaConnect::Awaited { .. } => None,
            MetaConnect::Suspended(held) => {
                self.by_endpoint.remove(&(held.endpoint.key(), key));
                self.news.sockets.extend(held.endpoint.socket());
                let_go(&mut self.held_by_network, held.network.as_ref());
                let_go(&mut self.held_by_browser, held.browser.as_ref());
                Some(held)
            }
        }
    }

    /// Keeps a session that holds no connect until `until` at least.
    pub fn extend(&mut self, key: SessionKey, until: Millis) {
        if let Some(MetaConnect::Awaited { until: before }) = self.by_key.get(&key).map(|session| &session.connect)
            && *before < until
        {
            self.set(key, MetaConnect::Awaited { until });
        }
    }

    /// Keeps a session that holds no connect until `until` at the longest.
    pub fn shorten(&mut self, key: SessionKey, until: Millis) {
        if let Some(MetaConnect::Awaited { until: before }) = self.by_key.get(&key).map(|session| &session.connect)
            && *before > until
        {
            self.set(key, MetaConnect::Awaited { until });
        }
    }

    /// The next deadline of any session.
    pub fn next_due(&self) -> Option<Millis> {
        self.by_due.first().map(|(due, _)| *due).filter(|due| *due < Millis::NEVER)
    }

    /// A session whose deadline has come, if there is one.
    pub fn first_due(&self, now: Millis) -> Option<SessionKey> {
        self.by_due.first().filter(|(due, _)| *due <= now).map(|(_, key)| *key)
    }

    /// Up to `most` sessions whose connect is held on a socket until `until` at the latest, the earliest first.
    pub fn due_on_sockets(&self, until: Millis, most: usize) -> Vec<SessionKey> {
        self.on_sockets.iter().take_while(|(due, _)| *due <= until).take(most).map(|(_, key)| *key).collect()
    }

    /// When the next token expires, in the time outside.
    pub fn next_expiry(&self) -> Option<Millis> {
        self.by_expiry.first().map(|(expires, _)| *expires)
    }

    /// A session whose token has expired, if there is one.
    pub fn first_expired(&self, outside: Millis) -> Option<SessionKey> {
        self.by_expiry.first().filter(|(expires, _)| *expires <= outside).map(|(_, key)| *key)
    }

    /// Changes a session, and updates the index by deadline.
    pub fn change<T>(&mut self, key: SessionKey, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let session = self.by_key.get_mut(&key)?;
        let (before, saved, socket_before) = (session.due(), session.queue.saved(), session.held_on_socket_until());
        let result = change(session);
        let (after, socket_after) = (session.due(), session.held_on_socket_until());
        if socket_before != socket_after {
            self.on_sockets.remove(&(socket_before.unwrap_or_default(), key));
            self.on_sockets.extend(socket_after.map(|until| (until, key)));
        }
        self.news.released |= session.queue.saved() < saved;
        if after != before {
            self.by_due.remove(&(before, key));
            self.by_due.insert((after, key));
            if self.noted_away.contains_key(&key) {
                self.away_has_changed();
            }
        }
        Some(result)
    }

    /// The sessions that are away, and until when, `most` of them; none where the store has that already.
    pub fn unnoted_away(&self, most: usize) -> Option<BTreeMap<SessionKey, Millis>> {
        let away = self.by_due.iter().filter(|(until, key)| {
            *until < Millis::NEVER && self.by_key.get(key).is_some_and(|session| !session.is_held())
        });
        let away: BTreeMap<_, _> = away.take(most).map(|(until, key)| (*key, *until)).collect();
        let noted = away.iter().all(|(key, until)| self.noted_away.get(key) == Some(until));
        (!noted).then_some(away)
    }

    /// The store has this now.
    pub fn away_is_noted(&mut self, away: BTreeMap<SessionKey, Millis>) {
        self.noted_away = away;
    }

    /// What the store has is out of date.
    pub fn away_has_changed(&mut self) {
        self.noted_away.clear();
        self.news.away = true;
    }

    fn set(&mut self, key: SessionKey, connect: MetaConnect) -> Option<MetaConnect> {
        self.change(key, |session| std::mem::replace(&mut session.connect, connect))
    }
}

fn hold_on<Holder: Ord>(book: &mut BTreeMap<Holder, usize>, holder: Option<Holder>) {
    if let Some(holder) = holder {
        *book.entry(holder).or_default() += 1;
    }
}

fn let_go<Holder: Ord>(book: &mut BTreeMap<Holder, usize>, holder: Option<&Holder>) {
    let Some(holder) = holder else { return };
    if let Some(held) = book.get_mut(holder) {
        *held -= 1;
        if *held == 0 {
            book.remove(holder);
        }
    }
}
