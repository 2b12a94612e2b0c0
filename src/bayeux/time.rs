//! Time as a value: the core never reads a clock.

use std::collections::BTreeSet;
use std::ops::Add;
use std::time::Duration;

/// A moment, in milliseconds since the UNIX epoch, as told by whoever calls the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// After all time.
    pub const NEVER: Self = Self(u64::MAX);
}

impl Add<Duration> for Millis {
    type Output = Millis;

    /// Saturates, so that no option overflows the clock.
    fn add(self, duration: Duration) -> Millis {
        Millis(self.0.saturating_add(millis(duration)))
    }
}

/// Takes the first entry that is due from a list ordered by time.
pub fn pop_due<T: Ord>(list: &mut BTreeSet<(Millis, T)>, now: Millis) -> Option<T> {
    let due = list.first().is_some_and(|(time, _)| *time <= now);
    if due { list.pop_first().map(|(_, what)| what) } else { None }
}

/// A duration in whole milliseconds, the unit of Bayeux advice.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
