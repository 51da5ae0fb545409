//! Functions that choose and test.

use crate::expression::eval::{Arguments, Evaluated, Halt};
use crate::expression::parser::ParseError;
use crate::expression::{Node, Pattern, written};
use crate::model::Value;

pub(super) fn bit_and(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::Integer(arguments.number(0)? & arguments.number(1)?)))
}

pub(super) fn to_boolean(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::Boolean(arguments.condition(0)?)))
}

pub(super) fn iif(arguments: &Arguments<'_>) -> Evaluated {
    let branch = if arguments.condition(0)? { 1 } else { 2 };
    arguments.value(branch)
}

pub(super) fn switch(arguments: &Arguments<'_>) -> Evaluated {
    let source = arguments.text(0)?.unwrap_or_default();
    for key in (2..arguments.len()).step_by(2) {
        if arguments.text(key)?.unwrap_or_default() == source {
            return arguments.value(key + 1);
        }
    }
    arguments.value(1)
}

/// Keys and values come in pairs, and there is at least one.
pub(super) fn check_switch(arguments: &[Option<Node>], position: usize) -> Result<Option<Pattern>, ParseError> {
    if arguments.len() >= 4 && arguments.len().is_multiple_of(2) {
        return Ok(None);
    }
    let expected = "a source, a default, and pairs of a key and a value in `Switch`";
    Err(ParseError::new(position, expected, format!("{} arguments", arguments.len())))
}

pub(super) fn coalesce(arguments: &Arguments<'_>) -> Evaluated {
    let last = arguments.len() - 1;
    for index in 0..last {
        if let Some(value) = arguments.value(index)?.filter(|value| !value.is_empty()) {
            return Ok(Some(value));
        }
    }
    arguments.value(last)
}

pub(super) fn not(arguments: &Arguments<'_>) -> Evaluated {
    let value = match arguments.value(0)? {
        Some(Value::List(mut values)) if values.len() == 1 => values.pop(),
        value => value,
    };
    let is_true = value.as_ref().and_then(written).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    Ok(Some(Value::Boolean(!is_true)))
}

pub(super) fn is_null(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::Boolean(present(arguments)?.is_none())))
}

pub(super) fn is_null_or_empty(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::Boolean(present(arguments)?.is_none_or(|value| value.is_empty()))))
}

pub(super) fn is_present(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::Boolean(present(arguments)?.is_some_and(|value| !value.is_empty()))))
}

pub(super) fn is_string(arguments: &Arguments<'_>) -> Evaluated {
    let text = |value: &Value| !matches!(value, Value::Binary(_)) && written(value).is_some();
    Ok(Some(Value::Boolean(present(arguments)?.as_ref().is_some_and(text))))
}

pub(super) fn ignore_if_empty(arguments: &Arguments<'_>) -> Evaluated {
    match arguments.value(0)?.filter(|value| !value.is_empty()) {
        Some(value) => Ok(Some(value)),
        None => Err(Halt::IgnoreAttribute),
    }
}

/// Masking is the business of whoever shows the value: [`crate::expression::Expression::is_redacted`].
pub(super) fn redact(arguments: &Arguments<'_>) -> Evaluated {
    arguments.value(0)
}

/// An empty list is no value.
fn present(arguments: &Arguments<'_>) -> Evaluated {
    Ok(arguments.value(0)?.filter(|value| !matches!(value, Value::List(values) if values.is_empty())))
}
