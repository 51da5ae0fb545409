//! `synchronizationSchema`: rules and mappings.

use super::directory::DirectoryDefinition;
use super::filter::Filter;
use super::given::{Given, List, Scalar};
use super::metadata::{KeyValue, MappingMetadata, MetadataEntry};
use super::record::record;
use super::word::{Flags, FlowBehavior, FlowType, ObjectFlowType, SourceType, Word};

record! {
    /// `synchronizationSchema`
    SynchronizationSchema ("a synchronization schema") {
        id: String = "id";
        version: String = "version";
        synchronization_rules: List<SynchronizationRule> = "synchronizationRules";
        directories: List<DirectoryDefinition> = "directories";
    }
}

record! {
    /// `synchronizationRule`
    SynchronizationRule ("a synchronization rule") {
        id: String = "id";
        name: String = "name";
        editable: bool = "editable";
        /// The lowest number runs first.
        priority: i32 = "priority";
        source_directory_name: String = "sourceDirectoryName";
        target_directory_name: String = "targetDirectoryName";
        object_mappings: List<ObjectMapping> = "objectMappings";
        metadata: List<KeyValue> = "metadata";
        container_filter: ContainerFilter = "containerFilter";
        group_filter: GroupFilter = "groupFilter";
    }
}

record! {
    /// `containerFilter`
    ContainerFilter ("a filter of containers") {
        included_containers: List<String> = "includedContainers";
    }
}

record! {
    /// `groupFilter`
    GroupFilter ("a filter of groups") {
        included_groups: List<String> = "includedGroups";
    }
}

record! {
    /// `objectMapping`
    ObjectMapping ("an object mapping") {
        name: String = "name";
        /// True where it is not given.
        enabled: bool = "enabled", unset is Given::Is(true);
        /// All of them where they are not given.
        flow_types: Flags<ObjectFlowType> = "flowTypes", unset is Given::Is(Flags::all());
        source_object_name: String = "sourceObjectName";
        target_object_name: String = "targetObjectName";
        scope: Filter = "scope";
        attribute_mappings: List<AttributeMapping> = "attributeMappings";
        metadata: List<MetadataEntry<MappingMetadata>> = "metadata";
    }
}

record! {
    /// `attributeMapping`
    AttributeMapping ("an attribute mapping") {
        target_attribute_name: String = "targetAttributeName";
        /// None: only the default value applies.
        source: AttributeMappingSource = "source";
        default_value: Scalar = "defaultValue";
        /// 0: not a matching attribute. 1: the first one.
        matching_priority: i32 = "matchingPriority";
        flow_type: Word<FlowType> = "flowType";
        flow_behavior: Word<FlowBehavior> = "flowBehavior";
        export_missing_references: bool = "exportMissingReferences";
        /// The mapping's gate for null values. Not in the published metadata, so nothing is written where it is absent.
        flow_null_values: bool = "flowNullValues", unset is Given::Absent;
    }
}

record! {
    /// `attributeMappingSource`
    AttributeMappingSource ("a source of an attribute mapping") {
        kind: Word<SourceType> = "type";
        /// The attribute, the constant text or the function.
        name: String = "name";
        expression: String = "expression";
        parameters: List<SourceParameter> = "parameters";
    }
    derived by AttributeMappingSource::derive
}

record! {
    /// `stringKeyAttributeMappingSourceValuePair`
    SourceParameter ("a parameter of a function") {
        key: String = "key";
        value: AttributeMappingSource = "value";
    }
}
