//! Keeps a home within `MAX_MEMORY`: old events are dropped for new ones, and what cannot be dropped is refused.
//!
//! * Sessions and their names stay until they end. Together they get three quarters of the memory; one address may
//!   hold at most twice the unused part of those three quarters.
//! * Queued events get the rest, and the unused part of the three quarters. When it is full, an eighth of the memory is
//!   freed: the oldest events of the session that holds most, at the address that holds most. Their clients are told as
//!   when their own queue overflows (`QUEUE_OVERFLOW`).
//! * An event's JSON counts once, for however many sessions it is queued.

use std::collections::{BTreeMap, BTreeSet};

use super::BayeuxServer;
use crate::bayeux::limits::{Network, level};
use crate::bayeux::session::{Attributes, NAME, NEW_NAME, SESSION, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern};

/// Whose events are dropped: an address, a session without a known address, or another home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Address(Network),
    Session(SessionKey),
}

/// Queued bytes of each of a holder's sessions.
type Weights = Vec<(SessionKey, usize)>;

impl BayeuxServer {
    /// Bytes held for clients and other homes.
    pub fn memory(&self) -> usize {
        self.budget.used()
    }

    /// Frees memory until this many bytes of events fit.
    ///
    /// # Errors
    /// [`BayeuxError::MemoryExceeded`] where dropping events does not free enough.
    pub(in crate::bayeux) fn make_room(&mut self, now: Millis, bytes: usize) -> Result<(), BayeuxError> {
        let most = self.options.max_memory;
        if self.memory() + bytes > most {
            self.lighten(now, (most - most / 8).saturating_sub(bytes));
        }
        if self.memory() + bytes > most { Err(BayeuxError::MemoryExceeded) } else { Ok(()) }
    }

    /// Drops the oldest events of the largest holders until at most this many bytes are held.
    fn lighten(&mut self, now: Millis, bytes: usize) {
        let mut dropped = 0;
        loop {
            let excess = self.memory().saturating_sub(bytes);
            let holders = self.holders();
            let all: usize = holders.values().flatten().map(|(_, weight)| weight).sum();
            if excess == 0 || all == 0 {
                break;
            }
            // An event is freed when the last session that it is queued for drops it, so one round may not be enough.
            dropped += self.lighten_holders(holders.into_values().collect(), excess.max(all / 8));
            self.journal.hurry();
            if let Err(error) = self.settle_journal(now) {
                self.storage_failed(&error);
            }
        }
        if dropped > 0 {
            self.dropped(None, dropped);
        }
    }

    fn holders(&self) -> BTreeMap<Holder, Weights> {
        let mut holders = BTreeMap::<_, Weights>::new();
        for (key, session) in self.sessions.after(None) {
            let weight = session.queue.weight();
            if weight > 0 {
                let holder = session.held.network.map_or(Holder::Session(key), Holder::Address);
                holders.entry(holder).or_default().push((key, weight));
            }
        }
        for (key, weight) in self.cluster.weights() {
            holders.insert(Holder::Session(key), vec![(key, weight)]);
        }
        holders
    }

    /// Drops this many bytes of the largest holders. Returns how many events were dropped.
    fn lighten_holders(&mut self, holders: Vec<Weights>, less: usize) -> usize {
        let sum = |weights: &Weights| weights.iter().map(|(_, weight)| weight).sum::<usize>();
        let most = level(holders.iter().map(sum).collect(), less);
        let mut dropped = 0;
        for weights in holders {
            let above = sum(&weights).saturating_sub(most);
            if above == 0 {
                continue;
            }
            let most = level(weights.iter().map(|(_, weight)| *weight).collect(), above);
            for (key, weight) in weights {
                if weight > most {
                    if let Some(lost) = self.cluster.lighten(key, most) {
                        dropped += lost;
                        continue;
                    }
                    let lost = self.sessions.change(key, |session| session.queue.lighten(most)).unwrap_or_default();
                    dropped += lost + self.overflowed(key);
                }
            }
        }
        dropped
    }

    /// Whether this address may open a session with these attributes.
    ///
    /// # Errors
    /// [`BayeuxError::SessionsExceeded`] or [`BayeuxError::MemoryExceeded`].
    pub(in crate::bayeux) fn may_open(
        &self,
        network: Option<Network>,
        attributes: &Attributes,
    ) -> Result<(), BayeuxError> {
        let holdings = self.sessions.holdings();
        if holdings.counts(network).0 >= self.options.max_sessions_per_address {
            return Err(BayeuxError::SessionsExceeded);
        }
        let fits = holdings.have_room_for(network, SESSION + attributes.size(), self.most_standing());
        if fits { Ok(()) } else { Err(BayeuxError::MemoryExceeded) }
    }

    /// Whether a session may subscribe to these names, besides those of its suspended subscribes.
    ///
    /// # Errors
    /// [`BayeuxError::SubscriptionsExceeded`] or [`BayeuxError::MemoryExceeded`].
    pub(in crate::bayeux) fn may_have(
        &self,
        key: SessionKey,
        new: &BTreeSet<ChannelPattern>,
    ) -> Result<(), BayeuxError> {
        let held = &self.sessions.get(key).ok_or(BayeuxError::SessionUnknown)?.held;
        let holdings = self.sessions.holdings();
        let length: usize = new.iter().map(|name| name.as_str().len()).sum();
        let of_address = held.network.map_or(0, |_| holdings.counts(held.network).1);
        if held.names.used() + new.len() > self.options.max_subscriptions
            || held.name_bytes + length > self.options.max_subscription_bytes
            || of_address + new.len() > self.options.max_subscriptions_per_address
        {
            return Err(BayeuxError::SubscriptionsExceeded);
        }
        let fits = new.is_empty() || holdings.have_room_for(held.network, self.weight_of(new), self.most_standing());
        if fits { Ok(()) } else { Err(BayeuxError::MemoryExceeded) }
    }

    /// Whether a session with these attributes and names fits, whatever its address.
    pub(super) fn has_room_for(&self, attributes: &Attributes, names: &BTreeSet<ChannelPattern>) -> bool {
        let bytes = SESSION + attributes.size() + self.weight_of(names);
        self.sessions.holdings().have_room_for(None, bytes, self.most_standing())
    }

    /// Bytes that a session with these names takes.
    fn weight_of(&self, names: &BTreeSet<ChannelPattern>) -> usize {
        let unheard = names.iter().filter(|name| !self.subscriptions.has(name.as_str()));
        names.len() * NAME + unheard.map(|name| NEW_NAME + name.as_str().len()).sum::<usize>()
    }

    /// Bytes that all sessions and names may take.
    fn most_standing(&self) -> usize {
        self.options.max_memory / 4 * 3
    }

    /// Charges a session for a name that it subscribes to.
    pub(in crate::bayeux) fn add_subscriber(&mut self, name: &ChannelPattern, key: SessionKey) {
        let is_new = !self.subscriptions.has(name.as_str());
        self.subscriptions.add(name.clone(), key);
        if let Some(charge) = self.sessions.has_name(key, name, is_new) {
            self.subscriptions.charge(name, charge);
        }
    }

    pub(in crate::bayeux) fn remove_subscriber(&mut self, name: &ChannelPattern, key: SessionKey) {
        self.subscriptions.remove(name, key);
        self.sessions.lost_name(key, name);
    }
}
