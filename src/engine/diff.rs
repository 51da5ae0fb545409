//! Equality of target values, and the smallest set of changes. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    engine::flow::{DesiredAttribute, DesiredValue},
    model::{AttributeChange, Exported, ExportedValue},
    sync_schema::{self, AttributeFlowType, AttributeMapping, Mutability},
};

/// What a new resource gets: every value, and the default where the source has none. Attributes are in mapping order.
pub fn for_create(desired: &[DesiredAttribute<'_>]) -> Vec<AttributeChange> {
    desired
        .iter()
        .filter(|attribute| attribute.mapping.mutability != Mutability::ReadOnly)
        .filter_map(|attribute| {
            let value = match &attribute.value {
                DesiredValue::Set(value) => value.clone(),
                DesiredValue::Null => default(attribute.mapping)?,
                // Candidates are none of the resource's values until one of them is drawn.
                DesiredValue::Ignored | DesiredValue::Candidates(_) => return None,
            };
            Some(AttributeChange { path: attribute.mapping.path.clone(), value: Some(value) })
        })
        .collect()
}

/// The required attributes that a new resource would lack.
pub fn missing_required<'d>(desired: &'d [DesiredAttribute<'_>]) -> impl Iterator<Item = &'d AttributeMapping> {
    desired.iter().filter_map(|attribute| {
        let has_value = match &attribute.value {
            DesiredValue::Set(value) => !is_unassigned(value),
            DesiredValue::Candidates(candidates) => !candidates.is_empty(),
            _ => default(attribute.mapping).is_some(),
        };
        (attribute.mapping.required && !has_value).then_some(attribute.mapping)
    })
}

/// What a new resource gets where the source has no value.
fn default(mapping: &AttributeMapping) -> Option<Json> {
    sync_schema::as_scim(mapping.default.as_ref()?, mapping.attribute_type, mapping.multivalued).ok()
}

/// What differs between the desired values and what was exported. Attributes that always flow come along with any
/// other change, and alone make none.
pub fn for_update(desired: &[DesiredAttribute<'_>], exported: &Exported) -> Vec<AttributeChange> {
    let mut always = Vec::new();
    let mut changes = Vec::new();
    for attribute in desired {
        let mapping = attribute.mapping;
        if matches!(mapping.mutability, Mutability::ReadOnly | Mutability::Immutable)
            || mapping.flow_type == AttributeFlowType::ObjectAddOnly
        {
            continue;
        }
        let former = exported.get(&mapping.path);
        match wanted_change(attribute, former) {
            Some(value) => changes.push(AttributeChange { path: mapping.path.clone(), value }),
            None if mapping.always => {
                if let DesiredValue::Set(value) = &attribute.value {
                    always.push(AttributeChange { path: mapping.path.clone(), value: Some(value.clone()) });
                }
            }
            None => {}
        }
    }
    if !changes.is_empty() {
        changes.append(&mut always);
    }
    changes
}

/// `Some(Some(value))` to set, `Some(None)` to clear, `None` to leave alone.
fn wanted_change(attribute: &DesiredAttribute<'_>, former: Option<&ExportedValue>) -> Option<Option<Json>> {
    let mapping = attribute.mapping;
    let known = match former {
        Some(ExportedValue::Known(value)) => Some(value),
        _ => None,
    };
    match &attribute.value {
        DesiredValue::Ignored | DesiredValue::Candidates(_) => None,
        DesiredValue::Null => {
            let may_have_a_value =
                matches!(former, Some(ExportedValue::Unknown)) || known.is_some_and(|value| !is_unassigned(value));
            (mapping.flow_nulls && may_have_a_value).then_some(None)
        }
        DesiredValue::Set(value) => {
            let value = match (mapping.flow_type, known) {
                (AttributeFlowType::AttributeAddOnly, Some(former)) if !is_unassigned(former) => return None,
                (AttributeFlowType::MultiValueAddOnly | AttributeFlowType::ValueAddOnly, Some(former)) => {
                    union(former, value, mapping.case_exact)
                }
                _ => value.clone(),
            };
            let unchanged = match (former, known) {
                (None, _) => is_unassigned(&value),
                (Some(_), known) => known.is_some_and(|known| same(known, &value, mapping.case_exact)),
            };
            (!unchanged).then_some(Some(value))
        }
    }
}

/// The exported content after these changes were confirmed.
pub fn applied(mut exported: Exported, changes: Vec<AttributeChange>) -> Exported {
    for AttributeChange { path, value } in changes {
        match value {
            Some(value) => exported.insert(path, ExportedValue::Known(value)),
            None => exported.remove(&path),
        };
    }
    exported
}

/// Equality as the target sees it: `null`, `[]`, `""` and absence are one state, multi-valued attributes are sets,
/// text follows `caseExact`, and a Boolean equals its text (some targets store `"True"`).
pub fn same(left: &Json, right: &Json, case_exact: bool) -> bool {
    canonical(left, case_exact) == canonical(right, case_exact)
}

fn is_unassigned(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(values) => values.is_empty(),
        Json::String(text) => text.is_empty(),
        Json::Object(members) => members.values().all(is_unassigned),
        _ => false,
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
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
                .filter(|(_, value)| !is_unassigned(value))
                .map(|(name, value)| (name.to_lowercase(), canonical(value, case_exact)))
                .collect(),
        ),
        other => Canonical::Text(other.to_string()),
    }
}

fn union(former: &Json, added: &Json, case_exact: bool) -> Json {
    let (Json::Array(former), Json::Array(added)) = (former, added) else { return added.clone() };
    let mut union = former.clone();
    union.extend(added.iter().filter(|value| !former.iter().any(|known| same(known, value, case_exact))).cloned());
    Json::Array(union)
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
            if let Json::Array(values) = &value {
                let reversed = Json::Array(values.iter().rev().cloned().collect());
                prop_assert!(same(&value, &reversed, case_exact));
            }
        }

        #[test]
        fn a_union_holds_both_sides_once(left in proptest::collection::vec("[a-c]", 0..5), right in proptest::collection::vec("[a-c]", 0..5)) {
            let joined = union(&json!(left), &json!(right), true);
            let again = union(&joined, &json!(right), true);
            prop_assert_eq!(&joined, &again);
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
        ] {
            assert_eq!(same(&left, &right, case_exact), expected, "{left} {right}");
        }
    }
}
