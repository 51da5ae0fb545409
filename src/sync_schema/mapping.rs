//! Rules that can run: what [`compile`](super::compile()) makes of a synchronization schema.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::directory::{AttributeType, Mutability};
use super::scoping::Scope;
use crate::expression::{Expression, written};
use crate::model::{Attributes, ObjectKind, ObjectMappingId, ResourceKind, TargetPath, Value};
use crate::scim::{AttributePath, Literal};

pub use super::wire::FlowType as AttributeFlowType;

/// The attribute under which expressions see the roles of an object: records, which a target attribute can only hold when a
/// function makes them fit. Computed where a job provisions whoever is assigned.
pub const APP_ROLE_ASSIGNMENTS: &str = "appRoleAssignments";

/// A synchronization schema that can run.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The version of the document it was compiled from.
    pub version: String,
    /// The enabled mappings, by the priority of their rules and then as they are written.
    pub mappings: Vec<ObjectMapping>,
    /// Where members of groups are read; `None` where no filter asks for them.
    pub groups: Option<GroupSource>,
}

/// Where filters that test membership learn who is a member of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSource {
    /// The mapping that reads the groups, whether it provisions them or not.
    pub mapping: ObjectMappingId,
    pub kind: ObjectKind,
    /// The reference attribute that lists the members of a group.
    pub members: String,
    /// The attribute by whose value a filter may name a group.
    pub display_name: Option<String>,
}

/// How objects of one kind become resources of one kind.
#[derive(Clone, Debug)]
pub struct ObjectMapping {
    pub id: ObjectMappingId,
    pub source_kind: ObjectKind,
    /// The endpoint of the target: `Users`, `Groups`.
    pub target_kind: ResourceKind,
    /// The URN of its schema; extensions name themselves in `schemas` when the first of their attributes is set.
    pub schema: String,
    pub flow: ObjectFlow,
    pub scope: Scope,
    /// Evaluates to [`IgnoreObject`](crate::expression::Flow::IgnoreObject) for objects to leave alone: the mapping of
    /// the pseudo attribute `objectFilter`.
    pub object_filter: Option<Expression>,
    pub attributes: Vec<AttributeMapping>,
    pub references: Vec<ReferenceMapping>,
    /// The source attribute that says whether an account is enabled.
    pub account_enabled: Option<String>,
    /// The name under which expressions see whether the object is to be disabled. Computed, never read.
    pub soft_deleted: String,
    /// The source attributes that the schema declares single-valued; see [`ObjectMapping::inputs`].
    pub single_valued: BTreeSet<String>,
    /// The source attributes by which an object with a new anchor is known to be the one that is gone: see
    /// [`Schema::confirm`]. Empty where a person has to say so.
    pub confirm_by: Vec<String>,
}

/// What may be done to resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectFlow {
    pub add: bool,
    pub update: bool,
    pub delete: bool,
}

/// How one attribute of the target gets its value.
#[derive(Clone, Debug)]
pub struct AttributeMapping {
    pub target: AttributePath,
    /// The canonical text of `target`.
    pub path: TargetPath,
    /// `None`: only the default applies, and only while the target has no value.
    pub expression: Option<Expression>,
    /// Used on create when the expression gives nothing.
    pub default: Option<Value>,
    /// Matching attributes find existing resources, the lowest number first.
    pub matching_priority: Option<u32>,
    pub flow_type: AttributeFlowType,
    /// Sent whenever the object is looked at, changed or not.
    pub always: bool,
    /// True when neither the store nor a log may keep the value: a mapping that redacts it, or an attribute that the
    /// target never shows.
    pub redacted: bool,
    pub attribute_type: AttributeType,
    pub multivalued: bool,
    pub case_exact: bool,
    pub required: bool,
    pub mutability: Mutability,
    /// True when a value that became null clears the target: the source attributes and the mapping both allow it, or
    /// the mapping states all values that the target is to have.
    pub flow_nulls: bool,
}

