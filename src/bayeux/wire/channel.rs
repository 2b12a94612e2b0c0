//! Names of channels, and patterns over them. Parsed once at the door; inside, every value is valid.

use std::borrow::Borrow;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

/// The longest name that is accepted, in bytes. CometD's own limit on a message's id and channel is the buffer; names
/// in use stay under 100. 512 keeps 2,000 subscriptions of one session under 1 MiB.
pub const MAX_LENGTH: usize = 512;

/// The most segments a name may have: a publish looks up `depth + 2` keys, so this bounds its work.
pub const MAX_DEPTH: usize = 32;

/// The last segment of a channel on which the server tells who is in the channel above: see [`ChannelId::presence`].
const PRESENCE: &str = "/$presence";

/// A channel that can be published to: `/chat/demo`. Never a pattern. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelId(Rc<str>);

/// What can be subscribed to: a channel, or one that ends in `/*` (one segment more) or `/**` (one or more). Cheap to
/// clone.
///
/// ```
/// use bayeux_edge::bayeux::ChannelPattern;
///
/// assert!(ChannelPattern::parse("/chat/**").is_some());
/// assert!(ChannelPattern::parse("/chat/*/x").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelPattern(Rc<str>);

/// Which part of the protocol a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    /// `/meta/**`: the protocol's own.
    Meta,
    /// `/service/**`: between one client and the server.
    Service,
    /// All others: whoever subscribes receives.
    Broadcast,
}

impl ChannelId {
    /// `None` where `name` is not a channel name. One trailing slash is dropped: `/a/` is `/a`. A client that
    /// subscribed to `/a/` still receives events under that spelling: see
    /// [`spelt_with_slash`](super::spelt_with_slash).
    pub fn parse(name: &str) -> Option<Self> {
        let name = canonical(name)?;
        segments(name).all(is_segment).then(|| Self(name.into()))
    }

    pub fn realm(&self) -> Realm {
        realm(&self.0)
    }

    /// The keys under which a subscriber to this channel can be found: itself, the `*` of its parent, the `**` of every
    /// ancestor. No other key can match, since a wildcard only stands at the end of a pattern.
    ///
    /// ```
    /// use bayeux_edge::bayeux::ChannelId;
    ///
    /// let keys: Vec<_> = ChannelId::parse("/chat/demo").unwrap().matching_keys().collect();
    /// assert_eq!(keys, ["/chat/demo", "/chat/*", "/chat/**", "/**"]);
    /// ```
    ///
    /// Presence events reach only subscribers of the exact name. No wildcard matches it:
    ///
    /// ```
    /// use bayeux_edge::bayeux::ChannelId;
    ///
    /// let keys: Vec<_> = ChannelId::parse("/chat/demo/$presence").unwrap().matching_keys().collect();
    /// assert_eq!(keys, ["/chat/demo/$presence"]);
    /// ```
    pub fn matching_keys(&self) -> impl Iterator<Item = String> {
        let name = &*self.0;
        let wildcards = if self.watched().is_some() { None } else { Some(self.wildcard_keys()) };
        [name.to_owned()].into_iter().chain(wildcards.into_iter().flatten())
    }

    fn wildcard_keys(&self) -> impl Iterator<Item = String> {
        let name = &*self.0;
        let parent = &name[..name.rfind('/').unwrap_or(0)];
        let ancestors = name.rmatch_indices('/').map(move |(at, _)| format!("{}/**", &name[..at]));
        [format!("{parent}/*")].into_iter().chain(ancestors)
    }

    /// The channel on which the server tells who is in this one; none where its name would be too long.
    pub fn presence(&self) -> Option<Self> {
        Self::parse(&format!("{}{PRESENCE}", self.0))
            .filter(|channel| self.watched().is_none() && channel.watched().is_some())
    }

    /// The channel of which this one tells who is there.
    pub fn watched(&self) -> Option<Self> {
        let name = self.0.strip_suffix(PRESENCE).filter(|name| !name.is_empty())?;
        let watched = Self(name.into());
        (watched.realm() == Realm::Broadcast).then_some(watched)
    }

