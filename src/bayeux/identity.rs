//! Who a client is: a token in the handshake's `ext.token`, or beside it in the request, says it, for as long as it is valid.
//!
//! ```text
//! → [{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"ext":{"token":"eyJhbGci…"}}]
//! ← [{"channel":"/meta/handshake","successful":false,"error":"403::token_expired","advice":{"reconnect":"none"}, …}]
//! ```
//!
//! * What the token says becomes the attribute `claims` of the session: rules, policies and the hooks Worker go by it.
//! * The token itself goes no further than this file: it is taken out of every message before anybody else sees it.
//! * Of several the one in `ext` counts, be it good or bad; the others come as [`Origin::token`](super::Origin), for the shell knows headers.
//! * When it ceases to be valid the session ends, and its client is advised to shake hands again.

use std::time::Duration;

use serde_json::{Map, Value};

use super::access::CLAIMS;
use super::app::Client;
use super::tokens::{Bearer, Expected, Keys, TokenError};
use super::{BayeuxError, BayeuxServer, Ending, Message, Millis};

/// The end of the year 9999, beyond which no alarm can be set.
const LAST_DATE: Millis = Millis(253_402_300_800_000);

/// What is asked of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenOptions {
    /// `TOKEN_KEYS`, a secret: the keys that sign them. Without any there are no tokens.
    pub keys: Option<Keys>,
    /// `TOKENS`: whether a handshake may come without one. It may not.
    pub optional: bool,
    /// `TOKEN_ISSUER`: what their `iss` must be.
    pub issuer: Option<String>,
    /// `TOKEN_AUDIENCE`: what their `aud` must be, or contain.
    pub audience: Option<String>,
}

/// What a token has said.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    claims: Map<String, Value>,
    /// When it ceases to be valid, in the time outside.
    pub expires: Millis,
}

impl TokenOptions {
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
    pub(super) fn take_token(&self, message: &mut Message) -> Option<Bearer> {
        self.options.tokens.keys.as_ref()?;
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

    /// Who shakes hands, where a token says it.
    ///
    /// # Errors
    /// [`BayeuxError::TokenMissing`] or [`BayeuxError::Token`].
    pub(super) fn identify(&self, token: Option<&Bearer>) -> Result<Option<Identity>, BayeuxError> {
        let tokens = &self.options.tokens;
        let Some(keys) = &tokens.keys else { return Ok(None) };
        match token {
            None if tokens.optional => Ok(None),
            None => Err(BayeuxError::TokenMissing),
            Some(token) => tokens.verify(keys, token, self.time_outside()).map(Some).map_err(BayeuxError::Token),
        }
    }

    /// Ends the sessions whose token has expired.
    pub(super) fn expire(&mut self) {
        let outside = self.time_outside();
        while let Some(key) = self.sessions.first_expired(outside) {
            self.end(key, Ending::TokenExpired);
        }
    }

    /// When the next token expires.
    pub(super) fn next_expiry(&self) -> Option<Millis> {
        let left = self.sessions.next_expiry()?.0.saturating_sub(self.time_outside().0);
        Some(self.now() + Duration::from_millis(left))
    }
}