impl AttributeMapping {
    /// The value as the target attribute holds it; see [`as_scim`]. A value with parts needs a whole attribute.
    pub fn as_scim(&self, value: &Value) -> Result<serde_json::Value, ConversionError> {
        let has_parts = match value {
            Value::List(values) => values.iter().any(|value| matches!(value, Value::Record(_))),
            value => matches!(value, Value::Record(_)),
        };
        if has_parts && self.target.sub_attribute.is_some() {
            return Err(ConversionError::NoTextForm);
        }
        as_scim(value, self.attribute_type, self.multivalued)
    }

    /// The value that is looked for, as a filter of the attribute's type compares it: numbers stand there without
    /// quotation marks (RFC 7644 section 3.4.2.2).
    pub fn literal(&self, text: &str) -> Literal {
        match text.parse::<i64>() {
            Ok(number) if self.attribute_type == AttributeType::Integer => Literal::Number(number.into()),
            _ => Literal::Text(text.to_owned()),
        }
    }

    /// True when a value goes to the target only while that has none.
    pub fn fills_only(&self) -> bool {
        match self.flow_type {
            AttributeFlowType::AttributeAddOnly => true,
            AttributeFlowType::MultiValueAddOnly | AttributeFlowType::ValueAddOnly => !self.multivalued,
            AttributeFlowType::Always | AttributeFlowType::ObjectAddOnly => self.expression.is_none(),
        }
    }

    /// True when values are added to those of the target, which are never replaced or removed.
    pub fn adds_only(&self) -> bool {
        let adds = matches!(self.flow_type, AttributeFlowType::MultiValueAddOnly | AttributeFlowType::ValueAddOnly);
        adds && self.multivalued
    }

    /// True when a read of the resource shows the attribute (RFC 7643 section 2.2, mutability).
    pub fn is_readable(&self) -> bool {
        self.mutability != Mutability::WriteOnly
    }
}

/// A target attribute that holds references to other resources.
#[derive(Clone, Debug)]
pub struct ReferenceMapping {
    pub target: AttributePath,
    /// The canonical text of `target`.
    pub path: TargetPath,
    pub source_attribute: String,
    pub multivalued: bool,
}

impl ReferenceMapping {
    /// True for the members of a group (RFC 7643 section 4.2).
    pub fn is_members(&self) -> bool {
        self.multivalued && self.path.as_str().eq_ignore_ascii_case("members")
    }
}

/// What a schema reads of one kind of object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindSelection {
    /// Plain attributes, in the schema's spelling.
    pub attributes: BTreeSet<String>,
    /// Reference attributes (`manager`, `members`).
    pub references: BTreeSet<String>,
}

/// What a schema reads, by kind. A kind that is not named is not read.
pub type Selection = BTreeMap<ObjectKind, KindSelection>;

impl Schema {
    /// Everything that mappings and filters read; what is computed is not among it.
    pub fn selection(&self) -> Selection {
        let mut selection = Selection::new();
        for mapping in &self.mappings {
            let kind = selection.entry(mapping.source_kind.clone()).or_default();
            kind.attributes.extend(mapping.source_attributes().into_iter().map(str::to_owned));
            kind.references.extend(mapping.references.iter().map(|reference| reference.source_attribute.clone()));
        }
        if let Some(groups) = &self.groups {
            let kind = selection.entry(groups.kind.clone()).or_default();
            kind.attributes.extend(groups.display_name.clone());
        }
        selection
    }

    /// Objects of this kind are known again by these attributes when their anchors are others. They are read from now on.
    pub fn confirm(&mut self, kind: &ObjectKind, attributes: &[String]) {
        for mapping in self.mappings.iter_mut().filter(|mapping| mapping.source_kind == *kind) {
            mapping.confirm_by = attributes.to_vec();
        }
    }

    /// True when an expression asks for the default domain of the source.
    pub fn asks_for_default_domain(&self) -> bool {
        self.mappings.iter().flat_map(ObjectMapping::expressions).any(Expression::asks_for_default_domain)
    }

    /// The mapping with this id.
    pub fn mapping(&self, id: &ObjectMappingId) -> Option<&ObjectMapping> {
        self.mappings.iter().find(|mapping| mapping.id == *id)
    }
}

impl ObjectFlow {
    /// True when nothing is done: the objects are only read.
    pub fn is_none(self) -> bool {
        !self.add && !self.update && !self.delete
    }
}

