//! Functions of text. Positions and lengths count Unicode scalar values.

use super::case::lower;
use super::row::{check_position, example, function, optional, or_named, repeated, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::Reason;

use ValueType::{Any, CompareType, Integer, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "Append",
        &[required("source", Text), required("suffix", Text)],
        Text,
        append,
        "The source followed by the suffix; null when the source is null.",
        &[example(r#"Append([mailNickname], "-adm")"#, r#"{"mailNickname": "kpatel"}"#, r#""kpatel-adm""#)],
    ),
    function(
        "Prepend",
        &[required("prefix", Text), required("source", Text)],
        Text,
        prepend,
        "The prefix followed by the source; null when the source is null.",
        &[example(r#"Prepend("X-", [employeeId])"#, r#"{"employeeId": "9"}"#, r#""X-9""#)],
    ),
    function(
        "DefaultDomain",
        &[],
        Text,
        default_domain,
        "The default domain of the source, without an at sign.",
        &[example(
            r#"Join("@", [mailNickname], DefaultDomain())"#,
            r#"{"mailNickname": "kim"}"#,
            r#""kim@northwind.example""#,
        )],
    ),
    Function {
        prepare: Some(|arguments, _| check_position(arguments, 2)),
        ..function(
            "InStr",
            &[
                required("value1", Text),
                required("value2", Text),
                optional("start", Integer),
                optional("compareType", CompareType),
            ],
            Integer,
            position,
            "Where the second text begins in the first, counted from 1; 0 when it does not occur.",
            &[
                example(r#"InStr([displayName], "-")"#, r#"{"displayName": "warehouse-07"}"#, r#""10""#),
                example(r#"InStr("Banana", "b", 1, vbTextCompare)"#, "{}", r#""1""#),
            ],
        )
    },
    function(
        "Join",
        &[required("separator", Text), or_named(repeated("source", Any), &["source1", "source2"])],
        Text,
        join,
        "All values that are neither null nor empty, with the separator between them.",
        &[example(
            r#"Join(" / ", [company], [department], [team])"#,
            r#"{"company": "Acme", "team": "Blue"}"#,
            r#""Acme / Blue""#,
        )],
    ),
    function(
        "Left",
        &[
            or_named(required("string", Text), &["source", "text"]),
            or_named(required("numChars", Integer), &["count", "number"]),
        ],
        Text,
        left,
        "The first characters; all of them for a negative number, none for null.",
        &[example(r#"Left([city], 4)"#, r#"{"city": "Wellington"}"#, r#""Well""#)],
    ),
    function(
        "Len",
        &[or_named(required("source", Text), &["text", "string"])],
        Integer,
        length,
        "How many characters (Unicode scalar values) the text has; 0 for null.",
        &[example("Len([city])", r#"{"city": "Oslo"}"#, r#""4""#)],
    ),
    function(
        "Mid",
        &[required("source", Text), required("start", Integer), required("length", Integer)],
        Text,
        mid,
        "So many characters from a position counted from 1, as far as there are any.",
        &[example("Mid([city], 4, 3)", r#"{"city": "Reykjavik"}"#, r#""kja""#)],
    ),
    function(
        "StripSpaces",
        &[required("source", Text)],
        Text,
        strip_spaces,
        "The text without its blanks.",
        &[example("StripSpaces([surname])", r#"{"surname": "de la Cruz"}"#, r#""delaCruz""#)],
    ),
    function(
        "Word",
        &[
            or_named(required("string", Text), &["source", "text"]),
            or_named(required("number", Integer), &["wordNumber"]),
            required("delimiters", Text),
        ],
        Text,
        word,
        "The word at a position counted from 1, any of the delimiters ending a word; empty when there is none.",
        &[example(r#"Word([displayName], 2, " ")"#, r#"{"displayName": "Nguyen Thi Minh Khai"}"#, r#""Thi""#)],
    ),
];

fn append<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let suffix = arguments.text(1)?.unwrap_or_default();
    arguments.map(0, |source| Ok([source, &suffix].concat()))
}

fn prepend<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let prefix = arguments.text(0)?.unwrap_or_default();
    arguments.map(1, |source| Ok([&prefix, source].concat()))
}

fn default_domain<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let domain = arguments.context().default_domain.map(Operand::Literal);
    domain.map(Some).ok_or_else(|| arguments.fail(Reason::NoDefaultDomain))
}

fn position<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let start = if arguments.is_given(2) { arguments.number(2)? } else { 1 };
    let start = start.checked_sub(1).and_then(|start| usize::try_from(start).ok());
    let start = start.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(2))))?;
    let fold = match arguments.text(3)?.as_deref() {
        None | Some("vbBinaryCompare") => |character: char| character,
        Some("vbTextCompare") => lower,
        Some(_) => return Err(arguments.fail(Reason::Unknown(arguments.name(3)))),
    };
    let (Some(text), Some(wanted)) = (arguments.text(0)?, arguments.text(1)?) else {
        return Ok(Some(Operand::integer(0)));
    };
    let wanted: String = wanted.chars().map(fold).collect();
    let rest: String = text.chars().skip(start).map(fold).collect();
    let found = rest.find(&wanted).filter(|_| !text.is_empty());
    Ok(Some(Operand::count(found.map_or(0, |byte| start + rest[..byte].chars().count() + 1))))
}

fn join<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let separator = arguments.text(0)?.unwrap_or_default();
    let mut output = String::new();
    for index in 1..arguments.len() {
        let Some(source) = arguments.value(index)? else { continue };
        for element in source.into_elements() {
            let text = arguments.text_of(element, index)?;
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
    Ok(Some(Operand::text(output)))
}

fn left<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let wanted = arguments.number(1)?;
    or_empty(arguments.map(0, |source| match usize::try_from(wanted) {
        Ok(wanted) => Ok(source.chars().take(wanted).collect()),
        Err(_) => Ok(source.to_owned()),
    }))
}

fn mid<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let (start, length) = (arguments.number(1)?, arguments.number(2)?);
    or_empty(arguments.map(0, |source| match (usize::try_from(start), usize::try_from(length)) {
        (Ok(start @ 1..), Ok(length)) => Ok(source.chars().skip(start - 1).take(length).collect()),
        _ => Ok(source.to_owned()),
    }))
}

fn length<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::count(arguments.text(0)?.map_or(0, |text| text.chars().count()))))
}

fn strip_spaces<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    arguments.map(0, |source| Ok(source.replace(' ', "")))
}

fn word<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let number = arguments.number(1)?;
    let delimiters = arguments.text(2)?.unwrap_or_default();
    let text = arguments.text(0)?.unwrap_or_default();
    let mut words = text.split(|character| delimiters.contains(character)).filter(|word| !word.is_empty());
    let word = usize::try_from(number).ok().and_then(|number| words.nth(number.checked_sub(1)?));
    Ok(Some(Operand::text(word.unwrap_or_default())))
}

/// `Left` and `Mid` answer an empty text where others answer null; an empty list counts as null.
fn or_empty(evaluated: Evaluated<'_>) -> Evaluated<'_> {
    evaluated.map(|operand| Some(operand.filter(|operand| !operand.is_empty()).unwrap_or(Operand::Literal(""))))
}
