//! A document of the synchronization API to rules that can run, and all there is to say of it at once.

mod attributes;
mod definitions;
mod direction;
mod groups;
mod scope;
mod sources;
mod unacted;

use sha2::{Digest, Sha256};

use super::finding::{Finding, Severity, quoted};
use super::mapping::{ObjectFlow, ObjectMapping, Schema};
use super::wire::{
    self, DirectoryDefinition, Flags, Given, List, MappingMetadata, MetadataEntry, ObjectDefinition, ObjectFlowType,
    ObjectMetadata, Shape, SynchronizationRule, SynchronizationSchema, Word,
};
use crate::model::{ObjectKind, ObjectMappingId, ResourceKind};
use crate::scim::urn;

/// The name of the computed attribute where the source object does not name another.
const SOFT_DELETED: &str = "IsSoftDeleted";

/// The attribute that says whether an account is enabled, where the source object does not name another.
const ACCOUNT_ENABLED: &str = "accountEnabled";

/// What a document comes to.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The rules; `None` when a finding is an error.
    pub schema: Option<Schema>,
    /// All there is to say of the document: errors first, then what is not acted on, then hints.
    pub findings: Vec<Finding>,
    /// What is an error as well where the source has no default domain.
    pub without_default_domain: Vec<Finding>,
}

impl Compiled {
    /// The rules, or the errors that keep them from running.
    pub fn runnable(self) -> Result<Schema, Vec<Finding>> {
        self.schema.ok_or_else(|| self.findings.into_iter().filter(Finding::is_error).collect())
    }
}

/// Compiles a schema. Disabled mappings are left out, and so is whatever there may be to say of them.
pub fn compile(schema: &SynchronizationSchema) -> Compiled {
    let mut compiler = Compiler {
        schema,
        findings: Vec::new(),
        without_default_domain: Vec::new(),
        idle: Vec::new(),
        member_tests: Vec::new(),
    };
    compiler.check_types();
    compiler.check_directories();
    let mappings = compiler.rules();
    let groups = compiler.groups(&mappings);
    let Compiler { mut findings, without_default_domain, idle, .. } = compiler;
    findings.extend(unacted::findings(&schema.write()));
    let is_idle = |finding: &Finding| idle.iter().any(|rule| finding.pointer.starts_with(rule));
    findings.retain(|finding| !is_idle(finding));
    findings.sort_by_key(|finding| finding.severity);
    let runs = !findings.iter().any(Finding::is_error);
    let version = schema.version.text().unwrap_or_default().to_owned();
    Compiled { schema: runs.then_some(Schema { version, mappings, groups }), findings, without_default_domain }
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

/// The document, and what there is to say of it so far.
struct Compiler<'a> {
    schema: &'a SynchronizationSchema,
    findings: Vec<Finding>,
    without_default_domain: Vec<Finding>,
    /// Pointers, each with a `/` at its end, of what is switched off: nothing below them matters.
    idle: Vec<String>,
    /// Pointers to the clauses that test membership of a group.
    member_tests: Vec<String>,
}

/// One object mapping with the definitions it stands between.
#[derive(Clone, Copy)]
struct Between<'a> {
    source: &'a ObjectDefinition,
    target: &'a ObjectDefinition,
    soft_deleted: &'a str,
}

impl<'a> Compiler<'a> {
    fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The word, or its default after saying that it is none of the known ones.
    fn known<T: wire::Vocabulary>(&mut self, pointer: &str, expected: &str, word: &Given<Word<T>>) -> T {
        if let Some(unknown) = word.get().filter(|word| word.known().is_none()) {
            let words = T::WORDS.iter().map(|(_, name)| *name);
            self.report(Finding::unknown(pointer, expected, &unknown.written(), words));
        }
        word.word()
    }

