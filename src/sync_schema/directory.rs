//! Looking things up in the definitions of a directory.
//!
//! Names of a source are compared exactly; paths of a target as SCIM compares them, in any letter case.

use super::wire::{AttributeDefinition, DirectoryDefinition, KeyValue, ObjectDefinition, Word};
use crate::scim::AttributePath;

pub use super::wire::{AttributeType, Mutability};

impl DirectoryDefinition {
    /// The object of this name, with its index.
    pub(super) fn object(&self, name: &str) -> Option<(usize, &ObjectDefinition)> {
        self.objects.iter().enumerate().find(|(_, object)| object.name.as_deref() == Some(name))
    }

    /// The names of all objects.
    pub(super) fn object_names(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().filter_map(|object| object.name.as_deref())
    }
}

impl ObjectDefinition {
    /// The attribute of exactly this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeDefinition> {
        self.attributes.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// The attribute at this path.
    pub(super) fn attribute_at(&self, path: &AttributePath) -> Option<&AttributeDefinition> {
        let text = path.to_string();
        self.attribute(&text).or_else(|| {
            self.attributes.iter().find(|attribute| {
                let name = attribute.name.as_deref().and_then(|name| AttributePath::parse(name).ok());
                name.is_some_and(|name| name.is_same(path))
            })
        })
    }

    /// The names of all attributes.
    pub(super) fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter_map(|attribute| attribute.name.as_deref())
    }

    /// The value of a metadata key.
    pub(super) fn metadata(&self, key: &str) -> Option<&str> {
        metadata(&self.metadata, key)
    }
}

impl AttributeDefinition {
    /// The type; text where the word is not known, which is a problem of its own.
    pub(super) fn attribute_type(&self) -> AttributeType {
        match self.kind {
            Word::Known(kind) => kind,
            Word::Unknown(_) => AttributeType::String,
        }
    }

    /// The mutability; `ReadWrite` where the word is not known.
    pub(super) fn known_mutability(&self) -> Mutability {
        match self.mutability {
            Word::Known(mutability) => mutability,
            Word::Unknown(_) => Mutability::ReadWrite,
        }
    }
}

/// The value of a metadata key, in any letter case; texts that are JSON strings themselves are unquoted.
pub(super) fn metadata<'a>(entries: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let has_key = |entry: &&KeyValue| entry.key.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(key));
    let value = entries.iter().find(has_key)?.value.as_deref()?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}
