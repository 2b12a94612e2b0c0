//! A token's claims (RFC 7519 section 4), and which of them are required.

use serde_json::{Map, Value};

use crate::bayeux::wire::{ChannelPattern, TokenError};

/// Seconds by which the clock of whoever makes the tokens may differ from ours: "no more than a few minutes" (RFC 7519
/// section 4.1.4).
pub const LEEWAY: u64 = 60;

/// The expected issuer and audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected<'a> {
    /// What `iss` must be. Without it any issuer is accepted.
    pub issuer: Option<&'a str>,
    /// What `aud` must be, or contain. Without it only tokens without `aud` are accepted: a token for another audience
    /// is not for us.
    pub audience: Option<&'a str>,
}

/// The claims of a token that is signed and valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaims {
    /// `exp`, in seconds since 1970, rounded up. The token is valid before that and [`LEEWAY`].
    pub expires: u64,
    /// `sub`: who the client is.
    pub subject: Option<String>,
    /// `publish`: where the client may publish. An empty list is nowhere, none says nothing of it.
    pub publish: Option<Vec<ChannelPattern>>,
    /// `subscribe`: what the client may subscribe to.
    pub subscribe: Option<Vec<ChannelPattern>>,
    /// All of them, as they are in the token.
    pub all: Map<String, Value>,
}

impl TokenClaims {
    /// The second since 1970 in which the token ceases to be valid, leeway included.
    pub fn valid_until(&self) -> u64 {
        self.expires.saturating_add(LEEWAY)
    }

    pub(super) fn read(all: Map<String, Value>, expected: &Expected<'_>, now: u64) -> Result<Self, TokenError> {
        // A token that never expires could not be withdrawn.
        let expires = seconds(&all, "exp")?.ok_or(TokenError::ClaimInvalid("exp"))?;
        let not_before = seconds(&all, "nbf")?.unwrap_or_default();
        check_issuer(&all, expected.issuer)?;
        check_audience(&all, expected.audience)?;
        let subject = string(&all, "sub")?.map(str::to_owned);
        let (publish, subscribe) = (patterns(&all, "publish")?, patterns(&all, "subscribe")?);
        let claims = Self { expires, subject, publish, subscribe, all };
        if now >= claims.valid_until() {
            return Err(TokenError::Expired);
        }
        if now.saturating_add(LEEWAY) < not_before {
            return Err(TokenError::NotYetValid);
        }
        Ok(claims)
    }
}

fn check_issuer(all: &Map<String, Value>, expected: Option<&str>) -> Result<(), TokenError> {
    let issuer = string(all, "iss")?;
    if expected.is_none() || issuer == expected { Ok(()) } else { Err(TokenError::IssuerRefused) }
}

fn check_audience(all: &Map<String, Value>, expected: Option<&str>) -> Result<(), TokenError> {
    let meant = match all.get("aud") {
        None => expected.is_none(),
        Some(Value::String(audience)) => expected == Some(audience),
        Some(list) => strings(list, "aud")?.into_iter().any(|audience| expected == Some(audience)),
    };
    if meant { Ok(()) } else { Err(TokenError::AudienceRefused) }
}

/// A NumericDate (section 2): seconds since 1970, perhaps with a fraction. Rounded up, a whole second is before or
/// after it exactly as it is before or after the fraction.
fn seconds(all: &Map<String, Value>, claim: &'static str) -> Result<Option<u64>, TokenError> {
    let number = |value: &Value| value.as_f64().ok_or(TokenError::ClaimInvalid(claim));
    // `as` saturates dates before 1970 and beyond the last one.
    Ok(all.get(claim).map(number).transpose()?.map(|seconds| seconds.ceil() as u64))
}

fn string<'a>(all: &'a Map<String, Value>, claim: &'static str) -> Result<Option<&'a str>, TokenError> {
    all.get(claim).map(|value| value.as_str().ok_or(TokenError::ClaimInvalid(claim))).transpose()
}

fn strings<'a>(list: &'a Value, claim: &'static str) -> Result<Vec<&'a str>, TokenError> {
    let strings = list.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    strings.ok_or(TokenError::ClaimInvalid(claim))
}

fn patterns(all: &Map<String, Value>, claim: &'static str) -> Result<Option<Vec<ChannelPattern>>, TokenError> {
    let Some(list) = all.get(claim) else { return Ok(None) };
    let patterns = strings(list, claim)?.into_iter().map(ChannelPattern::parse).collect::<Option<_>>();
    patterns.ok_or(TokenError::ClaimInvalid(claim)).map(Some)
}
