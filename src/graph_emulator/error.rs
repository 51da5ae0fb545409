//! What the service refuses, in the shape Graph clients expect.
//!
//! The token endpoint has errors of another shape (RFC 6749 section 5.2); they live in `access`.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{LOCATION, WWW_AUTHENTICATE},
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

/// A refusal. The body is written by the middleware, which knows the ids of the request.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Where a client that lost its delta token begins anew.
    location: Option<String>,
}

/// What identifies one request in its answer.
pub(super) struct RequestIds {
    pub(super) request: String,
    pub(super) client: Option<String>,
}

impl GraphError {
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(super) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    pub(super) fn resource_not_found(id: &str) -> Self {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "UnknownError", "Resource not found for the segment.")
    }

    pub(super) fn invalid_token(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// The delta token is too old; `location` is the link that begins a new round.
    pub(super) fn sync_state_not_found(location: String) -> Self {
        let message = "The sync state generation is not found; resynchronization is required.";
        Self { location: Some(location), ..Self::new(StatusCode::GONE, "syncStateNotFound", message) }
    }

    /// A refusal of the HTTP layer itself (a body that is too large, a method that the path does not have).
    pub(super) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::METHOD_NOT_ALLOWED => "Request_BadRequest",
            StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLarge",
            _ => "UnknownError",
        };
        Self::new(status, code, status.canonical_reason().unwrap_or("The request could not be served."))
    }

    /// The complete answer.
    pub(super) fn answer(&self, ids: &RequestIds, now: DateTime<Utc>) -> HttpResponse {
        let mut inner = json!({
            "date": now.to_rfc3339_opts(SecondsFormat::Secs, true).trim_end_matches('Z'),
            "request-id": ids.request,
        });
        if let Some(client) = &ids.client {
            inner["client-request-id"] = json!(client);
        }
        let mut response = HttpResponse::build(self.status);
        if let Some(location) = &self.location {
            response.insert_header((LOCATION, location.as_str()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, r#"Bearer realm="", error="invalid_token""#));
        }
        response.json(json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } }))
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), location: None }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for GraphError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}
