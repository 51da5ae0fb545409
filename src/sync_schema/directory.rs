//! Looking things up in the definitions of a directory.
//!
//! Names of a source are compared exactly; paths of a target as SCIM compares them, in any letter case.

use std::collections::BTreeSet;

use super::wire::{AttributeDefinition, DirectoryDefinition, ObjectDefinition, SynchronizationSchema};
use crate::model::ObjectKind;
use crate::scim::AttributePath;

pub use super::wire::{AttributeType, Mutability};

impl SynchronizationSchema {
    /// The attributes that the sources of the schema's rules define of the object of this kind, without references and
    /// anchors.
    pub fn source_attributes(&self, kind: &ObjectKind) -> BTreeSet<&str> {
        let sources: BTreeSet<&str> =
            self.synchronization_rules.items().filter_map(|(_, rule)| rule.source_directory_name.text()).collect();
        let directories = self.directories.items().map(|(_, directory)| directory);
        directories
            .filter(|directory| directory.name.text().is_some_and(|name| sources.contains(name)))
            .filter_map(|directory| directory.object(kind.as_str()))
            .flat_map(|(_, object)| object.attributes())
            .filter(|attribute| attribute.kind.word() != AttributeType::Reference && !attribute.anchor.or(false))
            .filter_map(|attribute| attribute.name.text())
            .collect()
    }
}

impl DirectoryDefinition {
    /// The object of this name, with its index.
    pub(super) fn object(&self, name: &str) -> Option<(usize, &ObjectDefinition)> {
        self.objects.items().find(|(_, object)| object.name.text() == Some(name))
    }

    /// The names of all objects.
    pub(super) fn object_names(&self) -> impl Iterator<Item = &str> {
        self.objects.items().filter_map(|(_, object)| object.name.text())
    }
}

impl ObjectDefinition {
    /// All attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &AttributeDefinition> {
        self.attributes.items().map(|(_, attribute)| attribute)
    }

    /// The attribute of exactly this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeDefinition> {
        self.attributes().find(|attribute| attribute.name.text() == Some(name))
    }

    /// The attribute at this path.
    pub(super) fn attribute_at(&self, path: &AttributePath) -> Option<&AttributeDefinition> {
        let text = path.to_string();
        self.attribute(&text).or_else(|| {
            self.attributes().find(|attribute| {
                let name = attribute.name.text().and_then(|name| AttributePath::parse(name).ok());
                name.is_some_and(|name| name.is_same(path))
            })
        })
    }

    /// The names of all attributes.
    pub(super) fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.attributes().filter_map(|attribute| attribute.name.text())
    }
}
