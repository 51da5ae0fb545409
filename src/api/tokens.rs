//! The token endpoint with what stands beside it. Nobody needs a token here.

use std::time::Instant;

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value as Json;
use uuid::Uuid;

use super::error::ApiError;
use super::{Service, frame};

/// The longest form that asks for a token.
const MOST_BODY_BYTES: usize = 64 * 1024;

/// What of it a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Token,
    Discovery,
    Keys,
}

/// The tenant and the part of it that a path stands for; `None` for a path of another kind.
pub(super) fn place(path: &str) -> Option<(&str, Place)> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).take(5).collect();
    match segments.as_slice() {
        [tenant, "oauth2", "v2.0", "token"] => Some((tenant, Place::Token)),
        [tenant, "v2.0", ".well-known", "openid-configuration"] | [tenant, ".well-known", "openid-configuration"] => {
            Some((tenant, Place::Discovery))
        }
        [tenant, "discovery", "v2.0", "keys"] => Some((tenant, Place::Keys)),
        _ => None,
    }
}

/// Answers a request to a part of it.
///
/// # Errors
/// 404 for another tenant, 405, 429.
pub(super) async fn answer(
    service: &Service,
    request: &HttpRequest,
    payload: Payload,
    tenant: &str,
    place: Place,
) -> Result<HttpResponse, ApiError> {
    let tokens = &service.callers.tokens;
    if !tokens.is_tenant(tenant) {
        return Err(ApiError::not_found(
            "There is no such tenant here: take the id that the gateway was started with.",
        ));
    }
    let get = |document: Json| match *request.method() {
        Method::GET | Method::HEAD => Ok(HttpResponse::Ok().json(document)),
        _ => Err(ApiError::not_allowed("GET, HEAD".to_owned())),
    };
    match place {
        Place::Discovery => get(tokens.discovery()),
        Place::Keys => get(tokens.keys()),
        Place::Token if request.method() != Method::POST => Err(ApiError::not_allowed("POST".to_owned())),
        Place::Token => issue(service, request, payload).await,
    }
}

async fn issue(service: &Service, request: &HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    // Secrets cannot be tried out faster than this.
    let address = request.peer_addr().map(|address| address.ip());
    service.token_requests.take(address, Instant::now()).map_err(ApiError::too_often)?;
    let body = frame::body(request, payload, MOST_BODY_BYTES).await?;
    let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    Ok(match service.callers.tokens.issue(authorization, &body).await {
        Ok(token) => HttpResponse::Ok().json(token),
        Err(refusal) => {
            tracing::warn!(error = refusal.error, "a client was given no token");
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            HttpResponse::build(status).json(refusal.body(&Uuid::new_v4().to_string(), (service.now)()))
        }
    })
}
