//! What the API refuses, in the shape that clients of the synchronization API expect.

use std::time::Duration;

use actix_web::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::auth::Denied;
use crate::control::ControlError;
use crate::store::StoreError;

/// The longest `client-request-id` that is repeated.
const LONGEST_ID: usize = 128;

/// A refusal: its status, the word that clients branch on, and a text for people.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Seconds after which it makes sense to ask again.
    pub(super) retry_after: Option<u64>,
    /// The credential that is asked for (RFC 6750 section 3), in a refusal for want of a good one.
    pub(super) challenge: Option<&'static str>,
    /// The methods that there are, where the one that was asked for is not.
    pub(super) allow: Option<String>,
}

/// What identifies one request in its answer.
#[derive(Clone, Debug)]
pub(super) struct RequestIds {
    pub(super) request: String,
    /// What the client calls it.
    pub(super) client: Option<String>,
}

impl RequestIds {
    /// A new id, beside what the client calls the request; what is too long, or not plain text, is not repeated.
    pub(super) fn new(client: Option<&[u8]>) -> Self {
        let is_plain = |id: &&[u8]| !id.is_empty() && id.len() <= LONGEST_ID && id.iter().all(u8::is_ascii_graphic);
        let client = client.filter(is_plain).map(|id| String::from_utf8_lossy(id).into_owned());
        Self { request: Uuid::new_v4().to_string(), client }
    }
}

impl ApiError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalidRequest", message)
    }

    pub(super) fn unauthenticated(denied: Denied) -> Self {
        match denied {
            Denied::Busy | Denied::KeysUnavailable => Self::unavailable(denied.to_string()),
            _ => {
                let challenge = match denied {
                    Denied::Missing => r#"Bearer realm="provisor""#,
                    _ => r#"Bearer realm="provisor", error="invalid_token""#,
                };
                let message = sentence(&denied.to_string());
                let new = Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
                Self { challenge: Some(challenge), ..new }
            }
        }
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    pub(super) fn not_allowed(allow: String) -> Self {
        let message = format!("This resource does not have the method. It has: {allow}.");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "notAllowed", message) }
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        let new = Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", message);
        Self { retry_after: Some(5), ..new }
    }

    /// The gateway itself failed. What went wrong is for its log, not for the caller.
    pub(super) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request of the management API failed");
        let message = "The gateway failed; its log says why.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "generalException", message)
    }

    pub(super) fn too_often(wait: Duration) -> Self {
        let new = Self::new(StatusCode::TOO_MANY_REQUESTS, "activityLimitReached", "Too many requests: slow down.");
        Self { retry_after: Some(wait.as_secs() + 1), ..new }
    }

    /// A refusal of the HTTP layer.
    pub(super) fn of_status(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "invalidRequest", message)
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, challenge: None, allow: None }
    }

    /// The body of the answer. The date has no zone, as clients know it.
    pub(super) fn body(&self, ids: &RequestIds, now: DateTime<Utc>) -> Json {
        let date = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let inner = json!({
            "date": date.trim_end_matches('Z'),
            "request-id": ids.request,
            "client-request-id": ids.client.as_ref().unwrap_or(&ids.request),
        });
        json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } })
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match &error {
            ControlError::NotFound { .. } => Self::not_found(sentence(&error.to_string())),
            ControlError::Store(cause) => match cause {
                StoreError::Driven { .. } | StoreError::Busy { .. } => {
                    Self { retry_after: Some(10), ..Self::conflict(sentence(&cause.to_string())) }
                }
                StoreError::Unsettled { .. } | StoreError::OtherTarget { .. } | StoreError::Paused { .. } => {
                    Self::conflict(sentence(&cause.to_string()))
                }
                StoreError::UnknownJob { .. } => Self::not_found(sentence(&cause.to_string())),
                cause if cause.is_unavailable() => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the store does not answer");
                    Self::unavailable("The store of the gateway does not answer at the moment.")
                }
                _ => Self::broken(&error),
            },
        }
    }
}

/// With a capital at the beginning and a full stop at its end, as texts of the API have.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    [first.as_str(), chars.as_str(), end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_calls_its_request_is_repeated_where_it_is_harmless() {
        let long = vec![b'x'; LONGEST_ID + 1];
        for (given, expected) in [
            (None, None),
            (Some(b"0d7e9b52-6c31".as_slice()), Some("0d7e9b52-6c31")),
            (Some(b""), None),
            (Some(b"a b"), None),
            (Some(b"a\r\nSet-Cookie: x"), None),
            (Some("ü".as_bytes()), None),
            (Some(&long), None),
        ] {
            assert_eq!(RequestIds::new(given).client.as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn the_body_is_the_one_that_clients_know() {
        let ids = RequestIds { request: "r".to_owned(), client: None };
        let body = ApiError::not_found("There is no job `x`.").body(&ids, DateTime::UNIX_EPOCH);
        let expected = json!({ "error": {
            "code": "Request_ResourceNotFound", "message": "There is no job `x`.",
            "innerError": { "date": "1970-01-01T00:00:00", "request-id": "r", "client-request-id": "r" },
        } });
        assert_eq!(body, expected);
        assert_eq!(sentence("there is no job"), "There is no job.");
        assert_eq!(sentence(""), ".");
    }
}
