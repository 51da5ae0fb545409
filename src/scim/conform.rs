//! Values made to fit an attribute: canonical names, right types, nothing unknown, nothing the client may not write.
//!
//! It looks at one value alone. Whole bodies are the business of [`conform_create`](super::conform_create) and
//! [`conform_replace`](super::conform_replace).

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::messages::{ScimError, ScimType};
use super::object::lookup;
use super::resource::is_primary;
use super::schema::{Attribute, AttributeType, Mutability};
use super::strictness::Strictness;

/// A value that fits an attribute; `None` when nothing is left of it (RFC 7643 section 2.5).
///
/// Lenient, it understands booleans in strings of any case, as Entra ID sends them, a plain value where a complex one
/// is due (it stands for the part `value`), and a lone value where a list is due.
pub fn conform(value: Value, attribute: &Attribute, strictness: Strictness) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return conform_single(value, attribute, strictness);
    }
    let elements = match value {
        Value::Array(elements) => elements,
        Value::Null => return Ok(None),
        _ if strictness.is_strict() => return Err(invalid(&attribute.name, "is a list")),
        lone => vec![lone],
    };
    let mut fitted = Vec::with_capacity(elements.len());
    for element in elements {
        fitted.extend(conform_single(element, attribute, strictness)?);
    }
    if fitted.len() > 1 {
        if fitted.iter().filter(|element| is_primary(element)).count() > 1 {
            return Err(invalid(&attribute.name, "has more than one primary value"));
        }
        let mut seen = HashSet::with_capacity(fitted.len());
        fitted.retain(|element| seen.insert(identity(element)));
    }
    Ok((!fitted.is_empty()).then_some(Value::Array(fitted)))
}

/// The parts of a complex value, or of an extension, that fit the attributes that `find` knows.
pub(super) fn conform_parts<'a>(
    parts: Map<String, Value>,
    strictness: Strictness,
    find: impl Fn(&str) -> Option<&'a Attribute>,
) -> Result<Option<Value>, ScimError> {
    refuse_twins(&parts)?;
    let mut fitted = Map::new();
    for (name, part) in parts {
        match find(&name) {
            Some(attribute) if attribute.mutability == Mutability::ReadOnly => {}
            Some(attribute) => {
                if let Some(part) = conform(part, attribute, strictness)? {
                    fitted.insert(attribute.name.clone(), part);
                }
            }
            None if strictness.is_strict() => return Err(unknown(&name)),
            None => {}
        }
    }
    Ok((!fitted.is_empty()).then_some(Value::Object(fitted)))
}

/// What tells one element from another: `type` and `value` where it has a `value`, all of it otherwise
/// (RFC 7643 section 2.4).
pub(super) fn identity(element: &Value) -> String {
    match element.as_object().and_then(|map| Some((lookup(map, "value")?, lookup(map, "type")))) {
        Some((value, kind)) => format!("{value} {}", kind.unwrap_or(&Value::Null)),
        None => element.to_string(),
    }
}

/// Equality in which the order of a list does not matter (RFC 7643 section 2.4).
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    let (Value::Array(a), Value::Array(b)) = (a, b) else { return a == b };
    let sorted = |elements: &[Value]| {
        let mut texts: Vec<String> = elements.iter().map(Value::to_string).collect();
        texts.sort_unstable();
        texts
    };
    a.len() == b.len() && (a == b || sorted(a) == sorted(b))
}

/// The instant that an xsd:dateTime names; without an offset it is taken as UTC.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    // The parser would take a space as well.
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Some(time.to_utc()),
        Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc()),
    }
}

/// The bytes of a binary value, with or without padding.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Refuses an object in which two names differ in case alone (RFC 7643 section 2.1): nobody can say which is meant.
pub(super) fn refuse_twins(map: &Map<String, Value>) -> Result<(), ScimError> {
    let mut seen = HashSet::with_capacity(map.len());
    match map.keys().find(|name| !seen.insert(name.to_ascii_lowercase())) {
        Some(name) => Err(ScimError::bad_request(ScimType::InvalidSyntax, format!("`{name}` is given twice"))),
        None => Ok(()),
    }
}

pub(super) fn unknown(name: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, format!("`{name}` is no attribute of this type of resource"))
}

pub(super) fn invalid(name: &str, reason: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, format!("`{name}` {reason}"))
}

