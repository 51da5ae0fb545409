//! The sources of attribute mappings: their expressions, and what those may say where they stand.

use super::{Between, Compiler};
use crate::expression::{Expression, Keyword, NodeKind};
use crate::sync_schema::directory::AttributeType;
use crate::sync_schema::wire::{AttributeDefinition, AttributeMappingSource, FlowType};
use crate::sync_schema::{APP_ROLE_ASSIGNMENTS, Finding};

/// Functions that answer something else every time.
const DRAWING: [&str; 2] = ["Guid", "RandomString"];

/// The function that chooses by a value.
const SWITCH: &str = "Switch";

/// The function that asks for what not every source has.
const DEFAULT_DOMAIN: &str = "DefaultDomain";

/// The function that tries several values.
const UNIQUE: &str = "SelectUniqueValue";

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    ObjectFilter,
    Attribute { flow_type: FlowType, is_matching: bool },
}

impl Compiler<'_> {
    /// The expression of a source; `Err` when it was reported, `Ok(None)` when there is none.
    pub(super) fn expression(
        &mut self,
        pointer: &str,
        source: &AttributeMappingSource,
        between: Between<'_>,
        place: Place,
    ) -> Result<Option<Expression>, ()> {
        self.known(&format!("{pointer}/type"), "a type of source", &source.kind);
        let Some(text) = source.text() else { return Ok(None) };
        let member = if source.expression.text().unwrap_or_default().is_empty() { "name" } else { "expression" };
        let pointer_of_text = format!("{pointer}/{member}");
        let expression =
            Expression::parse(&text).map_err(|error| self.report(Finding::of_expression(&pointer_of_text, error)))?;
        if member == "expression" && source.contradicts(&expression) {
            let advice = "the text is what runs, and it says something else";
            self.report(Finding::hint(pointer, advice, "`name` and `parameters` that differ from `expression`"));
        }
        let are_known = self.check_source_attributes(&pointer_of_text, &expression, between);
        let is_sound = self.check_parts(&pointer_of_text, &expression, place);
        if are_known && is_sound { Ok(Some(expression)) } else { Err(()) }
    }

    fn check_source_attributes(&mut self, pointer: &str, expression: &Expression, between: Between<'_>) -> bool {
        let before = self.findings.len();
        for (name, position) in expression.attribute_positions() {
            match between.source.attribute(name) {
                _ if name == between.soft_deleted => {}
                None => {
                    let names = between.source.attribute_names().chain([between.soft_deleted]);
                    let finding = Finding::unknown(pointer, "an attribute of the source object", name, names);
                    self.report(finding.at(position));
                }
                Some(definition) => {
                    let is_inside = expression.as_attribute().is_none();
                    if definition.kind.word() == AttributeType::Reference && is_inside {
                        self.check_reference_text(pointer, expression, definition, (name, position));
                    }
                }
            }
        }
        self.findings.len() == before
    }

    /// A function sees a reference as the text that the source has written. What chooses by it would choose by an
    /// identifier, and of several references there is no one text.
    fn check_reference_text(
        &mut self,
        pointer: &str,
        expression: &Expression,
        definition: &AttributeDefinition,
        (name, position): (&str, usize),
    ) {
        let expected = if definition.multivalued.or(false) {
            "a reference to several objects only as a whole mapping, not inside a function"
        } else if is_within_switch(expression, position) {
            "an attribute that is no reference, as `Switch` needs"
        } else {
            return;
        };
        self.report(Finding::error(pointer, expected, format!("`[{name}]`")).at(position));
    }

    /// What may not stand at this place although it parses.
    fn check_parts(&mut self, pointer: &str, expression: &Expression, place: Place) -> bool {
        let mut is_sound = true;
        let mut error = |compiler: &mut Self, expected: &str, found: String, position: usize| {
            compiler.report(Finding::error(pointer, expected, found).at(position));
            is_sound = false;
        };
        if matches!(place, Place::Attribute { .. }) && expression.as_attribute() == Some(APP_ROLE_ASSIGNMENTS) {
            let expected = "a function around the roles, such as `SingleAppRoleAssignment`";
            error(self, expected, format!("`[{APP_ROLE_ASSIGNMENTS}]` alone"), 0);
        }
        for part in expression.root().parts() {
            match (&part.kind, place) {
                (NodeKind::Keyword(Keyword::IgnoreObjectFlow), Place::Attribute { .. }) => {
                    let expected =
                        "`IgnoreAttributeFlow`; whole objects are left alone by the mapping of `objectFilter`";
                    error(self, expected, "`IgnoreObjectFlow`".to_owned(), part.position);
                }
                (NodeKind::Call(call), _) if call.function.name == DEFAULT_DOMAIN => {
                    let expected = "a source that has a default domain";
                    let finding = Finding::error(pointer, expected, format!("`{DEFAULT_DOMAIN}`"));
                    self.without_default_domain.push(finding.at(part.position));
                }
                (NodeKind::Call(call), Place::ObjectFilter) if call.function.name == UNIQUE => {
                    let expected = "a value to judge the object by; unique values are drawn for target attributes";
                    error(self, expected, format!("`{UNIQUE}`"), part.position);
                }
                (NodeKind::Call(call), Place::Attribute { is_matching: true, .. }) if call.function.name == UNIQUE => {
                    let expected = "a value that is the same every time, by which resources can be found";
                    error(self, expected, format!("`{UNIQUE}`"), part.position);
                }
                (NodeKind::Call(call), Place::Attribute { flow_type, .. }) if flow_type != FlowType::ObjectAddOnly => {
                    let name = call.function.name;
                    if name == UNIQUE {
                        let expected =
                            "a mapping of the flow type `ObjectAddOnly`, because a taken name never becomes free";
                        error(self, expected, format!("`{UNIQUE}`"), part.position);
                    } else if DRAWING.contains(&name) {
                        let advice = "it is drawn anew with every evaluation; `ObjectAddOnly` keeps the first one";
                        self.report(Finding::hint(pointer, advice, format!("`{name}`")).at(part.position));
                    }
                }
                _ => {}
            }
        }
        is_sound
    }
}

/// True when the part at this position is an argument, or below an argument, of `Switch`.
fn is_within_switch(expression: &Expression, position: usize) -> bool {
    let parts = expression.root().parts();
    let switches =
        parts.into_iter().filter(|part| matches!(&part.kind, NodeKind::Call(call) if call.function.name == SWITCH));
    switches.into_iter().any(|switch| switch.parts().iter().any(|part| part.position == position))
}
