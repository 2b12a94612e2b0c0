//! All metrics of a home as a table of families, and its two formats.
//!
//! ```text
//! # TYPE bayeux_messages_received counter
//! # HELP bayeux_messages_received Messages, by what they are.
//! bayeux_messages_received_total{kind="connect"} 7
//! # EOF
//! ```
//!
//! The text's format is OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::histogram::Histogram;
use super::{Gauges, Metrics, Platform, Tally};
use crate::bayeux::time::Millis;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The values of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    One(u64),
    /// By the values of this label.
    By(&'static str, Tally),
    /// Durations.
    Times(Histogram),
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Without the prefix `bayeux_`.
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    pub values: Values,
}

/// All metrics of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The home's name.
    pub home: String,
    /// When the counters began, in Unix time.
    pub since: Millis,
    pub families: Vec<Family>,
}

impl Report {
    pub fn new(home: &str, since: Millis, counted: &Metrics, there_is: Gauges, platform: Platform) -> Self {
        use Values::{By, One, Times};
        let counter = |name, help, values| Family { name, kind: Kind::Counter, help, values };
        let gauge = |name, help, values| Family { name, kind: Kind::Gauge, help, values };
        let times = |name, help, values: &Histogram| Family {
            name,
            kind: Kind::Histogram,
            help,
            values: Times(values.clone()),
        };
        let by = |label, tally: &Tally| By(label, tally.clone());
        let families = vec![
            gauge("sessions", "Sessions, by the transport of their last connect.", By("transport", there_is.sessions)),
            gauge("held_connects", "Connects that are held, by transport.", By("transport", there_is.held)),
            gauge("sockets", "WebSockets that are open.", One(platform.sockets)),
            gauge("subscriptions", "Subscriptions of all sessions.", One(there_is.subscriptions)),
            gauge("channels", "Names that somebody listens to.", One(there_is.channels)),
            gauge("queued_events", "Events that wait, each session counted.", One(there_is.queued_events)),
            gauge("queued_bytes", "Bytes of JSON of what waits, each session counted.", One(there_is.queued_bytes)),
            gauge("memory_bytes", "Bytes that the home holds for clients and other homes.", One(there_is.memory_bytes)),
            gauge("memory_limit_bytes", "MAX_MEMORY.", One(there_is.memory_limit)),
            gauge("storage_bytes", "Bytes of the object's database.", One(platform.storage_bytes)),
            counter("restarts", "How often the object started anew with what it had kept.", One(there_is.restarts)),
            counter("requests", "Requests with messages, and frames of sockets.", by("transport", &counted.requests)),
            counter("messages_received", "Messages, by what they are.", by("kind", &counted.messages)),
            counter("messages_refused", "Messages that were refused.", by("error", &counted.refused)),
            counter("events_accepted", "Events that this home took as their owner.", One(counted.accepted)),
            counter("events_delivered", "Events sent, each client counted.", by("transport", &counted.delivered)),
            counter("events_resent", "Events sent once more, for want of an acknowledgement.", One(counted.resent)),
            counter("deliveries", "How often events left for a client, some at a time.", One(counted.deliveries)),
            counter("events_piggybacked", "Events for the sender alone.", One(counted.piggybacked)),
            counter("events_dropped", "Events that had to make room.", One(counted.dropped)),
            counter("sessions_opened", "Handshakes that succeeded.", One(counted.opened)),
            counter("sessions_ended", "Sessions that ended, by why.", by("reason", &counted.ended)),
            counter("replays", "Subscriptions that ask for what was said.", by("outcome", &counted.replays)),
            counter("replay_pages", "Pages of replays.", by("outcome", &counted.replay_pages)),
            counter("hook_calls", "Questions to the hooks Worker.", by("outcome", &counted.hook_calls)),
            counter("calls", "Calls between objects.", by("direction", &counted.calls)),
            counter("storage_rows_written", "Rows written, as the platform counts them.", One(platform.rows_written)),
            times("hook_seconds", "How long the hooks Worker took.", &counted.hook_time),
            times("event_latency_seconds", "From an event's arrival to its first leaving.", &counted.latency),
        ];
        Self { home: home.to_owned(), since, families }
    }

