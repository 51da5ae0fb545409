//! Functions that choose.

use super::row::{example, function, optional, or_named, repeated, required};
use super::{Function, Origin, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, Prepared};

use ValueType::{Any, Boolean, Branch, Condition};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        origin: Origin::Product,
        ..function(
            "And",
            &[repeated("condition", Condition)],
            Boolean,
            and,
            "True when every condition is; the first that is not ends the evaluation.",
            &[example(
                r#"And([country] = "DE", IsPresent([mail]))"#,
                r#"{"country": "DE", "mail": "a@n.example"}"#,
                r#""True""#,
            )],
        )
    },
    Function {
        origin: Origin::Product,
        ..function(
            "Or",
            &[repeated("condition", Condition)],
            Boolean,
            or,
            "True when a condition is; the first that is true ends the evaluation.",
            &[example(r#"Or([country] = "DE", [country] = "AT")"#, r#"{"country": "AT"}"#, r#""True""#)],
        )
    },
    Function {
        origin: Origin::Product,
        ..function(
            "IsSame",
            &[required("value1", Any), required("value2", Any)],
            Boolean,
            is_same,
            "True when both have no value, or values that = calls equal: no value and empty text are not the same.",
            &[
                example("IsSame([manager], [assistant])", "{}", r#""True""#),
                example(r#"IsSame([mail], "")"#, "{}", r#""False""#),
            ],
        )
    },
    function(
        "Coalesce",
        // The last source doubles as the default.
        &[or_named(repeated("source", Any), &["defaultValue"])],
        Any,
        coalesce,
        "The first source that is neither null nor empty, else the last one as it is.",
        &[example(r#"Coalesce([preferredName], [givenName], "unknown")"#, r#"{"givenName": "Ada"}"#, r#""Ada""#)],
    ),
    function(
        "IIF",
        &[required("condition", Condition), required("valueIfTrue", Branch), required("valueIfFalse", Branch)],
        Any,
        iif,
        "The second argument when the condition is true, else the third.",
        &[example(r#"IIF([country] = "DE", "EMEA", "OTHER")"#, r#"{"country": "DE"}"#, r#""EMEA""#)],
    ),
    function(
        "Not",
        &[required("source", Boolean)],
        Boolean,
        not,
        "False for true, true for everything else.",
        &[example("Not([IsSoftDeleted])", r#"{"IsSoftDeleted": true}"#, r#""False""#)],
    ),
    Function {
        prepare: Some(check_switch),
        ..function(
            "Switch",
            &[
                required("source", Any),
                optional("defaultValue", Branch),
                or_named(repeated("switchKey", Any), &["key"]),
                or_named(repeated("switchValue", Branch), &["value"]),
            ],
            Any,
            switch,
            "The value after the first key that equals the source, else the default. The key \"\" stands for no value.",
            &[
                example(
                    r#"Switch([type], "staff", "C", "contractor", "V", "vendor")"#,
                    r#"{"type": "V"}"#,
                    r#""vendor""#,
                ),
                example(r#"Switch([office], [office], "", "Remote")"#, "{}", r#""Remote""#),
            ],
        )
    },
];

fn and<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    for index in 0..arguments.len() {
        if !arguments.condition(index)? {
            return Ok(Some(Operand::boolean(false)));
        }
    }
    Ok(Some(Operand::boolean(true)))
}

fn or<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    for index in 0..arguments.len() {
        if arguments.condition(index)? {
            return Ok(Some(Operand::boolean(true)));
        }
    }
    Ok(Some(Operand::boolean(false)))
}

fn is_same<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let left = arguments.value(0)?.map(Operand::into_elements).unwrap_or_default();
    let right = arguments.value(1)?.map(Operand::into_elements).unwrap_or_default();
    let same = left.len() == right.len() && left.iter().zip(&right).all(|(left, right)| left.is_same(right));
    Ok(Some(Operand::boolean(same)))
}

fn iif<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let branch = if arguments.condition(0)? { 1 } else { 2 };
    arguments.value(branch)
}

fn switch<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let source = arguments.text(0)?.unwrap_or_default();
    for key in (2..arguments.len()).step_by(2) {
        if arguments.text(key)?.unwrap_or_default() == source {
            return arguments.value(key + 1);
        }
    }
    arguments.value(1)
}

/// Keys and values come in pairs, and there is at least one.
fn check_switch(arguments: &[Option<Node>], position: usize) -> Result<Prepared, ParseError> {
    if arguments.len() >= 4 && arguments.len().is_multiple_of(2) {
        return Ok(Prepared::Nothing);
    }
    let expected = "a source, a default, and pairs of a key and a value in `Switch`";
    Err(ParseError::new(position, expected, format!("{} arguments", arguments.len())))
}

fn coalesce<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let last = arguments.len() - 1;
    for index in 0..last {
        if let Some(value) = arguments.value(index)?.filter(|value| !value.is_empty()) {
            return Ok(Some(value));
        }
    }
    arguments.value(last)
}

fn not<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let Some(value) = arguments.value(0)? else { return Ok(Some(Operand::boolean(true))) };
    let mut values = value.into_elements();
    let one = if values.len() == 1 { values.pop() } else { None };
    let is_true = one.and_then(Operand::into_text).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    Ok(Some(Operand::boolean(!is_true)))
}
