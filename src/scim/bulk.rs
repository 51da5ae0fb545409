//! The messages of Bulk (RFC 7644 section 3.7): many operations in one request, one result each.
//!
//! Reading is lenient, writing is exact. In which order the operations are carried out is
//! [`bulk_steps`](super::bulk_steps)'s business.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::conform::refuse_twins;
use super::discovery::BulkSupport;
use super::messages::{ScimError, ScimType};
use super::object::lookup;
use super::strictness::Strictness;
use super::urn;

/// A Bulk request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BulkRequest {
    /// After how many errors the service stops. `None`: it carries out all operations.
    pub fail_on_errors: Option<u64>,
    pub operations: Vec<BulkOperation>,
}

/// One operation of a Bulk request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    pub method: BulkMethod,
    /// Relative to the base URI, with its slash: `/Users`, `/Groups/7`, `/Groups/bulkId:g`.
    pub path: String,
    /// What other operations call the resource that this one creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// The version that the resource must have, as in `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The body; none for DELETE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BulkMethod {
    Post,
    Put,
    Patch,
    Delete,
}

/// The answer to a Bulk request: results in the order in which the operations were carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BulkResponse {
    pub operations: Vec<BulkResult>,
}

/// What came of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// Some targets leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<BulkMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The address of the resource; none for a create that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The HTTP status that the operation would have had alone; a string on the wire.
    #[serde(serialize_with = "as_text")]
    pub status: u16,
    /// The error of an operation that failed; the resource, where the service gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

impl BulkRequest {
    /// Reads a body of so many bytes within the limits that the service announces. Beyond them it is refused with 413,
    /// before anything is done.
    pub fn within(limits: BulkSupport, bytes: usize, body: &Value, strictness: Strictness) -> Result<Self, ScimError> {
        if bytes as u64 > limits.max_payload_size {
            let most = limits.max_payload_size;
            return Err(ScimError::new(413, format!("a bulk request has {most} bytes at most (`maxPayloadSize`)")));
        }
        let operations = body.as_object().and_then(|body| lookup(body, "Operations")).and_then(Value::as_array);
        if operations.is_some_and(|operations| operations.len() as u64 > limits.max_operations) {
            let most = limits.max_operations;
            return Err(ScimError::new(413, format!("a bulk request has {most} operations at most (`maxOperations`)")));
        }
        Self::from_json(body, strictness)
    }

    /// Reads a body. Names and methods may be in any case; lenient, a create may lack its `bulkId`. Fails with the
    /// error that the protocol asks for.
    pub fn from_json(body: &Value, strictness: Strictness) -> Result<Self, ScimError> {
        let body = body.as_object().ok_or_else(|| syntax("a bulk request is a JSON object"))?;
        refuse_twins(body)?;
        if !names_message(body, urn::BULK_REQUEST) {
            return Err(syntax("`schemas` of a bulk request names the BulkRequest message"));
        }
        let fail_on_errors = match lookup(body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(number) => match number.as_u64() {
                Some(errors) if errors > 0 => Some(errors),
                _ => return Err(syntax("`failOnErrors` is a whole number above zero")),
            },
        };
        let Some(Value::Array(operations)) = lookup(body, "Operations") else {
            return Err(syntax("`Operations` is a list"));
        };
        let operations: Vec<_> = operations
            .iter()
            .map(|operation| BulkOperation::from_json(operation, strictness))
            .collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        let created = operations.iter().filter(|operation| operation.method == BulkMethod::Post);
        if !created.filter_map(|operation| operation.bulk_id.as_deref()).all(|bulk_id| seen.insert(bulk_id)) {
            return Err(syntax("two operations of a bulk request create resources of the same `bulkId`"));
        }
        Ok(Self { fail_on_errors, operations })
    }
}

