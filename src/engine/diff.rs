//! The smallest set of changes between what is desired and what was exported. Pure.

use serde_json::Value as Json;

use crate::{
    engine::{
        equality::{is_unassigned, missing},
        exported::holds,
        flow::{DesiredAttribute, DesiredValue},
    },
    model::{AttributeChange, Exported, ExportedValue, HashKey, ValueChange},
    sync_schema::{AttributeFlowType, AttributeMapping, Mutability},
};

/// What a new resource gets: every value, and the default where the source has none. Attributes are in mapping order.
pub fn for_create(desired: &[DesiredAttribute<'_>]) -> Vec<AttributeChange> {
    desired
        .iter()
        .filter(|attribute| attribute.mapping.mutability != Mutability::ReadOnly)
        .filter_map(|attribute| Some(changed(attribute.mapping, ValueChange::Set(value_on_create(attribute)?))))
        .collect()
}

/// The required attributes that a new resource would lack.
pub fn missing_required<'d>(desired: &'d [DesiredAttribute<'_>]) -> impl Iterator<Item = &'d AttributeMapping> {
    desired
        .iter()
        .filter(|attribute| {
            let is_drawn = matches!(&attribute.value, DesiredValue::Candidates(candidates) if !candidates.is_empty());
            attribute.mapping.required && !is_drawn && value_on_create(attribute).is_none()
        })
        .map(|attribute| attribute.mapping)
}

fn value_on_create(attribute: &DesiredAttribute<'_>) -> Option<Json> {
    match &attribute.value {
        DesiredValue::Set(value) => (!is_unassigned(value)).then(|| value.clone()),
        DesiredValue::Null => default(attribute.mapping),
        // Candidates are none of the resource's values until one of them is drawn.
        DesiredValue::Ignored | DesiredValue::Candidates(_) => None,
    }
}

fn changed(mapping: &AttributeMapping, change: ValueChange) -> AttributeChange {
    AttributeChange { path: mapping.path.clone(), change, redacted: mapping.redacted }
}

/// What the target gets where the source has no value.
fn default(mapping: &AttributeMapping) -> Option<Json> {
    mapping.as_scim(mapping.default.as_ref()?).ok()
}

/// What differs between the desired values and what was exported, and what flows always.
pub fn for_update(desired: &[DesiredAttribute<'_>], exported: &Exported, key: &HashKey) -> Vec<AttributeChange> {
    let change = |attribute: &DesiredAttribute<'_>| {
        let change = wanted_change(attribute, exported.get(&attribute.mapping.path), key)?;
        Some(changed(attribute.mapping, change))
    };
    desired.iter().filter(|attribute| flows_on_update(attribute.mapping)).filter_map(change).collect()
}

/// True when what is to be sent depends on what the target holds, and nobody knows that: it has to be read first.
pub fn needs_present(desired: &[DesiredAttribute<'_>], exported: &Exported) -> bool {
    desired.iter().any(|attribute| {
        let mapping = attribute.mapping;
        let would_fill = match &attribute.value {
            DesiredValue::Set(value) => !is_unassigned(value),
            DesiredValue::Null => mapping.expression.is_none() && mapping.default.is_some(),
            DesiredValue::Ignored | DesiredValue::Candidates(_) => false,
        };
        let is_known = matches!(exported.get(&mapping.path), Some(ExportedValue::Known(_) | ExportedValue::Hashed(_)));
        would_fill && !is_known && mapping.fills_only() && mapping.is_readable() && flows_on_update(mapping)
    })
}

fn flows_on_update(mapping: &AttributeMapping) -> bool {
    !matches!(mapping.mutability, Mutability::ReadOnly | Mutability::Immutable)
        && mapping.flow_type != AttributeFlowType::ObjectAddOnly
}

fn wanted_change(
    attribute: &DesiredAttribute<'_>,
    former: Option<&ExportedValue>,
    key: &HashKey,
) -> Option<ValueChange> {
    let mapping = attribute.mapping;
    if mapping.fills_only() {
        return fills(attribute, former).map(ValueChange::Set);
    }
    match &attribute.value {
        DesiredValue::Ignored | DesiredValue::Candidates(_) => None,
        DesiredValue::Null => clears(mapping, former),
        DesiredValue::Set(value) if is_unassigned(value) && mapping.flow_nulls => clears(mapping, former),
        DesiredValue::Set(value) if mapping.adds_only() => {
            let known = match former {
                Some(ExportedValue::Known(known)) if !mapping.always => Some(known),
                Some(former @ ExportedValue::Hashed(_)) if holds(former, mapping, value, key) => return None,
                _ => None,
            };
            let added = missing(value, known, mapping.case_exact);
            (!added.is_empty()).then_some(ValueChange::Add(added))
        }
        DesiredValue::Set(value) => {
            let unchanged = match former {
                None => is_unassigned(value),
                Some(former) => !mapping.always && holds(former, mapping, value, key),
            };
            (!unchanged).then(|| ValueChange::Set(value.clone()))
        }
    }
}

/// The value of a mapping that never replaces another: it flows where the target is known to hold none.
fn fills(attribute: &DesiredAttribute<'_>, former: Option<&ExportedValue>) -> Option<Json> {
    let Some(ExportedValue::Known(known)) = former else { return None };
    let value = match &attribute.value {
        DesiredValue::Set(value) => value.clone(),
        DesiredValue::Null if attribute.mapping.expression.is_none() => default(attribute.mapping)?,
        DesiredValue::Null | DesiredValue::Ignored | DesiredValue::Candidates(_) => return None,
    };
    (is_unassigned(known) && !is_unassigned(&value)).then_some(value)
}

/// A value that became null clears the target where both gates are open, and there may be something to clear.
fn clears(mapping: &AttributeMapping, former: Option<&ExportedValue>) -> Option<ValueChange> {
    let may_have_a_value = match former {
        None => false,
        Some(ExportedValue::Known(known)) => !is_unassigned(known),
        Some(ExportedValue::Hashed(_) | ExportedValue::Unknown) => true,
    };
    (mapping.flow_nulls && may_have_a_value).then_some(ValueChange::Clear)
}

#[cfg(test)]
mod tests;
