//! Which attributes an answer shows: `attributes` and `excludedAttributes` (RFC 7644 section 3.9).
//!
//! Names that mean nothing are passed over.

use serde_json::{Map, Value};

use crate::scim::{AttributePath, Resource, ResourceSchema, Returned, ScimError, ScimType};

/// What a client asked to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Projection {
    #[default]
    All,
    Only(Vec<AttributePath>),
    Without(Vec<AttributePath>),
}

impl Projection {
    /// From the names of both parameters, of which one at most may be given.
    pub(super) fn new(attributes: Vec<String>, excluded: Vec<String>) -> Result<Self, ScimError> {
        let paths = |names: Vec<String>| names.iter().filter_map(|name| AttributePath::parse(name).ok()).collect();
        match (attributes.is_empty(), excluded.is_empty()) {
            (true, true) => Ok(Self::All),
            (false, true) => Ok(Self::Only(paths(attributes))),
            (true, false) => Ok(Self::Without(paths(excluded))),
            (false, false) => Err(ScimError::bad_request(
                ScimType::InvalidValue,
                "give `attributes` or `excludedAttributes`, not both",
            )),
        }
    }

    /// False when the attribute will not be shown, so that it need not be read.
    pub(super) fn shows(&self, attribute: &str, schema: &ResourceSchema) -> bool {
        let named = |path: &AttributePath| {
            let at = schema.resolve(path);
            at.is_some_and(|at| at.extension.is_none() && at.attribute.is_some_and(|found| found.name == attribute))
        };
        match self {
            Self::All => true,
            Self::Only(paths) => paths.iter().any(named),
            Self::Without(paths) => !paths.iter().any(|path| named(path) && path.sub_attribute.is_none()),
        }
    }

    /// The resource as it is shown. The names in it are canonical.
    pub(super) fn apply(&self, resource: Resource, schema: &ResourceSchema) -> Resource {
        match self {
            Self::All => resource,
            Self::Only(paths) => only(resource, paths, schema),
            Self::Without(paths) => without(resource, paths, schema),
        }
    }
}

fn only(resource: Resource, paths: &[AttributePath], schema: &ResourceSchema) -> Resource {
    let mut shown = Map::new();
    for (name, value) in resource.as_map() {
        if schema.top_attribute(name).is_some_and(|attribute| attribute.returned == Returned::Always) {
            shown.insert(name.clone(), value.clone());
        }
    }
    for at in paths.iter().filter_map(|path| schema.resolve(path)) {
        let source = match at.extension {
            Some(extension) => resource.as_map().get(extension).and_then(Value::as_object),
            None => Some(resource.as_map()),
        };
        let Some(source) = source else { continue };
        match (at.attribute, at.extension) {
            (None, Some(extension)) => {
                shown.insert(extension.to_owned(), Value::Object(source.clone()));
            }
            (Some(attribute), extension) => {
                let Some(value) = source.get(&attribute.name) else { continue };
                let place = match extension {
                    Some(extension) => shown.entry(extension).or_insert_with(|| Value::Object(Map::new())),
                    None => {
                        merge(
                            shown.entry(attribute.name.as_str()).or_insert(Value::Null),
                            value,
                            at.sub_attribute.map(|part| part.name.as_str()),
                        );
                        continue;
                    }
                };
                if let Value::Object(parts) = place {
                    merge(
                        parts.entry(attribute.name.as_str()).or_insert(Value::Null),
                        value,
                        at.sub_attribute.map(|part| part.name.as_str()),
                    );
                }
            }
            (None, None) => {}
        }
    }
    shown.retain(|_, value| !is_bare(value));
    Resource::from(shown)
}

