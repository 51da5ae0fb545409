//! From a request to an answer: who asks, for what, and what happens to the exchange on its way.
//!
//! Here faults strike: they are the business of connections, not of resources.

use std::any::Any;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use actix_web::body::{MessageBody, SizedStream};
use actix_web::dev::Extensions;
use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures::{StreamExt, stream};
use serde_json::json;
use socket2::{SockRef, Socket};

use super::access::Site;
use super::dialect::Dialect;
use super::endpoint::{Address, Endpoint};
use super::exchange::Exchange;
use super::fault_rule::{Effect, Spoilt};
use super::faults::Strike;
use super::{MOST_BODY_BYTES, Service, reply};
use crate::auth::{Access, Denied, Principal, TokenRefusal};
use crate::scim::{ScimError, ScimType};

/// A second handle of the client's connection, to break it off.
struct Connection(Socket);

/// Between the piece of an answer that is sent and the end of the connection.
const BEFORE_THE_CUT: Duration = Duration::from_millis(50);

/// Marks an answer whose connection was broken off.
struct Broken;

/// Keeps a handle of a new connection with its requests.
pub(super) fn remember_connection(stream: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = stream.downcast_ref::<TcpStream>()
        && let Ok(socket) = SockRef::from(stream).try_clone()
    {
        extensions.insert(Connection(socket));
    }
}

/// Answers any request.
pub(super) async fn handle(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    service: Data<Service>,
) -> HttpResponse {
    let address = Address::parse(request.path(), &service.types);
    let strict = Dialect::STANDARD;
    let Some(endpoint) = &address.endpoint else {
        return reply::refuse(&ScimError::not_found("there is nothing at this path"), strict);
    };
    let (method, path) = (method_of(&request), address.path);
    let writes = endpoint.is_changed_by(method);
    let strike = || {
        let spared = endpoint.is_administrative();
        if spared { Strike::default() } else { service.faults.strike(method, path, writes, Instant::now()) }
    };
    if *endpoint == Endpoint::Token {
        let serve = async {
            match &body {
                Ok(body) => issue_token(&request, body, &service),
                Err(error) => unreadable(error, strict),
            }
        };
        return pass(&request, &service, strict, strike(), serve).await;
    }
    let Some(site) = service.access.site(address.tenant) else {
        return reply::refuse(&ScimError::not_found("there is no such tenant"), strict);
    };
    if *endpoint == Endpoint::OtherVersion {
        let error = ScimError::bad_request(ScimType::InvalidVers, "this server speaks version 2 of the protocol");
        return reply::refuse(&error, site.dialect);
    }
    let principal = match authenticate(&request, endpoint, site).await {
        Ok(principal) => principal,
        Err(refusal) => return refusal,
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return unreadable(&error, site.dialect),
    };
    let strike = strike();
    let sequence = writes.then(|| service.journal.record(site.tenant.name(), method, path, &body));
    let exchange = Exchange {
        request: &request,
        method,
        address: &address,
        endpoint,
        body: &body,
        service: &service,
        site,
        principal: principal.as_ref(),
        stale: strike.stale,
        keep: strike.keep,
    };
    let response = pass(&request, &service, site.dialect, strike, exchange.answer()).await;
    if let Some(sequence) = sequence
        && !response.extensions().contains::<Broken>()
    {
        service.journal.settle(sequence, response.status().as_u16());
    }
    response
}

/// Lets a request pass to where it is served, and its answer back; on the way happens what the faults have for it.
async fn pass(
    request: &HttpRequest,
    service: &Service,
    dialect: &Dialect,
    strike: Strike,
    serve: impl Future<Output = HttpResponse>,
) -> HttpResponse {
    if let Some(seconds) = strike.limited {
        return reply::busy(429, Some(seconds), "too many requests: wait as long as `Retry-After` says", dialect);
    }
    if let Some(effect) = strike.before_commit
        && let Some(response) = suffer(request, service, dialect, effect).await
    {
        return response;
    }
    let answer = serve.await;
    if let Some(effect) = strike.after_commit
        && let Some(response) = suffer(request, service, dialect, effect).await
    {
        return response;
    }
    match strike.answer {
        Some(spoilt) => spoil(answer, spoilt),
        None => answer,
    }
}

/// Lets a fault happen. An answer takes the place of the true one; none means that the request goes on.
async fn suffer(request: &HttpRequest, service: &Service, dialect: &Dialect, effect: Effect) -> Option<HttpResponse> {
    match effect {
        Effect::Delay(delay) => {
            tokio::time::sleep(delay).await;
            None
        }
        Effect::Status { status, retry_after_seconds } => {
            let detail = "this answer was asked for by a fault rule";
            Some(reply::busy(status, retry_after_seconds, detail, dialect))
        }
        Effect::Hang => {
            service.faults.released().await;
            Some(break_off(request))
        }
        Effect::Drop => Some(break_off(request)),
    }
}

