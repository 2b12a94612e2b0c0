//! Handshakes that wait for the keys of `TOKEN_JWKS_URL`.

use crate::bayeux::auth::{FetchedKeys, RemoteKeys};
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::server::{BayeuxServer, Ticket};
use crate::bayeux::time::Millis;
use std::mem;

/// Handshakes that wait for keys. 10,000: ten times what an object takes in a second.
const MOST_WAITING: usize = 10_000;

/// The fetch of the keys, and who waits for it.
#[derive(Default)]
pub(in crate::bayeux) struct JwksFetch {
    pub keys: RemoteKeys,
    under_way: bool,
    waiting: Vec<Ticket>,
}

impl BayeuxServer {
    /// A ticket for a handshake that waits for keys. None where too many do.
    pub(in crate::bayeux) fn await_keys(&mut self) -> Option<Ticket> {
        let url = self.options.tokens.jwks_url.clone()?;
        if self.jwks.waiting.len() >= MOST_WAITING {
            return None;
        }
        if !mem::replace(&mut self.jwks.under_way, true) {
            self.outputs.push(Output::FetchKeys { url });
        }
        let ticket = self.waiting.draw_ticket();
        self.jwks.waiting.push(ticket);
        Some(ticket)
    }

    /// Keys have come, or why they have not. Who waits is judged by what is there now.
    pub(in crate::bayeux) fn take_keys(&mut self, now: Millis, answer: Result<FetchedKeys, String>) {
        self.jwks.under_way = false;
        for ticket in mem::take(&mut self.jwks.waiting) {
            self.waiting.word(ticket, Ok(()));
        }
        let fetched = self.jwks.keys.fetched(now, answer);
        self.tell(match fetched {
            Ok(keys) => Notice::TokenKeysFetched { keys },
            Err(reason) => Notice::TokenKeysFailed { reason },
        });
    }
}
