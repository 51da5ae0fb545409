//! Who we are to a target: the `Authorization` header of every request.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use crate::net::{
    ClientAuthentication, ClientCredentials, Grant, JwtAlgorithm, JwtBearer, NetError, OAuthError, TokenCache,
};
use crate::secret::Secret;

/// How to authenticate. Written as one member: `bearer: <token>` or `client_credentials: {…}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// Nothing: the client certificate or a header of its own says who we are.
    None,
    /// A token that does not change.
    Bearer(Secret),
    /// User name and password (RFC 7617).
    Basic { username: String, password: Secret },
    /// Tokens by the OAuth 2.0 client credentials grant (RFC 6749 section 4.4).
    ClientCredentials {
        token_url: Url,
        client_id: String,
        client_secret: Secret,
        /// Default: none.
        #[serde(default)]
        scope: Option<String>,
        /// `form` or `basic`: how the token endpoint is told id and secret. Default: `form`.
        #[serde(default)]
        authentication: ClientAuthentication,
    },
    /// Tokens by the OAuth 2.0 grant for JWT bearer assertions (RFC 7523).
    JwtBearer {
        token_url: Url,
        /// `iss` of the assertion: the client's id.
        issuer: String,
        /// `sub` of the assertion. Default: the issuer.
        #[serde(default)]
        subject: Option<String>,
        /// `aud` of the assertion. Default: the token URL.
        #[serde(default)]
        audience: Option<String>,
        /// Default: none.
        #[serde(default)]
        scope: Option<String>,
        /// A PEM file with the private key that signs.
        key_file: PathBuf,
        /// Default: `RS256`.
        #[serde(default)]
        algorithm: JwtAlgorithm,
        /// `kid` of the assertion's header. Default: none.
        #[serde(default)]
        key_id: Option<String>,
    },
}

/// Gives the header of the next request.
pub(super) enum Authorizer {
    Fixed(Option<HeaderValue>),
    Issued(Box<TokenCache>),
}

/// What one request shows.
pub(super) struct Credential {
    pub(super) header: Option<HeaderValue>,
    /// The token in the header, where it can be renewed.
    token: Option<Secret>,
}

impl Auth {
    /// How tokens are asked for, unless they are given. Reads the key file.
    pub(super) fn grant(&self) -> Result<Option<Grant>, NetError> {
        Ok(match self.clone() {
            Self::None | Self::Bearer(_) | Self::Basic { .. } => None,
            Self::ClientCredentials { token_url, client_id, client_secret, scope, authentication } => {
                Some(ClientCredentials { token_url, client_id, client_secret, scope, authentication }.into())
            }
            Self::JwtBearer { token_url, issuer, subject, audience, scope, key_file, algorithm, key_id } => {
                let mut grant = JwtBearer::new(token_url, issuer, &key_file, algorithm, key_id)?;
                grant.subject = subject.unwrap_or(grant.subject);
                grant.audience = audience.unwrap_or(grant.audience);
                grant.scope = scope;
                Some(grant.into())
            }
        })
    }

    /// Where tokens are asked for, with the key of this way to authenticate.
    pub(super) fn token_url(&self) -> Option<(&'static str, &Url)> {
        match self {
            Self::None | Self::Bearer(_) | Self::Basic { .. } => None,
            Self::ClientCredentials { token_url, .. } => Some(("client_credentials", token_url)),
            Self::JwtBearer { token_url, .. } => Some(("jwt_bearer", token_url)),
        }
    }