impl BulkOperation {
    fn from_json(operation: &Value, strictness: Strictness) -> Result<Self, ScimError> {
        let operation = operation.as_object().ok_or_else(|| syntax("an operation is a JSON object"))?;
        refuse_twins(operation)?;
        let text = |name: &'static str| match lookup(operation, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(syntax("`method`, `path`, `bulkId` and `version` of an operation are strings")),
        };
        let method = text("method")?.and_then(|word| BulkMethod::from_word(&word));
        let method = method.ok_or_else(|| syntax("`method` is `POST`, `PUT`, `PATCH` or `DELETE`"))?;
        let bulk_id = text("bulkId")?;
        if method == BulkMethod::Post && bulk_id.is_none() && strictness.is_strict() {
            return Err(syntax("an operation that creates a resource has a `bulkId`"));
        }
        Ok(Self {
            method,
            path: text("path")?.ok_or_else(|| syntax("an operation has a `path`"))?,
            bulk_id,
            version: text("version")?,
            data: lookup(operation, "data").filter(|data| !data.is_null()).cloned(),
        })
    }
}

impl BulkMethod {
    fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

impl Serialize for BulkRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written<'a> {
            schemas: [&'static str; 1],
            #[serde(skip_serializing_if = "Option::is_none")]
            fail_on_errors: Option<u64>,
            #[serde(rename = "Operations")]
            operations: &'a [BulkOperation],
        }
        let schemas = [urn::BULK_REQUEST];
        Written { schemas, fail_on_errors: self.fail_on_errors, operations: &self.operations }.serialize(serializer)
    }
}

impl Serialize for BulkResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            schemas: [&'static str; 1],
            #[serde(rename = "Operations")]
            operations: &'a [BulkResult],
        }
        Written { schemas: [urn::BULK_RESPONSE], operations: &self.operations }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BulkResponse {
    /// Accepts names in any case and no `schemas`; a result without a readable status is an error, because nobody can
    /// say what came of it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Map::deserialize(deserializer)?;
        let operations = lookup(&body, "Operations").and_then(Value::as_array);
        let operations = operations.ok_or_else(|| serde::de::Error::custom("`Operations` is a list"))?;
        let results: Option<Vec<_>> = operations.iter().map(BulkResult::from_json).collect();
        let operations = results.ok_or_else(|| serde::de::Error::custom("a result has a `status`"))?;
        Ok(Self { operations })
    }
}

impl BulkResult {
    /// The id at the end of the location.
    pub fn id(&self) -> Option<&str> {
        let location = self.location.as_deref()?.split(['?', '#']).next()?;
        location.trim_end_matches('/').rsplit('/').next().filter(|id| !id.is_empty())
    }

    /// True for a status of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn from_json(result: &Value) -> Option<Self> {
        let result = result.as_object()?;
        let text = |name| lookup(result, name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            method: text("method").and_then(|word| BulkMethod::from_word(&word)),
            bulk_id: text("bulkId"),
            version: text("version"),
            location: text("location"),
            status: read_status(lookup(result, "status")?)?,
            response: lookup(result, "response").filter(|response| !response.is_null()).cloned(),
        })
    }
}

/// A status as the protocol has it, as a number, or in an object as the samples of RFC 7644 had it before erratum 7916.
fn read_status(status: &Value) -> Option<u16> {
    match status {
        Value::String(text) => text.trim().parse().ok(),
        Value::Object(parts) => lookup(parts, "code").filter(|code| !code.is_object()).and_then(read_status),
        number => number.as_u64().and_then(|number| u16::try_from(number).ok()),
    }
}

fn names_message(body: &Map<String, Value>, message: &str) -> bool {
    lookup(body, "schemas").and_then(Value::as_array).is_some_and(|schemas| {
        schemas.iter().any(|schema| schema.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(message)))
    })
}

fn as_text<S: Serializer>(status: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(status)
}

