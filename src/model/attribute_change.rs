//! One target attribute, and what becomes of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::TargetPath;

/// One target attribute with what becomes of it.
///
/// A redacted one goes to the target and nowhere else: neither `Debug` nor the stored form has its value, which nobody
/// needs to find out what became of a request.
#[derive(Clone, PartialEq)]
pub struct AttributeChange {
    pub path: TargetPath,
    pub change: ValueChange,
    pub redacted: bool,
}

/// What becomes of the values of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueChange {
    /// This value, or this list of values, and no other.
    Set(Value),
    /// These values beside whatever the attribute holds: others may have put values there.
    Add(Vec<Value>),
    /// No value.
    Clear,
}

impl AttributeChange {
    /// A change that may be shown.
    pub fn new(path: TargetPath, change: ValueChange) -> Self {
        Self { path, change, redacted: false }
    }

    /// Sets the value at `path`.
    pub fn set(path: TargetPath, value: Value) -> Self {
        Self::new(path, ValueChange::Set(value))
    }

    /// Clears what stands at `path`.
    pub fn clear(path: TargetPath) -> Self {
        Self::new(path, ValueChange::Clear)
    }
}

impl fmt::Debug for AttributeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            _ if self.redacted => write!(f, "{}: [Redact]", self.path),
            ValueChange::Set(value) => write!(f, "{}: {value}", self.path),
            ValueChange::Add(values) => write!(f, "{}: + {values:?}", self.path),
            ValueChange::Clear => write!(f, "{}: cleared", self.path),
        }
    }
}

/// The only member of an object that stands for a value that is not stored.
const REDACTED: &str = "$redacted";

/// The only member of an object that stands for added values.
const ADD: &str = "$add";

/// The only member of an object that stands for a value which would be read as something else.
const SET: &str = "$set";

/// Changes as a JSON object, `{"displayName": "Ada", "title": null, "roles": {"$add": [{"value": "rw"}]}}`, in the order
/// they have.
pub(super) mod by_path {
    use super::*;

    pub(in crate::model) fn serialize<S: Serializer>(changes: &[AttributeChange], to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(changes.len()))?;
        for AttributeChange { path, change, redacted } in changes {
            match change {
                _ if *redacted => map.serialize_entry(path, &BTreeMap::from([(REDACTED, true)]))?,
                ValueChange::Clear => map.serialize_entry(path, &Value::Null)?,
                ValueChange::Set(value) if is_plain(value) => map.serialize_entry(path, value)?,
                ValueChange::Set(value) => map.serialize_entry(path, &BTreeMap::from([(SET, value)]))?,
                ValueChange::Add(values) => map.serialize_entry(path, &BTreeMap::from([(ADD, values)]))?,
            }
        }
        map.end()
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AttributeChange>, D::Error> {
        struct Changes;
        impl<'de> Visitor<'de> for Changes {
            type Value = Vec<AttributeChange>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of target attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut changes = Vec::new();
                while let Some((path, value)) = map.next_entry::<_, Value>()? {
                    changes.push(read(path, value));
                }
                Ok(changes)
            }
        }
        from.deserialize_map(Changes)
    }
}

/// True for a value that [`read`] takes for itself.
fn is_plain(value: &Value) -> bool {
    !value.is_null() && tag(value).is_none()
}

fn tag(value: &Value) -> Option<&'static str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    [ADD, SET, REDACTED].into_iter().find(|tag| members.contains_key(*tag))
}

/// A redacted change comes back without its value.
fn read(path: TargetPath, mut value: Value) -> AttributeChange {
    let tag = tag(&value);
    let tagged = tag.and_then(|tag| value.get_mut(tag)).map(Value::take);
    match (tag, tagged) {
        (Some(REDACTED), _) => AttributeChange { redacted: true, ..AttributeChange::set(path, Value::Null) },
        (Some(ADD), Some(Value::Array(values))) => AttributeChange::new(path, ValueChange::Add(values)),
        (_, Some(value)) => AttributeChange::set(path, value),
        (_, None) if value.is_null() => AttributeChange::clear(path),
        (_, None) => AttributeChange::set(path, value),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Changes(#[serde(with = "by_path")] Vec<AttributeChange>);

    #[test]
    fn changes_are_an_object_in_their_order_and_read_back_equal() {
        let change = |path: &str, change| AttributeChange::new(TargetPath::new(path), change);
        let changes = Changes(vec![
            change("title", ValueChange::Clear),
            change("addresses[type eq \"work\"].locality", ValueChange::Set(json!("Zürich"))),
            change("active", ValueChange::Set(json!(false))),
            change("roles", ValueChange::Add(vec![json!({ "value": "rw" })])),
            change("name", ValueChange::Set(json!({ "givenName": "Ada" }))),
        ]);
        let text = serde_json::to_string(&changes).unwrap();
        assert_eq!(
            text,
            r#"{"title":null,"addresses[type eq \"work\"].locality":"Zürich","active":false,"roles":{"$add":[{"value":"rw"}]},"name":{"givenName":"Ada"}}"#
        );
        assert_eq!(serde_json::from_str::<Changes>(&text).unwrap(), changes);
    }

    #[test]
    fn a_value_that_looks_like_a_tag_stays_a_value() {
        for value in [json!({ "$add": [1] }), json!({ "$add": 1 }), json!({ "$set": null }), json!(null), json!({})] {
            let changes = Changes(vec![AttributeChange::set(TargetPath::new("odd"), value)]);
            let text = serde_json::to_string(&changes).unwrap();
            assert_eq!(serde_json::from_str::<Changes>(&text).unwrap(), changes, "{text}");
        }
    }
    #[test]
    fn a_redacted_value_is_neither_printed_nor_stored() {
        let secret = AttributeChange::set(TargetPath::new("password"), json!("hush"));
        let changes = Changes(vec![AttributeChange { redacted: true, ..secret }]);
        let text = serde_json::to_string(&changes).unwrap();
        assert_eq!(text, r#"{"password":{"$redacted":true}}"#);
        assert!(!format!("{changes:?}").contains("hush"), "{changes:?}");
        let read = serde_json::from_str::<Changes>(&text).unwrap();
        assert!(read.0[0].redacted && read.0[0].path == changes.0[0].path);
        let odd = Changes(vec![AttributeChange::set(TargetPath::new("odd"), json!({ "$redacted": true }))]);
        assert_eq!(serde_json::from_str::<Changes>(&serde_json::to_string(&odd).unwrap()).unwrap(), odd);
    }
}
