//! Changing a resource by PATCH (RFC 7644 section 3.5.2), in requests of the size and in the dialect that the target
//! understands, and deleting it.

use std::collections::{BTreeSet, VecDeque};

use reqwest::StatusCode;
use serde_json::Value;

use super::accepted::{self, Accepted};
use super::answer::Purpose;
use super::membership::{is_group, value_of};
use super::{Deletion, ScimTarget, Version, dialect, json, write};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Op, Operation, PatchOp, Resource, urn};
use crate::target::profile::{DeleteMeans, PatchDialect, Put};
use crate::target::write::ResourceChange;
use crate::target::{Outcome, Profile, TargetError};

/// How often a resource is read again that somebody else changes at the same time.
pub(super) const ATTEMPTS: usize = 3;

impl ScimTarget {
    /// Makes a change so, by PATCH or, where the target has none, by PUT. Returns once the last request is confirmed.
    ///
    /// # Errors
    /// The first request that was not confirmed; those before it are done. All of them may be sent again: they set, add
    /// and remove by value.
    pub async fn change(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
    ) -> Result<(), TargetError> {
        self.resolve_protected_names().await?;
        self.shared.protection.admit_change(id, &change.attributes)?;
        let _lane = self.shared.lanes.enter(kind, id).await;
        self.change_alone(kind, id, change).await
    }

