//! The body of a request: one JSON object in which no name stands twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::scim::{ScimError, ScimType};

/// Reads a body. Names are the same in any case (RFC 7643 section 2.1): where one stands twice, nobody can know which
/// value is meant.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, ScimError> {
    let broken = |detail: &str| ScimError::bad_request(ScimType::InvalidSyntax, detail);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Json.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(broken("the body is one JSON object")),
        // The message of the parser names the place and quotes nothing but names.
        Err(error) => Err(broken(&["the body is one JSON object: ", &error.to_string()].concat())),
    }
}

/// Any JSON value.
struct Json;

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(Json)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut folded = BTreeSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            if !folded.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom(format_args!("the name `{name}` stands there twice")));
            }
            let value = entries.next_value_seed(Json)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_one_whole_object_without_twins_is_a_body() {
        assert_eq!(Value::Object(read(br#" {"a": [1, -2, 0.5, true, null, {"a": "x"}]} "#).unwrap()), {
            json!({"a": [1, -2, 0.5, true, null, {"a": "x"}]})
        });
        for broken in [
            "",
            " ",
            "[]",
            "7",
            "null",
            "\"x\"",
            "{",
            "{}{}",
            "{} x",
            "{\"a\":}",
            "{'a': 1}",
            "{\"a\": 1,}",
            "\u{feff}{}",
            "{\"a\": 1, \"a\": 1}",
            "{\"userName\": 1, \"USERNAME\": 2}",
            "{\"a\": [{\"b\": 1, \"B\": 1}]}",
            "{\"a\": 1e999}",
        ] {
            let error = read(broken.as_bytes()).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)), "{broken}");
        }
        assert!(read(b"{\"a\": \"\xff\"}").is_err());
        let deep = ["{\"a\":".repeat(100_000), "1".to_owned(), "}".repeat(100_000)].concat();
        assert!(read(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(keys in prop::collection::btree_set("[a-z]{1,3}", 0..6), number: i64, text: String) {
            let object: Map<String, Value> =
                keys.into_iter().map(|key| (key, json!([number, text, {"x": null}]))).collect();
            let written = serde_json::to_vec(&object).unwrap();
            prop_assert_eq!(read(&written).unwrap(), object);
        }
    }
}
