//! A value on its way through an expression, copied only when it has to be.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::coercion::{self, written};
use crate::model::Value;

/// A value that an argument has.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    /// Of the object.
    Given(&'a Value),
    /// A literal of the expression.
    Literal(&'a str),
    /// What a function made.
    Made(Value),
}

impl<'a> Operand<'a> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Made(Value::Text(text.into()))
    }

    pub(super) fn boolean(flag: bool) -> Self {
        Self::Made(Value::Boolean(flag))
    }

    pub(super) fn integer(number: i64) -> Self {
        Self::Made(Value::Integer(number))
    }

    /// The number of things there are.
    pub(super) fn count(number: usize) -> Self {
        Self::integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// True for empty text and the empty list.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Literal(text) => text.is_empty(),
            Self::Given(value) => value.is_empty(),
            Self::Made(value) => value.is_empty(),
        }
    }

    /// The value, unless it is a literal, which is a text.
    fn value(&self) -> Result<&Value, &'a str> {
        match self {
            Self::Literal(text) => Err(text),
            Self::Given(value) => Ok(value),
            Self::Made(value) => Ok(value),
        }
    }

    /// The values of a list.
    pub(super) fn as_list(&self) -> Option<&[Value]> {
        match self.value() {
            Ok(Value::List(values)) => Some(values),
            _ => None,
        }
    }

    /// The instant of a date.
    pub(super) fn as_instant(&self) -> Option<DateTime<Utc>> {
        match self.value() {
            Ok(Value::DateTime(instant)) => Some(*instant),
            _ => None,
        }
    }

    /// The values of a list, or the one value.
    pub(super) fn into_elements(self) -> Vec<Self> {
        match self {
            Self::Given(Value::List(values)) => values.iter().map(Self::Given).collect(),
            Self::Made(Value::List(values)) => values.into_iter().map(Self::Made).collect(),
            one => vec![one],
        }
    }

    pub(super) fn into_value(self) -> Cow<'a, Value> {
        match self {
            Self::Literal(text) => Cow::Owned(Value::text(text)),
            Self::Given(value) => Cow::Borrowed(value),
            Self::Made(value) => Cow::Owned(value),
        }
    }

    /// The form the value has in a text attribute: see [`written`].
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Literal(text) => Some(Cow::Borrowed(text)),
            Self::Given(value) => written(value),
            Self::Made(Value::Text(text)) => Some(Cow::Owned(text)),
            Self::Made(value) => written(&value).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// As [`Operand::into_text`], borrowed.
    pub(super) fn as_text(&self) -> Option<Cow<'_, str>> {
        self.value().map_or_else(|text| Some(Cow::Borrowed(text)), written)
    }

    pub(super) fn whole_number(&self) -> Option<i64> {
        self.value().map_or_else(coercion::whole_number_of_text, coercion::whole_number)
    }

    fn numeric(&self) -> Option<f64> {
        self.value().map_or_else(coercion::numeric_text, coercion::numeric)
    }

    /// True or false: a Boolean, `true` or `false` in any case, or a number, which is true unless it is zero.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.value() {
            Ok(Value::Boolean(flag)) => Some(*flag),
            _ => match self.as_text() {
                Some(text) => coercion::truth_of_text(&text),
                None => self.numeric().map(|number| number != 0.0),
            },
        }
    }

    /// Numbers compare as numbers, dates as instants, everything else as text by code point. `None` when one of them has
    /// no text form.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.as_instant(), other.as_instant()) {
            return Some(left.cmp(&right));
        }
        if let (Some(left), Some(right)) = (self.whole_number(), other.whole_number()) {
            return Some(left.cmp(&right));
        }
        if let (Some(left), Some(right)) = (self.numeric(), other.numeric()) {
            return Some(left.total_cmp(&right));
        }
        Some(self.as_text()?.cmp(&other.as_text()?))
    }

    /// Equal by [`Operand::order`]; records are equal when all of their parts are.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.value(), other.value()) {
            (Ok(left @ Value::Record(_)), Ok(right)) => left == right,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// Rough memory of the value; recursion follows values of the source, whose depth the source bounds.
    pub(super) fn bytes(&self) -> usize {
        self.value().map_or_else(str::len, bytes_of)
    }
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(values) => values.iter().map(bytes_of).sum(),
        _ => 0,
    }
}
