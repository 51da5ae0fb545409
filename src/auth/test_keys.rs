//! Keys of issuers for tests: they sign tokens, and publish themselves.

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode, get_current_timestamp};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};

/// What tokens for tests are for, and who issues them.
pub(crate) const AUDIENCE: &str = "scim";
pub(crate) const ISSUER: &str = "https://issuer.example";

/// A key that signs.
pub(crate) struct SigningKey {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    public_pem: String,
}

impl SigningKey {
    pub(crate) fn ec(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, key, public_pem: pair.public_key_pem() }
    }

    pub(crate) fn ed(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { id: id.to_owned(), algorithm: Algorithm::EdDSA, key, public_pem: pair.public_key_pem() }
    }

    /// The one of the fixtures: to make an RSA key takes too long for a test.
    pub(crate) fn rsa(id: &str) -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../../fixtures/auth/rsa_private.pem")).unwrap();
        let public_pem = include_str!("../../fixtures/auth/rsa_public.pem").to_owned();
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, key, public_pem }
    }

    pub(crate) fn secret(secret: &[u8]) -> Self {
        let key = EncodingKey::from_secret(secret);
        Self { id: "shared".to_owned(), algorithm: Algorithm::HS256, key, public_pem: String::new() }
    }

    pub(crate) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// The public half, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        let pem = self.public_pem.as_bytes();
        let key = match self.algorithm {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem),
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem),
            _ => DecodingKey::from_ed_pem(pem),
        };
        let mut jwk = Jwk::from_decoding_key(&key.unwrap(), Some(self.algorithm)).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        serde_json::to_value(jwk).unwrap()
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(|header| header.kid = Some(self.id.clone()), claims)
    }

    /// A token with a header of its own.
    pub(crate) fn sign_with(&self, change: impl FnOnce(&mut Header), claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        change(&mut header);
        encode(&header, claims, &self.key).unwrap()
    }
}

/// The claims of a good token; `seconds` from now it ends.
pub(crate) fn claims(seconds: i64) -> Value {
    let end = i64::try_from(get_current_timestamp()).unwrap() + seconds;
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": end})
}

/// The claims of a good token, with one of them changed; null takes it away.
pub(crate) fn claims_but(name: &str, value: Value) -> Value {
    let mut claims = claims(600);
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
    };
    claims
}
