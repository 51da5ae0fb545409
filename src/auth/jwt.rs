//! Signed tokens (RFC 7519, RFC 8725): which are accepted, and what they say of the caller.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::keys::VerifyingKey;
use super::{Access, Denied, Principal};

/// A longer token is none that an issuer made.
const LONGEST_TOKEN: usize = 16 * 1024;

const OTHER_ALGORITHM: &str = "its algorithm is not allowed";
const OTHER_KEY: &str = "its key is not known";
const OTHER_ISSUER: &str = "it is of another issuer";

/// Accepts the tokens of one issuer.
pub(super) struct JwtVerifier {
    keys: Keys,
    /// One for each algorithm that is accepted: a key serves a single family of them.
    rules: Vec<Validation>,
    /// The claim that names a user of the application.
    user_claim: Option<String>,
    access: Access,
}

/// Where the keys of an issuer are.
pub(super) enum Keys {
    Fixed(Arc<Vec<VerifyingKey>>),
    Published(Box<KeySet>),
}

/// What a token must say.
pub(super) struct Expected<'a> {
    /// Never empty. The token's own header chooses among these and nothing else (RFC 8725 section 3.1).
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) leeway_seconds: u64,
}

impl JwtVerifier {
    pub(super) fn new(keys: Keys, expected: Expected<'_>, user_claim: Option<String>, access: Access) -> Self {
        let rules = expected.algorithms.iter().map(|algorithm| {
            let mut rules = Validation::new(*algorithm);
            rules.leeway = expected.leeway_seconds;
            rules.validate_nbf = true;
            rules.set_issuer(&[expected.issuer]);
            rules.set_audience(&[expected.audience]);
            rules.set_required_spec_claims(&["exp", "iss", "aud"]);
            rules
        });
        let rules = rules.collect();
        Self { keys, rules, user_claim, access }
    }

    /// Checks a token and says whose it is.
    pub(super) async fn verify(&self, token: &[u8]) -> Result<Principal, Denied> {
        Ok(self.principal(&self.claims(token).await?))
    }

    /// Checks a token and returns what it says.
    pub(super) async fn claims(&self, token: &[u8]) -> Result<Map<String, Value>, Denied> {
        if token.len() > LONGEST_TOKEN {
            return Err(Denied::Token("it is too long"));
        }
        // The header of an unsigned token (`alg: none`) does not read at all: there is no such algorithm here.
        let header = decode_header(token).map_err(|_| Denied::Token("it is no JWT of a known algorithm"))?;
        let rules = self.rules.iter().find(|rules| rules.algorithms.contains(&header.alg));
        let rules = rules.ok_or(Denied::Token(OTHER_ALGORITHM))?;
        if header.crit.is_some() {
            // RFC 7515 section 4.1.11: extensions that are not understood make a token invalid.
            return Err(Denied::Token("it needs extensions that are not known here"));
        }
        let key_id = header.kid.as_deref();
        let keys = match &self.keys {
            Keys::Fixed(keys) => Arc::clone(keys),
            Keys::Published(set) => set.keys(key_id).await?,
        };
        let mut denied = Denied::Token(OTHER_KEY);
        for key in keys.iter().filter(|key| key.may_verify(key_id, header.alg)) {
            match decode::<Map<String, Value>>(token, &key.key, rules) {
                Ok(verified) => return Ok(verified.claims),
                Err(error) => denied = Denied::Token(reason(error.kind())),
            }
        }
        Err(denied)
    }

    fn principal(&self, claims: &Map<String, Value>) -> Principal {
        let user = self.user_claim.as_ref().and_then(|claim| claims.get(claim)?.as_str()).map(str::to_owned);
        Principal { user, access: self.access }
    }
}

/// True for a refusal of a token that somebody else may have issued: another verifier may say more of it.
pub(super) fn is_of_another(denied: Denied) -> bool {
    matches!(denied, Denied::Token(OTHER_ALGORITHM | OTHER_KEY | OTHER_ISSUER))
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidIssuer => OTHER_ISSUER,
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of the claims `exp`, `iss` and `aud`",
        ErrorKind::InvalidSignature => "its signature is wrong",
        _ => "it is broken",
    }
}
