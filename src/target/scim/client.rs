//! The one place that sends to a target: authentication, pace, and retries.
//!
//! It knows no schema and builds no body. What the end of a request means is asked of [`answer`](super::answer).

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use tracing::field::Empty;
use url::Url;

use super::answer::{Purpose, Refused, Verdict, is_complaint, verdict};
use super::auth::{Authorizer, Credential};
use crate::net::{Backoff, NetError, Trouble, explain, rate_limit_reset, read_bounded, retry_after};
use crate::scim::urn;
use crate::target::pace::Pace;
use crate::target::profile::MediaType;
use crate::target::{Gate, Outcome, TargetError};

/// A page of a hundred groups whose members come along although they were excluded.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;
/// A target that sends us from one address to the next without end is stopped here.
const MOST_REDIRECTS: u32 = 3;
/// When a rate limit starts anew, as various applications call it.
const RESET_HEADERS: [&str; 3] = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    /// Attempts at a request that fails.
    pub(super) attempts: u32,
    /// Attempts at a request that is only put off (429).
    pub(super) throttled: u32,
    /// For all attempts together, from the first one on.
    pub(super) total: Duration,
    pub(super) backoff: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            throttled: 20,
            total: Duration::from_secs(600),
            backoff: Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(30) },
        }
    }
}

/// One request. `route` is the path with a placeholder for the id: it may be logged.
pub(super) struct Request {
    pub(super) purpose: Purpose,
    pub(super) route: String,
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
    /// The version that the resource must still have (RFC 7644 section 3.14).
    pub(super) if_match: Option<String>,
}

impl Request {
    /// The method with the route.
    pub(super) fn name(&self) -> String {
        [self.purpose.method().as_str(), " ", &self.route].concat()
    }
}

/// A complete answer with any status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) body: Bytes,
    /// True when an earlier attempt, which ended without a proper answer, may have been carried out.
    pub(super) repeated: bool,
    retry_after: Option<Duration>,
}

pub(super) struct Failure {
    pub(super) trouble: Trouble,
    pub(super) before_sending: bool,
    hint: String,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    authorizer: Authorizer,
    pace: Pace,
    retry: RetryPolicy,
    /// Set once the target has refused the SCIM media type.
    plain_json: AtomicBool,
    requests: AtomicU64,
    writes: AtomicU64,
}

