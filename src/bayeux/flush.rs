//! When events leave: at once on an idle object, in bundles on a busy one.
//!
//! To answer a held poll costs a quarter of a millisecond on workerd, whatever it carries. An object that has just
//! answered a thousand polls is busy with that, and with the polls that come back, for a quarter of a second. Events
//! published meanwhile do better to share the next answer than to queue up an answer each.
//!
//! So a flush starts a wave: the next one waits until nearly all the polls it answered have come back, and a little
//! longer for the publishers that waited for the same answers. Clients that stay away are not waited for: a wave ends
//! at the latest after twice the time its answers cost, or after `FLUSH_PACE`.

use std::time::Duration;

use super::Millis;

/// What one answer costs the object, measured on workerd: see bench/README.md.
const COST_OF_ANSWER: Duration = Duration::from_micros(250);

/// What one frame of a socket costs it.
const COST_OF_FRAME: Duration = Duration::from_micros(30);

/// What one chunk of a stream costs it.
const COST_OF_CHUNK: Duration = Duration::from_micros(60);

/// A wave is over when all but this part of its polls are back.
const STRAGGLERS: usize = 50;

/// How much longer the next flush waits than the wave took: this part of it. Publishers come back with the last polls.
const GATHER: u64 = 16;

/// Tells when the next flush is due.
#[derive(Debug, Default)]
pub struct FlushPace {
    number: u64,
    since: Millis,
    not_before: Millis,
    /// When the frames and chunks of the wave are out, whatever the polls do.
    earliest: Millis,
    /// Polls that may still come back before the wave is over.
    awaited: usize,
}

/// The wave in which a session's connect was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wave(u64);

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

    pub fn not_before(&self) -> Millis {
        self.not_before
    }

    /// The wave that a flush now would start.
    pub fn next_wave(&self) -> Wave {
        Wave(self.number + 1)
    }

    /// A wave has started: so much was sent just now. The next flush waits for `longest` at the most.
    pub fn flushed(&mut self, now: Millis, sent: Sent, longest: Duration) {
        let Sent { answers, frames, chunks } = sent;
        let frames = times(COST_OF_FRAME, frames).saturating_add(times(COST_OF_CHUNK, chunks));
        let cost = times(COST_OF_ANSWER, answers).saturating_mul(2).saturating_add(frames);
        self.number += 1;
        self.since = now;
        self.not_before = now + cost.min(longest);
        self.earliest = now + frames.min(longest);
        self.awaited = answers - answers / STRAGGLERS;
    }

    /// A session that was answered in this wave has sent its next connect.
    pub fn returned(&mut self, now: Millis, wave: Wave) {
        if wave != Wave(self.number) || self.awaited == 0 {
            return;
        }
        self.awaited -= 1;
        if self.awaited == 0 {
            let took = now.0.saturating_sub(self.since.0);
            let gathered = now + Duration::from_millis(took / GATHER);
            self.not_before = self.not_before.min(gathered.max(self.earliest));
        }
    }
}

fn times(cost: Duration, count: usize) -> Duration {
    cost.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);
    const START: Millis = Millis(1000);

    fn after_a_flush_of(answers: usize) -> (FlushPace, Wave) {
        let mut pace = FlushPace::default();
        let wave = pace.next_wave();
        pace.flushed(START, Sent { answers, ..Sent::default() }, LONGEST);
        (pace, wave)
    }

    #[test]
    fn a_wave_lasts_twice_its_cost_at_the_most_and_never_longer_than_the_longest() {
        for (answers, wait) in [(0, 0), (1, 0), (40, 20), (100_000, 100)] {
            let (pace, _) = after_a_flush_of(answers);
            assert_eq!(pace.not_before(), START + Duration::from_millis(wait), "{answers} answers");
        }
    }

    #[test]
    fn a_wave_is_over_a_little_after_nearly_all_its_polls_are_back() {
        let (mut pace, wave) = after_a_flush_of(150);
        for _ in 0..146 {
            pace.returned(Millis(1032), wave);
        }
        assert!(!pace.allows(Millis(1034)));
        pace.returned(Millis(1032), wave);
        assert!(!pace.allows(Millis(1033)));
        assert!(pace.allows(Millis(1034)));
    }

    #[test]
    fn polls_of_an_earlier_wave_do_not_count() {
        let (mut pace, earlier) = after_a_flush_of(2);
        pace.flushed(START, Sent { answers: 40, ..Sent::default() }, LONGEST);
        for _ in 0..40 {
            pace.returned(START, earlier);
        }
        assert!(!pace.allows(Millis(1019)));
    }

    #[test]
    fn frames_and_chunks_take_their_time_whether_polls_come_back_or_not() {
        let mut pace = FlushPace::default();
        let wave = pace.next_wave();
        pace.flushed(START, Sent { answers: 1, frames: 1000, chunks: 500 }, LONGEST);
        pace.returned(START, wave);
        assert_eq!(pace.not_before(), START + Duration::from_millis(60));
    }

    #[test]
    fn a_pace_of_zero_never_waits() {
        let mut pace = FlushPace::default();
        pace.flushed(START, Sent { answers: 1000, frames: 1000, chunks: 1000 }, Duration::ZERO);
        assert!(pace.allows(START));
    }
}
