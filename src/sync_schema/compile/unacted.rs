//! What is read, kept and written back although nothing follows from it, as a table.

use serde_json::Value as Json;

use crate::sync_schema::Finding;
use crate::sync_schema::wire::unquoted;

/// A place of the document that nothing follows from.
struct Unacted {
    /// A JSON pointer in which `*` is any element, and `@KEY` the value of the pair with that key.
    place: &'static str,
    /// The value that says what happens anyway.
    harmless: &'static str,
    /// What happens instead.
    instead: &'static str,
}

const fn row(place: &'static str, harmless: &'static str, instead: &'static str) -> Unacted {
    Unacted { place, harmless, instead }
}

static TABLE: &[Unacted] = &[
    row(
        "/synchronizationRules/*/containerFilter/includedContainers",
        "",
        "every container that the source is configured to read is in scope",
    ),
    row(
        "/synchronizationRules/*/groupFilter/includedGroups",
        "",
        "the groups that are read are those of the source; filter people with `IsMemberOf`",
    ),
    row(
        "/synchronizationRules/*/objectMappings/*/metadata/@EscrowBehavior",
        "Default",
        "an unresolved reference waits by itself and holds nothing else back",
    ),
    row(
        "/synchronizationRules/*/objectMappings/*/metadata/@DisableMonitoringForChanges",
        "false",
        "every change of a mapped attribute counts",
    ),
    row(
        "/synchronizationRules/*/objectMappings/*/metadata/@Disposition",
        "Normal",
        "the mapping runs like any other; only `Discard` switches it off",
    ),
    row(
        "/synchronizationRules/*/objectMappings/*/metadata/@ExcludeFromReporting",
        "false",
        "objects of this mapping are counted like all others",
    ),
    row(
        "/synchronizationRules/*/objectMappings/*/attributeMappings/*/exportMissingReferences",
        "false",
        "references are written as soon as their far end is there, and never before",
    ),
    row("/directories/*/objects/*/metadata/@Extensions", "", "only the attributes of the definition itself exist"),
    row("/directories/*/objects/*/metadata/@BaseObjectName", "", "only the attributes of the definition itself exist"),
    row("/directories/*/objects/*/metadata/@LinkTypeName", "", "only the attributes of the definition itself exist"),
    row("/directories/*/objects/*/attributes/*/apiExpressions", "", "an attribute is read by its name alone"),
    row(
        "/directories/*/objects/*/attributes/*/referencedObjects/*/referencedProperty",
        "",
        "references name the anchor of the other object",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@ReferencedProperty",
        "",
        "references name the anchor of the other object",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@BaseAttributeName",
        "",
        "the definition stands for itself and inherits nothing",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@ComplexObjectDefinition",
        "",
        "a complex attribute is assembled from the mappings of its parts",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@LinkPropertyNames",
        "",
        "attributes of linked objects are not read",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@LinkTypeName",
        "",
        "attributes of linked objects are not read",
    ),
    row(
        "/directories/*/objects/*/attributes/*/metadata/@MaximumLength",
        "",
        "longer values are sent as they are; shorten them with `Left`",
    ),
];

/// Places that only describe: nothing would follow from them, whatever stands there.
static DESCRIPTIVE: &[&str] = &[
    "/id",
    "/version",
    "/synchronizationRules/*/id",
    "/synchronizationRules/*/editable",
    "/synchronizationRules/*/metadata",
    "/synchronizationRules/*/objectMappings/*/name",
    "/directories/*/id",
    "/directories/*/version",
    "/directories/*/readOnly",
    "/directories/*/discoveryDateTime",
    "/directories/*/discoverabilities",
    "/directories/*/objects/*/attributes/*/metadata",
];

/// A finding for each place of the document that says something and is not acted on.
pub(super) fn findings(document: &Json) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in TABLE {
        let mut found = Vec::new();
        let steps: Vec<&str> = row.place.split('/').skip(1).collect();
        walk(document, &steps, String::new(), &mut found);
        for (pointer, value) in found {
            if says_something(value, row.harmless) {
                findings.push(Finding::unsupported(&pointer, row.instead, shown(value)));
            }
        }
    }
    findings
}

