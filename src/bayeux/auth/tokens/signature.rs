//! Keys, each of one algorithm, and whether they made a signature.

use ed25519_dalek as ed25519;
use hmac::{Hmac, Mac};
use p256::ecdsa::{self, signature::Verifier};
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    Secret(Vec<u8>),
    Rsa(RsaPublicKey),
    P256(ecdsa::VerifyingKey),
    Ed25519(ed25519::VerifyingKey),
}

impl Algorithm {
    /// By its name in `alg` (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2).
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

impl Key {
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::Hs256,
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// How long that takes tells nothing of a secret.
    pub fn made(&self, signature: &[u8], signed: &[u8]) -> bool {
        match self {
            Self::Secret(secret) => Hmac::<Sha256>::new_from_slice(secret)
                .is_ok_and(|hmac| hmac.chain_update(signed).verify_slice(signature).is_ok()),
            Self::Rsa(key) => key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(signed), signature).is_ok(),
            // R and S, 32 bytes each, and not in DER (RFC 7518 section 3.4).
            Self::P256(key) => {
                ecdsa::Signature::from_slice(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
            }
            Self::Ed25519(key) => ed25519::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok()),
        }
    }
}
