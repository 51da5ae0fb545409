//! Finding, listing and reading resources.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::address::{is_possible, without_members};
use super::answer::Purpose;
use super::client::{Answer, Request};
use super::paging::{At, ListPage, PageStart, Received, page};
use super::{ScimTarget, Version};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Filter, ListResponse, Literal, Resource};
use crate::target::{Profile, TargetError};

/// How long nobody need ask a target whether it is still there, while there is nothing to tell it.
const LATELY: Duration = Duration::from_secs(3600);

impl ScimTarget {
    /// Checks that the target answers, accepts the credentials and speaks SCIM.
    pub async fn probe(&self) -> Result<(), TargetError> {
        let users = ResourceKind::new(crate::scim::urn::USERS);
        let request = self.query(self.profile().endpoint(&users), &[("startIndex", "1"), ("count", "1")])?;
        self.list_response(&request).await?;
        *self.shared.answered_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// True when [`ScimTarget::probe`] found nothing wrong within the last hour of this process.
    pub fn answered_lately(&self) -> bool {
        let answered_at = *self.shared.answered_at.lock().unwrap_or_else(PoisonError::into_inner);
        answered_at.is_some_and(|at| at.elapsed() < LATELY)
    }

    /// The resources of which the attribute at `path` has the value `value`, text in any letter case. Usually none or
    /// one; a target that ignores or does not offer filters is read from end to end.
    pub async fn find(
        &self,
        kind: &ResourceKind,
        path: &AttributePath,
        value: impl Into<Literal>,
    ) -> Result<Vec<Resource>, TargetError> {
        let (profile, value) = (self.profile(), value.into());
        let mut filter = profile.finds(kind, path).then(|| filter_for(path, value.clone()).to_string());
        // By id: a walk that begins anew brings the first pages once more.
        let mut found = BTreeMap::new();
        let mut next = Some(PageStart::first(profile.paging));
        while let Some(start) = next {
            let page = match self.page(kind, start, filter.as_deref(), &profile).await {
                // Some targets answer a search without a match in this way.
                Err(TargetError::NotServed { status: 404, .. }) if filter.is_some() => break,
                Err(error) if filter.is_some() && refuses_filter(&error) => {
                    tracing::info!(target.host = %self.shared.client.host(), attribute = %path, "the target has no such filter: its list is read");
                    self.learn(|profile| profile.refuse_filter(kind, path));
                    found.clear();
                    (filter, next) = (None, Some(PageStart::first(profile.paging)));
                    continue;
                }
                page => page?,
            };
            let matching = page.resources.into_iter().filter(|resource| has_value(resource, path, &value));
            found.extend(matching.filter_map(|resource| Some((resource.id()?.to_owned(), resource))));
            next = page.next;
        }
        Ok(found.into_values().collect())
    }

    /// One page of all resources of a kind, groups without their members. Start with `None`, go on with
    /// [`ListPage::next`]. A resource that no page holds may still exist.
    pub async fn list(&self, kind: &ResourceKind, start: Option<PageStart>) -> Result<ListPage, TargetError> {
        let profile = self.profile();
        let start = start.unwrap_or_else(|| PageStart::first(profile.paging));
        self.page(kind, start, None, &profile).await
    }

    /// The resource with this id, a group without its members; `None` when there is none.
    pub async fn read(&self, kind: &ResourceKind, id: &ResourceId) -> Result<Option<Resource>, TargetError> {
        let query = without_members(kind);
        Ok(self.read_version(kind, id, query.as_slice()).await?.map(|version| version.resource))
    }

    /// The resource with this id, as complete as the target shows it, with its version.
    pub(super) async fn read_version(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        query: &[(&str, &str)],
    ) -> Result<Option<Version>, TargetError> {
        let request = self.about_one(Purpose::Read, kind, id, query, None)?;
        let answer = self.send(&request).await?;
        match answer.status.as_u16() {
            404 | 410 => Ok(None),
            200 => {
                let resource = self.resource(&request, &answer)?;
                self.shared.protection.learn(&resource);
                let version = || resource.get(&AttributePath::new("meta").part("version"))?.as_str().map(str::to_owned);
                Ok(Some(Version { etag: answer.etag.clone().or_else(version), resource }))
            }
            _ => Err(self.shared.client.refusal(&request, &answer)),
        }
    }

    async fn page(
        &self,
        kind: &ResourceKind,
        start: PageStart,
        filter: Option<&str>,
        profile: &Profile,
    ) -> Result<ListPage, TargetError> {
        match self.page_once(kind, &start, filter, profile).await {
            // RFC 9865 section 2.3: the walk begins anew.
            Err(error) if matches!(error.scim_type(), Some("expiredCursor" | "invalidCursor")) => {
                let again = start.restarted().ok_or(error)?;
                self.page_once(kind, &again, filter, profile).await
            }
            page => page,
        }
    }

    async fn page_once(
        &self,
        kind: &ResourceKind,
        start: &PageStart,
        filter: Option<&str>,
        profile: &Profile,
    ) -> Result<ListPage, TargetError> {
        let count = profile.max_page_size.to_string();
        let index;
        let mut query = Vec::with_capacity(6);
        query.extend(filter.map(|filter| ("filter", filter)));
        match start.at() {
            At::Index(start) => {
                index = start.to_string();
                if filter.is_none() && profile.sort {
                    query.extend([("sortBy", "id"), ("sortOrder", "ascending")]);
                }
                query.push(("startIndex", &index));
            }
            At::Cursor(cursor) => query.push(("cursor", cursor)),
        }
        query.push(("count", &count));
        query.extend(without_members(kind));
        let request = self.query(profile.endpoint(kind), &query)?;
        let (answer, list) = self.list_response(&request).await?;
        let mut resources = Vec::with_capacity(list.resources.len());
        for resource in list.resources {
            self.shared.protection.learn(&resource);
            match resource.id().map(ResourceId::new).filter(is_possible) {
                Some(id) => resources.push((id, resource)),
                None => return Err(self.shared.client.unusable(&request, &answer, "with a resource that has no id")),
            }
        }
        let total = usize::try_from(list.total_results).ok().filter(|&total| total > 0);
        Ok(page(start, Received { resources, total, next_cursor: list.next_cursor }))
    }

    async fn list_response(&self, request: &Request) -> Result<(Answer, ListResponse), TargetError> {
        let answer = self.send(request).await?;
        if answer.status.as_u16() != 200 {
            return Err(self.shared.client.refusal(request, &answer));
        }
        match serde_json::from_slice(&answer.body).ok().and_then(list_in) {
            Some(list) => Ok((answer, list)),
            None => Err(self.shared.client.unusable(request, &answer, "not with a list of resources")),
        }
    }
}

/// The filter that finds this value. Where the path selects among several values, the selection and the value are one
/// condition on the same element: the grammar (RFC 7644 section 3.4.2.2) has nothing behind the bracket.
fn filter_for(path: &AttributePath, value: Literal) -> Filter {
    let Some(selection) = &path.filter else { return Filter::equals(path.clone(), value) };
    let part = AttributePath::new(path.sub_attribute.as_deref().unwrap_or("value"));
    let terms = match selection.as_ref() {
        Filter::And(terms) => terms.clone(),
        other => vec![other.clone()],
    };
    let terms = terms.into_iter().chain([Filter::equals(part, value)]).collect();
    let list = AttributePath { filter: None, sub_attribute: None, ..path.clone() };
    Filter::ValuePath { path: list, filter: Box::new(Filter::And(terms)) }
}

/// True when the target says that it cannot filter in this way, whatever the value.
fn refuses_filter(error: &TargetError) -> bool {
    matches!(error, TargetError::Refused { .. })
        && (error.status() == Some(501) || error.scim_type() == Some("invalidFilter"))
}

/// A list response. It must say that it is one: any JSON object would pass for an empty list otherwise. Some targets
/// write `null` for no resources.
pub(in crate::target) fn list_in(body: Value) -> Option<ListResponse> {
    let Value::Object(mut list) = body else { return None };
    let is_list = |name: &String| ["Resources", "totalResults"].iter().any(|known| known.eq_ignore_ascii_case(name));
    if !list.keys().any(is_list) {
        return None;
    }
    list.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(list)).ok()
}

/// True when one of the values at `path` is `value`, in any letter case.
fn has_value(resource: &Resource, path: &AttributePath, value: &Literal) -> bool {
    let wanted = match value {
        Literal::Text(text) => text.to_lowercase(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(flag) => flag.to_string(),
        Literal::Null => return false,
    };
    resource.texts(path).any(|found| found.to_lowercase() == wanted)
}