fn conform_single(value: Value, attribute: &Attribute, strictness: Strictness) -> Result<Option<Value>, ScimError> {
    let name = attribute.name.as_str();
    let lenient = !strictness.is_strict();
    let value = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (AttributeType::Complex, Value::Object(parts)) => {
            return conform_parts(parts, strictness, |name| attribute.sub_attribute(name));
        }
        (AttributeType::Complex, plain @ (Value::String(_) | Value::Number(_))) if lenient => {
            let part = attribute.sub_attribute("value").ok_or_else(|| invalid(name, "is an object"))?;
            let value = conform_single(plain, part, strictness)?;
            return Ok(value.map(|value| Value::Object(Map::from_iter([(part.name.clone(), value)]))));
        }
        (_, Value::String(text)) if text.is_empty() && attribute.kind != AttributeType::Complex => return Ok(None),
        (AttributeType::Boolean, Value::Bool(value)) => Value::Bool(value),
        (AttributeType::Boolean, Value::String(text)) if lenient && text.eq_ignore_ascii_case("true") => {
            Value::Bool(true)
        }
        (AttributeType::Boolean, Value::String(text)) if lenient && text.eq_ignore_ascii_case("false") => {
            Value::Bool(false)
        }
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => Value::Number(number),
        (AttributeType::Decimal, Value::Number(number)) => Value::Number(number),
        (AttributeType::DateTime, Value::String(text)) if instant(&text).is_some() => Value::String(text),
        (AttributeType::Binary, Value::String(text)) if decoded(&text).is_some() => Value::String(text),
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
                    AttributeType::Complex => "is an object",
                    AttributeType::String | AttributeType::Reference => "is a string",
                },
            ));
        }
    };
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{ResourceSchema, Strictness::*};

    fn attribute(kind: AttributeType) -> Attribute {
        Attribute { kind, ..serde_json::from_value(json!({"name": "x"})).unwrap() }
    }

    #[test]
    fn values_are_of_the_attributes_type() {
        use AttributeType::*;
        for (kind, value, fits) in [
            (String, json!("a"), true),
            (String, json!(1), false),
            (Boolean, json!(true), true),
            (Boolean, json!(0), false),
            (Integer, json!(-1), true),
            (Integer, json!(u64::MAX), true),
            (Integer, json!(1.0), false),
            (Integer, json!("1"), false),
            (Decimal, json!(1.5), true),
            (Decimal, json!(1), true),
            (DateTime, json!("2011-05-13T04:42:34Z"), true),
            (DateTime, json!("2011-05-13T04:42:34.1234567+02:00"), true),
            (DateTime, json!("2011-05-13T04:42:34.123456789012Z"), true),
            (DateTime, json!("2011-05-13T04:42:34"), true),
            (DateTime, json!("2011-05-13"), false),
            (DateTime, json!("2011-05-13 04:42:34Z"), false),
            (DateTime, json!("2011-05-13T25:00:00Z"), false),
            (Binary, json!("AAE="), true),
            (Binary, json!("AAE"), true),
            (Binary, json!("A"), false),
            (Binary, json!("é"), false),
            (Reference, json!("https://example.org/a"), true),
            (Reference, json!(["https://example.org/a"]), false),
            (Complex, json!({}), true),
            (Complex, json!(true), false),
            (Complex, json!(""), false),
        ] {
            let outcome = conform(value.clone(), &attribute(kind), Strict);
            assert_eq!(outcome.is_ok(), fits, "{kind:?} {value}");
            assert_eq!(
                outcome.err().and_then(|error| error.scim_type),
                (!fits).then_some(ScimType::InvalidValue),
                "{value}"
            );
        }
    }

    #[test]
    fn leniency_is_a_choice() {
        let user = ResourceSchema::user();
        for (name, value, fitted) in [
            ("active", json!("FALSE"), json!(false)),
            ("emails", json!({"value": "a"}), json!([{"value": "a"}])),
            ("emails", json!("a"), json!([{"value": "a"}])),
            ("emails", json!([{"value": "a", "odd": 1}]), json!([{"value": "a"}])),
        ] {
            let attribute = user.top_attribute(name).unwrap();
            assert_eq!(conform(value.clone(), attribute, Lenient), Ok(Some(fitted)), "{value}");
            assert!(conform(value.clone(), attribute, Strict).is_err(), "{value}");
        }
    }

    #[test]
    fn the_same_value_is_kept_once_and_one_is_primary() {
        let emails = ResourceSchema::user().top_attribute("emails").unwrap();
        let fit = |value: Value| conform(value, emails, Strict);
        let twice = json!([{"value": "a", "type": "work"}, {"value": "a", "type": "work", "display": "A"},
            {"value": "a", "type": "home"}]);
        let once = json!([{"value": "a", "type": "work"}, {"value": "a", "type": "home"}]);
        assert_eq!(fit(twice), Ok(Some(once)));
        assert!(fit(json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}])).is_err());
        assert_eq!(fit(json!([null, {}, {"value": ""}])), Ok(None));
        let twins = fit(json!([{"value": null, "VALUE": "a"}])).unwrap_err();
        assert_eq!(twins.scim_type, Some(ScimType::InvalidSyntax));
    }
}
