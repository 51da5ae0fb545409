//! What differs between two schemas, by names and targets: another order of mappings or another spelling of a default is
//! no difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::wire::{AttributeMappingSource, Shape, SynchronizationSchema};
use crate::expression::Expression;
use crate::scim::AttributePath;

/// One difference between an old schema and a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// JSON pointer (RFC 6901) into the new document; into the old one for what is no longer there.
    pub pointer: String,
    /// The names on the way to it, the outermost first.
    pub subject: Vec<String>,
    /// `None`: it was not there. An expression is its text.
    pub was: Option<Json>,
    /// `None`: it is no longer there.
    pub is: Option<Json>,
}

/// The members that tell the elements of a list apart, by the name of the list. Elements of other lists are told apart
/// by where they stand.
static KEYS: &[(&str, &[&str])] = &[
    ("synchronizationRules", &["name"]),
    ("objectMappings", &["sourceObjectName", "targetObjectName"]),
    ("attributeMappings", &["targetAttributeName"]),
    ("directories", &["name"]),
    ("objects", &["name"]),
    ("attributes", &["name"]),
    ("referencedObjects", &["referencedObjectName"]),
    ("metadata", &["key"]),
    ("apiExpressions", &["key"]),
];

/// Everything that differs, in the order of the new document's members. The document's own id and version are not
/// compared: they tell copies apart, not rules.
pub fn diff(old: &SynchronizationSchema, new: &SynchronizationSchema) -> Vec<Difference> {
    let complete = |schema: &SynchronizationSchema| {
        let mut schema = schema.clone();
        schema.complete();
        let mut members = match schema.write() {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        members.retain(|name, _| !matches!(name.as_str(), "id" | "version") && !name.starts_with('@'));
        members
    };
    let mut differences = Vec::new();
    Place::default().members(&complete(old), &complete(new), &mut differences);
    differences
}

/// Where a comparison stands.
#[derive(Clone, Default)]
struct Place {
    pointer: String,
    subject: Vec<String>,
}

impl Place {
    fn below(&self, step: &str) -> Self {
        let escaped = step.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{escaped}", self.pointer), subject: self.subject.clone() }
    }

    fn named(mut self, name: impl Into<String>) -> Self {
        self.subject.push(name.into());
        self
    }

    fn differs(self, was: Option<&Json>, is: Option<&Json>, found: &mut Vec<Difference>) {
        found.push(Difference { pointer: self.pointer, subject: self.subject, was: was.cloned(), is: is.cloned() });
    }

    fn members(&self, old: &Map<String, Json>, new: &Map<String, Json>, found: &mut Vec<Difference>) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let place = self.below(name);
            match (old.get(name), new.get(name)) {
                (Some(was), Some(is)) if name == "source" => place.named("source").sources(was, is, found),
                (Some(Json::Array(was)), Some(Json::Array(is))) => place.elements(name, was, is, found),
                (Some(Json::Object(was)), Some(Json::Object(is))) => place.named(name).members(was, is, found),
                (was, is) if was != is => place.named(name).differs(was, is, found),
                _ => {}
            }
        }
    }

    /// Sources are compared by the text that runs.
    fn sources(self, old: &Json, new: &Json, found: &mut Vec<Difference>) {
        let (was, is) = (canonical_text(old), canonical_text(new));
        match (&was, &is) {
            (Some(was), Some(is)) if was == is => {}
            (Some(_), Some(_)) => self.below("expression").differs(was.as_ref(), is.as_ref(), found),
            _ if old != new => {
                let shown = |text: Option<Json>, json: &Json| text.or_else(|| (!json.is_null()).then(|| json.clone()));
                self.differs(shown(was, old).as_ref(), shown(is, new).as_ref(), found);
            }
            _ => {}
        }
    }

    fn elements(&self, list: &str, old: &[Json], new: &[Json], found: &mut Vec<Difference>) {
        let is_compound = |json: &Json| json.is_object() || json.is_array();
        if !old.iter().chain(new).any(is_compound) {
            if old != new {
                let whole = |values: &[Json]| Json::from(values.to_vec());
                self.clone().named(list).differs(Some(&whole(old)), Some(&whole(new)), found);
            }
            return;
        }
        let mut before: BTreeMap<String, (usize, &Json)> =
            keyed(list, old).into_iter().map(|(key, index, element)| (key, (index, element))).collect();
        for (key, index, is) in keyed(list, new) {
            let place = self.below(&index.to_string()).named(key.clone());
            match (before.remove(&key), is) {
                (Some((_, Json::Object(was))), Json::Object(is)) => place.members(was, is, found),
                (Some((_, was)), is) if was == is => {}
                (was, is) => place.differs(was.map(|(_, was)| was), Some(is), found),
            }
        }
        let mut gone: Vec<_> = before.into_iter().collect();
        gone.sort_by_key(|(_, (index, _))| *index);
        for (key, (index, was)) in gone {
            self.below(&index.to_string()).named(key).differs(Some(was), None, found);
        }
    }
}

