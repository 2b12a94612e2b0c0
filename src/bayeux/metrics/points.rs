//! Data points for Workers Analytics Engine: what a home did since its last point.
//!
//! Analytics Engine adds up what points say, and a home's counters begin anew with each life of its object. So a point
//! has differences, not totals.
//!
//! A home writes at most one point a minute, however often it falls asleep and is woken: what it may not write yet is
//! kept with the object, as [`KeptPoints`], for its next life.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Metrics, Platform, Tally};
use crate::bayeux::time::Millis;

/// How often an object writes a point.
const INTERVAL: Duration = Duration::from_secs(60);

/// How often one does in which nothing is left. It keeps nothing for a next life.
const LAST_INTERVAL: Duration = Duration::from_secs(10);

/// What each double is, in order: `double1` is the first. Queries of users name them by their place, so a new one comes
/// last. Analytics Engine takes 20.
pub const DOUBLES: [&str; 20] = [
    "seconds",
    "sessions",
    "sockets",
    "memory_bytes",
    "storage_bytes",
    "requests",
    "messages_received",
    "publishes_received",
    "messages_refused",
    "events_accepted",
    "events_delivered",
    "events_resent",
    "events_dropped",
    "deliveries",
    "sessions_opened",
    "sessions_ended",
    "calls_sent",
    "hook_calls",
    "storage_rows_written",
    "event_latency_seconds",
];

/// The first doubles are what there is; those from here on are differences.
const FIRST_COUNTER: usize = 5;

/// A value for each difference.
type Counters = [u64; DOUBLES.len() - FIRST_COUNTER];

/// One data point.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint {
    /// The home's name: the index, and the first blob.
    pub home: String,
    pub doubles: [f64; DOUBLES.len()],
}

/// What is there when a point is made, as far as no session has to be looked at for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtHand {
    pub sessions: u64,
    pub memory_bytes: u64,
    pub platform: Platform,
}

/// When a home's last point was, and what it had counted by then.
#[derive(Debug, Default)]
pub struct Points {
    /// How often the object started anew with what an earlier life left.
    restarts: u64,
    /// Unix time; none before the first point.
    last: Option<Millis>,
    /// What this life had counted at its last point.
    told: Counters,
    /// What former lives counted after that point.
    untold: Counters,
    /// What was kept last.
    kept: Option<KeptPoints>,
}

/// What an object's next life needs to know of its points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct KeptPoints {
    #[serde(default)]
    restarts: u64,
    /// When the last point was, in Unix time; none before the first one.
    last: Option<u64>,
    /// What happened since.
    untold: Vec<u64>,
}

impl Points {
    /// Goes on where the last life stopped.
    pub fn restore(&mut self, kept: KeptPoints) {
        self.restarts = kept.restarts;
        // Another version may count other things.
        if let (Some(last), Ok(untold)) = (kept.last, kept.untold.clone().try_into()) {
            (self.last, self.untold) = (Some(Millis(last)), untold);
        }
        self.kept = Some(kept);
    }

    /// A new life found what an earlier one left.
    pub fn restarted(&mut self) {
        self.restarts += 1;
    }

    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// What is to be kept for the next life, where that has changed or was `lost`.
    pub fn keep(&mut self, counted: &Metrics, rows_written: u64, lost: bool) -> Option<KeptPoints> {
        let (restarts, last) = (self.restarts, self.last.map(|last| last.0));
        if restarts == 0 && last.is_none() {
            return None;
        }
        // Before the first point nothing is told, and what happened is in this life's counters.
        let untold = last.map(|_| self.differences(counters(counted, rows_written)).to_vec()).unwrap_or_default();
        let kept = KeptPoints { restarts, last, untold };
        let same = |before: &KeptPoints| {
            (before.restarts, before.last) == (restarts, last)
                && without_rows(&before.untold).eq(without_rows(&kept.untold))
        };
        if !lost && self.kept.as_ref().is_some_and(same) {
            return None;
        }
        self.kept = Some(kept.clone());
        Some(kept)
    }

