//! The rules of the server: what a request makes of a resource, and how a resource is shown.
//!
//! Values in, values out: no clock, no database, no socket.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::memberships::{self, Member};
use super::resource_types::{Kind, Place, ResourceTypes};
use super::secrets;
use super::storage::{Catalog, GroupRow, MemberRow, NamedRow, Row};
use super::tenant::Manner;
use crate::scim::{PatchOp, Resource, ScimError, ScimType, Strictness, apply, conform_create, conform_replace, urn};

/// Elements of one attribute at most. Members are rows of their own and have no such limit.
const MOST_VALUES: usize = 1000;
/// The JSON of a resource without its members at most.
const MOST_DOCUMENT_BYTES: usize = 1024 * 1024;

/// Where a request plays, with what the database calls it.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) types: Arc<ResourceTypes>,
    pub(super) catalog: Arc<Catalog>,
    /// The address under which the client finds everything; without a slash at the end.
    pub(super) base: String,
    pub(super) manner: Manner,
}

/// A body that may be stored: the document, and the members apart from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) resource: Resource,
    pub(super) members: Vec<Member>,
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
    pub(super) manager: Option<NamedRow>,
}

/// The body of a create, checked. Secrets in it are as the client gave them.
pub(super) fn draft(kind: &Kind, mut body: Map<String, Value>, reading: Strictness) -> Result<Draft, ScimError> {
    let members = memberships::take_members(kind, &mut body, reading)?;
    Ok(Draft { resource: drop_derived(conform_create(body, &kind.schema, reading)?), members })
}

/// The body of a replace, checked against what it replaces. New secrets in it are as the client gave them.
pub(super) fn replacement(
    kind: &Kind,
    old: &Resource,
    mut body: Map<String, Value>,
    reading: Strictness,
) -> Result<Draft, ScimError> {
    let members = memberships::take_members(kind, &mut body, reading)?;
    Ok(Draft { resource: drop_derived(conform_replace(old, body, &kind.schema, reading)?), members })
}

/// The document as a PATCH leaves it. New secrets in it are as the client gave them.
pub(super) fn patched(
    kind: &Kind,
    document: &Resource,
    patch: &PatchOp,
    reading: Strictness,
) -> Result<Resource, ScimError> {
    Ok(drop_derived(apply(patch, document, &kind.schema, reading)?))
}

/// Puts hashes where secrets are. A secret that has not changed keeps its hash.
pub(super) fn hash_secrets(kind: &Kind, old: &Map<String, Value>, resource: &mut Resource) -> Result<(), ScimError> {
    let map = resource.as_map_mut();
    for place in &kind.secrets {
        let before = place.get(old).and_then(Value::as_str);
        let Some(given) = place.get(map).and_then(Value::as_str) else { continue };
        if before == Some(given) {
            continue;
        }
        let hash = match before {
            Some(hash) if secrets::is_secret_of(hash, given) => hash.to_owned(),
            _ => secrets::hash(given).ok_or_else(|| ScimError::new(500, "the secret could not be hashed"))?,
        };
        place.set(map, Value::from(hash));
    }
    Ok(())
}

/// The places that a PATCH names.
pub(super) fn named_places(kind: &Kind, patch: &PatchOp) -> Vec<Place> {
    let mut places = Vec::new();
    for operation in &patch.operations {
        match (&operation.path, &operation.value) {
            (Some(path), _) => places.extend(kind.place(path)),
            (None, Some(Value::Object(parts))) => {
                let paths = parts.keys().filter_map(|name| name.parse().ok());
                places.extend(paths.filter_map(|path| kind.place(&path)));
            }
            _ => {}
        }
    }
    places
}

/// The row of a resource; 400 or 413 when it holds more than a resource may.
pub(super) fn row(identity: &Identity, resource: &Resource) -> Result<Row, ScimError> {
    bound_values(resource.as_map())?;
    let document = serde_json::to_string(resource).expect("a JSON object with text keys always prints");
    if document.len() > MOST_DOCUMENT_BYTES {
        return Err(ScimError::new(413, "a resource has 1 MiB at most, without its members"));
    }
    let Identity { id, created, modified, version } = identity.clone();
    Ok(Row { id, created, modified, version, document })
}

/// Refuses an attribute with too many elements, at the top or in an extension: a resource grows by one PATCH after the
/// other, and is read as a whole.
fn bound_values(map: &Map<String, Value>) -> Result<(), ScimError> {
    for (name, value) in map {
        match value {
            Value::Array(elements) if elements.len() > MOST_VALUES => {
                let detail = ["`", name, "` has ", &MOST_VALUES.to_string(), " values at most"].concat();
                return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
            }
            Value::Object(parts) => bound_values(parts)?,
            _ => {}
        }
    }
    Ok(())
}

/// The entity tag of a version (RFC 7644 section 3.14).
pub(super) fn entity_tag(version: i64) -> String {
    ["W/\"", &version.to_string(), "\""].concat()
}

/// The address of a resource.
pub(super) fn location(base: &str, kind: &Kind, id: &str) -> String {
    [base, "/", &kind.endpoint, "/", id].concat()
}