    /// Tells every key of metadata that is none of the contract's.
    fn check_keys<K: wire::Vocabulary>(&mut self, pointer: &str, metadata: &Given<List<MetadataEntry<K>>>) {
        for (index, entry) in metadata.items() {
            if let Some(unknown) = entry.key.get().filter(|key| key.known().is_none()) {
                let (pointer, keys) = (format!("{pointer}/metadata/{index}/key"), K::WORDS.iter().map(|(_, key)| *key));
                let advice = "the contract has no such key: it is kept, and nothing follows from it";
                let finding = Finding::unknown(&pointer, advice, &unknown.written(), keys);
                self.report(finding.weighing(Severity::Hint));
            }
        }
    }

    /// The enabled mappings, by the priority of their rules and then as they are written.
    fn rules(&mut self) -> Vec<ObjectMapping> {
        let mut mappings: Vec<ObjectMapping> = Vec::new();
        for (index, rule) in self.own_rules() {
            self.rule(&format!("/synchronizationRules/{index}"), rule, &mut mappings);
        }
        if mappings.is_empty() && !self.findings.iter().any(Finding::is_error) {
            let advice = "no object mapping is enabled, so nothing is provisioned";
            self.report(Finding::hint("/synchronizationRules", advice, "nothing to do"));
        }
        mappings
    }

    fn rule(&mut self, pointer: &str, rule: &'a SynchronizationRule, mappings: &mut Vec<ObjectMapping>) {
        let name = rule.name.text().unwrap_or_default();
        if name.is_empty() && !matches!(rule.name, Given::Odd(_)) {
            self.report(Finding::error(&format!("{pointer}/name"), "a name", "nothing"));
        }
        let source = self.directory(&format!("{pointer}/sourceDirectoryName"), rule.source_directory_name.text());
        let target = self.directory(&format!("{pointer}/targetDirectoryName"), rule.target_directory_name.text());
        for (index, mapping) in rule.object_mappings.items() {
            let pointer = format!("{pointer}/objectMappings/{index}");
            if !is_enabled(mapping) {
                self.idle.push(format!("{pointer}/"));
                continue;
            }
            let (Some(source), Some(target)) = (source, target) else { continue };
            let Some(compiled) = self.object_mapping(&pointer, name, mapping, source, target) else { continue };
            if mappings.iter().any(|other| other.id == compiled.id) {
                let expected = "one enabled mapping for a rule, a source object and a target object";
                self.report(Finding::error(&pointer, expected, "another one"));
            }
            mappings.push(compiled);
        }
    }