impl Client {
    pub(super) fn new(
        http: reqwest::Client,
        base: Url,
        authorizer: Authorizer,
        concurrency: usize,
        retry: RetryPolicy,
    ) -> Self {
        Self {
            http,
            base,
            authorizer,
            pace: Pace::new(concurrency),
            retry,
            plain_json: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Bodies have this media type from here on.
    pub(super) fn speak(&self, media_type: MediaType) {
        if media_type == MediaType::Json {
            self.plain_json.store(true, Ordering::Relaxed);
        }
    }

    /// Requests that were sent so far, repetitions included.
    pub(super) fn requests_sent(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Write requests that were sent so far, repetitions included.
    pub(super) fn writes_sent(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many requests may be under way now.
    #[cfg(test)]
    pub(super) fn concurrency(&self) -> usize {
        self.pace.limit()
    }

    /// Sends a request, again where that is safe, until there is an answer. An answer of any status is `Ok`;
    /// [`Client::refusal`] says what a bad one means. Once the gate is closed nothing goes out any more.
    pub(super) async fn send(&self, request: &Request, gate: &Gate) -> Result<Answer, TargetError> {
        let mut url = Cow::Borrowed(&request.url);
        let mut started = None;
        let (mut failures, mut put_off, mut redirects, mut repeated, mut renewed) = (0, 0, 0, false, false);
        loop {
            let credential = gate.pass(self.authorizer.credential()).await;
            let credential = credential.ok_or_else(|| self.stopped(request, repeated))?;
            let credential = credential.map_err(|cause| TargetError::Token {
                host: self.host().to_owned(),
                outcome: request.purpose.outcome(repeated),
                cause,
            })?;
            let plain_json = self.plain_json.load(Ordering::Relaxed);
            let slot = gate.pass(self.pace.slot()).await.ok_or_else(|| self.stopped(request, repeated))?;
            let sent_at = Instant::now();
            let started = *started.get_or_insert(sent_at);
            let exchange = self.exchange(request, &url, &credential, plain_json).await;
            let took = sent_at.elapsed();

            let status = exchange.as_ref().ok().map(|answer| answer.status);
            // A token may end before its time; one that was issued just now is refused for good.
            if status == Some(StatusCode::UNAUTHORIZED) && !renewed && self.authorizer.renew(&credential).await {
                renewed = true;
                continue;
            }
            if refuses_media_type(status, request) && !plain_json {
                self.plain_json.store(true, Ordering::Relaxed);
                continue;
            }
            if let Ok(answer) = &exchange
                && redirects < MOST_REDIRECTS
                && let Some(elsewhere) = self.redirection(&url, answer)
            {
                redirects += 1;
                url = Cow::Owned(elsewhere);
                continue;
            }
            let asked = exchange.as_ref().ok().and_then(|answer| answer.retry_after).filter(|wait| !wait.is_zero());
            let verdict = verdict(request.purpose, &exchange);
            let (tries_left, wait) = match verdict {
                Verdict::Final => (false, Duration::ZERO),
                Verdict::PutOff => {
                    put_off += 1;
                    (put_off < self.retry.throttled, asked.unwrap_or_else(|| self.backoff(put_off)))
                }
                Verdict::Again { .. } => {
                    failures += 1;
                    (failures < self.retry.attempts, asked.unwrap_or_else(|| self.backoff(failures)))
                }
            };
            if is_complaint(&exchange) {
                slot.throttled();
                self.pace.pause(asked.unwrap_or(if verdict == Verdict::PutOff { wait } else { Duration::ZERO }));
            } else if status.is_some() && request.purpose != Purpose::Bulk {
                // Many operations in one request say nothing about how long one takes.
                slot.succeeded(took);
            }
            drop(slot);
            if !tries_left || started.elapsed() + wait > self.retry.total {
                return self.conclude(request, exchange, repeated);
            }
            repeated |= verdict == Verdict::Again { ambiguous: true };
            gate.pass(sleep(wait)).await.ok_or_else(|| self.stopped(request, repeated))?;
        }
    }

    fn stopped(&self, request: &Request, repeated: bool) -> TargetError {
        let outcome = request.purpose.outcome(repeated);
        TargetError::Stopped { host: self.host().to_owned(), request: request.name(), outcome }
    }

    /// A request with our credentials and nothing else, for who sends it by himself.
    pub(super) async fn request_by_hand(&self, method: Method, url: Url) -> Result<RequestBuilder, TargetError> {
        let credential = self.authorizer.credential().await.map_err(|cause| TargetError::Token {
            host: self.host().to_owned(),
            outcome: Outcome::NotDone,
            cause,
        })?;
        let request = self.http.request(method, url);
        Ok(match credential.header {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        })
    }

    /// What an answer means that is not the one hoped for.
    pub(super) fn refusal(&self, request: &Request, answer: &Answer) -> TargetError {
        let Answer { status, body, repeated, .. } = answer;
        let (purpose, name) = (request.purpose, request.name());
        Refused { host: self.host(), request: name, purpose, status: *status, body, ambiguous: *repeated }.error()
    }

    /// A success status with a body that cannot be used.
    pub(super) fn unusable(&self, request: &Request, answer: &Answer, problem: &str) -> TargetError {
        TargetError::Unusable {
            host: self.host().to_owned(),
            request: request.name(),
            status: answer.status.as_u16(),
            problem: problem.to_owned(),
            outcome: request.purpose.outcome(true),
        }
    }

    /// Where to send the same request instead (RFC 9110 sections 15.4.8 and 15.4.9): on the same host alone, since the
    /// credentials go along.
    fn redirection(&self, from: &Url, answer: &Answer) -> Option<Url> {
        if !matches!(answer.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
            return None;
        }
        let to = from.join(answer.location.as_deref()?).ok()?;
        (to.origin() == self.base.origin()).then_some(to)
    }

    async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        credential: &Credential,
        plain_json: bool,
    ) -> Result<Answer, Failure> {
        let span = tracing::info_span!(
            "request",
            target.host = %self.host(),
            http.method = %request.purpose.method(),
            http.route = %request.route,
            http.status = Empty,
            duration_ms = Empty,
        );
        let sent_at = Instant::now();
        let exchange = self.exchange_unobserved(request, url, credential, plain_json).instrument(span.clone()).await;
        if let Ok(answer) = &exchange {
            span.record("http.status", answer.status.as_u16());
        }
        span.record("duration_ms", u64::try_from(sent_at.elapsed().as_millis()).unwrap_or(u64::MAX));
        exchange
    }

    async fn exchange_unobserved(
        &self,
        request: &Request,
        url: &Url,
        credential: &Credential,
        plain_json: bool,
    ) -> Result<Answer, Failure> {
        let accept = if plain_json { urn::JSON_MEDIA_TYPE } else { "application/scim+json, application/json;q=0.9" };
        let mut builder = self.http.request(request.purpose.method(), url.clone()).header(ACCEPT, accept);
        if let Some(header) = &credential.header {
            builder = builder.header(AUTHORIZATION, header.clone());
        }
        if let Some(version) = &request.if_match {
            builder = builder.header(IF_MATCH, version);
        }
        if let Some(body) = &request.body {
            let media_type = if plain_json { urn::JSON_MEDIA_TYPE } else { urn::MEDIA_TYPE };
            builder = builder.header(CONTENT_TYPE, media_type).body(body.clone());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        if request.purpose.is_write() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let response = builder.send().await.map_err(Failure::of)?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status();
        let location = text(LOCATION).map(str::to_owned);
        let etag = text(ETAG).map(str::to_owned);
        let wait = asked_wait(status, response.headers(), self.retry.total / 2);
        let body = match read_bounded(response, ANSWER_LIMIT).await {
            Ok(body) => body,
            // The echo of a big group. The status has said that it is done, and nobody reads the echo.
            Err(NetError::TooLong { .. })
                if matches!(request.purpose, Purpose::Change | Purpose::Replace) && status.is_success() =>
            {
                Bytes::new()
            }
            Err(cause) => return Err(Failure::of_body(cause)),
        };
        Ok(Answer { status, location, etag, body, repeated: false, retry_after: wait })
    }

    fn conclude(
        &self,
        request: &Request,
        exchange: Result<Answer, Failure>,
        repeated: bool,
    ) -> Result<Answer, TargetError> {
        let Failure { trouble, before_sending, hint, cause } = match exchange {
            Ok(answer) => return Ok(Answer { repeated, ..answer }),
            Err(failure) => failure,
        };
        let host = self.host().to_owned();
        if before_sending && !repeated {
            return Err(TargetError::Unreachable { host, hint, cause: Some(cause) });
        }
        Err(TargetError::NoAnswer {
            host,
            request: request.name(),
            hint,
            trouble,
            outcome: request.purpose.outcome(true),
            cause: Some(cause),
        })
    }

    /// Waits as between two attempts.
    pub(super) async fn pause(&self, attempt: u32) {
        sleep(self.backoff(attempt)).await;
    }

    fn backoff(&self, failures: u32) -> Duration {
        self.retry.backoff.delay(failures, rand::random())
    }
}

impl Failure {
    fn of(cause: reqwest::Error) -> Self {
        let explanation = explain(&cause);
        Self {
            trouble: explanation.trouble,
            before_sending: explanation.before_sending,
            hint: explanation.hint,
            // The URL may hold the value of a filter.
            cause: Box::new(cause.without_url()),
        }
    }

    fn of_body(cause: NetError) -> Self {
        let (trouble, hint) = match &cause {
            NetError::BrokeOff { cause, hint } => (explain(cause).trouble, hint.clone()),
            _ => (Trouble::Protocol, "the answer is too long".to_owned()),
        };
        Self { trouble, before_sending: false, hint, cause: Box::new(cause) }
    }
}

/// How long the target asks us to wait: `Retry-After`, and for one that is too busy also when its limit starts anew.
fn asked_wait(status: StatusCode, headers: &HeaderMap, cap: Duration) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = text(RETRY_AFTER.as_str()).and_then(|value| retry_after(value, Utc::now(), cap));
    if asked.is_some() || status != StatusCode::TOO_MANY_REQUESTS {
        return asked;
    }
    RESET_HEADERS.iter().find_map(|name| rate_limit_reset(text(name)?, Utc::now(), cap))
}

fn refuses_media_type(status: Option<StatusCode>, request: &Request) -> bool {
    match status {
        Some(StatusCode::UNSUPPORTED_MEDIA_TYPE) => request.body.is_some(),
        Some(StatusCode::NOT_ACCEPTABLE) => true,
        _ => false,
    }
}
