//! Advice: how a client is to go on (Bayeux 1.0 section 3.6).

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::message::Message;
use crate::bayeux::time::millis;

/// What a reply advises. The newest advice replaces all that came before.
///
/// ```
/// use bayeux_edge::bayeux::Advice;
///
/// assert_eq!(serde_json::to_string(&Advice::handshake()).unwrap(), r#"{"reconnect":"handshake","interval":0}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    #[serde(rename = "multiple-clients", skip_serializing_if = "is_false")]
    multiple_clients: bool,
}

impl Advice {
    /// Connect again after `interval`; a connect may be held for `timeout`.
    pub fn retry(interval: Duration, timeout: Duration) -> Self {
        Self {
            reconnect: Some("retry"),
            interval: Some(millis(interval)),
            timeout: Some(millis(timeout)),
            multiple_clients: false,
        }
    }

    /// Do the same again after `interval`.
    pub fn retry_after(interval: Duration) -> Self {
        Self { reconnect: Some("retry"), interval: Some(millis(interval)), timeout: None, multiple_clients: false }
    }

    /// The session is gone: shake hands, at once.
    pub fn handshake() -> Self {
        Self { reconnect: Some("handshake"), interval: Some(0), timeout: None, multiple_clients: false }
    }

    /// Shake hands, but not before `interval` has passed.
    pub fn handshake_after(interval: Duration) -> Self {
        Self { reconnect: Some("handshake"), interval: Some(millis(interval)), timeout: None, multiple_clients: false }
    }

    /// Try the same handshake again, but not before `interval` has passed. `reconnect` is left out: CometD's and Faye's
    /// clients repeat a handshake by themselves, and Faye's would do it twice if it were told to, doubling each time.
    pub fn again_after(interval: Duration) -> Self {
        Self { reconnect: None, interval: Some(millis(interval)), timeout: None, multiple_clients: false }
    }

    /// Give up: neither connect nor handshake.
    pub fn none() -> Self {
        Self { reconnect: Some("none"), interval: None, timeout: None, multiple_clients: false }
    }

    /// The same, to one of several clients of a browser that has no connection left for it (CometD).
    pub fn to_multiple_clients(self) -> Self {
        Self { multiple_clients: true, ..self }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a client asks for in the `advice` of a connect, within what the options allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedTiming {
    /// How long this connect may be held.
    pub timeout: Duration,
    /// How long the client will be away before its next connect.
    pub interval: Duration,
    /// Whether the client gave any advice: then it may have forgotten ours and is told again.
    pub given: bool,
}

impl RequestedTiming {
    /// `longest` is how long the connect may be held, `interval` what holds where the client asks for none,
    /// `longest_interval` the most that it may ask for. Invalid advice, invalid members and negative numbers count as
    /// absent.
    pub fn of(message: &Message, longest: Duration, interval: Duration, longest_interval: Duration) -> Self {
        let advice: Message = message.get("advice").unwrap_or_default();
        let asked = |name| duration(advice.field(name)?);
        let (asked_timeout, asked_interval) = (asked("timeout"), asked("interval"));
        Self {
            timeout: asked_timeout.map_or(longest, |asked| asked.min(longest)),
            interval: asked_interval.map_or(interval, |asked| asked.min(longest_interval)),
            given: asked_timeout.is_some() || asked_interval.is_some(),
        }
    }
}

/// A JSON number of milliseconds, zero or more. Fractions are cut, numbers beyond any clock are the longest duration.
fn duration(raw: &RawValue) -> Option<Duration> {
    // Rust parses all JSON numbers, and 1E400 as infinity, which serde_json would refuse.
    let number: f64 = raw.get().parse().ok()?;
    // `as` saturates 1E300 and infinity.
    (number >= 0.0).then(|| Duration::from_millis(number as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::Options;

    fn requested(advice: &str) -> RequestedTiming {
        let message: Message = serde_json::from_str(&format!("{{\"advice\":{advice}}}")).unwrap();
        let options = Options::default();
        RequestedTiming::of(&message, options.timeout, options.interval, options.max_client_interval())
    }

    #[test]
    fn a_requested_timeout_or_interval_is_capped_by_the_options() {
        let options = Options::default();
        for number in ["1e300", "1E400", "99999999999999999999"] {
            let requested = requested(&format!(r#"{{"timeout":{number},"interval":{number}}}"#));
            assert_eq!(
                (requested.timeout, requested.interval),
                (options.timeout, options.max_client_interval()),
                "{number}"
            );
        }
        assert_eq!(requested(r#"{"timeout":700.9}"#).timeout, Duration::from_millis(700));
    }

    #[test]
    fn invalid_advice_of_a_client_is_ignored() {
        let options = Options::default();
        let absent = RequestedTiming { timeout: options.timeout, interval: options.interval, given: false };
        for advice in [
            "5",
            "\"x\"",
            "null",
            "[]",
            "[0,0]",
            "{}",
            r#"{"timeout":"abc"}"#,
            r#"{"timeout":{}}"#,
            r#"{"timeout":-1}"#,
            r#"{"timeout":-1E400}"#,
            r#"{"timeout":true}"#,
            r#"{"timeout":"inf"}"#,
        ] {
            assert_eq!(requested(advice), absent, "{advice}");
        }
    }
}
