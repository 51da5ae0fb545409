//! Changing a resource by PUT (RFC 7644 section 3.5.1), for targets without PATCH: read, change, write back.
//!
//! What we know nothing of survives, members whom we do not own included. Where resources have versions, nobody else's
//! change is overwritten.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::answer::Purpose;
use super::change::ATTEMPTS;
use super::{ScimTarget, Version, dialect, json as body_of};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Resource, urn};
use crate::target::write::{MemberChange, ResourceChange};
use crate::target::{Profile, TargetError};

impl ScimTarget {
    /// Makes a change so by PUT. A resource that is as it should be already is left alone.
    pub(super) async fn replace(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
        profile: &Profile,
    ) -> Result<(), TargetError> {
        if !profile.put {
            return Err(self.unsupported(kind, "it has neither PATCH nor PUT"));
        }
        if is_group(kind) && !profile.members_readable {
            return Err(self.unsupported(kind, HIDDEN_MEMBERS));
        }
        let mut attempt = 1;
        loop {
            let Some(Version { resource: present, etag }) = self.read_version(kind, id, &[]).await? else {
                return Err(self.gone(kind));
            };
            self.notice_members(kind, &present);
            let removes = change.members.iter().any(|members| !members.removed.is_empty());
            if is_group(kind) && removes && !shows_members(&present) && !self.has_seen_members() {
                // Somebody is to leave a group in which nobody is, and no group ever showed anybody.
                return Err(self.unsupported(kind, HIDDEN_MEMBERS));
            }
            let wanted = changed(&present, change);
            if wanted == present {
                return Ok(());
            }
            let wanted = dialect::spelled(writable(kind, wanted), &profile.dialect);
            let mut request = self.about_one(Purpose::Replace, kind, id, &[], Some(body_of(&wanted)?))?;
            request.if_match = etag.filter(|_| profile.etag);
            let answer = self.shared.client.send(&request).await?;
            if answer.status.as_u16() == 412 && attempt < ATTEMPTS {
                attempt += 1;
                continue;
            }
            if !answer.status.is_success() {
                return Err(self.shared.client.refusal(&request, &answer));
            }
            if !answer.body.is_empty() {
                let echo = self.resource(&request, &answer)?;
                self.notice_members(kind, &echo);
            }
            return self.confirm_members(kind, id, change).await;
        }
    }

    /// Remembers that groups show their members.
    pub(super) fn notice_members(&self, kind: &ResourceKind, resource: &Resource) {
        if is_group(kind) && shows_members(resource) {
            self.shared.members_seen.store(true, Ordering::Relaxed);
        }
    }

    fn has_seen_members(&self) -> bool {
        self.shared.members_seen.load(Ordering::Relaxed)
    }

    /// Looks once whether the members that were just written can be read. If not, no further group is replaced.
    async fn confirm_members(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
    ) -> Result<(), TargetError> {
        let adds = change.members.iter().any(|members| !members.added.is_empty());
        if !is_group(kind) || !adds || self.has_seen_members() {
            return Ok(());
        }
        if let Some(group) = self.read_version(kind, id, &[]).await? {
            self.notice_members(kind, &group.resource);
        }
        if !self.has_seen_members() {
            tracing::warn!(target.host = %self.shared.client.host(), "groups do not show the members that were written: none is replaced any more");
            self.learn(|profile| profile.members_readable = false);
        }
        Ok(())
    }

    fn unsupported(&self, kind: &ResourceKind, problem: &str) -> TargetError {
        TargetError::Unsupported {
            host: self.shared.client.host().to_owned(),
            request: ["PUT /", self.profile().endpoint(kind), "/{id}"].concat(),
            problem: problem.to_owned(),
        }
    }
}

const HIDDEN_MEMBERS: &str = "its groups do not show their members, and replacing one would remove those that others \
                              have added; it needs PATCH, or groups whose members can be read";

fn is_group(kind: &ResourceKind) -> bool {
    kind.as_str() == urn::GROUPS
}

