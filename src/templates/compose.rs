//! The table of an application and the table of a source become one synchronization schema. Pure.

use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::application::{Application, ObjectRow, Row};
use super::vocabulary::{Source, Vocabulary};
use crate::expression::Expression;
use crate::sync_schema::wire::{AttributeMappingSource, SynchronizationSchema};

/// What is wrong with the table of an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at `{pointer}`: {what}")]
pub struct Fault {
    /// A JSON pointer into the table.
    pub pointer: String,
    pub what: String,
}

/// Why a template gives no schema: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound(pub Vec<Fault>);

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the template cannot be composed")?;
        self.0.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}

impl std::error::Error for Unsound {}

/// The schema of an application for a kind of source: complete, with ids that are the same every time. A mapping that
/// needs what the source does not have is left out.
pub(super) fn compose(application: &Application, vocabulary: Vocabulary) -> Result<SynchronizationSchema, Unsound> {
    let source = vocabulary.source();
    let mut faults = Vec::new();
    let mut objects = Vec::new();
    let mut mappings = Vec::new();
    for (index, object) in application.objects.iter().enumerate() {
        let pointer = format!("/objects/{index}");
        objects.push(target_object(application, object, &pointer, &mut faults));
        mappings.push(object_mapping(object, source, &pointer, &mut faults));
    }
    if !faults.is_empty() {
        return Err(Unsound(faults));
    }
    let target = application.directory.as_deref().unwrap_or(&application.name);
    let id = |part: &str| id(&[&application.id, vocabulary.name(), part]);
    let schema = json!({
        "id": null,
        "version": "1",
        "directories": [
            source_directory(source),
            directory(&id("directory"), target, "AttributeNames, AttributeDataTypes", objects),
        ],
        "synchronizationRules": [{
            "id": id("rule"),
            "name": "USERGROUP_OUTBOUND_USERGROUP",
            "editable": true,
            "priority": 1,
            "sourceDirectoryName": source.directory.name,
            "targetDirectoryName": target,
            "metadata": [{ "key": "supportsProvisionOnDemand", "value": "true" }],
            "containerFilter": null,
            "groupFilter": null,
            "objectMappings": mappings,
        }],
    });
    serde_json::from_value(schema)
        .map_err(|cause| Unsound(vec![Fault { pointer: String::new(), what: cause.to_string() }]))
}

/// A UUID that depends on nothing but its parts (RFC 9562 section 5.8).
fn id(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, drawn)| *byte = drawn);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn directory(id: &str, name: &str, discoverabilities: &str, objects: Vec<Value>) -> Value {
    json!({
        "id": id,
        "name": name,
        "readOnly": false,
        "version": null,
        "discoveryDateTime": null,
        "discoverabilities": discoverabilities,
        "objects": objects,
    })
}

fn source_directory(source: &Source) -> Value {
    let own = |name: &str| Some(name.to_owned());
    let objects = source.directory.objects.iter().map(|object| {
        json!({
            "name": object.name,
            "supportedApis": object.supported_apis,
            "metadata": object.metadata,
            "attributes": object.attributes.iter().map(|row| definition(row, own)).collect::<Vec<_>>(),
        })
    });
    let Source { directory: known, .. } = source;
    directory(&known.id, &known.name, &known.discoverabilities, objects.collect())
}

fn target_object(application: &Application, object: &ObjectRow, pointer: &str, faults: &mut Vec<Fault>) -> Value {
    let target = |name: &str| {
        application.objects.iter().find(|object| object.source == name).map(|object| object.target.clone())
    };
    let identifier = json!({
        "name": "id", "type": "String", "anchor": true, "caseExact": true, "multivalued": false,
        "mutability": "ReadOnly", "required": false, "defaultValue": null, "flowNullValues": false,
        "referencedObjects": [], "apiExpressions": [], "metadata": [],
    });
    let mut attributes = vec![identifier];
    for (index, row) in object.attributes.iter().enumerate() {
        for unknown in row.references.iter().filter(|name| target(name).is_none()) {
            faults.push(Fault {
                pointer: format!("{pointer}/attributes/{index}/references"),
                what: format!("no object here has the source `{unknown}`"),
            });
        }
        attributes.push(definition(row, target));
    }
    json!({
        "name": object.target,
        "supportedApis": [object.endpoint],
        "metadata": [{ "key": "ConnectorDataStorageRequired", "value": "true" }],
        "attributes": attributes,
    })
}

