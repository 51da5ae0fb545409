//! A filter against a resource: the comparison rules of RFC 7644 section 3.4.2.2.
//!
//! Evaluation never fails: what cannot be compared does not match. [`check`] says beforehand what is no sensible
//! question at all.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::DateTime;
use serde_json::Value;

use super::filter::{Filter, Literal, Operator};
use super::messages::{ScimError, ScimType};
use super::path::AttributePath;
use super::resource::{Resource, is_empty, lookup};
use super::schema::{Attribute, AttributeType, ResourceSchema, Returned};

/// True when the resource meets the filter. A multi-valued attribute matches when any of its values does; an
/// attribute that the schema does not know matches nothing.
pub fn matches(filter: &Filter, resource: &Resource, schema: &ResourceSchema) -> bool {
    evaluate(filter, &|path| {
        let resolved = schema.resolve(path)?;
        let extension = resolved.extension.map(|extension| lookup(resource.as_map(), extension));
        let Some(attribute) = resolved.attribute else {
            return Some(Operand { values: elements(extension.flatten()), attribute: None });
        };
        let map = match extension {
            Some(extension) => extension.and_then(Value::as_object),
            None => Some(resource.as_map()),
        };
        let mut values = elements(map.and_then(|map| lookup(map, &attribute.name)));
        if let Some(filter) = path.filter.as_deref() {
            values.retain(|value| element_matches(filter, value, Some(attribute)));
        }
        let operand = Operand { values, attribute: Some(attribute) };
        Some(match resolved.sub_attribute {
            Some(part) => operand.part(part),
            None => operand,
        })
    })
}

/// True when one element of a multi-valued attribute meets a filter whose paths name its parts. Without the
/// attribute's characteristics, types are taken from the values and case does not matter.
pub(super) fn element_matches(filter: &Filter, element: &Value, attribute: Option<&Attribute>) -> bool {
    evaluate(filter, &|path| {
        let values = match element {
            Value::Object(map) => elements(lookup(map, &path.attribute)),
            // A plain value stands for its own part `value`.
            plain if path.attribute.eq_ignore_ascii_case("value") => vec![plain],
            _ => Vec::new(),
        };
        Some(Operand { values, attribute: attribute.and_then(|attribute| attribute.sub_attribute(&path.attribute)) })
    })
}

/// Refuses a filter that asks for what may not be read, or orders what has no order.
pub fn check(filter: &Filter, schema: &ResourceSchema) -> Result<(), ScimError> {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().try_for_each(|filter| check(filter, schema)),
        Filter::Not(filter) => check(filter, schema),
        Filter::Present(path) | Filter::ValuePath { path, .. } => schema.attribute(path).map_or(Ok(()), check_readable),
        Filter::Comparison { path, operator, .. } => {
            let Some(attribute) = schema.attribute(path) else { return Ok(()) };
            check_readable(attribute)?;
            let (text, order) = match operator {
                Operator::Contains | Operator::StartsWith | Operator::EndsWith => (true, false),
                Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => (false, true),
                Operator::Equal | Operator::NotEqual => return Ok(()),
            };
            let refused = match attribute.kind {
                AttributeType::Boolean | AttributeType::Binary => true,
                AttributeType::Integer | AttributeType::Decimal => text,
                AttributeType::Complex => order && attribute.sub_attribute("value").is_none(),
                _ => false,
            };
            if refused {
                let detail = format!("`{}` cannot be compared by `{}`", attribute.name, operator.as_str());
                return Err(ScimError::bad_request(ScimType::InvalidFilter, detail));
            }
            Ok(())
        }
    }
}

fn check_readable(attribute: &Attribute) -> Result<(), ScimError> {
    if attribute.returned == Returned::Never {
        let detail = format!("`{}` cannot be used in a filter", attribute.name);
        return Err(ScimError::bad_request(ScimType::InvalidFilter, detail));
    }
    Ok(())
}

