//! Values made to fit a schema: canonical names, right types, nothing unknown, nothing the client may not write.
//!
//! It looks at one body alone; what is stored already, and who else uses a value, is the caller's business.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value};

use super::messages::{ScimError, ScimType};
use super::resource::{Resource, is_primary, lookup};
use super::schema::{Attribute, AttributeType, Mutability, ResourceSchema, Schema};

/// The body of a create or a replace as it may be stored (RFC 7644 sections 3.3 and 3.5.1).
///
/// Attributes that are readOnly or unknown are dropped, types are checked, required attributes must be there, and
/// `schemas` lists the extensions in use.
pub fn conform_resource(body: Map<String, Value>, schema: &ResourceSchema) -> Result<Resource, ScimError> {
    check_schemas(&body, schema)?;
    let mut fitted = Map::new();
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            continue;
        }
        let (key, value) = if let Some(attribute) = schema.top_attribute(&name) {
            if attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            (&attribute.name, conform(value, attribute)?)
        } else if let Some(extension) = schema.extension(&name) {
            (&extension.id, conform_extension(value, extension)?)
        } else {
            continue;
        };
        if let Some(value) = value
            && fitted.insert(key.clone(), value).is_some()
        {
            return Err(given_twice(key));
        }
    }
    let mut resource = Resource::from(fitted);
    follow_schemas(&mut resource, schema);
    match missing_required(&resource, schema) {
        Some(name) => Err(invalid(name, "is required")),
        None => Ok(resource),
    }
}

/// A value that fits an attribute; `None` when nothing is left of it (RFC 7643 section 2.5).
///
/// Booleans are understood in strings of any case, as Entra ID sends them, and a plain value where a complex one is
/// due stands for its part `value`.
pub fn conform(value: Value, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return conform_single(value, attribute);
    }
    let elements = match value {
        Value::Array(elements) => elements,
        Value::Null => return Ok(None),
        lone => vec![lone],
    };
    let mut fitted = Vec::with_capacity(elements.len());
    for element in elements {
        fitted.extend(conform_single(element, attribute)?);
    }
    if fitted.len() > 1 {
        if fitted.iter().filter(|element| is_primary(element)).count() > 1 {
            return Err(invalid(&attribute.name, "has more than one primary value"));
        }
        let mut seen = HashSet::new();
        fitted.retain(|element| seen.insert(identity(element)));
    }
    Ok((!fitted.is_empty()).then_some(Value::Array(fitted)))
}

/// The name of a required attribute that the resource lacks.
pub(super) fn missing_required<'a>(resource: &Resource, schema: &'a ResourceSchema) -> Option<&'a str> {
    let missing = |attribute: &&Attribute| attribute.required && !resource.as_map().contains_key(&attribute.name);
    schema.base.attributes.iter().find(missing).map(|attribute| attribute.name.as_str())
}

/// Makes `schemas` list the base schema and the extensions that the resource has, and no others.
pub(super) fn follow_schemas(resource: &mut Resource, schema: &ResourceSchema) {
    let map = resource.as_map_mut();
    let extensions = schema.extensions.iter().map(|extension| extension.id.as_str());
    let in_use = extensions.filter(|extension| map.contains_key(*extension)).map(Value::from);
    let schemas = std::iter::once(Value::from(schema.base.id.as_str())).chain(in_use).collect();
    map.insert("schemas".to_owned(), Value::Array(schemas));
}

/// What tells one element from another: `type` and `value` where it has a `value`, all of it otherwise
/// (RFC 7643 section 2.4).
pub(super) fn identity(element: &Value) -> String {
    match element.as_object().and_then(|map| Some((lookup(map, "value")?, lookup(map, "type")))) {
        Some((value, kind)) => format!("{value} {}", kind.unwrap_or(&Value::Null)),
        None => element.to_string(),
    }
}

fn check_schemas(body: &Map<String, Value>, schema: &ResourceSchema) -> Result<(), ScimError> {
    let Some(Value::Array(urns)) = lookup(body, "schemas") else {
        return Err(ScimError::bad_request(ScimType::InvalidSyntax, "`schemas` is a list of URNs and is required"));
    };
    let mut has_base = false;
    for listed in urns {
        let listed = listed.as_str().unwrap_or_default();
        let is_base = schema.base.id.eq_ignore_ascii_case(listed);
        has_base |= is_base;
        if !is_base && schema.extension(listed).is_none() {
            return Err(invalid("schemas", "lists a schema that this type of resource does not have"));
        }
    }
    if has_base { Ok(()) } else { Err(invalid("schemas", "does not list the schema of this type of resource")) }
}

fn conform_extension(value: Value, extension: &Schema) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(parts) => conform_parts(parts, |name| extension.attribute(name)),
        _ => Err(invalid(&extension.id, "is an object")),
    }
}

