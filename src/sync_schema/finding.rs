//! What there is to say of a synchronization schema: what keeps it from running, what is not acted on, what is doubtful.

use std::collections::BTreeMap;
use std::fmt;

use crate::expression::{ParseError, nearest};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The schema cannot run.
    Error,
    /// It is read and written back, and nothing follows from it.
    Unsupported,
    /// It runs, and may not do what was meant.
    Hint,
}

impl Severity {
    /// The word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Unsupported => "unsupported",
            Self::Hint => "hint",
        }
    }
}

/// One thing to say of a synchronization schema: where, what was expected, what is there, what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// JSON pointer (RFC 6901) to the member it is about, or to what lacks something.
    pub pointer: String,
    /// The byte within the text at the pointer, where the finding has one.
    pub offset: Option<usize>,
    /// An error: what was expected. What is not acted on: what happens instead. A hint: what to consider.
    pub expected: String,
    pub found: String,
    /// The known name closest to what was found.
    pub suggestion: Option<String>,
}

impl Finding {
    pub(super) fn error(pointer: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        let pointer = pointer.to_owned();
        Self { severity: Severity::Error, pointer, offset: None, expected, found, suggestion: None }
    }

    /// A name that is none of the known ones.
    pub(super) fn unknown<'a>(
        pointer: &str,
        expected: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let suggestion = nearest(name, known).map(str::to_owned);
        Self { suggestion, ..Self::error(pointer, expected, quoted(name)) }
    }

    /// An expression that does not parse.
    pub(super) fn of_expression(pointer: &str, error: ParseError) -> Self {
        let ParseError { offset, expected, found, suggestion } = error;
        Self { offset: Some(offset), suggestion, ..Self::error(pointer, expected, found) }
    }

    /// Something that nothing follows from.
    pub(super) fn unsupported(pointer: &str, instead: impl Into<String>, found: impl Into<String>) -> Self {
        Self::error(pointer, instead, found).weighing(Severity::Unsupported)
    }

    /// Something that may not do what was meant.
    pub(super) fn hint(pointer: &str, advice: impl Into<String>, found: impl Into<String>) -> Self {
        Self::error(pointer, advice, found).weighing(Severity::Hint)
    }

    /// The same finding, at a byte of the text.
    pub(super) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The same finding, with another weight.
    pub(super) fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// True when the schema cannot run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// A line for each thing to say: what is said of several places stands once, with the first of them.
    pub fn lines(findings: &[Self]) -> Vec<String> {
        let mut places: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| !finding.is_error()) {
            *places.entry((finding.severity, finding.expected.as_str())).or_default() += 1;
        }
        let lines = findings.iter().filter_map(|finding| {
            if finding.is_error() {
                return Some(finding.to_string());
            }
            // The first of them takes the count, and the others find none.
            Some(match places.remove(&(finding.severity, finding.expected.as_str()))? {
                1 => finding.to_string(),
                2 => format!("{finding} (and in another place)"),
                count => format!("{finding} (and in {} other places)", count - 1),
            })
        });
        lines.collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, pointer, offset, expected, found, suggestion } = self;
        let position = offset.map(|offset| format!(" (position {offset})")).unwrap_or_default();
        match severity {
            Severity::Error => write!(f, "expected {expected} at `{pointer}`{position}, found {found}")?,
            Severity::Unsupported => write!(f, "not acted on: {found} at `{pointer}`{position}; {expected}")?,
            Severity::Hint => write!(f, "hint: {found} at `{pointer}`{position}; {expected}")?,
        }
        match suggestion {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// A name as messages show it; a missing one is said to be missing.
pub(super) fn quoted(name: &str) -> String {
    if name.is_empty() { "nothing".to_owned() } else { format!("`{name}`") }
}
