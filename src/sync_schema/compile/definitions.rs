//! What the directories say of their objects, checked by itself.

use std::collections::BTreeSet;

use super::{Compiler, unacted};
use crate::sync_schema::wire::{
    AttributeDefinition, DirectoryDefinition, Given, List, ObjectDefinition, Oddity, Shape,
};
use crate::sync_schema::{Finding, Severity};

impl Compiler<'_> {
    /// Tells every value that is not of the contract's type.
    pub(super) fn check_types(&mut self) {
        let mut oddities = Vec::new();
        self.schema.oddities("", &mut oddities);
        for Oddity { pointer, expected, found } in oddities {
            self.report(if unacted::is_without_effect(&pointer) {
                Finding::unsupported(&pointer, format!("{expected} was expected"), found)
            } else {
                Finding::error(&pointer, expected, found)
            });
        }
    }

    pub(super) fn check_directories(&mut self) {
        self.check_names("/directories", &self.schema.directories, |directory| &directory.name);
        for (index, directory) in self.schema.directories.items() {
            let pointer = format!("/directories/{index}/objects");
            self.check_names(&pointer, &directory.objects, |object| &object.name);
            for (index, object) in directory.objects.items() {
                self.check_keys(&format!("{pointer}/{index}"), &object.metadata);
                self.check_attributes(&format!("{pointer}/{index}/attributes"), object, directory);
            }
        }
    }

    fn check_attributes(&mut self, pointer: &str, object: &ObjectDefinition, directory: &DirectoryDefinition) {
        self.check_names(pointer, &object.attributes, |attribute| &attribute.name);
        for (index, attribute) in object.attributes.items() {
            let pointer = format!("{pointer}/{index}");
            self.check_keys(&pointer, &attribute.metadata);
            self.check_referenced_objects(&format!("{pointer}/referencedObjects"), attribute, directory);
            self.known(&format!("{pointer}/type"), "a type of attribute", &attribute.kind);
            self.known(&format!("{pointer}/mutability"), "a mutability", &attribute.mutability);
        }
    }

    /// Every element has a name, and a name of its own.
    fn check_names<T>(&mut self, pointer: &str, list: &Given<List<T>>, name_of: impl Fn(&T) -> &Given<String>) {
        let mut before = BTreeSet::new();
        for (index, element) in list.items() {
            let pointer = format!("{pointer}/{index}/name");
            match name_of(element) {
                Given::Odd(_) => {}
                name => match name.text().unwrap_or_default() {
                    "" => self.report(Finding::error(&pointer, "a name", "nothing")),
                    name if !before.insert(name) => {
                        let found = format!("`{name}` a second time");
                        self.report(Finding::error(&pointer, "a name of its own", found));
                    }
                    _ => {}
                },
            }
        }
    }

    /// A reference to an object that the directory does not define is written all the same: its far end is found by
    /// its anchor.
    fn check_referenced_objects(
        &mut self,
        pointer: &str,
        attribute: &AttributeDefinition,
        directory: &DirectoryDefinition,
    ) {
        for (index, referenced) in attribute.referenced_objects.items() {
            let Some(name) = referenced.referenced_object_name.text() else { continue };
            if directory.object(name).is_none() {
                let advice = "this directory defines no such object";
                let pointer = format!("{pointer}/{index}/referencedObjectName");
                let finding = Finding::unknown(&pointer, advice, name, directory.object_names());
                self.report(finding.weighing(Severity::Hint));
            }
        }
    }
}
