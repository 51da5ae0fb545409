//! Attribute mappings, checked one by one and against each other.

use super::{Between, Compiler};
use crate::expression::Expression;
use crate::model::{ResourceKind, TargetPath, Value};
use crate::scim::{AttributePath, urn};
use crate::sync_schema::directory::{AttributeType, Mutability};
use crate::sync_schema::problem::quoted;
use crate::sync_schema::wire::{self, AttributeDefinition, AttributeMappingSource, FlowBehavior};
use crate::sync_schema::{AttributeMapping, CompileProblem, ReferenceMapping};

/// The target of the mapping that can leave an object alone.
const OBJECT_FILTER: &str = "objectFilter";

/// The attribute mappings of one object mapping.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) attributes: Vec<AttributeMapping>,
    pub(super) references: Vec<ReferenceMapping>,
    pub(super) object_filter: Option<Expression>,
}

impl Attributes {
    /// The URNs of a new resource: its own schema, then every extension that a mapping writes to (RFC 7643 section 3).
    pub(super) fn schemas(&self, kind: &ResourceKind, object_name: &str) -> Vec<String> {
        let own = match kind.as_str() {
            urn::USERS => urn::USER,
            urn::GROUPS => urn::GROUP,
            _ => object_name,
        };
        let mut schemas = vec![own.to_owned()];
        for path in self.targets() {
            if let Some(schema) = &path.schema
                && !urn::is_core(schema)
                && !schemas.iter().any(|known| known.eq_ignore_ascii_case(schema))
            {
                schemas.push(schema.clone());
            }
        }
        schemas
    }

    fn targets(&self) -> impl Iterator<Item = &AttributePath> {
        let references = self.references.iter().map(|reference| &reference.target);
        self.attributes.iter().map(|attribute| &attribute.target).chain(references)
    }
}

