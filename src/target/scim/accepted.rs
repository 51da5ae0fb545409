//! Writes that a target has accepted and may not have carried out yet (202, RFC 9110 section 15.3.3): the resource tells.

use serde_json::Value;

use super::ScimTarget;
use super::client::{Answer, Request};
use super::membership::member_ids;
use super::write::ResourceChange;
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{Op, Operation, Resource};
use crate::target::TargetError;

/// How often the resource is looked at, with growing pauses between.
const LOOKS: u32 = 6;

/// A write with an answer that says no more than that it was accepted.
pub(super) struct Accepted {
    pub(super) request: Request,
    pub(super) answer: Answer,
}

impl ScimTarget {
    /// Reads a resource until `is_done` of what is there, a few times. Where it is never done, the outcome is unknown.
    pub(super) async fn see_done(
        &self,
        kind: &ResourceKind,
        id: &ResourceId,
        accepted: &Accepted,
        is_done: impl Fn(Option<&Resource>) -> bool + Send + Sync,
    ) -> Result<(), TargetError> {
        for look in 1..=LOOKS {
            if self.gate.pass(self.shared.client.pause(look)).await.is_none() {
                break;
            }
            // What a look is answered with says nothing of the write.
            let Ok(version) = self.read_version(kind, id, &[]).await else { continue };
            if is_done(version.map(|version| version.resource).as_ref()) {
                return Ok(());
            }
        }
        let Accepted { request, answer } = accepted;
        Err(self.shared.client.unusable(request, answer, "and nothing shows yet that it was done"))
    }
}

/// True when the resource is as the change wants it.
pub(super) fn shows(resource: &Resource, change: &ResourceChange) -> bool {
    change.attributes.iter().all(|operation| shows_attribute(resource, operation))
        && change.members.iter().all(|members| {
            let is_there = |id: &ResourceId| member_ids(resource, &members.path).any(|there| there == id.as_str());
            members.added.iter().all(is_there) && !members.removed.iter().any(is_there)
        })
}

fn shows_attribute(resource: &Resource, operation: &Operation) -> bool {
    let Some(path) = &operation.path else { return false };
    let found = resource.values(path);
    match (operation.op, &operation.value) {
        (Op::Remove, _) | (_, None | Some(Value::Null)) => found.is_empty(),
        (op, Some(Value::Array(wanted))) => {
            let has_all = wanted.iter().all(|wanted| found.iter().any(|found| covers(found, wanted)));
            has_all && (op == Op::Add || found.len() == wanted.len())
        }
        (_, Some(wanted)) => found.iter().any(|found| covers(found, wanted)),
    }
}

/// True when a value is the wanted one, in any letter case and with whatever the target adds to it.
pub(super) fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| covers(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| found.iter().any(|found| covers(found, wanted)))
        }
        (Value::String(found), Value::String(wanted)) => found.to_lowercase() == wanted.to_lowercase(),
        (found, wanted) => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::AttributePath;
    use crate::target::write::MemberChange;

    #[test]
    fn a_change_shows_when_all_of_it_is_there() {
        let resource: Resource = serde_json::from_value(json!({
            "active": false, "title": "Chief", "name": { "givenName": "Ada", "formatted": "Ada L." },
            "emails": [{ "type": "work", "value": "A@n.example", "display": "A" }], "members": [{ "value": "u1" }],
        }))
        .unwrap();
        let replace = |path: &str, value: Value| Operation::replace(path.parse().unwrap(), value);
        for (operation, shown) in [
            (replace("active", json!(false)), true),
            (replace("active", json!(true)), false),
            (replace("title", json!("chief")), true),
            (replace("name", json!({ "givenName": "Ada" })), true),
            (replace("emails[type eq \"work\"].value", json!("a@n.example")), true),
            (replace("emails", json!([{ "type": "work", "value": "a@n.example" }])), true),
            (replace("emails", json!([])), false),
            (replace("nickName", json!("A")), false),
            (Operation::add("emails".parse().unwrap(), json!([{ "type": "work" }])), true),
            (Operation::add("emails".parse().unwrap(), json!([{ "type": "home" }])), false),
            (Operation::remove(AttributePath::new("title")), false),
            (Operation::remove(AttributePath::new("nickName")), true),
        ] {
            let change = ResourceChange { attributes: vec![operation.clone()], ..ResourceChange::default() };
            assert_eq!(shows(&resource, &change), shown, "{operation:?}");
        }
        for (added, removed, shown) in [("u1", "u2", true), ("u2", "u3", false), ("u1", "u1", false)] {
            let [added, removed] = [added, removed].map(|id| vec![ResourceId::new(id)]);
            let members = vec![MemberChange { path: AttributePath::new("members"), added, removed }];
            assert_eq!(shows(&resource, &ResourceChange { members, ..ResourceChange::default() }), shown);
        }
    }
}
