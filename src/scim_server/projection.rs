//! Which attributes an answer shows: `attributes` and `excludedAttributes` (RFC 7644 section 3.9).
//!
//! Names that mean nothing are passed over.

use serde_json::{Map, Value};

use super::resource_types::{Kind, Place};
use crate::scim::{AttributePath, Filter, Resource, ResourceSchema, Returned, ScimError, ScimType, urn};

/// Names in one parameter; more than any type has attributes, and each costs a look-up in every resource.
const MOST_NAMES: usize = 200;

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
        if attributes.len().max(excluded.len()) > MOST_NAMES {
            let most = MOST_NAMES.to_string();
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                ["name ", &most, " attributes at most"].concat(),
            ));
        }
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

    /// What a filter looks at: members, groups and managers are rows of their own, and read only for that.
    pub(super) fn needed_by(filter: &Filter, kind: &Kind) -> Self {
        let manager = AttributePath::new("manager").in_schema(urn::ENTERPRISE_USER);
        let relations = [AttributePath::new("members"), AttributePath::new("groups"), manager];
        Self::Without(relations.into_iter().filter(|relation| !looks_at(filter, relation, kind)).collect())
    }

    /// False when the attribute will not be shown, so that it need not be read.
    pub(super) fn shows(&self, attribute: &str, schema: &ResourceSchema) -> bool {
        self.shows_at(None, attribute, schema)
    }

    /// The same for an attribute of this extension.
    pub(super) fn shows_at(&self, extension: Option<&str>, attribute: &str, schema: &ResourceSchema) -> bool {
        let named = |path: &AttributePath| {
            let at = schema.resolve(path).filter(|at| at.extension == extension);
            at.is_some_and(|at| at.attribute.is_none_or(|found| found.name == attribute))
        };
        match self {
            Self::All => true,
            Self::Only(paths) => paths.iter().any(named),
            Self::Without(paths) => !paths.iter().any(|path| named(path) && path.sub_attribute.is_none()),
        }
    }

    /// The resource as it is shown. The names in it are canonical.
    pub(super) fn apply(&self, resource: Resource, kind: &Kind, written: &Written) -> Resource {
        let mut map = match self {
            Self::Only(paths) => only(resource.into_map(), paths, &kind.schema),
            Self::All | Self::Without(_) => resource.into_map(),
        };
        let named = |place: &Place| match self {
            // What was not named is not there any more.
            Self::Only(_) => true,
            Self::All | Self::Without(_) => written.includes(place),
        };
        for hidden in &kind.hidden {
            if !(hidden.on_request && named(&hidden.place)) {
                hidden.place.remove(&mut map);
            }
        }
        if let Self::Without(paths) = self {
            exclude(&mut map, paths, kind);
        }
        Resource::from(map)
    }
}

fn looks_at(filter: &Filter, attribute: &AttributePath, kind: &Kind) -> bool {
    match filter {
        Filter::And(terms) | Filter::Or(terms) => terms.iter().any(|term| looks_at(term, attribute, kind)),
        Filter::Not(term) => looks_at(term, attribute, kind),
        Filter::Present(path) | Filter::Comparison { path, .. } | Filter::ValuePath { path, .. } => {
            let (found, wanted) = (kind.place(path), kind.place(attribute));
            found.zip(wanted).is_some_and(|(found, wanted)| {
                found.extension == wanted.extension && found.attribute == wanted.attribute
            })
        }
    }
}

/// What the request wrote whose answer this is: attributes that are returned on request are in the answer when the
/// request gave them (RFC 7643 section 7).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    Nothing,
    Everything,
    Places(Vec<Place>),
}

impl Written {
    fn includes(&self, place: &Place) -> bool {
        let same_part = |other: &Place| other.part.is_none() || place.part.is_none() || other.part == place.part;
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Places(places) => places.iter().any(|other| {
                other.extension == place.extension && other.attribute == place.attribute && same_part(other)
            }),
        }
    }
}

