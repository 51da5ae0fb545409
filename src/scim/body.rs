//! The bodies of creates and replaces, made to fit a type of resource (RFC 7644 sections 3.3 and 3.5.1).
//!
//! Values in, values out: whether a value is taken by another resource, and which ids exist, is the caller's business.

use serde_json::{Map, Value};

use super::conform::{conform, conform_parts, invalid, is_same, refuse_twins, unknown};
use super::messages::{ScimError, ScimType};
use super::object::lookup;
use super::resource::Resource;
use super::schema::{Attribute, Mutability, ResourceSchema, Schema};
use super::strictness::Strictness;

/// The body of a create as it may be stored.
///
/// Attributes that are readOnly are dropped, unknown ones too (or refused, when strict), types are checked, required
/// attributes must be there, and `schemas` lists the base schema and the extensions in use.
pub fn conform_create(
    body: Map<String, Value>,
    schema: &ResourceSchema,
    strictness: Strictness,
) -> Result<Resource, ScimError> {
    complete(fit(body, schema, strictness)?, schema)
}

/// The body of a replace as it may be stored in place of `old`, which was stored before (RFC 7644 section 3.5.1).
///
/// What the body leaves out is cleared, except what a client cannot write or cannot read back: readOnly attributes,
/// immutable ones, and writeOnly ones stay as they are. An immutable attribute with another value is refused.
pub fn conform_replace(
    old: &Resource,
    body: Map<String, Value>,
    schema: &ResourceSchema,
    strictness: Strictness,
) -> Result<Resource, ScimError> {
    let all = || std::iter::once(None).chain(schema.extensions.iter().map(|extension| Some(&extension.schema)));
    // An explicit null clears what silence would keep, so it is looked for before nulls are dropped.
    let cleared: Vec<&Attribute> = all()
        .flat_map(|extension| {
            let written = match extension {
                None => Some(&body),
                Some(extension) => lookup(&body, &extension.id).and_then(Value::as_object),
            };
            let attributes = extension.map_or(&schema.base.attributes, |extension| &extension.attributes);
            attributes.iter().filter(move |attribute| {
                attribute.mutability == Mutability::WriteOnly
                    && written.is_some_and(|written| lookup(written, &attribute.name).is_some())
            })
        })
        .collect();
    let mut new = fit(body, schema, strictness)?;
    for extension in all() {
        match extension {
            None => keep_what_stays(old.as_map(), &mut new, &schema.base, &cleared)?,
            Some(extension) => {
                let Some(Value::Object(stored)) = old.as_map().get(&extension.id) else { continue };
                let mut parts = match new.remove(&extension.id) {
                    Some(Value::Object(parts)) => parts,
                    _ => Map::new(),
                };
                keep_what_stays(stored, &mut parts, extension, &cleared)?;
                if !parts.is_empty() {
                    new.insert(extension.id.clone(), Value::Object(parts));
                }
            }
        }
    }
    complete(new, schema)
}

/// The path of a required value that the resource lacks. What only the server writes is not asked for.
pub(super) fn missing_required(resource: &Resource, schema: &ResourceSchema) -> Option<String> {
    let map = resource.as_map();
    missing_in(map, &schema.base.attributes).or_else(|| {
        schema.extensions.iter().find_map(|extension| match map.get(&extension.schema.id) {
            Some(Value::Object(parts)) => missing_in(parts, &extension.schema.attributes),
            _ => extension.required.then(|| extension.schema.id.clone()),
        })
    })
}

/// Makes `schemas` list the base schema and the extensions that the resource has, and no others.
pub(super) fn follow_schemas(resource: &mut Resource, schema: &ResourceSchema) {
    let map = resource.as_map_mut();
    let extensions = schema.extensions.iter().map(|extension| extension.schema.id.as_str());
    let in_use = extensions.filter(|extension| map.contains_key(*extension)).map(Value::from);
    let schemas = std::iter::once(Value::from(schema.base.id.as_str())).chain(in_use).collect();
    map.insert("schemas".to_owned(), Value::Array(schemas));
}

/// Checks a list of URNs against the schemas that this type of resource has.
pub(super) fn check_schemas(listed: &Value, schema: &ResourceSchema, strictness: Strictness) -> Result<(), ScimError> {
    let Value::Array(urns) = listed else { return Err(no_schemas()) };
    let mut has_base = false;
    for (index, listed) in urns.iter().enumerate() {
        let urn = listed.as_str().unwrap_or_default();
        let is_base = schema.base.id.eq_ignore_ascii_case(urn);
        has_base |= is_base;
        if !is_base && schema.extension(urn).is_none() {
            return Err(invalid("schemas", "lists a schema that this type of resource does not have"));
        }
        let same = |other: &Value| other.as_str().is_some_and(|other| other.eq_ignore_ascii_case(urn));
        if strictness.is_strict() && urns[..index].iter().any(same) {
            return Err(invalid("schemas", "lists a schema twice"));
        }
    }
    if has_base { Ok(()) } else { Err(invalid("schemas", "does not list the schema of this type of resource")) }
}

