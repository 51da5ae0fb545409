//! The types of resource that the server has. They are data: User, Group and whatever a directory of documents adds.
//!
//! What the documents must look like is checked in `schema_files`; what is stored of a resource, in `storage`.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::schema_files::{self, SchemaFileError};
use crate::scim::{
    Attribute, AttributePath, AttributeType, Mutability, ResourceSchema, Returned, Schema, Uniqueness, urn,
};

/// A type of resource (RFC 7643 section 6). Two are equal when their names are.
#[derive(Debug)]
pub(super) struct Kind {
    /// The name, as `meta.resourceType` gives it.
    pub(super) name: String,
    /// The segment of the path where its resources are found: `Users`.
    pub(super) endpoint: String,
    pub(super) description: Option<String>,
    pub(super) schema: ResourceSchema,
    pub(super) indexes: Vec<Index>,
    pub(super) hidden: Vec<Hidden>,
    /// Attributes that are kept as a hash.
    pub(super) secrets: Vec<Place>,
}

/// An attribute that is not shown of itself.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    pub(super) place: Place,
    /// False when it is never shown, whoever asks.
    pub(super) on_request: bool,
}

/// Where an attribute stands in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The URN of its extension; `None` at the top.
    pub(super) extension: Option<String>,
    pub(super) attribute: String,
    pub(super) part: Option<String>,
}

/// An attribute that the database looks up without reading documents.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) place: Place,
    pub(super) comparison: Comparison,
    /// True when each resource has it exactly once.
    pub(super) always_one: bool,
    pub(super) uniqueness: Uniqueness,
}

/// What makes two values of an index the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Exact,
    /// Without regard to case.
    Folded,
    Number,
}

/// All the types, and all the schemas that are published.
#[derive(Debug)]
pub(super) struct ResourceTypes {
    kinds: Vec<Arc<Kind>>,
    schemas: Vec<Schema>,
}

/// What clients look up in resources of the standard schemas, beside what must be unique.
const LOOKED_UP: [&str; 4] = ["userName", "externalId", "displayName", "emails.value"];
/// Indexes of one type at most: each of them makes every write dearer.
const MOST_INDEXES: usize = 32;

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Kind {
    /// A type with what follows from its schemas.
    pub(super) fn new(name: String, endpoint: String, description: Option<String>, schema: ResourceSchema) -> Self {
        let indexes = indexes(&schema);
        let hidden = attributes(&schema)
            .filter(|(_, attribute)| matches!(attribute.returned, Returned::Never | Returned::Request))
            .map(|(place, attribute)| Hidden { place, on_request: attribute.returned == Returned::Request })
            .collect();
        let secrets = places(&schema, |attribute| {
            attribute.kind == AttributeType::String
                && attribute.mutability == Mutability::WriteOnly
                && attribute.returned == Returned::Never
                && !attribute.multi_valued
        })
        .into_iter()
        .filter(|place| place.part.is_none())
        .collect();
        Self { name, endpoint, description, schema, indexes, hidden, secrets }
    }

    /// True when its members are kept as rows of their own.
    pub(super) fn has_members(&self) -> bool {
        self.schema.base.id.eq_ignore_ascii_case(urn::GROUP)
    }

    /// The place that a path names; `None` when it names none, or an extension as a whole.
    pub(super) fn place(&self, path: &AttributePath) -> Option<Place> {
        let at = self.schema.resolve(path)?;
        Some(Place {
            extension: at.extension.map(str::to_owned),
            attribute: at.attribute?.name.clone(),
            part: at.sub_attribute.map(|part| part.name.clone()),
        })
    }

    /// True when it shows the groups that it is in.
    pub(super) fn has_groups(&self) -> bool {
        self.schema.base.id.eq_ignore_ascii_case(urn::USER)
    }
}