fn only(mut map: Map<String, Value>, paths: &[AttributePath], schema: &ResourceSchema) -> Map<String, Value> {
    let mut shown = Map::new();
    for at in paths.iter().filter_map(|path| schema.resolve(path)) {
        let part = at.sub_attribute.map(|part| part.name.as_str());
        match (at.extension, at.attribute) {
            (Some(extension), None) => {
                if let Some(value) = map.get(extension) {
                    shown.insert(extension.to_owned(), value.clone());
                }
            }
            (Some(extension), Some(attribute)) => {
                let Some(value) = map.get(extension).and_then(|parts| parts.get(&attribute.name)) else { continue };
                let place = shown.entry(extension).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(parts) = place {
                    merge(parts.entry(attribute.name.as_str()).or_insert(Value::Null), value, part);
                }
            }
            (None, Some(attribute)) => {
                let Some(value) = map.get(&attribute.name) else { continue };
                merge(shown.entry(attribute.name.as_str()).or_insert(Value::Null), value, part);
            }
            (None, None) => {}
        }
    }
    for extension in &schema.extensions {
        let extension = &extension.schema;
        let Some(Value::Object(parts)) = map.get(&extension.id) else { continue };
        let always = |name: &str| extension.attribute(name).is_some_and(|found| found.returned == Returned::Always);
        for (name, value) in parts.iter().filter(|(name, _)| always(name)) {
            let place = shown.entry(extension.id.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(parts) = place {
                parts.insert(name.clone(), value.clone());
            }
        }
    }
    shown.retain(|_, value| !is_bare(value));
    map.retain(|name, _| schema.top_attribute(name).is_some_and(|found| found.returned == Returned::Always));
    shown.extend(map);
    shown
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

/// What is not shown is there all the same: `schemas` keeps naming it.
fn exclude(map: &mut Map<String, Value>, paths: &[AttributePath], kind: &Kind) {
    for path in paths {
        match (kind.schema.resolve(path), kind.place(path)) {
            (Some(at), Some(place)) if at.attribute.is_none_or(|found| found.returned != Returned::Always) => {
                place.remove(map);
            }
            (Some(at), None) => {
                let Some(extension) = at.extension.and_then(|urn| kind.schema.extension(urn)) else { continue };
                if let Some(Value::Object(parts)) = map.get_mut(&extension.id) {
                    parts.retain(|name, _| {
                        extension.attribute(name).is_some_and(|found| found.returned == Returned::Always)
                    });
                    if parts.is_empty() {
                        map.remove(&extension.id);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::Schema;
    use crate::scim_server::resource_types::ResourceTypes;

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
        let types = ResourceTypes::standard();
        let mut shown = Value::from(projection.apply(ada, types.named("User").unwrap(), &Written::Nothing));
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

    #[test]
    fn what_is_returned_always_never_or_on_request_is() {
        let base: Schema = serde_json::from_value(json!({"id": "urn:x:Badge", "attributes": [
            {"name": "label", "returned": "always"},
            {"name": "room"},
            {"name": "history", "returned": "request"},
            {"name": "pin", "returned": "never"},
            {"name": "door", "type": "complex", "subAttributes": [
                {"name": "code", "returned": "never"}, {"name": "log", "returned": "request"}, {"name": "name"}]},
        ]}))
        .unwrap();
        let schema = ResourceSchema { base, extensions: vec![] };
        let kind = Kind::new("Badge".to_owned(), "Badges".to_owned(), None, schema);
        let badge: Resource = serde_json::from_value(json!({
            "label": "l", "room": "r", "history": "h", "pin": "p", "door": {"code": "c", "log": "g", "name": "n"},
        }))
        .unwrap();
        let history = || Written::Places(vec![kind.place(&AttributePath::new("history")).unwrap()]);
        let shown = |attributes: &str, excluded: &str, written: Written| {
            let names = |names: &str| names.split_whitespace().map(str::to_owned).collect();
            let projection = Projection::new(names(attributes), names(excluded)).unwrap();
            Value::from(projection.apply(badge.clone(), &kind, &written))
        };
        let plain = json!({"label": "l", "room": "r", "door": {"name": "n"}});
        assert_eq!(shown("", "", Written::Nothing), plain);
        let mut answered = plain.clone();
        answered["history"] = json!("h");
        assert_eq!(shown("", "", history()), answered);
        answered["door"]["log"] = json!("g");
        assert_eq!(shown("", "", Written::Everything), answered);
        assert_eq!(shown("history pin door.code", "", Written::Nothing), json!({"label": "l", "history": "h"}));
        assert_eq!(
            shown("", "label room pin", history()),
            json!({"label": "l", "history": "h", "door": {"name": "n"}})
        );
    }
}
