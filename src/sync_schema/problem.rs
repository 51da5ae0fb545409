//! What keeps a synchronization schema from running.

use crate::expression::{ParseError, nearest};

/// One problem of a synchronization schema: where, what was expected, what is there, what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected {expected} at `{pointer}`{}, found {found}{}",
    position(.offset),
    did_you_mean(.suggestion)
)]
pub struct CompileProblem {
    /// JSON pointer (RFC 6901) to the member that is wrong, or that lacks something.
    pub pointer: String,
    /// The byte within the text at the pointer, where the problem has one.
    pub offset: Option<usize>,
    pub expected: String,
    pub found: String,
    /// The known name closest to what was found.
    pub suggestion: Option<String>,
}

impl CompileProblem {
    pub(super) fn new(pointer: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Self { pointer: pointer.to_owned(), offset: None, expected, found, suggestion: None }
    }

    /// A name that is none of the known ones.
    pub(super) fn unknown<'a>(
        pointer: &str,
        expected: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let suggestion = nearest(name, known).map(str::to_owned);
        Self { suggestion, ..Self::new(pointer, expected, quoted(name)) }
    }

    /// An expression that does not parse.
    pub(super) fn of_expression(pointer: &str, error: ParseError) -> Self {
        let ParseError { offset, expected, found, suggestion } = error;
        Self { pointer: pointer.to_owned(), offset: Some(offset), expected, found, suggestion }
    }

    /// The same problem, at a byte of the text.
    pub(super) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }
}

/// A name as messages show it; a missing one is said to be missing.
pub(super) fn quoted(name: &str) -> String {
    if name.is_empty() { "nothing".to_owned() } else { format!("`{name}`") }
}

fn position(offset: &Option<usize>) -> String {
    offset.map(|offset| format!(" (position {offset})")).unwrap_or_default()
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
