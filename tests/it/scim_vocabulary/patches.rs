//! PATCH is what the plain interpretation says, and the difference of two resources leads from one to the other.

use provisor::scim::{
    Attribute, AttributeType, Mutability, PatchOp, Resource, ResourceSchema, ScimError, ScimType, Strictness, apply,
    conform_create, diff,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use super::reference::{Change, Person};

fn resource(value: Value) -> Resource {
    serde_json::from_value(value).expect("an object")
}

#[test]
fn the_library_and_the_plain_interpretation_agree() {
    let mut refused = 0;
    for seed in 0..5_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let person = Person::random(&mut random);
        let changes: Vec<_> = (0..random.random_range(1..6)).map(|_| Change::random(&mut random)).collect();
        let operations: Vec<_> = changes.iter().map(|change| change.json(&mut random)).collect();
        let body = json!({"Operations": operations});
        let patch = PatchOp::from_json(&body, Strictness::Lenient).expect("an operation that can be read");
        let outcome = apply(&patch, &resource(person.json()), ResourceSchema::user(), Strictness::Lenient);
        let outcome = outcome.map(Value::from).map_err(|error| error.scim_type.expect("a reason"));
        let expected = person.changed(&changes).map(|person| person.json()).map_err(ScimType::from_word);
        refused += u32::from(expected.is_err());
        assert_eq!(outcome, expected, "seed {seed}: {} and {body:#}", person.json());
    }
    assert!((100..4_000).contains(&refused), "both kinds of outcome are tried: {refused} are refusals");
}

/// A type of resource with attributes of every type and every mutability that a client can write.
fn odd() -> ResourceSchema {
    let mut schema = ResourceSchema::user().clone();
    schema.base = serde_json::from_value(json!({"id": "urn:example:2.0:Odd", "attributes": [
        {"name": "label", "required": true},
        {"name": "count", "type": "integer"},
        {"name": "share", "type": "decimal"},
        {"name": "since", "type": "dateTime"},
        {"name": "seal", "type": "binary"},
        {"name": "open", "type": "boolean"},
        {"name": "seen", "mutability": "readOnly"},
        {"name": "secret", "mutability": "writeOnly"},
        {"name": "tags", "multiValued": true},
        {"name": "sizes", "type": "integer", "multiValued": true},
        {"name": "place", "type": "complex", "subAttributes": [
            {"name": "street"}, {"name": "floor", "type": "integer"}, {"name": "names", "multiValued": true}]},
        {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "mutability": "immutable"}, {"name": "type"}, {"name": "note", "mutability": "immutable"},
            {"name": "primary", "type": "boolean"}]},
        {"name": "spots", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "x", "type": "integer"}, {"name": "primary", "type": "boolean"}]},
    ]}))
    .expect("a schema");
    schema
}

#[test]
fn the_difference_of_two_resources_leads_from_one_to_the_other() {
    let schemas = [ResourceSchema::user().clone(), ResourceSchema::group().clone(), odd()];
    for seed in 0..4_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let schema = &schemas[random.random_range(0..schemas.len())];
        let old = arbitrary(schema, &mut random);
        let new =
            if random.random_bool(0.5) { arbitrary(schema, &mut random) } else { varied(&old, schema, &mut random) };
        let patch = diff(&old, &new, schema);
        let read = PatchOp::from_json(&json!(patch), Strictness::Strict);
        if patch.operations.is_empty() {
            assert_eq!(unordered(&old), unordered(&new), "seed {seed}");
            continue;
        }
        assert_eq!(read.as_ref(), Ok(&patch), "seed {seed}: what is sent is what is meant");
        let outcome = apply(&patch, &old, schema, Strictness::Strict);
        let outcome =
            outcome.unwrap_or_else(|error| panic!("seed {seed}: {error}: {} on {}", json!(patch), json!(old)));
        assert_eq!(unordered(&outcome), unordered(&new), "seed {seed}: {} on {}", json!(patch), json!(old));
        assert_eq!(diff(&outcome, &new, schema).operations, [], "seed {seed}");
    }
}

