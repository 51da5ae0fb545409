//! The rules of the server: what a request makes of a resource, and how a resource is shown.
//!
//! Values in, values out: no clock, no database, no socket.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::resource_types::{Kind, ResourceTypes};
use super::storage::{GroupRow, MemberRow, Row, Stored};
use crate::scim::{
    AttributePath, Filter, Literal, Op, Operation, Operator, PatchOp, Resource, ResourceSchema, ScimError, ScimType,
    Strictness, apply, conform, conform_create, matches,
};

/// A member as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) value: String,
    pub(super) display: Option<String>,
}

/// A body that may be stored: the document, and the members apart from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) resource: Resource,
    pub(super) members: Vec<Member>,
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

/// What a resource is known by: what the server itself makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    /// In milliseconds since 1970, like `modified`.
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) version: i64,
}

/// What is shown beside the document.
#[derive(Default)]
pub(super) struct Relations {
    pub(super) members: Vec<MemberRow>,
    pub(super) groups: Vec<GroupRow>,
}

/// The body of a create or a replace, checked.
pub(super) fn draft(kind: &Kind, mut body: Map<String, Value>) -> Result<Draft, ScimError> {
    let members = if kind.has_members() {
        let key = body.keys().find(|key| key.eq_ignore_ascii_case("members")).cloned();
        read_members(key.and_then(|key| body.remove(&key)).unwrap_or(Value::Null))?
    } else {
        Vec::new()
    };
    let mut resource = conform_create(body, &kind.schema, Strictness::Lenient)?;
    forget_password(&mut resource);
    Ok(Draft { resource, members })
}

/// Cuts a PATCH in two. Operations on members keep their order among themselves, which is all that matters: no
/// other attribute depends on them.
pub(super) fn split(kind: &Kind, patch: PatchOp) -> Result<SplitPatch, ScimError> {
    if !kind.has_members() {
        return Ok(SplitPatch { document: patch, members: Vec::new() });
    }
    let mut split = SplitPatch::default();
    for mut operation in patch.operations {
        match &operation.path {
            Some(path) if is_members(path) => split.members.push(member_change(&operation, path)?),
            Some(_) => split.document.operations.push(operation),
            None => {
                if let Some(Value::Object(parts)) = &mut operation.value {
                    // A name may be any path, as Entra ID sends them.
                    let paths = parts.keys().filter_map(|key| Some((key.clone(), AttributePath::parse(key).ok()?)));
                    for (key, path) in paths.filter(|(_, path)| is_members(path)).collect::<Vec<_>>() {
                        let change = Operation { op: operation.op, path: None, value: parts.remove(&key) };
                        split.members.push(member_change(&change, &path)?);
                    }
                }
                split.document.operations.push(operation);
            }
        }
    }
    Ok(split)
}

/// The document as a PATCH leaves it.
pub(super) fn patch(kind: &Kind, document: &Resource, patch: &PatchOp) -> Result<Resource, ScimError> {
    let mut resource = apply(patch, document, &kind.schema, Strictness::Lenient)?;
    forget_password(&mut resource);
    Ok(resource)
}

/// The members that a filter on `members` selects.
pub(super) fn selected_members(filter: &Filter, members: &[MemberRow]) -> Vec<String> {
    let filter = Filter::ValuePath { path: AttributePath::new("members"), filter: Box::new(filter.clone()) };
    let selected = |member: &&MemberRow| {
        let element = json!([{"value": member.value, "display": member.display, "type": member.kind}]);
        let group = Resource::from(Map::from_iter([("members".to_owned(), element)]));
        matches(&filter, &group, ResourceSchema::group())
    };
    members.iter().filter(selected).map(|member| member.value.clone()).collect()
}

/// The row of a resource.
pub(super) fn row(kind: &Kind, identity: &Identity, resource: &Resource) -> Row {
    let text = |name: &str| resource.as_map().get(name).and_then(Value::as_str);
    Row {
        id: identity.id.clone(),
        kind: kind.name.clone(),
        user_name: text("userName").map(str::to_lowercase),
        display_key: text("displayName").map(str::to_lowercase),
        display_name: text("displayName").map(str::to_owned),
        external_id: text("externalId").map(str::to_owned),
        created: identity.created,
        modified: identity.modified,
        version: identity.version,
        document: serde_json::to_string(resource).expect("a JSON object with text keys always prints"),
    }
}

/// The document of a stored resource.
pub(super) fn document(stored: &Stored) -> Resource {
    // The document was written by `row`; should a hand have changed it in the file, it reads as empty.
    serde_json::from_str(&stored.document).unwrap_or_default()
}

/// The entity tag of a version (RFC 7644 section 3.14).
pub(super) fn entity_tag(version: i64) -> String {
    ["W/\"", &version.to_string(), "\""].concat()
}

