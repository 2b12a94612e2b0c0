//! When events leave: at once on an idle object, in turns and bundles on a busy one.
//!
//! Each answer to a held poll and each frame of a socket costs the object the same, whatever it carries. An object that
//! sends each event to a crowd at once falls behind. Events that are published meanwhile had better share the next
//! frame.
//!
//! So after a flush to a crowd the next one waits until **what has already come has been taken in**: for a turn of the
//! platform's event loop, [`Output::AwaitTurn`](crate::bayeux::Output::AwaitTurn), however long that takes. A slow
//! machine's turns are long, and its frames carry more. It uses no fixed delay, and waits for no
//! client. After frames it is two turns: in the first one the platform sends them, and what comes
//! meanwhile is taken in by the second (measured: with one a busy object's frames carry half as many events).
//!
//! A flush answers a few of the polls that are ready, the longest unanswered first: their clients come back while the
//! others are answered. So everyone is answered once per round, with all that came meanwhile, and the caches stay warm
//! from one answer to the next (measured: see bench/README.md). Frames and chunks go to all at once.

use std::time::Duration;

use crate::bayeux::time::Millis;

/// A flush to so many receivers costs no more than the turn that the next one would wait for.
const FEW: usize = 16;

/// A flush answers at most [`FEW`] polls, or this fraction of those that are ready, so a round takes a fixed number of
/// flushes.
const PART: usize = 16;

/// Decides whether the next flush may go out.
#[derive(Debug, Default)]
pub struct FlushPace {
    /// When to stop waiting for the turn's end, in case the platform never reports it.
    awaits_turn: Option<Millis>,
    /// How many turns are still to pass.
    turns: u8,
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
    pub fn allows(&self) -> bool {
        self.awaits_turn.is_none()
    }

    /// A flush has sent this; `left_out` says whether some who are ready were left out. Returns whether the next flush
    /// waits for a turn of the event loop, at most for `longest`.
    #[must_use]
    pub fn flushed(&mut self, now: Millis, sent: Sent, left_out: bool, longest: Duration) -> bool {
        let written = sent.frames + sent.chunks;
        let crowd = left_out || sent.answers + written > FEW;
        self.turns = if written > FEW { 2 } else { 1 };
        self.awaits_turn = (crowd && !longest.is_zero()).then(|| now + longest);
        !self.allows()
    }

    /// The turn is over. Returns whether the next flush waits for one more.
    #[must_use]
    pub fn turn_is_over(&mut self) -> bool {
        self.turns = self.turns.saturating_sub(1);
        self.awaits_turn = self.awaits_turn.filter(|_| self.turns > 0);
        !self.allows()
    }

    /// A timer has rung.
    pub fn rings(&mut self, now: Millis) {
        self.awaits_turn = self.awaits_turn.filter(|latest| now < *latest);
    }

    /// When a timer must ring for those who are ready, in case the turn's end is never reported.
    pub fn due(&self, now: Millis) -> Option<Millis> {
        self.awaits_turn.map(|latest| latest.max(now + Duration::from_millis(1)))
    }
}

/// How many of so many ready sessions a flush answers.
pub fn most(ready: usize) -> usize {
    FEW.max(ready.div_ceil(PART))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(500);
    const START: Millis = Millis(1000);

    fn waits_after(sent: Sent, left_out: bool) -> bool {
        FlushPace::default().flushed(START, sent, left_out, LONGEST)
    }

    #[test]
    fn after_a_crowd_the_next_flush_waits_for_a_turn_and_after_a_few_it_does_not() {
        let crowds = [
            Sent { answers: 17, ..Sent::default() },
            Sent { frames: 17, ..Sent::default() },
            Sent { chunks: 17, ..Sent::default() },
            Sent { answers: 6, frames: 6, chunks: 6 },
        ];
        assert!(crowds.into_iter().all(|sent| waits_after(sent, false)));
        assert!(!waits_after(Sent { frames: 16, ..Sent::default() }, false));
        assert!(waits_after(Sent { answers: 16, ..Sent::default() }, true), "some were left out");
    }

    #[test]
    fn a_turn_may_take_any_time() {
        let mut pace = FlushPace::default();
        assert!(pace.flushed(START, Sent { frames: 1000, ..Sent::default() }, false, LONGEST));
        pace.rings(START + Duration::from_millis(499));
        assert!(!pace.allows());
        assert!(pace.turn_is_over(), "the frames are out");
        assert!(!pace.allows());
        assert!(!pace.turn_is_over(), "what has come meanwhile is in");
        assert!(pace.allows());
    }

    #[test]
    fn after_answers_it_is_one_turn() {
        let mut pace = FlushPace::default();
        assert!(pace.flushed(START, Sent { answers: 16, ..Sent::default() }, true, LONGEST));
        assert!(!pace.turn_is_over());
        assert!(pace.allows());
    }

    #[test]
    fn a_timer_ends_the_wait_for_a_turn_that_never_comes() {
        let mut pace = FlushPace::default();
        assert!(pace.flushed(START, Sent { frames: 1000, ..Sent::default() }, false, LONGEST));
        pace.rings(pace.due(START).unwrap());
        assert!(pace.allows());
    }

    #[test]
    fn few_are_answered_at_once_or_a_part_of_many() {
        assert_eq!([0, 1, 16, 17, 256, 257, 10_000].map(most), [16, 16, 16, 16, 16, 17, 625]);
    }

    #[test]
    fn a_pace_of_zero_never_waits() {
        let sent = Sent { answers: 1000, frames: 1000, chunks: 1000 };
        assert!(!FlushPace::default().flushed(START, sent, true, Duration::ZERO));
    }
}