    /// Whether a minute is over. `since`: when the counters began.
    pub fn is_due(&self, now: Millis, since: Millis) -> bool {
        let told_all = without_rows(&self.untold).all(|count| count == 0);
        // A home that slept with nothing to tell counts its minute from when it woke.
        let last = self.last.map_or(since, |last| if told_all { last.max(since) } else { last });
        is_over(INTERVAL, last, now)
    }

    /// Whether the last point of a life is to be written: something happened, and the point before is long enough ago.
    /// `is_empty`: nothing is left of the home.
    pub fn is_last_due(&self, now: Millis, counted: &Metrics, is_empty: bool) -> bool {
        // Rows are left out: an object writes some to fall asleep.
        let news = without_rows(&self.differences(counters(counted, 0))).any(|count| count > 0);
        let interval = if is_empty { LAST_INTERVAL } else { INTERVAL };
        news && self.last.is_none_or(|last| is_over(interval, last, now))
    }

    /// What happened since the last point, in this life and in those before.
    fn differences(&self, counters: Counters) -> Counters {
        std::array::from_fn(|at| self.untold[at] + counters[at].saturating_sub(self.told[at]))
    }

    /// The doubles of a point, which counts as written.
    pub fn take(&mut self, now: Millis, since: Millis, counted: &Metrics, there_is: AtHand) -> [f64; DOUBLES.len()] {
        let AtHand { sessions, memory_bytes, platform: Platform { sockets, storage_bytes, rows_written } } = there_is;
        let span = now.0.saturating_sub(self.last.unwrap_or(since).0);
        let counters = counters(counted, rows_written);
        let differences = self.differences(counters);
        self.last = Some(now);
        (self.told, self.untold) = (counters, Counters::default());
        let gauges = [span, sessions, sockets, memory_bytes, storage_bytes];
        let mut doubles = gauges.into_iter().chain(differences).map(|value| value as f64);
        let mut point: [f64; DOUBLES.len()] = std::array::from_fn(|_| doubles.next().unwrap_or_default());
        // These two are counted in milliseconds.
        for (double, name) in point.iter_mut().zip(DOUBLES) {
            if name == "seconds" || name == "event_latency_seconds" {
                *double /= 1000.0;
            }
        }
        point
    }
}

/// A clock that was set back ends an interval too.
fn is_over(interval: Duration, last: Millis, now: Millis) -> bool {
    now < last || now >= last + interval
}

fn without_rows(counters: &[u64]) -> impl Iterator<Item = u64> {
    let names = DOUBLES.iter().skip(FIRST_COUNTER);
    counters.iter().zip(names).filter(|(_, name)| **name != "storage_rows_written").map(|(count, _)| *count)
}

/// The counters in the order of [`DOUBLES`].
fn counters(counted: &Metrics, rows_written: u64) -> Counters {
    let sum = |tally: &Tally| tally.values().sum();
    let of = |tally: &Tally, name| tally.get(name).copied().unwrap_or_default();
    [
        sum(&counted.requests),
        sum(&counted.messages),
        of(&counted.messages, "publish"),
        sum(&counted.refused),
        counted.accepted,
        sum(&counted.delivered),
        counted.resent,
        counted.dropped,
        counted.deliveries,
        counted.opened,
        sum(&counted.ended),
        of(&counted.calls, "sent"),
        sum(&counted.hook_calls),
        rows_written,
        counted.latency.sum_ms(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `double1` and so on, in the order of the table.
    #[test]
    fn the_documentation_lists_the_doubles_in_their_order() {
        let page = include_str!("../../../docs/METRICS.md");
        for (name, place) in DOUBLES.iter().zip(1..) {
            let row = format!("| `double{place}` | `{name}` |");
            assert!(page.contains(&row), "docs/METRICS.md has no row {row}");
        }
    }
}
