//! The last events for clients that hold no connect when the server ends their session.
//!
//! A polling client holds no connect just after an answer. If its next connect failed with `402::session_unknown` it
//! would shake hands again, and the disconnect would have no effect. So that connect gets what the others got at once.

use std::collections::{BTreeMap, BTreeSet};

use super::client_id::ClientId;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::Event;

/// The events for ended sessions, each kept as long as the session would have been. In memory alone: after a crash such
/// a client is unknown.
#[derive(Debug, Default)]
pub struct PendingDisconnects {
    by_client_id: BTreeMap<ClientId, (Millis, Vec<Event>)>,
    by_due: BTreeSet<(Millis, ClientId)>,
}

impl PendingDisconnects {
    /// Keeps a client's last events until then. Past `most` clients the one that is due first is dropped.
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

    /// Drops those that did not come back in time.
    pub fn sweep(&mut self, now: Millis) {
        while let Some(given_up) = pop_due(&mut self.by_due, now) {
            self.by_client_id.remove(&given_up);
        }
    }
}