    /// Its first segments; the channel itself where it has no more than that. Presence belongs to the tree of the
    /// channel that it is about.
    pub fn tree(&self, depth: usize) -> Self {
        if let Some(watched) = self.watched() {
            return watched.tree(depth);
        }
        match self.0.match_indices('/').nth(depth) {
            Some((end, _)) => Self(self.0[..end].into()),
            None => self.clone(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ChannelPattern {
    /// `None` where `name` is neither a channel nor a pattern.
    pub fn parse(name: &str) -> Option<Self> {
        let name = canonical(name)?;
        let (parent, last) = name.rsplit_once('/')?;
        let valid = (is_segment(last) || last == "*" || last == "**")
            && (parent.is_empty() || segments(parent).all(is_segment));
        valid.then(|| Self(name.into()))
    }

    pub fn realm(&self) -> Realm {
        realm(&self.0)
    }

    /// The first segments that all matching channels share; none where they differ.
    pub fn tree(&self, depth: usize) -> Option<ChannelId> {
        let literal = self.0.find('*').map_or(&*self.0, |wildcard| &self.0[..wildcard.saturating_sub(1)]);
        let is_pattern = literal.len() < self.0.len();
        if is_pattern && segments(literal).count() < depth {
            return None;
        }
        ChannelId::parse(literal).map(|channel| channel.tree(depth))
    }

    /// The one channel that it is, where it has no wildcard.
    pub fn channel(&self) -> Option<ChannelId> {
        (!self.0.ends_with('*')).then(|| ChannelId(Rc::clone(&self.0)))
    }

    pub fn matches(&self, channel: &ChannelId) -> bool {
        channel.matching_keys().any(|key| *key == *self.0)
    }

    /// Whether it matches every channel that the other pattern matches. Access to subscriptions is judged by this:
    /// permission for `/chat/**` does not allow a subscription to `/**`. Presence channels count here, although no
    /// wildcard [matches](Self::matches) them: permission for `/chat/**` allows `/chat/demo/$presence`.
    ///
    /// ```
    /// use bayeux_edge::bayeux::ChannelPattern;
    ///
    /// let chat = ChannelPattern::parse("/chat/**").unwrap();
    /// let covers = |name| chat.covers(&ChannelPattern::parse(name).unwrap());
    /// assert!(covers("/chat/demo") && covers("/chat/*") && covers("/chat/a/**"));
    /// assert!(!covers("/**") && !covers("/*") && !covers("/chat"));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        if let Some(parent) = self.0.strip_suffix("**") {
            other.0.starts_with(parent)
        } else if let Some(parent) = self.0.strip_suffix('*') {
            other.0.strip_prefix(parent).is_some_and(|last| last != "**" && !last.contains('/'))
        } else {
            self == other
        }
    }

    /// Whether some channel can match both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ChannelId> for ChannelPattern {
    fn from(channel: ChannelId) -> Self {
        Self(channel.0)
    }
}

impl TryFrom<String> for ChannelPattern {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name).ok_or("neither a channel nor a pattern")
    }
}

impl From<ChannelPattern> for String {
    fn from(pattern: ChannelPattern) -> Self {
        pattern.0.as_ref().to_owned()
    }
}

impl AsRef<str> for ChannelId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelPattern {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name without a trailing slash, if it begins with a slash and is within the bounds.
fn canonical(name: &str) -> Option<&str> {
    let name = match name.strip_suffix('/') {
        Some(rest) if !rest.is_empty() => rest,
        _ => name,
    };
    (name.starts_with('/') && name.len() <= MAX_LENGTH && segments(name).count() <= MAX_DEPTH).then_some(name)
}

fn segments(name: &str) -> impl Iterator<Item = &str> {
    name.split('/').skip(1)
}

/// A `token` of Bayeux 1.0 section 2.2, and what CometD takes besides: the dot, for names like `/stock/BRK.B`, the
/// space, and four marks. None of them needs an escape in JSON.
pub(in crate::bayeux) fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_!~()$@. #+{}".contains(&b))
}

