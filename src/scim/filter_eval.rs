//! A filter against a resource: the comparison rules of RFC 7644 section 3.4.2.2.
//!
//! Evaluation never fails: what cannot be compared does not match. [`check`](super::check) says beforehand what is no
//! sensible question at all.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};
use unicode_normalization::UnicodeNormalization;

use super::conform::{decoded, instant};
use super::filter::{Filter, Literal, Operator};
use super::object::lookup;
use super::path::AttributePath;
use super::resource::Resource;
use super::schema::{Attribute, AttributeType, ResourceSchema};

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
        let nothing = Operand { values: Vec::new(), attribute: None };
        Some(match element {
            // A part has no parts of its own.
            _ if path.sub_attribute.is_some() || path.schema.is_some() => nothing,
            Value::Object(map) => Operand {
                values: elements(lookup(map, &path.attribute)),
                attribute: attribute.and_then(|attribute| attribute.sub_attribute(&path.attribute)),
            },
            // A plain value stands for its own part `value`.
            plain if path.attribute.eq_ignore_ascii_case("value") => Operand { values: vec![plain], attribute },
            _ => nothing,
        })
    })
}

/// The form of a text in which two of them compare without regard to case: lower case, and composed as Unicode's
/// normalization form C has it. User names compare like this (RFC 8265 section 3.3).
///
/// A sigma is the same letter wherever it stands, so that the form of a beginning is the beginning of the form.
pub fn fold_case(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        let lower = text.chars().flat_map(char::to_lowercase);
        Cow::Owned(lower.map(|letter| if letter == 'ς' { 'σ' } else { letter }).nfc().collect())
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
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

    /// What a comparison looks at: a complex attribute means its `value` (`emails co "x"`).
    fn compared(self) -> Self {
        match self.attribute.and_then(|attribute| attribute.sub_attribute("value")) {
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
            let order = literal_number(literal).and_then(|literal| compare_numbers(value, &literal));
            order.is_some_and(|order| holds(operator, order))
        }
        (Value::String(value), Literal::Text(text)) => match attribute.map(|attribute| attribute.kind) {
            Some(AttributeType::DateTime) => compare_times(value, operator, text),
            Some(AttributeType::Binary) => {
                operator == Operator::Equal && decoded(value).is_some_and(|value| Some(value) == decoded(text))
            }
            _ if case_exact => compare_texts(value, operator, text),
            _ => compare_texts(&fold_case(value), operator, &fold_case(text)),
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
    let part = matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith);
    match (instant(value), instant(text)) {
        (Some(value), Some(text)) if !part => holds(operator, value.cmp(&text)),
        _ => compare_texts(value, operator, text),
    }
}

/// Whole numbers compare exactly, however large; anything else as floating point numbers do.
fn compare_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
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

/// A number, or a text that is one.
fn literal_number(literal: &Literal) -> Option<Number> {
    match literal {
        Literal::Number(number) => Some(number.clone()),
        Literal::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// False for what counts as no value at all (RFC 7643 section 2.5), down to the parts of a complex value.
pub fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(is_assigned),
        Value::Object(parts) => parts.values().any(is_assigned),
        Value::Bool(_) | Value::Number(_) => true,
    }
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
    fn types_compare_as_what_they_are() {
        let schema = ResourceSchema {
            base: serde_json::from_value(json!({"id": "urn:x", "attributes": [
                {"name": "age", "type": "integer"}, {"name": "score", "type": "decimal"},
                {"name": "since", "type": "dateTime"}, {"name": "key", "type": "binary", "caseExact": true},
                {"name": "tags", "multiValued": true}, {"name": "code", "caseExact": true},
                {"name": "site", "type": "complex", "subAttributes": [{"name": "value"}, {"name": "$ref"}]},
                {"name": "codes", "multiValued": true, "caseExact": true},
                {"name": "dates", "type": "dateTime", "multiValued": true},
            ]}))
            .unwrap(),
            extensions: Vec::new(),
        };
        let resource: Resource = serde_json::from_value(json!({
            "age": 9_007_199_254_740_993_i64, "score": 1.5, "since": "2024-05-01T10:00:00", "key": "AAE=",
            "tags": ["Red", ""], "code": "aB", "site": {"value": "S", "$ref": "https://example.org/S"},
            "codes": ["aB"], "dates": ["2024-05-01T10:00:00Z"], "name": {"givenName": ""}, "userName": "STRASSE É",
        }))
        .unwrap();
        for (filter, expected) in [
            ("age eq 9007199254740993", true),
            ("age eq 9007199254740992", false),
            ("age gt 9007199254740992", true),
            ("age lt 18446744073709551615", true),
            ("age gt 10", true),
            ("age gt \"9\"", true),
            ("age eq \"nine\"", false),
            ("score ge 1.5", true),
            ("score lt 2", true),
            ("score eq 1.50", true),
            ("since eq \"2024-05-01T12:00:00+02:00\"", true),
            ("since gt \"2024-05-01T09:59:59.9999999Z\"", true),
            ("since sw \"2024-05\"", true),
            ("key eq \"AAE\"", true),
            ("key eq \"aae=\"", false),
            ("key eq \"not base64!\"", false),
            ("tags eq \"RED\"", true),
            ("tags[value sw \"r\"]", true),
            ("tags ne \"red\"", false),
            ("code eq \"ab\"", false),
            ("code eq \"aB\"", true),
            ("code gt \"a\"", true),
            ("codes eq \"ab\"", false),
            ("codes[value eq \"ab\"]", false),
            ("codes[value eq \"aB\"]", true),
            ("dates[value eq \"2024-05-01T12:00:00+02:00\"]", true),
            ("site eq \"s\"", true),
            ("site.$ref ew \"/S\"", true),
            ("site[$ref pr]", true),
            ("site[value.x pr]", false),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(matches(&parsed, &resource, &schema), expected, "{filter}");
        }
        for (filter, expected) in
            [("name pr", false), ("userName eq \"strasse e\u{301}\"", true), ("userName sw \"Strasse \u{c9}\"", true)]
        {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(matches(&parsed, &resource, ResourceSchema::user()), expected, "{filter}");
        }
    }

    #[test]
    fn case_is_folded_letter_by_letter() {
        for (one, other) in [
            ("ÉCOLE", "e\u{301}cole"),
            ("ΟΔΟΣ", "οδος"),
            ("ΟΔΟΣ", "οδοσ"),
            ("\u{212a}", "k"),
            ("İ", "i\u{307}"),
            ("Ab", "aB"),
        ] {
            assert_eq!(fold_case(one), fold_case(other));
        }
        assert!(fold_case("ΟΔΟΣΑ").starts_with(&*fold_case("ΟΔΟΣ")));
        assert_ne!(fold_case("ß"), fold_case("s"));
    }
}
