//! Who a client is, and what it may do by rules.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`AccessRules`], [`Claims`] | `access_rules` | `ACCESS_RULES`; what a token says of its bearer |
//! | [`TokenOptions`], [`Identity`] | `identity` | the requirements on tokens; the claims of a verified one |
//! | [`Jwks`], [`FetchedKeys`] | `jwks` | the JWK Set of `TOKEN_JWKS_URL` |
//! | [`tokens`] | `tokens/` | JSON Web Tokens, read and verified: `verify`, `claims`, `signature`, and the operator's `keys` |
//!
//! This room never fetches a key itself, and knows no message but the handshake's token.

mod access_rules;
mod identity;
mod jwks;
pub mod tokens;

pub use self::access_rules::{AccessRules, Claims, RuleError};
pub(in crate::bayeux) use self::access_rules::{CLAIMS, listed};
pub(in crate::bayeux) use self::identity::Identity;
pub use self::identity::TokenOptions;
pub use self::jwks::FetchedKeys;
pub(in crate::bayeux) use self::jwks::Jwks;
