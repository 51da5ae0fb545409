//! Requests to the service: tokens, retries, throttling, bounded answers, and links that stay on the server.
//!
//! It knows nothing of what is asked for.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ACCEPT, RETRY_AFTER};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::debug;
use url::Url;
use uuid::Uuid;

use super::{refusal::Refusal, settings::GraphSettings, token};
use crate::net::{self, Backoff, HttpSettings, NetError, TokenCache, explain, is_loopback, read_bounded, retry_after};
use crate::secret::Secret;
use crate::source::SourceError;

/// The longest answer. A page of 200 users with many attributes has about 1 MB.
const MOST_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// How often one request is sent before the read is given up.
const ATTEMPTS: u32 = 5;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), cap: Duration::from_secs(60) };
/// The longest wait that is granted to the service between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Sends requests to one service as one application.
pub(super) struct GraphClient {
    http: reqwest::Client,
    tokens: TokenCache,
    root: Url,
    /// The host, as errors name it.
    server: String,
    client_id: String,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The service answered, but not with what was asked for; the caller may know what that means.
    Refused(Refusal),
    Failed(SourceError),
}

/// How one attempt ended without an answer.
enum Attempt {
    Refused(Refusal),
    /// No answer, or not all of it.
    Lost(SourceError),
    /// Not worth another attempt.
    Hopeless(SourceError),
}

impl GraphClient {
    pub(super) fn new(settings: &GraphSettings) -> Result<Self, SourceError> {
        for url in [&settings.root_url, &settings.authority_url] {
            if url.scheme() != "https" && !is_loopback(url) && !settings.allow_http {
                return Err(SourceError::Configuration {
                    server: host(url),
                    problem: "plain HTTP would send secrets in the open".into(),
                    hint: "use an `https://` URL, or set `allow_http: true` if the network is trusted".into(),
                });
            }
        }
        let http = net::client(&HttpSettings {
            ca_file: settings.ca_file.clone(),
            timeout: Duration::from_secs(settings.timeout_seconds.max(1).into()),
            ..HttpSettings::default()
        });
        let http = http.map_err(|error| SourceError::Configuration {
            server: host(&settings.root_url),
            problem: error.to_string(),
            hint: "check `ca_file` and the proxy settings".into(),
        })?;
        Ok(Self {
            tokens: token::cache(http.clone(), settings)?,
            http,
            root: settings.root_url.clone(),
            server: host(&settings.root_url),
            client_id: settings.client_id.clone(),
        })
    }

    /// The host of the service.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The URL of `path` in version 1.0, with a query.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.root.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1.0").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// A link of the service as a URL. `None` when it leads to another server: the token must not go there.
    pub(super) fn follow(&self, link: &str) -> Option<Url> {
        let url = Url::parse(link).ok()?;
        let is_ours = url.origin() == self.root.origin() && url.username().is_empty() && url.password().is_none();
        is_ours.then_some(url)
    }

    /// Asks for `url`, as often as it makes sense. `subject` names in errors what is asked for.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: &Url, subject: &str) -> Result<T, Failure> {
        let mut failures = 0;
        let mut is_renewed = false;
        loop {
            let token = self.tokens.bearer().await.map_err(|error| Failure::Failed(token::failure(error)))?;
            let (wait, failure) = match self.attempt(url, &token, subject).await {
                Ok(answer) => return Ok(answer),
                Err(Attempt::Refused(refusal)) if refusal.status == 401 && !is_renewed => {
                    // A token may be revoked before its time; a fresh one tells whether that was it.
                    self.tokens.invalidate(&token).await;
                    is_renewed = true;
                    continue;
                }
                Err(Attempt::Refused(refusal)) if refusal.is_passing() => {
                    (refusal.retry_after, Failure::Refused(refusal))
                }
                Err(Attempt::Refused(refusal)) => return Err(Failure::Refused(refusal)),
                Err(Attempt::Lost(error)) => (None, Failure::Failed(error)),
                Err(Attempt::Hopeless(error)) => return Err(Failure::Failed(error)),
            };
            failures += 1;
            if failures == ATTEMPTS {
                return Err(failure);
            }
            let wait = wait.unwrap_or_else(|| BACKOFF.delay(failures, rand::random()));
            debug!(subject, failures, wait_ms = wait.as_millis(), "trying a request to the directory again");
            sleep(wait).await;
        }
    }

    /// The failure that a refusal amounts to.
    pub(super) fn refused(&self, refusal: Refusal, subject: &str) -> SourceError {
        refusal.into_error(&self.server, &self.client_id, subject)
    }

    /// A read that broke off.
    pub(super) fn broken(&self, subject: &str, problem: impl Into<String>) -> SourceError {
        SourceError::Broken {
            server: self.server.clone(),
            feed: subject.to_owned(),
            problem: problem.into(),
            cause: None,
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, url: &Url, token: &Secret, subject: &str) -> Result<T, Attempt> {
        let request = self
            .http
            .get(url.clone())
            .bearer_auth(token.expose())
            .header(ACCEPT, "application/json;odata.metadata=minimal")
            .header("client-request-id", Uuid::new_v4().to_string());
        let answer = request.send().await.map_err(|cause| self.lost(cause, subject))?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|value| retry_after(value, Utc::now(), LONGEST_WAIT));
        let request_id = answer.headers().get("request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = read_bounded(answer, MOST_ANSWER_BYTES).await;
        if !status.is_success() {
            let refusal = Refusal::read(status.as_u16(), &body.unwrap_or_default(), wait);
            // The id is what the operator of the service asks for first.
            debug!(
                subject,
                status = refusal.status,
                code = refusal.code,
                request_id,
                "the directory refused a request"
            );
            return Err(Attempt::Refused(refusal));
        }
        let body = body.map_err(|error| match error {
            NetError::BrokeOff { .. } => Attempt::Lost(self.broken_by(subject, "the answer broke off", error)),
            _ => Attempt::Hopeless(self.broken_by(subject, "the answer is too long", error)),
        })?;
        serde_json::from_slice(&body).map_err(|cause| {
            // The cause would quote the answer, which holds people's data.
            let problem =
                format!("the answer is not what it should be (line {}, {:?})", cause.line(), cause.classify());
            Attempt::Hopeless(self.broken(subject, problem))
        })
    }

    fn lost(&self, cause: reqwest::Error, subject: &str) -> Attempt {
        let explanation = explain(&cause);
        let cause = Some(cause.without_url().into());
        if explanation.before_sending {
            return Attempt::Lost(SourceError::Unreachable {
                server: self.server.clone(),
                hint: explanation.hint,
                cause,
            });
        }
        Attempt::Lost(SourceError::Broken {
            server: self.server.clone(),
            feed: subject.to_owned(),
            problem: explanation.hint,
            cause,
        })
    }

    fn broken_by(&self, subject: &str, problem: &str, cause: NetError) -> SourceError {
        SourceError::Broken {
            server: self.server.clone(),
            feed: subject.to_owned(),
            problem: problem.to_owned(),
            cause: Some(Box::new(cause)),
        }
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}
