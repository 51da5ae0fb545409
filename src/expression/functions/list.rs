//! Functions of several values.

use std::collections::HashSet;

use crate::expression::eval::{Arguments, Evaluated, Reason};
use crate::model::Value;

pub(super) fn count(arguments: &Arguments<'_>) -> Evaluated {
    let count = match arguments.value(0)? {
        None => 0,
        Some(Value::List(values)) => values.len(),
        Some(_) => 1,
    };
    Ok(Some(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))))
}

pub(super) fn item(arguments: &Arguments<'_>) -> Evaluated {
    let mut values = match arguments.value(0)? {
        None => return Ok(None),
        Some(Value::List(values)) if values.is_empty() => return Ok(None),
        Some(Value::List(values)) => values,
        Some(value) => vec![value],
    };
    let index = usize::try_from(arguments.number(1)?).ok().and_then(|index| index.checked_sub(1));
    match index.filter(|&index| index < values.len()) {
        Some(index) => Ok(Some(values.swap_remove(index))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(1)))),
    }
}

pub(super) fn join(arguments: &Arguments<'_>) -> Evaluated {
    let separator = arguments.text(0)?.unwrap_or_default();
    let mut output = String::new();
    for index in 1..arguments.len() {
        let values = match arguments.value(index)? {
            None => continue,
            Some(Value::List(values)) => values,
            Some(value) => vec![value],
        };
        for value in values {
            let text = arguments.text_of(&value, index)?;
            if text.is_empty() {
                continue;
            }
            if !output.is_empty() {
                output.push_str(&separator);
            }
            output.push_str(&text);
            arguments.bounded(output.len())?;
        }
    }
    Ok(Some(Value::Text(output)))
}

pub(super) fn split(arguments: &Arguments<'_>) -> Evaluated {
    let delimiter = arguments.text(1)?.filter(|delimiter| !delimiter.is_empty());
    let delimiter = delimiter.as_deref().unwrap_or(",");
    let sources = match arguments.value(0)? {
        None => return Ok(None),
        Some(Value::List(values)) => values,
        Some(value) => vec![value],
    };
    let mut parts = Vec::new();
    for source in &sources {
        let source = arguments.text_of(source, 0)?;
        parts.extend(source.split(delimiter).map(str::trim).filter(|part| !part.is_empty()).map(Value::text));
    }
    Ok(Some(Value::List(parts)))
}

/// Values are equal when they are the same in type and text.
pub(super) fn remove_duplicates(arguments: &Arguments<'_>) -> Evaluated {
    let values = match arguments.value(0)? {
        Some(Value::List(values)) => values,
        value => return Ok(value),
    };
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for value in values {
        let text = arguments.text_of(&value, 0)?;
        if seen.insert((std::mem::discriminant(&value), text)) {
            kept.push(value);
        }
    }
    Ok(Some(Value::List(kept)))
}
