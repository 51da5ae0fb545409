//! What the rows of the table are written with.

use super::{Evaluate, Example, Function, Origin, Parameter, ValueType};
use crate::expression::coercion::whole_number_of_text;
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, NodeKind, Prepared};

pub(super) const fn required(name: &'static str, kind: ValueType) -> Parameter {
    Parameter { name, aliases: &[], kind, required: true, multiple: false }
}

pub(super) const fn optional(name: &'static str, kind: ValueType) -> Parameter {
    Parameter { name, aliases: &[], kind, required: false, multiple: false }
}

pub(super) const fn repeated(name: &'static str, kind: ValueType) -> Parameter {
    Parameter { name, aliases: &[], kind, required: true, multiple: true }
}

/// The parameter, which is also written under these names.
pub(super) const fn or_named(parameter: Parameter, aliases: &'static [&'static str]) -> Parameter {
    Parameter { aliases, ..parameter }
}

/// A function of the reference service without checks of its own.
pub(super) const fn function(
    name: &'static str,
    parameters: &'static [Parameter],
    result: ValueType,
    evaluate: Evaluate,
    doc: &'static str,
    examples: &'static [Example],
) -> Function {
    Function {
        name,
        parameters,
        former: None,
        result,
        origin: Origin::Reference,
        doc,
        examples,
        outermost: false,
        prepare: None,
        evaluate,
    }
}

pub(super) const fn example(call: &'static str, object: &'static str, result: &'static str) -> Example {
    Example { call, object, result }
}

/// The number that an argument always is, and where it stands.
pub(super) fn constant_number(arguments: &[Option<Node>], index: usize) -> Option<(i64, usize)> {
    match arguments.get(index) {
        Some(Some(Node { kind: NodeKind::Text(text) | NodeKind::Number(text), position })) => {
            Some((whole_number_of_text(text)?, *position))
        }
        _ => None,
    }
}

/// Refuses a constant position that is before the first, which is 1.
pub(super) fn check_position(arguments: &[Option<Node>], index: usize) -> Result<Prepared, ParseError> {
    match constant_number(arguments, index) {
        Some((number, position)) if number < 1 => {
            Err(ParseError::new(position, "a position, counted from 1", format!("`{number}`")))
        }
        _ => Ok(Prepared::Nothing),
    }
}

/// The text of an argument that is a constant, and where it stands.
pub(super) fn constant(arguments: &[Option<Node>], index: usize) -> Option<(&str, usize)> {
    match arguments.get(index) {
        Some(Some(Node { kind: NodeKind::Text(text), position })) => Some((text, *position)),
        _ => None,
    }
}
