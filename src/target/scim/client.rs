//! The one place that sends to a target: authentication, pace, retries, and what each status means.
//!
//! It knows no schema and builds no body. What may be repeated is decided here and nowhere else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use tracing::field::Empty;
use url::Url;

use super::auth::{Authorizer, header};
use crate::net::{Backoff, NetError, Trouble, explain, read_bounded, retry_after};
use crate::scim::ScimError;
use crate::secret::Secret;
use crate::target::pace::Pace;
use crate::target::{Detail, Outcome, TargetError};

const MEDIA_TYPE: &str = "application/scim+json";
const PLAIN_JSON: &str = "application/json";
/// A page of a hundred groups whose members come along although they were excluded.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;
const LONGEST_DETAIL: usize = 300;

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

/// What a request is for; decides what may be repeated and what a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Lists, finds or discovers.
    Query,
    Read,
    Create,
    Change,
    Delete,
}

impl Purpose {
    fn method(self) -> Method {
        match self {
            Self::Query | Self::Read => Method::GET,
            Self::Create => Method::POST,
            Self::Change => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Delete)
    }

    /// Everything but POST has the same effect when it is done twice: a PATCH as we build it sets, adds and removes
    /// by value.
    fn is_repeatable(self) -> bool {
        self != Self::Create
    }
}

/// One request. `route` is the path with a placeholder for the id: it may be logged.
pub(super) struct Request {
    pub(super) purpose: Purpose,
    pub(super) route: String,
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
}

impl Request {
    fn name(&self) -> String {
        format!("{} {}", self.purpose.method(), self.route)
    }
}

/// A complete answer with any status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
    /// True when an earlier attempt, which ended without a proper answer, may have been carried out.
    pub(super) repeated: bool,
    retry_after: Option<Duration>,
}

struct Failure {
    trouble: Trouble,
    before_sending: bool,
    hint: String,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What follows from the end of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is the answer, good or bad.
    Final,
    /// Certainly not carried out, because we are too fast.
    PutOff,
    /// Try again; with `ambiguous`, it may have been carried out.
    Again { ambiguous: bool },
}

pub(super) struct Client {
    http: reqwest::Client,
    host: String,
    authorizer: Authorizer,
    pace: Pace,
    retry: RetryPolicy,
    /// Set once the target has refused the SCIM media type.
    plain_json: AtomicBool,
    writes: AtomicU64,
}

impl Client {
    pub(super) fn new(
        http: reqwest::Client,
        host: String,
        authorizer: Authorizer,
        concurrency: usize,
        retry: RetryPolicy,
    ) -> Self {
        Self {
            http,
            host,
            authorizer,
            pace: Pace::new(concurrency),
            retry,
            plain_json: AtomicBool::new(false),
            writes: AtomicU64::new(0),
        }
    }

    /// Write requests that were sent so far, repetitions included.
    pub(super) fn writes_sent(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Sends a request, again where that is safe, until there is an answer. An answer of any status is `Ok`;
    /// [`Client::refusal`] says what a bad one means.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, TargetError> {
        let mut started = None;
        let (mut failures, mut put_off, mut repeated, mut renewed) = (0, 0, false, false);
        loop {
            let token = self.authorizer.token().await.map_err(|cause| TargetError::Token {
                host: self.host.clone(),
                outcome: outcome(request.purpose, repeated),
                cause,
            })?;
            let plain_json = self.plain_json.load(Ordering::Relaxed);
            let slot = self.pace.slot().await;
            let started = *started.get_or_insert_with(Instant::now);
            let exchange = self.exchange(request, &token, plain_json).await;

            let status = exchange.as_ref().ok().map(|answer| answer.status);
            // A token may end before its time; one that was issued just now is refused for good.
            if status == Some(StatusCode::UNAUTHORIZED) && !renewed && self.authorizer.renew(&token).await {
                renewed = true;
                continue;
            }
            if status == Some(StatusCode::UNSUPPORTED_MEDIA_TYPE) && request.body.is_some() && !plain_json {
                self.plain_json.store(true, Ordering::Relaxed);
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
            match status {
                Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                    slot.throttled();
                    self.pace.pause(asked.unwrap_or(if verdict == Verdict::PutOff { wait } else { Duration::ZERO }));
                }
                Some(_) => slot.succeeded(),
                None => {}
            }
            drop(slot);
            if !tries_left || started.elapsed() + wait > self.retry.total {
                return self.conclude(request, exchange, repeated);
            }
            repeated |= verdict == Verdict::Again { ambiguous: true };
            sleep(wait).await;
        }
    }

