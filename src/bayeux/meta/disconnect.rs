//! `/meta/disconnect` ends a session.
//!
//! ```text
//! → [{"channel":"/meta/disconnect","clientId":"…","id":"9"}]
//! ← [{"channel":"/meta/disconnect","id":"9","successful":true}]
//! ```
//!
//! * A request MUST have clientId (Bayeux 1.0 section 4.5).
//! * The held connect SHOULD be released; it advises `none`.

use crate::bayeux::server::{Batch, BayeuxServer, Checked};
use crate::bayeux::session::Ending;
use crate::bayeux::wire::Written;

impl BayeuxServer {
    pub(in crate::bayeux) fn disconnect(&mut self, batch: &mut Batch, checked: &Checked) -> Written {
        match self.speaker(batch, &checked.message) {
            Ok(key) => {
                let events = self.end(key, Ending::Disconnected);
                self.metrics.piggybacked += events.len() as u64;
                batch.piggybacked.extend(events);
                checked.successful().into_json()
            }
            Err(error) => checked.failed(&error).into_json(),
        }
    }
}
