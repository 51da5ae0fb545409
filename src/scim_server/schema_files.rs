//! A directory of documents that describe further types of resource: each file is a `Schema` or a `ResourceType`
//! (RFC 7643 sections 6 and 7).
//!
//! A document that would not work as it is meant is refused here, with its file and what to do about it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::resource_types::{Kind, ResourceTypes};
use crate::scim::{self, Attribute, AttributeType, Extension, Mutability, ResourceSchema, Schema, Uniqueness, urn};

/// The largest document, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// Segments of paths that the server itself uses.
const RESERVED_ENDPOINTS: [&str; 9] = [
    urn::SERVICE_PROVIDER_CONFIG_ENDPOINT,
    urn::RESOURCE_TYPES,
    urn::SCHEMAS,
    urn::BULK,
    urn::ME,
    urn::SEARCH,
    "admin",
    "tenants",
    "oauth",
];
/// Attributes that every resource has, whatever its schema says (RFC 7643 section 3.1).
const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];
const ATTRIBUTE_KEYS: [&str; 13] = [
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "canonicalValues",
    "referenceTypes",
    "subAttributes",
    "id",
];
const SCHEMA_KEYS: [&str; 6] = ["schemas", "id", "name", "description", "attributes", "meta"];
const RESOURCE_TYPE_KEYS: [&str; 8] =
    ["schemas", "id", "name", "description", "endpoint", "schema", "schemaExtensions", "meta"];

/// Why a directory of schema documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFileError {
    #[error("the schema documents in `{}` cannot be read", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("`{}` is no JSON document", file.display())]
    Json { file: PathBuf, source: serde_json::Error },
    #[error("`{}`: {what}; {hint}", file.display())]
    Document { file: PathBuf, what: String, hint: &'static str },
}

/// What is wrong with a document, and what to do about it.
struct Fault {
    what: String,
    hint: &'static str,
}