#[test]
fn a_large_list_is_compared_in_good_time() {
    let members = |range: std::ops::Range<u32>| {
        let members: Vec<_> = range.map(|number| json!({"value": number.to_string()})).collect();
        resource(
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "G", "members": members}),
        )
    };
    let begun = std::time::Instant::now();
    let few = diff(&members(0..20_000), &members(3..20_002), ResourceSchema::group());
    assert_eq!(few.operations.len(), 4);
    let many = diff(&members(0..20_000), &members(10_000..30_000), ResourceSchema::group());
    assert_eq!(many.operations.len(), 1);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// A resource of this type with random values, in canonical form.
fn arbitrary(schema: &ResourceSchema, random: &mut StdRng) -> Resource {
    loop {
        let mut body = parts(&schema.base.attributes, random);
        let mut schemas = vec![json!(schema.base.id)];
        for extension in &schema.extensions {
            schemas.push(json!(extension.schema.id));
            body.insert(extension.schema.id.clone(), Value::Object(parts(&extension.schema.attributes, random)));
        }
        if random.random_bool(0.5) {
            body.insert("externalId".to_owned(), json!(text(random)));
        }
        body.insert("schemas".to_owned(), Value::Array(schemas));
        let created: Result<_, ScimError> = conform_create(body, schema, Strictness::Strict);
        // Two primary values, or no value where one is required.
        if let Ok(resource) = created {
            return resource;
        }
    }
}

/// The same resource with another value here and there.
fn varied(old: &Resource, schema: &ResourceSchema, random: &mut StdRng) -> Resource {
    let other = arbitrary(schema, random);
    let mut new = old.clone();
    for (name, value) in other.as_map() {
        match (new.as_map_mut().get_mut(name), value) {
            (Some(Value::Array(elements)), Value::Array(others)) if random.random_bool(0.5) => {
                let keep = random.random_range(0..=elements.len());
                elements.truncate(keep);
                elements.extend(others.iter().take(1).cloned());
            }
            (Some(present), value) if random.random_bool(0.2) => *present = value.clone(),
            _ => {}
        }
    }
    conform_create(new.into_map(), schema, Strictness::Strict).unwrap_or(other)
}

fn parts(attributes: &[Attribute], random: &mut StdRng) -> Map<String, Value> {
    let mut parts = Map::new();
    for attribute in attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly) {
        if attribute.required || random.random_bool(0.5) {
            let value = match attribute.multi_valued {
                true => (0..random.random_range(0..4)).map(|_| value(attribute, random)).collect(),
                false => value(attribute, random),
            };
            parts.insert(attribute.name.clone(), value);
        }
    }
    parts
}

fn value(attribute: &Attribute, random: &mut StdRng) -> Value {
    match attribute.kind {
        AttributeType::String | AttributeType::Reference => json!(text(random)),
        AttributeType::Boolean => json!(random.random_bool(0.3)),
        AttributeType::Integer => json!(random.random_range(-2..3)),
        AttributeType::Decimal => json!(f64::from(random.random_range(-4..5)) / 2.0),
        AttributeType::DateTime => {
            json!(["2024-05-01T10:00:00Z", "2024-05-01T10:00:00+02:00"][random.random_range(0..2)])
        }
        AttributeType::Binary => json!(["AAE=", "AAE", "AAI="][random.random_range(0..3)]),
        AttributeType::Complex => Value::Object(parts(&attribute.sub_attributes, random)),
    }
}

fn text(random: &mut StdRng) -> String {
    ["a", "A", "b", "\"", "\\", "]", "é", "work", "x y", "\u{1F600}", ""][random.random_range(0..11)].to_owned()
}

/// The order of a list carries no meaning.
fn unordered(resource: &Resource) -> Value {
    let mut map = resource.as_map().clone();
    for value in map.values_mut() {
        if let Value::Array(elements) = value {
            elements.sort_by_key(Value::to_string);
        }
    }
    Value::Object(map)
}
