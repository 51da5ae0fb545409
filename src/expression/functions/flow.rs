//! Functions around the whole expression: whether and how its value flows.

use super::row::{example, function, repeated, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::outcome::Halt;
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, Prepared};
use crate::model::Value;

use ValueType::{Any, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        outermost: true,
        ..function(
            "IgnoreFlowIfNullOrEmpty",
            &[required("expression", Any)],
            Any,
            ignore_if_empty,
            "The value, or nothing at all is sent when it is null or empty.",
            &[example("IgnoreFlowIfNullOrEmpty([jobTitle])", r#"{"jobTitle": "Clerk"}"#, r#""Clerk""#)],
        )
    },
    Function {
        outermost: true,
        ..function(
            "Redact",
            &[required("value", Any)],
            Any,
            redact,
            "The value, which logs show as [Redact].",
            &[example("Redact([employeeId])", r#"{"employeeId": "777"}"#, r#""777""#)],
        )
    },
    Function {
        outermost: true,
        prepare: Some(check_rules),
        ..function(
            "SelectUniqueValue",
            &[repeated("rule", Any)],
            Text,
            select_unique,
            "The first of the values that no other resource of the target has. Map it only when an object is created.",
            &[example(
                r#"SelectUniqueValue([mailNickname], Append([mailNickname], "2"))"#,
                r#"{"mailNickname": "kim"}"#,
                r#""kim""#,
            )],
        )
    },
];

fn ignore_if_empty<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    match arguments.value(0)?.filter(|value| !value.is_empty()) {
        Some(value) => Ok(Some(value)),
        None => Err(Halt::IgnoreAttribute),
    }
}

/// Masking is the business of whoever shows the value: [`crate::expression::Expression::is_redacted`].
fn redact<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    arguments.value(0)
}

/// Only whoever knows the target can choose among them. A rule that fails ends the list: those behind it might never
/// have been looked at. It is an error when there is nothing before it.
fn select_unique<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let mut candidates = Vec::new();
    for index in 0..arguments.len() {
        match texts(arguments, index) {
            Err(_) if !candidates.is_empty() => break,
            texts => {
                for text in texts? {
                    if !text.is_empty() && !candidates.contains(&text) {
                        candidates.push(text);
                    }
                }
            }
        }
    }
    if candidates.is_empty() { Ok(None) } else { Err(Halt::Candidates(candidates)) }
}

fn texts(arguments: &Arguments<'_, '_>, index: usize) -> Result<Vec<Value>, Halt> {
    let elements = arguments.value(index)?.map(|value| value.into_elements()).unwrap_or_default();
    let texts = elements.into_iter().map(|element| Ok(Value::Text(arguments.text_of(element, index)?.into_owned())));
    texts.collect()
}

fn check_rules(arguments: &[Option<Node>], position: usize) -> Result<Prepared, ParseError> {
    if arguments.len() >= 2 {
        return Ok(Prepared::Nothing);
    }
    Err(ParseError::new(position, "two rules or more in `SelectUniqueValue`", "one"))
}