/// Every element with what tells it apart and where it stands.
fn keyed<'a>(list: &str, elements: &'a [Json]) -> Vec<(String, usize, &'a Json)> {
    let names = KEYS.iter().find(|(name, _)| *name == list).map(|(_, names)| *names);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut with_key = |(index, element): (usize, &'a Json)| {
        let Some(names) = names else { return (format!("{list}[{index}]"), index, element) };
        let parts: Vec<String> = names.iter().map(|name| part_of_key(name, &element[*name])).collect();
        let key = parts.join(" → ");
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        let key = if *times == 1 { key } else { format!("{key} ({times})") };
        (key, index, element)
    };
    elements.iter().enumerate().map(&mut with_key).collect()
}

/// Target paths are the same in any letter case.
fn part_of_key(name: &str, value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match AttributePath::parse(&text) {
        Ok(path) if name == "targetAttributeName" => path.to_string().to_lowercase(),
        _ => text,
    }
}

fn canonical_text(source: &Json) -> Option<Json> {
    let text = AttributeMappingSource::read(source.clone()).ok()?.text()?;
    Some(Json::from(Expression::parse(&text).map_or(text, |expression| expression.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOLDEN: &str = include_str!("../../fixtures/schema-graph.json");
    const USER: &str = "/synchronizationRules/0/objectMappings/0";

    fn golden() -> Json {
        serde_json::from_str(GOLDEN).unwrap()
    }

    fn differences(old: &Json, new: &Json) -> Vec<Difference> {
        let read = |json: &Json| serde_json::from_value(json.clone()).unwrap();
        diff(&read(old), &read(new))
    }

    #[test]
    fn order_spelling_and_defaults_are_no_difference() {
        let mut other = golden();
        other["id"] = json!("another");
        other["version"] = json!(null);
        other["@odata.context"] = json!("https://gateway.example/$metadata");
        let mappings = other.pointer_mut(&format!("{USER}/attributeMappings")).unwrap().as_array_mut().unwrap();
        mappings.reverse();
        for mapping in mappings.iter_mut() {
            mapping.as_object_mut().unwrap().remove("exportMissingReferences");
            let source = mapping["source"].as_object_mut();
            source.map(|source| source.remove("parameters"));
        }
        let user = other.pointer_mut(USER).unwrap();
        user["flowTypes"] = json!(["delete", "Update", "Add"]);
        user["enabled"] = json!(null);
        other["directories"].as_array_mut().unwrap().reverse();
        assert_eq!(differences(&golden(), &other), []);
    }

    #[test]
    fn each_edit_is_one_difference_at_its_place() {
        let first = format!("{USER}/attributeMappings/2");
        let expression = format!("{first}/source");
        let clause = format!("{USER}/scope/groups/0/clauses/0/targetOperand/values");
        let table = [
            (
                expression.clone(),
                json!({"type": "Function", "expression": "ToLower( [displayName] )"}),
                format!("{expression}/expression"),
            ),
            (format!("{first}/flowType"), json!("ObjectAddOnly"), format!("{first}/flowType")),
            (format!("{first}/defaultValue"), json!("x"), format!("{first}/defaultValue")),
            (clause.clone(), json!(["Galley"]), clause),
            ("/synchronizationRules/0/priority".to_owned(), json!(9), "/synchronizationRules/0/priority".to_owned()),
            (
                "/directories/0/objects/0/attributes/3/caseExact".to_owned(),
                json!(true),
                "/directories/0/objects/0/attributes/3/caseExact".to_owned(),
            ),
            (format!("{USER}/x~y"), json!(1), format!("{USER}/x~0y")),
        ];
        for (pointer, value, expected) in table {
            let mut other = golden();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            other.pointer_mut(parent).unwrap()[name] = value;
            let found = differences(&golden(), &other);
            let pointers: Vec<&str> = found.iter().map(|difference| difference.pointer.as_str()).collect();
            assert_eq!(pointers, [expected.as_str()]);
            let back = differences(&other, &golden());
            assert_eq!((&back[0].was, &back[0].is), (&found[0].is, &found[0].was));
        }
    }

    #[test]
    fn what_comes_and_goes_is_named() {
        let mut other = golden();
        let mappings = other.pointer_mut(&format!("{USER}/attributeMappings")).unwrap().as_array_mut().unwrap();
        let gone = mappings.remove(2);
        let mut added = gone.clone();
        added["targetAttributeName"] = json!("title");
        mappings.insert(0, added.clone());
        let found = differences(&golden(), &other);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].pointer.as_str(), &found[0].is),
            (format!("{USER}/attributeMappings/0").as_str(), &Some(added))
        );
        assert_eq!(found[0].was, None);
        assert_eq!(
            (found[1].pointer.as_str(), &found[1].was),
            (format!("{USER}/attributeMappings/2").as_str(), &Some(gone))
        );
        assert_eq!(found[1].subject.last().map(String::as_str), Some("displayname"));
    }
}
