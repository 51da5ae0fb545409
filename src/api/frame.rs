//! What surrounds every request: its ids, its bounds, the headers of every answer and the body of every refusal.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures::StreamExt;
use tokio::time::timeout;

use super::error::{ApiError, RequestIds};
use super::routes;
use super::{REQUEST_TIMEOUT, Service};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Nothing of the API is to be kept by caches, taken for something else, or shown within a page.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Answers one request.
pub(super) async fn serve(service: Data<Service>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let ids = RequestIds::new(request.headers().get(CLIENT_REQUEST_ID).map(HeaderValue::as_bytes));
    let answer = routes::answer(&service, &request, payload).await;
    let mut response = answer.unwrap_or_else(|refusal| refused(&service, &refusal, &ids));
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if service.public_url.starts_with("https:") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    let client = ids.client.as_ref().unwrap_or(&ids.request);
    for (name, id) in [(REQUEST_ID, &ids.request), (CLIENT_REQUEST_ID, client)] {
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.insert(name, id);
        }
    }
    response
}

/// The whole body of the request, which is read for nobody who may not send it.
///
/// # Errors
/// 413 for a long one, 408 for one that takes long, 415 for one that is packed.
pub(super) async fn body(request: &HttpRequest, payload: Payload, most: usize) -> Result<Bytes, ApiError> {
    let slow = |_| ApiError::of_status(StatusCode::REQUEST_TIMEOUT, "The body of the request did not come in time.");
    timeout(REQUEST_TIMEOUT, whole(request, payload, most)).await.map_err(slow)?
}

async fn whole(request: &HttpRequest, mut payload: Payload, most: usize) -> Result<Bytes, ApiError> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::of_status(status, "Send the body as it is, without `Content-Encoding`."));
    }
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::invalid("The body of the request broke off."))?;
        if body.len() + chunk.len() > most {
            let message = format!("The body is longer than {most} bytes.");
            return Err(ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

fn refused(service: &Service, refusal: &ApiError, ids: &RequestIds) -> HttpResponse {
    let mut response = HttpResponse::build(refusal.status);
    if let Some(seconds) = refusal.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Some(allow) = &refusal.allow {
        response.insert_header((header::ALLOW, allow.as_str()));
    }
    if let Some(challenge) = refusal.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    response.json(refusal.body(ids, (service.now)()))
}
