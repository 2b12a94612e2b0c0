//! When the server must be woken, whatever comes: a table of deadlines, of which the first one counts.

use super::BayeuxServer;
use crate::bayeux::io::Output;
use crate::bayeux::time::Millis;

impl BayeuxServer {
    fn deadlines(&mut self, now: Millis) -> [Option<Millis>; 8] {
        [
            // A held connect, a lazy event or an absent client has waited long enough, or a stream needs a comment.
            self.sessions.next_due(),
            // A token expires.
            self.next_expiry(),
            // Events that are ready may leave.
            self.pace.due(now).filter(|_| !self.ready.is_empty()),
            // An event has waited for a second without a row, or a row has become useless.
            self.journal.due(),
            // Another object must be called, or its answer is overdue.
            self.cluster.due(),
            // The next replay page may be read.
            self.next_page_due(),
            // Kept events have grown too old.
            self.next_history_sweep(now),
            // Presence changes must be told, or a home asked for its members.
            self.presence.due(),
        ]
    }

    /// Asks to be woken for the first deadline, unless it is woken before that anyway.
    pub(super) fn plan_wake(&mut self, now: Millis) {
        let Some(next) = self.deadlines(now).into_iter().flatten().min() else { return };
        if self.wake.is_none_or(|planned| next < planned) {
            self.wake = Some(next);
            self.outputs.push(Output::WakeAt(self.clock.outside(next)));
        }
    }
}
