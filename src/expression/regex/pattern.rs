//! A compiled regular expression, within limits.

use std::ops::Range;

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::groups::{Name, Names};
use super::translate::{Translated, Untranslatable, translate};

/// Steps one match may take before it is given up, where the engine has to backtrack.
const BACKTRACK_LIMIT: usize = 100_000;

/// Bytes a compiled pattern may take, and instructions where the engine has to backtrack.
const SIZE_LIMIT: usize = 1 << 20;
const PROGRAM_LIMIT: usize = 20_000;

/// Patterns longer than this, in bytes, are not compiled.
const MAX_PATTERN: usize = 16 << 10;

/// Texts longer than this, in bytes, are not searched.
const MAX_TEXT: usize = 16 << 10;

/// A compiled regular expression. A match anywhere counts, unless the pattern is anchored.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// For texts that end with a line feed, where that makes a difference: `$` also matches before it.
    before_line_feed: Option<Regex>,
    names: Names,
    backtracks: bool,
}

/// Why a pattern cannot be used. Never says what it was matched against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("`{pattern}` is not a regular expression: {problem}")]
    Invalid { pattern: String, problem: String },
    /// .NET takes it, our engine has nothing that means the same. The offset is in bytes of the pattern.
    #[error("{construct}, at position {offset} of the regular expression, is not supported")]
    Unsupported { construct: &'static str, offset: usize },
    #[error("the regular expression takes too many steps; make it simpler")]
    TooManySteps,
    #[error("the text is longer than {MAX_TEXT} bytes, too long for a regular expression")]
    TextTooLong,
}

impl Pattern {
    /// Compiles a pattern of the .NET flavour.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        let invalid = |problem: String| PatternError::Invalid { pattern: shortened(text), problem };
        if text.len() > MAX_PATTERN {
            return Err(invalid(format!("it is longer than {MAX_PATTERN} bytes")));
        }
        let translated = translate(text).map_err(|reason| match reason {
            Untranslatable::Invalid { offset, problem } => invalid(format!("{problem}, at position {offset}")),
            Untranslatable::Unsupported { offset, construct } => PatternError::Unsupported { construct, offset },
        })?;
        let Translated { text: engines, before_line_feed, names, backtracks } = translated;
        let build = |text: &str| build(text).map_err(|error| invalid(error.to_string()));
        Ok(Self {
            regex: build(&engines)?,
            before_line_feed: before_line_feed.as_deref().map(build).transpose()?,
            names,
            backtracks,
        })
    }

    /// True when the pattern matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> Result<bool, PatternError> {
        self.regex_for(text)?.is_match(text).map_err(|_| PatternError::TooManySteps)
    }

    /// True when the pattern has a group of this name or number.
    pub(in crate::expression) fn has_group(&self, name: &str) -> bool {
        !self.groups(name).is_empty()
    }

    /// The engine's groups of a name or a number.
    pub(super) fn groups(&self, name: &str) -> Vec<usize> {
        Name::read(name).map(|name| self.names.groups(&name)).unwrap_or_default()
    }

    /// The engine's groups with the greatest number of .NET.
    pub(super) fn last_group(&self) -> Vec<usize> {
        self.names.numbers().pop_last().map(|(_, groups)| groups).unwrap_or_default()
    }

    /// The first match that begins at `from` or behind.
    pub(super) fn match_from<'t>(&self, text: &'t str, from: usize) -> Result<Option<Captures<'t, str>>, PatternError> {
        self.regex_for(text)?.captures_from_pos(text, from).map_err(|_| PatternError::TooManySteps)
    }

    /// What a search through so many bytes costs of the budget of an evaluation.
    pub(super) fn cost(&self, bytes: usize) -> usize {
        // A search that may backtrack can take as many steps as its limit, whatever the length of the text.
        if self.backtracks { 1_000 + bytes } else { 1 + bytes }
    }

    fn regex_for(&self, text: &str) -> Result<&Regex, PatternError> {
        if text.len() > MAX_TEXT {
            return Err(PatternError::TextTooLong);
        }
        Ok(self.before_line_feed.as_ref().filter(|_| text.ends_with('\n')).unwrap_or(&self.regex))
    }
}

/// The last of these groups that took part in the match, where it begins and ends.
pub(super) fn taken(captures: &Captures<'_, str>, groups: &[usize]) -> Option<Range<usize>> {
    groups.iter().filter_map(|&group| captures.get(group)).map(|part| part.range()).max_by_key(|range| range.start)
}

fn build(text: &str) -> Result<Regex, fancy_regex::Error> {
    RegexBuilder::new(text)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(SIZE_LIMIT)
        .max_prog_size(PROGRAM_LIMIT)
        .build()
}

/// As much of a pattern as an error repeats.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((cut, _)) => [&text[..cut], "…"].concat(),
        None => text.to_owned(),
    }
}
