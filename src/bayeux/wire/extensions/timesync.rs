//! The timesync extension: how far the client's clock is from the server's.
//!
//! ```text
//! → {"channel":"/meta/connect", … "ext":{"timesync":{"tc":1700000000000,"l":23,"o":-41}}}
//! ← {"channel":"/meta/connect", … "ext":{"timesync":{"tc":1700000000000,"ts":1700000000070,"p":3,"a":-88}}}
//! ```
//!
//! All in ms: `tc` the client's time when it sent, `l` the lag and `o` the offset it knows of, `ts` ours when it came,
//! `p` how long the answer took, `a` the error of the client's estimate, tc + o + l − ts. (CometD reference, "Timesync
//! Extension".)

use serde::Serialize;

use crate::bayeux::time::Millis;
use crate::bayeux::wire::message::Message;

/// Within this many ms a client's estimate is good, and is not corrected.
const ACCURACY_TARGET: i64 = 25;

/// What a message says of its sender's clock, and when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockReading {
    asked: Asked,
    came: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    tc: f64,
    l: f64,
    o: f64,
}

/// `ext.timesync` of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timesync {
    tc: i64,
    ts: u64,
    p: u64,
    a: i64,
}

impl ClockReading {
    pub fn of(message: &Message, now: Millis) -> Option<Self> {
        let asked: Message = message.get::<Message>("ext")?.get("timesync")?;
        let or_zero = |name| if asked.field(name).is_none() { Some(0.0) } else { asked.get(name) };
        let asked = Asked { tc: asked.get("tc")?, l: or_zero("l")?, o: or_zero("o")? };
        Some(Self { asked, came: now })
    }

    /// The answer where no time passes between question and answer.
    pub fn answer_at_once(self) -> Option<Timesync> {
        self.answer(self.came)
    }

    /// None where the client's estimate is good already.
    pub fn answer(self, now: Millis) -> Option<Timesync> {
        let Self { asked: Asked { tc, l, o }, came } = self;
        // `as` saturates, so absurd clocks get absurd answers and nothing overflows.
        let error = (tc + o + l - came.0 as f64) as i64;
        let wanted = l == 0.0 || error.saturating_abs() >= ACCURACY_TARGET;
        wanted.then_some(Timesync { tc: tc as i64, ts: came.0, p: now.0.saturating_sub(came.0), a: error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(timesync: &str) -> Option<ClockReading> {
        let message = serde_json::from_str(&format!(r#"{{"ext":{{"timesync":{timesync}}}}}"#)).unwrap();
        ClockReading::of(&message, Millis(1_000_000))
    }

    #[test]
    fn the_answer_has_both_times_the_processing_time_and_the_accuracy() {
        let answer = question(r#"{"tc":999000,"l":0,"o":0}"#).unwrap().answer(Millis(1_000_003));
        assert_eq!(answer, Some(Timesync { tc: 999_000, ts: 1_000_000, p: 3, a: -1000 }));
    }

    #[test]
    fn a_good_estimate_is_not_corrected() {
        assert_eq!(question(r#"{"tc":999980,"l":5,"o":0}"#).unwrap().answer(Millis(1_000_000)), None);
        assert!(question(r#"{"tc":999970,"l":5,"o":0}"#).unwrap().answer(Millis(1_000_000)).is_some());
        assert!(question(r#"{"tc":1000000}"#).unwrap().answer(Millis(1_000_000)).is_some());
    }

    #[test]
    fn an_invalid_timesync_field_is_not_answered() {
        for timesync in ["5", "{}", r#"{"tc":"x"}"#, r#"{"tc":1,"l":"x"}"#, "[1,2,3]", "null"] {
            assert_eq!(question(timesync), None, "{timesync}");
        }
        assert!(question(r#"{"tc":1e300,"l":-1e300,"o":1e308}"#).unwrap().answer(Millis(0)).is_some());
    }
}
