//! Answers as they stand on the wire: status, headers, a body of SCIM's media type (RFC 7644 sections 3.1 and 3.12).

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;

use super::dialect::Dialect;
use super::endpoint::Endpoint;
use super::storage::Failure;
use crate::scim::{ScimError, urn};

/// An answer with a document.
pub(super) fn document(status: StatusCode, document: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(document) {
        Ok(body) => HttpResponse::build(status).content_type(urn::MEDIA_TYPE).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// An error, as the dialect writes it.
pub(super) fn refuse(error: &ScimError, dialect: &Dialect) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    document(status, &dialect.write_error(error))
}

/// The error that a client is told. What it did not cause is logged here.
pub(super) fn error_of(failure: Failure) -> ScimError {
    let detail = match failure {
        Failure::Refused(error) => return error,
        Failure::Broken { .. } => [&failure.to_string(), ": it is left as it is until somebody mends it"].concat(),
        _ => "the server failed; its log says why".to_owned(),
    };
    let cause = std::error::Error::source(&failure).map(ToString::to_string);
    tracing::error!(%failure, cause, "a request to the embedded server failed");
    ScimError::new(500, detail)
}

/// An error that says when to come back.
pub(super) fn busy(status: u16, retry_after_seconds: Option<u64>, detail: &str, dialect: &Dialect) -> HttpResponse {
    let mut response = refuse(&ScimError::new(status, detail), dialect);
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

/// 405, with the methods that the endpoint has but for the one that the dialect lacks.
pub(super) fn not_allowed(endpoint: &Endpoint, lacking: Option<&str>, dialect: &Dialect) -> HttpResponse {
    let mut response = refuse(&ScimError::new(405, "this endpoint does not have the method"), dialect);
    let methods: Vec<&str> = endpoint.methods().iter().copied().filter(|method| Some(*method) != lacking).collect();
    if let Ok(allow) = header::HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
