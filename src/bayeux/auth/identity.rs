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

use serde_json::{Map, Value};

use super::access::CLAIMS;
use crate::bayeux::auth::tokens::claims::Expected;
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::session::Client;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Bearer, TokenError};

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

impl TokenOptions {
    /// Whether tokens are asked for.
    pub fn are_in_use(&self) -> bool {
        self.keys.is_some() || self.jwks_url.is_some()
    }

    /// Whether a handshake without a token is refused.
    pub fn are_required(&self) -> bool {
        self.are_in_use() && !self.optional
    }

    pub(in crate::bayeux) fn verify(&self, keys: &Keys, token: &Bearer, time: Millis) -> Result<Identity, TokenError> {
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
