//! Changing a resource by PUT (RFC 7644 section 3.5.1), for targets without PATCH: read, change, write back.
//!
//! What we know nothing of survives, members whom we do not own included. Where resources have versions, nobody else's
//! change is overwritten.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::accepted::{self, Accepted};
use super::answer::Purpose;
use super::change::ATTEMPTS;
use super::membership::{is_group, value_of};
use super::{ScimTarget, Version, dialect, json as body_of};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Op, Operation, Resource, urn};
use crate::target::profile::{Membership, Put};
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
        if profile.put == Put::Refused {
            return Err(self.unsupported(kind, "it has neither PATCH nor PUT"));
        }
        if profile.put == Put::Replaces {
            return self.put(kind, id, change, profile).await.map(drop);
        }
        // What can be done is done first: nobody keeps an account because a title cannot be cleared.
        let (clearing, setting) = change.attributes.iter().cloned().partition(|operation| operation.op == Op::Remove);
        let before = self.put(kind, id, &ResourceChange { attributes: setting, ..change.clone() }, profile).await?;
        let stays = |clearing: &Operation| clearing.path.as_ref().is_some_and(|path| before.get(path).is_some());
        let clearing: Vec<Operation> = clearing;
        if clearing.iter().any(stays) { Err(self.unsupported(kind, CLEARS_NOTHING)) } else { Ok(()) }
    }

    /// Reads the resource, changes it and writes it back, unless it is so already. Returns it as it was before.
    async fn put(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        change: &ResourceChange,
        profile: &Profile,
    ) -> Result<Resource, TargetError> {
        let mut attempt = 1;
        loop {
            let Some(Version { resource: present, etag }) = self.read_version(kind, id, &[]).await? else {
                return Err(self.gone(kind));
            };
            let sees_members = is_group(kind) && self.shows_all_members(kind, id, &present).await?;
            let wanted = if !is_group(kind) || sees_members {
                changed(&present, change)
            } else {
                let members = change.owned_members.as_deref().filter(|_| profile.membership == Membership::Owned);
                let members = members.ok_or_else(|| self.unsupported(kind, HIDDEN_MEMBERS))?;
                with_members(dialect::applied(&change.attributes, &present), members)
            };
            if wanted == present {
                return Ok(present);
            }
            let body = dialect::spelled(writable(kind, wanted), &profile.dialect);
            let mut request = self.about_one(Purpose::Replace, kind, id, &[], Some(body_of(&body)?))?;
            request.if_match = etag.filter(|_| profile.etag);
            self.shared.membership.filled(id);
            let answer = self.send(&request).await?;
            if answer.status.as_u16() == 412 && attempt < ATTEMPTS {
                attempt += 1;
                continue;
            }
            if !answer.status.is_success() {
                return Err(self.shared.client.refusal(&request, &answer));
            }
            if answer.status == StatusCode::ACCEPTED {
                let is_done = |now: Option<&Resource>| now.is_some_and(|now| accepted::shows(now, change));
                Box::pin(self.see_done(kind, id, &Accepted { request, answer }, is_done)).await?;
                return Ok(present);
            }
            if !answer.body.is_empty() {
                let echo = self.resource(&request, &answer)?;
                self.notice_members(kind, &echo);
            }
            if sees_members && change.members.iter().any(|members| !members.added.is_empty()) {
                self.confirm_members(kind, id).await;
            }
            return Ok(present);
        }
    }

    fn unsupported(&self, kind: &ResourceKind, problem: &str) -> TargetError {
        TargetError::Unsupported {
            host: self.shared.client.host().to_owned(),
            request: ["PUT /", self.profile().endpoint(kind), "/{id}"].concat(),
            problem: problem.to_owned(),
        }
    }
}

const HIDDEN_MEMBERS: &str = "no group of the target shows members, and replacing this one could remove those that others have added; where \
     groups do show their members, set `members_readable: true` in the target's profile, and where nobody but this \
     gateway puts members into groups, `membership: owned`";

const CLEARS_NOTHING: &str = "an attribute is to be cleared, and PUT clears nothing there (`put: merges`); clear it in the application, or map a \
     value that stands for none";

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

/// The group with these members and no others.
fn with_members(mut group: Resource, members: &[ResourceId]) -> Resource {
    group.set(&AttributePath::new("members"), members.iter().map(|id| json!({ "value": id })).collect());
    group
}

/// The resource without what only the target writes (RFC 7643 sections 3.1 and 4.1.2).
fn writable(kind: &ResourceKind, mut resource: Resource) -> Resource {
    resource.remove(&AttributePath::new("meta"));
    if kind.as_str() == urn::USERS {
        resource.remove(&AttributePath::new("groups"));
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(json: Value) -> Resource {
        serde_json::from_value(json).unwrap()
    }

    fn ids(ids: &[&str]) -> Vec<ResourceId> {
        ids.iter().map(|&id| ResourceId::new(id)).collect()
    }

    fn members(added: &[&str], removed: &[&str]) -> ResourceChange {
        let path = AttributePath::new("members");
        let members = vec![MemberChange { path, added: ids(added), removed: ids(removed) }];
        ResourceChange { members, ..ResourceChange::default() }
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
        let wanted = changed(&user, &ResourceChange { attributes, ..ResourceChange::default() });
        assert_eq!(
            writable(&ResourceKind::new("Users"), wanted),
            resource(json!({ "id": "1", "active": false, "urn:x:custom": { "a": 1 } }))
        );
    }
}
