//! The JSON shape of the schema family of the synchronization API, without any judgement.
//!
//! Lenient in: members may be missing or null, words of an enumeration have any letter case, flags are written with
//! or without blanks. Exact out: every member is written. What we do not know is kept as it came.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::Map;

/// Members that this module has no name for.
pub type Other = Map<String, serde_json::Value>;

/// `synchronizationSchema`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SynchronizationSchema {
    pub id: Option<String>,
    pub version: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub synchronization_rules: Vec<SynchronizationRule>,
    #[serde(deserialize_with = "null_is_default")]
    pub directories: Vec<DirectoryDefinition>,
    #[serde(flatten)]
    pub other: Other,
}

/// `synchronizationRule`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SynchronizationRule {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub editable: bool,
    /// The lowest number runs first.
    #[serde(deserialize_with = "null_is_default")]
    pub priority: i32,
    pub source_directory_name: Option<String>,
    pub target_directory_name: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub object_mappings: Vec<ObjectMapping>,
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Vec<KeyValue>,
    pub container_filter: Option<ContainerFilter>,
    pub group_filter: Option<GroupFilter>,
    #[serde(flatten)]
    pub other: Other,
}

/// `stringKeyStringValuePair` and the metadata entries, which have the same shape.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct KeyValue {
    pub key: Option<String>,
    pub value: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// `containerFilter`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerFilter {
    #[serde(deserialize_with = "null_is_default")]
    pub included_containers: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// `groupFilter`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupFilter {
    #[serde(deserialize_with = "null_is_default")]
    pub included_groups: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// `objectMapping`
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMapping {
    pub name: Option<String>,
    #[serde(deserialize_with = "null_is_true")]
    pub enabled: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub flow_types: FlowTypes,
    pub source_object_name: Option<String>,
    pub target_object_name: Option<String>,
    pub scope: Option<Filter>,
    #[serde(deserialize_with = "null_is_default")]
    pub attribute_mappings: Vec<AttributeMapping>,
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Vec<KeyValue>,
    #[serde(flatten)]
    pub other: Other,
}

impl Default for ObjectMapping {
    fn default() -> Self {
        Self {
            name: None,
            enabled: true,
            flow_types: FlowTypes::default(),
            source_object_name: None,
            target_object_name: None,
            scope: None,
            attribute_mappings: Vec::new(),
            metadata: Vec::new(),
            other: Other::new(),
        }
    }
}

/// `objectFlowTypes`: flags in one text, `Add, Update, Delete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTypes {
    pub add: bool,
    pub update: bool,
    pub delete: bool,
    /// Flags without a meaning here.
    pub unknown: Vec<String>,
}

impl Default for FlowTypes {
    fn default() -> Self {
        Self { add: true, update: true, delete: true, unknown: Vec::new() }
    }
}

impl Serialize for FlowTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = [(self.add, "Add"), (self.update, "Update"), (self.delete, "Delete")];
        let known = known.into_iter().filter(|(set, _)| *set).map(|(_, name)| name);
        let names: Vec<&str> = known.chain(self.unknown.iter().map(String::as_str)).collect();
        serializer.serialize_str(&if names.is_empty() { "None".to_owned() } else { names.join(", ") })
    }
}

impl<'de> Deserialize<'de> for FlowTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut flags = Self { add: false, update: false, delete: false, unknown: Vec::new() };
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "add" => flags.add = true,
                "update" => flags.update = true,
                "delete" => flags.delete = true,
                "none" => {}
                _ => flags.unknown.push(name.to_owned()),
            }
        }
        Ok(flags)
    }
}

/// `filter`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    #[serde(deserialize_with = "null_is_default")]
    pub category_filter_groups: Vec<FilterGroup>,
    #[serde(deserialize_with = "null_is_default")]
    pub groups: Vec<FilterGroup>,
    #[serde(deserialize_with = "null_is_default")]
    pub input_filter_groups: Vec<FilterGroup>,
    #[serde(flatten)]
    pub other: Other,
}

/// `filterGroup`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterGroup {
    pub name: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub clauses: Vec<FilterClause>,
    #[serde(flatten)]
    pub other: Other,
}

/// `filterClause`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterClause {
    pub source_operand_name: Option<String>,
    pub operator_name: Option<String>,
    pub target_operand: Option<FilterOperand>,
    #[serde(flatten)]
    pub other: Other,
}

