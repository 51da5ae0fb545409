//! A document of the synchronization API to rules that can run, or every problem at once.

mod attributes;
mod scope;

use sha2::{Digest, Sha256};

use super::CompileProblem;
use super::directory::metadata;
use super::mapping::{ObjectFlow, ObjectMapping, Schema};
use super::problem::quoted;
use super::wire::{self, DirectoryDefinition, ObjectDefinition, SynchronizationRule, SynchronizationSchema};
use crate::model::{ObjectKind, ObjectMappingId, ResourceKind};
use crate::scim::urn;

/// The name of the computed attribute where the source object does not name another.
const SOFT_DELETED: &str = "IsSoftDeleted";

/// The attribute that says whether an account is enabled, where the source object does not name another.
const ACCOUNT_ENABLED: &str = "accountEnabled";

/// Compiles a schema. Disabled mappings are left out and not checked.
pub fn compile(schema: &SynchronizationSchema) -> Result<Schema, Vec<CompileProblem>> {
    let mut compiler = Compiler { schema, problems: Vec::new() };
    compiler.check_directories();
    let mut rules: Vec<(usize, &SynchronizationRule)> = schema.synchronization_rules.iter().enumerate().collect();
    rules.sort_by_key(|(_, rule)| rule.priority);
    let mut mappings: Vec<ObjectMapping> = Vec::new();
    for (index, rule) in rules {
        compiler.rule(&format!("/synchronizationRules/{index}"), rule, &mut mappings);
    }
    if compiler.problems.is_empty() {
        Ok(Schema { version: schema.version.clone().unwrap_or_default(), mappings })
    } else {
        Err(compiler.problems)
    }
}

/// What the mapping writes, told apart by a digest of its names: every row of the store carries it, and the names of
/// target objects are long URNs.
fn mapping_id(rule: &str, source: &str, target: &str, target_kind: &ResourceKind) -> ObjectMappingId {
    let mut digest = Sha256::new();
    for name in [rule, source, target] {
        digest.update(name.len().to_be_bytes());
        digest.update(name);
    }
    let digest: String = digest.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    ObjectMappingId::new(format!("{target_kind}-{digest}"))
}

/// The document, and what is wrong with it so far.
struct Compiler<'a> {
    schema: &'a SynchronizationSchema,
    problems: Vec<CompileProblem>,
}

/// One object mapping with the definitions it stands between.
#[derive(Clone, Copy)]
struct Between<'a> {
    source: &'a ObjectDefinition,
    target: &'a ObjectDefinition,
    soft_deleted: &'a str,
}

impl<'a> Compiler<'a> {
    fn report(&mut self, problem: CompileProblem) {
        self.problems.push(problem);
    }

    fn check_directories(&mut self) {
        for (index, directory) in self.schema.directories.iter().enumerate() {
            let pointer = format!("/directories/{index}");
            let names = self.schema.directories[..index].iter().map(|directory| directory.name.as_deref());
            self.check_name(&format!("{pointer}/name"), directory.name.as_deref(), names);
            for (index, object) in directory.objects.iter().enumerate() {
                let pointer = format!("{pointer}/objects/{index}");
                let names = directory.objects[..index].iter().map(|object| object.name.as_deref());
                self.check_name(&format!("{pointer}/name"), object.name.as_deref(), names);
                self.check_attributes(&pointer, object);
            }
        }
    }

    fn check_attributes(&mut self, pointer: &str, object: &'a ObjectDefinition) {
        for (index, attribute) in object.attributes.iter().enumerate() {
            let pointer = format!("{pointer}/attributes/{index}");
            let names = object.attributes[..index].iter().map(|attribute| attribute.name.as_deref());
            self.check_name(&format!("{pointer}/name"), attribute.name.as_deref(), names);
            self.known(&format!("{pointer}/type"), "a type of attribute", &attribute.kind);
            self.known(&format!("{pointer}/mutability"), "a mutability", &attribute.mutability);
        }
    }

