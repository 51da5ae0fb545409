//! The OAuth 2.0 grants for programs, client credentials (RFC 6749 section 4.4) and JWT bearer assertions (RFC 7523),
//! with one cached token.
//!
//! Tokens are opaque here: nobody looks inside, nobody stores them.

use std::time::Duration;

use chrono::Utc;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::{Deserialize, Deserializer};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Backoff, JwtBearer, NetError, explain, read_bounded, retry_after};
use crate::secret::Secret;

/// A token answer is small; what is longer is a page of something else.
const ANSWER_LIMIT: usize = 256 * 1024;
const ATTEMPTS: u32 = 3;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(10) };
/// RFC 6749 section 5.1 leaves `expires_in` optional. A short life costs a few requests, a long one refused calls.
const DEFAULT_LIFE: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where to ask for tokens, as whom and for what.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    pub token_url: Url,
    pub client_id: String,
    pub client_secret: Secret,
    pub scope: Option<String>,
    pub authentication: ClientAuthentication,
}

/// How the token endpoint learns who the client is (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// `client_id` and `client_secret` in the form.
    #[default]
    Form,
    /// HTTP Basic.
    Basic,
}

/// How to get a token.
#[derive(Debug)]
pub enum Grant {
    ClientCredentials(ClientCredentials),
    JwtBearer(Box<JwtBearer>),
}

impl From<ClientCredentials> for Grant {
    fn from(credentials: ClientCredentials) -> Self {
        Self::ClientCredentials(credentials)
    }
}

impl From<JwtBearer> for Grant {
    fn from(assertion: JwtBearer) -> Self {
        Self::JwtBearer(Box::new(assertion))
    }
}

impl Grant {
    fn token_url(&self) -> &Url {
        match self {
            Self::ClientCredentials(credentials) => &credentials.token_url,
            Self::JwtBearer(assertion) => &assertion.token_url,
        }
    }

    /// Who asks, as the token endpoint knows it.
    fn client(&self) -> &str {
        match self {
            Self::ClientCredentials(credentials) => &credentials.client_id,
            Self::JwtBearer(assertion) => &assertion.issuer,
        }
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The token endpoint cannot be reached or broke off; it may be better later.
    #[error("cannot reach the token endpoint at `{host}`: {hint}")]
    Unreachable {
        host: String,
        hint: String,
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The token endpoint is overloaded or out of order.
    #[error("the token endpoint at `{host}` is not available (status {status})")]
    Unavailable { host: String, status: u16, retry_after: Option<Duration> },
    /// The key cannot sign an assertion.
    #[error("cannot sign an assertion for the token endpoint at `{host}`: check the key file and its algorithm")]
    Unsigned { host: String },
    /// The token endpoint refused us. `codes` are the numbers some issuers add; `error` is RFC 6749's.
    #[error(
        "the token endpoint at `{host}` refused the client `{client_id}`: {error} {codes:?}; check id, secret and scope"
    )]
    Refused { host: String, client_id: String, error: String, codes: Vec<u64> },
    /// The answer is no token.
    #[error("the token endpoint at `{host}` answered with status {status}, but not with a token: check the token URL")]
    NoToken { host: String, status: u16 },
}

impl OAuthError {
    /// True when the same request may succeed later, without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

/// Holds one token and renews it before it ends.
pub struct TokenCache {
    client: reqwest::Client,
    grant: Grant,
    /// Held while a token is fetched, so that many callers cause one request.
    token: Mutex<Option<Token>>,
}

struct Token {
    bearer: Secret,
    renew_at: Instant,
    ends_at: Instant,
}

impl TokenCache {
    /// An empty cache; nothing is sent before the first [`TokenCache::bearer`].
    pub fn new(client: reqwest::Client, grant: impl Into<Grant>) -> Self {
        Self { client, grant: grant.into(), token: Mutex::new(None) }
    }

