//! Last words for clients that hold no connect when the server ends their session.
//!
//! A client that polls is away whenever it has just been answered. Told `402::session_unknown` on its return it would
//! shake hands again, and nothing would have ended; so it is told what the others were told at once.

use std::collections::{BTreeMap, BTreeSet};

use super::client_id::ClientId;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::Event;

/// What ended sessions are still to be told, each for as long as it would have been awaited. In memory alone: after a crash
/// such a client is a stranger.
#[derive(Debug, Default)]
pub struct PendingDisconnects {
    by_client_id: BTreeMap<ClientId, (Millis, Vec<Event>)>,
    by_due: BTreeSet<(Millis, ClientId)>,
}

impl PendingDisconnects {
    /// Keeps a client's last events until then; past `most` clients the one that was awaited the longest is given up.
    pub fn keep(&mut self, client_id: ClientId, until: Millis, events: Vec<Event>, most: usize) {
        if self.by_due.len() >= most
            && let Some((_, given_up)) = self.by_due.pop_first()
        {
            self.by_client_id.remove(&given_up);
        }
        self.by_due.insert((until, client_id.clone()));
        self.by_client_id.insert(client_id, (until, events));
    }

    /// The client is back.
    pub fn take(&mut self, client_id: &str) -> Option<Vec<Event>> {
        let (client_id, (until, events)) = self.by_client_id.remove_entry(client_id)?;
        self.by_due.remove(&(until, client_id));
        Some(events)
    }

    /// Gives up those that did not come back in time.
    pub fn sweep(&mut self, now: Millis) {
        while let Some(given_up) = pop_due(&mut self.by_due, now) {
            self.by_client_id.remove(&given_up);
        }
    }
}
