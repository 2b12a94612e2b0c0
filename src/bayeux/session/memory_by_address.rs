//! What sessions hold of the home's memory, by address.

use std::collections::BTreeMap;

use crate::bayeux::limits::{Budget, Charge, Network};
use crate::bayeux::wire::ChannelPattern;

/// Bytes that a session takes with its held connect and its places in the registry: measured on workerd, see
/// docs/LIMITS.md.
pub const SESSION: usize = 2048;

/// Bytes of a subscription, besides those of a new name.
pub const NAME: usize = 48;

/// Bytes of a name, besides its text.
pub const NEW_NAME: usize = 208;

/// The accounts of all addresses.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Bytes of sessions and their names. Only their end frees them.
    total: Budget,
    by_network: BTreeMap<Network, Address>,
    /// Sessions without a known address.
    nobody: Address,
}

/// The account of an address.
#[derive(Debug, Default)]
pub struct Address {
    pub bytes: Budget,
    pub sessions: Budget,
    pub names: Budget,
}

/// The account of a session.
#[derive(Debug, Default)]
pub struct Held {
    pub network: Option<Network>,
    /// Its names, suspended subscribes included.
    pub names: Budget,
    /// Bytes of its names.
    pub name_bytes: usize,
    had: Charge,
    bytes: Charge,
    /// One of the address's sessions.
    _one: Charge,
}

impl Holdings {
    pub fn within(home: &Budget) -> Self {
        let total = home.part();
        let nobody = Address::within(&total);
        Self { total, nobody, by_network: BTreeMap::new() }
    }

    /// Whether sessions and names may take this many more bytes, of `most` in all.
    pub fn have_room_for(&self, network: Option<Network>, bytes: usize, most: usize) -> bool {
        let part = network.map(|network| self.by_network.get(&network).map(|address| &address.bytes));
        match part {
            // An address without a session gets a new account.
            Some(None) => self.total.has_room_for(Some(&Budget::default()), bytes, most),
            Some(part) => self.total.has_room_for(part, bytes, most),
            None => self.total.has_room_for(None, bytes, most),
        }
    }

    /// How many sessions and names an address has. Sessions without an address are not counted.
    pub fn counts(&self, network: Option<Network>) -> (usize, usize) {
        let address = network.and_then(|network| self.by_network.get(&network));
        address.map_or((0, 0), |address| (address.sessions.used(), address.names.used()))
    }

    /// The account of a session that takes this many bytes, without names.
    pub fn enter(&mut self, network: Option<Network>, bytes: usize) -> Held {
        let Address { bytes: all, sessions, names } = self.address(network);
        let (bytes, one, names) = (all.charge(bytes), sessions.charge(1), names.part());
        Held { network, had: names.charge(0), name_bytes: 0, names, bytes, _one: one }
    }

    /// The charge for a new name.
    pub fn name(&mut self, network: Option<Network>, name: &ChannelPattern) -> Charge {
        self.address(network).bytes.charge(NEW_NAME + name.as_str().len())
    }

    fn address(&mut self, network: Option<Network>) -> &mut Address {
        let Some(network) = network else { return &mut self.nobody };
        if self.by_network.len().is_power_of_two() && !self.by_network.contains_key(&network) {
            self.by_network.retain(|_, address| !address.is_empty());
        }
        let total = &self.total;
        self.by_network.entry(network).or_insert_with(|| Address::within(total))
    }

    /// Closes a session's account, and its address's where it was the last.
    pub fn left(&mut self, network: Option<Network>) {
        if let Some(network) = network
            && self.by_network.get(&network).is_some_and(Address::is_empty)
        {
            self.by_network.remove(&network);
        }
    }
}

impl Address {
    fn within(total: &Budget) -> Self {
        Self { bytes: total.part(), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.bytes.used() == 0 && self.sessions.used() == 0 && self.names.used() == 0
    }
}

impl Held {
    /// The account of a session that is being opened from there.
    pub fn of(network: Option<Network>) -> Self {
        Self { network, ..Self::default() }
    }

    /// It has one more name.
    pub fn add(&mut self, name: &ChannelPattern) {
        self.name_bytes += name.as_str().len();
        self.had.set(self.had.amount() + 1);
        self.bytes.set(self.bytes.amount() + NAME);
    }

    /// It has one name less.
    pub fn remove(&mut self, name: &ChannelPattern) {
        self.name_bytes = self.name_bytes.saturating_sub(name.as_str().len());
        self.had.set(self.had.amount().saturating_sub(1));
        self.bytes.set(self.bytes.amount().saturating_sub(NAME));
    }
}