impl Place {
    /// The value in a stored document, whose names are canonical. A part is that of a single complex value.
    pub(super) fn get<'a>(&self, document: &'a Map<String, Value>) -> Option<&'a Value> {
        let map = match &self.extension {
            Some(extension) => document.get(extension)?.as_object()?,
            None => document,
        };
        let whole = map.get(&self.attribute)?;
        match &self.part {
            Some(part) => whole.as_object()?.get(part),
            None => Some(whole),
        }
    }

    /// Puts a value into a stored document.
    pub(super) fn set(&self, document: &mut Map<String, Value>, value: Value) {
        let mut path = Vec::from_iter(self.extension.as_deref());
        path.push(self.attribute.as_str());
        path.extend(self.part.as_deref());
        let mut map = document;
        let Some((last, above)) = path.split_last() else { return };
        for name in above {
            let place = map.entry(*name).or_insert(Value::Null);
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let Value::Object(below) = place else { return };
            map = below;
        }
        map.insert((*last).to_owned(), value);
    }

    /// Removes what stands here, in every element of a list, and what is empty without it.
    pub(super) fn remove(&self, document: &mut Map<String, Value>) {
        let Some(extension) = &self.extension else { return self.remove_in(document) };
        if let Some(Value::Object(map)) = document.get_mut(extension) {
            self.remove_in(map);
            if map.is_empty() {
                document.remove(extension);
            }
        }
    }

    fn remove_in(&self, map: &mut Map<String, Value>) {
        let Some(part) = &self.part else {
            map.remove(&self.attribute);
            return;
        };
        let gone = match map.get_mut(&self.attribute) {
            Some(Value::Array(elements)) => {
                for parts in elements.iter_mut().filter_map(Value::as_object_mut) {
                    parts.remove(part);
                }
                elements.retain(|element| element.as_object().is_none_or(|parts| !parts.is_empty()));
                elements.is_empty()
            }
            Some(Value::Object(parts)) => {
                parts.remove(part);
                parts.is_empty()
            }
            _ => false,
        };
        if gone {
            map.remove(&self.attribute);
        }
    }
    /// The text of its path, by which the database knows it.
    pub(super) fn name(&self) -> String {
        let extension = self.extension.as_deref().map_or("", |extension| extension);
        let (colon, dot) = (if extension.is_empty() { "" } else { ":" }, if self.part.is_some() { "." } else { "" });
        [extension, colon, &self.attribute, dot, self.part.as_deref().unwrap_or_default()].concat()
    }
}

impl ResourceTypes {
    /// User with the enterprise extension, and Group.
    pub(super) fn standard() -> Self {
        let kind = |name: &str, endpoint: &str, schema: &ResourceSchema| {
            let description = schema.base.description.clone();
            Arc::new(Kind::new(name.to_owned(), endpoint.to_owned(), description, schema.clone()))
        };
        Self {
            kinds: vec![
                kind("User", urn::USERS, ResourceSchema::user()),
                kind("Group", urn::GROUPS, ResourceSchema::group()),
            ],
            schemas: Schema::all().to_vec(),
        }
    }

    /// The standard types and those of a directory of documents.
    pub(super) fn load(directory: &Path) -> Result<Self, SchemaFileError> {
        let mut types = Self::standard();
        schema_files::read(directory, &mut types)?;
        Ok(types)
    }

    pub(super) fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// Every schema that is published.
    pub(super) fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// The type whose resources are found at this segment of the path; case matters in paths.
    pub(super) fn at_endpoint(&self, segment: &str) -> Option<&Arc<Kind>> {
        self.kinds.iter().find(|kind| kind.endpoint == segment)
    }