/// `attributeDefinition`. `object` gives the name under which a kind of object is defined in this directory.
fn definition(row: &Row, object: impl Fn(&str) -> Option<String>) -> Value {
    let references = row.references.iter().filter_map(|name| object(name));
    let references: Vec<Value> =
        references.map(|name| json!({ "referencedObjectName": name, "referencedProperty": null })).collect();
    json!({
        "name": row.name,
        "type": row.kind,
        "anchor": row.anchor,
        "caseExact": row.case_exact,
        "multivalued": row.multivalued,
        "mutability": row.mutability,
        "required": row.required,
        "defaultValue": null,
        "flowNullValues": false,
        "referencedObjects": references,
        "apiExpressions": [],
        "metadata": row.metadata,
    })
}

fn object_mapping(object: &ObjectRow, source: &Source, pointer: &str, faults: &mut Vec<Fault>) -> Value {
    let mut mappings = Vec::new();
    for (index, row) in object.attributes.iter().enumerate() {
        let expression = match &row.from {
            Some(from) => in_words_of(from, &object.source, source),
            None => continue,
        };
        match expression {
            Ok(Some(expression)) => mappings.push(attribute_mapping(row, Some(&expression))),
            Ok(None) if row.default.is_some() => mappings.push(attribute_mapping(row, None)),
            Ok(None) => {}
            Err(what) => faults.push(Fault { pointer: format!("{pointer}/attributes/{index}/from"), what }),
        }
    }
    let joining = object.attributes.iter().find(|row| row.matching == 1).map(|row| row.name.as_str());
    json!({
        "name": object.name,
        "enabled": true,
        "flowTypes": object.flow_types,
        "sourceObjectName": object.source,
        "targetObjectName": object.target,
        "scope": null,
        "attributeMappings": mappings,
        "metadata": [
            { "key": "Disposition", "value": "\"Normal\"" },
            { "key": "EscrowBehavior", "value": "\"Default\"" },
            { "key": "OriginalJoiningProperty", "value": joining },
        ],
    })
}

fn attribute_mapping(row: &Row, expression: Option<&Expression>) -> Value {
    json!({
        "targetAttributeName": row.name,
        "source": expression.map(AttributeMappingSource::of),
        "defaultValue": row.default,
        "matchingPriority": row.matching,
        "flowType": row.flow,
        "flowBehavior": "FlowWhenChanged",
        "exportMissingReferences": false,
    })
}

/// An expression in the words of a source; `None` when the source lacks one of them.
///
/// # Errors
/// What is wrong with the expression: it does not parse, or names what the reference directory does not have.
fn in_words_of(from: &str, object: &str, source: &Source) -> Result<Option<Expression>, String> {
    let reference = Vocabulary::Graph.source();
    let parsed = Expression::parse(from).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let mut written = 0;
    for (name, position) in parsed.attribute_positions() {
        let plain = ["[", name, "]"].concat();
        let end = position + plain.len();
        if reference.word(object, name).is_none() || from.get(position..end) != Some(plain.as_str()) {
            return Err(format!("`{name}` is no name of the reference directory's `{object}`"));
        }
        let Some(word) = source.word(object, name) else { return Ok(None) };
        text.push_str(from.get(written..position).unwrap_or_default());
        text.push_str(&word);
        written = end;
    }
    text.push_str(from.get(written..).unwrap_or_default());
    Expression::parse(&text).map(Some).map_err(|error| error.to_string())
}
