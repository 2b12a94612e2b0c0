//! Patterns with names in them, `/rooms/{room}/log`: for what an application declares. Clients cannot subscribe to one.

use std::collections::BTreeSet;
use std::fmt;

use super::{ChannelId, ChannelPattern};

/// What an application is declared for: a channel, a pattern, or either with named segments. A named segment matches
/// any one segment, and the handler reads which.
///
/// ```
/// use bayeux_edge::bayeux::{ChannelId, ChannelTemplate};
///
/// let log = ChannelTemplate::parse("/rooms/{room}/log").unwrap();
/// let captures = log.matches(&ChannelId::parse("/rooms/42/log").unwrap()).unwrap();
/// assert_eq!(captures.get("room"), Some("42"));
/// assert!(log.matches(&ChannelId::parse("/rooms/42").unwrap()).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelTemplate {
    Pattern(ChannelPattern),
    Named(Vec<Segment>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    /// One segment, under this name.
    Named(String),
    /// `*`, at the end alone.
    One,
    /// `**`, at the end alone: one segment or more.
    Many,
}

/// What the named segments of a template matched in one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(Vec<(String, String)>);

impl ChannelTemplate {
    /// `None` where it would be neither a channel nor a pattern with each `{name}` replaced, or names two segments
    /// alike.
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<_> = text.strip_prefix('/')?.split('/').map(Segment::parse).collect::<Option<_>>()?;
        let names: Vec<_> = segments.iter().filter_map(Segment::name).collect();
        if names.is_empty() {
            return ChannelPattern::parse(text).map(Self::Pattern);
        }
        let alone = names.iter().collect::<BTreeSet<_>>().len() == names.len();
        let filled: String =
            segments.iter().map(|segment| format!("/{}", segment.name().map_or(segment.as_str(), |_| "x"))).collect();
        (alone && ChannelPattern::parse(&filled).is_some()).then_some(Self::Named(segments))
    }

    /// What its named segments match in this channel; `None` where it does not match.
    pub fn matches(&self, channel: &ChannelId) -> Option<Captures> {
        let segments = match self {
            Self::Pattern(pattern) => return pattern.matches(channel).then(Captures::default),
            Self::Named(segments) => segments,
        };
        let mut captures = Vec::new();
        let mut theirs = channel.as_str().split('/').skip(1);
        for segment in segments {
            let actual = theirs.next()?;
            match segment {
                Segment::Literal(literal) if literal != actual => return None,
                Segment::Literal(_) | Segment::One => (),
                Segment::Named(name) => captures.push((name.clone(), actual.to_owned())),
                Segment::Many => return Some(Captures(captures)),
            }
        }
        theirs.next().is_none().then_some(Captures(captures))
    }

    pub fn has_names(&self) -> bool {
        matches!(self, Self::Named(_))
    }

    /// Whether it is this very pattern.
    pub fn is(&self, name: &ChannelPattern) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern == name)
    }

    /// The narrowest pattern that matches whatever this does.
    pub fn widened(&self) -> Option<ChannelPattern> {
        let segments = match self {
            Self::Pattern(pattern) => return Some(pattern.clone()),
            Self::Named(segments) => segments,
        };
        let literals = segments.iter().take_while(|segment| matches!(segment, Segment::Literal(_)));
        let before: String = literals.map(|segment| format!("/{}", segment.as_str())).collect();
        let rest = segments.len() - before.matches('/').count();
        let many = rest > 1 || segments.last() == Some(&Segment::Many);
        ChannelPattern::parse(&format!("{before}/{}", if many { "**" } else { "*" }))
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        let braced = text.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        match (text, braced) {
            (_, Some(name)) => {
                let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                valid.then(|| Self::Named(name.to_owned()))
            }
            ("*", _) => Some(Self::One),
            ("**", _) => Some(Self::Many),
            _ => (!text.contains(['{', '}'])).then(|| Self::Literal(text.to_owned())),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Named(text) => text,
            Self::One => "*",
            Self::Many => "**",
        }
    }
}

impl Captures {
    /// The segment of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, segment)| segment.as_str())
    }
}

impl fmt::Display for ChannelTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => f.write_str(pattern.as_str()),
            Self::Named(segments) => segments.iter().try_for_each(|segment| match segment.name() {
                Some(name) => write!(f, "/{{{name}}}"),
                None => write!(f, "/{}", segment.as_str()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(template: &str, channel: &str, name: &str) -> Option<String> {
        let captures = ChannelTemplate::parse(template).unwrap().matches(&ChannelId::parse(channel).unwrap())?;
        Some(captures.get(name).unwrap_or_default().to_owned())
    }

    #[test]
    fn a_named_segment_is_any_one_segment_and_wildcards_end_a_template() {
        for (template, channel, room) in [
            ("/rooms/{room}", "/rooms/1", Some("1")),
            ("/rooms/{room}", "/rooms", None),
            ("/rooms/{room}", "/rooms/1/2", None),
            ("/{kind}/{room}/log", "/rooms/1/log", Some("1")),
            ("/{kind}/{room}/log", "/rooms/1/x", None),
            ("/rooms/{room}/*", "/rooms/1/2", Some("1")),
            ("/rooms/{room}/*", "/rooms/1/2/3", None),
            ("/rooms/{room}/**", "/rooms/1/2/3", Some("1")),
            ("/rooms/{room}/**", "/rooms/1", None),
            ("/rooms/*", "/rooms/1", Some("")),
        ] {
            assert_eq!(captured(template, channel, "room").as_deref(), room, "{template} {channel}");
        }
    }

    #[test]
    fn an_invalid_template_is_refused() {
        for text in ["", "/", "rooms/{room}", "/{}", "/{a}/{a}", "/*/{a}", "/{a}//b", "/{a", "/x{a}", "/{a b}", "/**/a"]
        {
            assert_eq!(ChannelTemplate::parse(text), None, "{text}");
        }
        for (text, pattern) in [
            ("/a/{b}", "/a/*"),
            ("/a/{b}/c", "/a/**"),
            ("/{a}", "/*"),
            ("/a/{b}/**", "/a/**"),
            ("/a/*", "/a/*"),
            ("/a", "/a"),
        ] {
            assert_eq!(ChannelTemplate::parse(text).unwrap().widened(), ChannelPattern::parse(pattern), "{text}");
        }
        assert_eq!(ChannelTemplate::parse("/rooms/{room}/**").unwrap().to_string(), "/rooms/{room}/**");
    }
}
