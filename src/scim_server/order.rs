//! The order of a list (RFC 7644 section 3.4.2.3): a text for each resource, whose order is that of the list.

use serde_json::Value;

use super::resource_types::Kind;
use super::storage::number_key;
use crate::scim::{AttributePath, AttributeType, Resource, fold_case, instant};

/// Letters of a value that count for the order.
const KEY_LETTERS: usize = 256;

/// The value of a resource in a sorted list: that of the primary element of a list, or of its first.
pub(super) fn sort_key(resource: &Resource, path: &AttributePath, kind: &Kind) -> Option<String> {
    let at = kind.schema.resolve(path)?;
    let attribute = at.attribute?;
    let map = match at.extension {
        Some(extension) => resource.as_map().get(extension)?.as_object()?,
        None => resource.as_map(),
    };
    let mut value = map.get(&attribute.name)?;
    if let Value::Array(elements) = value {
        let is_primary = |element: &&Value| element.get("primary") == Some(&Value::Bool(true));
        value = elements.iter().find(is_primary).or(elements.first())?;
    }
    let mut leaf = attribute;
    if leaf.kind == AttributeType::Complex {
        leaf = match at.sub_attribute {
            Some(part) => part,
            None => attribute.sub_attribute("value")?,
        };
        value = value.get(&leaf.name)?;
    }
    let key = match value {
        Value::String(text) if leaf.kind == AttributeType::DateTime => moment(text).unwrap_or_else(|| text.clone()),
        Value::String(text) if leaf.case_exact => text.clone(),
        Value::String(text) => fold_case(text).into_owned(),
        Value::Number(number) => number_key(number)?,
        Value::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
        _ => return None,
    };
    Some(match key.char_indices().nth(KEY_LETTERS) {
        Some((end, _)) => key[..end].to_owned(),
        None => key,
    })
}

/// A moment in a form whose order is that of time.
fn moment(text: &str) -> Option<String> {
    Some(instant(text)?.format("%Y-%m-%dT%H:%M:%S%.9f").to_string())
}
