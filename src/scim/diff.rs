//! The PATCH that makes one resource into another.
//!
//! What it says is checked against what PATCH does to a list, so that the outcome is the new resource whatever the
//! values are: where single changes would not lead there, the list is replaced.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::apply_patch::apply_to_attribute;
use super::conform::{identity, is_same};
use super::filter::Filter;
use super::messages::ScimError;
use super::patch::{Op, Operation, PatchOp};
use super::path::AttributePath;
use super::resource::{Resource, is_primary};
use super::schema::{Attribute, Mutability, ResourceSchema};

/// Beyond so many operations on one list, its replacement is shorter to send and cheaper to find.
const MOST_CHANGES: usize = 100;

/// The operations that, applied to `old`, give `new`.
///
/// Both are in canonical form; readOnly attributes are left alone, and so is what the schema does not know. The order
/// of a list carries no meaning (RFC 7643 section 2.4), so a list in another order is the same.
///
/// A change that mutability forbids is in the answer all the same: whoever applies it refuses it.
pub fn diff(old: &Resource, new: &Resource, schema: &ResourceSchema) -> PatchOp {
    let mut operations = Vec::new();
    let external_id = schema.top_attribute("externalId").filter(|_| schema.base.attribute("externalId").is_none());
    for attribute in schema.base.attributes.iter().chain(external_id) {
        let path = AttributePath::new(&attribute.name);
        compare(&path, attribute, old.as_map(), new.as_map(), &mut operations);
    }
    let none = Map::new();
    for extension in schema.extensions.iter().map(|extension| &extension.schema) {
        let parts = |resource: &'_ Resource| match resource.as_map().get(&extension.id) {
            Some(Value::Object(parts)) => parts.clone(),
            _ => none.clone(),
        };
        let (old, new) = (parts(old), parts(new));
        for attribute in &extension.attributes {
            let path = AttributePath::new(&attribute.name).in_schema(&extension.id);
            compare(&path, attribute, &old, &new, &mut operations);
        }
    }
    PatchOp { operations }
}

fn compare(
    path: &AttributePath,
    attribute: &Attribute,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    operations: &mut Vec<Operation>,
) {
    if attribute.mutability == Mutability::ReadOnly {
        return;
    }
    match (old.get(&attribute.name), new.get(&attribute.name)) {
        (Some(old), Some(new)) if is_same(old, new) => {}
        (None, None) => {}
        (Some(_), None) => operations.push(Operation::remove(path.clone())),
        (Some(Value::Array(old)), Some(Value::Array(new))) if path.sub_attribute.is_none() => {
            let changes = list_changes(path, attribute, old, new);
            operations
                .extend(changes.unwrap_or_else(|| vec![Operation::replace(path.clone(), Value::Array(new.clone()))]));
        }
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for part in &attribute.sub_attributes {
                compare(&path.clone().part(&part.name), part, old, new, operations);
            }
        }
        (_, Some(new)) => operations.push(Operation::replace(path.clone(), new.clone())),
    }
}

/// The changes of single elements that make the old list into the new one; `None` when there are too many, or when
/// elements cannot be told apart well enough.
fn list_changes(path: &AttributePath, attribute: &Attribute, old: &[Value], new: &[Value]) -> Option<Vec<Operation>> {
    let mut list = List { attribute, path, now: Map::new(), changes: Vec::new() };
    list.now.insert(attribute.name.clone(), Value::Array(old.to_vec()));
    let known = |elements: &[Value]| elements.iter().map(identity).collect::<HashSet<_>>();
    let (before, after) = (known(old), known(new));
    for gone in old.iter().filter(|element| !after.contains(&identity(element))) {
        list.change(Op::Remove, Some(gone), None, None)?;
    }
    let added: Vec<Value> = new.iter().filter(|element| !before.contains(&identity(element))).cloned().collect();
    if !added.is_empty() {
        list.change(Op::Add, None, None, Some(Value::Array(added)))?;
    }
    // To make one element primary changes the others, so that comes before they are looked at.
    let primary: Vec<&Value> = new.iter().filter(|element| is_primary(element)).collect();
    list.adapt(&primary)?;
    list.adapt(&new.iter().collect::<Vec<_>>())?;
    is_same(list.now.get(&attribute.name)?, &Value::Array(new.to_vec())).then_some(list.changes)
}

/// A list on its way from the old state to the new one.
struct List<'a> {
    attribute: &'a Attribute,
    path: &'a AttributePath,
    /// The attribute alone, as the changes so far leave it.
    now: Map<String, Value>,
    changes: Vec<Operation>,
}

impl List<'_> {
    /// Gives the elements of these identities the parts that they shall have.
    fn adapt(&mut self, wanted: &[&Value]) -> Option<()> {
        let present: HashMap<String, Value> = self
            .now
            .get(&self.attribute.name)?
            .as_array()?
            .iter()
            .map(|element| (identity(element), element.clone()))
            .collect();
        for element in wanted {
            let (Value::Object(wanted), Some(present)) = (element, present.get(&identity(element))) else { continue };
            for part in &self.attribute.sub_attributes {
                match (present.get(&part.name), wanted.get(&part.name)) {
                    (present, wanted) if present == wanted => {}
                    (_, Some(value)) => self.change(Op::Replace, Some(element), Some(part), Some(value.clone()))?,
                    (_, None) => self.change(Op::Remove, Some(element), Some(part), None)?,
                }
            }
        }
        Some(())
    }

    fn change(
        &mut self,
        op: Op,
        element: Option<&Value>,
        part: Option<&Attribute>,
        value: Option<Value>,
    ) -> Option<()> {
        if self.changes.len() >= MOST_CHANGES {
            return None;
        }
        let mut path = self.path.clone();
        if let Some(element) = element {
            path = path.filtered(selecting(element)?);
        }
        if let Some(part) = part {
            path = path.part(&part.name);
        }
        let operation = Operation { op, path: Some(path), value };
        let applied: Result<(), ScimError> = apply_to_attribute(&operation, &mut self.now, self.attribute, part);
        applied.ok()?;
        self.now.entry(&self.attribute.name).or_insert_with(|| Value::Array(Vec::new()));
        self.changes.push(operation);
        Some(())
    }
}

