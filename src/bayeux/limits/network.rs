//! An IP address as limits count it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The unit that limits count: an IPv4 address, or the first 64 bits of an IPv6 address, which a provider gives to one
/// customer (RFC 6177) whose machines have any number of addresses in it.
///
/// ```
/// use bayeux_edge::bayeux::Network;
///
/// assert_eq!(Network::of("2001:db8::1"), Network::of("2001:db8::2:1"));
/// assert_ne!(Network::of("2001:db8::1"), Network::of("2001:db8:0:1::1"));
/// assert_eq!(Network::of("::ffff:192.0.2.1"), Network::of("192.0.2.1"));
/// assert_eq!(Network::of("unknown"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpAddr);

/// The first 64 bits.
const PREFIX: u128 = u128::MAX << 64;

impl Network {
    /// None where the text is not an address.
    pub fn of(address: &str) -> Option<Self> {
        let address: IpAddr = address.parse().ok()?;
        Some(Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(prefix) => write!(f, "{prefix}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_as_an_ipv4_address_or_as_the_64_of_an_ipv6_address() {
        for (address, written) in
            [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64")]
        {
            assert_eq!(Network::of(address).unwrap().to_string(), written);
        }
    }
}
