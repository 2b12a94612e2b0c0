//! The timestamp extension: each message says when the server made it.
//!
//! ```text
//! ← [{"channel":"/chat/demo","data":"hi","timestamp":"2023-11-14T22:13:20.000Z"},
//!    {"channel":"/meta/connect","id":"3","successful":true,"timestamp":"2023-11-14T22:13:20.250Z"}]
//! ```
//!
//! As with CometD's `TimestampExtension` the server switches it on (`TIMESTAMP`), no client asks, and the field stands
//! beside the others, not in `ext`. The format is not Java's but the ISO 8601 profile of Bayeux 1.0 (section
//! "timestamp"), in milliseconds and with the zone that the profile leaves open, as JavaScript's `toISOString` writes
//! it. An event keeps the time at which it was published, however long it waits.

use std::borrow::Cow;

use crate::bayeux::time::Millis;

/// The field as the JSON of one more member, with its comma; empty while the extension is off.
#[derive(Debug, Default)]
pub struct Stamp(String);

const DAY: u64 = 24 * 60 * 60 * 1000;

impl Stamp {
    pub fn at(now: Millis) -> Self {
        Self(format!(r#","timestamp":"{}""#, iso(now)))
    }

    pub fn as_json(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An object that is JSON already, with the field as its last one.
    pub fn on<'a>(&self, object: &'a str) -> Cow<'a, str> {
        match object.strip_suffix('}') {
            Some(fields) if !self.is_empty() => format!("{fields}{}}}", self.0).into(),
            _ => object.into(),
        }
    }
}

/// ISO 8601, as JavaScript's `toISOString` writes it.
pub fn iso(Millis(ms): Millis) -> String {
    let (year, month, day) = date(ms / DAY);
    let of_day = ms % DAY;
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// The date of a day, counted from 1970-01-01, in the Gregorian calendar: Howard Hinnant's `civil_from_days`. Years
/// begin in March there, so that a leap day is a year's last.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468; // from 0000-03-01
    let (era, of_era) = (day / 146_097, day % 146_097); // of 400 years
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_javascript_writes_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(Millis(ms)), text);
        }
        assert!(iso(Millis(u64::MAX)).ends_with('Z'));
    }
}