/// True when a value of another type at this place changes nothing of what runs.
pub(super) fn is_without_effect(pointer: &str) -> bool {
    DESCRIPTIVE.iter().any(|place| covers(place, pointer)) || TABLE.iter().any(|row| covers(row.place, pointer))
}

/// True when the pointer is at the place, or below it.
fn covers(place: &str, pointer: &str) -> bool {
    let mut steps = pointer.split('/');
    place.split('/').all(|wanted| steps.next().is_some_and(|step| wanted == "*" || wanted == step))
}

fn walk<'a>(value: &'a Json, steps: &[&str], pointer: String, found: &mut Vec<(String, &'a Json)>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push((pointer, value));
        return;
    };
    let elements = || value.as_array().into_iter().flatten().enumerate();
    if let Some(key) = step.strip_prefix('@') {
        let has_key = |pair: &Json| pair["key"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(key));
        for (index, pair) in elements().filter(|(_, pair)| has_key(pair)) {
            found.push((format!("{pointer}/{index}/value"), &pair["value"]));
        }
    } else if *step == "*" {
        for (index, element) in elements() {
            walk(element, rest, format!("{pointer}/{index}"), found);
        }
    } else if let Some(member) = value.get(step) {
        walk(member, rest, format!("{pointer}/{step}"), found);
    }
}

fn says_something(value: &Json, harmless: &str) -> bool {
    match value {
        Json::Null => false,
        Json::Array(elements) => !elements.is_empty(),
        Json::Object(members) => !members.is_empty(),
        Json::String(text) => !unquoted(text).eq_ignore_ascii_case(harmless) && !text.is_empty(),
        Json::Bool(_) | Json::Number(_) => {
            let written = value.to_string();
            written != harmless
        }
    }
}

/// A short value as it is, a long one by its kind.
fn shown(value: &Json) -> String {
    const SHORT: usize = 40;
    match value {
        Json::String(text) if text.chars().count() <= SHORT => format!("`{}`", unquoted(text)),
        Json::String(_) => "a long text".to_owned(),
        Json::Array(elements) => format!("an array of {}", elements.len()),
        Json::Object(_) => "an object".to_owned(),
        Json::Null | Json::Bool(_) | Json::Number(_) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_nothing_new_is_not_told() {
        let metadata = |key: &str, value: Json| {
            let mapping = json!({"metadata": [{"key": "other", "value": "x"}, {"key": key, "value": value}]});
            let told = findings(&json!({"synchronizationRules": [{"objectMappings": [mapping]}]}));
            told.into_iter().map(|finding| finding.pointer).collect::<Vec<_>>()
        };
        let pointer = "/synchronizationRules/0/objectMappings/0/metadata/1/value";
        for (key, value, is_told) in [
            ("EscrowBehavior", json!("\"Default\""), false),
            ("escrowbehavior", json!("\"IgnoreLookupReferenceResolutionFailure\""), true),
            ("Disposition", json!("normal"), false),
            ("Disposition", json!("Escrow"), true),
            ("ExcludeFromReporting", json!(false), false),
            ("ExcludeFromReporting", json!("true"), true),
            ("DisableMonitoringForChanges", json!(null), false),
            ("OriginalJoiningProperty", json!("userName"), false),
        ] {
            assert_eq!(metadata(key, value.clone()) == [pointer], is_told, "{key} = {value}");
        }
        assert_eq!(findings(&json!({"synchronizationRules": [{"containerFilter": {"includedContainers": []}}]})), []);
    }

    #[test]
    fn a_place_covers_what_is_below_it() {
        assert!(is_without_effect("/synchronizationRules/3/metadata/0/value"));
        assert!(is_without_effect("/directories/0/discoverabilities"));
        assert!(!is_without_effect("/directories/0/objects"));
        assert!(!is_without_effect("/synchronizationRules/0/priority"));
        assert!(!is_without_effect(""));
    }
}