    /// What an answer means that is not the one hoped for.
    pub(super) fn refusal(&self, request: &Request, answer: &Answer) -> TargetError {
        let (host, name, status) = (self.host.clone(), request.name(), answer.status.as_u16());
        let purpose = request.purpose;
        let detail = detail(&answer.body);
        let outcome = outcome(purpose, answer.repeated || matches!(status, 500 | 502..=599));
        let about_one = matches!(purpose, Purpose::Read | Purpose::Change | Purpose::Delete);
        match status {
            401 | 407 => TargetError::Credentials { host, request: name, status, detail, outcome },
            403 if purpose == Purpose::Query => {
                TargetError::Credentials { host, request: name, status, detail, outcome }
            }
            404 | 410 if about_one => TargetError::Gone { host, request: name },
            300..=399 | 404 | 410 => TargetError::NotServed { host, request: name, status, detail },
            409 => TargetError::Conflict { host, request: name, detail },
            // Some targets report a clash of unique values as a bad request.
            400 | 422 if detail.scim_type.as_deref() == Some("uniqueness") => {
                TargetError::Conflict { host, request: name, detail }
            }
            200..=299 => self.unusable(request, answer, "with something else than was asked for"),
            _ => TargetError::Refused { host, request: name, status, detail, outcome },
        }
    }

    /// A success status with a body that cannot be used.
    pub(super) fn unusable(&self, request: &Request, answer: &Answer, problem: &str) -> TargetError {
        TargetError::Unusable {
            host: self.host.clone(),
            request: request.name(),
            status: answer.status.as_u16(),
            problem: problem.to_owned(),
            outcome: outcome(request.purpose, true),
        }
    }

    async fn exchange(&self, request: &Request, token: &Secret, plain_json: bool) -> Result<Answer, Failure> {
        let span = tracing::info_span!(
            "request",
            target.host = %self.host,
            http.method = %request.purpose.method(),
            http.route = %request.route,
            http.status = Empty,
            duration_ms = Empty,
        );
        let sent_at = Instant::now();
        let exchange = self.exchange_unobserved(request, token, plain_json).instrument(span.clone()).await;
        if let Ok(answer) = &exchange {
            span.record("http.status", answer.status.as_u16());
        }
        span.record("duration_ms", u64::try_from(sent_at.elapsed().as_millis()).unwrap_or(u64::MAX));
        exchange
    }

    async fn exchange_unobserved(
        &self,
        request: &Request,
        token: &Secret,
        plain_json: bool,
    ) -> Result<Answer, Failure> {
        let accept = if plain_json { PLAIN_JSON } else { "application/scim+json, application/json;q=0.9" };
        let mut builder = self.http.request(request.purpose.method(), request.url.clone()).header(ACCEPT, accept);
        // A token that cannot stand in a header was refused when the settings were read, or by the token cache.
        if let Some(authorization) = header(token) {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = &request.body {
            let media_type = if plain_json { PLAIN_JSON } else { MEDIA_TYPE };
            builder = builder.header(CONTENT_TYPE, media_type).body(body.clone());
        }
        if request.purpose.is_write() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let response = builder.send().await.map_err(Failure::of)?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status();
        let location = text(LOCATION).map(str::to_owned);
        let wait = text(RETRY_AFTER).and_then(|value| retry_after(value, Utc::now(), self.retry.total / 2));
        let body = match read_bounded(response, ANSWER_LIMIT).await {
            Ok(body) => body,
            // The echo of a big group. The status has said that it is done, and nobody reads the echo.
            Err(NetError::TooLong { .. }) if request.purpose == Purpose::Change && status.is_success() => Bytes::new(),
            Err(cause) => return Err(Failure::of_body(cause)),
        };
        Ok(Answer { status, location, body, repeated: false, retry_after: wait })
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
        let host = self.host.clone();
        if before_sending && !repeated {
            return Err(TargetError::Unreachable { host, hint, cause: Some(cause) });
        }
        Err(TargetError::NoAnswer {
            host,
            request: request.name(),
            hint,
            trouble,
            outcome: outcome(request.purpose, true),
            cause: Some(cause),
        })
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

fn verdict(purpose: Purpose, exchange: &Result<Answer, Failure>) -> Verdict {
    match exchange {
        Ok(answer) => match answer.status.as_u16() {
            429 => Verdict::PutOff,
            // Also a 503 with `Retry-After`: it may come from a proxy that had passed the request on.
            500 | 502..=504 if purpose.is_repeatable() => Verdict::Again { ambiguous: true },
            _ => Verdict::Final,
        },
        Err(Failure { before_sending: true, trouble, .. }) => match trouble {
            Trouble::Refused | Trouble::Unreachable | Trouble::Timeout => Verdict::Again { ambiguous: false },
            _ => Verdict::Final,
        },
        Err(Failure { trouble: Trouble::Protocol, .. }) => Verdict::Final,
        Err(_) if purpose.is_repeatable() => Verdict::Again { ambiguous: true },
        Err(_) => Verdict::Final,
    }
}

/// Only writes have effects to be unsure of.
fn outcome(purpose: Purpose, ambiguous: bool) -> Outcome {
    if ambiguous && purpose.is_write() { Outcome::Unknown } else { Outcome::NotDone }
}

fn detail(body: &[u8]) -> Detail {
    let Ok(error) = serde_json::from_slice::<ScimError>(body) else { return Detail::default() };
    Detail {
        scim_type: error.scim_type.map(|scim_type| printable(scim_type.as_str(), 40)),
        text: error.detail.as_deref().map(|detail| printable(detail, LONGEST_DETAIL)),
    }
}

/// Foreign text on one line of bounded length.
fn printable(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut cut: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        cut.push('…');
    }
    cut
}
