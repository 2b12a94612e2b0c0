//! When the server must be woken, whatever comes: a table of deadlines, of which the first one counts.

use super::BayeuxServer;
use crate::bayeux::io::Output;
use crate::bayeux::time::Millis;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// A held connect, a lazy event or an absent client has waited long enough, or a stream needs a comment.
    Session,
    /// A token expires.
    TokenExpiry,
    /// Events that are ready may leave.
    Flush,
    /// An event has waited for a second without a row, or a row has become useless.
    Journal,
    /// Another object must be called, or its answer is overdue.
    Cluster,
    /// The next replay page may be read.
    HistoryPage,
    /// Kept events have grown too old.
    HistorySweep,
    /// Presence changes must be told, or a home asked for its members.
    Presence,
}

impl BayeuxServer {
    fn deadlines(&mut self, now: Millis) -> [(Timer, Option<Millis>); 8] {
        [
            (Timer::Session, self.sessions.next_due()),
            (Timer::TokenExpiry, self.next_expiry()),
            (Timer::Flush, self.pace.due(now).filter(|_| !self.ready.is_empty())),
            (Timer::Journal, self.journal.due()),
            (Timer::Cluster, self.cluster.due()),
            (Timer::HistoryPage, self.next_page_due()),
            (Timer::HistorySweep, self.next_history_sweep(now)),
            (Timer::Presence, self.presence.due()),
        ]
    }

    /// Asks to be woken for the first deadline, unless it is woken before that anyway.
    pub(super) fn plan_wake(&mut self, now: Millis) {
        let Some(next) = self.deadlines(now).into_iter().filter_map(|(_, time)| time).min() else { return };
        if self.wake.is_none_or(|planned| next < planned) {
            self.wake = Some(next);
            self.outputs.push(Output::WakeAt(self.clock.outside(next)));
        }
    }
}