    /// The header that does not change. `Err` when what is given cannot stand in a header.
    pub(super) fn fixed_header(&self) -> Result<Option<HeaderValue>, &'static str> {
        match self {
            Self::Bearer(token) if token.is_empty() => Err("the bearer token is empty"),
            Self::Bearer(token) => header("Bearer ", token.expose())
                .map(Some)
                .ok_or("the bearer token holds characters that no header may have"),
            // RFC 7617 section 2: the first colon ends the name.
            Self::Basic { username, .. } if username.is_empty() || username.contains(':') => {
                Err("a user name is not empty and has no colon")
            }
            Self::Basic { username, password } => {
                let joined = [username.as_str(), ":", password.expose()].concat();
                Ok(header("Basic ", &BASE64_STANDARD.encode(joined)))
            }
            Self::None | Self::ClientCredentials { .. } | Self::JwtBearer { .. } => Ok(None),
        }
    }
}

impl Authorizer {
    /// Asks for tokens when they are needed.
    pub(super) fn issuing(client: reqwest::Client, grant: Grant) -> Self {
        Self::Issued(Box::new(TokenCache::new(client, grant)))
    }

    /// Always the same. What cannot stand in a header was refused before: see [`Auth::fixed_header`].
    pub(super) fn fixed(auth: &Auth) -> Self {
        Self::Fixed(auth.fixed_header().unwrap_or_default())
    }

    pub(super) async fn credential(&self) -> Result<Credential, OAuthError> {
        match self {
            Self::Fixed(header) => Ok(Credential { header: header.clone(), token: None }),
            Self::Issued(cache) => {
                let token = cache.bearer().await?;
                // The cache gives no token that cannot stand in a header.
                Ok(Credential { header: header("Bearer ", token.expose()), token: Some(token) })
            }
        }
    }

    /// Drops a token that was answered with 401. True when another one can be had.
    pub(super) async fn renew(&self, refused: &Credential) -> bool {
        match (self, &refused.token) {
            (Self::Issued(cache), Some(token)) => {
                cache.invalidate(token).await;
                true
            }
            _ => false,
        }
    }
}

/// The header, marked so that no debug output shows it. `None` when the text cannot stand in a header.
fn header(scheme: &str, credential: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from([scheme, credential].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_is_read_and_none_prints_its_secret() {
        let read = |json: serde_json::Value| serde_json::from_value::<Auth>(json).unwrap();
        let ways = [
            read(json!("none")),
            read(json!({ "bearer": "hunter2" })),
            read(json!({ "basic": { "username": "ada", "password": "hunter2" } })),
            read(json!({ "client_credentials": {
                "token_url": "https://login.example/token", "client_id": "gateway", "client_secret": "hunter2",
                "authentication": "basic",
            } })),
            read(json!({ "jwt_bearer": {
                "token_url": "https://login.example/token", "issuer": "gateway", "key_file": "key.pem",
                "algorithm": "ES256",
            } })),
        ];
        assert_eq!(ways[1], Auth::Bearer(Secret::new("hunter2")));
        assert!(!format!("{ways:?}").contains("hunter2"));
        for wrong in [json!({ "basic": "x" }), json!({ "bearer": "a", "basic": {} }), json!({ "jwt_bearer": {} })] {
            assert!(serde_json::from_value::<Auth>(wrong).is_err());
        }
    }

    #[test]
    fn headers_hold_what_they_may_and_print_nothing() {
        let basic = |username: &str| Auth::Basic { username: username.to_owned(), password: Secret::new("s:cret") };
        for wrong in [Auth::Bearer(Secret::new("a\nb")), Auth::Bearer(Secret::new("")), basic(""), basic("a:b")] {
            assert!(wrong.fixed_header().is_err(), "{wrong:?}");
        }
        let cases = [
            (Auth::Bearer(Secret::new("abc")), "Bearer abc".to_owned()),
            (basic("é"), format!("Basic {}", BASE64_STANDARD.encode("é:s:cret"))),
        ];
        for (auth, expected) in cases {
            let header = auth.fixed_header().unwrap().unwrap();
            assert_eq!(header, expected.as_str());
            assert_eq!(format!("{header:?}"), "Sensitive");
        }
        assert_eq!(Auth::None.fixed_header(), Ok(None));
    }
}
