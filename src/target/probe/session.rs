//! The probe's own way to a target: each request is sent once, and its answer is seen as it came.
//!
//! The gateway's client hides what a target does wrong; a probe is there to see it. Only being put off (429) is waited
//! out.

use std::time::Duration;

use chrono::Utc;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::model::ResourceId;
use crate::net::{explain, read_bounded, retry_after};
use crate::scim::{ListResponse, Resource, ScimError, urn};
use crate::target::scim::{is_possible, list_in};
use crate::target::{Outcome, ScimTarget, TargetError};

/// Larger answers are no answers to a probe.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;
/// How often a request that is put off is sent, and how long it waits each time at most.
const PUT_OFF: u32 = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a probe does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The path below the base URL, as segments.
    pub(super) path: Vec<&'a str>,
    pub(super) query: Vec<(&'a str, &'a str)>,
    pub(super) header: Option<(HeaderName, String)>,
    pub(super) body: Option<Value>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, path: impl IntoIterator<Item = &'a str>) -> Self {
        Self { method, path: path.into_iter().collect(), query: Vec::new(), header: None, body: None }
    }

    pub(super) fn get(path: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn query(mut self, name: &'a str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// An answer as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) status: u16,
    /// Without parameters, in lower case.
    pub(super) media_type: Option<String>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    /// `Null` where there was none, or none that is JSON.
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The feature is not there at all, rather than refused for this once.
    pub(super) fn is_not_offered(&self) -> bool {
        matches!(self.status, 404 | 405 | 501)
    }

    /// The resource in it, if it is one.
    pub(super) fn resource(&self) -> Option<Resource> {
        let resource: Resource = serde_json::from_value(self.body.clone()).ok()?;
        (self.is_success() && !resource.schemas().contains(&urn::ERROR)).then_some(resource)
    }

    /// The list in it, if it is one.
    pub(super) fn list(&self) -> Option<ListResponse> {
        list_in(self.body.clone()).filter(|_| self.status == 200)
    }

    /// The SCIM error in it, if it is one.
    pub(super) fn error(&self) -> Option<ScimError> {
        serde_json::from_value(self.body.clone()).ok()
    }

    /// How it is told in a report: the status, and why if the target says so.
    pub(super) fn told(&self) -> String {
        let scim_type = self.error().and_then(|error| error.scim_type);
        let reason = scim_type.map(|scim_type| [" (", scim_type.as_str(), ")"].concat()).unwrap_or_default();
        format!("answered with {}{reason}", self.status)
    }
}

/// The way to one target.
pub(super) struct Session {
    pub(super) target: ScimTarget,
    pub(super) stop: CancellationToken,
}

impl Session {
    /// Sends a request, unless the probe is to stop, and waits for its answer in any case: what was sent may have made
    /// something.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Seen, Stop> {
        if self.stop.is_cancelled() {
            return Err(Stop::Interrupted);
        }
        Ok(self.ask_on(ask).await?)
    }

    /// The same, also when the probe is to stop: for clearing up.
    pub(super) async fn ask_on(&self, ask: Ask<'_>) -> Result<Seen, TargetError> {
        let mut put_off = 0;
        loop {
            let (seen, wait) = self.exchange(&ask).await?;
            put_off += 1;
            if seen.status != 429 || put_off >= PUT_OFF {
                return Ok(seen);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Result<(Seen, Duration), TargetError> {
        let host = || self.target.host().to_owned();
        if ask.method == Method::DELETE && !ask.is_about_one() {
            return Err(TargetError::ImpossibleId { id: ask.path.last().copied().unwrap_or_default().to_owned() });
        }
        let request = self.target.request_by_hand(ask.method.clone(), &ask.path, &ask.query).await?;
        let mut request = request.header(ACCEPT, urn::MEDIA_TYPE);
        if let Some((name, value)) = &ask.header {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_TYPE, urn::MEDIA_TYPE).body(body.to_string());
        }
        let no_answer = |cause: reqwest::Error| {
            let explanation = explain(&cause);
            let cause = Some(Box::new(cause.without_url()).into());
            if explanation.before_sending {
                return TargetError::Unreachable { host: host(), hint: explanation.hint, cause };
            }
            TargetError::NoAnswer {
                host: host(),
                request: ask.route(),
                hint: explanation.hint,
                trouble: explanation.trouble,
                outcome: Outcome::Unknown,
                cause,
            }
        };
        let response = request.send().await.map_err(no_answer)?;
        let text = |name: HeaderName| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let media_type = text(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| Some(value.split(';').next()?.trim().to_ascii_lowercase()));
        let wait = text(RETRY_AFTER).and_then(|value| retry_after(&value, Utc::now(), LONGEST_WAIT));
        let (status, location, etag) = (response.status().as_u16(), text(LOCATION), text(ETAG));
        // A body that breaks off or is too long is as good as none: the checks say what is missing.
        let body = read_bounded(response, ANSWER_LIMIT).await.unwrap_or_default();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok((Seen { status, media_type, location, etag, body }, wait.unwrap_or(Duration::from_secs(1))))
    }
}

impl Ask<'_> {
    /// False for what names a collection, which is never ours to delete.
    fn is_about_one(&self) -> bool {
        matches!(self.path.as_slice(), [_, .., id] if is_possible(&ResourceId::new(*id)))
    }

    /// Method and path for a message, with a placeholder for the id.
    fn route(&self) -> String {
        let endpoint = self.path.first().copied().unwrap_or_default();
        let id = if self.path.len() > 1 { "/{id}" } else { "" };
        [self.method.as_str(), " /", endpoint, id].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_resource_is_deleted() {
        let is_about_one = |path: &[&'static str]| Ask::new(Method::DELETE, path.iter().copied()).is_about_one();
        assert!(is_about_one(&["Users", "1"]));
        for path in [&["Users"][..], &["Users", ""], &["Users", "."], &["Users", ".."], &[]] {
            assert!(!is_about_one(path), "{path:?}");
        }
    }
}
