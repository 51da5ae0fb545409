//! The attribute operations of a PATCH as a target understands them. Pure.
//!
//! They come as RFC 7644 section 3.5.2 has them, one operation with its path for each attribute.

use serde_json::{Map, Value};

use super::accepted;
use crate::scim::{AttributePath, Op, Operation, Resource, urn};
use crate::target::profile::{PatchDialect, PatchForm};

/// True when some of the operations can only be written by somebody who knows the present state of the resource.
pub(super) fn needs_present(operations: &[Operation], dialect: &PatchDialect) -> bool {
    let selects = |operation: &Operation| operation.path.as_ref().is_some_and(|path| path.filter.is_some());
    let understood = dialect.value_paths && dialect.form == PatchForm::Paths;
    !understood && operations.iter().any(selects)
}

/// The operations in this dialect. `present` is the resource as it is, needed where [`needs_present`] says so.
pub(super) fn translated(
    operations: &[Operation],
    dialect: &PatchDialect,
    present: Option<&Resource>,
) -> Vec<Operation> {
    let mut operations = match present {
        Some(present) => with_whole_lists(operations, present),
        None => operations.to_vec(),
    };
    if dialect.text_booleans {
        operations.iter_mut().filter_map(|operation| operation.value.as_mut()).for_each(spell_booleans);
    }
    match dialect.form {
        PatchForm::Paths => operations,
        PatchForm::Object => {
            let (adding, setting): (Vec<_>, Vec<_>) = operations.into_iter().partition(|one| one.op == Op::Add);
            let parts = [(Op::Replace, setting), (Op::Add, adding)];
            parts.into_iter().filter(|(_, part)| !part.is_empty()).map(|(op, part)| as_object(op, part)).collect()
        }
    }
}

/// A whole resource in this dialect.
pub(super) fn spelled(mut resource: Resource, dialect: &PatchDialect) -> Resource {
    if dialect.text_booleans {
        resource.as_map_mut().values_mut().for_each(spell_booleans);
    }
    resource
}

/// The resource with these attributes set and removed.
pub(super) fn applied(operations: &[Operation], present: &Resource) -> Resource {
    let mut resource = present.clone();
    for operation in operations {
        match (&operation.path, operation.op, &operation.value) {
            (Some(path), Op::Add, Some(Value::Array(values))) => add(&mut resource, path, values),
            (Some(path), Op::Add | Op::Replace, Some(value)) => resource.set(path, value.clone()),
            (Some(path), Op::Remove, _) => resource.remove(path),
            _ => {}
        }
    }
    resource
}

/// The values that are there stay; one that is there already does not come a second time.
fn add(resource: &mut Resource, path: &AttributePath, values: &[Value]) {
    let mut all: Vec<Value> = match resource.get(path) {
        Some(Value::Array(present)) => present.clone(),
        Some(present) => vec![present.clone()],
        None => Vec::new(),
    };
    let missing = values.iter().filter(|value| !all.iter().any(|present| accepted::covers(present, value)));
    let missing: Vec<Value> = missing.cloned().collect();
    if !missing.is_empty() {
        all.extend(missing);
        resource.set(path, Value::Array(all));
    }
}

/// Operations that select among the values of an attribute become one that replaces all of its values.
fn with_whole_lists(operations: &[Operation], present: &Resource) -> Vec<Operation> {
    let (selecting, mut others): (Vec<Operation>, Vec<Operation>) =
        operations.iter().cloned().partition(|operation| operation.path.as_ref().is_some_and(|p| p.filter.is_some()));
    let wanted = applied(&selecting, present);
    let mut lists: Vec<AttributePath> = Vec::new();
    for path in selecting.into_iter().filter_map(|operation| operation.path) {
        let list = AttributePath { filter: None, sub_attribute: None, ..path };
        if !lists.iter().any(|known| known.is_same(&list)) {
            lists.push(list);
        }
    }
    others.extend(lists.into_iter().map(|list| match wanted.get(&list) {
        Some(values) => Operation::replace(list, values.clone()),
        None => Operation::remove(list),
    }));
    others
}

/// One operation without a path. What is removed is null there (RFC 7643 section 2.5).
fn as_object(op: Op, operations: Vec<Operation>) -> Operation {
    let mut object = Map::new();
    for operation in operations {
        let Some(path) = operation.path else { continue };
        let value = if operation.op == Op::Remove { Value::Null } else { operation.value.unwrap_or_default() };
        let map = match path.schema {
            Some(schema) if !urn::is_core(&schema) => part(&mut object, schema),
            _ => Some(&mut object),
        };
        match (map, path.sub_attribute) {
            (Some(map), None) => {
                map.insert(path.attribute, value);
            }
            (Some(map), Some(name)) => {
                if let Some(map) = part(map, path.attribute) {
                    map.insert(name, value);
                }
            }
            (None, _) => {}
        }
    }
    Operation { op, path: None, value: Some(Value::Object(object)) }
}

