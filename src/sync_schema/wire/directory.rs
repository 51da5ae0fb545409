//! `directoryDefinition`: what the objects of a directory look like.

use super::given::{List, Scalar};
use super::metadata::{AttributeMetadata, KeyValue, MetadataEntry, ObjectMetadata};
use super::record::record;
use super::word::{Discoverability, Flags, Word};

pub use super::word::{AttributeType, Mutability};

record! {
    /// `directoryDefinition`
    DirectoryDefinition ("a directory definition") {
        id: String = "id";
        name: String = "name";
        objects: List<ObjectDefinition> = "objects";
        read_only: bool = "readOnly";
        version: String = "version";
        discovery_date_time: String = "discoveryDateTime";
        discoverabilities: Flags<Discoverability> = "discoverabilities";
    }
}

record! {
    /// `objectDefinition`
    ObjectDefinition ("an object definition") {
        name: String = "name";
        attributes: List<AttributeDefinition> = "attributes";
        supported_apis: List<String> = "supportedApis";
        metadata: List<MetadataEntry<ObjectMetadata>> = "metadata";
    }
}

record! {
    /// `attributeDefinition`
    AttributeDefinition ("an attribute definition") {
        name: String = "name";
        kind: Word<AttributeType> = "type";
        anchor: bool = "anchor";
        case_exact: bool = "caseExact";
        multivalued: bool = "multivalued";
        mutability: Word<Mutability> = "mutability";
        required: bool = "required";
        default_value: Scalar = "defaultValue";
        flow_null_values: bool = "flowNullValues";
        referenced_objects: List<ReferencedObject> = "referencedObjects";
        api_expressions: List<KeyValue> = "apiExpressions";
        metadata: List<MetadataEntry<AttributeMetadata>> = "metadata";
    }
}

record! {
    /// `referencedObject`
    ReferencedObject ("a referenced object") {
        referenced_object_name: String = "referencedObjectName";
        referenced_property: String = "referencedProperty";
    }
}
