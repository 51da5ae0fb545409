//! The `PatchOp` message (RFC 7644 section 3.5.2): reading it leniently, writing it exactly.
//!
//! What its operations do to a resource is [`apply`](super::apply).

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::conform::refuse_twins;
use super::messages::{ScimError, ScimType};
use super::object::lookup;
use super::path::AttributePath;
use super::strictness::Strictness;
use super::urn;

/// Operations in one PATCH: each goes over the whole resource, while nothing else is written.
const MOST_OPERATIONS: usize = 1000;

/// A PATCH body: operations in order, all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchOp {
    pub operations: Vec<Operation>,
}

/// One change. The value `null` clears; no value at all is something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operation {
    pub op: Op,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "path_as_text")]
    pub path: Option<AttributePath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Add,
    Remove,
    Replace,
}

impl PatchOp {
    /// Reads a body. Names and `op` may be in any case either way (Entra ID); lenient, so may `Update` stand for
    /// `replace`, a lone operation where a list is due, and `schemas` be missing (older clients). Fails with the error
    /// that the protocol asks for.
    pub fn from_json(body: &Value, strictness: Strictness) -> Result<Self, ScimError> {
        let body = body.as_object().ok_or_else(|| syntax("a PATCH body is a JSON object"))?;
        refuse_twins(body)?;
        match lookup(body, "schemas") {
            Some(Value::Array(schemas)) if names_message(schemas, strictness) => {}
            None if !strictness.is_strict() => {}
            _ => return Err(syntax("`schemas` of a PATCH body names the PatchOp message")),
        }
        let operations = match lookup(body, "Operations") {
            Some(Value::Array(operations)) if !operations.is_empty() => operations.as_slice(),
            Some(lone @ Value::Object(_)) if !strictness.is_strict() => std::slice::from_ref(lone),
            _ => return Err(syntax("`Operations` is a list of at least one operation")),
        };
        if operations.len() > MOST_OPERATIONS {
            let most = MOST_OPERATIONS.to_string();
            return Err(ScimError::new(413, ["a PATCH has ", &most, " operations at most"].concat()));
        }
        let read = |operation| Operation::from_json(operation, strictness);
        Ok(Self { operations: operations.iter().map(read).collect::<Result<_, _>>()? })
    }
}

impl Operation {
    /// Adds this value at this path.
    pub fn add(path: AttributePath, value: Value) -> Self {
        Self { op: Op::Add, path: Some(path), value: Some(value) }
    }

    /// Replaces what stands at this path.
    pub fn replace(path: AttributePath, value: Value) -> Self {
        Self { op: Op::Replace, path: Some(path), value: Some(value) }
    }

    /// Removes what stands at this path.
    pub fn remove(path: AttributePath) -> Self {
        Self { op: Op::Remove, path: Some(path), value: None }
    }

    fn from_json(operation: &Value, strictness: Strictness) -> Result<Self, ScimError> {
        let operation = operation.as_object().ok_or_else(|| syntax("an operation is a JSON object"))?;
        refuse_twins(operation)?;
        Ok(Self {
            op: read_op(operation, strictness)?,
            path: read_path(operation, strictness)?,
            value: lookup(operation, "value").cloned(),
        })
    }
}

impl Serialize for PatchOp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            schemas: [&'static str; 1],
            #[serde(rename = "Operations")]
            operations: &'a [Operation],
        }
        Written { schemas: [urn::PATCH_OP], operations: &self.operations }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PatchOp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?, Strictness::Lenient).map_err(D::Error::custom)
    }
}

fn names_message(schemas: &[Value], strictness: Strictness) -> bool {
    let named = |schema: &Value| schema.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::PATCH_OP));
    if strictness.is_strict() { matches!(schemas, [only] if named(only)) } else { schemas.iter().any(named) }
}

fn read_op(operation: &Map<String, Value>, strictness: Strictness) -> Result<Op, ScimError> {
    let word = lookup(operation, "op").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "add" => Ok(Op::Add),
        "remove" => Ok(Op::Remove),
        "replace" => Ok(Op::Replace),
        "update" if !strictness.is_strict() => Ok(Op::Replace),
        _ => Err(syntax("`op` is `add`, `remove` or `replace`")),
    }
}