impl ObjectMapping {
    /// What it brings to what, in the words of the synchronization API: `User to User`. Of a URN the last part counts.
    pub fn in_words(&self) -> String {
        let target = self.schema.rsplit(':').next().unwrap_or_default();
        format!("{} to {target}", self.source_kind)
    }

    /// True when its objects refer to many others, as groups do.
    pub fn lists_members(&self) -> bool {
        self.references.iter().any(|reference| reference.multivalued)
    }

    /// The mapping of the target attribute at this path.
    pub fn attribute(&self, path: &TargetPath) -> Option<&AttributeMapping> {
        self.attributes.iter().find(|attribute| attribute.path == *path)
    }

    /// The matching attributes, the first to try first.
    pub fn matching(&self) -> impl Iterator<Item = &AttributeMapping> {
        let mut matching: Vec<_> =
            self.attributes.iter().filter_map(|mapping| Some((mapping.matching_priority?, mapping))).collect();
        matching.sort_by_key(|(priority, _)| *priority);
        matching.into_iter().map(|(_, mapping)| mapping)
    }

    /// True when a resource is found by this source attribute, alone or with others.
    pub fn is_matched_by(&self, source_attribute: &str) -> bool {
        let expressions = self.matching().filter_map(|mapping| mapping.expression.as_ref());
        expressions.flat_map(Expression::source_attributes).any(|read| read == source_attribute)
    }

    /// The attributes of which a new resource gets a value that no other has.
    pub fn unique(&self) -> impl Iterator<Item = &AttributeMapping> {
        self.attributes.iter().filter(|mapping| mapping.expression.as_ref().is_some_and(Expression::selects_unique))
    }

    /// The attributes as filters and expressions see them: where the schema declares an attribute single-valued and the
    /// directory holds several values, the one that [`as_scim`] would take.
    pub fn inputs<'a>(&self, attributes: &'a Attributes) -> Cow<'a, Attributes> {
        let mut inputs = Cow::Borrowed(attributes);
        for (name, value) in attributes.iter().filter(|(name, _)| self.single_valued.contains(*name)) {
            if let Value::List(values) = value {
                match first(values) {
                    Some(first) => inputs.to_mut().set(name, first.clone()),
                    None => inputs.to_mut().clear(name),
                }
            }
        }
        inputs
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.attributes.iter().filter_map(|mapping| mapping.expression.as_ref()).chain(&self.object_filter)
    }

    /// The plain source attributes that this mapping reads.
    fn source_attributes(&self) -> BTreeSet<&str> {
        let mut names: BTreeSet<&str> = self.expressions().flat_map(Expression::source_attributes).collect();
        names.extend(self.scope.attributes());
        names.extend(self.account_enabled.as_deref());
        names.remove(self.soft_deleted.as_str());
        names.extend(self.confirm_by.iter().map(String::as_str));
        names
    }
}

/// Why a value cannot be written to an attribute. Never says the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("the value is neither `True` nor `False`, as a Boolean attribute needs")]
    NotABoolean,
    #[error("the value is not a whole number, as an integer attribute needs")]
    NotAnInteger,
    #[error("the value has parts and no text form; map one of its parts")]
    NoTextForm,
}

/// The value as a SCIM attribute of this type holds it.
///
/// **Several values for a single-valued attribute**: the first by the byte order of their text form is taken, so that
/// the answer does not depend on the order in which a directory lists them. One value for a multi-valued attribute
/// becomes a list of one. An empty list is JSON null for a single-valued attribute. A value with parts becomes a complex
/// value, whose parts keep their own types.
pub fn as_scim(
    value: &Value,
    attribute_type: AttributeType,
    multivalued: bool,
) -> Result<serde_json::Value, ConversionError> {
    match value {
        Value::List(values) if multivalued => {
            values.iter().map(|value| one_as_scim(value, attribute_type)).collect::<Result<_, _>>()
        }
        value if multivalued => Ok(json!([one_as_scim(value, attribute_type)?])),
        Value::List(values) => {
            first(values).map_or(Ok(serde_json::Value::Null), |value| one_as_scim(value, attribute_type))
        }
        value => one_as_scim(value, attribute_type),
    }
}

