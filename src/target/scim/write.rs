//! The bodies of PATCH requests: pure functions from changes to operations.
//!
//! Every operation names its path and sets, adds or removes by value, so that sending a body twice changes nothing
//! more. Order matters to no two operations of one body.

use serde_json::{Value, json};

use crate::model::{AttributeChange, ResourceId};
use crate::scim::{AttributePath, Filter, Operation, PatchOp};
use crate::target::TargetError;

/// References to add to and remove from one multi-valued attribute, such as `members`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberChange {
    pub path: AttributePath,
    pub added: Vec<ResourceId>,
    pub removed: Vec<ResourceId>,
}

/// One operation for each changed attribute: a value replaces, no value removes. Fails on a path that is none.
pub fn attribute_operations(changes: &[AttributeChange]) -> Result<Vec<Operation>, TargetError> {
    let operation = |change: &AttributeChange| {
        let path = AttributePath::parse(change.path.as_str()).map_err(|error| TargetError::Settings {
            problem: format!("`{}` is no SCIM attribute path: {error}", change.path),
        })?;
        Ok(match &change.value {
            Some(value) if !value.is_null() => Operation::replace(path, value.clone()),
            _ => Operation::remove(path),
        })
    };
    changes.iter().map(operation).collect()
}

/// Changes of a multi-valued reference.
///
/// One operation adds all of `added`, and each of `removed` has its own with a value filter (RFC 7644 section
/// 3.5.2.2): there is never an operation that would empty the attribute.
pub fn member_operations(path: &AttributePath, added: &[ResourceId], removed: &[ResourceId]) -> Vec<Operation> {
    let addition = (!added.is_empty()).then(|| {
        let values: Vec<Value> = added.iter().map(|id| json!({ "value": id })).collect();
        Operation::add(path.clone(), Value::from(values))
    });
    let removals = removed.iter().map(|id| {
        let filter = Filter::equals(AttributePath::new("value"), id.as_str());
        Operation::remove(path.clone().filtered(filter))
    });
    addition.into_iter().chain(removals).collect()
}

/// A single-valued reference, such as the manager: replaced whole, or removed.
pub fn reference_operation(path: &AttributePath, to: Option<&ResourceId>) -> Operation {
    match to {
        Some(id) => Operation::replace(path.clone(), json!({ "value": id })),
        None => Operation::remove(path.clone()),
    }
}

/// The bodies that carry all of these out, to be sent in this order: `attributes` in the first, and in each at most
/// `members_per_patch` members, added and removed together. Nothing to do makes no body.
pub fn patches(attributes: Vec<Operation>, members: &[MemberChange], members_per_patch: usize) -> Vec<PatchOp> {
    let most = members_per_patch.max(1);
    let mut bodies = vec![PatchOp { operations: attributes }];
    let mut room = most;
    for change in members {
        let (mut added, mut removed) = (change.added.as_slice(), change.removed.as_slice());
        while !added.is_empty() || !removed.is_empty() {
            if room == 0 {
                bodies.push(PatchOp::default());
                room = most;
            }
            let (add, later) = added.split_at(room.min(added.len()));
            added = later;
            room -= add.len();
            let (remove, later) = removed.split_at(room.min(removed.len()));
            removed = later;
            room -= remove.len();
            if let Some(body) = bodies.last_mut() {
                body.operations.extend(member_operations(&change.path, add, remove));
            }
        }
    }
    bodies.retain(|body| !body.operations.is_empty());
    bodies
}