impl Compiler<'_> {
    pub(super) fn attributes(
        &mut self,
        pointer: &str,
        mappings: &[wire::AttributeMapping],
        between: Between<'_>,
    ) -> Attributes {
        let mut attributes = Attributes::default();
        let mut priorities: Vec<u32> = Vec::new();
        let before = self.problems.len();
        for (index, mapping) in mappings.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            if let Some(priority) = self.matching_priority(&pointer, mapping, &priorities) {
                priorities.push(priority);
            }
            self.attribute_mapping(&pointer, mapping, between, &mut attributes);
        }
        // A broken mapping may have been the matching one; saying so twice helps nobody.
        if priorities.is_empty() && self.problems.len() == before {
            let expected = "a mapping with a `matchingPriority` greater than 0";
            self.report(CompileProblem::new(pointer, expected, "none"));
        }
        attributes
    }

    fn matching_priority(&mut self, pointer: &str, mapping: &wire::AttributeMapping, taken: &[u32]) -> Option<u32> {
        let pointer = format!("{pointer}/matchingPriority");
        match u32::try_from(mapping.matching_priority) {
            Ok(0) => None,
            Ok(priority) if taken.contains(&priority) => {
                let expected = "a priority that no other mapping has";
                self.report(CompileProblem::new(&pointer, expected, format!("{priority} a second time")));
                None
            }
            Ok(priority) => Some(priority),
            Err(_) => {
                let found = mapping.matching_priority.to_string();
                self.report(CompileProblem::new(&pointer, "0 or a positive number", found));
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
        let source = match &mapping.source {
            Some(source) => self.expression(&format!("{pointer}/source"), source, between),
            None => Ok(None),
        };
        let flow_type = self.known(&format!("{pointer}/flowType"), "a flow type", &mapping.flow_type);
        let behavior = self.known(&format!("{pointer}/flowBehavior"), "a flow behavior", &mapping.flow_behavior);
        if mapping.target_attribute_name.as_deref() == Some(OBJECT_FILTER) {
            attributes.object_filter = source.unwrap_or_default();
            return;
        }
        let target_pointer = format!("{pointer}/targetAttributeName");
        let Some((target, definition)) = self.target(&target_pointer, mapping, between) else { return };
        if attributes.targets().any(|other| other.is_same(&target)) {
            let found = format!("`{target}` a second time");
            self.report(CompileProblem::new(&target_pointer, "a target attribute of its own", found));
        }
        let Ok(expression) = source else { return };
        let path = TargetPath::new(target.to_string());
        let multivalued = definition.multivalued;
        let referring = expression.as_ref().and_then(|expression| reference_of(expression, between));
        if let Some(source_attribute) = referring {
            if mapping.matching_priority > 0 {
                let expected = "0, because references cannot find a resource";
                let found = mapping.matching_priority.to_string();
                self.report(CompileProblem::new(&format!("{pointer}/matchingPriority"), expected, found));
            }
            attributes.references.push(ReferenceMapping { target, path, source_attribute, multivalued });
            return;
        }
        if expression.is_none() && mapping.matching_priority > 0 {
            let expected = "a source, which a matching attribute needs";
            self.report(CompileProblem::new(&format!("{pointer}/source"), expected, "nothing"));
        }
        let required_default = definition.default_value.as_ref().filter(|_| definition.required);
        let nulls_leave_source = expression.as_ref().is_some_and(|expression| flows_nulls(expression, between));
        attributes.attributes.push(AttributeMapping {
            target,
            path,
            default: mapping.default_value.as_ref().or(required_default).map(Value::text),
            matching_priority: u32::try_from(mapping.matching_priority).ok().filter(|&priority| priority > 0),
            flow_type,
            always: behavior == FlowBehavior::FlowAlways,
            attribute_type: definition.attribute_type(),
            multivalued,
            case_exact: definition.case_exact,
            required: definition.required,
            mutability: definition.known_mutability(),
            flow_nulls: !multivalued && mapping.flow_null_values == Some(true) && nulls_leave_source,
            expression,
        });
    }

    fn target<'a>(
        &mut self,
        pointer: &str,
        mapping: &wire::AttributeMapping,
        between: Between<'a>,
    ) -> Option<(AttributePath, &'a AttributeDefinition)> {
        let name = mapping.target_attribute_name.as_deref().unwrap_or_default();
        let target = match AttributePath::parse(name) {
            Ok(target) => target,
            Err(error) => {
                let problem = CompileProblem::new(pointer, error.expected, quoted(name));
                self.report(problem.at(error.offset));
                return None;
            }
        };
        let Some(definition) = between.target.attribute_at(&target) else {
            let expected = "an attribute of the target object";
            self.report(CompileProblem::unknown(pointer, expected, name, between.target.attribute_names()));
            return None;
        };
        if definition.anchor || definition.known_mutability() == Mutability::ReadOnly {
            let expected = "an attribute that can be written";
            self.report(CompileProblem::new(pointer, expected, format!("`{name}`, which the target sets itself")));
            return None;
        }
        Some((target, definition))
    }

    /// The expression of a source; `Err` when it was reported, `Ok(None)` when there is none.
    fn expression(
        &mut self,
        pointer: &str,
        source: &AttributeMappingSource,
        between: Between<'_>,
    ) -> Result<Option<Expression>, ()> {
        self.known(&format!("{pointer}/type"), "a type of source", &source.kind);
        let Some(text) = source.text() else { return Ok(None) };
        let pointer = match source.expression.as_deref() {
            None | Some("") => format!("{pointer}/name"),
            Some(_) => format!("{pointer}/expression"),
        };
        let expression =
            Expression::parse(&text).map_err(|error| self.report(CompileProblem::of_expression(&pointer, error)))?;
        if self.check_source_attributes(&pointer, &expression, between) { Ok(Some(expression)) } else { Err(()) }
    }

    fn check_source_attributes(&mut self, pointer: &str, expression: &Expression, between: Between<'_>) -> bool {
        let before = self.problems.len();
        for (name, position) in expression.attribute_positions() {
            match between.source.attribute(name) {
                _ if name == between.soft_deleted => {}
                None => {
                    let names = between.source.attribute_names().chain([between.soft_deleted]);
                    let problem =
                        CompileProblem::unknown(pointer, "an attribute of the source object", name, names).at(position);
                    self.report(problem);
                }
                Some(definition) => {
                    let is_reference = definition.attribute_type() == AttributeType::Reference;
                    if is_reference && expression.as_attribute().is_none() {
                        let expected = "a reference only as a whole mapping, not inside a function";
                        self.report(CompileProblem::new(pointer, expected, format!("`[{name}]`")).at(position));
                    }
                }
            }
        }
        self.problems.len() == before
    }
}

/// The source attribute of a direct mapping whose type is Reference.
fn reference_of(expression: &Expression, between: Between<'_>) -> Option<String> {
    let name = expression.as_attribute()?;
    let definition = between.source.attribute(name)?;
    (definition.attribute_type() == AttributeType::Reference).then(|| name.to_owned())
}

/// True when every attribute that the expression reads may flow as null.
fn flows_nulls(expression: &Expression, between: Between<'_>) -> bool {
    let mut names = expression.source_attributes().into_iter().peekable();
    names.peek().is_some()
        && names.all(|name| between.source.attribute(name).is_some_and(|attribute| attribute.flow_null_values))
}
