//! Homes, and the addresses and clientIds that lead to them.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::shard::{Region, Shard};
use crate::bayeux::session::{base62, from_base62};
use crate::bayeux::wire::{ChannelId, ChannelPattern, Element, Message, Realm};

/// The path of the root's home. A tree's own home is one segment below it.
pub const BASE_PATH: &str = "/cometd";

/// The path of the server API. No home is there, whether the API is on or off.
pub const API_PATH: &str = "/cometd/api";

/// A Durable Object: the home of the clients that shook hands there, and perhaps the owner of a tree of channels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Home {
    /// The home of clients of `/cometd`.
    Root,
    /// The home of clients of `/cometd/<tree>`, and the owner of that tree.
    Tree(ChannelId),
    /// The home of some of the clients of `/cometd`, with `HOMES = "sharded:N"` or `"regional:N"`.
    Shard(Shard),
}

/// A suffix that cometd.js may append to an address, named after the message it sends. It changes nothing, and no tree
/// has such a name.
const META_NAMES: [&str; 5] = ["handshake", "connect", "subscribe", "unsubscribe", "disconnect"];

impl Home {
    /// The home that a URL's path leads to.
    ///
    /// ```
    /// use bayeux_edge::bayeux::Home;
    ///
    /// assert_eq!(Home::at_path("/cometd/handshake"), Some(Home::Root));
    /// assert_eq!(Home::at_path("/cometd/chat/connect"), Home::named("/chat"));
    /// assert_eq!(Home::at_path("/cometd/the%20blue%20room"), Home::named("/the blue room"));
    /// assert_eq!(Home::at_path("/cometd/a/b"), None);
    /// ```
    pub fn at_path(path: &str) -> Option<Self> {
        if is_api_path(path) {
            return None;
        }
        let below = path.strip_prefix(BASE_PATH)?;
        if !below.is_empty() && !below.starts_with('/') {
            return None;
        }
        let mut segments: Vec<&str> = below.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.pop_if(|last| META_NAMES.contains(last));
        match segments[..] {
            [] => Some(Self::Root),
            [tree] => {
                let tree = percent_decode_str(tree).decode_utf8().ok().filter(|tree| !tree.contains('/'))?;
                let reserved = META_NAMES.contains(&&*tree) || ["api", "healthz", ".", ".."].contains(&&*tree);
                Self::named(&format!("/{tree}")).filter(|home| !reserved && !home.is_shard())
            }
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

    /// The home whose Durable Object has this name: `/`, a tree's channel, or a shard's name. Meta and service channels
    /// are no trees.
    pub fn named(name: &str) -> Option<Self> {
        if name == "/" {
            return Some(Self::Root);
        }
        if let Some(shard) = name.strip_prefix('@') {
            return Shard::named(shard).map(Self::Shard);
        }
        let tree = ChannelId::parse(name)?;
        (tree.realm() == Realm::Broadcast).then_some(Self::Tree(tree))
    }

    /// The home that a clientId names. A tree's clients are found by their address instead. Only the home knows whether
    /// the session exists.
    ///
    /// ```
    /// use bayeux_edge::bayeux::Home;
    ///
    /// assert_eq!(Home::of_client_id("r2s6Hf"), Some(Home::Root));
    /// assert_eq!(Home::of_client_id("s03Xy2"), Home::named("@3"));
    /// assert_eq!(Home::of_client_id("t3hG7a"), None);
    /// ```
    pub fn of_client_id(client_id: &str) -> Option<Self> {
        match client_id.as_bytes() {
            [b'r', ..] => Some(Self::Root),
            [b's', high, low, ..] => Some(Self::Shard(Shard::new(None, from_base62([*high, *low])?))),
            [b'g', region, high, low, ..] => {
                let region = Region::ALL.get(usize::from(from_base62([b'0', *region])?))?;
                Some(Self::Shard(Shard::new(Some(*region), from_base62([*high, *low])?)))
            }
            _ => None,
        }
    }

    /// The home of the first session named in a request, as [`Home::of_client_id`] finds it.
    pub fn of_messages(messages: &[Element]) -> Option<Self> {
        let first = messages.iter().flatten().find_map(Message::client_id)?;
        Self::of_client_id(&first)
    }

    /// The name of this home's Durable Object.
    pub fn name(&self) -> &str {
        match self {
            Self::Root => "/",
            Self::Tree(tree) => tree.as_str(),
            Self::Shard(shard) => &shard.name,
        }
    }

    /// The region of its clients, as far as its name tells.
    pub fn region(&self) -> Option<Region> {
        match self {
            Self::Root | Self::Tree(_) => None,
            Self::Shard(shard) => shard.region,
        }
    }

    /// The owner of a pattern's channels, with `TREE_DEPTH`; none where the pattern spans trees.
    ///
    /// ```
    /// use bayeux_edge::bayeux::{ChannelPattern, Home};
    ///
    /// let owner = |name| Home::owner_of(&ChannelPattern::parse(name).unwrap(), 1);
    /// assert_eq!(owner("/chat/demo/**"), Home::named("/chat"));
    /// assert_eq!(owner("/**"), None);
    /// ```
    pub fn owner_of(pattern: &ChannelPattern, tree_depth: usize) -> Option<Self> {
        match tree_depth {
            0 => Some(Self::Root),
            depth => pattern.tree(depth).map(Self::Tree),
        }
    }

    fn is_shard(&self) -> bool {
        matches!(self, Self::Shard(_))
    }

    /// The prefix of this home's clientIds: `r` for the root, `t` and 32 bits of the name's hash for a tree, `s` and
    /// two digits for a shard, `g` and three for a shard of a region.
    pub(in crate::bayeux) fn code(&self) -> String {
        match self {
            Self::Root => "r".to_owned(),
            Self::Tree(tree) => format!("t{}", base62(fnv1a(tree.as_str()).into(), 6)),
            Self::Shard(Shard { region: None, index, .. }) => format!("s{}", base62((*index).into(), 2)),
            Self::Shard(Shard { region: Some(region), index, .. }) => {
                let place = Region::ALL.iter().position(|other| other == region).unwrap_or_default();
                format!("g{}{}", base62(place as u128, 1), base62((*index).into(), 2))
            }
        }
    }
}

impl TryFrom<String> for Home {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::named(&name).ok_or("no home's name")
    }
}

impl From<Home> for String {
    fn from(home: Home) -> Self {
        home.name().to_owned()
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// FNV-1a, 32 bits (draft-eastlake-fnv): the same code on every machine and in every version, unlike std's hashes.
pub(in crate::bayeux) fn fnv1a(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Whether a path belongs to the server API.
pub fn is_api_path(path: &str) -> bool {
    path.strip_prefix(API_PATH).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_channels_name_after_the_path_of_a_home_is_ignored() {
        for path in ["/cometd", "/cometd/", "/cometd/connect", "/cometd/disconnect/"] {
            assert_eq!(Home::at_path(path), Some(Home::Root), "{path}");
        }
        for path in ["/cometd/chat", "/cometd/chat/", "/cometd/chat/handshake"] {
            assert_eq!(Home::at_path(path), Home::named("/chat"), "{path}");
        }
    }

    #[test]
    fn a_home_name_in_a_path_is_percent_decoded() {
        for (path, name) in [
            ("/cometd/a%20b", "/a b"),
            ("/cometd/%7Bx%7D/connect", "/{x}"),
            ("/cometd/c++", "/c++"),
            ("/cometd/c%2B%2b", "/c++"),
            ("/cometd/%231", "/#1"),
            ("/cometd/%40x", "/@x"),
        ] {
            assert_eq!(Home::at_path(path), Home::named(name), "{path}");
        }
    }

    #[test]
    fn other_paths_are_no_home() {
        for path in [
            "/",
            "/cometdx",
            "/cometd/a/b",
            "/cometd/*",
            "/cometd/%2e",
            "/cometd/%2E%2e",
            "/cometd/a%2Fb",
            "/cometd/%61pi",
            "/cometd/c%6fnnect/connect",
            "/cometd/%C3%A9",
            "/cometd/%FF",
            "/cometd/%",
            "/cometd/a%09",
            "/cometd/connect/connect",
            "/cometd/meta",
            "/cometd/service/connect",
            "/x/cometd",
            "/cometd/api",
            "/cometd/api/",
            "/cometd/api/connect",
        ] {
            assert_eq!(Home::at_path(path), None, "{path}");
        }
        assert!(!Home::at_path("/cometd/@3").unwrap().is_shard(), "a tree that looks like a shard is a tree");
    }

    #[test]
    fn every_home_has_its_own_code_in_client_ids() {
        let names = ["/", "/chat", "/news", "@0", "@61", "@62", "@weur.0", "@me.61", "@wnam.3843"];
        let homes = names.map(|name| Home::named(name).unwrap());
        let codes: std::collections::BTreeSet<_> = homes.iter().map(Home::code).collect();
        assert_eq!(codes.len(), names.len());
        assert!(homes[0].code() == "r" && homes[1].code().len() == 7);
        for home in homes {
            let client_id = format!("{}{}", home.code(), "0".repeat(22));
            let found = Home::of_client_id(&client_id);
            assert_eq!(found, (!matches!(home, Home::Tree(_))).then_some(home));
        }
    }

    #[test]
    fn an_invalid_code_in_a_client_id_is_no_home() {
        for client_id in ["", "x", "s", "s0", "s-0", "g900", "gz00", "é"] {
            assert_eq!(Home::of_client_id(client_id), None, "{client_id}");
        }
        for name in ["@", "@-1", "@03", "@3844", "@eu.1", "@weur", "@weur.", "3", "/meta", "/a/*"] {
            assert_eq!(Home::named(name), None, "{name}");
        }
    }
}
