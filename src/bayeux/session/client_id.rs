//! The clientId: the secret by which a client uses its session.

use std::fmt;

use rand_core::Rng;
use serde::{Deserialize, Serialize};

/// A session's name: a short code of its home, then 128 random bits, all alphanumeric. Whoever has it is taken for the
/// client, so it is never shown to anyone else, nor logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl ClientId {
    /// A new one, from 128 bits of a cryptographic generator. `code` is its home's.
    pub fn random(code: &str, random: &mut impl Rng) -> Self {
        let bits = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
        // 22 digits of 62 hold 130 bits.
        Self(format!("{code}{}", base62(bits, 22)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if valid { Ok(Self(text)) } else { Err("no clientId") }
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Keeps the secret out of logs and panics.
impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientId(…)")
    }
}

pub(in crate::bayeux) fn base62(mut number: u128, digits: usize) -> String {
    let mut text = vec![b'0'; digits];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text.into_iter().map(char::from).collect()
}

/// The number that two digits stand for.
pub(in crate::bayeux) fn from_base62(digits: [u8; 2]) -> Option<u16> {
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit);
    let [high, low] = digits.map(value);
    u16::try_from(high? * 62 + low?).ok()
}
