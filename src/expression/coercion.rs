//! Values in the form that a parameter needs.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::model::Value;

/// The form a value has in a text attribute: `True` and `False`, decimal digits, `M/d/yyyy h:mm:ss tt`, Base64.
/// `None` for what has no text form: lists and records.
pub fn written(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Boolean(true) => Some(Cow::Borrowed("True")),
        Value::Boolean(false) => Some(Cow::Borrowed("False")),
        Value::Integer(number) => Some(Cow::Owned(number.to_string())),
        Value::DateTime(instant) => Some(Cow::Owned(written_instant(instant))),
        Value::Binary(bytes) => Some(Cow::Owned(STANDARD.encode(bytes))),
        Value::List(_) | Value::Record(_) => None,
    }
}

/// `2/29/2024 12:00:00 AM`
fn written_instant(instant: &DateTime<Utc>) -> String {
    let (month, day, year) = (instant.month(), instant.day(), instant.year());
    let (is_afternoon, hour) = instant.hour12();
    let half = if is_afternoon { "PM" } else { "AM" };
    format!("{month}/{day}/{year:04} {hour}:{:02}:{:02} {half}", instant.minute(), instant.second())
}

/// A whole number: an integer, or a text of an optional sign and decimal digits, or of `&H` and hexadecimal digits.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => whole_number_of_text(text),
        _ => None,
    }
}

/// See [`whole_number`]. Sixteen hexadecimal digits are a number of 64 bits in two's complement.
pub(super) fn whole_number_of_text(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("&H") {
        Some(digits) if !digits.starts_with(['+', '-']) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        _ => text.parse().ok(),
    }
}

/// What a condition takes for true and for false: `true`, `false`, and a number that is zero or is not.
pub(super) fn truth_of_text(text: &str) -> Option<bool> {
    match text {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        text => numeric_text(text).map(|number| number != 0.0),
    }
}

/// What a comparison takes for a number: digits with an optional sign and fraction, or a hexadecimal literal.
pub(super) fn numeric(value: &Value) -> Option<f64> {
    match value {
        Value::Text(text) => numeric_text(text),
        Value::Integer(number) => Some(rounded(*number)),
        _ => None,
    }
}

/// See [`numeric`].
pub(super) fn numeric_text(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let looks_numeric = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_numeric { text.parse().ok() } else { whole_number_of_text(text).map(rounded) }
}

#[expect(clippy::cast_precision_loss, reason = "whole numbers are compared exactly before this is asked")]
fn rounded(number: i64) -> f64 {
    number as f64
}