/// The one value that stands for several: the first by the byte order of its text form.
fn first(values: &[Value]) -> Option<&Value> {
    values.iter().min_by_key(|value| written(value))
}

fn one_as_scim(value: &Value, attribute_type: AttributeType) -> Result<serde_json::Value, ConversionError> {
    match (attribute_type, value) {
        (AttributeType::Boolean, value) => match written(value) {
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(json!(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(json!(false)),
            _ => Err(ConversionError::NotABoolean),
        },
        (AttributeType::Integer, Value::Integer(number)) => Ok(json!(number)),
        (AttributeType::Integer, value) => {
            let number = written(value).and_then(|text| text.trim().parse::<i64>().ok());
            number.map(|number| json!(number)).ok_or(ConversionError::NotAnInteger)
        }
        // RFC 7643 section 2.3.5: a dateTime of XML Schema.
        (AttributeType::DateTime, Value::DateTime(instant)) => {
            Ok(json!(instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)))
        }
        (AttributeType::String, Value::Record(parts)) => complex(parts),
        (_, value) => written(value).map(|text| json!(text)).ok_or(ConversionError::NoTextForm),
    }
}

fn complex(parts: &BTreeMap<String, Value>) -> Result<serde_json::Value, ConversionError> {
    let part = |(name, value): (&String, &Value)| {
        let written = match value {
            Value::Boolean(flag) => json!(flag),
            Value::Integer(number) => json!(number),
            Value::DateTime(_) => one_as_scim(value, AttributeType::DateTime)?,
            Value::List(_) => as_scim(value, AttributeType::String, true)?,
            value => one_as_scim(value, AttributeType::String)?,
        };
        Ok((name.clone(), written))
    };
    parts.iter().map(part).collect::<Result<serde_json::Map<_, _>, _>>().map(serde_json::Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_form_of_its_target_attribute() {
        use AttributeType::{Boolean, DateTime, Integer, String};
        let instant = Value::DateTime(chrono::DateTime::from_timestamp(1_704_067_200, 0).unwrap());
        let parts = [
            ("value", Value::text("rw")),
            ("primary", Value::Boolean(false)),
            ("rank", Value::Integer(7)),
            ("tags", Value::texts(["a"])),
        ];
        let role = Value::Record(parts.map(|(name, part)| (name.to_owned(), part)).into());
        let table = [
            (Value::text("a"), String, false, Ok(json!("a"))),
            (Value::text(""), String, false, Ok(json!(""))),
            (Value::Boolean(true), String, false, Ok(json!("True"))),
            (Value::Boolean(false), Boolean, false, Ok(json!(false))),
            (Value::text("tRUE"), Boolean, false, Ok(json!(true))),
            (Value::text("1"), Boolean, false, Err(ConversionError::NotABoolean)),
            (Value::text(" 12 "), Integer, false, Ok(json!(12))),
            (Value::text("twelve"), Integer, false, Err(ConversionError::NotAnInteger)),
            (Value::Integer(7), String, false, Ok(json!("7"))),
            (instant.clone(), DateTime, false, Ok(json!("2024-01-01T00:00:00Z"))),
            (instant, String, false, Ok(json!("1/1/2024 12:00:00 AM"))),
            (Value::texts(["b", "B", "a"]), String, false, Ok(json!("B"))),
            (Value::texts(["b", "a"]), String, true, Ok(json!(["b", "a"]))),
            (Value::text("b"), String, true, Ok(json!(["b"]))),
            (Value::List(vec![]), String, false, Ok(json!(null))),
            (Value::Record(BTreeMap::new()), Integer, false, Err(ConversionError::NotAnInteger)),
            (role.clone(), String, false, Ok(json!({ "primary": false, "rank": 7, "tags": ["a"], "value": "rw" }))),
            (
                Value::List(vec![role]),
                String,
                true,
                Ok(json!([{ "primary": false, "rank": 7, "tags": ["a"], "value": "rw" }])),
            ),
        ];
        for (value, kind, multivalued, expected) in table {
            assert_eq!(as_scim(&value, kind, multivalued), expected, "{value:?} as {kind:?}");
        }
    }
}