fn conform_single(value: Value, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
    let name = attribute.name.as_str();
    let value = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (AttributeType::Complex, Value::Object(parts)) => {
            return conform_parts(parts, |name| attribute.sub_attribute(name));
        }
        (AttributeType::Complex, plain @ (Value::String(_) | Value::Number(_))) => {
            let part = attribute.sub_attribute("value").ok_or_else(|| invalid(name, "is an object"))?;
            return Ok(
                conform_single(plain, part)?.map(|value| Value::Object(Map::from_iter([(part.name.clone(), value)])))
            );
        }
        (AttributeType::Complex, _) => return Err(invalid(name, "is an object")),
        (_, Value::String(text)) if text.is_empty() => return Ok(None),
        (AttributeType::Boolean, Value::Bool(value)) => Value::Bool(value),
        (AttributeType::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        (AttributeType::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => Value::Number(number),
        (AttributeType::Decimal, Value::Number(number)) => Value::Number(number),
        (AttributeType::DateTime, Value::String(text)) if is_date_time(&text) => Value::String(text),
        (AttributeType::Binary, Value::String(text)) if STANDARD_NO_PAD.decode(text.trim_end_matches('=')).is_ok() => {
            Value::String(text)
        }
        (AttributeType::String | AttributeType::Reference, Value::String(text)) => Value::String(text),
        (kind, _) => {
            return Err(invalid(
                name,
                match kind {
                    AttributeType::Boolean => "is a boolean",
                    AttributeType::Integer => "is an integer",
                    AttributeType::Decimal => "is a number",
                    AttributeType::DateTime => "is a date with a time",
                    AttributeType::Binary => "is base64",
                    _ => "is a string",
                },
            ));
        }
    };
    Ok(Some(value))
}

fn conform_parts<'a>(
    parts: Map<String, Value>,
    find: impl Fn(&str) -> Option<&'a Attribute>,
) -> Result<Option<Value>, ScimError> {
    let mut fitted = Map::new();
    for (name, part) in parts {
        let Some(attribute) = find(&name).filter(|attribute| attribute.mutability != Mutability::ReadOnly) else {
            continue;
        };
        if let Some(part) = conform(part, attribute)?
            && fitted.insert(attribute.name.clone(), part).is_some()
        {
            return Err(given_twice(&attribute.name));
        }
    }
    Ok((!fitted.is_empty()).then_some(Value::Object(fitted)))
}

/// An xsd:dateTime: with an offset or without one.
fn is_date_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok() || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
}

fn given_twice(name: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, format!("`{name}` is given twice"))
}

pub(super) fn invalid(name: &str, reason: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, format!("`{name}` {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::urn;

    fn user(body: Value) -> Result<Value, ScimError> {
        let Value::Object(body) = body else { panic!("a body is an object") };
        conform_resource(body, ResourceSchema::user()).map(Value::from)
    }

    #[test]
    fn a_body_is_stored_in_canonical_form() {
        let stored = user(json!({
            "SCHEMAS": [urn::USER],
            "USERNAME": "ada",
            "id": "mine",
            "meta": {"version": "1"},
            "groups": [{"value": "g"}],
            "shoeSize": 41,
            "active": "True",
            "nickName": null,
            "title": "",
            "ims": [],
            "emails": [{"Value": "a", "TYPE": "work"}, {"value": "a", "type": "work"}, {"value": "b", "odd": 1}, {}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:USER": {
                "Department": "X", "manager": {"value": "7", "displayName": "no"},
            },
        }));
        assert_eq!(
            stored,
            Ok(json!({
                "schemas": [urn::USER, urn::ENTERPRISE_USER],
                "userName": "ada",
                "active": true,
                "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
                urn::ENTERPRISE_USER: {"department": "X", "manager": {"value": "7"}},
            }))
        );
    }

    #[test]
    fn an_empty_extension_is_not_listed() {
        let stored = user(json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER], "userName": "ada", urn::ENTERPRISE_USER: {"department": null},
        }));
        assert_eq!(stored, Ok(json!({"schemas": [urn::USER], "userName": "ada"})));
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused_with_a_reason() {
        let with = |name: &str, value: Value| json!({"schemas": [urn::USER], "userName": "ada", name: value});
        for (body, scim_type) in [
            (json!({"userName": "ada"}), ScimType::InvalidSyntax),
            (json!({"schemas": [], "userName": "ada"}), ScimType::InvalidValue),
            (json!({"schemas": [urn::USER, "urn:x"], "userName": "ada"}), ScimType::InvalidValue),
            (json!({"schemas": [urn::ENTERPRISE_USER], "userName": "ada"}), ScimType::InvalidValue),
            (json!({"schemas": [urn::USER]}), ScimType::InvalidValue),
            (json!({"schemas": [urn::USER], "userName": ""}), ScimType::InvalidValue),
            (with("username", json!("eve")), ScimType::InvalidSyntax),
            (with("active", json!("yes")), ScimType::InvalidValue),
            (with("title", json!(1)), ScimType::InvalidValue),
            (with("name", json!([])), ScimType::InvalidValue),
            (with("name", json!("Ada")), ScimType::InvalidValue),
            (with("x509Certificates", json!([{"value": "é"}])), ScimType::InvalidValue),
            (
                with("emails", json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}])),
                ScimType::InvalidValue,
            ),
            (with(urn::ENTERPRISE_USER, json!("x")), ScimType::InvalidValue),
        ] {
            assert_eq!(user(body.clone()).unwrap_err().scim_type, Some(scim_type), "{body}");
        }
    }
}
