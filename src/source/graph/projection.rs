//! What is read of one kind of object, and entries of the service as changes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::attribute::{Attribute, Properties, is_selectable, selected};
use crate::model::{Anchor, Change, Departure, Name, ObjectKind, PartialObject, ReferenceChange, SourceObject, Value};
use crate::source::KindSelection;

/// The longest id that is taken for one. Ids of the directory have 36 characters.
const MOST_ID_CHARACTERS: usize = 128;

/// The one relationship that leads to one object.
pub(super) const MANAGER: &str = "manager";

/// A collection of the directory that has a delta query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Collection {
    Users,
    Groups,
}

impl Collection {
    /// The collection that holds objects of `kind`.
    pub(super) fn of_kind(kind: &ObjectKind) -> Option<Self> {
        match kind.as_str().to_ascii_lowercase().as_str() {
            "user" => Some(Self::Users),
            "group" => Some(Self::Groups),
            _ => None,
        }
    }

    /// Its name in paths, which also names the feed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }

    /// The properties that people call its objects by.
    pub(super) fn called_by(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["userPrincipalName", "mail", "displayName", "mailNickname"],
            Self::Groups => &["mail", "displayName", "mailNickname"],
        }
    }

    /// The relationships that its delta query reports.
    fn relationships(self) -> &'static [&'static str] {
        match self {
            Self::Users => &[MANAGER],
            Self::Groups => &["members", "owners"],
        }
    }

    /// What is read whether it is mapped or not: without `accountEnabled` every user would look enabled.
    fn indispensable(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["objectId", "accountEnabled"],
            Self::Groups => &["objectId"],
        }
    }
}

/// What is read of one kind.
#[derive(Clone, Debug)]
pub(super) struct Projection {
    pub(super) kind: ObjectKind,
    pub(super) collection: Collection,
    attributes: Vec<Attribute>,
    pub(super) references: BTreeSet<String>,
    /// Users have their manager's id as an attribute: expressions read it.
    pub(super) manager_id: bool,
}

/// Why a selection cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SelectionProblem {
    Attribute(String),
    Reference(String),
}

