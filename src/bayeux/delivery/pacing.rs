//! When events leave: at once on an idle object, in turns on a busy one.
//!
//! To answer a held poll costs a fifth of a millisecond on workerd, whatever it carries, and half of that is due only when the
//! platform gets to it. An object that answers a thousand polls for each event at once is behind from then on. Events published
//! meanwhile do better to share the next answer than to queue up an answer each.
//!
//! So a flush answers some of the polls that are ready, those first that have not been for longest. The next one comes when the
//! platform has done all that was to be done by then, has sent these answers and taken in what has come: that is when a timer
//! rings that was set to a millisecond. A busy object so answers everybody once in the time that all of them cost, with what came
//! meanwhile, and waits for no client, however far away. What one answer used is also still at hand for the next (measured: see
//! bench/README.md). Where no timer rings, the next flush may come after twice the time that the answers cost, or `FLUSH_PACE`.
//!
//! The frames and chunks of a flush go to all at once. They are bundled by their cost alone.

use std::time::Duration;

use crate::bayeux::time::Millis;

/// What one answer costs the object, measured on workerd: see bench/README.md.
const COST_OF_ANSWER: Duration = Duration::from_micros(250);

/// What one frame of a socket costs it.
const COST_OF_FRAME: Duration = Duration::from_micros(30);

/// What one chunk of a stream costs it.
const COST_OF_CHUNK: Duration = Duration::from_micros(60);

/// A flush answers so many polls at the most …
const FEW: usize = 16;

/// … or this part of those that are ready: all have had their turn after so many flushes, however many they are.
const PART: usize = 16;

/// The shortest time of a timer. It rings later: the platform first does what there is to do.
const SOON: Duration = Duration::from_millis(1);

/// Tells when the next flush is due.
#[derive(Debug, Default)]
pub struct FlushPace {
    not_before: Millis,
    /// When the frames and chunks of the last flush are out.
    earliest: Millis,
}

/// What a flush sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// To held polls.
    pub answers: usize,
    /// On sockets.
    pub frames: usize,
    /// On event streams.
    pub chunks: usize,
}

impl FlushPace {
    pub fn allows(&self, now: Millis) -> bool {
        self.not_before <= now
    }

    /// When a timer should ring for those that were left out.
    pub fn due(&self, now: Millis) -> Millis {
        self.earliest.max(now + SOON)
    }

    /// So much was sent just now. The next flush waits for `longest` at the most.
    pub fn flushed(&mut self, now: Millis, sent: Sent, longest: Duration) {
        let Sent { answers, frames, chunks } = sent;
        let frames = times(COST_OF_FRAME, frames).saturating_add(times(COST_OF_CHUNK, chunks));
        let cost = times(COST_OF_ANSWER, answers).saturating_mul(2).saturating_add(frames);
        self.not_before = now + cost.min(longest);
        self.earliest = now + frames.min(longest);
    }

    /// A timer has rung: the answers that were on their way are out.
    pub fn answers_are_out(&mut self, now: Millis) {
        self.not_before = self.not_before.min(self.earliest.max(now));
    }
}

/// How many of so many ready sessions a flush answers.
pub fn most(ready: usize) -> usize {
    FEW.max(ready.div_ceil(PART))
}

fn times(cost: Duration, count: usize) -> Duration {
    cost.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);
    const START: Millis = Millis(1000);

    fn after_a_flush_of(answers: usize) -> FlushPace {
        let mut pace = FlushPace::default();
        pace.flushed(START, Sent { answers, ..Sent::default() }, LONGEST);
        pace
    }

    #[test]
    fn the_next_flush_waits_twice_the_cost_at_the_most_and_never_longer_than_the_longest() {
        for (answers, wait) in [(0, 0), (1, 0), (40, 20), (100_000, 100)] {
            assert_eq!(after_a_flush_of(answers).not_before, START + Duration::from_millis(wait), "{answers} answers");
        }
    }

    #[test]
    fn the_answers_are_out_when_a_timer_rings_and_not_when_more_time_has_passed() {
        let mut pace = after_a_flush_of(150);
        assert!(!pace.allows(Millis(1074)));
        pace.answers_are_out(pace.due(START));
        assert!(pace.allows(Millis(1001)));
    }

    #[test]
    fn few_are_answered_at_once_or_a_part_of_many() {
        assert_eq!([0, 1, 16, 17, 256, 257, 10_000].map(most), [16, 16, 16, 16, 16, 17, 625]);
    }

    #[test]
    fn frames_and_chunks_take_their_time_whether_answers_are_out_or_not() {
        let mut pace = FlushPace::default();
        pace.flushed(START, Sent { answers: 1, frames: 1000, chunks: 500 }, LONGEST);
        pace.answers_are_out(START);
        assert_eq!([pace.not_before, pace.due(START)], [START + Duration::from_millis(60); 2]);
    }

    #[test]
    fn a_pace_of_zero_never_waits() {
        let mut pace = FlushPace::default();
        pace.flushed(START, Sent { answers: 1000, frames: 1000, chunks: 1000 }, Duration::ZERO);
        assert!(pace.allows(START));
    }
}
