//! The types of resource that the server has. They are data: User, Group and whatever a directory of documents adds.
//!
//! What the documents must look like is checked in `schema_files`; what is stored of a resource, in `storage`.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::schema_files::{self, SchemaFileError};
use crate::scim::{Attribute, AttributeType, Mutability, ResourceSchema, Returned, Schema, Uniqueness, urn};

/// A type of resource (RFC 7643 section 6). Two are equal when their names are.
#[derive(Debug)]
#[allow(dead_code, reason = "the indexes are read by the storage that comes next")]
pub(super) struct Kind {
    /// The name, as `meta.resourceType` gives it.
    pub(super) name: String,
    /// The segment of the path where its resources are found: `Users`.
    pub(super) endpoint: String,
    pub(super) description: Option<String>,
    pub(super) schema: ResourceSchema,
    pub(super) indexes: Vec<Index>,
    /// Attributes that are not shown unless they are asked for, or never.
    pub(super) hidden: Vec<Place>,
    /// Attributes that are kept as a hash.
    pub(super) secrets: Vec<Place>,
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
#[allow(dead_code, reason = "the indexes are read by the storage that comes next")]
pub(super) struct Index {
    pub(super) place: Place,
    pub(super) comparison: Comparison,
    pub(super) multi_valued: bool,
    pub(super) required: bool,
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
        let hidden = places(&schema, |attribute| matches!(attribute.returned, Returned::Never | Returned::Request));
        let secrets = places(&schema, |attribute| {
            attribute.kind == AttributeType::String
                && attribute.mutability == Mutability::WriteOnly
                && attribute.returned == Returned::Never
                && !attribute.multi_valued
        });
        Self { name, endpoint, description, schema, indexes, hidden, secrets }
    }

    /// True when its members are kept as rows of their own.
    pub(super) fn has_members(&self) -> bool {
        self.schema.base.id.eq_ignore_ascii_case(urn::GROUP)
    }

    /// True when it shows the groups that it is in.
    pub(super) fn has_groups(&self) -> bool {
        self.schema.base.id.eq_ignore_ascii_case(urn::USER)
    }
}

impl Place {
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
        let whole = match &place.extension {
            Some(extension) => schema.extension(extension)?.attribute(&place.attribute)?,
            None => schema.top_attribute(&place.attribute)?,
        };
        let custom = place.extension.as_deref().map_or(!base_is_standard, |extension| !is_standard(extension))
            && place.part.is_none()
            && !attribute.multi_valued;
        let looked_up = place.extension.is_none() && LOOKED_UP.contains(&place.name().as_str());
        (custom || looked_up || attribute.uniqueness != Uniqueness::None).then(|| Index {
            place,
            comparison,
            multi_valued: whole.multi_valued,
            required: whole.required && whole.name == attribute.name,
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
        assert_eq!(user.hidden, user.secrets);
        assert!(types.at_endpoint("users").is_none());
        assert!(user.has_groups() && !user.has_members());
    }
}
