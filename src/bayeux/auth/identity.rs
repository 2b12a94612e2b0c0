//! Who a client is: a token in the handshake's `ext.token`, or beside it in the request, says it, for as long as it is valid.
//!
//! ```text
//! → [{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"ext":{"token":"eyJhbGci…"}}]
//! ← [{"channel":"/meta/handshake","successful":false,"error":"403::token_expired","advice":{"reconnect":"none"}, …}]
//! ```
//!
//! * What the token says becomes the attribute `claims` of the session: rules, policies and the hooks Worker go by it.
//! * The token itself goes no further than this file: it is taken out of every message before anybody else sees it.
//! * Of several the one in `ext` counts, be it good or bad; the others come as [`Origin::token`](crate::bayeux::Origin), for the shell knows headers.
//! * When it ceases to be valid the session ends, and its client is advised to shake hands again.

use std::time::Duration;

use serde_json::{Map, Value};

use super::access::CLAIMS;
use crate::bayeux::auth::tokens::claims::Expected;
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::io::Ending;
use crate::bayeux::server::{Asked, Batch, BayeuxServer, Checked, Step};
use crate::bayeux::session::Client;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Bearer, Message, TokenError};

/// The end of the year 9999, beyond which no alarm can be set.
const LAST_DATE: Millis = Millis(253_402_300_800_000);

/// What is asked of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenOptions {
    /// `TOKEN_KEYS`, a secret: the keys that sign them.
    pub keys: Option<Keys>,
    /// `TOKEN_JWKS_URL`: where others publish theirs. Without either there are no tokens.
    pub jwks_url: Option<String>,
    /// `TOKENS`: whether a handshake may come without one. It may not.
    pub optional: bool,
    /// `TOKEN_ISSUER`: what their `iss` must be.
    pub issuer: Option<String>,
    /// `TOKEN_AUDIENCE`: what their `aud` must be, or contain.
    pub audience: Option<String>,
}

/// What a token has said.
#[derive(Clone, Debug)]
pub(in crate::bayeux) struct Identity {
    claims: Map<String, Value>,
    /// When it ceases to be valid, in the time outside.
    pub expires: Millis,
}

/// Why it is not known who shakes hands.
enum Unidentified {
    Refused(BayeuxError),
    /// There may be keys that have not been fetched.
    KeysWanted,
}

impl TokenOptions {
    /// Whether tokens are asked for.
    pub fn are_in_use(&self) -> bool {
        self.keys.is_some() || self.jwks_url.is_some()
    }

    fn verify(&self, keys: &Keys, token: &Bearer, time: Millis) -> Result<Identity, TokenError> {
        let expected = Expected { issuer: self.issuer.as_deref(), audience: self.audience.as_deref() };
        let claims = keys.verify(token.as_str(), &expected, time.0 / 1000)?;
        let expires = Millis(claims.valid_until().saturating_mul(1000)).min(LAST_DATE);
        Ok(Identity { expires, claims: claims.all })
    }
}

impl Identity {
    /// Notes of a client what is certain of it.
    pub fn note(&self, client: &mut Client) {
        client.attributes.set(CLAIMS, Value::Object(self.claims.clone()));
    }
}

impl BayeuxServer {
    /// Takes the token out of a message. Where there are no keys it is the application's to read.
    pub(in crate::bayeux) fn take_token(&self, message: &mut Message) -> Option<Bearer> {
        if !self.options.tokens.are_in_use() {
            return None;
        }
        let mut ext: Message = message.get("ext")?;
        ext.field("token")?;
        // What is no text is no token.
        let token: String = ext.get("token").unwrap_or_default();
        ext.set("token", &());
        if ext.fields().next().is_some() {
            message.set("ext", &ext);
        } else {
            message.set("ext", &());
        }
        Some(Bearer::new(&token))
    }

    /// Goes on with a handshake when it is known who shakes hands. For that it may have to wait.
    pub(in crate::bayeux) fn step_handshake(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        mut checked: Checked,
        token: Option<Bearer>,
    ) -> Step {
        let error = match self.identify(token.as_ref()) {
            Ok(identity) => {
                checked.identity = identity;
                return self.step_identified(now, batch, checked);
            }
            Err(Unidentified::Refused(error)) => error,
            Err(Unidentified::KeysWanted) => match self.await_keys() {
                Some(ticket) => return Step::Asked(ticket, 1, Box::new(Asked::Keys { checked, token })),
                None => BayeuxError::TokenKeysUnavailable,
            },
        };
        Step::Replied(self.refuse_handshake(&checked, &error))
    }

    /// Who shakes hands, where a token says it.
    fn identify(&self, token: Option<&Bearer>) -> Result<Option<Identity>, Unidentified> {
        let tokens = &self.options.tokens;
        let token = match token {
            _ if !tokens.are_in_use() => return Ok(None),
            None if tokens.optional => return Ok(None),
            None => return Err(Unidentified::Refused(BayeuxError::TokenMissing)),
            Some(token) => token,
        };
        let none = Keys::default();
        match tokens.verify(tokens.keys.as_ref().unwrap_or(&none), token, self.time_outside()) {
            Ok(identity) => Ok(Some(identity)),
            // None of these keys made it, but another may have.
            Err(TokenError::KeyUnknown | TokenError::AlgorithmRefused | TokenError::SignatureInvalid)
                if tokens.jwks_url.is_some() =>
            {
                self.identify_remotely(token).map(Some)
            }
            Err(error) => Err(Unidentified::Refused(BayeuxError::Token(error))),
        }
    }

    /// The same by the keys of others.
    fn identify_remotely(&self, token: &Bearer) -> Result<Identity, Unidentified> {
        let (now, remote) = (self.now(), &self.remote_keys);
        let newer_may_come = remote.may_come(now);
        if newer_may_come && !remote.are_fresh(now) {
            return Err(Unidentified::KeysWanted);
        }
        let keys = remote.usable(now).ok_or(Unidentified::Refused(BayeuxError::TokenKeysUnavailable))?;
        self.options.tokens.verify(keys, token, self.time_outside()).map_err(|error| match error {
            TokenError::KeyUnknown if newer_may_come => Unidentified::KeysWanted,
            error => Unidentified::Refused(BayeuxError::Token(error)),
        })
    }

    /// Ends the sessions whose token has expired.
    pub(in crate::bayeux) fn expire(&mut self) {
        let outside = self.time_outside();
        while let Some(key) = self.sessions.first_expired(outside) {
            self.end(key, Ending::TokenExpired);
        }
    }

    /// When the next token expires.
    pub(in crate::bayeux) fn next_expiry(&self) -> Option<Millis> {
        let left = self.sessions.next_expiry()?.0.saturating_sub(self.time_outside().0);
        Some(self.now() + Duration::from_millis(left))
    }
}