/// Closes the connection. The answer never reaches anybody.
fn break_off(request: &HttpRequest) -> HttpResponse {
    if let Some(Connection(socket)) = request.conn_data::<Connection>() {
        // It fails when the client has gone already, which is as good.
        let _ = socket.shutdown(Shutdown::Both);
    }
    let mut response = HttpResponse::InternalServerError().force_close().finish();
    response.extensions_mut().insert(Broken);
    response
}

/// Spoils an answer. One that has no body gets half of one.
fn spoil(response: HttpResponse, spoilt: Spoilt) -> HttpResponse {
    let (mut head, body) = response.into_parts();
    if head.status() == StatusCode::NO_CONTENT {
        // What has no content cannot be cut.
        *head.status_mut() = StatusCode::OK;
    }
    // Every answer here is a piece of memory; a stream could not be spoilt and counts as empty.
    let mut whole = body.try_into_bytes().unwrap_or_default();
    if whole.is_empty() {
        whole = Bytes::from_static(b"{\"schemas\":[]}");
    }
    let half = whole.slice(..whole.len() / 2);
    match spoilt {
        Spoilt::Malformed => head.set_body([half.as_ref(), b"<html>"].concat()).map_into_boxed_body(),
        Spoilt::Truncated => {
            let cut = async {
                // What was sent before has to be on its way when the connection ends.
                tokio::time::sleep(BEFORE_THE_CUT).await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
            };
            let pieces = stream::once(async { Ok(half) }).chain(stream::once(cut));
            let body = SizedStream::new(whole.len() as u64, Box::pin(pieces));
            head.set_body(body).map_into_boxed_body()
        }
    }
}

/// Says who calls, or refuses. The configuration of the service is open to everybody (RFC 7644 section 4).
async fn authenticate(
    request: &HttpRequest,
    endpoint: &Endpoint,
    site: &Site,
) -> Result<Option<Principal>, HttpResponse> {
    if matches!(endpoint, Endpoint::ServiceProviderConfig | Endpoint::ServiceProviderConfigs) {
        return Ok(None);
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    let principal = match site.authenticator.authenticate(authorization).await {
        Ok(principal) => principal,
        Err(denied @ (Denied::KeysUnavailable | Denied::Busy)) => {
            let seconds = if denied == Denied::Busy { 1 } else { 5 };
            return Err(reply::busy(503, Some(seconds), &denied.to_string(), site.dialect));
        }
        Err(denied) => {
            let mut response = reply::refuse(&ScimError::new(401, denied.to_string()), site.dialect);
            for challenge in site.authenticator.challenges(denied) {
                let challenge = header::HeaderValue::from_static(challenge);
                response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
            return Err(response);
        }
    };
    if endpoint.is_administrative() && principal.access != Access::Admin {
        // The journal holds what every tenant was sent.
        let error = ScimError::new(403, "only a credential with `access: admin` may steer the server");
        return Err(reply::refuse(&error, site.dialect));
    }
    if endpoint.is_changed_by(method_of(request)) && principal.access == Access::Read {
        return Err(reply::refuse(&ScimError::new(403, "this credential may look and change nothing"), site.dialect));
    }
    Ok(Some(principal))
}

/// The answer to a body that is too large, or that broke off or cannot be decoded.
fn unreadable(error: &actix_web::Error, dialect: &Dialect) -> HttpResponse {
    let most = (MOST_BODY_BYTES / 1024 / 1024).to_string();
    let error = match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => ScimError::new(413, ["a body has ", &most, " MiB at most"].concat()),
        _ => ScimError::bad_request(ScimType::InvalidSyntax, "the body broke off or cannot be decoded"),
    };
    reply::refuse(&error, dialect)
}

/// The token endpoint, which speaks the language of RFC 6749 and not that of SCIM.
fn issue_token(request: &HttpRequest, body: &[u8], service: &Service) -> HttpResponse {
    if request.method() != Method::POST {
        return reply::not_allowed(&Endpoint::Token, None, Dialect::STANDARD);
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    let no_store = (header::CACHE_CONTROL, "no-store");
    match service.access.issuer.issue(authorization, body) {
        Ok(token) => HttpResponse::Ok().insert_header(no_store).json(token),
        Err(refusal) => {
            let mut response = match refusal {
                TokenRefusal::InvalidClient => HttpResponse::Unauthorized(),
                TokenRefusal::InvalidRequest | TokenRefusal::UnsupportedGrantType => HttpResponse::BadRequest(),
            };
            if refusal == TokenRefusal::InvalidClient {
                response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"token\""));
            }
            response.insert_header(no_store).json(json!({"error": refusal.to_string()}))
        }
    }
}

/// The method. HEAD is GET whose body stays behind (RFC 9110 section 9.3.2).
fn method_of(request: &HttpRequest) -> &str {
    match request.method() {
        &Method::HEAD => "GET",
        method => method.as_str(),
    }
}