fn read_path(operation: &Map<String, Value>, strictness: Strictness) -> Result<Option<AttributePath>, ScimError> {
    match lookup(operation, "path") {
        None => Ok(None),
        Some(Value::Null) if !strictness.is_strict() => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() && !strictness.is_strict() => Ok(None),
        Some(Value::String(text)) => AttributePath::parse_as(text, strictness).map(Some).map_err(|error| {
            // Past the bracket it is the filter that does not parse.
            let in_filter = text.find('[').is_some_and(|bracket| error.offset > bracket);
            let scim_type = if in_filter { ScimType::InvalidFilter } else { ScimType::InvalidPath };
            ScimError::bad_request(scim_type, format!("`path` is broken {error}"))
        }),
        Some(_) => Err(ScimError::bad_request(ScimType::InvalidPath, "`path` is a string")),
    }
}

fn path_as_text<S: Serializer>(path: &Option<AttributePath>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serializer.collect_str(path),
        None => serializer.serialize_none(),
    }
}

fn syntax(detail: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_bounded() {
        let patch = |operations: usize| {
            let operations = vec![json!({"op": "remove", "path": "title"}); operations];
            PatchOp::from_json(&json!({"Operations": operations}), Strictness::Lenient).map_err(|error| error.status)
        };
        assert_eq!(patch(MOST_OPERATIONS).unwrap().operations.len(), MOST_OPERATIONS);
        assert_eq!(patch(MOST_OPERATIONS + 1), Err(413));
    }

    #[test]
    fn a_message_is_written_exactly_and_reads_back() {
        let patch = PatchOp {
            operations: vec![
                Operation::replace(AttributePath::parse("emails[type eq \"work\"].value").unwrap(), json!("x")),
                Operation::remove(AttributePath::new("title")),
            ],
        };
        let written = serde_json::to_value(&patch).unwrap();
        assert_eq!(
            written,
            json!({"schemas": [urn::PATCH_OP], "Operations": [
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"},
                {"op": "remove", "path": "title"},
            ]})
        );
        assert_eq!(serde_json::from_value::<PatchOp>(written).unwrap(), patch);
    }

    #[test]
    fn what_clients_send_is_understood() {
        for body in [
            json!({"operations": [{"OP": "Replace", "Path": "active", "VALUE": "False", "name": "x"}]}),
            json!({"schemas": [urn::PATCH_OP], "Operations": {"op": "Update", "path": "active", "value": "False"}}),
        ] {
            let patch = PatchOp::from_json(&body, Strictness::Lenient).unwrap();
            assert_eq!(patch.operations, [Operation::replace(AttributePath::new("active"), json!("False"))]);
            let strict = PatchOp::from_json(&body, Strictness::Strict).unwrap_err();
            assert_eq!(strict.scim_type, Some(ScimType::InvalidSyntax));
        }
        let body = json!({"Operations": [{"op": "add", "path": " ", "value": null}]});
        let null = PatchOp::from_json(&body, Strictness::Lenient).unwrap();
        assert_eq!(null.operations, [Operation { op: Op::Add, path: None, value: Some(Value::Null) }]);
    }

    #[test]
    fn a_broken_message_has_its_own_reason() {
        for (body, scim_type) in [
            (json!([]), ScimType::InvalidSyntax),
            (json!({}), ScimType::InvalidSyntax),
            (json!({"Operations": []}), ScimType::InvalidSyntax),
            (json!({"Operations": [1]}), ScimType::InvalidSyntax),
            (json!({"Operations": [{"op": "move"}]}), ScimType::InvalidSyntax),
            (json!({"Operations": [{"op": "add", "OP": "remove", "value": {}}]}), ScimType::InvalidSyntax),
            (json!({"schemas": [urn::USER], "Operations": [{"op": "add"}]}), ScimType::InvalidSyntax),
            (json!({"Operations": [{"op": "add", "path": "a..b"}]}), ScimType::InvalidPath),
            (json!({"Operations": [{"op": "add", "path": 1}]}), ScimType::InvalidPath),
            (json!({"Operations": [{"op": "add", "path": "emails[type xx 1]"}]}), ScimType::InvalidFilter),
        ] {
            let error = PatchOp::from_json(&body, Strictness::Lenient).unwrap_err();
            assert_eq!(error.scim_type, Some(scim_type), "{body}");
        }
    }
}
