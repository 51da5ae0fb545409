//! Who we are to a target: the `Authorization` header of every request.

use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use crate::net::{ClientCredentials, OAuthError, TokenCache};
use crate::secret::Secret;

/// How to authenticate. Written as one member: `bearer: <token>` or `client_credentials: {…}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// A token that does not change.
    Bearer(Secret),
    /// Tokens by the OAuth 2.0 client credentials grant.
    ClientCredentials {
        token_url: Url,
        client_id: String,
        client_secret: Secret,
        #[serde(default)]
        scope: Option<String>,
    },
}

/// Gives the token of the next request.
pub(super) enum Authorizer {
    Fixed(Secret),
    Issued(Box<TokenCache>),
}

impl Authorizer {
    pub(super) fn new(auth: &Auth, client: &reqwest::Client) -> Self {
        match auth.clone() {
            Auth::Bearer(token) => Self::Fixed(token),
            Auth::ClientCredentials { token_url, client_id, client_secret, scope } => {
                let credentials = ClientCredentials { token_url, client_id, client_secret, scope };
                Self::Issued(Box::new(TokenCache::new(client.clone(), credentials)))
            }
        }
    }

    pub(super) async fn token(&self) -> Result<Secret, OAuthError> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::Issued(cache) => cache.bearer().await,
        }
    }

    /// Drops a token that was answered with 401. True when another one can be had.
    pub(super) async fn renew(&self, refused: &Secret) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Issued(cache) => {
                cache.invalidate(refused).await;
                true
            }
        }
    }
}

/// The header, marked so that no debug output shows it. `None` when the token cannot stand in a header.
pub(super) fn header(token: &Secret) -> Option<HeaderValue> {
    let mut text = String::with_capacity(token.expose().len() + 7);
    text.push_str("Bearer ");
    text.push_str(token.expose());
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_are_read_and_neither_prints_its_secret() {
        let bearer: Auth = serde_json::from_value(json!({ "bearer": "hunter2" })).unwrap();
        assert_eq!(bearer, Auth::Bearer(Secret::new("hunter2")));
        let oauth: Auth = serde_json::from_value(json!({ "client_credentials": {
            "token_url": "https://login.example/token", "client_id": "gateway", "client_secret": "hunter2"
        } }))
        .unwrap();
        assert!(!format!("{bearer:?} {oauth:?}").contains("hunter2"));
        assert!(serde_json::from_value::<Auth>(json!({ "basic": "x" })).is_err());
    }

    #[test]
    fn a_token_with_a_line_break_is_no_header() {
        assert!(header(&Secret::new("a\nb")).is_none());
        let value = header(&Secret::new("abc")).unwrap();
        assert_eq!(value, "Bearer abc");
        assert!(!format!("{value:?}").contains("abc"));
    }
}
