//! What we keep of the content of a resource: the values that the target confirmed, or was read with. Pure.

use serde_json::Value as Json;

use crate::{
    engine::equality::{canonical_bytes, is_unassigned, same, union},
    model::{AttributeChange, Exported, ExportedValue, HashKey, ValueChange, ValueHash},
    scim::Resource,
    sync_schema::{AttributeMapping, ObjectMapping},
};

/// The exported content after these changes were confirmed.
pub fn applied(
    mut exported: Exported,
    changes: Vec<AttributeChange>,
    mapping: &ObjectMapping,
    key: &HashKey,
) -> Exported {
    for AttributeChange { path, change, .. } in changes {
        let Some(attribute) = mapping.attribute(&path) else { continue };
        let value = match change {
            ValueChange::Set(value) => value,
            ValueChange::Add(values) => {
                let former = match exported.get(&path) {
                    Some(ExportedValue::Known(former)) => Some(former),
                    _ => None,
                };
                union(former, &values, attribute.case_exact)
            }
            ValueChange::Clear => {
                exported.remove(&path);
                continue;
            }
        };
        exported.insert(path, kept(attribute, value, key));
    }
    exported
}

/// What people call the resource: its user name, then its display name; neither where the mapping redacts it, because
/// then it is not kept.
pub fn names_of(exported: &Exported) -> impl Iterator<Item = &str> {
    let called = |name: &'static str| {
        exported.iter().filter_map(move |(path, value)| match value {
            ExportedValue::Known(Json::String(text)) if path.is_called(name) => Some(text.as_str()),
            _ => None,
        })
    };
    called("userName").chain(called("displayName"))
}

/// What counts as exported once a resource is adopted: the values it was read with.
pub fn adopted(content: &Resource, mapping: &ObjectMapping, key: &HashKey) -> Exported {
    let read = mapping.attributes.iter().filter_map(|attribute| {
        let value = match content.get(&attribute.target) {
            Some(value) => value.clone(),
            // Seen to be without a value: that is what a mapping that only fills in has to know.
            None if attribute.fills_only() && attribute.is_readable() => Json::Null,
            None => return None,
        };
        Some((attribute.path.clone(), kept(attribute, value, key)))
    });
    read.collect()
}

/// What counts as exported, with what a resource was just seen to hold where a mapping only fills in and nobody knew
/// what there is.
pub fn completed(exported: &Exported, content: &Resource, mapping: &ObjectMapping, key: &HashKey) -> Exported {
    let mut completed = exported.clone();
    for (path, value) in adopted(content, mapping, key) {
        let is_known = matches!(completed.get(&path), Some(ExportedValue::Known(_) | ExportedValue::Hashed(_)));
        if !is_known && mapping.attribute(&path).is_some_and(AttributeMapping::fills_only) {
            completed.insert(path, value);
        }
    }
    completed
}

/// What is kept of one value.
fn kept(attribute: &AttributeMapping, value: Json, key: &HashKey) -> ExportedValue {
    if attribute.redacted && !is_unassigned(&value) {
        ExportedValue::Hashed(hash(attribute, &value, key))
    } else {
        ExportedValue::Known(value)
    }
}

/// Exact: a password in other letters is another one.
fn hash(attribute: &AttributeMapping, value: &Json, key: &HashKey) -> ValueHash {
    key.hash(&attribute.path, &canonical_bytes(value, true))
}

/// True when this value is what the target holds.
pub(super) fn holds(former: &ExportedValue, attribute: &AttributeMapping, value: &Json, key: &HashKey) -> bool {
    match former {
        ExportedValue::Known(former) => same(former, value, attribute.case_exact),
        ExportedValue::Hashed(former) => *former == hash(attribute, value, key),
        ExportedValue::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{engine::decide::tests::users, model::TargetPath, sync_schema::AttributeFlowType};

    fn key() -> HashKey {
        HashKey::from([7; 32])
    }

    #[test]
    fn confirmed_changes_are_what_the_target_holds() {
        let mapping = users();
        let path = || TargetPath::new("displayName");
        let change = |change| vec![AttributeChange::new(path(), change)];
        let one = applied(Exported::new(), change(ValueChange::Set(json!("a"))), &mapping, &key());
        assert_eq!(one.get(&path()), Some(&ExportedValue::Known(json!("a"))));
        let both = applied(one.clone(), change(ValueChange::Add(vec![json!("b"), json!("A")])), &mapping, &key());
        assert_eq!(both.get(&path()), Some(&ExportedValue::Known(json!(["a", "b"]))));
        assert_eq!(applied(both, change(ValueChange::Clear), &mapping, &key()), Exported::new());
        let unknown = Exported::from([(path(), ExportedValue::Unknown)]);
        let added = applied(unknown, change(ValueChange::Add(vec![json!("b")])), &mapping, &key());
        assert_eq!(added.get(&path()), Some(&ExportedValue::Known(json!(["b"]))), "what is unknown stays out");
    }

    #[test]
    fn only_what_a_mapping_fills_is_completed() {
        let mut mapping = users();
        let fills = TargetPath::new("displayName");
        for attribute in mapping.attributes.iter_mut().filter(|attribute| attribute.path == fills) {
            attribute.flow_type = AttributeFlowType::AttributeAddOnly;
        }
        let content = json!({ "displayName": "theirs", "title": "theirs", "userName": "theirs" });
        let content: Resource = serde_json::from_value(content).unwrap();
        let completed = completed(&Exported::new(), &content, &mapping, &key());
        assert_eq!(completed, Exported::from([(fills.clone(), ExportedValue::Known(json!("theirs")))]));
        let empty = super::completed(&Exported::new(), &Resource::new("urn:test"), &mapping, &key());
        assert_eq!(empty, Exported::from([(fills.clone(), ExportedValue::Known(Json::Null))]), "seen to be without");
        let known = Exported::from([(fills.clone(), ExportedValue::Known(json!("ours")))]);
        assert_eq!(super::completed(&known, &content, &mapping, &key()), known);
    }

    #[test]
    fn of_a_redacted_value_only_a_hash_is_kept() {
        let mut mapping = users();
        let attribute = mapping.attributes.iter_mut().find(|a| a.path.as_str() == "displayName").unwrap();
        attribute.redacted = true;
        let attribute = attribute.clone();
        let set = vec![AttributeChange::set(attribute.path.clone(), json!("Hush"))];
        let exported = applied(Exported::new(), set, &mapping, &key());
        let text = serde_json::to_string(&exported).unwrap();
        assert!(!text.to_lowercase().contains("hush"), "{text}");
        assert_eq!(serde_json::from_str::<Exported>(&text).unwrap(), exported);
        let former = &exported[&attribute.path];
        assert!(holds(former, &attribute, &json!("Hush"), &key()));
        assert!(!holds(former, &attribute, &json!("HUSH"), &key()));
        assert!(!holds(former, &attribute, &json!("Hush"), &HashKey::from([8; 32])), "the key of another job");
        let read = Resource::from(serde_json::Map::from_iter([("displayName".to_owned(), json!("Hush"))]));
        assert_eq!(adopted(&read, &mapping, &key()).get(&attribute.path), Some(former));
    }
}
