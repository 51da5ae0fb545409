//! `Replace`, which is five functions: the arguments that are given say which.

use std::borrow::Cow;

use crate::expression::eval::{Arguments, Evaluated, Halt, Reason};
use crate::expression::parser::ParseError;
use crate::expression::{Node, NodeKind, Pattern, PatternError};
use crate::model::Value;

const SOURCE: usize = 0;
const FIND: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const FALLBACK: usize = 5;
const TEMPLATE: usize = 6;

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
pub(super) fn prepare(arguments: &[Option<Node>], position: usize) -> Result<Option<Pattern>, ParseError> {
    let Some(mode) = mode(arguments) else {
        let expected = "in `Replace` one of: Find and Replacement; Find and Template; RegularExpression and \
                        Replacement, with or without RegularExpressionGroupName; RegularExpression, \
                        RegularExpressionGroupName and ReplacementPropertyName";
        return Err(ParseError::new(position, expected, "another choice of arguments"));
    };
    let Some((text, position)) = constant(arguments, PATTERN) else { return Ok(None) };
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
    Ok(Some(pattern))
}

pub(super) fn replace(arguments: &Arguments<'_>) -> Evaluated {
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

fn constant(arguments: &[Option<Node>], index: usize) -> Option<(&str, usize)> {
    match arguments.get(index) {
        Some(Some(Node { kind: NodeKind::Text(text), position })) => Some((text, *position)),
        _ => None,
    }
}

fn literal(arguments: &Arguments<'_>) -> Evaluated {
    let find = arguments.text(FIND)?.unwrap_or_default();
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    arguments.map(SOURCE, |source| replaced(arguments, source, &find, &replacement))
}

fn template(arguments: &Arguments<'_>) -> Evaluated {
    let find = arguments.text(FIND)?.unwrap_or_default();
    let template = arguments.text(TEMPLATE)?.unwrap_or_default();
    arguments.map(SOURCE, |source| replaced(arguments, &template, &find, source))
}

/// The length is known before the text is made, so a short expression cannot ask for gigabytes.
fn replaced(arguments: &Arguments<'_>, text: &str, find: &str, replacement: &str) -> Result<String, Halt> {
    if find.is_empty() {
        return Ok(text.to_owned());
    }
    let occurrences = text.matches(find).count();
    arguments.bounded(text.len().saturating_add(occurrences.saturating_mul(replacement.len())))?;
    Ok(text.replace(find, replacement))
}

fn by_pattern(arguments: &Arguments<'_>) -> Evaluated {
    let pattern = pattern(arguments)?;
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    arguments.map(SOURCE, |source| {
        let mut output = String::new();
        let mut end = 0;
        for captures in pattern.captures(source).map_err(|error| arguments.fail(Reason::Pattern(error)))? {
            let Some(whole) = captures.get(0) else { continue };
            output.push_str(&source[end..whole.start()]);
            pattern.expand(&captures, &replacement, &mut output);
            arguments.bounded(output.len())?;
            end = whole.end();
        }
        output.push_str(&source[end..]);
        Ok(output)
    })
}

fn by_group(arguments: &Arguments<'_>) -> Evaluated {
    let pattern = pattern(arguments)?;
    let group = group(arguments, &pattern)?;
    let replacement = arguments.text(REPLACEMENT)?.unwrap_or_default();
    arguments.map(SOURCE, |source| {
        let mut output = String::new();
        let mut end = 0;
        for captures in pattern.captures(source).map_err(|error| arguments.fail(Reason::Pattern(error)))? {
            // A lookbehind may capture what lies before the match, and so what is already written.
            let Some(part) = captures.name(&group).filter(|part| part.start() >= end) else { continue };
            output.push_str(&source[end..part.start()]);
            output.push_str(&replacement);
            arguments.bounded(output.len())?;
            end = part.end();
        }
        output.push_str(&source[end..]);
        Ok(output)
    })
}

fn fallback(arguments: &Arguments<'_>) -> Evaluated {
    if let Some(value) = arguments.value(SOURCE)?.filter(|value| !value.is_empty()) {
        return Ok(Some(value));
    }
    let pattern = pattern(arguments)?;
    let group = group(arguments, &pattern)?;
    let Some(text) = arguments.text(FALLBACK)? else { return Ok(None) };
    let matches = pattern.captures(&text).map_err(|error| arguments.fail(Reason::Pattern(error)))?;
    let found = matches.first().and_then(|captures| captures.name(&group));
    Ok(found.map(|part| Value::text(part.as_str())))
}

fn pattern<'a>(arguments: &Arguments<'a>) -> Result<Cow<'a, Pattern>, Halt> {
    if let Some(pattern) = arguments.pattern() {
        return Ok(Cow::Borrowed(pattern));
    }
    let text = arguments.text(PATTERN)?.ok_or_else(|| arguments.fail(Reason::Missing(arguments.name(PATTERN))))?;
    // The pattern comes from the object here, so the error must not repeat it.
    Pattern::compile(&text).map(Cow::Owned).map_err(|_| arguments.fail(Reason::Unknown(arguments.name(PATTERN))))
}

fn group(arguments: &Arguments<'_>, pattern: &Pattern) -> Result<String, Halt> {
    let name = arguments.text(GROUP)?.unwrap_or_default();
    if pattern.has_group(&name) { Ok(name) } else { Err(arguments.fail(Reason::UnknownGroup)) }
}