/// Reads every `.json` file of the directory into the types: first the schemas, then the types that use them.
pub(super) fn read(directory: &Path, types: &mut ResourceTypes) -> Result<(), SchemaFileError> {
    let mut resource_types = Vec::new();
    for file in files(directory)? {
        let document = document(&file)?;
        let refused = |Fault { what, hint }| SchemaFileError::Document { file: file.clone(), what, hint };
        if document.get("endpoint").is_some() {
            resource_types.push((file, document));
        } else {
            let schema = schema(&document, types).map_err(refused)?;
            types.add_schema(schema);
        }
    }
    let mut named = HashSet::new();
    for (file, document) in resource_types {
        let refused = |Fault { what, hint }| SchemaFileError::Document { file: file.clone(), what, hint };
        let kind = kind(&document, types).map_err(refused)?;
        if !named.insert(kind.name.to_lowercase()) {
            return Err(refused(fault(
                ["the resource type `", &kind.name, "` is given twice"],
                "remove one of the files",
            )));
        }
        types.add_kind(kind);
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, SchemaFileError> {
    let unreadable = |source| SchemaFileError::Read { file: directory.to_owned(), source };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn document(file: &Path) -> Result<Value, SchemaFileError> {
    let unreadable = |source| SchemaFileError::Read { file: file.to_owned(), source };
    if std::fs::metadata(file).map_err(unreadable)?.len() > MOST_BYTES {
        let what = "the document is too large".to_owned();
        return Err(SchemaFileError::Document { file: file.to_owned(), what, hint: "it may have 4 MiB" });
    }
    let text = std::fs::read(file).map_err(unreadable)?;
    serde_json::from_slice(&text).map_err(|source| SchemaFileError::Json { file: file.to_owned(), source })
}

fn schema(document: &Value, types: &ResourceTypes) -> Result<Schema, Fault> {
    known_keys(document, &SCHEMA_KEYS, "the document")?;
    for attribute in document.get("attributes").and_then(Value::as_array).into_iter().flatten() {
        known_attribute_keys(attribute)?;
    }
    let schema: Schema = serde_json::from_value(document.clone()).map_err(|error| {
        fault(
            ["this is no schema: ", &error.to_string()],
            "give `id`, `name` and `attributes`, as RFC 7643 section 7 does",
        )
    })?;
    if !is_urn(&schema.id) {
        return Err(fault(["`", &schema.id, "` is no URN"], "begin the `id` with `urn:` and use no spaces"));
    }
    if types.schema(&schema.id).is_some() {
        return Err(fault(["the schema `", &schema.id, "` exists already"], "give it another `id`"));
    }
    if schema.attributes.is_empty() {
        return Err(fault(["the schema has no attributes"], "list them under `attributes`"));
    }
    check_attributes(&schema.attributes, None)?;
    Ok(schema)
}

fn known_attribute_keys(attribute: &Value) -> Result<(), Fault> {
    known_keys(attribute, &ATTRIBUTE_KEYS, "an attribute")?;
    attribute.get("subAttributes").and_then(Value::as_array).into_iter().flatten().try_for_each(known_attribute_keys)
}

fn known_keys(document: &Value, keys: &[&str], what: &str) -> Result<(), Fault> {
    let Some(map) = document.as_object() else {
        return Err(fault([what, " is no object"], "each file holds one Schema or one ResourceType"));
    };
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(fault([what, " has the unknown key `", key, "`"], "RFC 7643 sections 6 and 7 name the keys")),
        None => Ok(()),
    }
}

fn check_attributes(attributes: &[Attribute], parent: Option<&str>) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for attribute in attributes {
        let name = attribute.name.as_str();
        let is_reference = parent.is_some() && name == "$ref";
        if !is_reference && !is_attribute_name(name) {
            return Err(fault(
                ["`", name, "` is no name of an attribute"],
                "use a letter, then letters, digits, `-` and `_` (RFC 7643 section 2.1)",
            ));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(fault(["`", name, "` is given twice"], "names compare without regard to case"));
        }
        if parent.is_none() && COMMON.iter().any(|common| common.eq_ignore_ascii_case(name)) {
            return Err(fault(["`", name, "` is an attribute of every resource"], "leave it out of the schema"));
        }
        match (attribute.kind == AttributeType::Complex, attribute.sub_attributes.is_empty()) {
            (true, true) => {
                return Err(fault(
                    ["the complex attribute `", name, "` has no parts"],
                    "list them under `subAttributes`",
                ));
            }
            (false, false) => {
                return Err(fault(["`", name, "` has parts"], "only an attribute of the type `complex` may have any"));
            }
            _ => {}
        }
        if parent.is_some() && attribute.kind == AttributeType::Complex {
            return Err(fault(["the part `", name, "` is complex"], "parts have no parts (RFC 7643 section 2.3.8)"));
        }
        if attribute.uniqueness != Uniqueness::None
            && !matches!(
                attribute.kind,
                AttributeType::String | AttributeType::Reference | AttributeType::Integer | AttributeType::Decimal
            )
        {
            return Err(fault(["`", name, "` cannot be unique"], "only strings, references and numbers can"));
        }
        if attribute.required && attribute.mutability == Mutability::ReadOnly {
            return Err(fault(["nobody can give the required attribute `", name, "`"], "it must not be `readOnly`"));
        }
        check_attributes(&attribute.sub_attributes, Some(name))?;
    }
    Ok(())
}

fn kind(document: &Value, types: &ResourceTypes) -> Result<Kind, Fault> {
    known_keys(document, &RESOURCE_TYPE_KEYS, "the document")?;
    let given: scim::ResourceType = serde_json::from_value(document.clone()).map_err(|error| {
        fault(
            ["this is no resource type: ", &error.to_string()],
            "give `name`, `endpoint` and `schema`, as RFC 7643 section 6 does",
        )
    })?;
    if !is_attribute_name(&given.name) {
        return Err(fault(["`", &given.name, "` is no name of a resource type"], "use letters, digits, `-` and `_`"));
    }
    let endpoint = given.endpoint.strip_prefix('/').unwrap_or_default();
    if endpoint.is_empty() || !endpoint.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte)) {
        return Err(fault(["`", &given.endpoint, "` is no endpoint"], "write it like `/Devices`"));
    }
    if RESERVED_ENDPOINTS.iter().any(|reserved| reserved.eq_ignore_ascii_case(endpoint)) {
        return Err(fault(["the endpoint `", &given.endpoint, "` is the server's own"], "choose another"));
    }
    let taken = |kind: &&std::sync::Arc<Kind>| {
        kind.endpoint.eq_ignore_ascii_case(endpoint) != kind.name.eq_ignore_ascii_case(&given.name)
    };
    if let Some(other) = types.kinds().iter().find(taken) {
        return Err(fault(
            ["the name and the endpoint are not both those of `", &other.name, "`"],
            "a type that takes the place of another has its name and its endpoint, any other has neither",
        ));
    }
    let find = |urn: &str| {
        types.schema(urn).cloned().ok_or_else(|| {
            fault(["there is no schema `", urn, "`"], "put its document into the same directory, or correct the URN")
        })
    };
    let base = find(&given.schema)?;
    let mut extensions: Vec<Extension> = Vec::new();
    for extension in &given.schema_extensions {
        let schema = find(&extension.schema)?;
        if schema.id == base.id || extensions.iter().any(|present| present.schema.id == schema.id) {
            return Err(fault(["the schema `", &schema.id, "` is named twice"], "name it once"));
        }
        extensions.push(Extension { schema, required: extension.required });
    }
    let schema = ResourceSchema { base, extensions };
    Ok(Kind::new(given.name, endpoint.to_owned(), given.description, schema))
}

fn is_attribute_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        && text.len() > 4
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"[]".contains(&byte))
        && !text.ends_with(':')
}

