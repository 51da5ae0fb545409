//! Attribute mappings → desired values of the target's attributes. Pure.

use serde_json::Value as Json;

use crate::{
    expression::{Context as ExpressionContext, Flow},
    model::{Attributes, Failure, FailureClass, MatchingValue, TargetPath, Value},
    sync_schema::{AttributeMapping, ObjectMapping},
};

/// What one attribute mapping wants.
#[derive(Clone, Debug)]
pub struct DesiredAttribute<'m> {
    pub mapping: &'m AttributeMapping,
    pub value: DesiredValue,
}

/// The outcome of one mapping for one object.
#[derive(Clone, Debug, PartialEq)]
pub enum DesiredValue {
    /// This value.
    Set(Json),
    /// The source has no value: nothing flows, unless the mapping flows nulls or has a default for new resources.
    Null,
    /// The mapping asked that nothing be sent.
    Ignored,
    /// The first of these that the target has nowhere, for a new resource alone.
    Candidates(Vec<Json>),
}

/// Everything the mappings want of one object.
#[derive(Clone, Debug)]
pub enum Desired<'m> {
    Attributes(Vec<DesiredAttribute<'m>>),
    /// `IgnoreObjectFlow`: leave the object alone in this cycle.
    IgnoreObject,
}

/// Evaluates every mapping against the full source object.
///
/// # Errors
/// The first mapping that fails, as an object failure that names the target attribute but never a value.
pub fn desired<'m>(
    attributes: &Attributes,
    mapping: &'m ObjectMapping,
    context: ExpressionContext<'_>,
) -> Result<Desired<'m>, Failure> {
    if let Some(filter) = &mapping.object_filter {
        let verdict = filter.evaluate(attributes, context).map_err(|error| failed("objectFilter", &error))?;
        if verdict == Flow::IgnoreObject {
            return Ok(Desired::IgnoreObject);
        }
    }
    attributes_of(attributes, mapping.attributes.iter(), context)
}

/// What takes the access of somebody whose other attributes cannot be evaluated: `active`, and all that depends on
/// `IsSoftDeleted`.
///
/// # Errors
/// The first of these mappings that fails.
pub fn desired_without_access<'m>(
    attributes: &Attributes,
    mapping: &'m ObjectMapping,
    context: ExpressionContext<'_>,
) -> Result<Desired<'m>, Failure> {
    let takes_access =
        |attribute: &&AttributeMapping| is_active(&attribute.path) || depends_on(attribute, &mapping.soft_deleted);
    attributes_of(attributes, mapping.attributes.iter().filter(takes_access), context)
}

fn attributes_of<'m>(
    attributes: &Attributes,
    mappings: impl Iterator<Item = &'m AttributeMapping>,
    context: ExpressionContext<'_>,
) -> Result<Desired<'m>, Failure> {
    let mut desired = Vec::with_capacity(mappings.size_hint().1.unwrap_or_default());
    for attribute in mappings {
        let json = |value: &Value| attribute.as_scim(value).map_err(|error| failed(attribute.path.as_str(), &error));
        let value = match &attribute.expression {
            None => DesiredValue::Null,
            Some(expression) => {
                match expression
                    .evaluate(attributes, context.for_target(attribute.path.as_str()))
                    .map_err(|error| failed(attribute.path.as_str(), &error))?
                {
                    Flow::Value(value) => set(json(&value)?),
                    Flow::Null => DesiredValue::Null,
                    Flow::IgnoreAttribute => DesiredValue::Ignored,
                    Flow::IgnoreObject => return Ok(Desired::IgnoreObject),
                    Flow::Candidates(values) => {
                        DesiredValue::Candidates(values.iter().map(json).collect::<Result<_, _>>()?)
                    }
                }
            }
        };
        desired.push(DesiredAttribute { mapping: attribute, value });
    }
    Ok(Desired::Attributes(desired))
}

/// An empty list is no value; empty text is one that somebody may have meant.
fn set(value: Json) -> DesiredValue {
    let is_none = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    if is_none { DesiredValue::Null } else { DesiredValue::Set(value) }
}

/// The matching attributes that have a value, first priority first.
pub fn matching_values(desired: &[DesiredAttribute<'_>]) -> Vec<MatchingValue> {
    let mut values: Vec<(u32, MatchingValue)> = desired
        .iter()
        .filter_map(|attribute| {
            let priority = attribute.mapping.matching_priority?;
            let DesiredValue::Set(value) = &attribute.value else { return None };
            let value = as_text(value).filter(|text| !text.is_empty())?;
            let (path, case_exact) = (attribute.mapping.path.clone(), attribute.mapping.case_exact);
            Some((priority, MatchingValue { path, value, case_exact }))
        })
        .collect();
    values.sort_by_key(|(priority, _)| *priority);
    values.into_iter().map(|(_, value)| value).collect()
}

/// The text by which a single value of a resource is looked for.
pub(super) fn as_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The user name among the desired values, for the protection of break-glass accounts.
pub fn user_name<'d>(desired: &'d [DesiredAttribute<'_>]) -> Option<&'d str> {
    desired.iter().find_map(|attribute| match &attribute.value {
        DesiredValue::Set(Json::String(text)) if is_user_name(&attribute.mapping.path) => Some(text.as_str()),
        _ => None,
    })
}

/// True for the path `userName`, with or without the core schema's URN.
pub fn is_user_name(path: &TargetPath) -> bool {
    path.is_called("userName")
}

/// True for the path `active`, with or without the core schema's URN.
pub fn is_active(path: &TargetPath) -> bool {
    path.is_called("active")
}

/// True when the mapping reads the source attribute of this name.
pub fn depends_on(mapping: &AttributeMapping, name: &str) -> bool {
    mapping
        .expression
        .as_ref()
        .is_some_and(|expression| expression.source_attributes().into_iter().any(|read| read == name))
}

fn failed(target: &str, cause: &dyn std::error::Error) -> Failure {
    Failure {
        class: FailureClass::Object,
        code: "AttributeFlowFailed".to_owned(),
        message: format!("the mapping of `{target}` failed: {cause}"),
    }
}
