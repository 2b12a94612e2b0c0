//! A token's way from text to claims (RFC 7515 section 5.2, RFC 7519 section 7.2).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::claims::{Expected, TokenClaims};
use super::keys::Keys;
use super::signature::Algorithm;
use crate::bayeux::wire::{MAX_TOKEN_LENGTH, TokenError};

impl Keys {
    /// The claims of a token that one of the keys signed, and that is valid `now`, in seconds since 1970.
    ///
    /// A `kid` chooses among the keys that have one; keys without, a bare secret for one, are tried for every token.
    ///
    /// # Errors
    /// The first thing that is wrong; nothing of the claims is read before the signature is known to be right.
    pub fn verify(&self, token: &str, expected: &Expected<'_>, now: u64) -> Result<TokenClaims, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        // An encrypted token has five parts.
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let (header, signature) = (object(header)?, bytes(signature)?);
        // No critical extension is supported (RFC 7515, 4.1.11).
        if header.contains_key("crit") {
            return Err(TokenError::Malformed);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or(TokenError::AlgorithmRefused)?;
        let id = header.get("kid").map(|id| id.as_str().ok_or(TokenError::Malformed)).transpose()?;
        if !self.of_id(id).any(|_| true) {
            return Err(TokenError::KeyUnknown);
        }
        let mut keys = self.of_id(id).filter(|key| key.algorithm() == algorithm).peekable();
        if keys.peek().is_none() {
            return Err(TokenError::AlgorithmRefused);
        }
        if !keys.any(|key| key.made(&signature, signed.as_bytes())) {
            return Err(TokenError::SignatureInvalid);
        }
        TokenClaims::read(object(claims)?, expected, now)
    }
}

/// Of members with the same name the last one counts (RFC 7515 section 4).
fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| TokenError::Malformed)
}

fn bytes(part: &str) -> Result<Vec<u8>, TokenError> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| TokenError::Malformed)
}
