//! What a filter may ask of a type of resource (RFC 7644 section 3.4.2.2).

use super::conform::instant;
use super::filter::{Filter, Literal, Operator};
use super::messages::{ScimError, ScimType};
use super::path::AttributePath;
use super::schema::{Attribute, AttributeType, ResourceSchema, Returned};
use super::strictness::Strictness;

/// Refuses a filter that asks for what may not be read, or orders what has no order.
///
/// Strict, it also refuses attributes that the schema does not know, and dates that are none; lenient, they match
/// nothing.
pub fn check(filter: &Filter, schema: &ResourceSchema, strictness: Strictness) -> Result<(), ScimError> {
    check_terms(filter, strictness, &|path| Ok(schema.resolve(path).map(|at| (at.attribute, at.leaf()))))
}

/// The same for a filter on the elements of an attribute, whose paths name its parts.
pub(super) fn check_elements(filter: &Filter, attribute: &Attribute, strictness: Strictness) -> Result<(), ScimError> {
    check_terms(filter, strictness, &|path| {
        if path.sub_attribute.is_some() || path.schema.is_some() || path.filter.is_some() {
            return Err(refused(format!("`{path}` is no part of `{}`", attribute.name)));
        }
        // A plain value stands for its own part `value`.
        let itself = attribute.kind != AttributeType::Complex && path.attribute.eq_ignore_ascii_case("value");
        let part = if itself { Some(attribute) } else { attribute.sub_attribute(&path.attribute) };
        Ok(part.map(|part| (Some(part), Some(part))))
    })
}

/// The attribute at the top of a path, and the one at its end; no attribute for a whole extension.
type Found<'a> = Option<(Option<&'a Attribute>, Option<&'a Attribute>)>;

fn check_terms<'a>(
    filter: &Filter,
    strictness: Strictness,
    find: &impl Fn(&AttributePath) -> Result<Found<'a>, ScimError>,
) -> Result<(), ScimError> {
    let (path, comparison) = match filter {
        Filter::And(terms) | Filter::Or(terms) => {
            return terms.iter().try_for_each(|term| check_terms(term, strictness, find));
        }
        Filter::Not(term) => return check_terms(term, strictness, find),
        Filter::Present(path) => (path, None),
        Filter::Comparison { path, operator, value } => (path, Some((*operator, value))),
        Filter::ValuePath { path, .. } => (path, None),
    };
    let Some((top, leaf)) = find(path)? else {
        return if strictness.is_strict() { Err(refused(format!("`{path}` is no attribute"))) } else { Ok(()) };
    };
    let inner = match filter {
        Filter::ValuePath { filter, .. } => Some(filter),
        _ => path.filter.as_ref(),
    };
    if let (Some(inner), Some(top)) = (inner, top) {
        check_elements(inner, top, strictness)?;
    }
    let Some(leaf) = leaf else { return Ok(()) };
    if top.into_iter().chain([leaf]).any(|attribute| attribute.returned == Returned::Never) {
        return Err(refused(format!("`{}` cannot be used in a filter", leaf.name)));
    }
    match comparison {
        Some((operator, value)) => check_comparison(leaf, operator, value, strictness),
        None => Ok(()),
    }
}

fn check_comparison(
    attribute: &Attribute,
    operator: Operator,
    value: &Literal,
    strictness: Strictness,
) -> Result<(), ScimError> {
    // A complex attribute is compared by its `value`.
    let compared = attribute.sub_attribute("value").unwrap_or(attribute);
    let presence = matches!(operator, Operator::Equal | Operator::NotEqual);
    let text = matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith);
    let sensible = match compared.kind {
        AttributeType::String | AttributeType::Reference => true,
        AttributeType::Boolean | AttributeType::Binary => presence,
        AttributeType::Integer | AttributeType::Decimal => !text,
        AttributeType::DateTime => text || !strictness.is_strict() || is_instant(value),
        // `eq null` asks whether there is any value at all.
        AttributeType::Complex => presence && *value == Literal::Null,
    };
    if sensible {
        return Ok(());
    }
    Err(refused(format!("`{}` cannot be compared like this by `{}`", attribute.name, operator.as_str())))
}

fn is_instant(value: &Literal) -> bool {
    match value {
        Literal::Text(text) => instant(text).is_some(),
        other => *other == Literal::Null,
    }
}

fn refused(detail: String) -> ScimError {
    ScimError::bad_request(ScimType::InvalidFilter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Strictness::*;

    #[test]
    fn senseless_questions_are_refused() {
        for (filter, lenient, strict) in [
            ("active gt true", true, true),
            ("active co \"t\"", true, true),
            ("active eq true", false, false),
            ("password eq \"x\"", true, true),
            ("title pr and not (password pr)", true, true),
            ("x509Certificates.value sw \"A\"", true, true),
            ("x509Certificates gt \"A\"", true, true),
            ("x509Certificates eq \"AAE=\"", false, false),
            ("name gt \"a\"", true, true),
            ("name eq \"a\"", true, true),
            ("name eq null", false, false),
            ("name pr", false, false),
            ("emails co \"a\"", false, false),
            ("emails[primary gt true]", true, true),
            ("emails[primary gt true].value eq \"a\"", true, true),
            ("emails[value.x eq \"a\"]", true, true),
            ("emails[odd eq \"a\"]", false, true),
            ("userName gt \"a\"", false, false),
            ("unknown gt \"a\"", false, true),
            ("name.unknown pr", false, true),
            ("urn:x:2.0:User:userName pr", false, true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr", false, false),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"1\"", false, false),
            ("meta.lastModified gt \"2024-05-01T10:00:00Z\"", false, false),
            ("meta.lastModified gt \"yesterday\"", false, true),
            ("meta.lastModified sw \"2024\"", false, false),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            for (strictness, refused) in [(Lenient, lenient), (Strict, strict)] {
                let outcome = check(&parsed, ResourceSchema::user(), strictness);
                assert_eq!(outcome.is_err(), refused, "{filter} {strictness:?}");
                assert!(outcome.err().is_none_or(|error| error.scim_type == Some(ScimType::InvalidFilter)));
            }
        }
    }
}
