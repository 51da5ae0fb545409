//! `Replace`, which is five functions: the arguments that are given say which.

use std::borrow::Cow;

use super::row::{constant, example, function, optional, or_named, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::{Halt, Reason};
use crate::expression::parser::ParseError;
use crate::expression::regex::Replacement;
use crate::expression::tree::{Node, Prepared};
use crate::expression::{Pattern, PatternError};

use ValueType::Text;

const SOURCE: usize = 0;
const FIND: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const FALLBACK: usize = 5;
const TEMPLATE: usize = 6;

pub(super) const FUNCTIONS: &[Function] = &[Function {
    prepare: Some(prepare),
    ..function(
        "Replace",
        &[
            required("source", Text),
            or_named(optional("Find", Text), &["oldValue"]),
            or_named(optional("RegularExpression", Text), &["regexPattern"]),
            or_named(optional("RegularExpressionGroupName", Text), &["regexGroupName"]),
            or_named(optional("Replacement", Text), &["replacementValue"]),
            or_named(optional("ReplacementPropertyName", Text), &["replacementAttributeName"]),
            optional("Template", Text),
        ],
        Text,
        replace,
        "A text or a pattern replaced in the source, the source put into a template, or a fallback extracted from another attribute, by which arguments are given.",
        &[
            example(
                r#"Replace([userPrincipalName], "@old.example", , , "@new.example", , )"#,
                r#"{"userPrincipalName": "kim@old.example"}"#,
                r#""kim@new.example""#,
            ),
            example(r##"Replace([id], "#", , , , , "user-#")"##, r#"{"id": "42"}"#, r#""user-42""#),
            example(
                r#"Replace([telephoneNumber], , "[^0-9]", , "", , )"#,
                r#"{"telephoneNumber": "(030) 12-34"}"#,
                r#""0301234""#,
            ),
            example(
                r#"Replace([office], , "^(?<site>[A-Z]+)-", "site", "HQ", , )"#,
                r#"{"office": "LAB-204"}"#,
                r#""HQ-204""#,
            ),
            example(
                r#"Replace([nickName], , "(?<name>[a-z]+)", "name", , [mail], )"#,
                r#"{"mail": "zoe9@n.example"}"#,
                r#""zoe""#,
            ),
        ],
    )
}];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every occurrence of a text in the source becomes another text.
    Literal,
    /// Every occurrence of a text in the template becomes the source.
    Template,
    /// Every match of a pattern in the source becomes another text.
    Pattern,
    /// Inside every match only the text of one group is replaced.
    Group,
    /// A source with a value is the answer; else one group of a match in another attribute.
    Fallback,
}

/// Checks which arguments are given, and compiles the pattern where it is a constant.
fn prepare(arguments: &[Option<Node>], position: usize) -> Result<Prepared, ParseError> {
    let Some(mode) = mode(arguments) else {
        let expected = "in `Replace` one of: Find and Replacement; Find and Template; RegularExpression and \
                        Replacement, with or without RegularExpressionGroupName; RegularExpression, \
                        RegularExpressionGroupName and ReplacementPropertyName";
        return Err(ParseError::new(position, expected, "another choice of arguments"));
    };
    let Some((text, position)) = constant(arguments, PATTERN) else { return Ok(Prepared::Nothing) };
    let pattern = Pattern::compile(text).map_err(|error| {
        let problem = match error {
            PatternError::Invalid { problem, .. } => problem,
            other => other.to_string(),
        };
        ParseError::new(position, format!("a regular expression ({problem})"), "another text")
    })?;
    if matches!(mode, Mode::Group | Mode::Fallback)
        && let Some((group, position)) = constant(arguments, GROUP)
        && !pattern.has_group(group)
    {
        return Err(ParseError::new(position, "the name of a group of the pattern", format!("`{group}`")));
    }
    Ok(Prepared::Pattern(Box::new(pattern)))
}

fn replace<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    match mode(arguments.nodes()) {
        Some(Mode::Literal) => literal(arguments),
        Some(Mode::Template) => template(arguments),
        Some(Mode::Pattern) => by_pattern(arguments),
        Some(Mode::Group) => by_group(arguments),
        Some(Mode::Fallback) => fallback(arguments),
        None => Err(arguments.fail(Reason::Missing(arguments.name(FIND)))),
    }
}

