//! Values in the form that a parameter needs.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

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
    instant.format("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

/// A whole number: an integer, or a text of an optional sign and decimal digits, or of `&H` and hexadecimal digits.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => {
            let text = text.trim();
            match text.strip_prefix("&H") {
                Some(digits) if !digits.starts_with(['+', '-']) => i64::from_str_radix(digits, 16).ok(),
                _ => text.parse().ok(),
            }
        }
        _ => None,
    }
}

/// True or false: a Boolean, `true` or `false` in any case, or a number, which is true unless it is zero.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(flag) => Some(*flag),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => numeric(value).map(|number| number != 0.0),
    }
}

/// What a comparison takes for a number: digits with an optional sign and fraction, or a hexadecimal literal.
pub(super) fn numeric(value: &Value) -> Option<f64> {
    let looks_numeric = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.ends_with(|last: char| last.is_ascii_digit())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    match value {
        Value::Text(text) if looks_numeric(text) => text.parse().ok(),
        #[expect(clippy::cast_precision_loss, reason = "whole numbers are compared exactly before this is asked")]
        _ => whole_number(value).map(|number| number as f64),
    }
}