/// An entry that the service should not have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl Projection {
    pub(super) fn new(
        kind: ObjectKind,
        collection: Collection,
        selection: &KindSelection,
    ) -> Result<Self, SelectionProblem> {
        let mut names: BTreeSet<&str> = selection.attributes.iter().map(String::as_str).collect();
        names.extend(collection.indispensable());
        let manager_id = collection == Collection::Users && names.remove(MANAGER);
        let attributes: Vec<Attribute> = names.into_iter().filter_map(Attribute::of_schema).collect();
        let is_readable = |attribute: &&Attribute| attribute.properties().into_iter().all(is_selectable);
        if let Some(attribute) = attributes.iter().find(|attribute| !is_readable(attribute)) {
            return Err(SelectionProblem::Attribute(attribute.name.clone()));
        }
        let relationships = collection.relationships();
        if let Some(unknown) = selection.references.iter().find(|name| !relationships.contains(&name.as_str())) {
            return Err(SelectionProblem::Reference(unknown.clone()));
        }
        Ok(Self { kind, collection, attributes, references: selection.references.clone(), manager_id })
    }

    /// What a delta query tracks: properties and relationships.
    pub(super) fn tracked(&self) -> String {
        let mut relationships: BTreeSet<&str> = self.references.iter().map(String::as_str).collect();
        relationships.extend(self.manager_id.then_some(MANAGER));
        selected(&self.attributes).into_iter().chain(relationships).collect::<Vec<_>>().join(",")
    }

    /// What a read of one object selects: properties only.
    pub(super) fn properties(&self) -> String {
        selected(&self.attributes).into_iter().collect::<Vec<_>>().join(",")
    }

    /// Everything that is read, as it was asked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .chain(self.references.iter().map(String::as_str))
            .chain(self.manager_id.then_some("the id of manager"))
    }

    /// An entry of a delta query as a change.
    ///
    /// The entry is a *part* of the object: a property that is not there says nothing, one that is null has no value.
    /// References are passed on as the service lists them. For a single-valued one (`manager`) that list names the new
    /// value alone; that the former one goes follows from its being single-valued. Only a manager that was cleared
    /// comes as a reference that is gone.
    pub(super) fn change(&self, entry: &Properties) -> Result<Change, Malformed> {
        let anchor = anchor(entry.get("id"))?;
        if let Some(removed) = entry.get("@removed") {
            let departure = match removed.get("reason").and_then(Json::as_str) {
                Some("deleted") => Departure::Deleted,
                _ => Departure::SoftDeleted,
            };
            return Ok(Change::Departed { kind: self.kind.clone(), anchor, departure });
        }
        let told =
            self.attributes.iter().filter_map(|attribute| Some((attribute.name.clone(), attribute.read(entry)?)));
        let mut told: BTreeMap<String, Option<Value>> = told.collect();
        if self.manager_id && !links(entry, MANAGER)?.is_empty() {
            told.insert(MANAGER.to_owned(), manager_id(links(entry, MANAGER)?)?);
        }
        let mut references = Vec::new();
        for attribute in &self.references {
            for link in links(entry, attribute)? {
                references.push(ReferenceChange {
                    attribute: attribute.clone(),
                    to: Name::of_anchor(&self::anchor(link.get("id"))?),
                    present: link.get("@removed").is_none(),
                });
            }
        }
        Ok(Change::Partial(PartialObject {
            kind: self.kind.clone(),
            names: vec![Name::of_anchor(&anchor)],
            anchor,
            attributes: told,
            references,
        }))
    }

    /// An object that was read whole. `manager` is the id of its manager, where that is read as an attribute.
    pub(super) fn object(
        &self,
        properties: &Properties,
        references: BTreeMap<String, Vec<Name>>,
        manager: Option<String>,
    ) -> Result<SourceObject, Malformed> {
        let anchor = anchor(properties.get("id"))?;
        let values = self
            .attributes
            .iter()
            .filter_map(|attribute| Some((attribute.name.clone(), attribute.read(properties).flatten()?)));
        let values = values.chain(manager.map(|id| (MANAGER.to_owned(), Value::Text(id))));
        Ok(SourceObject {
            kind: self.kind.clone(),
            names: vec![Name::of_anchor(&anchor)],
            attributes: values.collect(),
            anchor,
            references,
        })
    }
}

/// True for what may stand as one segment of a path. Ids of the directory are GUIDs; others cannot exist.
pub(super) fn is_id(text: &str) -> bool {
    let is_short = !text.is_empty() && text.len() <= MOST_ID_CHARACTERS;
    is_short && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
}

fn anchor(id: Option<&Json>) -> Result<Anchor, Malformed> {
    let id = id.and_then(Json::as_str).filter(|id| is_id(id));
    id.map(Anchor::from).ok_or(Malformed("an entry has no valid `id`"))
}

/// The id of the manager that a list of changes names: the one that is there now, none when the last was taken away.
fn manager_id(links: &[Json]) -> Result<Option<Value>, Malformed> {
    let now = links.iter().rfind(|link| link.get("@removed").is_none());
    now.map(|link| Ok(Value::text(anchor(link.get("id"))?.as_str()))).transpose()
}