    /// Deletes a resource, or disables it where the target deletes no users.
    pub async fn delete(&self, kind: &ResourceKind, id: &ResourceId) -> Result<Deletion, TargetError> {
        self.resolve_protected_names().await?;
        self.shared.protection.admit(id)?;
        let _lane = self.shared.lanes.enter(kind, id).await;
        if self.profile().delete == DeleteMeans::Disable && kind.as_str() == urn::USERS {
            let disable = Operation::replace(AttributePath::new("active"), false.into());
            let disable = ResourceChange { attributes: vec![disable], ..ResourceChange::default() };
            return match self.change_alone(kind, id, &disable).await {
                Err(TargetError::Gone { .. }) => Ok(Deletion::Absent),
                done => done.map(|()| Deletion::Disabled),
            };
        }
        let request = self.about_one(Purpose::Delete, kind, id, &[], None)?;
        let answer = self.send(&request).await?;
        match answer.status.as_u16() {
            202 => {
                let accepted = Accepted { request, answer };
                Box::pin(self.see_done(kind, id, &accepted, |now| now.is_none())).await?;
                // Only a 404 says so.
                Ok(Deletion::Absent)
            }
            // An attempt before may have done it, or a proxy has begun to answer in the meantime.
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

    /// The change, by whoever is the only one to change the resource.
    async fn change_alone(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
    ) -> Result<(), TargetError> {
        if change.is_empty() {
            return Ok(());
        }
        let profile = self.profile();
        let changed = change.attributes.iter().filter_map(|operation| operation.path.as_ref());
        if !profile.patches(kind, changed) {
            return self.replace(kind, id, change, &profile).await;
        }
        match self.patch(kind, id, change, &profile, &profile.dialect).await {
            Err(error) if matches!(error.status(), Some(405 | 501)) && profile.put != Put::Refused => {
                tracing::info!(target.host = %self.shared.client.host(), "the target has no PATCH: it is changed by PUT");
                self.learn(|profile| profile.patch = false);
                self.replace(kind, id, change, &profile).await
            }
            Err(error) if misreads_paths(&error) && profile.dialect.value_paths => {
                let simpler = PatchDialect { value_paths: false, ..profile.dialect };
                if !dialect::needs_present(&change.attributes, &simpler) {
                    return Err(error);
                }
                match self.patch(kind, id, change, &profile, &simpler).await {
                    // Once, and the target's first word counts if that does not help.
                    Err(TargetError::Refused { status: 400, .. }) => return Err(error),
                    done => done?,
                }
                // A filter that selected nothing says something of this resource, not of the target's paths.
                if error.scim_type() != Some("noTarget") {
                    self.learn(|profile| profile.dialect.value_paths = false);
                }
                Ok(())
            }
            done => done,
        }
    }

    async fn patch(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
        profile: &Profile,
        dialect: &PatchDialect,
    ) -> Result<(), TargetError> {
        if !dialect::needs_present(&change.attributes, dialect) {
            return self.patch_from(kind, id, change, profile, dialect, None).await;
        }
        let mut attempt = 1;
        loop {
            let present = self.read_version(kind, id, &[]).await?.ok_or_else(|| self.gone(kind))?;
            match self.patch_from(kind, id, change, profile, dialect, Some(&present)).await {
                Err(TargetError::Refused { status: 412, .. }) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    /// Sends all the bodies. One that is too much, or that names a member the target does not like, is halved until the
    /// rest is through.
    async fn patch_from(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
        profile: &Profile,
        dialect: &PatchDialect,
        present: Option<&Version>,
    ) -> Result<(), TargetError> {
        let if_match = present.filter(|_| profile.etag).and_then(|present| present.etag.clone());
        let attributes = dialect::translated(&change.attributes, dialect, present.map(|present| &present.resource));
        let bodies = write::patches(attributes, &change.members, profile.members_per_patch, dialect);
        let mut waiting = VecDeque::from(bodies);
        let mut found = Found::default();
        while let Some(body) = waiting.pop_front() {
            // The version is that of before the first body.
            let if_match = if_match.clone().filter(|_| found.confirmed == 0);
            let error = match self.send_patch(kind, id, &body, if_match).await {
                Ok(accepted) => {
                    found.confirmed += 1;
                    found.largest = found.largest.max(write::members_in(&body));
                    found.accepted = accepted.or(found.accepted);
                    continue;
                }
                Err(TargetError::Stopped { host, request, .. }) if found.confirmed > 0 => {
                    return Err(TargetError::Stopped { host, request, outcome: Outcome::Unknown });
                }
                Err(error) => error,
            };
            let error = self.about_a_member(kind, id, &body, error, &mut found).await?;
            if let Some((first, second)) = write::halves(&body) {
                found.too_much |= is_too_much(&body, &error);
                waiting.push_front(second);
                waiting.push_front(first);
            } else if !self.is_so_already(kind, id, &body, &error, &mut found).await? {
                if write::members_in(&body) == 0 {
                    return Err(error);
                }
                // The other members are not to wait for this one.
                found.refused = found.refused.or(Some(error));
            }
        }
        match (found.refused, found.accepted) {
            (Some(error), _) => Err(error),
            (None, Some(accepted)) => {
                let is_done = |now: Option<&Resource>| now.is_some_and(|now| accepted::shows(now, change));
                Box::pin(self.see_done(kind, id, &accepted, is_done)).await
            }
            (None, None) => {
                if found.too_much && found.largest > 0 && is_group(kind) {
                    tracing::info!(target.host = %self.shared.client.host(), members = found.largest, "the target takes so many members at once");
                    self.learn(|profile| profile.members_per_patch = profile.members_per_patch.min(found.largest));
                }
                Ok(())
            }
        }
    }

    async fn send_patch(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        body: &PatchOp,
        if_match: Option<String>,
    ) -> Result<Option<Accepted>, TargetError> {
        let mut request = self.about_one(Purpose::Change, kind, id, &[], Some(json(body)?))?;
        request.if_match = if_match;
        let answer = self.send(&request).await?;
        if !answer.status.is_success() {
            return Err(self.shared.client.refusal(&request, &answer));
        }
        if answer.status == StatusCode::ACCEPTED {
            return Ok(Some(Accepted { request, answer }));
        }
        if !answer.body.is_empty() {
            self.resource(&request, &answer)?;
        }
        Ok(None)
    }

    /// The refusal of a body that a smaller body may not meet: of its size, or of one of its members. Any other ends the
    /// change.
    async fn about_a_member(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        body: &PatchOp,
        error: TargetError,
        found: &mut Found,
    ) -> Result<TargetError, TargetError> {
        let has_members = write::members_in(body) > 0;
        match error {
            TargetError::Refused { status: 413, .. } => Ok(error),
            _ if !has_members => Err(error),
            TargetError::Conflict { .. } => Ok(error),
            TargetError::Refused { status: 400 | 422, .. } => match error.scim_type() {
                Some("mutability" | "invalidPath" | "invalidFilter" | "invalidSyntax" | "sensitive") => Err(error),
                _ => Ok(error),
            },
            // Some targets say so of a member that they do not know.
            TargetError::Gone { host, request } => {
                if !found.exists && self.read(kind, id).await?.is_none() {
                    return Err(TargetError::Gone { host, request });
                }
                found.exists = true;
                let detail = crate::target::Detail::default();
                let outcome = Outcome::NotDone;
                Ok(TargetError::Refused { host, request, status: 404, detail, outcome })
            }
            error => Err(error),
        }
    }

    /// True when the refusal of one member says that it is as it should be: to be removed, and unknown; to be added, and
    /// there. A conflict may have other reasons: the group tells, where it shows its members.
    async fn is_so_already(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        body: &PatchOp,
        error: &TargetError,
        found: &mut Found,
    ) -> Result<bool, TargetError> {
        let [operation] = body.operations.as_slice() else { return Ok(false) };
        if write::members_in(body) == 0 {
            return Ok(false);
        }
        match (operation.op, &operation.path, error) {
            (Op::Remove, ..) => Ok(error.status() == Some(404) || error.scim_type() == Some("noTarget")),
            (Op::Add, Some(path), TargetError::Conflict { .. }) => {
                let added = operation.value.as_ref().and_then(Value::as_array).and_then(|values| values.first());
                let Some(added) = added.and_then(value_of) else { return Ok(false) };
                if found.members.is_none() {
                    found.members = Some(self.members_of(kind, id, path).await?);
                }
                Ok(match found.members.as_ref().and_then(Option::as_ref) {
                    Some(members) => members.contains(added),
                    // What nobody can see is believed, if that is what the target said.
                    None => matches!(error.scim_type(), None | Some("uniqueness")),
                })
            }
            _ => Ok(false),
        }
    }

    /// Looks up once which ids the protected user names belong to, so that a change by id is refused as well.
    async fn resolve_protected_names(&self) -> Result<(), TargetError> {
        let resolve = async {
            for name in self.shared.protection.user_names() {
                // What is found is learned in passing.
                self.find(&ResourceKind::new(urn::USERS), &AttributePath::new("userName"), name.as_str()).await?;
            }
            Ok(())
        };
        self.shared.protection.resolve_once(resolve).await
    }

    /// What is to be changed is not there.
    pub(super) fn gone(&self, kind: &ResourceKind) -> TargetError {
        let host = self.shared.client.host().to_owned();
        TargetError::Gone { host, request: ["GET /", self.profile().endpoint(kind), "/{id}"].concat() }
    }
}

/// What the requests of one change have shown.
#[derive(Default)]
struct Found {
    confirmed: usize,
    /// Members in the largest body that went through.
    largest: usize,
    /// A body was refused for what may be its size.
    too_much: bool,
    /// The resource was there when the target spoke of something unknown.
    exists: bool,
    /// Who is in the group, once somebody had to ask; `None` inside where the target does not show it.
    members: Option<Option<BTreeSet<String>>>,
    /// What became of a member that the target does not take.
    refused: Option<TargetError>,
    /// A body that the target accepted without saying that it is done.
    accepted: Option<Accepted>,
}

/// True when the refusal of several members says how many a target takes at once. Where a body does several things, its
/// size may not have been the reason.
fn is_too_much(body: &PatchOp, error: &TargetError) -> bool {
    write::changes_members_alone(body)
        && !matches!(error.status(), Some(404 | 409))
        && error.scim_type() != Some("noTarget")
}

/// True when the target may have stumbled over a path with a value filter.
fn misreads_paths(error: &TargetError) -> bool {
    let wrong_path =
        matches!(error.scim_type(), None | Some("invalidPath" | "invalidFilter" | "invalidSyntax" | "noTarget"));
    matches!(error, TargetError::Refused { status: 400, .. }) && wrong_path
}
