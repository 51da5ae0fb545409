//! A SCIM 2.0 service (RFC 7644) as the target.
//!
//! It finds, lists, reads, creates, patches and deletes resources. It compares nothing with what was exported before.

pub mod paging;
pub mod write;

mod auth;
mod client;
mod protection;
mod settings;

pub use auth::Auth;
pub use protection::Protected;
pub use settings::ScimSettings;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use self::client::{Answer, Client, Purpose, Request, RetryPolicy};
use self::paging::{ListPage, PageStart, page};
use self::protection::Protection;
use super::{Profile, TargetError};
use crate::model::{ResourceId, ResourceKind, TargetIdentity};
use crate::scim::{AttributePath, Filter, ListResponse, PatchOp, Resource, urn};

/// How a DELETE ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    Deleted,
    /// There was no such resource. Beside a sign that the target is the right one, as good as deleted.
    Absent,
}

/// One target application. Clones share connections, pace and what was learned about the target.
#[derive(Clone)]
pub struct ScimTarget {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    base: Url,
    identity: TargetIdentity,
    settings: ScimSettings,
    /// The preset with the operator's word, used until the target was asked.
    preset: Profile,
    discovered: OnceLock<Profile>,
    protection: Protection,
}

impl ScimTarget {
    /// Prepares a target; nothing is sent yet. Fails when the settings cannot work.
    pub fn new(settings: ScimSettings, protected: Protected) -> Result<Self, TargetError> {
        Self::with_retries(settings, protected, RetryPolicy::default())
    }

