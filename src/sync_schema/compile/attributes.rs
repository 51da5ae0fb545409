//! Attribute mappings, checked one by one and against each other.

use super::sources::Place;
use super::{Between, Compiler};
use crate::expression::Expression;
use crate::model::{TargetPath, Value};
use crate::scim::AttributePath;
use crate::sync_schema::directory::{AttributeType, Mutability};
use crate::sync_schema::finding::quoted;
use crate::sync_schema::wire::{self, AttributeDefinition, FlowBehavior, FlowType, Given, List, Scalar, Vocabulary};
use crate::sync_schema::{AttributeMapping, Finding, ReferenceMapping, as_scim};

/// The target of the mapping that can leave an object alone.
const OBJECT_FILTER: &str = "objectFilter";

/// The function whose roles are added to those of the target, and the one whose roles replace them: the last role that
/// is taken away in the source is taken away in the target.
const ADDS_ROLES: &str = "AppRoleAssignmentsComplex";
const STATES_ROLES: &str = "AssertiveAppRoleAssignmentsComplex";

/// The function of the one role, and what gives the element around it its `type` when the resource is created. Nothing
/// else is ever written there.
const ONE_ROLE: &str = "SingleAppRoleAssignment";
const TYPE_OF_ROLE: &str =
    r#"IIF(IsPresent([appRoleAssignments]), "WindowsAzureActiveDirectoryRole", IgnoreAttributeFlow)"#;

/// The attribute mappings of one object mapping.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) attributes: Vec<AttributeMapping>,
    pub(super) references: Vec<ReferenceMapping>,
    pub(super) object_filter: Option<Expression>,
}

impl Attributes {
    fn targets(&self) -> impl Iterator<Item = &AttributePath> {
        let references = self.references.iter().map(|reference| &reference.target);
        self.attributes.iter().map(|attribute| &attribute.target).chain(references)
    }
}

