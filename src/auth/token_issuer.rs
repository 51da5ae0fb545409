//! A token endpoint for the client credentials grant (RFC 6749 section 4.4): short-lived tokens, signed with a key that
//! lives as long as the process.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use rand::RngCore;
use serde::Serialize;
use url::form_urlencoded;

use super::authorization::Credential;
use super::jwt::{Expected, JwtVerifier, Keys};
use super::keys::VerifyingKey;
use super::password::same;
use super::{Access, ClientSettings};
use crate::secret::Secret;

/// The `iss` of its tokens.
const ISSUER: &str = "provisor";

/// Issues tokens to the clients it knows.
pub struct TokenIssuer {
    key: [u8; 32],
    life: Duration,
    clients: Vec<Client>,
}

struct Client {
    id: String,
    secret: Secret,
    audience: String,
    access: Access,
}

/// The answer of the endpoint (RFC 6749 section 5.1).
#[derive(Serialize)]
pub struct IssuedToken {
    access_token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
}

/// Why there is no token, in the words of RFC 6749 section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("invalid_request")]
    InvalidRequest,
    /// Answered with 401; the others with 400.
    #[error("invalid_client")]
    InvalidClient,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl TokenIssuer {
    /// An issuer with a new key and no clients; its tokens are good for `life`.
    pub fn new(life: Duration) -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self { key, life, clients: Vec::new() }
    }

    /// True when a client of this id is known.
    pub fn knows(&self, id: &str) -> bool {
        self.clients.iter().any(|client| client.id == id)
    }

    /// Makes a client known. Its tokens are for this audience.
    pub(super) fn register(&mut self, client: &ClientSettings, audience: &str) {
        let ClientSettings { id, secret, access } = client.clone();
        self.clients.push(Client { id, secret, audience: audience.to_owned(), access });
    }

    /// Accepts the tokens that were issued for this audience with this access.
    pub(super) fn verifier(&self, audience: &str, access: Access) -> JwtVerifier {
        let keys = Keys::Fixed(Arc::new(vec![VerifyingKey::secret(&self.key)]));
        let audience = audience_with(audience, access);
        let algorithms = vec![Algorithm::HS256];
        let expected = Expected { algorithms, issuer: ISSUER, audience: &audience, leeway_seconds: 0 };
        JwtVerifier::new(keys, expected, None, access)
    }

    /// Answers a request to the endpoint: its `Authorization` header and its form.
    pub fn issue(&self, authorization: Option<&[u8]>, form: &[u8]) -> Result<IssuedToken, TokenRefusal> {
        let form = Form::parse(form)?;
        let grant = form.grant_type.ok_or(TokenRefusal::InvalidRequest)?;
        let (id, secret) = match (authorization.map(Credential::parse), form.client_id, form.client_secret) {
            (None, Some(id), Some(secret)) => (id, secret.into_bytes()),
            (Some(Some(Credential::Basic { name, password })), id, None) => {
                let name = decoded(&name).ok_or(TokenRefusal::InvalidClient)?;
                if id.is_some_and(|id| id != name) {
                    return Err(TokenRefusal::InvalidRequest);
                }
                (name, decoded(&password).ok_or(TokenRefusal::InvalidClient)?.into_bytes())
            }
            // One method only (RFC 6749 section 2.3).
            (Some(_), _, Some(_)) => return Err(TokenRefusal::InvalidRequest),
            _ => return Err(TokenRefusal::InvalidClient),
        };
        let known = self.clients.iter().find(|client| client.id == id);
        let client = known.filter(|client| same(&client.secret, &secret)).ok_or(TokenRefusal::InvalidClient)?;
        if grant != "client_credentials" {
            return Err(TokenRefusal::UnsupportedGrantType);
        }
        self.sign(client)
    }

    fn sign(&self, client: &Client) -> Result<IssuedToken, TokenRefusal> {
        let now = get_current_timestamp();
        let audience = audience_with(&client.audience, client.access);
        let claims = Claims { iss: ISSUER, sub: &client.id, aud: &audience, iat: now, exp: now + self.life.as_secs() };
        let key = EncodingKey::from_secret(&self.key);
        // An HMAC with a key in memory does not fail; were it to, the client is told that its request cannot be served.
        let access_token =
            encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|_| TokenRefusal::InvalidRequest)?;
        Ok(IssuedToken { access_token, token_type: "Bearer", expires_in: self.life.as_secs() })
    }
}

impl Form {
    /// Unknown parameters are ignored, repeated ones refused (RFC 6749 section 3.2).
    fn parse(body: &[u8]) -> Result<Self, TokenRefusal> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let place = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(TokenRefusal::InvalidRequest);
            }
        }
        Ok(form)
    }
}

/// Two kinds of token differ in what they are for, so that one never passes for the other.
fn audience_with(audience: &str, access: Access) -> String {
    let suffix = match access {
        Access::Read => "#read",
        Access::Write => "#write",
        Access::Admin => "#admin",
    };
    [audience, suffix].concat()
}

/// Name and password of a client are form-encoded inside of the header (RFC 6749 section 2.3.1).
pub(super) fn decoded(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_encoding::percent_decode(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
