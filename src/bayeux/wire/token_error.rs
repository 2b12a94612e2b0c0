//! Why a token is refused.

use std::fmt;

/// `Display` is the string of a reply's `error` field, and never repeats anything of the token.
///
/// ```
/// use bayeux_edge::bayeux::tokens::TokenError;
///
/// assert_eq!(TokenError::Expired.to_string(), "403::token_expired");
/// assert_eq!(TokenError::ClaimInvalid("sub").to_string(), "403:sub:token_claim_invalid");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It has more bytes than [`MAX_LENGTH`](crate::bayeux::tokens::MAX_LENGTH).
    TooLong,
    /// It is not header, claims and signature, each in base64url, the first two being JSON objects (RFC 7515 section
    /// 7.1); or its header wants something understood that is not (`crit`, section 4.1.11).
    Malformed,
    /// Its `alg` is not that of a key: `none`, for one.
    AlgorithmRefused,
    /// No key has its `kid`.
    KeyUnknown,
    /// No key made the signature.
    SignatureInvalid,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iss` is missing or another than expected.
    IssuerRefused,
    /// `aud` does not name the expected audience; or names one, and none is expected (RFC 7519 section 4.1.3).
    AudienceRefused,
    /// This claim has the wrong type, or is missing and must not be.
    ClaimInvalid(&'static str),
}

impl TokenError {
    /// Its name in this table.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::Malformed => "token_malformed",
            Self::AlgorithmRefused => "token_algorithm_refused",
            Self::KeyUnknown => "token_key_unknown",
            Self::SignatureInvalid => "token_signature_invalid",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuerRefused => "token_issuer_refused",
            Self::AudienceRefused => "token_audience_refused",
            Self::ClaimInvalid(_) => "token_claim_invalid",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = if let Self::ClaimInvalid(claim) = self { claim } else { "" };
        write!(f, "403:{claim}:{}", self.name())
    }
}

impl std::error::Error for TokenError {}
