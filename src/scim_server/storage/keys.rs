//! The keys of values: texts whose order is the order of the values, so that an index can be asked for ranges.

use serde_json::{Map, Number, Value};

use crate::scim::fold_case;
use crate::scim_server::resource_types::{Comparison, Index, Place};

/// A stretch of keys: from the first, included, to the end, excluded; without an end it goes on for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct KeyRange {
    pub(super) from: String,
    pub(super) to: Option<String>,
}

impl KeyRange {
    pub(super) fn all() -> Self {
        Self { from: String::new(), to: None }
    }

    pub(super) fn at_least(key: String) -> Self {
        Self { from: key, to: None }
    }

    pub(super) fn above(key: String) -> Self {
        Self { from: next(key), to: None }
    }

    pub(super) fn below(key: String) -> Self {
        Self { from: String::new(), to: Some(key) }
    }

    pub(super) fn at_most(key: String) -> Self {
        Self { from: String::new(), to: Some(next(key)) }
    }

    /// The keys that begin so.
    pub(super) fn starting_with(prefix: String) -> Self {
        let to = after_prefix(&prefix);
        Self { from: prefix, to }
    }
}

/// The keys of a document in an index, each once.
pub(super) fn keys(index: &Index, document: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> =
        values(&index.place, document).into_iter().filter_map(|value| key(index.comparison, value)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The single values at a place; names in stored documents are canonical.
fn values<'a>(place: &Place, document: &'a Map<String, Value>) -> Vec<&'a Value> {
    let map = match &place.extension {
        Some(extension) => document.get(extension).and_then(Value::as_object),
        None => Some(document),
    };
    let whole = elements(map.and_then(|map| map.get(&place.attribute)));
    match &place.part {
        None => whole.iter().collect(),
        Some(part) => whole
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|parts| elements(parts.get(part.as_str())).iter())
            .collect(),
    }
}

/// The key of a value; `None` when it has none in this comparison.
pub(super) fn key(comparison: Comparison, value: &Value) -> Option<String> {
    match (comparison, value) {
        (Comparison::Exact, Value::String(text)) => Some(text.clone()),
        (Comparison::Folded, Value::String(text)) => Some(fold_case(text).into_owned()),
        (Comparison::Number, Value::Number(number)) => number_key(number),
        _ => None,
    }
}

/// Sixteen hexadecimal digits in the order of the numbers.
pub(in super::super) fn number_key(number: &Number) -> Option<String> {
    // Minus zero equals zero.
    let bits = (number.as_f64()? + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    Some(format!("{ordered:016x}"))
}

fn elements(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(elements)) => elements,
        Some(value) => std::slice::from_ref(value),
    }
}

/// The smallest text above this one.
fn next(mut key: String) -> String {
    key.push('\0');
    key
}

/// The smallest text above all that begin so; `None` when there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // The numbers between 0xD800 and 0xDFFF are no letters.
        let following = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(following) = following {
            letters.push(following);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(range: &KeyRange, key: &str) -> bool {
        range.from.as_str() <= key && range.to.as_deref().is_none_or(|to| key < to)
    }

    #[test]
    fn a_list_gives_each_of_its_keys_once() {
        let place = Place { extension: None, attribute: "emails".to_owned(), part: Some("value".to_owned()) };
        let Value::Object(document) =
            json!({"emails": [{"value": "B"}, {"value": "a"}, {"value": "b"}, {"type": "x"}]})
        else {
            panic!("an object")
        };
        let index = Index {
            place,
            comparison: Comparison::Folded,
            always_one: false,
            uniqueness: crate::scim::Uniqueness::None,
        };
        assert_eq!(keys(&index, &document), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order(a in any::<f64>(), b in any::<f64>()) {
            if let (Some(first), Some(second)) = (Number::from_f64(a), Number::from_f64(b)) {
                let keys = (number_key(&first).unwrap(), number_key(&second).unwrap());
                prop_assert_eq!(keys.0.cmp(&keys.1), a.partial_cmp(&b).unwrap());
            }
        }

        #[test]
        fn a_prefix_holds_what_begins_so_and_nothing_else(prefix in "[a-c\u{d7ff}\u{10ffff}]{0,3}", text in "[a-c\u{d7ff}\u{e000}\u{10ffff}]{0,4}") {
            let range = KeyRange::starting_with(prefix.clone());
            prop_assert_eq!(holds(&range, &text), text.starts_with(&prefix));
        }

        #[test]
        fn ranges_hold_what_they_say(bound in "\\PC{0,3}", text in "\\PC{0,3}") {
            prop_assert_eq!(holds(&KeyRange::above(bound.clone()), &text), text > bound);
            prop_assert_eq!(holds(&KeyRange::at_least(bound.clone()), &text), text >= bound);
            prop_assert_eq!(holds(&KeyRange::below(bound.clone()), &text), text < bound);
            prop_assert_eq!(holds(&KeyRange::at_most(bound.clone()), &text), text <= bound);
        }
    }
}
