//! When the server must be woken, whatever comes: a table of deadlines, of which the first one counts.

use super::BayeuxServer;
use crate::bayeux::io::Output;
use crate::bayeux::time::Millis;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// A held connect has waited long enough, a lazy event for company, a session for its client; or a stream is to get a sign of life.
    Session,
    /// A token ceases to be valid.
    TokenExpiry,
    /// Events that are ready may leave.
    Flush,
    /// An event has waited for a second without a row, or a row is of no use any more.
    Journal,
    /// Another object is to be called, or has been waited for long enough.
    Cluster,
    /// The next page of what is kept may be read.
    HistoryPage,
    /// What is kept has grown too old.
    HistorySweep,
    /// Who came and went is to be told, or a home to be asked who is there.
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
