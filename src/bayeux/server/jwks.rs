//! Handshakes that wait for the keys of `TOKEN_JWKS_URL`.

use crate::bayeux::auth::{FetchedKeys, Jwks};
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::server::{BayeuxServer, PendingId};
use crate::bayeux::time::Millis;
use std::mem;

/// Handshakes that wait for keys. 10,000: ten times what an object takes in a second.
const MOST_WAITING: usize = 10_000;

/// The fetch of the keys, and who waits for it.
#[derive(Default)]
pub(in crate::bayeux) struct JwksFetch {
    pub keys: Jwks,
    under_way: bool,
    waiting: Vec<PendingId>,
}

impl BayeuxServer {
    /// The [`PendingId`] of a handshake that waits for keys. None where too many wait.
    pub(in crate::bayeux) fn await_keys(&mut self) -> Option<PendingId> {
        let url = self.options.tokens.jwks_url.clone()?;
        if self.jwks.waiting.len() >= MOST_WAITING {
            return None;
        }
        if !mem::replace(&mut self.jwks.under_way, true) {
            self.outputs.push(Output::FetchKeys { url });
        }
        let pending_id = self.pending.next_id();
        self.jwks.waiting.push(pending_id);
        Some(pending_id)
    }

    /// Keys have come, or the reason why not. Waiting handshakes are checked with the keys that are there now.
    pub(in crate::bayeux) fn keys_fetched(&mut self, now: Millis, answer: Result<FetchedKeys, String>) {
        self.jwks.under_way = false;
        for pending_id in mem::take(&mut self.jwks.waiting) {
            self.pending.resolve(pending_id, Ok(()));
        }
        let fetched = self.jwks.keys.fetched(now, answer);
        self.tell(match fetched {
            Ok(keys) => Notice::TokenKeysFetched { keys },
            Err(reason) => Notice::TokenKeysFailed { reason },
        });
    }
}
