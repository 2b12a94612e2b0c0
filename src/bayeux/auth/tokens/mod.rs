//! Tokens that say who a client is: JSON Web Tokens (RFC 7519), signed (RFC 7515), made by whoever holds the other half
//! of a key.
//!
//! ```
//! use bayeux_edge::bayeux::tokens::{Expected, Keys, TokenError};
//!
//! let keys = Keys::parse("0123456789abcdef0123456789abcdef").unwrap();
//! assert_eq!(keys.verify("e30.e30.", &Expected::default(), 1_795_000_000), Err(TokenError::AlgorithmRefused));
//! ```
//!
//! | Key (RFC 7517) | Signature (RFC 7518, RFC 8037) |
//! |---|---|
//! | `oct`, or a bare secret | `HS256`: HMAC with SHA-256 |
//! | `RSA` | `RS256`: RSASSA-PKCS1-v1_5 with SHA-256 |
//! | `EC` on `P-256` | `ES256`: ECDSA with SHA-256 |
//! | `OKP` on `Ed25519` | `EdDSA`, of late also named `Ed25519` (RFC 9864) |
//!
//! The key decides on the algorithm, never the token (RFC 8725 section 3.1); encrypted tokens (JWE) are not taken.

pub(in crate::bayeux) mod claims;
pub(in crate::bayeux) mod keys;
mod signature;
pub(in crate::bayeux) mod verify;

pub use self::claims::{Expected, LEEWAY, TokenClaims};
pub use self::keys::{Keys, KeysError, MAX_KEYS};
pub use crate::bayeux::wire::TokenError;
pub use crate::bayeux::wire::{Bearer, MAX_TOKEN_LENGTH as MAX_LENGTH, plain_subprotocol};
