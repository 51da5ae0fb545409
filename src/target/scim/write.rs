//! What a resource is to become, and the bodies of the PATCH requests that make it so. Pure.
//!
//! Every operation sets, adds or removes by value, so that sending a body twice changes nothing more. Order matters to
//! no two operations of one body.

use serde_json::{Value, json};

use crate::model::{AttributeChange, ResourceId, ValueChange};
use crate::scim::{AttributePath, Filter, Op, Operation, PatchOp};
use crate::target::TargetError;
use crate::target::profile::{MemberRemoval, PatchDialect};

/// What changes of one resource; everything that is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceChange {
    /// Each sets or removes what stands at its path.
    pub attributes: Vec<Operation>,
    pub members: Vec<MemberChange>,
    /// All members that the group is to have as far as we know, for a target that must be sent all of them and shows
    /// none.
    pub owned_members: Option<Vec<ResourceId>>,
}

impl ResourceChange {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.members.iter().all(|m| m.added.is_empty() && m.removed.is_empty())
    }
}

/// References to add to and remove from one multi-valued attribute, such as `members`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberChange {
    pub path: AttributePath,
    pub added: Vec<ResourceId>,
    pub removed: Vec<ResourceId>,
}

/// One operation for each changed attribute: `replace`, `add` or `remove`. Fails on a path that is none.
pub fn attribute_operations(changes: &[AttributeChange]) -> Result<Vec<Operation>, TargetError> {
    let operation = |change: &AttributeChange| {
        let path = AttributePath::parse(change.path.as_str()).map_err(|error| TargetError::Settings {
            problem: format!("`{}` is no SCIM attribute path: {error}", change.path),
        })?;
        Ok(match &change.change {
            ValueChange::Set(value) => Operation::replace(path, value.clone()),
            ValueChange::Add(values) => Operation::add(path, values.clone().into()),
            ValueChange::Clear => Operation::remove(path),
        })
    };
    changes.iter().map(operation).collect()
}

/// Changes of a multi-valued reference.
///
/// One operation adds all of `added`. By filter, each of `removed` has an operation of its own (RFC 7644 section
/// 3.5.2.2); by values, one names all of them. There is never an operation that would empty the attribute.
pub fn member_operations(
    path: &AttributePath,
    added: &[ResourceId],
    removed: &[ResourceId],
    removal: MemberRemoval,
) -> Vec<Operation> {
    let values = |ids: &[ResourceId]| -> Value { ids.iter().map(|id| json!({ "value": id })).collect() };
    let addition = (!added.is_empty()).then(|| Operation::add(path.clone(), values(added)));
    let removals = match removal {
        MemberRemoval::Filter => removed
            .iter()
            .map(|id| {
                let filter = Filter::equals(AttributePath::new("value"), id.as_str());
                Operation::remove(path.clone().filtered(filter))
            })
            .collect(),
        MemberRemoval::Values if removed.is_empty() => Vec::new(),
        MemberRemoval::Values => {
            vec![Operation { value: Some(values(removed)), ..Operation::remove(path.clone()) }]
        }
    };
    addition.into_iter().chain(removals).collect()
}

/// A single-valued reference, such as the manager: replaced whole, or removed.
pub fn reference_operation(path: &AttributePath, to: Option<&ResourceId>) -> Operation {
    match to {
        Some(id) => Operation::replace(path.clone(), json!({ "value": id })),
        None => Operation::remove(path.clone()),
    }
}

/// The bodies that carry all of these out, to be sent in this order.
///
/// `attributes` are in the first, and in each are at most `members_per_patch` members, added and removed together, in
/// no more operations than the dialect allows. Nothing to do makes no body.
pub fn patches(
    attributes: Vec<Operation>,
    members: &[MemberChange],
    members_per_patch: usize,
    dialect: &PatchDialect,
) -> Vec<PatchOp> {
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
                body.operations.extend(member_operations(&change.path, add, remove, dialect.member_removal));
            }
        }
    }
    bodies.retain(|body| !body.operations.is_empty());
    if bodies.iter().all(|body| body.operations.len() <= dialect.operations_per_patch) {
        return bodies;
    }
    let parts = bodies.into_iter().flat_map(|body| {
        let operations = body.operations;
        operations.chunks(dialect.operations_per_patch.max(1)).map(<[Operation]>::to_vec).collect::<Vec<_>>()
    });
    parts.map(|operations| PatchOp { operations }).collect()
}

/// The two halves of a body that was too much: of its operations, or of the values of its only one. `None` when there
/// is nothing left to halve.
pub(super) fn halves(body: &PatchOp) -> Option<(PatchOp, PatchOp)> {
    let of = |operations: &[Operation]| PatchOp { operations: operations.to_vec() };
    match (body.operations.as_slice(), body.operations.first()?.value.as_ref()) {
        ([only], Some(Value::Array(values))) if values.len() > 1 && only.op != Op::Replace => {
            let (first, second) = values.split_at(values.len() / 2);
            let half = |values: &[Value]| Operation { value: Some(Value::from(values)), ..only.clone() };
            Some((of(&[half(first)]), of(&[half(second)])))
        }
        ([_], _) => None,
        (operations, _) => {
            let (first, second) = operations.split_at(operations.len() / 2);
            Some((of(first), of(second)))
        }
    }
}

/// How many values a body adds to lists and removes from them: members, or the values of an attribute that is only ever
/// added to. Other attributes are replaced, or removed at a path without a filter.
pub(super) fn members_in(body: &PatchOp) -> usize {
    let members = |operation: &Operation| match (operation.op, &operation.value) {
        (Op::Replace, _) => 0,
        (_, Some(Value::Array(values))) => values.len(),
        (Op::Remove, None) => usize::from(removes_by_filter(operation)),
        _ => 0,
    };
    body.operations.iter().map(members).sum()
}