/// The filter that an element is known by: its `value`, and its `type` where it has one.
fn selecting(element: &Value) -> Option<Filter> {
    let text = |name: &str| element.get(name)?.as_str();
    let term = |name: &str, text: &str| Filter::equals(AttributePath::new(name), text);
    let value = match element {
        Value::String(plain) => plain,
        _ => text("value")?,
    };
    Filter::all(std::iter::once(term("value", value)).chain(text("type").map(|kind| term("type", kind))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{Strictness, apply, urn};

    fn resource(value: Value) -> Resource {
        serde_json::from_value(value).unwrap()
    }

    fn changes(old: Value, new: Value) -> Value {
        let schema = ResourceSchema::user();
        let with = |value: Value| {
            let mut full = json!({"schemas": [urn::USER], "userName": "ada"});
            full.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            if full.get(urn::ENTERPRISE_USER).is_some() {
                full["schemas"] = json!([urn::USER, urn::ENTERPRISE_USER]);
            }
            resource(full)
        };
        let (old, new) = (with(old), with(new));
        let patch = diff(&old, &new, schema);
        assert_eq!(apply(&patch, &old, schema, Strictness::Strict), Ok(new));
        serde_json::to_value(patch).unwrap()["Operations"].clone()
    }

    #[test]
    fn what_is_the_same_needs_no_change() {
        let ada = json!({"title": "T", "emails": [{"value": "a"}, {"value": "b"}], "name": {"givenName": "A"}});
        assert_eq!(changes(ada.clone(), ada), json!([]));
        let user = |emails: Value| resource(json!({"emails": emails, "id": emails}));
        let (one, other) =
            (user(json!([{"value": "a"}, {"value": "b"}])), user(json!([{"value": "b"}, {"value": "a"}])));
        assert_eq!(diff(&one, &other, ResourceSchema::user()).operations, []);
    }

    #[test]
    fn a_schema_may_list_a_common_attribute_itself() {
        let base = json!({"id": "urn:x:Badge", "attributes": [{"name": "externalId"}]});
        let schema = ResourceSchema { base: serde_json::from_value(base).unwrap(), extensions: Vec::new() };
        let badge = |external_id: &str| resource(json!({"externalId": external_id}));
        assert_eq!(diff(&badge("1"), &badge("2"), &schema).operations.len(), 1);
    }

    #[test]
    fn changes_are_as_small_as_they_can_be() {
        let enterprise = |parts: Value| json!({urn::ENTERPRISE_USER: parts});
        let department = [urn::ENTERPRISE_USER, ":department"].concat();
        for (old, new, expected) in [
            (json!({}), json!({"title": "T"}), json!([{"op": "replace", "path": "title", "value": "T"}])),
            (json!({"title": "T"}), json!({}), json!([{"op": "remove", "path": "title"}])),
            (
                json!({"name": {"givenName": "A", "familyName": "L"}}),
                json!({"name": {"givenName": "E", "middleName": "M"}}),
                json!([
                    {"op": "remove", "path": "name.familyName"},
                    {"op": "replace", "path": "name.givenName", "value": "E"},
                    {"op": "replace", "path": "name.middleName", "value": "M"},
                ]),
            ),
            (
                enterprise(json!({"department": "X", "division": "Y"})),
                enterprise(json!({"division": "Y"})),
                json!([{"op": "remove", "path": department}]),
            ),
            (
                json!({"emails": [{"value": "a", "type": "work", "primary": true}, {"value": "\"b\\"}]}),
                json!({"emails": [{"value": "a", "type": "work"}, {"value": "c", "primary": true}]}),
                json!([
                    {"op": "remove", "path": "emails[value eq \"\\\"b\\\\\"]"},
                    {"op": "add", "path": "emails", "value": [{"value": "c", "primary": true}]},
                    {"op": "remove", "path": "emails[value eq \"a\" and type eq \"work\"].primary"},
                ]),
            ),
            // Addresses have no value to be known by.
            (
                json!({"addresses": [{"country": "IT"}]}),
                json!({"addresses": [{"country": "FR"}]}),
                json!([{"op": "replace", "path": "addresses", "value": [{"country": "FR"}]}]),
            ),
            (
                json!({"externalId": "1", "emails": [{"value": "a", "display": "A"}, {"value": "b", "primary": true}]}),
                json!({"externalId": "2", "emails": [{"value": "a", "display": "B", "primary": true}, {"value": "b"}]}),
                json!([
                    {"op": "replace", "path": "emails[value eq \"a\"].display", "value": "B"},
                    {"op": "replace", "path": "emails[value eq \"a\"].primary", "value": true},
                    {"op": "remove", "path": "emails[value eq \"b\"].primary"},
                    {"op": "replace", "path": "externalId", "value": "2"},
                ]),
            ),
            // One filter would select both.
            (
                json!({"emails": [{"value": "a"}, {"value": "A"}]}),
                json!({"emails": [{"value": "A"}]}),
                json!([{"op": "replace", "path": "emails", "value": [{"value": "A"}]}]),
            ),
        ] {
            assert_eq!(changes(old.clone(), new.clone()), expected, "{old} {new}");
        }
    }
}
