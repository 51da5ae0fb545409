//! The value of one source attribute, and of every step of an expression.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::json;

/// What an attribute holds. A missing attribute is not a value: it is absent from [`super::Attributes`].
///
/// In JSON (the store, fixtures, `--object` files) text, Booleans, integers and lists are themselves; the others are
/// an object with one member that begins with `$`: `{"$dateTime": "2026-01-01T00:00:00Z"}`, `{"$binary": "0a0b"}`
/// (hexadecimal) and `{"$record": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Boolean(bool),
    Integer(i64),
    DateTime(DateTime<Utc>),
    Binary(Vec<u8>),
    List(Vec<Value>),
    /// Named parts, for the few complex source values (a role assignment).
    Record(BTreeMap<String, Value>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Value::text).collect())
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// True for what counts as "no value" everywhere: empty text and the empty list.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.is_empty(),
            _ => false,
        }
    }

    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Boolean(flag) => json!(flag),
            Self::Integer(number) => json!(number),
            Self::DateTime(instant) => json!({ "$dateTime": instant.to_rfc3339_opts(SecondsFormat::AutoSi, true) }),
            Self::Binary(bytes) => json!({ "$binary": to_hex(bytes) }),
            Self::List(values) => values.iter().map(Value::to_json).collect(),
            Self::Record(parts) => {
                let parts: serde_json::Map<_, _> =
                    parts.iter().map(|(name, part)| (name.clone(), part.to_json())).collect();
                json!({ "$record": parts })
            }
        }
    }

    fn from_json(json: serde_json::Value) -> Result<Self, String> {
        match json {
            serde_json::Value::String(text) => Ok(Self::Text(text)),
            serde_json::Value::Bool(flag) => Ok(Self::Boolean(flag)),
            serde_json::Value::Number(number) => {
                number.as_i64().map(Self::Integer).ok_or_else(|| format!("`{number}` is not a whole number of 64 bits"))
            }
            serde_json::Value::Array(values) => {
                values.into_iter().map(Self::from_json).collect::<Result<_, _>>().map(Self::List)
            }
            serde_json::Value::Object(members) => Self::from_tagged(members),
            serde_json::Value::Null => Err("`null` is no value: leave the attribute out".to_owned()),
        }
    }

    fn from_tagged(members: serde_json::Map<String, serde_json::Value>) -> Result<Self, String> {
        let mut members = members.into_iter();
        match (members.next(), members.next()) {
            (Some((tag, serde_json::Value::String(text))), None) if tag == "$dateTime" => {
                DateTime::parse_from_rfc3339(&text)
                    .map(|instant| Self::DateTime(instant.with_timezone(&Utc)))
                    .map_err(|error| format!("`{text}` is not an RFC 3339 time: {error}"))
            }
            (Some((tag, serde_json::Value::String(text))), None) if tag == "$binary" => from_hex(&text)
                .map(Self::Binary)
                .ok_or_else(|| "`$binary` holds an even number of hexadecimal digits".to_owned()),
            (Some((tag, serde_json::Value::Object(parts))), None) if tag == "$record" => {
                let parts = parts.into_iter().map(|(name, part)| Self::from_json(part).map(|part| (name, part)));
                parts.collect::<Result<_, _>>().map(Self::Record)
            }
            _ => Err("expected one member: `$dateTime`, `$binary` or `$record`".to_owned()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(serde_json::Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            ".*".prop_map(Value::Text),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            proptest::collection::vec(any::<u8>(), 0..8).prop_map(Value::Binary),
            (0i64..4_000_000_000)
                .prop_map(|seconds| Value::DateTime(DateTime::from_timestamp(seconds, 0).expect("in range"))),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map(".*", inner, 0..4).prop_map(Value::Record),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_keeps_every_value(value in any_value()) {
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }
    }

    #[test]
    fn null_and_unknown_tags_are_refused() {
        assert!(serde_json::from_str::<Value>("null").is_err());
        assert!(serde_json::from_str::<Value>(r#"{"$binary":"0"}"#).is_err());
        assert!(serde_json::from_str::<Value>(r#"{"other":"0"}"#).is_err());
    }
}