    fn check_name<'n>(&mut self, pointer: &str, name: Option<&str>, mut before: impl Iterator<Item = Option<&'n str>>) {
        match name {
            None | Some("") => self.report(CompileProblem::new(pointer, "a name", "nothing")),
            Some(name) if before.any(|other| other == Some(name)) => {
                self.report(CompileProblem::new(pointer, "a name of its own", format!("`{name}` a second time")));
            }
            Some(_) => {}
        }
    }

    /// The word, or its default after saying that it is none of the known ones.
    fn known<T: wire::Vocabulary>(&mut self, pointer: &str, expected: &str, word: &wire::Word<T>) -> T {
        match word {
            wire::Word::Known(word) => *word,
            wire::Word::Unknown(text) => {
                let words = T::WORDS.iter().map(|(_, name)| *name);
                self.report(CompileProblem::unknown(pointer, expected, text, words));
                T::default()
            }
        }
    }

    fn rule(&mut self, pointer: &str, rule: &'a SynchronizationRule, mappings: &mut Vec<ObjectMapping>) {
        let name = rule.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            self.report(CompileProblem::new(&format!("{pointer}/name"), "a name", "nothing"));
        }
        let source = self.directory(&format!("{pointer}/sourceDirectoryName"), rule.source_directory_name.as_deref());
        let target = self.directory(&format!("{pointer}/targetDirectoryName"), rule.target_directory_name.as_deref());
        let (Some(source), Some(target)) = (source, target) else { return };
        for (index, mapping) in rule.object_mappings.iter().enumerate() {
            if !is_enabled(mapping) {
                continue;
            }
            let pointer = format!("{pointer}/objectMappings/{index}");
            let Some(compiled) = self.object_mapping(&pointer, name, mapping, source, target) else { continue };
            if mappings.iter().any(|other| other.id == compiled.id) {
                let expected = "one enabled mapping for a rule, a source object and a target object";
                self.report(CompileProblem::new(&pointer, expected, "another one"));
            }
            mappings.push(compiled);
        }
    }

    fn directory(&mut self, pointer: &str, name: Option<&str>) -> Option<(usize, &'a DirectoryDefinition)> {
        let directories = &self.schema.directories;
        let name = name.unwrap_or_default();
        let found = directories.iter().position(|directory| directory.name.as_deref() == Some(name));
        if found.is_none() {
            let names = directories.iter().filter_map(|directory| directory.name.as_deref());
            self.report(CompileProblem::unknown(pointer, "the name of a directory of this schema", name, names));
        }
        found.map(|index| (index, &directories[index]))
    }

    fn object(
        &mut self,
        pointer: &str,
        name: Option<&str>,
        (directory_index, directory): (usize, &'a DirectoryDefinition),
    ) -> Option<&'a ObjectDefinition> {
        let name = name.unwrap_or_default();
        let Some((index, object)) = directory.object(name) else {
            let expected = "the name of an object of the directory";
            self.report(CompileProblem::unknown(pointer, expected, name, directory.object_names()));
            return None;
        };
        let anchors = object.attributes.iter().filter(|attribute| attribute.anchor).count();
        if anchors != 1 {
            let pointer = format!("/directories/{directory_index}/objects/{index}/attributes");
            let problem =
                CompileProblem::new(&pointer, "exactly one attribute with `anchor` true", format!("{anchors}"));
            if !self.problems.contains(&problem) {
                self.report(problem);
            }
        }
        Some(object)
    }

    fn object_mapping(
        &mut self,
        pointer: &str,
        rule: &str,
        mapping: &'a wire::ObjectMapping,
        source: (usize, &'a DirectoryDefinition),
        target: (usize, &'a DirectoryDefinition),
    ) -> Option<ObjectMapping> {
        let source_name = mapping.source_object_name.as_deref();
        let target_name = mapping.target_object_name.as_deref();
        let source = self.object(&format!("{pointer}/sourceObjectName"), source_name, source);
        let target = self.object(&format!("{pointer}/targetObjectName"), target_name, target);
        for flag in &mapping.flow_types.unknown {
            let flags = ["Add", "Update", "Delete", "None"];
            self.report(CompileProblem::unknown(&format!("{pointer}/flowTypes"), "a flow type", flag, flags));
        }
        let (source, target) = (source?, target?);
        let (source_name, target_name) = (source_name.unwrap_or_default(), target_name.unwrap_or_default());
        let soft_deleted = source.metadata("PropertyNameSoftDeleted").unwrap_or(SOFT_DELETED);
        let between = Between { source, target, soft_deleted };
        let target_kind = self.resource_kind(&format!("{pointer}/targetObjectName"), target_name, target);
        let account_enabled = self.account_enabled(pointer, source);
        let scope = self.scope(&format!("{pointer}/scope"), mapping.scope.as_ref(), between);
        let attributes = self.attributes(&format!("{pointer}/attributeMappings"), &mapping.attribute_mappings, between);
        let flow = &mapping.flow_types;
        let single_valued = source.attributes.iter().filter(|attribute| !attribute.multivalued);
        Some(ObjectMapping {
            id: mapping_id(rule, source_name, target_name, &target_kind),
            source_kind: ObjectKind::new(source_name),
            schemas: attributes.schemas(&target_kind, target_name),
            target_kind,
            flow: ObjectFlow { add: flow.add, update: flow.update, delete: flow.delete },
            scope,
            object_filter: attributes.object_filter,
            attributes: attributes.attributes,
            references: attributes.references,
            account_enabled,
            soft_deleted: soft_deleted.to_owned(),
            single_valued: single_valued.filter_map(|attribute| attribute.name.clone()).collect(),
        })
    }

    /// The endpoint: the well-known one of a well-known schema, else the API that the object names.
    fn resource_kind(&mut self, pointer: &str, name: &str, target: &ObjectDefinition) -> ResourceKind {
        let last = name.rsplit(':').next().unwrap_or_default();
        let supported = target.supported_apis.first().map(String::as_str);
        let is_segment = |api: &&str| {
            !api.is_empty() && api.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        match (last, supported.filter(is_segment)) {
            ("User", _) => ResourceKind::from(urn::USERS),
            ("Group", _) => ResourceKind::from(urn::GROUPS),
            (_, Some(api)) => ResourceKind::from(api),
            (_, None) => {
                let expected = "the schema of users or groups, or an object whose `supportedApis` names its endpoint";
                self.report(CompileProblem::new(pointer, expected, quoted(name)));
                ResourceKind::from(last)
            }
        }
    }

    fn account_enabled(&mut self, pointer: &str, source: &ObjectDefinition) -> Option<String> {
        let Some(name) = source.metadata("PropertyNameAccountEnabled") else {
            return source.attribute(ACCOUNT_ENABLED).map(|_| ACCOUNT_ENABLED.to_owned());
        };
        if source.attribute(name).is_none() {
            let pointer = format!("{pointer}/sourceObjectName");
            let expected = "a source object that defines the attribute its `PropertyNameAccountEnabled` names";
            self.report(CompileProblem::unknown(&pointer, expected, name, source.attribute_names()));
        }
        Some(name.to_owned())
    }
}

/// A mapping that is switched off, discarded, or kept only for the sake of others is not run.
fn is_enabled(mapping: &wire::ObjectMapping) -> bool {
    let says = |key: &str, value: &str| {
        metadata(&mapping.metadata, key).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    mapping.enabled && !says("Unsynchronized", "true") && !says("Disposition", "Discard")
}
