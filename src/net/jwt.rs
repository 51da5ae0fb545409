//! Assertions that prove who we are (RFC 7523): a short-lived JWT, signed with a key from a file.
//!
//! It signs and reads no token of anybody else.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::NetError;
use super::tls::read_key_file;
use crate::secret::Secret;

/// An assertion is used at once; clocks may differ by a few minutes.
const LIFE: Duration = Duration::from_secs(300);

/// The signature algorithms that token endpoints ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum JwtAlgorithm {
    #[default]
    RS256,
    RS384,
    RS512,
    PS256,
    ES256,
    ES384,
    EdDSA,
}

/// A grant by assertion: where to ask for tokens, and what the assertion says.
pub struct JwtBearer {
    pub token_url: Url,
    /// `iss`: who asks.
    pub issuer: String,
    /// `sub`: on whose behalf.
    pub subject: String,
    /// `aud`: who is asked.
    pub audience: String,
    pub scope: Option<String>,
    key: EncodingKey,
    header: Header,
}

/// RFC 7523 section 3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

impl JwtBearer {
    /// A grant for a client that asks on its own behalf, signing with the key in `key_file`.
    ///
    /// Fails when the file cannot be read or holds no key of that algorithm.
    pub fn new(
        token_url: Url,
        issuer: String,
        key_file: &Path,
        algorithm: JwtAlgorithm,
        key_id: Option<String>,
    ) -> Result<Self, NetError> {
        let pem = read_key_file(key_file)?;
        let key = match algorithm {
            JwtAlgorithm::ES256 | JwtAlgorithm::ES384 => EncodingKey::from_ec_pem(&pem),
            JwtAlgorithm::EdDSA => EncodingKey::from_ed_pem(&pem),
            _ => EncodingKey::from_rsa_pem(&pem),
        };
        let key = key.map_err(|_| NetError::KeyFileUnusable {
            path: key_file.to_owned(),
            problem: "holds no private key of this algorithm",
        })?;
        let header = Header { kid: key_id, ..Header::new(algorithm.into()) };
        let (subject, audience) = (issuer.clone(), token_url.to_string());
        Ok(Self { token_url, issuer, subject, audience, scope: None, key, header })
    }

    /// A new assertion, good for five minutes from `now`. Fails when the key does not fit the algorithm.
    pub(super) fn assertion(&self, now: DateTime<Utc>) -> Result<Secret, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: &self.issuer,
            sub: &self.subject,
            aud: &self.audience,
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
            jti: Uuid::new_v4(),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).map(Secret::new)
    }
}

impl std::fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtBearer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::RS256 => Self::RS256,
            JwtAlgorithm::RS384 => Self::RS384,
            JwtAlgorithm::RS512 => Self::RS512,
            JwtAlgorithm::PS256 => Self::PS256,
            JwtAlgorithm::ES256 => Self::ES256,
            JwtAlgorithm::ES384 => Self::ES384,
            JwtAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use chrono::TimeDelta;
    use jsonwebtoken::{DecodingKey, Validation};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData};

    use super::*;

    fn grant(pem: &str, algorithm: JwtAlgorithm) -> Result<JwtBearer, NetError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        let url = Url::parse("https://login.example/token").unwrap();
        JwtBearer::new(url, "gateway".to_owned(), file.path(), algorithm, Some("k1".to_owned()))
    }

    #[test]
    fn an_assertion_says_who_asks_whom_and_for_how_long() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let grant = grant(&key.serialize_pem(), JwtAlgorithm::ES256).unwrap();
        let assertion = grant.assertion(Utc::now()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["https://login.example/token"]);
        validation.set_issuer(&["gateway"]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let public = DecodingKey::from_ec_der(key.der_bytes());
        let read =
            jsonwebtoken::decode::<BTreeMap<String, serde_json::Value>>(assertion.expose(), &public, &validation);
        let read = read.unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("k1"));
        assert_eq!(read.claims["sub"], "gateway");
        assert_eq!(read.claims["exp"].as_i64().unwrap() - read.claims["iat"].as_i64().unwrap(), 300);
        assert_ne!(grant.assertion(Utc::now()).unwrap(), assertion, "each is used once");
        let old = grant.assertion(Utc::now() - TimeDelta::hours(1)).unwrap();
        assert!(jsonwebtoken::decode::<serde_json::Value>(old.expose(), &public, &validation).is_err());
    }

    #[test]
    fn a_key_of_another_kind_is_refused_with_its_file() {
        let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_pem();
        grant(&ed25519, JwtAlgorithm::EdDSA).unwrap();
        for (pem, algorithm) in [
            (ed25519.as_str(), JwtAlgorithm::RS256),
            (ed25519.as_str(), JwtAlgorithm::ES256),
            ("no key", JwtAlgorithm::EdDSA),
        ] {
            let error = grant(pem, algorithm).unwrap_err();
            assert!(matches!(error, NetError::KeyFileUnusable { .. }), "{error}");
        }
        assert!(!format!("{:?}", grant(&ed25519, JwtAlgorithm::EdDSA)).contains("PRIVATE"));
    }
}