fn mode(arguments: &[Option<Node>]) -> Option<Mode> {
    let given: Vec<usize> = (FIND..=TEMPLATE).filter(|&index| matches!(arguments.get(index), Some(Some(_)))).collect();
    match given.as_slice() {
        [FIND, REPLACEMENT] => Some(Mode::Literal),
        [FIND, TEMPLATE] => Some(Mode::Template),
        [PATTERN, REPLACEMENT] => Some(Mode::Pattern),
        [PATTERN, GROUP, REPLACEMENT] => Some(Mode::Group),
        [PATTERN, GROUP, FALLBACK] => Some(Mode::Fallback),
        _ => None,
    }
}

fn literal<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let find = arguments.text(FIND)?.unwrap_or_default();
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    arguments.map(SOURCE, |source| replaced(arguments, source, &find, &replacement))
}

fn template<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let find = arguments.text(FIND)?.unwrap_or_default();
    let template = arguments.text(TEMPLATE)?.unwrap_or_default();
    arguments.map(SOURCE, |source| replaced(arguments, &template, &find, source))
}

/// The length is known before the text is made, so a short expression cannot ask for gigabytes.
fn replaced(arguments: &Arguments<'_, '_>, text: &str, find: &str, replacement: &str) -> Result<String, Halt> {
    if find.is_empty() {
        return Ok(text.to_owned());
    }
    let occurrences = text.matches(find).count();
    arguments.bounded(text.len().saturating_add(occurrences.saturating_mul(replacement.len())))?;
    Ok(text.replace(find, replacement))
}

fn by_pattern<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let pattern = pattern(arguments)?;
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    let replacement = Replacement::read(&replacement, &pattern);
    arguments.map(SOURCE, |source| {
        let mut output = String::new();
        let mut end = 0;
        for found in pattern.matches(source, arguments.budget()) {
            let found = found.map_err(|error| arguments.pattern_failed(error))?;
            output.push_str(&source[end..found.range.start]);
            replacement.expand(&found, source, &mut output);
            arguments.bounded(output.len())?;
            end = found.range.end;
        }
        output.push_str(&source[end..]);
        Ok(output)
    })
}

fn by_group<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let pattern = pattern(arguments)?;
    let group = group(arguments, &pattern)?;
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    arguments.map(SOURCE, |source| {
        let mut output = String::new();
        let mut end = 0;
        for found in pattern.matches(source, arguments.budget()) {
            let found = found.map_err(|error| arguments.pattern_failed(error))?;
            // A group inside a lookahead may have captured what a later match captures again.
            let Some(part) = found.group(&pattern, &group).filter(|part| part.start >= end) else { continue };
            output.push_str(&source[end..part.start]);
            output.push_str(&replacement);
            arguments.bounded(output.len())?;
            end = part.end;
        }
        output.push_str(&source[end..]);
        Ok(output)
    })
}

fn fallback<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    if let Some(value) = arguments.value(SOURCE)?.filter(|value| !value.is_empty()) {
        return Ok(Some(value));
    }
    let pattern = pattern(arguments)?;
    let group = group(arguments, &pattern)?;
    let Some(text) = arguments.text(FALLBACK)? else { return Ok(None) };
    let first = pattern.matches(&text, arguments.budget()).next().transpose();
    let first = first.map_err(|error| arguments.pattern_failed(error))?;
    let part = first.and_then(|found| found.group(&pattern, &group));
    Ok(part.map(|part| Operand::text(&text[part])))
}

fn pattern<'a>(arguments: &Arguments<'a, '_>) -> Result<Cow<'a, Pattern>, Halt> {
    if let Prepared::Pattern(pattern) = arguments.prepared() {
        return Ok(Cow::Borrowed(pattern));
    }
    let text = arguments.text(PATTERN)?.ok_or_else(|| arguments.fail(Reason::Missing(arguments.name(PATTERN))))?;
    // The pattern comes from the object here, so the error must not repeat it.
    Pattern::compile(&text).map(Cow::Owned).map_err(|_| arguments.fail(Reason::Unknown(arguments.name(PATTERN))))
}

fn group<'a>(arguments: &Arguments<'a, '_>, pattern: &Pattern) -> Result<Cow<'a, str>, Halt> {
    let name = arguments.text(GROUP)?.unwrap_or_default();
    if pattern.has_group(&name) { Ok(name) } else { Err(arguments.fail(Reason::UnknownGroup)) }
}
