//! Keys that somebody else publishes, as identity providers do: a JWK Set at `TOKEN_JWKS_URL`. The shell fetches it,
//! this file says when.
//!
//! * They are valid for as long as the answer's `Cache-Control: max-age` says, within bounds. After that the next
//!   handshake waits until they are fetched again.
//! * A token with an unknown `kid` causes a fetch at once, so new keys become known. Between two fetches there is a
//!   pause in which such tokens are refused, so invented `kid`s cost the publisher little.
//! * While they cannot be fetched the last ones are used, for an hour. Without any key every token is refused with
//!   `503::token_keys_unavailable`, and the client tries again later.
//! * A token that one of `TOKEN_KEYS` signed needs none of this.

use std::time::Duration;

use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::time::Millis;

/// How long keys are valid without `max-age`: the default of `jose`, JavaScript's library.
const USUAL: Duration = Duration::from_secs(10 * 60);

/// The longest validity, so that a key that was stolen and withdrawn is forgotten.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause between two fetches. Twelve fetches a minute cost a server little, and a person waits that long.
const PAUSE: Duration = Duration::from_secs(5);

/// How long keys are used that could not be fetched again: time to end an outage.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// What the shell has fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedKeys {
    /// The body.
    pub text: String,
    /// The header of this name.
    pub cache_control: Option<String>,
}

#[derive(Default)]
pub(in crate::bayeux) struct Jwks {
    keys: Option<Keys>,
    fresh_until: Millis,
    /// When the next fetch may begin.
    not_before: Millis,
}

impl Jwks {
    /// Whether they are still valid.
    pub fn are_fresh(&self, now: Millis) -> bool {
        self.keys.is_some() && now < self.fresh_until
    }

    /// Whether waiting for newer keys makes sense.
    pub fn may_come(&self, now: Millis) -> bool {
        now >= self.not_before
    }

    /// Keys have come, or the reason why not. Returns how many there are now.
    ///
    /// # Errors
    /// In words, why the keys have not changed.
    pub fn fetched(&mut self, now: Millis, answer: Result<FetchedKeys, String>) -> Result<usize, String> {
        self.not_before = now + PAUSE;
        let FetchedKeys { text, cache_control } = answer?;
        let keys = Keys::public(&text).map_err(|error| error.to_string())?;
        let count = keys.len();
        (self.keys, self.fresh_until) = (Some(keys), now + lifetime(cache_control.as_deref()));
        Ok(count)
    }

    /// The keys that tokens are checked with.
    pub fn usable(&self, now: Millis) -> Option<&Keys> {
        self.keys.as_ref().filter(|_| now < self.fresh_until + GRACE)
    }
}

/// How long an answer with this `Cache-Control` is good (RFC 9111 section 5.2.2). Answers that must not be kept are
/// kept for the pause.
fn lifetime(cache_control: Option<&str>) -> Duration {
    let header = cache_control.unwrap_or_default().to_ascii_lowercase();
    let mut directives = header.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return PAUSE;
    }
    let age = directives.find_map(|directive| directive.strip_prefix("max-age="));
    let age = age.and_then(|age| age.trim_matches('"').parse().ok()).map_or(USUAL, Duration::from_secs);
    age.clamp(PAUSE, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetched_keys_are_kept_for_their_max_age_within_bounds() {
        for (header, seconds) in [
            (None, 600),
            (Some(""), 600),
            (Some("public"), 600),
            (Some("max-age=120"), 120),
            (Some("public, MAX-AGE=\"21600\", must-revalidate"), 21_600),
            (Some("max-age=0"), 5),
            (Some("no-store"), 5),
            (Some("no-cache, max-age=600"), 5),
            (Some("max-age=99999999"), 86_400),
            (Some("max-age=soon"), 600),
            (Some("max-age=-1"), 600),
            (Some("s-maxage=60"), 600),
        ] {
            assert_eq!(lifetime(header), Duration::from_secs(seconds), "{header:?}");
        }
    }
}
