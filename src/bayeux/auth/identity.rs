//! Who a client is: a token in the handshake's `ext.token`, or beside it in the request, says it, for as long as it is
//! valid.
//!
//! ```text
//! → [{"channel":"/meta/handshake", … "ext":{"token":"eyJhbGci…"}}]
//! ← [{"channel":"/meta/handshake","successful":false,"error":"403::token_expired","advice":{"reconnect":"none"}, …}]
//! ```
//!
//! * The token's claims become the attribute `claims` of the session, which rules, policies and the hooks Worker use.
//! * The token itself goes no further than this file: it is removed from every message before anybody else sees it.
//! * The one in `ext` counts, valid or not; those of headers come as
//!   [`BayeuxContext::token`](crate::bayeux::BayeuxContext), since the shell reads headers.
//! * When it expires the session ends, and its client is advised to shake hands again.

use serde_json::{Map, Value};

use super::access_rules::CLAIMS;
use crate::bayeux::auth::tokens::claims::Expected;
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::session::Client;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Bearer, TokenError};

/// The end of the year 9999, beyond which no alarm can be set.
const LAST_DATE: Millis = Millis(253_402_300_800_000);

/// The requirements on tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenOptions {
    /// `TOKEN_KEYS`, a secret: the keys that sign them.
    pub keys: Option<Keys>,
    /// `TOKEN_JWKS_URL`: where others publish theirs. Without either there are no tokens.
    pub jwks_url: Option<String>,
    /// `TOKENS`: whether a handshake may come without a token. It may not.
    pub optional: bool,
    /// `TOKEN_ISSUER`: what their `iss` must be.
    pub issuer: Option<String>,
    /// `TOKEN_AUDIENCE`: what their `aud` must be, or contain.
    pub audience: Option<String>,
}

/// The verified claims of a token.
#[derive(Clone, Debug)]
pub(in crate::bayeux) struct Identity {
    claims: Map<String, Value>,
    /// When it expires, in the time outside.
    pub expires: Millis,
}

impl TokenOptions {
    /// Whether tokens are checked.
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
    /// Adds the claims to a client's attributes.
    pub fn note(&self, client: &mut Client) {
        client.attributes.set(CLAIMS, Value::Object(self.claims.clone()));
    }
}