/// A resource with everything that belongs to it: the document with its id, its meta and its relations.
pub(super) fn represent(
    kind: &Kind,
    identity: &Identity,
    mut resource: Resource,
    relations: Relations,
    scene: &Scene,
) -> Resource {
    let map = resource.as_map_mut();
    map.insert("id".to_owned(), Value::from(identity.id.as_str()));
    let mut meta = Map::new();
    meta.insert("resourceType".to_owned(), Value::from(kind.name.as_str()));
    meta.insert("created".to_owned(), Value::from(time(identity.created)));
    meta.insert("lastModified".to_owned(), Value::from(time(identity.modified)));
    meta.insert("version".to_owned(), Value::from(entity_tag(identity.version)));
    meta.insert("location".to_owned(), Value::from(location(&scene.base, kind, &identity.id)));
    map.insert("meta".to_owned(), Value::Object(meta));
    if !relations.members.is_empty() {
        let members = relations.members.into_iter().map(|row| member(row, scene));
        map.insert("members".to_owned(), members.collect());
    }
    if !relations.groups.is_empty() {
        map.insert("groups".to_owned(), relations.groups.into_iter().map(|row| group(row, scene)).collect());
    }
    if let (Some(row), Some(Value::Object(manager))) = (relations.manager, manager_in(map)) {
        show_manager(row, manager, scene);
    }
    resource
}

/// The id of the manager that a stored document names.
pub(super) fn manager_id(document: &Map<String, Value>) -> Option<&str> {
    document.get(urn::ENTERPRISE_USER)?.get("manager")?.get("value")?.as_str()
}

fn manager_in(document: &mut Map<String, Value>) -> Option<&mut Value> {
    document.get_mut(urn::ENTERPRISE_USER)?.get_mut("manager")
}

/// What a manager is called follows the manager, and so does the address, unless the client has given one.
fn show_manager(row: NamedRow, manager: &mut Map<String, Value>, scene: &Scene) {
    if let Some(collection) = scene.catalog.numbered(row.collection) {
        let location = location(&scene.base, &collection.kind, &row.id);
        manager.entry("$ref").or_insert_with(|| Value::from(location));
    }
    if let Some(display) = row.display_name {
        manager.insert("displayName".to_owned(), Value::from(display));
    }
}

/// Drops the address of a manager that says no more than the id: it is made anew whenever it is shown, and a client
/// that writes back what it read changes nothing.
fn drop_derived(mut resource: Resource) -> Resource {
    let id = manager_id(resource.as_map()).map(str::to_owned);
    if let (Some(id), Some(Value::Object(manager))) = (id, manager_in(resource.as_map_mut())) {
        let address = manager.get("$ref").and_then(Value::as_str);
        if address.and_then(|address| address.rsplit_once('/')).is_some_and(|(_, last)| last == id) {
            manager.remove("$ref");
        }
    }
    resource
}

/// A member as it is shown.
pub(super) fn member(row: MemberRow, scene: &Scene) -> Value {
    let mut parts = Map::new();
    if let Some(collection) = scene.catalog.numbered(row.collection) {
        parts.insert("type".to_owned(), Value::from(collection.kind.name.as_str()));
        parts.insert("$ref".to_owned(), Value::from(location(&scene.base, &collection.kind, &row.id)));
    }
    parts.insert("value".to_owned(), Value::from(row.id));
    if let Some(display) = row.display {
        parts.insert("display".to_owned(), Value::from(display));
    }
    Value::Object(parts)
}

fn group(row: GroupRow, scene: &Scene) -> Value {
    let mut group = json!({"type": if row.direct { "direct" } else { "indirect" }});
    if let Value::Object(parts) = &mut group {
        if let Some(kind) = scene.types.kinds().iter().find(|kind| kind.has_members()) {
            parts.insert("$ref".to_owned(), Value::from(location(&scene.base, kind, &row.id)));
        }
        parts.insert("value".to_owned(), Value::from(row.id));
        if let Some(display) = row.display_name {
            parts.insert("display".to_owned(), Value::from(display));
        }
    }
    group
}

fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{ResourceSchema, Schema};

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    fn badge() -> Kind {
        let base: Schema = serde_json::from_value(json!({"id": "urn:x:Badge", "attributes": [
            {"name": "note", "mutability": "writeOnly"},
            {"name": "pin", "mutability": "writeOnly", "returned": "never"},
        ]}))
        .unwrap();
        let schema = ResourceSchema { base, extensions: vec![] };
        Kind::new("Badge".to_owned(), "Badges".to_owned(), None, schema)
    }

    #[test]
    fn secrets_are_hashed_once() {
        let kind = badge();
        let mut first = Resource::from(object(json!({"pin": "1234", "note": "plain"})));
        hash_secrets(&kind, &Map::new(), &mut first).unwrap();
        let hash = first.as_map()["pin"].as_str().unwrap().to_owned();
        assert!(hash.starts_with("$argon2id$") && !hash.contains("1234"));
        assert_eq!(first.as_map()["note"], "plain");
        for (given, same) in [("1234", true), (hash.as_str(), true), ("4321", false)] {
            let mut next = Resource::from(object(json!({"pin": given})));
            hash_secrets(&kind, first.as_map(), &mut next).unwrap();
            assert_eq!(next.as_map()["pin"] == hash.as_str(), same, "{given}");
            assert_ne!(next.as_map()["pin"], "4321");
        }
    }
}