fn shows_members(group: &Resource) -> bool {
    group.get(&AttributePath::new("members")).and_then(Value::as_array).is_some_and(|members| !members.is_empty())
}

/// The resource as it is to be.
fn changed(present: &Resource, change: &ResourceChange) -> Resource {
    let mut wanted = dialect::applied(&change.attributes, present);
    for MemberChange { path, added, removed } in &change.members {
        let gone: BTreeSet<&str> = removed.iter().map(ResourceId::as_str).collect();
        let mut members = wanted.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
        members.retain(|member| !value_of(member).is_some_and(|value| gone.contains(value)));
        let there: BTreeSet<String> = members.iter().filter_map(value_of).map(str::to_owned).collect();
        let missing = added.iter().filter(|id| !there.contains(id.as_str()));
        members.extend(missing.map(|id| json!({ "value": id })));
        if wanted.get(path).is_some() || !members.is_empty() {
            wanted.set(path, Value::Array(members));
        }
    }
    wanted
}

/// The resource without what only the target writes (RFC 7643 sections 3.1 and 4.1.2).
fn writable(kind: &ResourceKind, mut resource: Resource) -> Resource {
    resource.remove(&AttributePath::new("meta"));
    if kind.as_str() == urn::USERS {
        resource.remove(&AttributePath::new("groups"));
    }
    resource
}

fn value_of(member: &Value) -> Option<&str> {
    match member {
        Value::String(value) => Some(value),
        Value::Object(parts) => {
            parts.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).and_then(|(_, value)| value.as_str())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Operation;

    fn resource(json: Value) -> Resource {
        serde_json::from_value(json).unwrap()
    }

    fn ids(ids: &[&str]) -> Vec<ResourceId> {
        ids.iter().map(|&id| ResourceId::new(id)).collect()
    }

    fn members(added: &[&str], removed: &[&str]) -> ResourceChange {
        let path = AttributePath::new("members");
        let members = vec![MemberChange { path, added: ids(added), removed: ids(removed) }];
        ResourceChange { attributes: Vec::new(), members }
    }

    #[test]
    fn members_of_others_stay() {
        let group = resource(json!({
            "id": "g", "displayName": "Ops", "custom": { "kept": true },
            "members": [{ "value": "theirs", "display": "T" }, { "Value": "ours" }, { "value": "leaver" }],
        }));
        assert_eq!(
            changed(&group, &members(&["new", "ours"], &["leaver", "unknown"])),
            resource(json!({
                "id": "g", "displayName": "Ops", "custom": { "kept": true },
                "members": [{ "value": "theirs", "display": "T" }, { "Value": "ours" }, { "value": "new" }],
            }))
        );
        assert_eq!(changed(&group, &members(&["ours"], &["unknown"])), group, "nothing to do");
    }

    #[test]
    fn the_last_member_leaves_an_empty_list() {
        let group = resource(json!({ "members": [{ "value": "a" }] }));
        assert_eq!(changed(&group, &members(&[], &["a"])), resource(json!({ "members": [] })));
        let empty = resource(json!({ "displayName": "x" }));
        assert_eq!(changed(&empty, &members(&[], &["a"])), empty);
    }

    #[test]
    fn attributes_change_and_what_is_the_targets_own_stays_out() {
        let user = resource(json!({
            "id": "1", "meta": { "version": "W/\"1\"" }, "groups": [{ "value": "g" }],
            "title": "T", "urn:x:custom": { "a": 1 },
        }));
        let attributes = vec![
            Operation::replace(AttributePath::new("active"), json!(false)),
            Operation::remove(AttributePath::new("title")),
        ];
        let wanted = changed(&user, &ResourceChange { attributes, members: Vec::new() });
        assert_eq!(
            writable(&ResourceKind::new("Users"), wanted),
            resource(json!({ "id": "1", "active": false, "urn:x:custom": { "a": 1 } }))
        );
    }
}
