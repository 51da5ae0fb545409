//! The filter language of RFC 7644 section 3.4.2.2: its tree and its canonical text.
//!
//! Evaluation is not here: see [`matches`](super::matches).

use std::fmt;
use std::str::FromStr;

use serde_json::Number;

use super::parser::{self, ParseError};
use super::path::AttributePath;
use super::strictness::Strictness;

/// A filter. `and` and `or` hold two terms or more; a tree that holds fewer prints as no filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    Comparison {
        path: AttributePath,
        operator: Operator,
        value: Literal,
    },
    /// `path pr`: the attribute has a value.
    Present(AttributePath),
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `path[filter]`: one element meets the whole filter. The paths inside name sub-attributes.
    ValuePath {
        path: AttributePath,
        filter: Box<Filter>,
    },
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The value that a comparison names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
}

impl Filter {
    /// Reads a filter as clients write it. Bounded: 8 KiB of text, 64 levels, 200 terms.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_as(text, Strictness::Lenient)
    }

    /// Reads a filter: strict, by the grammar of RFC 7644 section 3.4.2.2 alone; lenient, with words that lack their
    /// quotation marks, literals in any case and missing spaces, too.
    pub fn parse_as(text: &str, strictness: Strictness) -> Result<Self, ParseError> {
        parser::filter(text, strictness)
    }

    /// `path eq value`. The value is escaped when the filter is printed.
    pub fn equals(path: AttributePath, value: impl Into<Literal>) -> Self {
        Self::Comparison { path, operator: Operator::Equal, value: value.into() }
    }

    /// All of these hold; `None` when there is none.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut filters: Vec<Self> = filters.into_iter().collect();
        if filters.len() > 1 { Some(Self::And(filters)) } else { filters.pop() }
    }

    /// At least one of these holds; `None` when there is none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut filters: Vec<Self> = filters.into_iter().collect();
        if filters.len() > 1 { Some(Self::Or(filters)) } else { filters.pop() }
    }

    /// The attributes that an element must have to meet this filter, when the filter says so outright: the `eq`
    /// terms of a conjunction. `None` when it says anything else.
    pub fn equality_terms(&self) -> Option<Vec<(&AttributePath, &Literal)>> {
        match self {
            Self::Comparison { path, operator: Operator::Equal, value } => Some(vec![(path, value)]),
            Self::And(filters) => {
                let mut terms = Vec::new();
                for filter in filters {
                    terms.extend(filter.equality_terms()?);
                }
                Some(terms)
            }
            _ => None,
        }
    }
}

impl Operator {
    const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// The two letters of the operator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    /// The operator of this word, in any case.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(word))
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl FromStr for Filter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison { path, operator, value } => write!(f, "{path} {} {value}", operator.as_str()),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::And(filters) => write_joined(f, filters, " and ", |term| matches!(term, Self::And(_) | Self::Or(_))),
            Self::Or(filters) => write_joined(f, filters, " or ", |term| matches!(term, Self::Or(_))),
            Self::Not(filter) => write!(f, "not ({filter})"),
            Self::ValuePath { path, filter } => write!(f, "{path}[{filter}]"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            // The text of a JSON string value is the string with every escape it needs.
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
        }
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    filters: &[Filter],
    joint: &str,
    needs_parentheses: fn(&Filter) -> bool,
) -> fmt::Result {
    for (index, filter) in filters.iter().enumerate() {
        if index > 0 {
            f.write_str(joint)?;
        }
        if needs_parentheses(filter) {
            write!(f, "({filter})")?;
        } else {
            write!(f, "{filter}")?;
        }
    }
    Ok(())
}
