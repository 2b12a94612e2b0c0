//! The secrets that open the server API.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::error::ApiError;
use crate::bayeux::options::OptionError;

/// `API_KEYS`: one key or more, separated by spaces, so that a new one can be handed out before the old one goes.
///
/// ```
/// use bayeux_edge::bayeux::api::ApiKeys;
///
/// let keys = ApiKeys::parse(Some("correct-horse-battery-staple 0123456789abcdef".to_owned())).unwrap();
/// assert!(keys.admit(Some("Bearer 0123456789abcdef")).is_ok());
/// assert!(keys.admit(Some("Bearer 0123456789abcdeX")).is_err());
/// assert_eq!(format!("{keys:?}"), "ApiKeys(2)");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<String>);

/// Characters of a key. 16 that are drawn at random hold 96 bits; who has less can be asked until it is found.
const SHORTEST: usize = 16;

impl ApiKeys {
    /// # Errors
    /// A key that is too short, or that no header can carry (RFC 6750 section 2.1). The error does not repeat it.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        let keys: Vec<String> = value.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if keys.iter().all(|key| key.len() >= SHORTEST && key.bytes().all(is_of_token)) {
            return Ok(Self(keys));
        }
        let allowed =
            format!("keys of {SHORTEST} characters or more out of A-Z a-z 0-9 - . _ ~ + / =, with spaces between");
        Err(OptionError { name: "API_KEYS", value: "(a secret)".to_owned(), allowed })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an `Authorization` header has one of the keys. How long that takes tells nothing of them but their
    /// lengths.
    ///
    /// # Errors
    /// [`ApiError::KeyMissing`] or [`ApiError::KeyInvalid`].
    pub fn admit(&self, authorization: Option<&str>) -> Result<(), ApiError> {
        let (scheme, key) = authorization.and_then(|value| value.split_once(' ')).ok_or(ApiError::KeyMissing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::KeyMissing);
        }
        let presented = key.trim().as_bytes();
        let known = self.0.iter().fold(Choice::from(0), |known, key| known | key.as_bytes().ct_eq(presented));
        if known.into() { Ok(()) } else { Err(ApiError::KeyInvalid) }
    }
}

/// Keeps the secrets out of logs and panics.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "the-old-key-of-last-year";
    const NEW: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";

    fn keys(value: &str) -> Result<ApiKeys, OptionError> {
        ApiKeys::parse(Some(value.to_owned()))
    }

    #[test]
    fn each_of_several_keys_opens_and_nothing_else_does() {
        let keys = keys(&format!("{OLD}\n {NEW}")).unwrap();
        for header in [format!("Bearer {OLD}"), format!("bearer {NEW}"), format!("BEARER  {NEW} ")] {
            assert_eq!(keys.admit(Some(&header)), Ok(()), "{header}");
        }
        for header in [
            format!("Bearer {OLD}x"),
            format!("Bearer {}", &OLD[1..]),
            format!("Bearer {OLD} {NEW}"),
            "Bearer ".to_owned(),
            format!("Bearer {}", OLD.to_uppercase()),
        ] {
            assert_eq!(keys.admit(Some(&header)), Err(ApiError::KeyInvalid), "{header}");
        }
        for header in [None, Some(OLD), Some("Basic dTpw"), Some("")] {
            assert_eq!(keys.admit(header), Err(ApiError::KeyMissing), "{header:?}");
        }
    }

    #[test]
    fn without_a_key_nothing_opens() {
        for none in [None, Some(String::new()), Some(" \n".to_owned())] {
            let keys = ApiKeys::parse(none).unwrap();
            assert!(keys.is_empty());
            assert_eq!(keys.admit(Some("Bearer ")), Err(ApiError::KeyInvalid));
        }
    }

    #[test]
    fn a_key_that_is_no_key_is_refused_without_being_repeated() {
        for value in ["too-short", &format!("{OLD} too-short"), "sixteen\"letters\"", "élevenélevenéleven"] {
            let error = keys(value).unwrap_err();
            let told = error.to_string();
            assert!(!told.contains(value) && !told.contains("too-short") && !told.contains(OLD), "{told}");
        }
    }
}
