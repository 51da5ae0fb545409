//! The messages of the protocol but PATCH: list responses, searches, errors.
//!
//! Reading is lenient, writing is exact.

use serde::de::Deserializer;
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conform::refuse_twins;
use super::object::lookup;
use super::resource::Resource;
use super::strictness::Strictness;
use super::urn;

/// A page of resources (RFC 7644 section 3.4.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse<T = Resource> {
    #[serde(default = "list_response_schemas")]
    pub schemas: Vec<String>,
    /// How many there are in all. Some targets leave it out of a cursor's page.
    #[serde(default)]
    pub total_results: u64,
    /// 1-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_index: Option<u64>,
    /// How many this page holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items_per_page: Option<u64>,
    /// RFC 9865: given on every page but the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// RFC 9865: never on the first page, and optional on the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_cursor: Option<String>,
    #[serde(rename = "Resources", alias = "resources", default = "Vec::new")]
    pub resources: Vec<T>,
}

/// The body of a query by POST (RFC 7644 section 3.4.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchRequest {
    pub schemas: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An error as the protocol reports it (RFC 7644 section 3.12).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {}", self.detail.as_deref().unwrap_or("no detail given"))]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    pub scim_type: Option<ScimType>,
    pub detail: Option<String>,
}

/// The reason of an error (RFC 7644 table 9 and RFC 9865).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
    /// A word that no document defines.
    Other(String),
}

impl<T> ListResponse<T> {
    /// A page of a list that has `total_results` in all; `start_index` is 1-based.
    pub fn page(resources: Vec<T>, total_results: u64, start_index: u64) -> Self {
        Self {
            schemas: list_response_schemas(),
            total_results,
            start_index: Some(start_index),
            items_per_page: Some(resources.len() as u64),
            next_cursor: None,
            previous_cursor: None,
            resources,
        }
    }

    /// A page of a walk by cursor (RFC 9865); `next_cursor` is given on every page but the last.
    pub fn cursor_page(resources: Vec<T>, total_results: u64, next_cursor: Option<String>) -> Self {
        Self { start_index: None, next_cursor, ..Self::page(resources, total_results, 1) }
    }
}

impl SearchRequest {
    /// Reads a body. Names may be in any case, as in a query string; what is unknown is passed over, and so are, when
    /// lenient, missing `schemas`.
    pub fn from_json(body: Value, strictness: Strictness) -> Result<Self, ScimError> {
        let syntax = |detail| ScimError::bad_request(ScimType::InvalidSyntax, detail);
        let Value::Object(body) = body else { return Err(syntax("a search is a JSON object")) };
        refuse_twins(&body)?;
        let named = |urns: &Vec<Value>| {
            urns.iter().any(|urn| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(urn::SEARCH_REQUEST)))
        };
        let says_so = match lookup(&body, "schemas") {
            None => !strictness.is_strict(),
            Some(schemas) => schemas.as_array().is_some_and(named),
        };
        if !says_so {
            return Err(syntax("`schemas` of a search names the SearchRequest message"));
        }
        let canonical = |name: String| {
            const NAMES: [&str; 9] = [
                "schemas",
                "attributes",
                "excludedAttributes",
                "filter",
                "sortBy",
                "sortOrder",
                "startIndex",
                "count",
                "cursor",
            ];
            let known = NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(&name));
            known.map_or(name, str::to_owned)
        };
        let body = body.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (canonical(name), value));
        serde_json::from_value(Value::Object(body.collect()))
            .map_err(|_| syntax("a parameter of the search has the wrong type"))
    }
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            schemas: vec![urn::SEARCH_REQUEST.to_owned()],
            attributes: Vec::new(),
            excluded_attributes: Vec::new(),
            filter: None,
            sort_by: None,
            sort_order: None,
            start_index: None,
            count: None,
            cursor: None,
        }
    }
}

impl ScimError {
    /// An error with a status alone.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: Some(detail.into()) }
    }

    /// 400 with its reason.
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: 400, scim_type: Some(scim_type), detail: Some(detail.into()) }
    }

    /// An error with its reason, and the status that goes with it (RFC 7644 section 3.12).
    pub fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: Some(detail.into()) }
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, detail)
    }

    /// 409: a value that must be unique is taken.
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self::of(ScimType::Uniqueness, detail)
    }
}

impl ScimType {
    const NAMED: [(Self, &'static str); 13] = [
        (Self::InvalidFilter, "invalidFilter"),
        (Self::TooMany, "tooMany"),
        (Self::Uniqueness, "uniqueness"),
        (Self::Mutability, "mutability"),
        (Self::InvalidSyntax, "invalidSyntax"),
        (Self::InvalidPath, "invalidPath"),
        (Self::NoTarget, "noTarget"),
        (Self::InvalidValue, "invalidValue"),
        (Self::InvalidVers, "invalidVers"),
        (Self::Sensitive, "sensitive"),
        (Self::InvalidCursor, "invalidCursor"),
        (Self::ExpiredCursor, "expiredCursor"),
        (Self::InvalidCount, "invalidCount"),
    ];

    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            named => Self::NAMED.iter().find(|(scim_type, _)| scim_type == named).map_or("", |(_, word)| word),
        }
    }

    /// The HTTP status that this reason goes with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            _ => 400,
        }
    }

    /// The reason of this word, in any case: Databricks writes `INVALID_FILTER`.
    pub fn from_word(word: &str) -> Self {
        let plain = word.replace('_', "");
        Self::NAMED
            .into_iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(&plain))
            .map_or_else(|| Self::Other(word.to_owned()), |(scim_type, _)| scim_type)
    }
}