    fn directory(&mut self, pointer: &str, name: Option<&str>) -> Option<(usize, &'a DirectoryDefinition)> {
        let directories = self.schema.directories.items();
        let name = name.unwrap_or_default();
        let found = directories.clone().find(|(_, directory)| directory.name.text() == Some(name));
        if found.is_none() {
            let names = directories.filter_map(|(_, directory)| directory.name.text());
            self.report(Finding::unknown(pointer, "the name of a directory of this schema", name, names));
        }
        found
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
            self.report(Finding::unknown(pointer, expected, name, directory.object_names()));
            return None;
        };
        let anchors = object.attributes().filter(|attribute| attribute.anchor.or(false)).count();
        if anchors != 1 {
            let pointer = format!("/directories/{directory_index}/objects/{index}/attributes");
            let problem = Finding::error(&pointer, "exactly one attribute with `anchor` true", format!("{anchors}"));
            if !self.findings.contains(&problem) {
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
        self.check_keys(pointer, &mapping.metadata);
        let source_name = mapping.source_object_name.text();
        let target_name = mapping.target_object_name.text();
        let source = self.object(&format!("{pointer}/sourceObjectName"), source_name, source);
        let target = self.object(&format!("{pointer}/targetObjectName"), target_name, target);
        let flow_types = mapping.flow_types.get();
        for flag in flow_types.map(Flags::unknown).unwrap_or_default() {
            let flags = ["Add", "Update", "Delete", "None"];
            self.report(Finding::unknown(&format!("{pointer}/flowTypes"), "a flow type", &flag, flags));
        }
        let (source, target) = (source?, target?);
        let (source_name, target_name) = (source_name.unwrap_or_default(), target_name.unwrap_or_default());
        let soft_deleted = source.metadata.value(ObjectMetadata::PropertyNameSoftDeleted).unwrap_or(SOFT_DELETED);
        let between = Between { source, target, soft_deleted };
        let target_kind = self.resource_kind(&format!("{pointer}/targetObjectName"), target_name, target);
        let account_enabled = self.account_enabled(pointer, source);
        let scope = self.scope(&format!("{pointer}/scope"), mapping.scope.get(), between);
        let attributes = self.attributes(&format!("{pointer}/attributeMappings"), &mapping.attribute_mappings, between);
        let flows = |flow| flow_types.is_none_or(|flags| flags.has(flow));
        let single_valued = source.attributes().filter(|attribute| !attribute.multivalued.or(false));
        Some(ObjectMapping {
            id: mapping_id(rule, source_name, target_name, &target_kind),
            source_kind: ObjectKind::new(source_name),
            schema: match target_kind.as_str() {
                urn::USERS => urn::USER,
                urn::GROUPS => urn::GROUP,
                _ => target_name,
            }
            .to_owned(),
            target_kind,
            flow: ObjectFlow {
                add: flows(ObjectFlowType::Add),
                update: flows(ObjectFlowType::Update),
                delete: flows(ObjectFlowType::Delete),
            },
            scope,
            object_filter: attributes.object_filter,
            attributes: attributes.attributes,
            references: attributes.references,
            account_enabled,
            soft_deleted: soft_deleted.to_owned(),
            single_valued: single_valued.filter_map(|attribute| attribute.name.text().map(str::to_owned)).collect(),
            confirm_by: Vec::new(),
        })
    }

    /// The endpoint: the well-known one of a well-known schema, else the API that the object names.
    fn resource_kind(&mut self, pointer: &str, name: &str, target: &ObjectDefinition) -> ResourceKind {
        let last = name.rsplit(':').next().unwrap_or_default();
        let supported = target.supported_apis.items().next().map(|(_, api)| api.as_str());
        let is_segment = |api: &&str| {
            !api.is_empty() && api.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        match (last, supported.filter(is_segment)) {
            ("User", _) => ResourceKind::from(urn::USERS),
            ("Group", _) => ResourceKind::from(urn::GROUPS),
            (_, Some(api)) => ResourceKind::from(api),
            (_, None) => {
                let expected = "the schema of users or groups, or an object whose `supportedApis` names its endpoint";
                self.report(Finding::error(pointer, expected, quoted(name)));
                ResourceKind::from(last)
            }
        }
    }

    fn account_enabled(&mut self, pointer: &str, source: &ObjectDefinition) -> Option<String> {
        let Some(name) = source.metadata.value(ObjectMetadata::PropertyNameAccountEnabled) else {
            return source.attribute(ACCOUNT_ENABLED).map(|_| ACCOUNT_ENABLED.to_owned());
        };
        if source.attribute(name).is_none() {
            let pointer = format!("{pointer}/sourceObjectName");
            let expected = "a source object that defines the attribute its `PropertyNameAccountEnabled` names";
            self.report(Finding::unknown(&pointer, expected, name, source.attribute_names()));
        }
        Some(name.to_owned())
    }
}

/// A mapping that is switched off, discarded, or kept only for the sake of others is not run.
fn is_enabled(mapping: &wire::ObjectMapping) -> bool {
    let says = |key, value: &str| mapping.metadata.value(key).is_some_and(|found| found.eq_ignore_ascii_case(value));
    mapping.enabled.or(true)
        && !says(MappingMetadata::Unsynchronized, "true")
        && !says(MappingMetadata::Disposition, "Discard")
}