/// `filterOperand`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterOperand {
    #[serde(deserialize_with = "null_is_default")]
    pub values: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// `attributeMapping`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttributeMapping {
    pub target_attribute_name: Option<String>,
    /// None: only the default value applies.
    pub source: Option<AttributeMappingSource>,
    pub default_value: Option<String>,
    /// 0: not a matching attribute. 1: the first one.
    #[serde(deserialize_with = "null_is_default")]
    pub matching_priority: i32,
    #[serde(deserialize_with = "null_is_default")]
    pub flow_type: Word<FlowType>,
    #[serde(deserialize_with = "null_is_default")]
    pub flow_behavior: Word<FlowBehavior>,
    #[serde(deserialize_with = "null_is_default")]
    pub export_missing_references: bool,
    /// The mapping's gate for null values. Not in the published metadata, so it is written only where it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_null_values: Option<bool>,
    #[serde(flatten)]
    pub other: Other,
}

/// `attributeMappingSource`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttributeMappingSource {
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: Word<SourceType>,
    /// The attribute, the constant text or the function.
    pub name: Option<String>,
    pub expression: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub parameters: Vec<SourceParameter>,
    #[serde(flatten)]
    pub other: Other,
}

/// `stringKeyAttributeMappingSourceValuePair`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SourceParameter {
    pub key: Option<String>,
    pub value: Option<AttributeMappingSource>,
    #[serde(flatten)]
    pub other: Other,
}

/// `directoryDefinition`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryDefinition {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub objects: Vec<ObjectDefinition>,
    #[serde(deserialize_with = "null_is_default")]
    pub read_only: bool,
    pub version: Option<String>,
    pub discovery_date_time: Option<String>,
    pub discoverabilities: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// `objectDefinition`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectDefinition {
    pub name: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub attributes: Vec<AttributeDefinition>,
    #[serde(deserialize_with = "null_is_default")]
    pub supported_apis: Vec<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Vec<KeyValue>,
    #[serde(flatten)]
    pub other: Other,
}

/// `attributeDefinition`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttributeDefinition {
    pub name: Option<String>,
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: Word<AttributeType>,
    #[serde(deserialize_with = "null_is_default")]
    pub anchor: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub case_exact: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub multivalued: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub mutability: Word<Mutability>,
    #[serde(deserialize_with = "null_is_default")]
    pub required: bool,
    pub default_value: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub flow_null_values: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub referenced_objects: Vec<ReferencedObject>,
    #[serde(deserialize_with = "null_is_default")]
    pub api_expressions: Vec<KeyValue>,
    #[serde(deserialize_with = "null_is_default")]
    pub metadata: Vec<KeyValue>,
    #[serde(flatten)]
    pub other: Other,
}

/// `referencedObject`
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReferencedObject {
    pub referenced_object_name: Option<String>,
    pub referenced_property: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

/// A word of an enumeration, read in any letter case and written as the contract spells it; a word we do not know is
/// kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<T> {
    Known(T),
    Unknown(String),
}

/// The words of an enumeration.
pub trait Vocabulary: Copy + Default + PartialEq + 'static {
    /// Every word with its spelling.
    const WORDS: &'static [(Self, &'static str)];

    /// The spelling of the contract.
    fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(word, _)| *word == self).map_or("", |(_, name)| name)
    }
}

impl<T: Vocabulary> Default for Word<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T: Vocabulary> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Known(word) => word.name(),
            Self::Unknown(text) => text,
        })
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = T::WORDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(&text));
        Ok(known.map_or(Self::Unknown(text), |(word, _)| Self::Known(*word)))
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident, $($(#[$word_doc:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            #[default]
            $(#[$first_doc])*
            $first,
            $($(#[$word_doc])* $word,)*
        }

        impl Vocabulary for $name {
            const WORDS: &'static [(Self, &'static str)] =
                &[(Self::$first, stringify!($first)), $((Self::$word, stringify!($word)),)*];
        }
    };
}

vocabulary! {
    /// `attributeMappingSourceType`
    SourceType { Attribute, Constant, Function, }
}
vocabulary! {
    /// `attributeFlowType`
    FlowType {
        Always,
        /// Only when the resource is created.
        ObjectAddOnly,
        /// Only additions to a multi-valued attribute.
        MultiValueAddOnly,
        /// Additions flow, removals never.
        ValueAddOnly,
        /// Only while the target has no value.
        AttributeAddOnly,
    }
}
vocabulary! {
    /// `attributeFlowBehavior`
    FlowBehavior {
        FlowWhenChanged,
        /// Exported even when unchanged.
        FlowAlways,
    }
}
vocabulary! {
    /// `attributeType`
    AttributeType { String, Integer, Reference, Binary, Boolean, DateTime, }
}
vocabulary! {
    /// `mutability`
    Mutability { ReadWrite, ReadOnly, Immutable, WriteOnly, }
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn null_is_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(deserializer).map(|flag| flag.unwrap_or(true))
}