/// What a path of a filter stands for.
struct Operand<'a> {
    values: Vec<&'a Value>,
    attribute: Option<&'a Attribute>,
}

impl<'a> Operand<'a> {
    fn part(self, part: &'a Attribute) -> Self {
        let objects = self.values.into_iter().filter_map(Value::as_object);
        Self { values: objects.flat_map(|map| elements(lookup(map, &part.name))).collect(), attribute: Some(part) }
    }

    /// What a comparison looks at: a multi-valued complex attribute means its `value` (`emails co "x"`).
    fn compared(self) -> Self {
        let value = self.attribute.filter(|attribute| attribute.multi_valued);
        match value.and_then(|attribute| attribute.sub_attribute("value")) {
            Some(part) => self.part(part),
            None => self,
        }
    }
}

fn evaluate<'a>(filter: &Filter, operand: &impl Fn(&AttributePath) -> Option<Operand<'a>>) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| evaluate(filter, operand)),
        Filter::Or(filters) => filters.iter().any(|filter| evaluate(filter, operand)),
        Filter::Not(filter) => !evaluate(filter, operand),
        Filter::Present(path) => operand(path).is_some_and(|operand| operand.values.into_iter().any(is_assigned)),
        Filter::Comparison { path, operator, value } => operand(path).is_some_and(|operand| {
            let Operand { values, attribute } = operand.compared();
            compare_any(values.into_iter().filter(|value| is_assigned(value)), *operator, value, attribute)
        }),
        Filter::ValuePath { path, filter } => operand(path).is_some_and(|operand| {
            operand.values.iter().any(|element| element_matches(filter, element, operand.attribute))
        }),
    }
}

fn compare_any<'a>(
    mut values: impl Iterator<Item = &'a Value>,
    operator: Operator,
    literal: &Literal,
    attribute: Option<&Attribute>,
) -> bool {
    match (operator, literal) {
        (Operator::Equal, Literal::Null) => values.next().is_none(),
        (Operator::NotEqual, Literal::Null) => values.next().is_some(),
        (_, Literal::Null) => false,
        // What is unassigned is not identical to any value; with several values, one that differs is enough.
        (Operator::NotEqual, _) => {
            let mut any = false;
            for value in values {
                any = true;
                if !compare(value, Operator::Equal, literal, attribute) {
                    return true;
                }
            }
            !any
        }
        _ => values.any(|value| compare(value, operator, literal, attribute)),
    }
}

fn compare(value: &Value, operator: Operator, literal: &Literal, attribute: Option<&Attribute>) -> bool {
    let case_exact = attribute.is_some_and(|attribute| attribute.case_exact);
    match (value, literal) {
        (Value::Bool(value), _) => operator == Operator::Equal && literal_boolean(literal) == Some(*value),
        (Value::Number(value), _) => {
            let Some(literal) = literal_number(literal) else { return false };
            value.as_f64().and_then(|value| value.partial_cmp(&literal)).is_some_and(|order| holds(operator, order))
        }
        (Value::String(value), Literal::Text(text)) => match attribute.map(|attribute| attribute.kind) {
            Some(AttributeType::DateTime) => compare_times(value, operator, text),
            Some(AttributeType::Binary) => operator == Operator::Equal && decoded(value) == decoded(text),
            _ if case_exact => compare_texts(value, operator, text),
            _ => compare_texts(&value.to_lowercase(), operator, &text.to_lowercase()),
        },
        // A number or a boolean without quotation marks, asked of a text.
        (Value::String(value), Literal::Number(number)) => compare_texts(value, operator, &number.to_string()),
        (Value::String(value), Literal::Boolean(literal)) => {
            operator == Operator::Equal && value.eq_ignore_ascii_case(if *literal { "true" } else { "false" })
        }
        _ => false,
    }
}

fn compare_texts(value: &str, operator: Operator, text: &str) -> bool {
    match operator {
        Operator::Contains => value.contains(text),
        Operator::StartsWith => value.starts_with(text),
        Operator::EndsWith => value.ends_with(text),
        _ => holds(operator, value.cmp(text)),
    }
}

