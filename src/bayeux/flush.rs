//! When events leave: at once on an idle object, in bundles on a busy one.
//!
//! Measured on workerd: to answer a held poll costs a quarter of a millisecond, whatever it carries. So an object that
//! has just answered a thousand polls is busy with that for a quarter of a second; events published meanwhile do
//! better to share the next answer than to queue up an answer each. The pace is the time the last flush costs.

use std::time::Duration;

use super::Millis;

/// What one answer costs the object, measured with `npm run bench`: see bench/README.md.
const COST_OF_ANSWER: Duration = Duration::from_micros(250);

/// The time before which no further flush is due.
#[derive(Debug, Default)]
pub struct FlushPace {
    not_before: Millis,
}

impl FlushPace {
    pub fn allows(&self, now: Millis) -> bool {
        self.not_before <= now
    }

    pub fn not_before(&self) -> Millis {
        self.not_before
    }

    /// `answers` polls were answered just now: the next flush waits as long as that takes, `longest` at the most.
    pub fn flushed(&mut self, now: Millis, answers: usize, longest: Duration) {
        let cost = COST_OF_ANSWER.saturating_mul(u32::try_from(answers).unwrap_or(u32::MAX));
        self.not_before = now + cost.min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);

    #[test]
    fn the_more_were_answered_the_longer_the_next_flush_waits_up_to_the_longest() {
        let mut pace = FlushPace::default();
        for (answers, wait) in [(0, 0), (2, 0), (40, 10), (100_000, 100)] {
            pace.flushed(Millis(1000), answers, LONGEST);
            assert_eq!(pace.not_before(), Millis(1000 + wait), "{answers} answers");
            assert!(pace.allows(Millis(1000 + wait)));
        }
    }

    #[test]
    fn a_pace_of_zero_never_waits() {
        let mut pace = FlushPace::default();
        pace.flushed(Millis(1000), 1000, Duration::ZERO);
        assert!(pace.allows(Millis(1000)));
    }
}
