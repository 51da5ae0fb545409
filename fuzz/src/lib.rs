//! The bodies of the fuzz targets: what must hold for every input.
//!
//! Each of them panics when something does not. They are functions, so that the ordinary tests run them too.

pub mod mapping_expression;
pub mod mapping_schema;

use std::collections::HashSet;

use provisor::scim::{
    AttributePath, BulkIds, BulkRequest, BulkStep, BulkSupport, Filter, PatchOp, Resource, ResourceSchema, Strictness,
    apply, bulk_steps, check, conform_create, diff, matches,
};
use serde_json::{Value, json};

/// A filter that is read prints as what it is, and can be asked of any resource.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lenient = Filter::parse_as(text, Strictness::Lenient);
    if let Ok(strict) = Filter::parse_as(text, Strictness::Strict) {
        assert_eq!(lenient.as_ref(), Ok(&strict), "what is strictly right means the same leniently");
    }
    let Ok(filter) = lenient else { return };
    let printed = filter.to_string();
    match Filter::parse_as(&printed, Strictness::Lenient) {
        Ok(read) => assert_eq!(read, filter, "{printed}"),
        // Escapes may make the printed form longer than a filter may be.
        Err(error) => assert!(error.expected.starts_with("at most"), "{printed}: {error}"),
    }
    for (resource, schema) in samples() {
        let met = matches(&filter, &resource, schema);
        assert_eq!(met, !matches(&Filter::Not(Box::new(filter.clone())), &resource, schema), "{printed}");
        if check(&filter, schema, Strictness::Strict).is_ok() {
            assert_eq!(check(&filter, schema, Strictness::Lenient), Ok(()), "{printed}");
        }
    }
}

/// A path that is read prints as what it is, and what is put there is found there.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(path) = AttributePath::parse(text) else { return };
    let printed = path.to_string();
    match AttributePath::parse(&printed) {
        Ok(read) => assert_eq!(read, path, "{printed}"),
        Err(error) => assert!(error.expected.starts_with("at most"), "{printed}: {error}"),
    }
    assert!(path.is_same(&path));
    for (mut resource, schema) in samples() {
        let _ = schema.resolve(&path);
        if path.filter.is_none() {
            resource.set(&path, json!("put there"));
            assert!(resource.values(&path).iter().all(|value| **value == json!("put there")), "{printed}");
        }
        resource.remove(&path);
        assert!(path.filter.is_some() || resource.values(&path).is_empty(), "{printed}");
    }
}

/// A PATCH is refused, or leaves a resource that could have been created like this, and whose difference from the old
/// one is a PATCH that leads to it.
pub fn patch(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    for strictness in [Strictness::Strict, Strictness::Lenient] {
        let Ok(patch) = PatchOp::from_json(&body, strictness) else { continue };
        for (old, schema) in samples() {
            let Ok(new) = apply(&patch, &old, schema, strictness) else { continue };
            let created = conform_create(new.as_map().clone(), schema, Strictness::Strict);
            let mut writable = new.clone();
            writable.as_map_mut().remove("id");
            assert_eq!(created.as_ref(), Ok(&writable), "{body}");
            assert_eq!(new.id(), old.id(), "{body}");
            let difference = diff(&old, &new, schema);
            let again = apply(&difference, &old, schema, Strictness::Strict);
            assert_eq!(again.map(sorted), Ok(sorted(new)), "{difference:?}");
        }
    }
}

/// The steps of a bulk request carry out every operation once, and references are found wherever they stand.
pub fn bulk(data: &[u8]) {
    let limits = BulkSupport { supported: true, max_operations: 100, max_payload_size: 64 * 1024 };
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(request) = BulkRequest::within(limits, data.len(), &body, Strictness::Lenient) else { return };
    let written = serde_json::to_value(&request).expect("a request prints");
    assert_eq!(BulkRequest::from_json(&written, Strictness::Lenient).as_ref(), Ok(&request), "{written}");
    let mut carried_out = HashSet::new();
    let mut incomplete = HashSet::new();
    let mut ids = BulkIds::new(&request.operations);
    for step in bulk_steps(&request.operations) {
        match step {
            BulkStep::Complete(index) => {
                assert!(incomplete.remove(&index), "{written}");
                continue;
            }
            BulkStep::CreateWithout(index) => {
                assert!(incomplete.insert(index), "{written}");
                let operation = &request.operations[index];
                let waits_at_once = operation.path.contains("bulkId:");
                if let Some(Value::Object(data)) = operation.data.clone().filter(|_| !waits_at_once) {
                    let (now, later) = ids.cut(data);
                    assert!(!later.is_empty(), "a create goes first because of what it lacks: {written}");
                    let (all, none) = ids.cut(now.clone());
                    assert!(all == now && none.is_empty(), "{written}");
                }
            }
            BulkStep::CarryOut(index) => {
                let operation = &request.operations[index];
                let _ = ids.resolve_path(&operation.path);
                let _ = operation.data.clone().map(|data| ids.resolve(data));
            }
        }
        assert!(carried_out.insert(step_index(step)), "{written}");
        if let Some(bulk_id) = &request.operations[step_index(step)].bulk_id {
            ids.created(bulk_id, "7");
        }
    }
    assert_eq!(carried_out.len(), request.operations.len(), "{written}");
    assert!(incomplete.is_empty(), "{written}");
}

fn step_index(step: BulkStep) -> usize {
    match step {
        BulkStep::CarryOut(index) | BulkStep::CreateWithout(index) | BulkStep::Complete(index) => index,
    }
}

/// A user and a group, in canonical form.
fn samples() -> [(Resource, &'static ResourceSchema); 2] {
    let resource = |value: Value| match value {
        Value::Object(map) => Resource::from(map),
        _ => Resource::default(),
    };
    let user = resource(json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": "1",
        "userName": "ada",
        "active": true,
        "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [{"type": "work", "value": "w", "primary": true}, {"type": "home", "value": "h"}],
        "x509Certificates": [{"value": "AAE="}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "D", "manager": {"value": "7"},
        },
    }));
    let group = resource(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "2",
        "displayName": "G",
        "members": [{"value": "1", "type": "User"}, {"value": "3", "display": "C"}],
    }));
    [(user, ResourceSchema::user()), (group, ResourceSchema::group())]
}

/// The order of a list carries no meaning (RFC 7643 section 2.4).
fn sorted(mut resource: Resource) -> Resource {
    for value in resource.as_map_mut().values_mut() {
        if let Value::Array(elements) = value {
            elements.sort_by_key(Value::to_string);
        }
    }
    resource
}
