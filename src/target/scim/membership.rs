//! Who is in a group, as far as the target shows it: found out before a group is replaced, and when a refusal leaves
//! open whether somebody is a member.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::ScimTarget;
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Resource, urn};
use crate::target::TargetError;

/// What is known of whether groups show their members.
#[derive(Default)]
pub(super) struct Membership {
    /// Set once a group has shown members.
    seen: AtomicBool,
    /// Groups that were created here without members: nothing is lost when the first are written. Never locked across
    /// an await.
    born_empty: Mutex<BTreeSet<ResourceId>>,
    /// Set once the groups of the target were looked through for members.
    looked: OnceCell<()>,
}

impl Membership {
    fn born_empty(&self) -> MutexGuard<'_, BTreeSet<ResourceId>> {
        // A set is whole after every call.
        self.born_empty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a group that was just created without members.
    pub(super) fn born(&self, group: &ResourceId) {
        self.born_empty().insert(group.clone());
    }

    /// Somebody is about to be a member of this group.
    pub(super) fn filled(&self, group: &ResourceId) {
        self.born_empty().remove(group);
    }
}

impl ScimTarget {
    /// Remembers that groups show their members, if this one does.
    pub(super) fn notice_members(&self, kind: &ResourceKind, resource: &Resource) {
        if is_group(kind) && shows_members(resource) {
            self.shared.membership.seen.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the members that this group shows are all that it has: a group without any may hide them. Where nobody
    /// has said and no group was seen with members yet, the first groups of the target are looked at, once.
    pub(super) async fn shows_all_members(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        group: &Resource,
    ) -> Result<bool, TargetError> {
        self.notice_members(kind, group);
        if let Some(readable) = self.profile().members_readable {
            return Ok(readable);
        }
        if !self.has_seen_members() && !self.shared.membership.born_empty().contains(id) {
            self.shared.membership.looked.get_or_try_init(|| self.look_for_members(kind)).await?;
        }
        Ok(self.has_seen_members() || self.shared.membership.born_empty().contains(id))
    }

    pub(super) fn has_seen_members(&self) -> bool {
        self.shared.membership.seen.load(Ordering::Relaxed)
    }

    /// Reads the groups of the first page one by one, until one shows members.
    async fn look_for_members(&self, kind: &ResourceKind) -> Result<(), TargetError> {
        for listed in self.list(kind, None).await?.resources {
            self.notice_members(kind, &listed);
            let Some(id) = listed.id().map(ResourceId::new) else { continue };
            if self.has_seen_members() {
                break;
            }
            if let Some(group) = self.read_version(kind, &id, &[]).await? {
                self.notice_members(kind, &group.resource);
            }
        }
        Ok(())
    }

    /// Looks once whether the members that were just written can be read. If not, no further group is replaced. They
    /// are written, whatever becomes of the look.
    pub(super) async fn confirm_members(&self, kind: &ResourceKind, id: &ResourceId) {
        if self.has_seen_members() || self.profile().members_readable.is_some() {
            return;
        }
        let Ok(Some(group)) = self.read_version(kind, id, &[]).await else { return };
        self.notice_members(kind, &group.resource);
        if !self.has_seen_members() {
            tracing::warn!(target.host = %self.shared.client.host(), "groups do not show the members that were written: none is replaced any more");
            self.learn(|profile| profile.members_readable = Some(false));
        }
    }

    /// The members of a group; `None` where the target does not show them.
    pub(super) async fn members_of(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        path: &AttributePath,
    ) -> Result<Option<BTreeSet<String>>, TargetError> {
        let Some(group) = self.read_version(kind, id, &[]).await? else { return Err(self.gone(kind)) };
        self.notice_members(kind, &group.resource);
        let ids: BTreeSet<String> = member_ids(&group.resource, path).map(str::to_owned).collect();
        let shown = !ids.is_empty() || self.profile().members_readable == Some(true) || self.has_seen_members();
        Ok(shown.then_some(ids))
    }
}

pub(super) fn is_group(kind: &ResourceKind) -> bool {
    kind.as_str() == urn::GROUPS
}

/// The ids that a multi-valued reference names.
pub(super) fn member_ids<'r>(resource: &'r Resource, path: &AttributePath) -> impl Iterator<Item = &'r str> {
    resource.get(path).and_then(Value::as_array).into_iter().flatten().filter_map(value_of)
}

/// The id that one member names.
pub(super) fn value_of(member: &Value) -> Option<&str> {
    match member {
        Value::String(value) => Some(value),
        Value::Object(parts) => {
            parts.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).and_then(|(_, value)| value.as_str())
        }
        _ => None,
    }
}

fn shows_members(group: &Resource) -> bool {
    member_ids(group, &AttributePath::new("members")).next().is_some()
}
