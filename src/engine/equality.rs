//! Equality of values as a target sees it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value as Json;

/// Equality as the target sees it.
///
/// `null`, `[]`, `""` and absence are one state, multi-valued attributes are sets, text follows `caseExact`, a Boolean equals its text (some targets store `"True"`), and an element that is not the
/// primary one need not say so (RFC 7643 section 2.4).
pub fn same(left: &Json, right: &Json, case_exact: bool) -> bool {
    canonical(left, case_exact) == canonical(right, case_exact)
}

/// True for what a target does not tell from no value at all.
pub fn is_unassigned(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(values) => values.is_empty(),
        Json::String(text) => text.is_empty(),
        Json::Object(members) => members.values().all(is_unassigned),
        _ => false,
    }
}

/// The bytes that values have in common when they are the [`same`].
pub fn canonical_bytes(value: &Json, case_exact: bool) -> Vec<u8> {
    // A value of JSON without maps of odd keys can always be written.
    serde_json::to_vec(&canonical(value, case_exact)).unwrap_or_default()
}

/// The values of `wanted` that are not among those of `known`, each once.
pub fn missing(wanted: &Json, known: Option<&Json>, case_exact: bool) -> Vec<Json> {
    let mut there: BTreeSet<Canonical> =
        known.into_iter().flat_map(elements).map(|value| canonical(value, case_exact)).collect();
    let is_new = |value: &&Json| !is_unassigned(value) && there.insert(canonical(value, case_exact));
    elements(wanted).iter().filter(is_new).cloned().collect()
}

/// `known` with the values of `added` that it does not hold.
pub fn union(known: Option<&Json>, added: &[Json], case_exact: bool) -> Json {
    let mut union: Vec<Json> = known.map(elements).unwrap_or_default().to_vec();
    union.extend(missing(&Json::from(added), known, case_exact));
    Json::Array(union)
}

/// The values of an attribute that may have several.
fn elements(value: &Json) -> &[Json] {
    match value {
        Json::Array(values) => values,
        Json::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Canonical {
    Unassigned,
    Text(String),
    Set(Vec<Canonical>),
    Complex(BTreeMap<String, Canonical>),
}

fn canonical(value: &Json, case_exact: bool) -> Canonical {
    match value {
        value if is_unassigned(value) => Canonical::Unassigned,
        Json::Bool(flag) => Canonical::Text(flag.to_string()),
        Json::String(text) if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => {
            Canonical::Text(text.to_ascii_lowercase())
        }
        Json::String(text) if case_exact => Canonical::Text(text.clone()),
        Json::String(text) => Canonical::Text(text.to_lowercase()),
        Json::Array(values) => {
            let mut set: Vec<Canonical> = values.iter().map(|value| canonical(value, case_exact)).collect();
            set.sort();
            set.dedup();
            Canonical::Set(set)
        }
        Json::Object(members) => Canonical::Complex(
            members
                .iter()
                .filter(|(name, value)| !is_unassigned(value) && !is_default(name, value))
                .map(|(name, value)| (name.to_lowercase(), canonical(value, case_exact)))
                .collect(),
        ),
        other => Canonical::Text(other.to_string()),
    }
}

/// `primary: false` says what holds without it.
fn is_default(name: &str, value: &Json) -> bool {
    let is_false = match value {
        Json::Bool(flag) => !flag,
        Json::String(text) => text.eq_ignore_ascii_case("false"),
        _ => false,
    };
    is_false && name.eq_ignore_ascii_case("primary")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i32>().prop_map(|n| json!(n)),
            ".{0,6}".prop_map(Json::String)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                proptest::collection::btree_map("[a-c]{1,2}", inner, 0..3)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_the_same_as_itself_in_any_order(value in any_json(), case_exact: bool) {
            prop_assert!(same(&value, &value, case_exact));
            prop_assert_eq!(canonical_bytes(&value, case_exact), canonical_bytes(&value.clone(), case_exact));
            if let Json::Array(values) = &value {
                let reversed = Json::Array(values.iter().rev().cloned().collect());
                prop_assert!(same(&value, &reversed, case_exact));
            }
        }

        #[test]
        fn a_union_holds_both_sides_once(left in proptest::collection::vec("[a-c]", 0..5), right in proptest::collection::vec("[a-c]", 0..5)) {
            let (left, right): (Vec<Json>, Vec<Json>) = (left.into_iter().map(Json::from).collect(), right.into_iter().map(Json::from).collect());
            let joined = union(Some(&json!(left)), &right, true);
            prop_assert_eq!(&joined, &union(Some(&joined), &right, true));
            prop_assert!(missing(&json!(right), Some(&joined), true).is_empty());
            prop_assert!(missing(&json!(left), Some(&joined), true).is_empty());
        }
    }

    #[test]
    fn equality_follows_the_target() {
        for (left, right, case_exact, expected) in [
            (json!("Ada"), json!("ada"), false, true),
            (json!("Ada"), json!("ada"), true, false),
            (json!(null), json!([]), false, true),
            (json!(""), json!(null), false, true),
            (json!(true), json!("True"), true, true),
            (json!(["b", "a"]), json!(["a", "b"]), true, true),
            (json!(["a"]), json!(["a", "b"]), true, false),
            (json!({"value": "x", "display": null}), json!({"Value": "x"}), true, true),
            (json!(1), json!("1"), true, true),
            (json!([{"value": "x", "primary": false}]), json!([{"value": "x"}]), true, true),
            (json!([{"value": "x", "primary": true}]), json!([{"value": "x"}]), true, false),
        ] {
            assert_eq!(same(&left, &right, case_exact), expected, "{left} {right}");
            let bytes = [&left, &right].map(|value| canonical_bytes(value, case_exact));
            assert_eq!(bytes[0] == bytes[1], expected, "{left} {right}");
        }
    }
}