/// The object of this name. `None` when something else has the name, because another operation sets it as a whole.
fn part(object: &mut Map<String, Value>, name: String) -> Option<&mut Map<String, Value>> {
    object.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// Every Boolean as the text that Entra ID's older PATCH sends.
fn spell_booleans(value: &mut Value) {
    match value {
        Value::Bool(true) => *value = Value::from("True"),
        Value::Bool(false) => *value = Value::from("False"),
        Value::Array(values) => values.iter_mut().for_each(spell_booleans),
        Value::Object(parts) => parts.values_mut().for_each(spell_booleans),
        Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{AttributeChange, TargetPath};
    use crate::target::write::attribute_operations;

    fn operations() -> Vec<Operation> {
        let set = |path: &str, value: Value| AttributeChange::set(TargetPath::new(path), value);
        let clear = |path: &str| AttributeChange::clear(TargetPath::new(path));
        attribute_operations(&[
            set("active", json!(false)),
            set("name.givenName", json!("Ada")),
            clear("name.middleName"),
            set(r#"emails[type eq "work"].value"#, json!("new@n.example")),
            clear(r#"phoneNumbers[type eq "fax"]"#),
            set("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", json!("Ops")),
            clear("title"),
        ])
        .unwrap()
    }

    fn present() -> Resource {
        let resource = json!({
            "id": "1",
            "emails": [
                { "type": "work", "value": "old@n.example", "primary": true },
                { "type": "home", "value": "home@n.example" },
            ],
            "phoneNumbers": [{ "type": "fax", "value": "1" }],
        });
        serde_json::from_value(resource).unwrap()
    }

    fn written(dialect: &PatchDialect) -> Value {
        let present = needs_present(&operations(), dialect).then(present);
        serde_json::to_value(translated(&operations(), dialect, present.as_ref())).unwrap()
    }

    #[test]
    fn the_protocols_own_dialect_needs_nothing() {
        let dialect = PatchDialect::default();
        assert!(!needs_present(&operations(), &dialect));
        assert_eq!(translated(&operations(), &dialect, None), operations());
    }

    #[test]
    fn without_value_paths_whole_lists_are_sent() {
        let dialect = PatchDialect { value_paths: false, ..PatchDialect::default() };
        let written = written(&dialect);
        let found =
            |path: &str| written.as_array().unwrap().iter().find(|operation| operation["path"] == path).cloned();
        assert_eq!(
            found("emails"),
            Some(json!({ "op": "replace", "path": "emails", "value": [
                { "type": "work", "value": "new@n.example", "primary": true },
                { "type": "home", "value": "home@n.example" },
            ] }))
        );
        assert_eq!(found("phoneNumbers"), Some(json!({ "op": "remove", "path": "phoneNumbers" })));
        assert_eq!(found("title"), Some(json!({ "op": "remove", "path": "title" })));
        assert!(!written.to_string().contains('[') || !written.to_string().contains("[type"), "{written}");
        let plain = [Operation::replace(AttributePath::new("active"), json!(true))];
        assert!(!needs_present(&plain, &dialect));
    }

    #[test]
    fn one_object_carries_everything() {
        let dialect = PatchDialect { form: PatchForm::Object, ..PatchDialect::default() };
        assert_eq!(
            written(&dialect),
            json!([{ "op": "replace", "value": {
                "active": false,
                "name": { "givenName": "Ada", "middleName": null },
                "emails": [
                    { "type": "work", "value": "new@n.example", "primary": true },
                    { "type": "home", "value": "home@n.example" },
                ],
                "phoneNumbers": null,
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Ops" },
                "title": null,
            } }])
        );
        assert!(translated(&[], &dialect, None).is_empty());
    }

    #[test]
    fn values_are_added_beside_those_of_others() {
        let roles = || vec![json!({ "value": "rw", "primary": false }), json!({ "value": "ro" })];
        let adding = [
            Operation::add(AttributePath::new("roles"), roles().into()),
            Operation::replace(AttributePath::new("title"), json!("Chief")),
        ];
        let paths = PatchDialect::default();
        assert_eq!(translated(&adding, &paths, None), adding);
        let object = PatchDialect { form: PatchForm::Object, ..paths };
        assert_eq!(
            serde_json::to_value(translated(&adding, &object, None)).unwrap(),
            json!([
                { "op": "replace", "value": { "title": "Chief" } },
                { "op": "add", "value": { "roles": roles() } },
            ])
        );
        let present = json!({ "roles": [{ "value": "theirs" }, { "value": "RO", "display": "Reader" }] });
        let present: Resource = serde_json::from_value(present).unwrap();
        let expected = json!([
            { "value": "theirs" }, { "value": "RO", "display": "Reader" }, { "value": "rw", "primary": false },
        ]);
        assert_eq!(applied(&adding, &present).get(&AttributePath::new("roles")), Some(&expected));
        let nothing = applied(&adding, &Resource::new("urn:test"));
        assert_eq!(nothing.get(&AttributePath::new("roles")), Some(&Value::from(roles())));
    }

    #[test]
    fn booleans_become_text_at_every_depth() {
        let dialect = PatchDialect { text_booleans: true, value_paths: false, ..PatchDialect::default() };
        let text = written(&dialect).to_string();
        assert!(text.contains(r#""value":"False""#) && text.contains(r#""primary":"True""#), "{text}");
        assert!(!text.contains("false") && !text.contains("true"), "{text}");
    }
}
