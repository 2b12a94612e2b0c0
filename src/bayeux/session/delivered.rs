//! What left for clients, for the counters.

use super::session::Session;
use crate::bayeux::time::Millis;

/// What left for clients since this was asked last.
#[derive(Debug, Default)]
pub struct Delivered {
    /// By transport: how many events, and how many answers, frames and chunks they went in.
    pub by_transport: Vec<(&'static str, u64)>,
    /// How many of them had left before.
    pub resent: u64,
    /// When those came that had not, as far as that is known.
    pub arrivals: Vec<Millis>,
}

impl Delivered {
    /// Takes events out of a session, and takes note of them.
    pub fn take<T>(
        &mut self,
        session: &mut Session,
        take: impl FnOnce(&mut Session) -> T,
        count: fn(&T) -> usize,
    ) -> T {
        let known = self.arrivals.len();
        let mut first_time = 0;
        self.arrivals.extend(session.queue.unsent().inspect(|_| first_time += 1).flatten());
        let taken = take(session);
        match count(&taken) {
            // Nothing has left: it waits for a connect, or for what comes before it.
            0 => self.arrivals.truncate(known),
            events => {
                self.by_transport.push((session.transport(), events.min(first_time) as u64));
                self.resent += events.saturating_sub(first_time) as u64;
            }
        }
        taken
    }
}