fn fit(
    body: Map<String, Value>,
    schema: &ResourceSchema,
    strictness: Strictness,
) -> Result<Map<String, Value>, ScimError> {
    refuse_twins(&body)?;
    check_schemas(lookup(&body, "schemas").ok_or_else(no_schemas)?, schema, strictness)?;
    let mut fitted = Map::new();
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            continue;
        }
        let (key, value) = if let Some(attribute) = schema.top_attribute(&name) {
            if attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            (&attribute.name, conform(value, attribute, strictness)?)
        } else if let Some(extension) = schema.extension(&name) {
            (&extension.id, conform_extension(value, extension, strictness)?)
        } else if strictness.is_strict() {
            return Err(unknown(&name));
        } else {
            continue;
        };
        if let Some(value) = value {
            fitted.insert(key.clone(), value);
        }
    }
    Ok(fitted)
}

fn complete(fitted: Map<String, Value>, schema: &ResourceSchema) -> Result<Resource, ScimError> {
    let mut resource = Resource::from(fitted);
    follow_schemas(&mut resource, schema);
    match missing_required(&resource, schema) {
        Some(name) => Err(invalid(&name, "is required")),
        None => Ok(resource),
    }
}

fn conform_extension(value: Value, extension: &Schema, strictness: Strictness) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(parts) => conform_parts(parts, strictness, |name| extension.attribute(name)),
        _ => Err(invalid(&extension.id, "is an object")),
    }
}

/// Puts into `new` what a replace leaves as it was.
fn keep_what_stays(
    old: &Map<String, Value>,
    new: &mut Map<String, Value>,
    schema: &Schema,
    cleared: &[&Attribute],
) -> Result<(), ScimError> {
    for attribute in &schema.attributes {
        let Some(stored) = old.get(&attribute.name) else { continue };
        let written = new.get(&attribute.name);
        let stays = match attribute.mutability {
            Mutability::ReadOnly => true,
            Mutability::WriteOnly => written.is_none() && !cleared.iter().any(|other| std::ptr::eq(*other, attribute)),
            Mutability::Immutable => match written {
                Some(written) if !is_same(written, stored) => return Err(unchangeable(&attribute.name)),
                _ => true,
            },
            Mutability::ReadWrite => {
                keep_parts(stored, new.get_mut(&attribute.name), attribute)?;
                false
            }
        };
        if stays {
            new.insert(attribute.name.clone(), stored.clone());
        }
    }
    Ok(())
}

/// The immutable parts of a single complex value. In a list values come and go as a whole.
fn keep_parts(old: &Value, new: Option<&mut Value>, attribute: &Attribute) -> Result<(), ScimError> {
    let (Value::Object(old), Some(Value::Object(new))) = (old, new) else { return Ok(()) };
    for part in attribute.sub_attributes.iter().filter(|part| part.mutability == Mutability::Immutable) {
        match (old.get(&part.name), new.get(&part.name)) {
            (Some(stored), Some(written)) if !is_same(written, stored) => return Err(unchangeable(&part.name)),
            (Some(stored), _) => {
                new.insert(part.name.clone(), stored.clone());
            }
            (None, _) => {}
        }
    }
    Ok(())
}

fn missing_in(map: &Map<String, Value>, attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly).find_map(|attribute| {
        let missing_part = |value: &Value| match value {
            Value::Object(parts) => missing_in(parts, &attribute.sub_attributes),
            _ => None,
        };
        let missing = match map.get(&attribute.name) {
            None => return attribute.required.then(|| attribute.name.clone()),
            Some(Value::Array(elements)) if has_required(attribute) => elements.iter().find_map(missing_part),
            Some(Value::Array(_)) => None,
            Some(value) => missing_part(value),
        };
        missing.map(|part| [&attribute.name, ".", &part].concat())
    })
}

/// Spares long lists a walk in which nothing can be missing.
fn has_required(attribute: &Attribute) -> bool {
    attribute.sub_attributes.iter().any(|part| part.required)
}

fn unchangeable(name: &str) -> ScimError {
    ScimError::bad_request(ScimType::Mutability, format!("`{name}` cannot be changed"))
}

fn no_schemas() -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, "`schemas` is a list of URNs and is required")
}

#[cfg(test)]
mod tests;