fn links<'a>(entry: &'a Properties, attribute: &str) -> Result<&'a [Json], Malformed> {
    match entry.get(&[attribute, "@delta"].concat()) {
        None => Ok(&[]),
        Some(Json::Array(links)) => Ok(links),
        Some(_) => Err(Malformed("the changes of a relationship are no list")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn selection(attributes: &[&str], references: &[&str]) -> KindSelection {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        KindSelection { attributes: set(attributes), references: set(references) }
    }

    fn users(attributes: &[&str]) -> Projection {
        Projection::new("User".into(), Collection::Users, &selection(attributes, &["manager"])).unwrap()
    }

    fn change(entry: Json) -> Result<Change, Malformed> {
        users(&["department", "mobile"]).change(entry.as_object().unwrap())
    }

    #[test]
    fn the_selection_names_each_property_once_and_nothing_that_is_computed() {
        let projection = users(&["id", "mobile", "extensionAttribute1", "extensionAttribute2", "IsSoftDeleted"]);
        assert_eq!(projection.tracked(), "accountEnabled,id,mobilePhone,onPremisesExtensionAttributes,manager");
        assert_eq!(projection.properties(), "accountEnabled,id,mobilePhone,onPremisesExtensionAttributes");
    }

    #[test]
    fn what_the_directory_cannot_report_is_refused() {
        let read = |attributes: &[&str], references: &[&str]| {
            Projection::new("User".into(), Collection::Users, &selection(attributes, references)).unwrap_err()
        };
        assert_eq!(read(&["a&$filter"], &[]), SelectionProblem::Attribute("a&$filter".into()));
        assert_eq!(read(&[], &["memberOf"]), SelectionProblem::Reference("memberOf".into()));
    }

    #[test]
    fn what_is_absent_is_not_told_and_what_is_null_has_no_value() {
        let Change::Partial(partial) = change(json!({ "id": "7", "department": null, "other": 1 })).unwrap() else {
            panic!("a partial object");
        };
        let told = [("department".to_owned(), None), ("objectId".to_owned(), Some(Value::text("7")))];
        assert_eq!(partial.attributes, told.into());
        assert_eq!(partial.names, [Name::of_anchor(&"7".into())]);
        assert_eq!(partial.references, []);
    }

    #[test]
    fn references_come_as_the_service_lists_them() {
        let entry = json!({ "id": "7", "manager@delta": [
            { "@odata.type": "#microsoft.graph.user", "id": "8", "@removed": { "reason": "deleted" } }, { "id": "9" },
        ] });
        let Change::Partial(partial) = change(entry).unwrap() else { panic!("a partial object") };
        let reference = |id: &str, present| ReferenceChange {
            attribute: "manager".into(),
            to: Name::of_anchor(&id.into()),
            present,
        };
        assert_eq!(partial.references, [reference("8", false), reference("9", true)]);
    }

    #[test]
    fn the_id_of_the_manager_is_an_attribute_where_it_is_asked_for() {
        let projection = users(&["manager", "department"]);
        assert_eq!(projection.tracked(), "accountEnabled,department,id,manager");
        assert_eq!(projection.properties(), "accountEnabled,department,id");
        for (links, expected) in [
            (json!({}), None),
            (json!({ "manager@delta": [] }), None),
            (json!({ "manager@delta": [{ "id": "9" }] }), Some(Some(Value::text("9")))),
            (
                json!({ "manager@delta": [{ "id": "9" }, { "id": "8", "@removed": { "reason": "deleted" } }] }),
                Some(Some(Value::text("9"))),
            ),
            (json!({ "manager@delta": [{ "id": "8", "@removed": { "reason": "deleted" } }] }), Some(None)),
        ] {
            let mut entry = links.clone();
            entry["id"] = json!("7");
            let Change::Partial(partial) = projection.change(entry.as_object().unwrap()).unwrap() else {
                panic!("a partial object")
            };
            assert_eq!(partial.attributes.get("manager").cloned(), expected, "{links}");
        }
    }

    #[test]
    fn a_removed_object_departs_by_its_reason() {
        for (removed, expected) in [
            (json!({ "reason": "changed" }), Departure::SoftDeleted),
            (json!({ "reason": "deleted" }), Departure::Deleted),
            (json!({ "reason": "eaten" }), Departure::SoftDeleted),
            (json!({}), Departure::SoftDeleted),
        ] {
            let change = change(json!({ "id": "7", "@removed": removed, "department": "x" })).unwrap();
            assert_eq!(change, Change::Departed { kind: "User".into(), anchor: "7".into(), departure: expected });
        }
    }

    #[test]
    fn an_entry_that_cannot_be_understood_is_an_error_and_no_loss() {
        for entry in [
            json!({}),
            json!({ "id": "" }),
            json!({ "id": 7 }),
            json!({ "id": "../7" }),
            json!({ "id": "7", "manager@delta": {} }),
            json!({ "id": "7", "manager@delta": [{}] }),
        ] {
            assert!(change(entry.clone()).is_err(), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_an_id_that_could_leave_its_segment(text in ".*") {
            prop_assert!(!is_id(&text) || !text.contains(['/', '?', '#', '%', '.']));
        }
    }
}
