//! What a request makes of the members of a group: they are rows beside the document, so what concerns them is cut out
//! of bodies and of PATCH requests.
//!
//! Values in, values out: no clock, no database, no socket.

use serde_json::{Map, Value, json};

use super::resource_types::Kind;
use crate::scim::{
    AttributePath, Filter, Literal, Op, Operation, Operator, PatchOp, Resource, ResourceSchema, ScimError, ScimType,
    Strictness, conform, matches,
};

/// A member as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) value: String,
    pub(super) display: Option<String>,
}

/// One step of a PATCH on members.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MemberChange {
    Add(Vec<Member>),
    Replace(Vec<Member>),
    /// By their ids.
    Remove(Vec<String>),
    /// Those that a filter on `members` selects.
    RemoveSelected(Filter),
    Clear,
}

/// A PATCH cut in two: what concerns the document and what concerns rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SplitPatch {
    pub(super) document: PatchOp,
    pub(super) members: Vec<MemberChange>,
}

/// Takes the members out of the body of a create or a replace.
pub(super) fn take_members(
    kind: &Kind,
    body: &mut Map<String, Value>,
    reading: Strictness,
) -> Result<Vec<Member>, ScimError> {
    if !kind.has_members() {
        return Ok(Vec::new());
    }
    let key = body.keys().find(|key| key.eq_ignore_ascii_case("members")).cloned();
    read_members(key.and_then(|key| body.remove(&key)).unwrap_or(Value::Null), reading)
}

/// Cuts a PATCH in two. Operations on members keep their order among themselves, which is all that matters: no
/// other attribute depends on them.
pub(super) fn split(kind: &Kind, patch: PatchOp, reading: Strictness) -> Result<SplitPatch, ScimError> {
    if !kind.has_members() {
        return Ok(SplitPatch { document: patch, members: Vec::new() });
    }
    let mut split = SplitPatch::default();
    for mut operation in patch.operations {
        match &operation.path {
            Some(path) if is_members(path) => split.members.push(member_change(&operation, path, reading)?),
            Some(_) => split.document.operations.push(operation),
            None => {
                if let Some(Value::Object(parts)) = &mut operation.value {
                    // A name may be any path, as Entra ID sends them.
                    let paths = parts.keys().filter_map(|key| Some((key.clone(), AttributePath::parse(key).ok()?)));
                    for (key, path) in paths.filter(|(_, path)| is_members(path)).collect::<Vec<_>>() {
                        let change = Operation { op: operation.op, path: None, value: parts.remove(&key) };
                        split.members.push(member_change(&change, &path, reading)?);
                    }
                }
                split.document.operations.push(operation);
            }
        }
    }
    Ok(split)
}

/// True when a filter on members selects one that is shown like this.
pub(super) fn selects_member(filter: &Filter, member: Value) -> bool {
    let filter = Filter::ValuePath { path: AttributePath::new("members"), filter: Box::new(filter.clone()) };
    let group = Resource::from(Map::from_iter([("members".to_owned(), json!([member]))]));
    matches(&filter, &group, ResourceSchema::group())
}

fn is_members(path: &AttributePath) -> bool {
    let attribute = ResourceSchema::group().resolve(path).and_then(|at| at.attribute);
    attribute.is_some_and(|attribute| attribute.name == "members")
}

fn member_change(operation: &Operation, path: &AttributePath, reading: Strictness) -> Result<MemberChange, ScimError> {
    let value = || operation.value.clone().ok_or_else(|| invalid("an operation on `members` needs a `value`"));
    if path.sub_attribute.is_some() || (path.filter.is_some() && operation.op == Op::Replace) {
        // RFC 7643 section 8.7.1: every part of a member is immutable.
        return Err(ScimError::bad_request(ScimType::Mutability, "a member can be added and removed, not changed"));
    }
    Ok(match (operation.op, path.filter.as_deref()) {
        (Op::Add, None) => MemberChange::Add(read_members(value()?, reading)?),
        (Op::Replace, _) => MemberChange::Replace(read_members(value()?, reading)?),
        (Op::Add, Some(filter)) => {
            MemberChange::Add(ids(filter).ok_or_else(no_target)?.into_iter().map(bare).collect())
        }
        (Op::Remove, Some(filter)) => match ids(filter) {
            Some(ids) => MemberChange::Remove(ids),
            None => MemberChange::RemoveSelected(filter.clone()),
        },
        // Entra ID names the members to remove in a value, and means them alone, even where it names none.
        (Op::Remove, None) => match operation.value.clone().filter(|value| !value.is_null()) {
            None => MemberChange::Clear,
            Some(value) => {
                MemberChange::Remove(read_members(value, reading)?.into_iter().map(|member| member.value).collect())
            }
        },
    })
}