fn syntax(detail: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits(max_operations: u64, max_payload_size: u64) -> BulkSupport {
        BulkSupport { supported: true, max_operations, max_payload_size }
    }

    #[test]
    fn a_request_is_written_exactly_and_reads_back() {
        let request = BulkRequest {
            fail_on_errors: Some(1),
            operations: vec![
                BulkOperation {
                    method: BulkMethod::Post,
                    path: "/Users".to_owned(),
                    bulk_id: Some("a".to_owned()),
                    version: None,
                    data: Some(json!({"userName": "ada"})),
                },
                BulkOperation {
                    method: BulkMethod::Delete,
                    path: "/Users/7".to_owned(),
                    bulk_id: None,
                    version: Some("W/\"1\"".to_owned()),
                    data: None,
                },
            ],
        };
        let written = serde_json::to_value(&request).unwrap();
        assert_eq!(
            written,
            json!({"schemas": [urn::BULK_REQUEST], "failOnErrors": 1, "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "ada"}},
                {"method": "DELETE", "path": "/Users/7", "version": "W/\"1\""},
            ]})
        );
        assert_eq!(BulkRequest::from_json(&written, Strictness::Strict), Ok(request));
    }

    #[test]
    fn a_broken_envelope_is_refused() {
        let with = |operations: Value| json!({"schemas": [urn::BULK_REQUEST], "Operations": operations});
        let post = json!({"method": "post", "path": "/Users", "bulkId": "a", "data": {}});
        assert!(BulkRequest::from_json(&with(json!([post])), Strictness::Strict).is_ok());
        assert!(BulkRequest::from_json(&with(json!([])), Strictness::Strict).is_ok());
        for body in [
            json!([]),
            json!({"Operations": []}),
            json!({"schemas": [urn::PATCH_OP], "Operations": []}),
            json!({"schemas": [urn::BULK_REQUEST]}),
            json!({"schemas": [urn::BULK_REQUEST], "Operations": [], "failOnErrors": 0}),
            json!({"schemas": [urn::BULK_REQUEST], "Operations": [], "failOnErrors": "1"}),
            with(json!({})),
            with(json!([1])),
            with(json!([{"method": "GET", "path": "/Users"}])),
            with(json!([{"path": "/Users"}])),
            with(json!([{"method": "POST", "bulkId": "a"}])),
            with(json!([{"method": "POST", "path": "/Users"}])),
            with(json!([{"method": "PUT", "path": 1}])),
            with(json!([post, post])),
        ] {
            let error = BulkRequest::from_json(&body, Strictness::Strict).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidSyntax)), "{body}");
        }
        let nameless = with(json!([{"method": "POST", "path": "/Users"}]));
        assert!(BulkRequest::from_json(&nameless, Strictness::Lenient).is_ok());
    }

    #[test]
    fn a_request_beyond_the_limits_is_refused_by_the_limit_it_breaks() {
        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        let body = json!({"schemas": [urn::BULK_REQUEST], "Operations": [delete, delete]});
        let read = |limits| BulkRequest::within(limits, body.to_string().len(), &body, Strictness::Strict);
        assert_eq!(read(limits(2, 1000)).unwrap().operations.len(), 2);
        for (limits, named) in [(limits(1, 1000), "maxOperations"), (limits(2, 10), "maxPayloadSize")] {
            let error = read(limits).unwrap_err();
            assert_eq!(error.status, 413);
            assert!(error.detail.unwrap().contains(named));
        }
    }

    #[test]
    fn results_are_written_exactly_and_read_in_every_form_of_status() {
        let result =
            |status: Value| json!({"method": "POST", "bulkId": "a", "location": "http://x/Users/7", "status": status});
        for status in [json!("201"), json!(201), json!({"code": "201"}), json!({"code": 201, "description": "x"})] {
            let read: BulkResponse = serde_json::from_value(json!({"operations": [result(status)]})).unwrap();
            assert_eq!(read.operations[0].status, 201);
            assert_eq!((read.operations[0].id(), read.operations[0].is_success()), (Some("7"), true));
            let written = serde_json::to_value(&read).unwrap();
            assert_eq!(written, json!({"schemas": [urn::BULK_RESPONSE], "Operations": [result(json!("201"))]}));
        }
        for status in [json!(null), json!("ok"), json!(70000), json!({"code": {"code": "201"}})] {
            assert!(serde_json::from_value::<BulkResponse>(json!({"Operations": [result(status)]})).is_err());
        }
    }
}
