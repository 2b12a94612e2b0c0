//! All sessions of a home, with the books by which they are found: by secret, by endpoint, by clock, by address.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::extensions::ack::Ack;
use super::session::{HeldConnect, MetaConnect};
use super::{ClientId, EndpointKey, Event, Millis, Session};

/// A session's number within its home. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey(u64);

#[derive(Debug, Default)]
pub struct Sessions {
    by_key: BTreeMap<SessionKey, Session>,
    by_client_id: BTreeMap<ClientId, SessionKey>,
    /// A socket may carry several sessions.
    by_endpoint: BTreeSet<(EndpointKey, SessionKey)>,
    by_due: BTreeSet<(Millis, SessionKey)>,
    held_by_address: BTreeMap<Rc<str>, usize>,
    last_key: u64,
}

impl Sessions {
    pub fn open(&mut self, session: Session) -> SessionKey {
        self.last_key += 1;
        let key = SessionKey(self.last_key);
        self.by_client_id.insert(session.client_id.clone(), key);
        self.by_due.insert((session.due(), key));
        self.by_key.insert(key, session);
        key
    }

    /// Takes a session out, with the connect it may hold.
    pub fn close(&mut self, key: SessionKey) -> Option<(Session, Option<HeldConnect>)> {
        let held = self.resume(key, Millis::default());
        let session = self.by_key.remove(&key)?;
        self.by_client_id.remove(&session.client_id);
        self.by_due.remove(&(session.due(), key));
        Some((session, held))
    }

    pub fn find(&self, client_id: &str) -> Option<SessionKey> {
        self.by_client_id.get(client_id).copied()
    }

    /// The sessions whose connect is held at this endpoint.
    pub fn at(&self, endpoint: EndpointKey) -> Vec<SessionKey> {
        let all = (endpoint, SessionKey(0))..=(endpoint, SessionKey(u64::MAX));
        self.by_endpoint.range(all).map(|(_, key)| *key).collect()
    }

    pub fn get(&self, key: SessionKey) -> Option<&Session> {
        self.by_key.get(&key)
    }

    /// For what the clock does not depend on; for the rest see [`Sessions::change`].
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.by_key.get_mut(&key)
    }

    /// The events that ride on any answer to this client.
    pub fn take_events(&mut self, key: SessionKey) -> Vec<Event> {
        self.change(key, Session::take_events).unwrap_or_default()
    }

    /// The events that ride on a connect's reply, and its `ext.ack`.
    pub fn take_batch(&mut self, key: SessionKey) -> (Vec<Event>, Option<Ack>) {
        self.change(key, Session::take_batch).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many connects this address holds.
    pub fn held_by(&self, address: &str) -> usize {
        self.held_by_address.get(address).copied().unwrap_or(0)
    }

    /// Holds a connect. The session must not hold one already: see [`Sessions::resume`].
    pub fn suspend(&mut self, key: SessionKey, held: HeldConnect) {
        self.by_endpoint.insert((held.endpoint.key(), key));
        if let Some(address) = &held.address {
            *self.held_by_address.entry(address.clone()).or_default() += 1;
        }
        self.set(key, MetaConnect::Suspended(held));
    }

    /// Lets go of the held connect, if there is one: the caller answers it. The session is kept until `until`.
    pub fn resume(&mut self, key: SessionKey, until: Millis) -> Option<HeldConnect> {
        match self.set(key, MetaConnect::Awaited { until })? {
            MetaConnect::Awaited { .. } => None,
            MetaConnect::Suspended(held) => {
                self.by_endpoint.remove(&(held.endpoint.key(), key));
                self.let_go(held.address.as_deref());
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

    /// When the clock next matters to any session.
    pub fn next_due(&self) -> Option<Millis> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// A session to which the clock matters now, if there is one.
    pub fn first_due(&self, now: Millis) -> Option<SessionKey> {
        self.by_due.first().filter(|(due, _)| *due <= now).map(|(_, key)| *key)
    }

    /// Changes what the clock's book may depend on, and keeps the book.
    pub fn change<T>(&mut self, key: SessionKey, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let session = self.by_key.get_mut(&key)?;
        let before = session.due();
        let result = change(session);
        let after = session.due();
        if after != before {
            self.by_due.remove(&(before, key));
            self.by_due.insert((after, key));
        }
        Some(result)
    }

    fn set(&mut self, key: SessionKey, connect: MetaConnect) -> Option<MetaConnect> {
        self.change(key, |session| std::mem::replace(&mut session.connect, connect))
    }

    fn let_go(&mut self, address: Option<&str>) {
        let Some(address) = address else { return };
        if let Some(held) = self.held_by_address.get_mut(address) {
            *held -= 1;
            if *held == 0 {
                self.held_by_address.remove(address);
            }
        }
    }
}