fn realm(name: &str) -> Realm {
    match segments(name).next() {
        Some("meta") => Realm::Meta,
        Some("service") => Realm::Service,
        _ => Realm::Broadcast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_slash_and_segments() {
        for name in ["/a", "/a/b", "/A-z_0!~()$@", "/stock/BRK.B", "/the blue room", "/#1/a+b", "/{x}", "/ "] {
            assert_eq!(ChannelId::parse(name).unwrap().as_str(), name);
            assert_eq!(ChannelPattern::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "", "/", "a", "//", "/a//", "/a//b", "/a\tb", "/é", "/a:b", "/a%", "/a<", "/a\"", "/a\\", "/a\n", "/a*",
            "/*/a",
        ] {
            assert!(ChannelId::parse(name).is_none(), "{name}");
            assert!(ChannelPattern::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_trailing_slash_is_the_same_name() {
        assert_eq!(ChannelId::parse("/a/"), ChannelId::parse("/a"));
        assert_eq!(ChannelPattern::parse("/a/*/"), ChannelPattern::parse("/a/*"));
        assert!(ChannelId::parse("/a//").is_none());
    }

    #[test]
    fn wildcards_only_end_a_pattern_and_never_name_a_channel() {
        for name in ["/*", "/**", "/a/*", "/a/**"] {
            assert!(ChannelPattern::parse(name).is_some(), "{name}");
            assert!(ChannelId::parse(name).is_none(), "{name}");
        }
        for name in ["/*/b", "/**/b", "/a/***", "/a/b*", "*", "**"] {
            assert!(ChannelPattern::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_pattern_covers_another_if_it_matches_all_of_its_channels() {
        let below = |names: &[String], last: &[&str]| -> Vec<String> {
            names.iter().flat_map(|name| last.iter().map(move |last| format!("{name}/{last}"))).collect()
        };
        // All names over two letters, two levels deeper than the patterns: deeper ones cannot differ.
        let mut levels = vec![vec![String::new()]];
        for depth in 0..5 {
            levels.push(below(&levels[depth], &["a", "ab"]));
        }
        let channels: Vec<_> = levels[1..].concat().iter().map(|name| ChannelId::parse(name).unwrap()).collect();
        let patterns = below(&levels[..3].concat(), &["a", "ab", "*", "**"]);
        let patterns: Vec<_> = patterns.iter().map(|name| ChannelPattern::parse(name).unwrap()).collect();
        assert_eq!((channels.len(), patterns.len()), (62, 28));
        for (a, b) in patterns.iter().flat_map(|a| patterns.iter().map(move |b| (a, b))) {
            let all = channels.iter().filter(|channel| b.matches(channel)).all(|channel| a.matches(channel));
            assert_eq!(a.covers(b), all, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_channel_at_the_top_matches_the_star_of_the_root() {
        let keys: Vec<_> = ChannelId::parse("/a").unwrap().matching_keys().collect();
        assert_eq!(keys, ["/a", "/*", "/**"]);
    }

    #[test]
    fn names_are_bounded_in_length_and_depth() {
        assert!(ChannelId::parse(&format!("/{}", "x".repeat(MAX_LENGTH - 1))).is_some());
        assert!(ChannelId::parse(&format!("/{}", "x".repeat(MAX_LENGTH))).is_none());
        assert!(ChannelId::parse(&"/x".repeat(MAX_DEPTH)).is_some());
        assert!(ChannelId::parse(&"/x".repeat(MAX_DEPTH + 1)).is_none());
    }

    #[test]
    fn the_first_segment_decides_between_meta_service_and_broadcast() {
        assert_eq!(ChannelId::parse("/meta/x").unwrap().realm(), Realm::Meta);
        assert_eq!(ChannelId::parse("/service").unwrap().realm(), Realm::Service);
        assert_eq!(ChannelId::parse("/services/x").unwrap().realm(), Realm::Broadcast);
        assert_eq!(ChannelPattern::parse("/meta/**").unwrap().realm(), Realm::Meta);
    }
}
