//! Functions of several values.

use std::collections::HashSet;

use super::row::{check_position, example, function, optional, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::Reason;
use crate::model::Value;

use ValueType::{Any, Integer, List, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "Count",
        &[required("attribute", List)],
        Integer,
        count,
        "How many values there are: none for null, one for a single value.",
        &[example("Count([otherMails])", r#"{"otherMails": ["a@n.example", "b@n.example"]}"#, r#""2""#)],
    ),
    Function {
        prepare: Some(|arguments, _| check_position(arguments, 1)),
        ..function(
            "Item",
            &[required("attribute", List), required("index", Integer)],
            Any,
            item,
            "The value at a position counted from 1; an error beyond the end, null for null.",
            &[example(
                "Item([otherMails], 2)",
                r#"{"otherMails": ["a@n.example", "b@n.example"]}"#,
                r#""b@n.example""#,
            )],
        )
    },
    function(
        "RemoveDuplicates",
        &[required("attribute", List)],
        List,
        remove_duplicates,
        "The first of every value, in their order.",
        &[example("RemoveDuplicates([groups])", r#"{"groups": ["b", "a", "b", "a"]}"#, r#"["b","a"]"#)],
    ),
    function(
        "Split",
        &[required("source", Text), optional("delimiter", Text)],
        List,
        split,
        "The parts of a text without the blanks around them; empty parts are left out.",
        &[example(r#"Split([codes], ";")"#, r#"{"codes": "red; green ;blue"}"#, r#"["red","green","blue"]"#)],
    ),
];

fn count<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let count = arguments.value(0)?.map_or(0, |value| value.as_list().map_or(1, <[Value]>::len));
    Ok(Some(Operand::count(count)))
}

fn item<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let Some(value) = arguments.present(0)? else { return Ok(None) };
    let mut values = value.into_elements();
    let index = usize::try_from(arguments.number(1)?).ok().and_then(|index| index.checked_sub(1));
    match index.filter(|&index| index < values.len()) {
        Some(index) => Ok(Some(values.swap_remove(index))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(1)))),
    }
}

fn split<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let delimiter = arguments.text(1)?.filter(|delimiter| !delimiter.is_empty());
    let delimiter = delimiter.as_deref().unwrap_or(",");
    let Some(value) = arguments.value(0)? else { return Ok(None) };
    let mut parts = Vec::new();
    for source in value.into_elements() {
        let source = arguments.text_of(source, 0)?;
        parts.extend(source.split(delimiter).map(str::trim).filter(|part| !part.is_empty()).map(Value::text));
    }
    Ok(Some(Operand::Made(Value::List(parts))))
}

/// Values are equal when they are the same in type and text.
fn remove_duplicates<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let value = match arguments.value(0)? {
        Some(value) if value.as_list().is_some() => value,
        value => return Ok(value),
    };
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for element in value.into_elements() {
        let text = arguments.text_of(element.clone(), 0)?.into_owned();
        let value = element.into_value().into_owned();
        if seen.insert((std::mem::discriminant(&value), text)) {
            kept.push(value);
        }
    }
    Ok(Some(Operand::Made(Value::List(kept))))
}
