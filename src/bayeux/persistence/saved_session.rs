//! A session as its row, and back.

use std::time::Duration;

use super::store::SavedSession;
use crate::bayeux::delivery::Replays;
use crate::bayeux::session::{BATCHES_A_ROW, Session};
use crate::bayeux::time::{Millis, millis};

impl SavedSession {
    /// What is written down of a session.
    pub fn of(session: &Session) -> Self {
        Self {
            client_id: session.client_id.clone(),
            subscriptions: session.subscriptions.clone(),
            with_slash: session.with_slash.clone(),
            expires: session.expires.map(|Millis(expires)| expires),
            attributes: session.attributes.clone(),
            negotiated: session.negotiated.clone(),
            interval: millis(session.timing.interval),
            batches: session.batches.map(|batches| (batches / BATCHES_A_ROW + 1) * BATCHES_A_ROW),
            replays: session.replays.to_saved(),
            peer: None,
        }
    }

    /// The session again. Its first connect counts as a first one, and is answered at once.
    pub fn into_session(self, until: Millis) -> Session {
        let Self {
            client_id,
            subscriptions,
            with_slash,
            expires,
            attributes,
            mut negotiated,
            interval,
            batches,
            replays,
            peer: _,
        } = self;
        // The first version's rows do not say so.
        negotiated.meta_connect_deliver_only |= batches.is_some();
        Session {
            subscriptions,
            with_slash,
            expires: expires.map(Millis),
            attributes,
            negotiated,
            batches,
            replays: Replays::restored(replays),
            ..Session::new(client_id, Duration::from_millis(interval), until)
        }
    }
}
