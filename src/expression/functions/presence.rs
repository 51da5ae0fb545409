//! Functions that ask whether there is a value.

use super::row::{example, function, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::model::Value;

use ValueType::{Any, Boolean};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "IsNothing",
        &[required("source", Any)],
        Boolean,
        is_null,
        "True when there is no value.",
        &[example("IsNothing([mail])", "{}", r#""True""#)],
    ),
    function(
        "IsNull",
        &[required("expression", Any)],
        Boolean,
        is_null,
        "True when there is no value.",
        &[example("IsNull([mail])", r#"{"mail": ""}"#, r#""False""#)],
    ),
    function(
        "IsNullOrEmpty",
        &[required("expression", Any)],
        Boolean,
        is_null_or_empty,
        "True when there is no value, or an empty text.",
        &[example("IsNullOrEmpty([mail])", r#"{"mail": ""}"#, r#""True""#)],
    ),
    function(
        "IsPresent",
        &[required("expression", Any)],
        Boolean,
        is_present,
        "True when there is a value other than an empty text.",
        &[example("IsPresent([otherMails])", r#"{"otherMails": ["x@n.example"]}"#, r#""True""#)],
    ),
    function(
        "IsString",
        &[required("expression", Any)],
        Boolean,
        is_string,
        "True for one value that has a text form.",
        &[example("IsString([mail])", r#"{"mail": "q@n.example"}"#, r#""True""#)],
    ),
];

fn is_null<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::boolean(arguments.present(0)?.is_none())))
}

fn is_null_or_empty<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::boolean(arguments.value(0)?.is_none_or(|value| value.is_empty()))))
}

fn is_present<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::boolean(arguments.value(0)?.is_some_and(|value| !value.is_empty()))))
}

fn is_string<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let is_text = match arguments.value(0)? {
        Some(Operand::Given(Value::Binary(_))) | None => false,
        Some(operand) => operand.as_text().is_some(),
    };
    Ok(Some(Operand::boolean(is_text)))
}