/// The address of a resource.
pub(super) fn location(base: &str, kind: &Kind, id: &str) -> String {
    [base, "/", &kind.endpoint, "/", id].concat()
}

/// A resource as it is shown: the document with its id, its meta and its relations.
pub(super) fn represent(
    kind: &Kind,
    identity: &Identity,
    mut resource: Resource,
    relations: Relations,
    types: &ResourceTypes,
    base: &str,
) -> Resource {
    let map = resource.as_map_mut();
    map.insert("id".to_owned(), Value::from(identity.id.as_str()));
    map.insert(
        "meta".to_owned(),
        json!({
            "resourceType": kind.name,
            "created": time(identity.created),
            "lastModified": time(identity.modified),
            "version": entity_tag(identity.version),
            "location": location(base, kind, &identity.id),
        }),
    );
    if !relations.members.is_empty() {
        map.insert("members".to_owned(), relations.members.into_iter().map(|row| member(row, types, base)).collect());
    }
    if !relations.groups.is_empty() {
        map.insert("groups".to_owned(), relations.groups.into_iter().map(|row| group(row, types, base)).collect());
    }
    resource
}

fn member(row: MemberRow, types: &ResourceTypes, base: &str) -> Value {
    let mut member = json!({"type": row.kind, "value": row.value});
    if let (Some(kind), Value::Object(parts)) = (types.named(&row.kind), &mut member) {
        parts.insert("$ref".to_owned(), Value::from(location(base, kind, &row.value)));
    }
    if let (Some(display), Value::Object(parts)) = (row.display, &mut member) {
        parts.insert("display".to_owned(), Value::from(display));
    }
    member
}

fn group(row: GroupRow, types: &ResourceTypes, base: &str) -> Value {
    let mut group = json!({"type": "direct", "value": row.id});
    if let (Some(kind), Value::Object(parts)) = (types.named("Group"), &mut group) {
        parts.insert("$ref".to_owned(), Value::from(location(base, kind, &row.id)));
    }
    if let (Some(display), Value::Object(parts)) = (row.display_name, &mut group) {
        parts.insert("display".to_owned(), Value::from(display));
    }
    group
}

/// The password is taken and not kept: nothing here signs anybody in, and what is not kept cannot leak.
fn forget_password(resource: &mut Resource) {
    resource.as_map_mut().remove("password");
}

fn is_members(path: &AttributePath) -> bool {
    let attribute = ResourceSchema::group().resolve(path).and_then(|at| at.attribute);
    attribute.is_some_and(|attribute| attribute.name == "members")
}

fn member_change(operation: &Operation, path: &AttributePath) -> Result<MemberChange, ScimError> {
    let value = || operation.value.clone().ok_or_else(|| invalid("an operation on `members` needs a `value`"));
    if path.sub_attribute.is_some() || (path.filter.is_some() && operation.op == Op::Replace) {
        // RFC 7643 section 8.7.1: every part of a member is immutable.
        return Err(ScimError::bad_request(ScimType::Mutability, "a member can be added and removed, not changed"));
    }
    Ok(match (operation.op, path.filter.as_deref()) {
        (Op::Add, None) => MemberChange::Add(read_members(value()?)?),
        (Op::Replace, _) => MemberChange::Replace(read_members(value()?)?),
        (Op::Add, Some(filter)) => {
            MemberChange::Add(ids(filter).ok_or_else(no_target)?.into_iter().map(bare).collect())
        }
        (Op::Remove, Some(filter)) => match ids(filter) {
            Some(ids) => MemberChange::Remove(ids),
            None => MemberChange::RemoveSelected(filter.clone()),
        },
        // Entra ID names the members to remove in a value, and means them alone.
        (Op::Remove, None) => match operation.value.clone().map_or(Ok(Vec::new()), read_members)? {
            members if members.is_empty() => MemberChange::Clear,
            members => MemberChange::Remove(members.into_iter().map(|member| member.value).collect()),
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

fn read_members(value: Value) -> Result<Vec<Member>, ScimError> {
    let attribute = ResourceSchema::group().top_attribute("members");
    let fitted = match attribute {
        Some(attribute) => conform(value, attribute, Strictness::Lenient)?,
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

fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
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
    use crate::scim::urn;

    fn changes(operations: Value) -> Result<SplitPatch, ScimError> {
        split(
            ResourceTypes::standard().named("Group").unwrap(),
            PatchOp::from_json(&json!({"Operations": operations}), Strictness::Lenient).unwrap(),
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

    #[test]
    fn a_password_is_never_kept() {
        let Value::Object(body) = json!({"schemas": [urn::USER], "userName": "ada", "password": "secret"}) else {
            panic!("an object")
        };
        let draft = draft(ResourceTypes::standard().named("User").unwrap(), body).unwrap();
        assert!(!draft.resource.as_map().contains_key("password"));
    }
}
