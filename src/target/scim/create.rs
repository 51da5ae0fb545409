//! Creating one resource: a POST, sent at most once.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::accepted::Accepted;
use super::address::{id_in, is_possible};
use super::answer::Purpose;
use super::client::{Answer, Request};
use super::membership::{is_group, member_ids};
use super::write::{MemberChange, ResourceChange};
use super::{ScimTarget, dialect, json};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Resource, urn};
use crate::target::TargetError;

/// What a create answers, as RFC 7643 spells it.
#[derive(Deserialize)]
struct Echo {
    id: String,
    schemas: Vec<String>,
}

impl ScimTarget {
    /// Creates a resource and returns the id it got. Sent at most once: after an error with
    /// [`Outcome::Unknown`](crate::target::Outcome::Unknown), look whether it is there. A group that is refused with
    /// its members is created without them, and they are added to it.
    pub async fn create(&self, kind: &ResourceKind, resource: &Resource) -> Result<ResourceId, TargetError> {
        self.shared.protection.admit_create(resource)?;
        match self.post(kind, resource).await {
            Err(refusal @ TargetError::Refused { status: 400 | 413 | 422, .. }) => {
                // Rare, and large: the room for it is not part of every create.
                Box::pin(self.create_without_members(kind, resource, refusal)).await
            }
            created => created,
        }
    }

    /// Creates a resource that was refused, without its members, if it has any, and adds them.
    pub(super) async fn create_without_members(
        &self,
        kind: &ResourceKind,
        resource: &Resource,
        refusal: TargetError,
    ) -> Result<ResourceId, TargetError> {
        let (alone, members) = without_members(resource);
        if members.is_empty() {
            return Err(refusal);
        }
        self.create_then_add(kind, &alone, members, refusal).await
    }

    async fn create_then_add(
        &self,
        kind: &ResourceKind,
        alone: &Resource,
        members: Vec<ResourceId>,
        refusal: TargetError,
    ) -> Result<ResourceId, TargetError> {
        let id = match self.post(kind, alone).await {
            // The members were not to blame.
            Err(TargetError::Refused { status: 400 | 413 | 422, .. }) => return Err(refusal),
            created => created?,
        };
        let change = MemberChange { path: AttributePath::new("members"), added: members, removed: Vec::new() };
        let change = ResourceChange { members: vec![change], ..ResourceChange::default() };
        match self.change(kind, &id, &change).await {
            Ok(()) => Ok(id),
            // It exists, and not as it was asked for: whoever looks for it finds it and goes on from there.
            Err(error) => {
                Err(TargetError::HalfCreated { host: self.shared.client.host().to_owned(), cause: Box::new(error) })
            }
        }
    }

    async fn post(&self, kind: &ResourceKind, resource: &Resource) -> Result<ResourceId, TargetError> {
        let profile = self.profile();
        let endpoint = profile.endpoint(kind);
        let body = match profile.dialect.text_booleans {
            true => json(&dialect::spelled(resource.clone(), &profile.dialect))?,
            false => json(resource)?,
        };
        let request = self.request(Purpose::Create, endpoint, &[], Some(body))?;
        let answer = self.send(&request).await?;
        if answer.status == StatusCode::ACCEPTED {
            return self.created_later(kind, endpoint, Accepted { request, answer }).await;
        }
        if !matches!(answer.status.as_u16(), 200 | 201) {
            return Err(self.shared.client.refusal(&request, &answer));
        }
        let id = match answer.body.is_empty() {
            true => answer.location.as_deref().and_then(|to| id_in(to, self.shared.client.base(), endpoint)),
            false => self.id_given(kind, &request, &answer)?,
        };
        let id = id.filter(is_possible);
        let id = id.ok_or_else(|| self.shared.client.unusable(&request, &answer, "without the id it gave"))?;
        if is_group(kind) && member_ids(resource, &AttributePath::new("members")).next().is_none() {
            self.shared.membership.born(&id);
        }
        Ok(id)
    }

    /// The id in the echo of what was created. Nothing else of it is of use, but for members of groups.
    fn id_given(
        &self,
        kind: &ResourceKind,
        request: &Request,
        answer: &Answer,
    ) -> Result<Option<ResourceId>, TargetError> {
        // A struct would be read from a list, too.
        if !is_group(kind)
            && answer.body.starts_with(b"{")
            && let Ok(Echo { id, schemas }) = serde_json::from_slice(&answer.body)
            && !schemas.iter().any(|schema| schema == urn::ERROR)
        {
            return Ok(Some(ResourceId::new(id)));
        }
        // Whatever is spelled otherwise, or no resource at all.
        let echo = self.resource(request, answer)?;
        self.notice_members(kind, &echo);
        Ok(echo.id().map(ResourceId::new))
    }

    /// The resource that an accepted POST is to make, once it is there. Without an address to look at, its matching
    /// values are all there is to look for.
    async fn created_later(
        &self,
        kind: &ResourceKind,
        endpoint: &str,
        accepted: Accepted,
    ) -> Result<ResourceId, TargetError> {
        let Accepted { request, answer } = &accepted;
        let id = answer.location.as_deref().and_then(|to| id_in(to, self.shared.client.base(), endpoint));
        let no_place = || self.shared.client.unusable(request, answer, "without saying where the resource will be");
        let id = id.ok_or_else(no_place)?;
        Box::pin(self.see_done(kind, &id, &accepted, |now| now.is_some())).await?;
        Ok(id)
    }
}

/// The resource without its members, and those.
fn without_members(resource: &Resource) -> (Resource, Vec<ResourceId>) {
    let path = AttributePath::new("members");
    let values = resource.get(&path).and_then(Value::as_array).into_iter().flatten();
    let members = values.filter_map(|member| member.get("value")?.as_str().map(ResourceId::new)).collect();
    let mut alone = resource.clone();
    alone.remove(&path);
    (alone, members)
}