/// The `userName` that an operation gives to its resource, by path or as part of a value without path.
pub(super) fn assigned_user_name(operation: &Operation) -> Option<&Value> {
    match (&operation.path, operation.value.as_ref()?) {
        (Some(path), value) => {
            let is_user_name = path.attribute.eq_ignore_ascii_case("userName") && path.sub_attribute.is_none();
            is_user_name.then_some(value)
        }
        (None, Value::Object(members)) => {
            let named = |name: &str| name.rsplit(':').next().is_some_and(|last| last.eq_ignore_ascii_case("userName"));
            members.iter().find(|(name, _)| named(name)).map(|(_, value)| value)
        }
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::TargetPath;

    fn ids(range: std::ops::Range<usize>) -> Vec<ResourceId> {
        range.map(|index| ResourceId::new(format!("u{index}"))).collect()
    }

    fn members() -> AttributePath {
        AttributePath::new("members")
    }

    fn written(operations: impl serde::Serialize) -> Value {
        serde_json::to_value(operations).unwrap()
    }

    #[test]
    fn attributes_are_replaced_or_removed_at_their_path() {
        let change = |path: &str, value: Option<Value>| AttributeChange { path: TargetPath::new(path), value };
        let operations = attribute_operations(&[
            change("active", Some(json!(false))),
            change(r#"emails[type eq "work"].value"#, Some(json!("ada@n.example"))),
            change("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", Some(json!("Ops"))),
            change("title", None),
            change("nickName", Some(Value::Null)),
        ])
        .unwrap();
        assert_eq!(
            written(operations),
            json!([
                { "op": "replace", "path": "active", "value": false },
                { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada@n.example" },
                {
                    "op": "replace",
                    "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                    "value": "Ops",
                },
                { "op": "remove", "path": "title" },
                { "op": "remove", "path": "nickName" },
            ])
        );
        assert!(matches!(attribute_operations(&[change("a b[", None)]), Err(TargetError::Settings { .. })));
    }

    #[test]
    fn members_are_added_together_and_removed_one_by_one() {
        let odd = ResourceId::new("a\"b\\c");
        assert_eq!(
            written(member_operations(&members(), &ids(0..2), &[odd])),
            json!([
                { "op": "add", "path": "members", "value": [{ "value": "u0" }, { "value": "u1" }] },
                { "op": "remove", "path": "members[value eq \"a\\\"b\\\\c\"]" },
            ])
        );
        assert!(member_operations(&members(), &[], &[]).is_empty());
    }

    #[test]
    fn a_single_reference_is_one_operation() {
        let manager =
            AttributePath::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager").unwrap();
        assert_eq!(
            written(reference_operation(&manager, Some(&ResourceId::new("u1")))),
            json!({ "op": "replace", "path": manager.to_string(), "value": { "value": "u1" } })
        );
        assert_eq!(
            written(reference_operation(&manager, None)),
            json!({ "op": "remove", "path": manager.to_string() })
        );
    }

    /// Our own reader could share a mistake with our writer.
    #[test]
    fn a_foreign_and_strict_reader_accepts_our_bodies() {
        use scim_v2::utils::validation::Validate;

        let change = |path: &str, value: Option<Value>| AttributeChange { path: TargetPath::new(path), value };
        let attributes = attribute_operations(&[
            change(r#"emails[type eq "work"].value"#, Some(json!("ada@n.example"))),
            change("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", None),
            change("active", Some(json!(false))),
        ]);
        let members = MemberChange { path: members(), added: ids(0..2), removed: vec![ResourceId::new("a\"b\\c")] };
        for body in patches(attributes.unwrap(), &[members], 2) {
            let theirs: scim_v2::models::others::PatchOp = serde_json::from_value(written(&body)).unwrap();
            theirs.validate().unwrap();
            assert_eq!(theirs.operations.len(), body.operations.len());
        }
    }

    #[test]
    fn attributes_go_first_and_members_fill_the_bodies() {
        let title = Operation::replace(AttributePath::new("displayName"), json!("Ops"));
        let change = MemberChange { path: members(), added: ids(0..3), removed: ids(3..6) };
        let bodies = patches(vec![title.clone()], &[change], 4);
        let counts: Vec<usize> = bodies.iter().map(|body| body.operations.len()).collect();
        assert_eq!(counts, [3, 2], "displayName, one add of three, one remove; two removes");
        assert_eq!(bodies[0].operations[0], title);
        assert!(patches(Vec::new(), &[], 100).is_empty());
    }

    #[test]
    fn a_given_user_name_is_seen_wherever_it_stands() {
        let replace = |path: Option<&str>, value: Value| {
            let mut operation = Operation::replace(AttributePath::new("x"), value);
            operation.path = path.map(|path| AttributePath::parse(path).unwrap());
            operation
        };
        let core = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
        let found = [
            replace(Some("USERNAME"), json!("root")),
            replace(Some(core), json!("root")),
            replace(None, json!({ "username": "root" })),
            replace(None, json!({ core: "root" })),
        ];
        for operation in &found {
            assert_eq!(assigned_user_name(operation), Some(&json!("root")), "{operation:?}");
        }
        assert_eq!(assigned_user_name(&replace(Some("name.userName"), json!("root"))), None);
        assert_eq!(assigned_user_name(&replace(None, json!("root"))), None);
    }

    proptest! {
        #[test]
        fn chunks_hold_every_member_once_and_stay_within_their_size(added in 0usize..40, removed in 0usize..40, most in 0usize..10) {
            let change = MemberChange { path: members(), added: ids(0..added), removed: ids(added..added + removed) };
            let bodies = patches(Vec::new(), &[change], most);
            let size = |operation: &Operation| operation.value.as_ref().map_or(1, |values| values.as_array().map_or(0, Vec::len));
            let sizes: Vec<usize> = bodies.iter().map(|body| body.operations.iter().map(size).sum()).collect();
            prop_assert!(sizes.iter().all(|&size| size <= most.max(1)));
            prop_assert_eq!(sizes.iter().sum::<usize>(), added + removed);
            let all: Vec<String> = bodies.iter().flat_map(|body| &body.operations).map(|operation| written(operation).to_string()).collect();
            for id in ids(0..added + removed) {
                let mentions = |text: &&String| text.contains(&format!("\"{id}\"")) || text.contains(&format!("\\\"{id}\\\""));
                prop_assert_eq!(all.iter().filter(mentions).count(), 1);
            }
        }
    }
}
