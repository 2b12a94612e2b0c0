//! When the object may flush events again, for all its sessions together: at once while it is idle, in turns while it
//! is busy.
//!
//! An answer to a held poll, and a frame of a socket, cost the object the same however many events they carry. An
//! object that sends every event to a crowd at once falls behind. Events that are published shortly after each other
//! should share a frame.
//!
//! So after a flush to a crowd the next flush waits for one turn of the platform's event loop
//! ([`Output::AwaitTurn`](crate::bayeux::Output::AwaitTurn)). In that turn the object **handles the messages that have
//! already arrived**, and their events leave together. The wait has no fixed length: on a slow machine a turn takes
//! longer, and a frame carries more events. It never depends on a client.
//!
//! After frames the wait is two turns. In the first the platform sends the frames; in the second the object handles
//! what arrived in the meantime (measured: with one turn a busy object's frames carry half as many events).
//!
//! A flush answers a part of the polls that are ready, those that have waited longest first. Their clients poll again
//! while the others are answered. So everyone is answered once per round, with all events since the last one, and the
//! caches stay warm from one answer to the next (measured: see bench/README.md). Frames and chunks go to all at once.

use std::time::Duration;

use crate::bayeux::time::Millis;

/// A flush to this many receivers takes no longer than a turn of the event loop. After it the next one need not wait.
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
    fn the_next_flush_waits_for_the_turn_however_long_it_takes() {
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
    fn after_answers_to_polls_the_next_flush_waits_for_one_turn() {
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
    fn a_flush_answers_16_polls_or_a_sixteenth_of_more_than_256() {
        assert_eq!([0, 1, 16, 17, 256, 257, 10_000].map(most), [16, 16, 16, 16, 16, 17, 625]);
    }

    #[test]
    fn with_flush_pace_0_no_flush_waits() {
        let sent = Sent { answers: 1000, frames: 1000, chunks: 1000 };
        assert!(!FlushPace::default().flushed(START, sent, true, Duration::ZERO));
    }
}
