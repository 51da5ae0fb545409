//! Keys that signatures are checked with: from PEM, or from a JWK set (RFC 7517).

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys in one set at most; an issuer has a handful.
const MOST_KEYS: usize = 100;

/// One key, with what is known of its use.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    id: Option<String>,
    /// The one algorithm it is for, where the set says so.
    algorithm: Option<Algorithm>,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// A shared secret.
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self { id: None, algorithm: None, key: DecodingKey::from_secret(secret) }
    }

    /// True when a token that names this key, or none, and this algorithm may be signed by it.
    pub(super) fn may_verify(&self, key_id: Option<&str>, algorithm: Algorithm) -> bool {
        let named = match (key_id, &self.id) {
            (Some(wanted), Some(id)) => wanted == id,
            // A key without a name, as of a PEM file, is the only one there is.
            _ => true,
        };
        named && self.key.family() == algorithm.family() && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// True for a key of this name.
    pub(super) fn has_id(&self, key_id: &str) -> bool {
        self.id.as_deref() == Some(key_id)
    }
}

/// The public keys of a file: PEM, or a JWK set. Empty when it holds none for these algorithms.
pub(super) fn from_file(content: &[u8], algorithms: &[Algorithm]) -> Vec<VerifyingKey> {
    if let Some(keys) = from_jwk_set(content) {
        return keys;
    }
    let mut families: Vec<AlgorithmFamily> = Vec::new();
    for algorithm in algorithms {
        if !families.contains(&algorithm.family()) {
            families.push(algorithm.family());
        }
    }
    let read = |family| match family {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(content).ok(),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(content).ok(),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(content).ok(),
        // A public key used as a shared secret is the oldest way to forge a token.
        AlgorithmFamily::Hmac => None,
    };
    families.into_iter().filter_map(read).map(|key| VerifyingKey { id: None, algorithm: None, key }).collect()
}

/// The keys of a JWK set; `None` when it is none. Keys of another use, of a type that is not known here, and shared
/// secrets are left out: a published secret is none.
pub(super) fn from_jwk_set(content: &[u8]) -> Option<Vec<VerifyingKey>> {
    #[derive(Deserialize)]
    struct Written {
        keys: Vec<Value>,
    }
    let written: Written = serde_json::from_slice(content).ok()?;
    Some(written.keys.into_iter().take(MOST_KEYS).filter_map(from_jwk).collect())
}

fn from_jwk(written: Value) -> Option<VerifyingKey> {
    let jwk: Jwk = serde_json::from_value(written).ok()?;
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))) {
        return None;
    }
    let algorithm = match jwk.common.key_algorithm {
        Some(algorithm) => Some(Algorithm::try_from(algorithm).ok()?),
        None => None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let usable = match key.family() {
        AlgorithmFamily::Hmac => false,
        // The crate takes the first 32 bytes without asking whether there are as many.
        AlgorithmFamily::Ed => key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == 32),
        AlgorithmFamily::Rsa | AlgorithmFamily::Ec => true,
    };
    usable.then_some(VerifyingKey { id: jwk.common.key_id, algorithm, key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::test_keys::SigningKey;

    fn set(keys: Value) -> Vec<VerifyingKey> {
        from_jwk_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn only_public_signature_keys_are_taken_from_a_set() {
        let good = SigningKey::ec("a").jwk();
        let mut encryption = SigningKey::ec("b").jwk();
        encryption["use"] = json!("enc");
        let mut unknown_algorithm = SigningKey::ec("c").jwk();
        unknown_algorithm["alg"] = json!("ES256K");
        let keys = set(json!([
            good,
            encryption,
            unknown_algorithm,
            {"kty": "oct", "kid": "d", "k": "c2VjcmV0"},
            {"kty": "XYZ", "kid": "e"},
            {"kty": "RSA", "kid": "f", "n": "!", "e": "AQAB"},
            {"kty": "OKP", "kid": "g", "crv": "Ed25519", "x": "AAAA"},
            7,
        ]));
        assert_eq!(keys.iter().map(|key| key.id.as_deref()).collect::<Vec<_>>(), [Some("a")]);
        assert!(from_jwk_set(b"{}").is_none() && from_jwk_set(b"<html>").is_none());
    }

    #[test]
    fn a_key_serves_its_own_algorithm_and_name() {
        let keys = set(json!([SigningKey::ec("a").jwk()]));
        assert!(keys[0].may_verify(Some("a"), Algorithm::ES256) && keys[0].may_verify(None, Algorithm::ES256));
        for (id, algorithm) in [("b", Algorithm::ES256), ("a", Algorithm::HS256), ("a", Algorithm::ES384)] {
            assert!(!keys[0].may_verify(Some(id), algorithm), "{id} {algorithm:?}");
        }
    }

    #[test]
    fn a_pem_file_gives_a_key_of_its_own_family_and_never_a_shared_secret() {
        let key = SigningKey::ed("a");
        let pem = key.public_pem();
        assert_eq!(from_file(pem.as_bytes(), &[Algorithm::EdDSA]).len(), 1);
        for algorithm in [Algorithm::HS256, Algorithm::RS256] {
            assert!(from_file(pem.as_bytes(), &[algorithm]).is_empty(), "{algorithm:?}");
        }
    }
}