impl Compiler<'_> {
    pub(super) fn attributes(
        &mut self,
        pointer: &str,
        mappings: &Given<List<wire::AttributeMapping>>,
        between: Between<'_>,
    ) -> Attributes {
        let mut attributes = Attributes::default();
        let mut priorities: Vec<u32> = Vec::new();
        let before = self.findings.len();
        for (index, mapping) in mappings.items() {
            let pointer = format!("{pointer}/{index}");
            if let Some(priority) = self.matching_priority(&pointer, mapping, &priorities) {
                priorities.push(priority);
            }
            self.attribute_mapping(&pointer, mapping, between, &mut attributes);
        }
        let types: Vec<AttributeMapping> = attributes.attributes.iter().filter_map(type_of_role).collect();
        for added in types {
            // Whoever maps it himself has thought of something.
            if !attributes.targets().any(|target| overlap(target, &added.target)) {
                attributes.attributes.push(added);
            }
        }
        // A broken mapping may have been the matching one; saying so twice helps nobody.
        if priorities.is_empty() && self.findings.len() == before {
            let expected = "a mapping with a `matchingPriority` greater than 0";
            self.report(Finding::error(pointer, expected, "none"));
        }
        attributes
    }

    fn matching_priority(&mut self, pointer: &str, mapping: &wire::AttributeMapping, taken: &[u32]) -> Option<u32> {
        let pointer = format!("{pointer}/matchingPriority");
        match u32::try_from(mapping.matching_priority.or(0)) {
            Ok(0) => None,
            Ok(priority) if taken.contains(&priority) => {
                let expected = "a priority that no other mapping has";
                self.report(Finding::error(&pointer, expected, format!("{priority} a second time")));
                None
            }
            Ok(priority) => Some(priority),
            Err(_) => {
                let found = mapping.matching_priority.or(0).to_string();
                self.report(Finding::error(&pointer, "0 or a positive number", found));
                None
            }
        }
    }

    fn attribute_mapping(
        &mut self,
        pointer: &str,
        mapping: &wire::AttributeMapping,
        between: Between<'_>,
        attributes: &mut Attributes,
    ) {
        let flow_type = self.known(&format!("{pointer}/flowType"), "a flow type", &mapping.flow_type);
        let behavior = self.known(&format!("{pointer}/flowBehavior"), "a flow behavior", &mapping.flow_behavior);
        let matching_priority = u32::try_from(mapping.matching_priority.or(0)).ok().filter(|&priority| priority > 0);
        let is_object_filter = mapping.target_attribute_name.text() == Some(OBJECT_FILTER);
        let place = if is_object_filter {
            Place::ObjectFilter
        } else {
            Place::Attribute { flow_type, is_matching: matching_priority.is_some() }
        };
        let source = match &mapping.source {
            Given::Is(source) => self.expression(&format!("{pointer}/source"), source, between, place),
            Given::Absent | Given::Null => Ok(None),
            Given::Odd(_) => Err(()),
        };
        if is_object_filter {
            attributes.object_filter = source.unwrap_or_default();
            return;
        }
        let target_pointer = format!("{pointer}/targetAttributeName");
        let Some((target, definition)) = self.target(&target_pointer, mapping, between) else { return };
        self.check_overlap(&target_pointer, &target, attributes);
        let Ok(expression) = source else { return };
        let path = TargetPath::new(target.to_string());
        let multivalued = definition.multivalued.or(false);
        let attribute_type = definition.kind.word();
        let holds_references = attribute_type == AttributeType::Reference;
        let referring = expression.as_ref().and_then(|expression| reference_of(expression, between));
        if let Some(source_attribute) = referring {
            if let Some(priority) = matching_priority {
                let expected = "0, because references cannot find a resource";
                let found = priority.to_string();
                self.report(Finding::error(&format!("{pointer}/matchingPriority"), expected, found));
            }
            if !holds_references {
                let expected = "an attribute of type Reference, because the source attribute is one";
                let found = format!("`{target}` of type {}", attribute_type.name());
                self.report(Finding::error(&target_pointer, expected, found));
            }
            attributes.references.push(ReferenceMapping { target, path, source_attribute, multivalued });
            return;
        }
        if holds_references && expression.is_some() {
            let advice = "its value is sent as it is, not as the id of the resource that it may mean";
            let found = format!("`{target}` of type Reference from a source that is none");
            self.report(Finding::hint(&target_pointer, advice, found));
        }
        if expression.is_none() && matching_priority.is_some() {
            let expected = "a source, which a matching attribute needs";
            self.report(Finding::error(&format!("{pointer}/source"), expected, "nothing"));
        }
        let selects_unique = expression.as_ref().is_some_and(Expression::selects_unique);
        if (matching_priority.is_some() || selects_unique) && (multivalued || attribute_type == AttributeType::Boolean)
        {
            let expected = "a target attribute with one telling value, which resources can be found by";
            let found = if multivalued { "a multi-valued one" } else { "a Boolean" };
            self.report(Finding::error(&target_pointer, expected, format!("`{target}`, {found}")));
        }
        let required = definition.required.or(false);
        let required_default = definition.default_value.get().filter(|_| required);
        let default = mapping.default_value.get().or(required_default).map(Scalar::text).map(Value::text);
        if let Some(Err(cause)) = default.as_ref().map(|value| as_scim(value, attribute_type, multivalued)) {
            let expected = format!("a default value of type {}", attribute_type.name());
            self.report(Finding::error(&format!("{pointer}/defaultValue"), expected, format!("another text: {cause}")));
        }
        let (flow_type, states_all) = match expression.as_ref().and_then(Expression::outermost_function) {
            // What is granted there beside it stays (and `ObjectAddOnly` says more).
            Some(ADDS_ROLES) if flow_type == FlowType::Always => (FlowType::MultiValueAddOnly, false),
            Some(STATES_ROLES) => (flow_type, true),
            _ => (flow_type, false),
        };
        let redacted = expression.as_ref().is_some_and(Expression::is_redacted)
            || definition.mutability.word() == Mutability::WriteOnly;
        if redacted && selects_unique {
            let expected = "a value without `Redact`: one that must be unique is stored while it is on its way";
            self.report(Finding::error(&format!("{pointer}/source"), expected, format!("a redacted `{target}`")));
        }
        let nulls_leave_source = expression.as_ref().is_some_and(|expression| flows_nulls(expression, between));
        attributes.attributes.push(AttributeMapping {
            target,
            path,
            default,
            matching_priority,
            flow_type,
            always: behavior == FlowBehavior::FlowAlways,
            attribute_type,
            multivalued,
            case_exact: definition.case_exact.or(false),
            required,
            mutability: definition.mutability.word(),
            redacted,
            flow_nulls: states_all || mapping.flow_null_values.or(false) && nulls_leave_source,
            expression,
        });
    }

    /// One mapping for a place: two that write to the same one, or one to a part of what the other writes, would undo
    /// each other.
    fn check_overlap(&mut self, pointer: &str, target: &AttributePath, attributes: &Attributes) {
        let overlapping = attributes.targets().find(|other| overlap(other, target)).map(ToString::to_string);
        if let Some(other) = overlapping {
            let found = match target.to_string() {
                target if target.eq_ignore_ascii_case(&other) => format!("`{target}` a second time"),
                target => format!("`{target}` beside `{other}`"),
            };
            self.report(Finding::error(pointer, "a target attribute of its own", found));
        }
    }

    fn target<'a>(
        &mut self,
        pointer: &str,
        mapping: &wire::AttributeMapping,
        between: Between<'a>,
    ) -> Option<(AttributePath, &'a AttributeDefinition)> {
        let name = mapping.target_attribute_name.text().unwrap_or_default();
        let target = match AttributePath::parse(name) {
            Ok(target) => target,
            Err(error) => {
                let problem = Finding::error(pointer, error.expected, quoted(name));
                self.report(problem.at(error.offset));
                return None;
            }
        };
        let Some(definition) = between.target.attribute_at(&target) else {
            let expected = "an attribute of the target object";
            self.report(Finding::unknown(pointer, expected, name, between.target.attribute_names()));
            return None;
        };
        if definition.anchor.or(false) || definition.mutability.word() == Mutability::ReadOnly {
            let expected = "an attribute that can be written";
            self.report(Finding::error(pointer, expected, format!("`{name}`, which the target sets itself")));
            return None;
        }
        Some((target, definition))
    }
}