/// Shows a value, or one part of it beside the parts that are shown already.
fn merge(shown: &mut Value, value: &Value, part: Option<&str>) {
    let Some(part) = part else {
        *shown = value.clone();
        return;
    };
    match value {
        Value::Array(elements) => {
            if shown.is_null() {
                *shown = Value::Array(vec![Value::Null; elements.len()]);
            }
            if let Value::Array(places) = shown {
                for (place, element) in places.iter_mut().zip(elements) {
                    merge(place, element, Some(part));
                }
            }
        }
        Value::Object(parts) => {
            if shown.is_null() {
                *shown = Value::Object(Map::new());
            }
            if let (Value::Object(places), Some(value)) = (shown, parts.get(part)) {
                places.insert(part.to_owned(), value.clone());
            }
        }
        _ => {}
    }
}

fn is_bare(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(parts) => parts.is_empty(),
        Value::Array(elements) => elements.iter().all(is_bare),
        _ => false,
    }
}

fn without(mut resource: Resource, paths: &[AttributePath], schema: &ResourceSchema) -> Resource {
    let schemas = resource.as_map().get("schemas").cloned();
    for path in paths {
        let always = schema
            .resolve(path)
            .is_none_or(|at| at.attribute.is_some_and(|attribute| attribute.returned == Returned::Always));
        if !always {
            resource.remove(path);
        }
    }
    // What is not shown is there all the same: `schemas` keeps naming it.
    if let Some(schemas) = schemas {
        resource.as_map_mut().insert("schemas".to_owned(), schemas);
    }
    resource
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::urn;

    fn shown(attributes: &[&str], excluded: &[&str]) -> Value {
        let ada: Resource = serde_json::from_value(json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "id": "1",
            "userName": "ada",
            "name": {"givenName": "Ada", "familyName": "L"},
            "emails": [{"type": "work", "value": "w"}, {"value": "h"}],
            urn::ENTERPRISE_USER: {"department": "X", "division": "Y"},
        }))
        .unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let projection = Projection::new(names(attributes), names(excluded)).unwrap();
        let mut shown = Value::from(projection.apply(ada, ResourceSchema::user()));
        let always = shown.as_object_mut().unwrap();
        assert_eq!(always.remove("id"), Some(json!("1")));
        assert_eq!(always.remove("schemas"), Some(json!([urn::USER, urn::ENTERPRISE_USER])));
        shown
    }

    #[test]
    fn only_what_is_named_is_shown() {
        for (names, expected) in [
            (vec!["USERNAME", "nothing", "a b"], json!({"userName": "ada"})),
            (vec!["name.givenName"], json!({"name": {"givenName": "Ada"}})),
            (vec!["name.givenName", "name.familyName"], json!({"name": {"givenName": "Ada", "familyName": "L"}})),
            (vec!["emails.type", "emails.value"], json!({"emails": [{"type": "work", "value": "w"}, {"value": "h"}]})),
            (vec!["emails.primary"], json!({})),
            (vec![urn::ENTERPRISE_USER], json!({urn::ENTERPRISE_USER: {"department": "X", "division": "Y"}})),
            (
                vec!["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"],
                json!({urn::ENTERPRISE_USER: {"department": "X"}}),
            ),
        ] {
            assert_eq!(shown(&names, &[]), expected, "{names:?}");
        }
    }

    #[test]
    fn what_is_excluded_is_not_shown() {
        let rest =
            shown(&[], &["ID", "schemas", "userName", "name.givenName", "emails", urn::ENTERPRISE_USER, "nothing"]);
        assert_eq!(rest, json!({"name": {"familyName": "L"}}));
    }

    #[test]
    fn members_are_not_read_when_they_are_not_shown() {
        let group = ResourceSchema::group();
        let shows = |attributes: &[&str], excluded: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Projection::new(names(attributes), names(excluded)).unwrap().shows("members", group)
        };
        assert!(shows(&[], &[]) && shows(&["members.value"], &[]) && shows(&[], &["displayName"]));
        assert!(!shows(&["displayName"], &[]) && !shows(&[], &["MEMBERS"]));
    }
}
