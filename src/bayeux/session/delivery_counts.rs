//! What was sent to clients, for the metrics.

use super::session::Session;
use crate::bayeux::time::Millis;

/// What was sent to clients since this was last taken.
#[derive(Debug, Default)]
pub struct Delivered {
    /// For each send its transport, and how many events it carried for the first time.
    pub by_transport: Vec<(&'static str, u64)>,
    /// Events that had been sent before.
    pub resent: u64,
    /// When events arrived that are sent for the first time, as far as known.
    pub arrivals: Vec<Millis>,
}

impl Delivered {
    /// Takes events out of a session, and counts them.
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
            // Nothing is sent: it waits for a connect, or for an earlier page.
            0 => self.arrivals.truncate(known),
            events => {
                self.by_transport.push((session.transport(), events.min(first_time) as u64));
                self.resent += events.saturating_sub(first_time) as u64;
            }
        }
        taken
    }
}