    /// A token that is good for the next request. Asks for a new one when 5 minutes or a fifth of its life are left,
    /// whichever is shorter; if that fails for a passing reason, the present token serves until its own end.
    pub async fn bearer(&self) -> Result<Secret, OAuthError> {
        let mut token = self.token.lock().await;
        let now = Instant::now();
        if let Some(token) = token.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.bearer.clone());
        }
        match (self.fetch().await, token.as_mut()) {
            (Ok(fresh), _) => Ok(token.insert(fresh).bearer.clone()),
            (Err(error), Some(former)) if error.is_transient() && Instant::now() < former.ends_at => {
                // Not at every request: the endpoint is in trouble already.
                former.renew_at = (Instant::now() + BACKOFF.cap).min(former.ends_at);
                Ok(former.bearer.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Drops the token that was refused with 401, unless another caller has already replaced it.
    pub async fn invalidate(&self, refused: &Secret) {
        let mut token = self.token.lock().await;
        if token.as_ref().is_some_and(|token| token.bearer == *refused) {
            *token = None;
        }
    }

    async fn fetch(&self) -> Result<Token, OAuthError> {
        let mut failures = 0;
        loop {
            match self.fetch_once().await {
                Err(error) if error.is_transient() && failures + 1 < ATTEMPTS => {
                    failures += 1;
                    let asked = match error {
                        OAuthError::Unavailable { retry_after, .. } => retry_after,
                        _ => None,
                    };
                    sleep(asked.unwrap_or_else(|| BACKOFF.delay(failures, rand::random())).min(BACKOFF.cap)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn fetch_once(&self) -> Result<Token, OAuthError> {
        let host = self.host();
        let asked_at = Instant::now();
        let answer = self.request()?.send().await;
        let answer = answer.map_err(|cause| OAuthError::Unreachable {
            host: host.clone(),
            hint: explain(&cause).hint,
            cause: Some(Box::new(cause.without_url())),
        })?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|value| retry_after(value, Utc::now(), Duration::from_secs(3600)));
        let body = read_bounded(answer, ANSWER_LIMIT).await.map_err(|error| match error {
            NetError::TooLong { .. } => OAuthError::NoToken { host: host.clone(), status: status.as_u16() },
            broken => OAuthError::Unreachable {
                host: host.clone(),
                hint: "the answer broke off".to_owned(),
                cause: Some(Box::new(broken)),
            },
        })?;
        if status.is_success() {
            let answer: TokenAnswer = serde_json::from_slice(&body)
                .map_err(|_| OAuthError::NoToken { host: host.clone(), status: status.as_u16() })?;
            return answer.token(asked_at).ok_or(OAuthError::NoToken { host, status: status.as_u16() });
        }
        Err(self.refusal(status, wait, &body))
    }

    /// The grant as a form, with a new assertion where there is one.
    fn request(&self) -> Result<reqwest::RequestBuilder, OAuthError> {
        let request = self.client.post(self.grant.token_url().clone());
        Ok(match &self.grant {
            Grant::ClientCredentials(credentials) => {
                let (id, secret) = (credentials.client_id.as_str(), credentials.client_secret.expose());
                let mut form = vec![("grant_type", "client_credentials")];
                if credentials.authentication == ClientAuthentication::Form {
                    form.extend([("client_id", id), ("client_secret", secret)]);
                }
                form.extend(credentials.scope.as_deref().map(|scope| ("scope", scope)));
                let request = request.form(&form);
                match credentials.authentication {
                    ClientAuthentication::Form => request,
                    // Both parts are form-encoded before they are joined (RFC 6749 section 2.3.1).
                    ClientAuthentication::Basic => request.basic_auth(form_encoded(id), Some(form_encoded(secret))),
                }
            }
            Grant::JwtBearer(grant) => {
                let assertion = grant.assertion(Utc::now()).map_err(|_| OAuthError::Unsigned { host: self.host() })?;
                let grant_type = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                let mut form = vec![grant_type, ("assertion", assertion.expose())];
                form.extend(grant.scope.as_deref().map(|scope| ("scope", scope)));
                request.form(&form)
            }
        })
    }

    fn refusal(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> OAuthError {
        let host = self.host();
        let status_code = status.as_u16();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return OAuthError::Unavailable { host, status: status_code, retry_after };
        }
        match serde_json::from_slice::<ErrorAnswer>(body) {
            Ok(answer) if answer.error == "temporarily_unavailable" => {
                OAuthError::Unavailable { host, status: status_code, retry_after }
            }
            Ok(answer) => OAuthError::Refused {
                host,
                client_id: self.grant.client().to_owned(),
                error: printable(&answer.error),
                codes: answer.error_codes.into_iter().take(8).collect(),
            },
            Err(_) => OAuthError::NoToken { host, status: status_code },
        }
    }

    fn host(&self) -> String {
        self.grant.token_url().host_str().unwrap_or_default().to_owned()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
}

impl TokenAnswer {
    fn token(self, asked_at: Instant) -> Option<Token> {
        // What cannot stand in a header is no bearer token (RFC 6750 section 2.1).
        let usable = !self.access_token.is_empty() && self.access_token.expose().bytes().all(|b| b.is_ascii_graphic());
        let life = self.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).min(LONGEST_LIFE);
        let margin = (life / 5).min(Duration::from_secs(300));
        usable.then(|| Token {
            bearer: self.access_token,
            renew_at: asked_at + (life - margin),
            ends_at: asked_at + life,
        })
    }
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// `expires_in` as a number or, as some issuers send it, as text. Anything else counts as not given.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_u64().or_else(|| number.as_f64().map(|seconds| seconds as u64)),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// RFC 6749 section 5.2 allows only printable ASCII in `error`; the other side may not have read it.
fn printable(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii_graphic()).take(64).collect()
}

#[cfg(test)]
mod tests;
