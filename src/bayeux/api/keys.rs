//! The keys of the server API.

use std::fmt;

use subtle::ConstantTimeEq;

use super::error::ApiError;
use crate::bayeux::options::OptionError;

/// `API_KEYS`: one or more keys separated by spaces, so that a new one can be handed out before the old one is removed.
/// Each may have a scope and a name for the log: `scope:name:key`.
///
/// ```
/// use bayeux_edge::bayeux::api::{ApiKeys, Scope};
///
/// let keys = ApiKeys::parse(Some("correct-horse-battery-staple read:grafana:0123456789abcdef".to_owned())).unwrap();
/// let grafana = keys.admit(Some("Bearer 0123456789abcdef")).unwrap();
/// assert_eq!((grafana.name(), grafana.opens(Scope::Read), grafana.opens(Scope::Publish)), ("grafana", true, false));
/// assert!(keys.admit(Some("Bearer 0123456789abcdeX")).is_err());
/// assert_eq!(format!("{keys:?}"), "ApiKeys(2)");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    name: String,
    scope: Scope,
    secret: String,
}

/// What a key permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every `GET`, without clients' addresses.
    Read,
    /// `POST …/publish`.
    Publish,
    /// All of the API.
    Admin,
}

impl Scope {
    /// The scope that a call requires, by its method.
    pub fn of_call(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Self::Read,
            "POST" => Self::Publish,
            _ => Self::Admin,
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Publish, Self::Admin].into_iter().find(|scope| scope.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Admin => "admin",
        }
    }
}

impl ApiKey {
    /// Without a scope it permits everything; without a name it is named by its position.
    fn parse(text: &str, place: usize) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (scope, name, secret) = match parts[..] {
            [secret] => (Scope::Admin, None, secret),
            [scope, secret] => (Scope::named(scope)?, None, secret),
            [scope, name, secret] => (Scope::named(scope)?, Some(name), secret),
            _ => return None,
        };
        let is_name = |name: &str| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_of_name);
        let is_key = secret.len() >= SHORTEST && secret.bytes().all(is_of_token);
        let valid = is_key && name.is_none_or(is_name);
        let name = name.map_or_else(|| format!("key-{place}"), str::to_owned);
        valid.then(|| Self { name, scope, secret: secret.to_owned() })
    }

    /// Its name in the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether it permits calls that require this scope.
    pub fn opens(&self, scope: Scope) -> bool {
        self.scope == Scope::Admin || self.scope == scope
    }
}

/// Characters of a key: 16 random ones hold 96 bits; a shorter key could be guessed.
const SHORTEST: usize = 16;

/// Characters of a key's name, which is part of log lines.
const LONGEST_NAME: usize = 32;

impl ApiKeys {
    /// # Errors
    /// A key is too short, or cannot be part of a header (RFC 6750 section 2.1), or has an unknown scope. The error
    /// does not repeat it.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        let value = value.unwrap_or_default();
        let keys = value.split_whitespace().zip(1..).map(|(key, place)| ApiKey::parse(key, place));
        keys.collect::<Option<_>>().map(Self).ok_or_else(|| OptionError {
            name: "API_KEYS",
            value: "(a secret)".to_owned(),
            allowed: format!(
                "keys of {SHORTEST} characters or more out of A-Z a-z 0-9 - . _ ~ + / =, with spaces between, each with read:, publish: \
                 or admin: before it, and perhaps a name, read:grafana:KEY"
            ),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key in an `Authorization` header. The time that this takes reveals nothing but the keys' lengths.
    ///
    /// # Errors
    /// [`ApiError::KeyMissing`] or [`ApiError::KeyInvalid`].
    pub fn admit(&self, authorization: Option<&str>) -> Result<&ApiKey, ApiError> {
        let (scheme, key) = authorization.and_then(|value| value.split_once(' ')).ok_or(ApiError::KeyMissing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::KeyMissing);
        }
        let presented = key.trim().as_bytes();
        let mut known = None;
        for key in &self.0 {
            if bool::from(key.secret.as_bytes().ct_eq(presented)) {
                known = Some(key);
            }
        }
        known.ok_or(ApiError::KeyInvalid)
    }
}

/// Keeps the secrets out of logs and panics.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
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
    fn each_key_is_accepted_and_any_other_text_is_refused() {
        let keys = keys(&format!("{OLD}\n {NEW}")).unwrap();
        for header in [format!("Bearer {OLD}"), format!("bearer {NEW}"), format!("BEARER  {NEW} ")] {
            assert!(keys.admit(Some(&header)).is_ok(), "{header}");
        }
        for header in [
            format!("Bearer {OLD}x"),
            format!("Bearer {}", &OLD[1..]),
            format!("Bearer {OLD} {NEW}"),
            "Bearer ".to_owned(),
            format!("Bearer {}", OLD.to_uppercase()),
        ] {
            assert_eq!(keys.admit(Some(&header)).err(), Some(ApiError::KeyInvalid), "{header}");
        }
        for header in [None, Some(OLD), Some("Basic dTpw"), Some("")] {
            assert_eq!(keys.admit(header).err(), Some(ApiError::KeyMissing), "{header:?}");
        }
    }

    #[test]
    fn without_configured_keys_every_request_is_refused() {
        for none in [None, Some(String::new()), Some(" \n".to_owned())] {
            let keys = ApiKeys::parse(none).unwrap();
            assert!(keys.is_empty());
            assert_eq!(keys.admit(Some("Bearer ")).err(), Some(ApiError::KeyInvalid));
        }
    }

    #[test]
    fn a_key_is_limited_to_its_scope_and_a_key_without_a_scope_may_do_everything() {
        let keys =
            keys(&format!("read:grafana:{OLD} publish:{NEW} admin:it:a-key-for-all-of-it bare-key-of-everything"))
                .unwrap();
        let opened = |key: &str| {
            let key = keys.admit(Some(&format!("Bearer {key}"))).unwrap();
            (key.name().to_owned(), [Scope::Read, Scope::Publish, Scope::Admin].map(|scope| key.opens(scope)))
        };
        assert_eq!(opened(OLD), ("grafana".to_owned(), [true, false, false]));
        assert_eq!(opened(NEW), ("key-2".to_owned(), [false, true, false]));
        assert_eq!(opened("a-key-for-all-of-it"), ("it".to_owned(), [true; 3]));
        assert_eq!(opened("bare-key-of-everything"), ("key-4".to_owned(), [true; 3]));
    }

    #[test]
    fn an_invalid_key_is_refused_without_being_shown() {
        for value in [
            "too-short",
            &format!("{OLD} too-short"),
            "sixteen\"letters\"",
            "élevenélevenéleven",
            "write:sixteen-letters-long",
            "read::sixteen-letters-long",
            "read:a:b:sixteen-letters-long",
        ] {
            let error = keys(value).unwrap_err();
            let told = error.to_string();
            assert!(!told.contains(value) && !told.contains("too-short") && !told.contains(OLD), "{told}");
        }
    }
}
