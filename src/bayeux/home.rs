//! Where clients are at home, and the addresses that lead there.

use super::client_id::base62;
use super::{ChannelId, Realm};

/// The path of the root's home. A tree's own home is one segment below it.
pub const BASE_PATH: &str = "/cometd";

/// Where a client shook hands: with the root (`/cometd`), or with a tree (`/cometd/<tree>`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    Root,
    Tree(ChannelId),
}

/// What cometd.js may append to an address, after the message it sends; it changes nothing. No tree has such a name.
const META_NAMES: [&str; 5] = ["handshake", "connect", "subscribe", "unsubscribe", "disconnect"];

impl Home {
    /// The home that the path of a URL leads to.
    ///
    /// ```
    /// use bayeux_edge::bayeux::Home;
    ///
    /// assert_eq!(Home::at_path("/cometd/handshake"), Some(Home::Root));
    /// assert_eq!(Home::at_path("/cometd/chat/connect"), Home::named("/chat"));
    /// assert_eq!(Home::at_path("/cometd/a/b"), None);
    /// ```
    pub fn at_path(path: &str) -> Option<Self> {
        let below = path.strip_prefix(BASE_PATH)?;
        if !below.is_empty() && !below.starts_with('/') {
            return None;
        }
        let mut segments: Vec<&str> = below.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.pop_if(|last| META_NAMES.contains(last));
        match segments[..] {
            [] => Some(Self::Root),
            [tree] if !META_NAMES.contains(&tree) => Self::named(&format!("/{tree}")),
            _ => None,
        }
    }

    /// The home and the clientId that the path of an event stream's URL leads to: Faye's clients append the one to the
    /// other. Whatever the last segment looks like, it is no tree's name.
    ///
    /// ```
    /// use bayeux_edge::bayeux::Home;
    ///
    /// assert_eq!(Home::of_stream("/cometd/r0123"), Some((Home::Root, "r0123")));
    /// assert_eq!(Home::of_stream("/cometd/chat/t0123").map(|(home, _)| home), Home::named("/chat"));
    /// assert_eq!(Home::of_stream("/cometd"), None);
    /// ```
    pub fn of_stream(path: &str) -> Option<(Self, &str)> {
        let (above, client_id) = path.rsplit_once('/')?;
        Some((Self::at_path(above)?, client_id))
    }

    /// The home whose Durable Object has this name: `/`, or `/<tree>`. The protocol's own channels are no tree.
    pub fn named(name: &str) -> Option<Self> {
        if name == "/" {
            return Some(Self::Root);
        }
        let tree = ChannelId::parse(name)?;
        (tree.realm() == Realm::Broadcast).then_some(Self::Tree(tree))
    }

    /// The name of the Durable Object that is this home.
    pub fn name(&self) -> &str {
        match self {
            Self::Root => "/",
            Self::Tree(tree) => tree.as_str(),
        }
    }

    /// What every clientId of this home begins with: `r` for the root, `t` and 32 bits of the name's hash for a tree.
    /// Enough to tell another home's clientId, and a place for the codes of sharded and regional homes.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Root => "r".to_owned(),
            Self::Tree(tree) => format!("t{}", base62(fnv1a(tree.as_str()).into(), 6)),
        }
    }
}

/// FNV-1a, 32 bits (draft-eastlake-fnv): the same code on every machine and in every version, unlike std's hashes.
fn fnv1a(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_names_behind_a_home_lead_to_the_home() {
        for path in ["/cometd", "/cometd/", "/cometd/connect", "/cometd/disconnect/"] {
            assert_eq!(Home::at_path(path), Some(Home::Root), "{path}");
        }
        for path in ["/cometd/chat", "/cometd/chat/", "/cometd/chat/handshake"] {
            assert_eq!(Home::at_path(path), Home::named("/chat"), "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/",
            "/cometdx",
            "/cometd/a/b",
            "/cometd/*",
            "/cometd/%2e",
            "/cometd/connect/connect",
            "/cometd/meta",
            "/cometd/service/connect",
            "/x/cometd",
        ] {
            assert_eq!(Home::at_path(path), None, "{path}");
        }
    }

    #[test]
    fn every_home_has_a_code_of_its_own() {
        let codes = ["/", "/chat", "/news"].map(|name| Home::named(name).unwrap().code());
        assert_eq!(codes[0], "r");
        assert!(codes[1].starts_with('t') && codes[1].len() == 7 && codes[1] != codes[2]);
    }
}
