//! The elements of a multi-valued attribute: which are the same, and which one is primary (RFC 7643 section 2.4).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::change::set_part;
use crate::scim::conform::identity;
use crate::scim::filter_eval::fold_case;
use crate::scim::messages::ScimError;
use crate::scim::object::{is_empty, lookup};
use crate::scim::resource::is_primary;
use crate::scim::schema::Attribute;

/// Appends elements, or merges them into those that have their `type` and `value`.
pub(super) fn add_elements(
    elements: &mut Vec<Value>,
    given: Vec<Value>,
    attribute: &Attribute,
) -> Result<(), ScimError> {
    let mut places: HashMap<String, usize> =
        elements.iter().enumerate().map(|(index, element)| (identity(element), index)).collect();
    for element in given {
        let index = *places.entry(identity(&element)).or_insert(elements.len());
        match (elements.get_mut(index), element) {
            (Some(Value::Object(present)), Value::Object(mut given)) => {
                for part in &attribute.sub_attributes {
                    if let Some(value) = given.remove(&part.name) {
                        set_part(present, part, Some(value))?;
                    }
                }
            }
            (Some(_), _) => {}
            (None, element) => elements.push(element),
        }
        keep_one_primary(elements, index);
    }
    Ok(())
}

/// RFC 7644 section 3.5.2: when this element is primary, no other is.
pub(super) fn keep_one_primary(elements: &mut [Value], primary: usize) {
    if !elements.get(primary).is_some_and(is_primary) {
        return;
    }
    for (index, element) in elements.iter_mut().enumerate() {
        if index != primary
            && is_primary(element)
            && let Value::Object(parts) = element
        {
            parts.insert("primary".to_owned(), Value::Bool(false));
        }
    }
}

/// Drops what has become empty or the same as an element before it.
pub(super) fn drop_duplicates(elements: &mut Vec<Value>) {
    let mut seen = HashSet::with_capacity(elements.len());
    elements.retain(|element| !is_empty(element) && seen.insert(identity(element)));
}

/// What a remove operation names an element by: its `value` where it has one, compared as a filter would compare it.
pub(super) fn named_value(element: &Value, attribute: &Attribute) -> String {
    let value = element.as_object().and_then(|map| lookup(map, "value"));
    let compared = value.map_or(Some(attribute), |_| attribute.sub_attribute("value"));
    match (value.unwrap_or(element), compared) {
        (Value::String(text), Some(compared)) if !compared.case_exact => Value::from(fold_case(text)).to_string(),
        (other, _) => other.to_string(),
    }
}
