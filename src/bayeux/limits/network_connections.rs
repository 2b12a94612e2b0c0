//! How many sockets and streams a network may open, and how many frames it may send. Held connects are counted in
//! `session/registry.rs`.

use std::collections::BTreeMap;

use super::{Exceeded, Network, Rate, Rates};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::Refusal;

/// The connections of one home, counted by network. Connections without an address are not counted.
#[derive(Debug)]
pub struct Connections {
    /// `CLIENT_MAX_CONNECTIONS`.
    most: usize,
    /// `RATE_CONNECTIONS`.
    opened: Rates,
    /// `RATE_FRAMES`.
    frames: Rates,
    sockets: BTreeMap<Network, usize>,
}

/// Why a connection is refused, and whether the log has not heard of it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRefused {
    pub refusal: Refusal,
    pub first: bool,
}

impl Connections {
    pub fn new(most: usize, rate_connections: Option<Rate>, rate_frames: Option<Rate>) -> Self {
        let (opened, frames) = (Rates::new(rate_connections), Rates::new(rate_frames));
        Self { most, opened, frames, sockets: BTreeMap::new() }
    }

    /// Whether this network may open one more stream.
    ///
    /// # Errors
    /// [`Refusal::RateExceeded`].
    pub fn admit_stream(&mut self, now: Millis, network: Option<Network>) -> Result<(), ConnectionRefused> {
        self.opened.take(now, network).map_err(ConnectionRefused::from)
    }

    /// Whether it may open one more socket.
    ///
    /// # Errors
    /// [`Refusal::RateExceeded`] or [`Refusal::ConnectionsExceeded`].
    pub fn admit_socket(&mut self, now: Millis, network: Option<Network>) -> Result<(), ConnectionRefused> {
        self.admit_stream(now, network)?;
        let open = network.and_then(|network| self.sockets.get(&network)).copied().unwrap_or_default();
        if open >= self.most {
            return Err(ConnectionRefused { refusal: Refusal::ConnectionsExceeded, first: true });
        }
        Ok(())
    }

    /// A socket is open.
    pub fn socket_opened(&mut self, network: Option<Network>) {
        if let Some(network) = network {
            *self.sockets.entry(network).or_default() += 1;
        }
    }

    /// A socket has closed.
    pub fn socket_closed(&mut self, network: Option<Network>) {
        let Some(network) = network else { return };
        if let Some(open) = self.sockets.get_mut(&network) {
            *open -= 1;
            if *open == 0 {
                self.sockets.remove(&network);
            }
        }
    }

    /// Whether a frame of this network is accepted. The platform answers heartbeats, so they do not count.
    ///
    /// # Errors
    /// [`Refusal::RateExceeded`].
    pub fn admit_frame(&mut self, now: Millis, network: Option<Network>) -> Result<(), ConnectionRefused> {
        self.frames.take(now, network).map_err(ConnectionRefused::from)
    }
}

impl From<Exceeded> for ConnectionRefused {
    fn from(Exceeded { wait, first }: Exceeded) -> Self {
        Self { refusal: Refusal::RateExceeded(wait), first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Millis = Millis(1_700_000_000_000);

    #[test]
    fn a_closed_socket_no_longer_counts() {
        let office = Network::of("192.0.2.1");
        let mut connections = Connections::new(1, None, None);
        assert_eq!(connections.admit_socket(NOON, office), Ok(()));
        connections.socket_opened(office);
        let refused = connections.admit_socket(NOON, office).unwrap_err();
        assert_eq!(refused.refusal, Refusal::ConnectionsExceeded);
        assert_eq!(connections.admit_socket(NOON, Network::of("192.0.2.2")), Ok(()), "another network");
        connections.socket_closed(office);
        assert_eq!(connections.admit_socket(NOON, office), Ok(()));
        assert!(connections.sockets.is_empty(), "nothing is kept of who has none");
    }

    #[test]
    fn frames_have_their_own_rate() {
        let office = Network::of("192.0.2.1");
        let mut connections = Connections::new(10, None, Rate::parse("2/10"));
        let admitted = (0..5).map(|_| connections.admit_frame(NOON, office).is_ok()).collect::<Vec<_>>();
        assert_eq!(admitted, [true, true, false, false, false]);
        assert_eq!(connections.admit_stream(NOON, office), Ok(()));
        assert_eq!(connections.admit_frame(NOON, None), Ok(()), "who has no address is not counted");
    }
}