/// The mapping of the `type` beside the one role that a mapping writes to.
fn type_of_role(mapping: &AttributeMapping) -> Option<AttributeMapping> {
    let function = mapping.expression.as_ref().and_then(Expression::outermost_function);
    if function != Some(ONE_ROLE) || mapping.target.filter.is_none() {
        return None;
    }
    let target = AttributePath { sub_attribute: Some("type".to_owned()), ..mapping.target.clone() };
    Some(AttributeMapping {
        path: TargetPath::new(target.to_string()),
        target,
        expression: Some(Expression::parse(TYPE_OF_ROLE).ok()?),
        default: None,
        matching_priority: None,
        flow_type: FlowType::ObjectAddOnly,
        always: false,
        required: false,
        flow_nulls: false,
        ..mapping.clone()
    })
}

/// The source attribute of a direct mapping whose type is Reference.
fn reference_of(expression: &Expression, between: Between<'_>) -> Option<String> {
    let name = expression.as_attribute()?;
    let definition = between.source.attribute(name)?;
    (definition.kind.word() == AttributeType::Reference).then(|| name.to_owned())
}

/// True when every attribute that the expression reads may flow as null.
fn flows_nulls(expression: &Expression, between: Between<'_>) -> bool {
    let mut names = expression.source_attributes().into_iter().peekable();
    names.peek().is_some()
        && names
            .all(|name| between.source.attribute(name).is_some_and(|attribute| attribute.flow_null_values.or(false)))
}

/// True when both are the same place, or one of them is a part of the other.
fn overlap(a: &AttributePath, b: &AttributePath) -> bool {
    let is_part = |whole: &AttributePath, part: &AttributePath| {
        let mut part = part.clone();
        if whole.sub_attribute.is_none() {
            part.sub_attribute = None;
            if whole.filter.is_none() {
                part.filter = None;
            }
        }
        whole.is_same(&part)
    };
    is_part(a, b) || is_part(b, a)
}
