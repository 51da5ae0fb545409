//! A SCIM 2.0 service (RFC 7644) as the target.
//!
//! It finds, lists, reads, creates, changes and deletes resources, in the way that the target's profile asks for. It
//! compares nothing with what was exported before.

pub mod paging;
pub mod write;

mod accepted;
mod address;
mod answer;
mod auth;
mod bulk;
mod change;
mod client;
mod create;
mod dialect;
mod discover;
mod membership;
mod protection;
mod read;
mod replace;
mod settings;

pub use auth::Auth;
pub use protection::Protected;
pub use settings::{ScimSettings, SettingsProblem};

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use url::Url;

pub(super) use self::address::is_possible;
use self::address::route;
use self::answer::Purpose;
use self::client::{Answer, Client, Request, RetryPolicy};
use self::discover::Discovery;
use self::membership::Membership;
use self::protection::Protection;
pub(super) use self::read::list_in;
use super::lanes::Lanes;
use super::{Gate, Profile, TargetError};
use crate::model::{ResourceId, ResourceKind, TargetIdentity};
use crate::scim::{Resource, urn};

/// How the end of a resource came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    Deleted,
    /// There was no such resource. Beside a sign that the target is the right one, as good as deleted.
    Absent,
    /// The resource is disabled, because the target deletes no users.
    Disabled,
}

/// One target application. Clones share connections, pace and what was learned about the target.
#[derive(Clone)]
pub struct ScimTarget {
    shared: Arc<Shared>,
    /// Of this clone alone.
    gate: Gate,
}

struct Shared {
    client: Client,
    identity: TargetIdentity,
    settings: ScimSettings,
    /// The preset with the operator's word, then with what the target says, then with what it taught us. Never locked
    /// across an await.
    profile: RwLock<Arc<Profile>>,
    discovery: Discovery,
    /// When it last answered [`ScimTarget::probe`]. Never locked across an await.
    answered_at: Mutex<Option<Instant>>,
    protection: Protection,
    lanes: Lanes,
    membership: Membership,
}

/// A resource as it was read.
struct Version {
    resource: Resource,
    /// What `If-Match` names to change exactly this one.
    etag: Option<String>,
}

impl ScimTarget {
    /// Prepares a target; nothing is sent yet. Fails when the settings cannot work.
    pub fn new(settings: ScimSettings, protected: Protected) -> Result<Self, TargetError> {
        Self::with_retries(settings, protected, RetryPolicy::default())
    }

    fn with_retries(settings: ScimSettings, protected: Protected, retry: RetryPolicy) -> Result<Self, TargetError> {
        let base = settings.normalised_base()?;
        let shared = Shared {
            identity: TargetIdentity::new(base.as_str().trim_end_matches('/')),
            client: settings.client(&base, retry)?,
            profile: RwLock::new(Arc::new(settings.profile.beforehand().with(&settings.profile))),
            settings,
            discovery: Discovery::default(),
            answered_at: Mutex::default(),
            protection: Protection::new(protected),
            lanes: Lanes::default(),
            membership: Membership::default(),
        };
        let target = Self { shared: Arc::new(shared), gate: Gate::default() };
        target.shared.client.speak(target.profile().media_type);
        Ok(target)
    }

    /// The same target, whose requests are sent while the gate is open.
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Which target this is: the base URL in its normal form.
    pub fn identity(&self) -> &TargetIdentity {
        &self.shared.identity
    }

    /// What the target can do, as far as is known; [`ScimTarget::discover`] refines it, and so does what the target
    /// refuses.
    pub fn profile(&self) -> Arc<Profile> {
        // The profile is replaced as a whole, so it is whole whatever happened to a writer.
        Arc::clone(&self.shared.profile.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests that were sent so far, repetitions included.
    pub fn requests_sent(&self) -> u64 {
        self.shared.client.requests_sent()
    }

    /// Write requests that were sent so far, repetitions included.
    pub fn writes_sent(&self) -> u64 {
        self.shared.client.writes_sent()
    }

    /// The host of the base URL.
    pub(in crate::target) fn host(&self) -> &str {
        self.shared.client.host()
    }

    /// A request with our credentials, for who sends it and looks at the answer by himself.
    pub(in crate::target) async fn request_by_hand(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, TargetError> {
        let url = address::url(self.shared.client.base(), path.iter().copied(), query)?;
        self.shared.client.request_by_hand(method, url).await
    }

    async fn send(&self, request: &Request) -> Result<Answer, TargetError> {
        self.shared.client.send(request, &self.gate).await
    }

    /// Changes what is known of the target.
    fn learn(&self, lesson: impl FnOnce(&mut Profile)) {
        let mut known = self.shared.profile.write().unwrap_or_else(PoisonError::into_inner);
        lesson(Arc::make_mut(&mut known));
    }

    /// The JSON object that a successful answer must be, if it is anything.
    fn resource(&self, request: &Request, answer: &Answer) -> Result<Resource, TargetError> {
        match serde_json::from_slice::<Resource>(&answer.body) {
            Ok(resource) if resource.schemas().contains(&urn::ERROR) => {
                Err(self.shared.client.unusable(request, answer, "with an error in its body"))
            }
            Ok(resource) => Ok(resource),
            Err(_) => Err(self.shared.client.unusable(request, answer, "not with a JSON object")),
        }
    }

    fn query(&self, endpoint: &str, query: &[(&str, &str)]) -> Result<Request, TargetError> {
        self.request(Purpose::Query, endpoint, query, None)
    }

    /// A request to an endpoint.
    fn request(
        &self,
        purpose: Purpose,
        endpoint: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Request, TargetError> {
        let url = self.url(endpoint, None, query)?;
        Ok(Request { purpose, route: route(endpoint), url, body, if_match: None })
    }

    /// A request to a resource.
    fn about_one(
        &self,
        purpose: Purpose,
        kind: &ResourceKind,
        id: &ResourceId,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Request, TargetError> {
        if !is_possible(id) {
            return Err(TargetError::ImpossibleId { id: id.to_string() });
        }
        let profile = self.profile();
        let endpoint = profile.endpoint(kind);
        let url = self.url(endpoint, Some(id.as_str()), query)?;
        Ok(Request { purpose, route: route(endpoint) + "/{id}", url, body, if_match: None })
    }

    fn url(&self, endpoint: &str, id: Option<&str>, query: &[(&str, &str)]) -> Result<Url, TargetError> {
        address::url(self.shared.client.base(), endpoint.split('/').chain(id), query)
    }
}

fn json(message: &impl Serialize) -> Result<Bytes, TargetError> {
    let body = serde_json::to_vec(message);
    body.map(Bytes::from)
        .map_err(|error| TargetError::Settings { problem: ["no JSON can be made: ", &error.to_string()].concat() })
}

#[cfg(test)]
mod tests;
