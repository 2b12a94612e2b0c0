//! The keys that tokens are checked with, as an operator configures them.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek as ed25519;
use p256::ecdsa;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::signature::{Algorithm, Key};

/// Keys of one set: the old, the new and the next one of several makers. All of them may have to be tried for one
/// token.
pub const MAX_KEYS: usize = 16;

/// Bytes of a secret: as long as the hash, or longer (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Bits of an RSA modulus (RFC 7518 section 3.3).
const SHORTEST_MODULUS: usize = 2048;

/// A JWK Set (RFC 7517 section 5), or one secret.
///
/// ```
/// use bayeux_edge::bayeux::tokens::{Keys, KeysError};
///
/// let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let keys = Keys::parse(&format!(r#"{{"keys":[{key}]}}"#)).unwrap();
/// assert_eq!(format!("{keys:?}"), "Keys(1)");
/// assert_eq!(Keys::parse("a guess"), Err(KeysError::SecretTooShort));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Named>);

#[derive(Clone, PartialEq, Eq)]
struct Named {
    id: Option<String>,
    key: Key,
}

/// Why there are no keys. Never repeats anything of them. Keys are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// It begins like JSON, but is not a JWK Set.
    NotASet,
    /// A set in which no key is for signatures that are known here.
    NoKey,
    /// More than [`MAX_KEYS`].
    TooMany,
    /// A secret of less than 32 bytes.
    SecretTooShort,
    /// The key's members are missing, of the wrong type, or no key.
    KeyInvalid(usize),
    /// The key's `alg` is one for keys of another type.
    AlgorithmUnfit(usize),
    /// An RSA key of less than 2048 bits.
    ModulusTooShort(usize),
}

/// A JWK (RFC 7517 section 4, RFC 7518 section 6). A private key's other half is not looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Keys {
    /// A text that begins with `{` is a set; of it, keys for other signatures and for encryption are passed over, as
    /// section 5 has it. Any other text is a secret for HS256, less the white space around it.
    ///
    /// # Errors
    /// No key, or one that would not work as intended.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let text = text.trim();
        if !text.starts_with('{') {
            return Ok(Self(vec![Named { id: None, key: secret(text.as_bytes().to_vec())? }]));
        }
        let keys = set(text)?.into_iter().zip(1..).filter_map(|(jwk, place)| read(jwk, place).transpose());
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            0 => Err(KeysError::NoKey),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KeysError::TooMany),
        }
    }

    /// A set that others publish. Unknown keys are skipped (RFC 7517 section 5), and so are secrets, which a public set
    /// cannot have. There may be no key left, if all were withdrawn.
    ///
    /// # Errors
    /// [`KeysError::NotASet`] or [`KeysError::TooMany`].
    pub fn public(text: &str) -> Result<Self, KeysError> {
        let keys = set(text)?.into_iter().filter_map(|jwk| read(jwk, 0).ok().flatten());
        let keys: Vec<_> = keys.filter(|named| !matches!(named.key, Key::Secret(_))).collect();
        if keys.len() > MAX_KEYS { Err(KeysError::TooMany) } else { Ok(Self(keys)) }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of this name, and those that have none.
    pub(super) fn of_id(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let of_id = move |named: &&Named| id.is_none() || named.id.is_none() || named.id.as_deref() == id;
        self.0.iter().filter(of_id).map(|named| &named.key)
    }
}

/// The members of a JWK Set.
fn set(text: &str) -> Result<Vec<Value>, KeysError> {
    let mut set: Map<String, Value> = serde_json::from_str(text).map_err(|_| KeysError::NotASet)?;
    match set.remove("keys") {
        Some(Value::Array(keys)) => Ok(keys),
        _ => Err(KeysError::NotASet),
    }
}

/// None where the key is for something else.
fn read(jwk: Value, place: usize) -> Result<Option<Named>, KeysError> {
    let invalid = KeysError::KeyInvalid(place);
    let jwk: Jwk = serde_json::from_value(jwk).map_err(|_| invalid)?;
    let for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    let algorithm = match &jwk.alg {
        None => None,
        Some(name) => match Algorithm::parse(name) {
            None => return Ok(None),
            known => known,
        },
    };
    if !for_signatures {
        return Ok(None);
    }
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("oct", _) => secret(jwk.bytes("k").ok_or(invalid)?)?,
        ("RSA", _) => rsa(&jwk, place)?,
        ("EC", Some("P-256")) => p256(&jwk).map(Key::P256).ok_or(invalid)?,
        ("OKP", Some("Ed25519")) => ed25519(&jwk).map(Key::Ed25519).ok_or(invalid)?,
        _ => return Ok(None),
    };
    if algorithm.is_some_and(|algorithm| algorithm != key.algorithm()) {
        return Err(KeysError::AlgorithmUnfit(place));
    }
    Ok(Some(Named { id: jwk.kid, key }))
}

fn secret(bytes: Vec<u8>) -> Result<Key, KeysError> {
    if bytes.len() < SHORTEST_SECRET { Err(KeysError::SecretTooShort) } else { Ok(Key::Secret(bytes)) }
}

fn rsa(jwk: &Jwk, place: usize) -> Result<Key, KeysError> {
    let number = |name| jwk.bytes(name).map(|bytes| BigUint::from_bytes_be(&bytes));
    let key = number("n").zip(number("e")).and_then(|(n, e)| RsaPublicKey::new(n, e).ok());
    let key = key.ok_or(KeysError::KeyInvalid(place))?;
    if key.n().bits() < SHORTEST_MODULUS { Err(KeysError::ModulusTooShort(place)) } else { Ok(Key::Rsa(key)) }
}

fn p256(jwk: &Jwk) -> Option<ecdsa::VerifyingKey> {
    let coordinate = |name| jwk.bytes(name).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let (x, y) = coordinate("x").zip(coordinate("y"))?;
    let point = p256::EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
    ecdsa::VerifyingKey::from_encoded_point(&point).ok()
}

fn ed25519(jwk: &Jwk) -> Option<ed25519::VerifyingKey> {
    let key = ed25519::VerifyingKey::from_bytes(&jwk.bytes("x")?.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

impl Jwk {
    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        Base64UrlUnpadded::decode_vec(self.rest.get(name)?.as_str()?).ok()
    }
}

/// Keeps the secrets out of logs and panics.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASet => f.write_str("it is not a JWK Set, {\"keys\":[…]}"),
            Self::NoKey => f.write_str("no key is for HS256, RS256, ES256 or EdDSA on Ed25519"),
            Self::TooMany => write!(f, "there are more than {MAX_KEYS} keys"),
            Self::SecretTooShort => write!(f, "a secret has less than {SHORTEST_SECRET} bytes"),
            Self::KeyInvalid(place) => write!(f, "key {place} is not complete, or no key"),
            Self::AlgorithmUnfit(place) => write!(f, "the alg of key {place} does not fit its kty"),
            Self::ModulusTooShort(place) => write!(f, "key {place} has less than {SHORTEST_MODULUS} bits"),
        }
    }
}

impl std::error::Error for KeysError {}