    /// As OpenMetrics text, without a label for the home: the scraper knows whom it asked.
    pub fn to_openmetrics(&self) -> String {
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments| {
            // Writing to a String does not fail.
            let _ = text.write_fmt(line);
            text.push('\n');
        };
        line(format_args!("# TYPE bayeux_start_time_seconds gauge"));
        line(format_args!("# UNIT bayeux_start_time_seconds seconds"));
        line(format_args!("# HELP bayeux_start_time_seconds Since when the counters count: the object's life."));
        line(format_args!("bayeux_start_time_seconds {}", seconds(self.since.0)));
        for Family { name, kind, help, values } in &self.families {
            line(format_args!("# TYPE bayeux_{name} {}", kind.name()));
            if let Some((_, unit)) = name.rsplit_once('_').filter(|(_, unit)| matches!(*unit, "bytes" | "seconds")) {
                line(format_args!("# UNIT bayeux_{name} {unit}"));
            }
            line(format_args!("# HELP bayeux_{name} {help}"));
            let suffix = if *kind == Kind::Counter { "_total" } else { "" };
            match values {
                Values::One(value) => line(format_args!("bayeux_{name}{suffix} {value}")),
                Values::By(label, tally) => {
                    for (of, value) in tally {
                        line(format_args!("bayeux_{name}{suffix}{{{label}=\"{of}\"}} {value}"));
                    }
                }
                Values::Times(histogram) => {
                    for (bound, count) in histogram.buckets() {
                        line(format_args!("bayeux_{name}_bucket{{le=\"{}\"}} {count}", seconds(bound)));
                    }
                    line(format_args!("bayeux_{name}_bucket{{le=\"+Inf\"}} {}", histogram.count()));
                    line(format_args!("bayeux_{name}_sum {}", seconds(histogram.sum_ms())));
                    line(format_args!("bayeux_{name}_count {}", histogram.count()));
                }
            }
        }
        text.push_str("# EOF\n");
        text
    }

    /// As JSON: each family under its name in camel case; a family with a label is an object.
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        all.insert("home".to_owned(), self.home.as_str().into());
        all.insert("since".to_owned(), self.since.0.into());
        for Family { name, values, .. } in &self.families {
            let value = match values {
                Values::One(value) => json!(value),
                Values::By(_, tally) => json!(tally),
                Values::Times(histogram) => {
                    let below: Map<String, Value> =
                        histogram.buckets().map(|(bound, count)| (bound.to_string(), count.into())).collect();
                    json!({ "count": histogram.count(), "sum": histogram.sum_ms(), "below": below })
                }
            };
            // The JSON has milliseconds, like the rest of the API.
            all.insert(camel_case(&name.replace("_seconds", "_ms")), value);
        }
        all.into()
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Milliseconds in seconds, as OpenMetrics writes floats.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_report_has_the_same_values_in_openmetrics_and_json() {
        let mut counted = Metrics { accepted: 3, ..Metrics::default() };
        Metrics::count(&mut counted.messages, "publish", 2);
        counted.latency.observe(Duration::from_millis(7), 3);
        let platform = Platform { storage_bytes: 4096, ..Platform::default() };
        let report = Report::new("/chat", Millis(1_700_000_000_250), &counted, Gauges::default(), platform);
        let text = report.to_openmetrics();
        for line in [
            "bayeux_start_time_seconds 1700000000.25",
            "# TYPE bayeux_events_accepted counter",
            "bayeux_events_accepted_total 3",
            "bayeux_messages_received_total{kind=\"publish\"} 2",
            "# UNIT bayeux_storage_bytes bytes",
            "bayeux_storage_bytes 4096",
            "bayeux_event_latency_seconds_bucket{le=\"0.005\"} 0",
            "bayeux_event_latency_seconds_bucket{le=\"0.01\"} 3",
            "bayeux_event_latency_seconds_bucket{le=\"1.0\"} 3",
            "bayeux_event_latency_seconds_bucket{le=\"+Inf\"} 3",
            "bayeux_event_latency_seconds_sum 0.021",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let json = report.to_json();
        assert_eq!(
            (&json["home"], &json["eventsAccepted"], &json["storageBytes"]),
            (&json!("/chat"), &json!(3), &json!(4096))
        );
        assert_eq!(json["messagesReceived"], json!({ "publish": 2 }));
        assert_eq!(json["eventLatencyMs"]["sum"], 21);
    }

    #[test]
    fn metric_names_are_unique_and_valid_in_openmetrics() {
        let report = Report::new("/", Millis(0), &Metrics::default(), Gauges::default(), Platform::default());
        let mut names: Vec<_> = report.families.iter().map(|family| family.name).collect();
        let count = names.len();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