fn compare_times(value: &str, operator: Operator, text: &str) -> bool {
    match (DateTime::parse_from_rfc3339(value), DateTime::parse_from_rfc3339(text)) {
        (Ok(value), Ok(text)) => holds(operator, value.cmp(&text)),
        _ => compare_texts(value, operator, text),
    }
}

fn holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

/// Entra ID writes booleans as strings of any case: `primary eq "True"`.
fn literal_boolean(literal: &Literal) -> Option<bool> {
    match literal {
        Literal::Boolean(value) => Some(*value),
        Literal::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Literal::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn literal_number(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Number(number) => number.as_f64(),
        Literal::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn is_assigned(value: &Value) -> bool {
    value.as_str() != Some("") && !is_empty(value)
}

fn elements(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements.iter().collect(),
        Some(value) => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::urn;

    fn ada() -> Resource {
        serde_json::from_value(json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "id": "Ab1",
            "userName": "Ada@Example.org",
            "active": true,
            "name": {"givenName": "Ada"},
            "emails": [
                {"type": "work", "value": "ada@work.example", "primary": true},
                {"type": "home", "value": "ada@home.example"},
            ],
            "x509Certificates": [{"value": "AAE="}],
            "meta": {"lastModified": "2024-05-01T10:00:00Z"},
            urn::ENTERPRISE_USER: {"employeeNumber": "007", "manager": {"value": "m1"}},
        }))
        .unwrap()
    }

    #[test]
    fn filters_match_as_the_schema_says() {
        let ada = ada();
        for (filter, expected) in [
            (r#"userName eq "ada@example.ORG""#, true),
            (r#"USERNAME sw "ada""#, true),
            (r#"id eq "ab1""#, false),
            (r#"id eq "Ab1""#, true),
            ("active eq true", true),
            (r#"active eq "True""#, true),
            (r#"active ne false"#, true),
            (r#"emails co "home""#, true),
            (r#"emails.type eq "work" and emails.value co "home""#, true),
            (r#"emails[type eq "work" and value co "home"]"#, false),
            (r#"emails[type eq "work" and primary eq "TRUE"]"#, true),
            (r#"emails[type eq "work"].value ew "work.example""#, true),
            (r#"emails[type eq "home"].value ew "work.example""#, false),
            (r#"emails[not (type eq "work") and value pr]"#, true),
            (r#"emails.type ne "work""#, true),
            (r#"title pr"#, false),
            (r#"title eq null"#, true),
            (r#"userName ne null"#, true),
            (r#"title ne "x""#, true),
            (r#"unknown ne "x""#, false),
            (r#"not (unknown pr)"#, true),
            (r#"meta.lastModified gt "2024-05-01T11:30:00+02:00""#, true),
            (r#"meta.lastModified eq "2024-05-01T12:00:00+02:00""#, true),
            (r#"meta.lastModified lt "2024-05-01T10:00:00Z""#, false),
            (r#"x509Certificates.value eq "AAE""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "007""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "M1""#, true),
            (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr"#, true),
            (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, true),
            (r#"name.givenName eq "Ada" and (title pr or active eq true)"#, true),
            (r#"name pr"#, true),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(matches(&parsed, &ada, ResourceSchema::user()), expected, "{filter}");
        }
    }

    #[test]
    fn senseless_questions_are_refused() {
        for (filter, refused) in [
            ("active gt true", true),
            ("active co \"t\"", true),
            ("password eq \"x\"", true),
            ("title pr and not (password pr)", true),
            ("x509Certificates.value sw \"A\"", true),
            ("name gt \"a\"", true),
            ("userName gt \"a\"", false),
            ("unknown gt \"a\"", false),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(check(&parsed, ResourceSchema::user()).is_err(), refused, "{filter}");
        }
    }
}