impl Serialize for ScimError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("Error", 4)?;
        error.serialize_field("schemas", &[urn::ERROR])?;
        error.serialize_field("status", &self.status.to_string())?;
        if let Some(scim_type) = &self.scim_type {
            error.serialize_field("scimType", scim_type.as_str())?;
        }
        if let Some(detail) = &self.detail {
            error.serialize_field("detail", detail)?;
        }
        error.end()
    }
}

impl<'de> Deserialize<'de> for ScimError {
    /// Accepts a status that is a number, as several targets send it, and a detail that is missing.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            status: serde_json::Value,
            #[serde(default)]
            scim_type: Option<String>,
            #[serde(default)]
            detail: Option<String>,
        }
        let written = Written::deserialize(deserializer)?;
        let status = match &written.status {
            serde_json::Value::String(text) => text.trim().parse().ok(),
            number => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        };
        Ok(Self {
            status: status.ok_or_else(|| serde::de::Error::custom("`status` is no HTTP status"))?,
            scim_type: written.scim_type.filter(|word| !word.is_empty()).map(|word| ScimType::from_word(&word)),
            detail: written.detail,
        })
    }
}

fn list_response_schemas() -> Vec<String> {
    vec![urn::LIST_RESPONSE.to_owned()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_is_written_with_its_status_as_a_string() {
        let error = ScimError::bad_request(ScimType::InvalidFilter, "no");
        let written = serde_json::to_value(&error).unwrap();
        assert_eq!(
            written,
            json!({"schemas": [urn::ERROR], "status": "400", "scimType": "invalidFilter", "detail": "no"})
        );
        assert_eq!(serde_json::from_value::<ScimError>(written).unwrap(), error);
    }

    #[test]
    fn every_reason_has_its_word_and_its_status() {
        for (scim_type, word) in ScimType::NAMED {
            assert_eq!((scim_type.as_str(), ScimType::from_word(word)), (word, scim_type.clone()));
            let status = match word {
                "uniqueness" => 409,
                "sensitive" => 403,
                _ => 400,
            };
            assert_eq!(ScimError::of(scim_type, "x").status, status, "{word}");
        }
    }

    #[test]
    fn a_search_is_read_in_any_case_and_must_say_that_it_is_one() {
        let read = |body: Value| SearchRequest::from_json(body, Strictness::Strict);
        let search = read(json!({"SCHEMAS": [urn::SEARCH_REQUEST], "startindex": 3, "FILTER": "a pr", "odd": 1}));
        let search = search.unwrap();
        assert_eq!((search.start_index, search.filter.as_deref()), (Some(3), Some("a pr")));
        assert!(read(json!({"schemas": [urn::SEARCH_REQUEST], "count": null})).is_ok());
        for body in [
            json!([]),
            json!({}),
            json!({"schemas": [urn::PATCH_OP]}),
            json!({"schemas": [urn::SEARCH_REQUEST], "count": "x"}),
            json!({"schemas": [urn::SEARCH_REQUEST], "count": 1, "Count": 2}),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().scim_type, Some(ScimType::InvalidSyntax), "{body}");
        }
    }

    #[test]
    fn an_error_is_read_with_a_numeric_status_and_any_reason() {
        for (written, scim_type) in [
            (json!({"status": 400}), None),
            (json!({"status": "400", "scimType": "INVALID_FILTER"}), Some(ScimType::InvalidFilter)),
            (json!({"status": "400", "scimType": "odd"}), Some(ScimType::Other("odd".to_owned()))),
        ] {
            let error: ScimError = serde_json::from_value(written).unwrap();
            assert_eq!((error.status, error.scim_type), (400, scim_type));
        }
        assert!(serde_json::from_value::<ScimError>(json!({"status": 70000})).is_err());
        assert!(serde_json::from_value::<ScimError>(json!({"detail": "no"})).is_err());
    }

    #[test]
    fn a_sparse_list_is_read_and_a_full_one_written() {
        let list: ListResponse = serde_json::from_value(json!({"totalResults": 0})).unwrap();
        assert_eq!(list.resources, []);
        assert_eq!(
            serde_json::to_value(ListResponse::cursor_page(vec![1], 7, Some("c".to_owned()))).unwrap(),
            json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 7, "itemsPerPage": 1, "nextCursor": "c", "Resources": [1]})
        );
        assert_eq!(
            serde_json::to_value(ListResponse::page(vec![1], 7, 3)).unwrap(),
            json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 7, "startIndex": 3, "itemsPerPage": 1, "Resources": [1]})
        );
    }
}
