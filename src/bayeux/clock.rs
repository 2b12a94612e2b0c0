//! The server's own time, in which nothing jumps.
//!
//! The machine's clock can be set, or the machine can sleep. A step forward would end every session between two polls;
//! after a step back events would wait an hour too long. So this clock stands still where the outside clock goes back.
//! It also stands still where a wake-up comes more than five seconds late: the machine slept, and no client could reach
//! the server.

use std::time::Duration;

use crate::bayeux::time::Millis;

/// A wake-up may be this late on a busy object. A later one means that the clock has jumped.
pub(super) const LATE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Clock {
    now: Millis,
    /// The time outside at which `now` was read.
    outside: Millis,
}

impl Clock {
    /// Reads the outside time. `wake` is when, in the server's time, the server wants to be woken. Returns whether the
    /// clock jumped.
    pub fn read(&mut self, outside: Millis, wake: Option<Millis>) -> bool {
        let before = std::mem::replace(&mut self.outside, outside);
        if before == Millis::default() {
            self.now = outside;
            return false;
        }
        let now = self.now + Duration::from_millis(outside.0.saturating_sub(before.0));
        let jumped = outside < before || wake.is_some_and(|wake| wake + LATE < now);
        if !jumped {
            self.now = now;
        }
        jumped
    }

    /// The server's time.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The outside time for a time of the server's.
    pub fn outside(&self, time: Millis) -> Millis {
        self.outside + Duration::from_millis(time.0.saturating_sub(self.now.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_700_000_000_000;

    /// The server's time after these readings, in ms from noon, with a wake-up planned for then.
    fn after<const N: usize>(readings: [i64; N], wake: Option<u64>) -> (u64, Clock) {
        let mut clock = Clock::default();
        clock.read(Millis(NOON), None);
        for reading in readings {
            clock.read(Millis(NOON.checked_add_signed(reading).unwrap()), wake.map(|wake| Millis(NOON + wake)));
        }
        (clock.now().0 - NOON, clock)
    }

    #[test]
    fn time_passes_as_on_the_machine() {
        for (reading, wake) in [(10, Some(20)), (5000, Some(20)), (99_000_000, None)] {
            assert_eq!(after([reading], wake).0, reading.cast_unsigned(), "{wake:?}");
        }
    }

    #[test]
    fn the_clock_stands_still_when_the_machines_clock_jumps_back() {
        assert_eq!(after([-3_600_000], None).0, 0);
        let (now, clock) = after([-3_600_000, -3_599_990], None);
        assert_eq!((now, clock.outside(Millis(NOON + 20))), (10, Millis(NOON - 3_599_980)));
    }

    #[test]
    fn the_clock_stands_still_when_the_machines_clock_jumps_past_a_wake_up() {
        let (now, clock) = after([3_600_000], Some(1000));
        assert_eq!((now, clock.outside(Millis(NOON + 1000))), (0, Millis(NOON + 3_601_000)));
        assert_eq!(after([3_600_000, 3_601_000], Some(1000)).0, 1000);
    }
}
