//! `HISTORY`: which channels keep their events for replay, and how many.

use std::time::Duration;

use crate::bayeux::wire::{ChannelId, ChannelPattern};

/// How much one channel keeps. Events past any of the bounds are removed, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    pub events: usize,
    pub age: Option<Duration>,
    /// Of JSON. The newest event stays, whatever its size.
    pub bytes: Option<u64>,
}

/// The channels that keep events. Of several patterns that match, the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRules(Vec<(ChannelPattern, HistoryBounds)>);

/// The highest count: at 100 bytes an event, a channel of 100 MB.
const MAX_EVENTS: usize = 1_000_000;

/// The longest age; longer archives are a database's task.
const MAX_AGE: Duration = Duration::from_secs(3660 * 86_400);

impl HistoryRules {
    /// Reads rules that are separated by semicolons: a pattern, a count, and perhaps an age and a size, in any order.
    ///
    /// ```
    /// use bayeux_edge::bayeux::HistoryRules;
    ///
    /// let rules = HistoryRules::parse("/chat/** 200 7d; /ticks/* 1000 1h 4MB").unwrap();
    /// assert!(!rules.is_empty());
    /// assert_eq!(HistoryRules::parse("/chat/** much"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let rules = text.split(';').map(str::trim).filter(|rule| !rule.is_empty());
        rules.map(parse_rule).collect::<Option<_>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What this channel keeps.
    pub fn of(&self, channel: &ChannelId) -> Option<HistoryBounds> {
        self.0.iter().find(|(pattern, _)| pattern.matches(channel)).map(|(_, bounds)| *bounds)
    }

    pub fn patterns(&self) -> impl Iterator<Item = &ChannelPattern> {
        self.0.iter().map(|(pattern, _)| pattern)
    }

    /// The longest time that any channel keeps an event; none where one keeps events for ever.
    pub fn longest_age(&self) -> Option<Duration> {
        self.0.iter().map(|(_, bounds)| bounds.age).collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

fn parse_rule(rule: &str) -> Option<(ChannelPattern, HistoryBounds)> {
    let mut words = rule.split_whitespace();
    let pattern = ChannelPattern::parse(words.next()?)?;
    let (mut events, mut age, mut bytes) = (None, None, None);
    for word in words {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = word.split_at(digits);
        let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
        match unit {
            "" if events.is_none() => {
                events = usize::try_from(number).ok().filter(|number| *number <= MAX_EVENTS);
                events?;
            }
            "s" | "m" | "h" | "d" if age.is_none() => {
                age = Some(Duration::from_secs(number.checked_mul(seconds(unit))?)).filter(|age| *age <= MAX_AGE);
                age?;
            }
            "B" | "KB" | "MB" | "GB" if bytes.is_none() => bytes = Some(number.checked_mul(size(unit))?),
            _ => return None,
        }
    }
    Some((pattern, HistoryBounds { events: events?, age, bytes }))
}

fn seconds(unit: &str) -> u64 {
    match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 1,
    }
}

fn size(unit: &str) -> u64 {
    match unit {
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(rules: &str, channel: &str) -> Option<HistoryBounds> {
        HistoryRules::parse(rules).unwrap().of(&ChannelId::parse(channel).unwrap())
    }

    #[test]
    fn a_rule_has_a_count_and_perhaps_an_age_and_a_size() {
        let hour = Some(Duration::from_secs(3600));
        for (rules, expected) in [
            ("/a/* 5", HistoryBounds { events: 5, age: None, bytes: None }),
            (" /a/*  5  1h ;", HistoryBounds { events: 5, age: hour, bytes: None }),
            ("/b 1; /a/** 60m 2KB 5", HistoryBounds { events: 5, age: hour, bytes: Some(2000) }),
            ("/a/x 5; /a/** 9", HistoryBounds { events: 5, age: None, bytes: None }),
        ] {
            assert_eq!(bounds(rules, "/a/x"), Some(expected), "{rules}");
        }
        assert_eq!(bounds("/a/* 5", "/a"), None);
        assert_eq!(bounds("", "/a"), None);
    }

    #[test]
    fn an_invalid_rule_is_refused() {
        for rules in [
            "/a",
            "a 5",
            "/a 0",
            "/a -1",
            "/a 5 6",
            "/a 2000000 5",
            "/a 1h",
            "/a 5 1w",
            "/a 5 1h 2h",
            "/a 5 9999999999d",
            "5",
        ] {
            assert_eq!(HistoryRules::parse(rules), None, "{rules}");
        }
    }

    #[test]
    fn there_is_no_longest_age_if_one_rule_has_no_age() {
        let longest = |rules| HistoryRules::parse(rules).unwrap().longest_age();
        assert_eq!(longest("/a 1 1m; /b 1 2m"), Some(Duration::from_secs(120)));
        assert_eq!(longest("/a 1 1m; /b 1"), None);
    }
}