/// True when a body changes members, all in one way, and nothing else.
pub(super) fn changes_members_alone(body: &PatchOp) -> bool {
    let one_way = body.operations.windows(2).all(|pair| matches!(pair, [one, other] if one.op == other.op));
    let changes_members = |operation: &Operation| members_in(&PatchOp { operations: vec![operation.clone()] }) > 0;
    one_way && body.operations.iter().all(changes_members)
}

/// True for the removal of one member. Attributes have such paths as well: `emails[type eq "work"]`.
fn removes_by_filter(operation: &Operation) -> bool {
    let Some(path) = &operation.path else { return false };
    let named = path.filter.as_ref().and_then(|filter| filter.equality_terms());
    path.sub_attribute.is_none()
        && named.is_some_and(|terms| matches!(terms.as_slice(), [(path, _)] if path.attribute == "value"))
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
    fn attributes_are_replaced_added_to_or_removed_at_their_path() {
        let set = |path: &str, value: Value| AttributeChange::set(TargetPath::new(path), value);
        let change = |path: &str, change| AttributeChange::new(TargetPath::new(path), change);
        let operations = attribute_operations(&[
            set("active", json!(false)),
            set(r#"emails[type eq "work"].value"#, json!("ada@n.example")),
            set("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", json!("Ops")),
            change("title", ValueChange::Clear),
            change("roles", ValueChange::Add(vec![json!({ "value": "rw" })])),
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
                { "op": "add", "path": "roles", "value": [{ "value": "rw" }] },
            ])
        );
        assert!(matches!(attribute_operations(&[set("a b[", json!(1))]), Err(TargetError::Settings { .. })));
    }

    #[test]
    fn members_are_added_together_and_removed_one_by_one() {
        let odd = ResourceId::new("a\"b\\c");
        assert_eq!(
            written(member_operations(&members(), &ids(0..2), std::slice::from_ref(&odd), MemberRemoval::Filter)),
            json!([
                { "op": "add", "path": "members", "value": [{ "value": "u0" }, { "value": "u1" }] },
                { "op": "remove", "path": "members[value eq \"a\\\"b\\\\c\"]" },
            ])
        );
        assert_eq!(
            written(member_operations(&members(), &[], &ids(3..5), MemberRemoval::Values)),
            json!([{ "op": "remove", "path": "members", "value": [{ "value": "u3" }, { "value": "u4" }] }])
        );
        for removal in [MemberRemoval::Filter, MemberRemoval::Values] {
            assert!(member_operations(&members(), &[], &[], removal).is_empty(), "nothing empties a group");
        }
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

        let set = |path: &str, value: Value| AttributeChange::set(TargetPath::new(path), value);
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        let roles = ValueChange::Add(vec![json!({ "value": "rw", "primary": false })]);
        let attributes = attribute_operations(&[
            set(r#"emails[type eq "work"].value"#, json!("ada@n.example")),
            AttributeChange::clear(TargetPath::new(department)),
            AttributeChange::new(TargetPath::new("roles"), roles),
            set("active", json!(false)),
        ]);
        let members = MemberChange { path: members(), added: ids(0..2), removed: vec![ResourceId::new("a\"b\\c")] };
        for body in patches(attributes.unwrap(), &[members], 2, &PatchDialect::default()) {
            let theirs: scim_v2::models::others::PatchOp = serde_json::from_value(written(&body)).unwrap();
            theirs.validate().unwrap();
            assert_eq!(theirs.operations.len(), body.operations.len());
        }
    }

    #[test]
    fn attributes_go_first_and_members_fill_the_bodies() {
        let title = Operation::replace(AttributePath::new("displayName"), json!("Ops"));
        let change = MemberChange { path: members(), added: ids(0..3), removed: ids(3..6) };
        let bodies = patches(vec![title.clone()], std::slice::from_ref(&change), 4, &PatchDialect::default());
        let counts: Vec<usize> = bodies.iter().map(|body| body.operations.len()).collect();
        assert_eq!(counts, [3, 2], "displayName, one add of three, one remove; two removes");
        assert_eq!(bodies[0].operations[0], title);
        assert!(patches(Vec::new(), &[], 100, &PatchDialect::default()).is_empty());
        let one_by_one = PatchDialect { operations_per_patch: 1, ..PatchDialect::default() };
        let counts: Vec<usize> =
            patches(vec![title], &[change], 4, &one_by_one).iter().map(|body| body.operations.len()).collect();
        assert_eq!(counts, [1, 1, 1, 1, 1]);
    }

    #[test]
    fn a_body_is_halved_down_to_single_members_and_loses_none() {
        let title = Operation::replace(AttributePath::new("emails"), json!([{ "value": "a" }, { "value": "b" }]));
        let change = MemberChange { path: members(), added: ids(0..5), removed: ids(5..8) };
        let mut left = patches(vec![title.clone()], &[change], 100, &PatchDialect::default());
        let mut whole = Vec::new();
        while let Some(body) = left.pop() {
            match halves(&body) {
                Some((first, second)) => left.extend([first, second]),
                None => whole.push(body),
            }
        }
        assert_eq!(whole.len(), 9, "a list that is replaced stays whole");
        assert_eq!(whole.iter().map(members_in).sum::<usize>(), 8);
        assert!(whole.contains(&PatchOp { operations: vec![title] }));
        let attribute = Operation::remove(AttributePath::parse("emails[type eq \"work\"]").unwrap());
        assert_eq!(members_in(&PatchOp { operations: vec![attribute] }), 0);
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
            let bodies = patches(Vec::new(), &[change], most, &PatchDialect::default());
            prop_assert_eq!(bodies.iter().map(members_in).sum::<usize>(), added + removed);
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