    fn with_retries(settings: ScimSettings, protected: Protected, retry: RetryPolicy) -> Result<Self, TargetError> {
        let base = settings.normalised_base()?;
        let identity = TargetIdentity::new(base.as_str().trim_end_matches('/'));
        let shared = Shared {
            client: settings.client(&base, retry)?,
            base,
            identity,
            preset: Profile::default().with(&settings.profile),
            settings,
            discovered: OnceLock::new(),
            protection: Protection::new(protected),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Which target this is: the base URL in its normal form.
    pub fn identity(&self) -> &TargetIdentity {
        &self.shared.identity
    }

    /// What the target can do, as far as is known; [`ScimTarget::discover`] refines it.
    pub fn profile(&self) -> &Profile {
        self.shared.discovered.get().unwrap_or(&self.shared.preset)
    }

    /// Write requests that were sent so far, repetitions included.
    pub fn writes_sent(&self) -> u64 {
        self.shared.client.writes_sent()
    }

    /// Asks the target what it can do, once. A target that does not say, or says nonsense, keeps the preset; only one
    /// that does not answer is an error.
    pub async fn discover(&self) -> Result<&Profile, TargetError> {
        let mut profile = Profile::default();
        for name in ["ServiceProviderConfig", "ServiceProviderConfigs"] {
            let request = self.query(name, &[])?;
            let answer = self.shared.client.send(&request).await?;
            if answer.status.is_success() {
                if let Ok(config) = serde_json::from_slice::<Value>(&answer.body) {
                    profile = profile.discovered(&config);
                }
                break;
            }
        }
        Ok(self.shared.discovered.get_or_init(|| profile.with(&self.shared.settings.profile)))
    }

    /// Checks that the target answers, accepts the credentials and speaks SCIM.
    pub async fn probe(&self) -> Result<(), TargetError> {
        let request = self.query("Users", &[("startIndex", "1"), ("count", "1")])?;
        self.list_response(&request).await.map(drop)
    }

    /// The resources of which the attribute at `path` has the value `value`, in any letter case. Usually none or one;
    /// a target that ignores or does not offer filters is read from end to end.
    pub async fn find(
        &self,
        kind: &ResourceKind,
        path: &AttributePath,
        value: &str,
    ) -> Result<Vec<Resource>, TargetError> {
        let filter = self.profile().filter.then(|| Filter::equals(path.clone(), value).to_string());
        let mut found = Vec::new();
        let mut next = Some(PageStart::first());
        while let Some(start) = next {
            let page = match self.page(kind, &start, filter.as_deref()).await {
                // Some targets answer a search without a match in this way.
                Err(TargetError::NotServed { status: 404, .. }) if filter.is_some() => break,
                page => page?,
            };
            found.extend(page.resources.into_iter().filter(|resource| has_value(resource, path, value)));
            next = page.next;
        }
        Ok(found)
    }

    /// One page of all resources of a kind, groups without their members. Start with `None`, go on with
    /// [`ListPage::next`]. A resource that no page holds may still exist.
    pub async fn list(&self, kind: &ResourceKind, start: Option<PageStart>) -> Result<ListPage, TargetError> {
        self.page(kind, &start.unwrap_or_else(PageStart::first), None).await
    }

    /// The resource with this id, a group without its members; `None` when there is none.
    pub async fn read(&self, kind: &ResourceKind, id: &ResourceId) -> Result<Option<Resource>, TargetError> {
        let request = self.about_one(Purpose::Read, kind, id, None)?;
        let answer = self.shared.client.send(&request).await?;
        match answer.status.as_u16() {
            404 | 410 => Ok(None),
            200 => {
                let resource = self.resource(&request, &answer)?;
                self.shared.protection.learn(&resource);
                Ok(Some(resource))
            }
            _ => Err(self.shared.client.refusal(&request, &answer)),
        }
    }

    /// Creates a resource and returns the id it got. Sent at most once: after an error with
    /// [`Outcome::Unknown`](super::Outcome::Unknown), look whether it is there.
    pub async fn create(&self, kind: &ResourceKind, resource: &Resource) -> Result<ResourceId, TargetError> {
        self.shared.protection.admit_create(resource)?;
        let request = Request {
            purpose: Purpose::Create,
            route: route(kind.as_str()),
            url: self.url(&[kind.as_str()], &[])?,
            body: Some(json(resource)?),
        };
        let answer = self.shared.client.send(&request).await?;
        if !matches!(answer.status.as_u16(), 200..=202) {
            return Err(self.shared.client.refusal(&request, &answer));
        }
        let id = match answer.body.is_empty() {
            true => answer.location.as_deref().and_then(|location| self.id_in(location, kind)),
            false => self.resource(&request, &answer)?.id().map(ResourceId::new),
        };
        id.filter(is_possible).ok_or_else(|| self.shared.client.unusable(&request, &answer, "without the id it gave"))
    }

    /// Changes a resource. A PATCH of ours may be sent twice: it sets, adds and removes by value.
    pub async fn patch(&self, kind: &ResourceKind, id: &ResourceId, patch: &PatchOp) -> Result<(), TargetError> {
        self.resolve_protected_names().await?;
        self.shared.protection.admit_change(id, patch)?;
        let request = self.about_one(Purpose::Change, kind, id, Some(json(patch)?))?;
        let answer = self.shared.client.send(&request).await?;
        if !answer.status.is_success() {
            return Err(self.shared.client.refusal(&request, &answer));
        }
        if !answer.body.is_empty() {
            self.resource(&request, &answer)?;
        }
        Ok(())
    }

    /// Deletes a resource.
    pub async fn delete(&self, kind: &ResourceKind, id: &ResourceId) -> Result<Deletion, TargetError> {
        self.resolve_protected_names().await?;
        self.shared.protection.admit(id)?;
        let request = self.about_one(Purpose::Delete, kind, id, None)?;
        let answer = self.shared.client.send(&request).await?;
        match answer.status.as_u16() {
            // The attempt before, which ended without an answer, has done it.
            404 | 410 if answer.repeated => Ok(Deletion::Deleted),
            404 | 410 => Ok(Deletion::Absent),
            200..=299 => {
                if !answer.body.is_empty() {
                    self.resource(&request, &answer)?;
                }
                Ok(Deletion::Deleted)
            }
            _ => Err(self.shared.client.refusal(&request, &answer)),
        }
    }

    async fn page(
        &self,
        kind: &ResourceKind,
        start: &PageStart,
        filter: Option<&str>,
    ) -> Result<ListPage, TargetError> {
        let (index, count) = (start.index().to_string(), self.profile().max_page_size.to_string());
        let mut query = Vec::with_capacity(4);
        query.extend(filter.map(|filter| ("filter", filter)));
        query.extend([("startIndex", index.as_str()), ("count", count.as_str())]);
        query.extend(without_members(kind));
        let request = self.query(kind.as_str(), &query)?;
        let (answer, list) = self.list_response(&request).await?;
        let mut received = Vec::with_capacity(list.resources.len());
        for resource in list.resources {
            self.shared.protection.learn(&resource);
            match resource.id().map(ResourceId::new).filter(is_possible) {
                Some(id) => received.push((id, resource)),
                None => return Err(self.shared.client.unusable(&request, &answer, "with a resource that has no id")),
            }
        }
        Ok(page(start, received, usize::try_from(list.total_results).ok().filter(|&total| total > 0)))
    }

    async fn list_response(&self, request: &Request) -> Result<(Answer, ListResponse), TargetError> {
        let answer = self.shared.client.send(request).await?;
        if answer.status.as_u16() != 200 {
            return Err(self.shared.client.refusal(request, &answer));
        }
        match list_in(&answer.body) {
            Some(list) => Ok((answer, list)),
            None => Err(self.shared.client.unusable(request, &answer, "not with a list of resources")),
        }
    }

    /// Looks up once which ids the protected user names belong to, so that a change by id is refused as well.
    async fn resolve_protected_names(&self) -> Result<(), TargetError> {
        let resolve = async {
            for name in self.shared.protection.user_names() {
                // What is found is learned in passing.
                self.find(&ResourceKind::new("Users"), &AttributePath::new("userName"), name).await?;
            }
            Ok(())
        };
        self.shared.protection.resolve_once(resolve).await
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
        let url = self.url(&[endpoint], query)?;
        Ok(Request { purpose: Purpose::Query, route: route(endpoint), url, body: None })
    }

    fn about_one(
        &self,
        purpose: Purpose,
        kind: &ResourceKind,
        id: &ResourceId,
        body: Option<Bytes>,
    ) -> Result<Request, TargetError> {
        if !is_possible(id) {
            return Err(TargetError::ImpossibleId { id: id.to_string() });
        }
        let query = without_members(kind).filter(|_| purpose == Purpose::Read);
        let url = self.url(&[kind.as_str(), id.as_str()], query.as_slice())?;
        Ok(Request { purpose, route: route(kind.as_str()) + "/{id}", url, body })
    }

    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, TargetError> {
        let mut url = self.shared.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(segments),
            // Only URLs without a host, which the settings refuse.
            Err(()) => return Err(TargetError::Settings { problem: "`base_url` has no path".to_owned() }),
        };
        if !query.is_empty() {
            // Not every target reads `+` as a space; a plus sign proper is `%2B` by now.
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            url.set_query(Some(&text.replace('+', "%20")));
        }
        Ok(url)
    }

    /// The id at the end of a `Location`, if it leads to a resource of this kind.
    fn id_in(&self, location: &str, kind: &ResourceKind) -> Option<ResourceId> {
        let url = self.shared.base.join(location).ok()?;
        let segments: Vec<&str> = url.path_segments()?.collect();
        let [.., endpoint, id] = segments.as_slice() else { return None };
        let id = percent_decode_str(id).decode_utf8().ok()?;
        endpoint.eq_ignore_ascii_case(kind.as_str()).then(|| ResourceId::new(id))
    }
}

fn route(endpoint: &str) -> String {
    let mut route = String::from("/");
    route.push_str(endpoint);
    route
}

/// An empty id would name the whole list, and `.` and `..` are no path segments.
fn is_possible(id: &ResourceId) -> bool {
    !matches!(id.as_str(), "" | "." | "..")
}

/// Groups may have more members than anybody wants to hear of.
fn without_members(kind: &ResourceKind) -> Option<(&'static str, &'static str)> {
    kind.as_str().eq_ignore_ascii_case("Groups").then_some(("excludedAttributes", "members"))
}

fn json(message: &impl Serialize) -> Result<Bytes, TargetError> {
    let body = serde_json::to_vec(message);
    body.map(Bytes::from).map_err(|error| TargetError::Settings { problem: format!("no JSON can be made: {error}") })
}

/// A list response. It must say that it is one: any JSON object would pass for an empty list otherwise. Some targets
/// write `null` for no resources.
fn list_in(body: &[u8]) -> Option<ListResponse> {
    let mut list: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let is_list = |name: &String| ["Resources", "totalResults"].iter().any(|known| known.eq_ignore_ascii_case(name));
    if !list.keys().any(is_list) {
        return None;
    }
    list.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(list)).ok()
}

/// True when one of the values at `path` is `value`, in any letter case. A complex value stands for its `value`.
fn has_value(resource: &Resource, path: &AttributePath, value: &str) -> bool {
    let wanted = value.to_lowercase();
    resource.values(path).into_iter().any(|found| match found.get("value").unwrap_or(found) {
        Value::String(text) => text.to_lowercase() == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Bool(flag) => flag.to_string() == wanted,
        _ => false,
    })
}

#[cfg(test)]
mod tests;