fn fault<const N: usize>(what: [&str; N], hint: &'static str) -> Fault {
    Fault { what: what.concat(), hint }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEVICE: &str = "urn:example:params:scim:schemas:custom:2.0:Device";

    fn load(documents: &[(&str, Value)]) -> Result<ResourceTypes, SchemaFileError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, document) in documents {
            std::fs::write(directory.path().join(name), document.to_string()).unwrap();
        }
        ResourceTypes::load(directory.path())
    }

    fn device() -> Value {
        json!({"id": DEVICE, "name": "Device", "attributes": [
            {"name": "serial", "caseExact": true, "required": true, "uniqueness": "server"},
            {"name": "owner", "type": "complex", "subAttributes": [{"name": "value"}, {"name": "$ref", "type": "reference"}]},
        ]})
    }

    fn devices() -> Value {
        json!({"name": "Device", "endpoint": "/Devices", "schema": DEVICE})
    }

    #[test]
    fn a_type_is_read_whatever_the_order_of_the_files() {
        let types = load(&[("a.json", devices()), ("b.json", device()), ("notes.txt", json!("no document"))]).unwrap();
        let kind = types.at_endpoint("Devices").unwrap();
        assert_eq!(kind.schema.base.id, DEVICE);
        assert_eq!(kind.indexes[0].place.name(), "serial");
        assert!(types.schema(&DEVICE.to_uppercase()).is_some());
    }

    #[test]
    fn an_extension_is_added_by_a_type_that_takes_the_place_of_the_standard_one() {
        let badge = "urn:example:extension:badge:1.0:User";
        let user = json!({"name": "User", "endpoint": "/Users", "schema": urn::USER,
            "schemaExtensions": [{"schema": urn::ENTERPRISE_USER, "required": false}, {"schema": badge, "required": true}]});
        let types = load(&[
            (
                "badge.json",
                json!({"id": badge, "name": "Badge", "attributes": [{"name": "number", "type": "integer"}]}),
            ),
            ("user.json", user),
        ])
        .unwrap();
        let kind = types.at_endpoint("Users").unwrap();
        let required = |extension: &Extension| (extension.schema.id.clone(), extension.required);
        let extensions: Vec<_> = kind.schema.extensions.iter().map(required).collect();
        assert_eq!(extensions, [(urn::ENTERPRISE_USER.to_owned(), false), (badge.to_owned(), true)]);
        assert!(kind.indexes.iter().any(|index| index.comparison == super::super::resource_types::Comparison::Number));
        assert_eq!(types.kinds().len(), 2);
    }

    #[test]
    fn a_document_that_would_not_work_is_refused_with_its_file_and_a_hint() {
        let attribute = |attribute: Value| json!({"id": "urn:x:y", "name": "X", "attributes": [attribute]});
        for (document, what) in [
            (json!([]), "the document is no object"),
            (json!({"id": "urn:x:y", "atributes": []}), "has the unknown key `atributes`"),
            (json!({"id": "urn:x:y", "attributes": []}), "has no attributes"),
            (json!({"id": "Device", "attributes": [{"name": "a"}]}), "is no URN"),
            (json!({"id": urn::USER, "attributes": [{"name": "a"}]}), "exists already"),
            (json!({"attributes": [{"name": "a"}]}), "this is no schema"),
            (attribute(json!({"name": "a b"})), "is no name"),
            (attribute(json!({"name": "a", "mutabilty": "readOnly"})), "`mutabilty`"),
            (attribute(json!({"name": "a", "type": "text"})), "unknown variant `text`"),
            (attribute(json!({"name": "ID"})), "of every resource"),
            (attribute(json!({"name": "a", "type": "complex"})), "has no parts"),
            (attribute(json!({"name": "a", "subAttributes": [{"name": "b"}]})), "`a` has parts"),
            (
                attribute(json!({"name": "a", "type": "complex", "subAttributes": [
                    {"name": "b", "type": "complex", "subAttributes": [{"name": "c"}]}]})),
                "`b` is complex",
            ),
            (attribute(json!({"name": "a", "type": "boolean", "uniqueness": "server"})), "cannot be unique"),
            (attribute(json!({"name": "a", "required": true, "mutability": "readOnly"})), "nobody can give"),
            (json!({"name": "Device", "endpoint": "Devices", "schema": urn::USER}), "is no endpoint"),
            (json!({"name": "Device", "endpoint": "/Schemas", "schema": urn::USER}), "the server's own"),
            (json!({"name": "Device", "endpoint": "/Users", "schema": urn::USER}), "not both"),
            (json!({"name": "User", "endpoint": "/People", "schema": urn::USER}), "not both"),
            (json!({"name": "Device", "endpoint": "/Devices", "schema": "urn:none"}), "there is no schema `urn:none`"),
            (json!({"endpoint": "/Devices"}), "this is no resource type"),
        ] {
            let error = load(&[("broken.json", document.clone())]).unwrap_err().to_string();
            assert!(error.contains("broken.json") && error.contains(what), "{document}: {error}");
        }
        let twice = json!({"id": "urn:x:y", "attributes": [{"name": "a"}, {"name": "A"}]});
        assert!(load(&[("a.json", twice)]).unwrap_err().to_string().contains("given twice"));
        assert!(load(&[("a.json", device()), ("b.json", devices()), ("c.json", devices())]).is_err());
        assert!(matches!(ResourceTypes::load(Path::new("/nowhere/at/all")).unwrap_err(), SchemaFileError::Read { .. }));
    }
}