    /// The type of this name, in any case.
    pub(super) fn named(&self, name: &str) -> Option<&Arc<Kind>> {
        self.kinds.iter().find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    /// The schema of this URN, in any case.
    pub(super) fn schema(&self, urn: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// Adds a schema that nothing has yet.
    pub(super) fn add_schema(&mut self, schema: Schema) {
        self.schemas.push(schema);
    }

    /// Adds a type, or puts it in the place of the one of its name.
    pub(super) fn add_kind(&mut self, kind: Kind) {
        match self.kinds.iter_mut().find(|present| present.name.eq_ignore_ascii_case(&kind.name)) {
            Some(present) => *present = Arc::new(kind),
            None => self.kinds.push(Arc::new(kind)),
        }
    }
}

/// Every attribute with its place: those of the base schema, the common ones, those of the extensions, and their parts.
fn attributes(schema: &ResourceSchema) -> impl Iterator<Item = (Place, &Attribute)> {
    static EXTERNAL_ID: LazyLock<Option<Attribute>> =
        LazyLock::new(|| ResourceSchema::group().top_attribute("externalId").cloned());
    let base = schema.base.attributes.iter().chain(EXTERNAL_ID.as_ref()).map(|attribute| (None, attribute));
    let extensions = schema.extensions.iter().flat_map(|extension| {
        extension.schema.attributes.iter().map(move |attribute| (Some(extension.schema.id.clone()), attribute))
    });
    base.chain(extensions).flat_map(|(extension, attribute)| {
        let whole = Place { extension: extension.clone(), attribute: attribute.name.clone(), part: None };
        let parts = attribute.sub_attributes.iter().map(move |part| {
            let place = Place {
                extension: extension.clone(),
                attribute: attribute.name.clone(),
                part: Some(part.name.clone()),
            };
            (place, part)
        });
        std::iter::once((whole, attribute)).chain(parts)
    })
}

fn places(schema: &ResourceSchema, chosen: impl Fn(&Attribute) -> bool) -> Vec<Place> {
    attributes(schema).filter(|(_, attribute)| chosen(attribute)).map(|(place, _)| place).collect()
}

/// The attribute at a place, or the one that a part belongs to.
fn whole<'a>(schema: &'a ResourceSchema, place: &Place) -> Option<&'a Attribute> {
    match &place.extension {
        Some(extension) => schema.extension(extension)?.attribute(&place.attribute),
        None => schema.top_attribute(&place.attribute),
    }
}

/// What is looked up, what must be unique, and the plain attributes of schemas that are not standard. What has rows of
/// its own, or may not be asked for, has no index.
fn indexes(schema: &ResourceSchema) -> Vec<Index> {
    let is_standard = |urn: &str| Schema::all().iter().any(|schema| schema.id.eq_ignore_ascii_case(urn));
    let base_is_standard = is_standard(&schema.base.id);
    let found = attributes(schema).filter_map(|(place, attribute)| {
        let comparison = match attribute.kind {
            AttributeType::String | AttributeType::Reference if attribute.case_exact => Comparison::Exact,
            AttributeType::String | AttributeType::Reference => Comparison::Folded,
            AttributeType::Integer | AttributeType::Decimal => Comparison::Number,
            _ => return None,
        };
        if attribute.returned == Returned::Never || attribute.mutability == Mutability::ReadOnly {
            return None;
        }
        let whole = whole(schema, &place)?;
        let in_base = place.extension.is_none();
        let custom = place.extension.as_deref().map_or(!base_is_standard, |extension| !is_standard(extension))
            && place.part.is_none()
            && !attribute.multi_valued;
        let looked_up = place.extension.is_none() && LOOKED_UP.contains(&place.name().as_str());
        (custom || looked_up || attribute.uniqueness != Uniqueness::None).then(|| Index {
            place,
            comparison,
            always_one: attribute.required && !attribute.multi_valued && whole.name == attribute.name && in_base,
            uniqueness: attribute.uniqueness,
        })
    });
    let (mut unique, looked_up): (Vec<_>, Vec<_>) = found.partition(|index| index.uniqueness != Uniqueness::None);
    let room = MOST_INDEXES.saturating_sub(unique.len());
    unique.extend(looked_up.into_iter().take(room));
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_types_know_what_is_looked_up_hidden_and_hashed() {
        let types = ResourceTypes::standard();
        let names = |kind: &Kind| kind.indexes.iter().map(|index| index.place.name()).collect::<Vec<_>>();
        let user = types.named("USER").unwrap();
        assert_eq!(names(user), ["userName", "displayName", "emails.value", "externalId"]);
        assert_eq!(names(types.at_endpoint("Groups").unwrap()), ["displayName", "externalId"]);
        assert_eq!(user.secrets.iter().map(Place::name).collect::<Vec<_>>(), ["password"]);
        assert_eq!(user.hidden.iter().map(|hidden| hidden.place.name()).collect::<Vec<_>>(), ["password"]);
        assert!(types.at_endpoint("users").is_none());
        assert!(user.has_groups() && !user.has_members());
    }
}