/// The ids of a filter that says nothing but `value eq "…" or value eq "…"`.
fn ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Comparison { path, operator: Operator::Equal, value: Literal::Text(id) }
            if path.attribute.eq_ignore_ascii_case("value") && path.sub_attribute.is_none() =>
        {
            Some(vec![id.clone()])
        }
        Filter::Or(filters) => filters.iter().map(ids).collect::<Option<Vec<_>>>().map(|ids| ids.concat()),
        _ => None,
    }
}

fn bare(value: String) -> Member {
    Member { value, display: None }
}

fn read_members(value: Value, reading: Strictness) -> Result<Vec<Member>, ScimError> {
    let attribute = ResourceSchema::group().top_attribute("members");
    let fitted = match attribute {
        Some(attribute) => conform(value, attribute, reading)?,
        None => None,
    };
    let Some(Value::Array(elements)) = fitted else { return Ok(Vec::new()) };
    let read = |element: Value| {
        let text = |name: &str| element.get(name).and_then(Value::as_str).map(str::to_owned);
        let value = text("value").ok_or_else(|| invalid("a member needs a `value`"))?;
        Ok(Member { value, display: text("display") })
    };
    elements.into_iter().map(read).collect()
}

fn invalid(detail: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, detail)
}

fn no_target() -> ScimError {
    ScimError::bad_request(ScimType::NoTarget, "the filter on `members` does not say which member is meant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim_server::resource_types::ResourceTypes;

    fn changes(operations: Value) -> Result<SplitPatch, ScimError> {
        split(
            ResourceTypes::standard().named("Group").unwrap(),
            PatchOp::from_json(&json!({"Operations": operations}), Strictness::Lenient).unwrap(),
            Strictness::Lenient,
        )
    }

    #[test]
    fn operations_on_members_become_changes_of_rows() {
        let one = || vec![bare("1".to_owned())];
        for (operation, expected) in [
            (json!({"op": "add", "path": "members", "value": [{"value": "1"}]}), MemberChange::Add(one())),
            (json!({"op": "add", "path": "members", "value": {"value": "1"}}), MemberChange::Add(one())),
            (json!({"op": "add", "path": "Members", "value": ["1"]}), MemberChange::Add(one())),
            (json!({"op": "add", "value": {"members": [{"value": "1"}]}}), MemberChange::Add(one())),
            (json!({"op": "add", "value": {"members[value eq \"1\"]": {}}}), MemberChange::Add(one())),
            (json!({"op": "replace", "path": "members", "value": [{"value": "1"}]}), MemberChange::Replace(one())),
            (json!({"op": "replace", "path": "members", "value": null}), MemberChange::Replace(vec![])),
            (json!({"op": "remove", "path": "members"}), MemberChange::Clear),
            (json!({"op": "remove", "path": "members", "value": null}), MemberChange::Clear),
            (json!({"op": "remove", "path": "members", "value": []}), MemberChange::Remove(vec![])),
            (json!({"op": "remove", "path": "members", "value": [{}]}), MemberChange::Remove(vec![])),
            (
                json!({"op": "Remove", "path": "members", "value": [{"value": "1"}]}),
                MemberChange::Remove(vec!["1".to_owned()]),
            ),
            (json!({"op": "remove", "path": "members[value eq \"1\"]"}), MemberChange::Remove(vec!["1".to_owned()])),
            (
                json!({"op": "remove", "path": "members[value eq \"1\" or value eq \"2\"]"}),
                MemberChange::Remove(vec!["1".to_owned(), "2".to_owned()]),
            ),
            (
                json!({"op": "remove", "path": "members[type eq \"Group\"]"}),
                MemberChange::RemoveSelected(Filter::parse("type eq \"Group\"").unwrap()),
            ),
        ] {
            assert_eq!(changes(json!([operation.clone()])).unwrap().members, [expected], "{operation}");
        }
    }

    #[test]
    fn an_operation_without_path_is_cut_in_two() {
        let split =
            changes(json!([{"op": "replace", "value": {"displayName": "G", "members": [{"value": "1"}]}}])).unwrap();
        assert_eq!(split.members.len(), 1);
        assert_eq!(split.document.operations[0].value, Some(json!({"displayName": "G"})));
    }

    #[test]
    fn members_do_not_change_in_place() {
        for operation in [
            json!({"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"}),
            json!({"op": "replace", "path": "members[value eq \"1\"]", "value": {"value": "2"}}),
            json!({"op": "remove", "path": "members.display"}),
        ] {
            assert_eq!(changes(json!([operation])).unwrap_err().scim_type, Some(ScimType::Mutability));
        }
        let nameless = changes(json!([{"op": "add", "path": "members", "value": [{"display": "x"}]}]));
        assert_eq!(nameless.unwrap_err().scim_type, Some(ScimType::InvalidValue));
    }
}
