//! From a request to an answer: who asks, for what, and what the answer looks like on the wire.
//!
//! Here faults strike: they are the business of connections, not of resources.

use std::any::Any;
use std::net::Shutdown;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Map, Value};
use socket2::{SockRef, Socket};

use super::endpoint::{Address, Endpoint};
use super::faults::Effect;
use super::projection::Projection;
use super::query::Query;
use super::resource_types::Kind;
use super::resources::{self, Shown};
use super::storage::Failure;
use super::tenant::{Realm, Tenant};
use super::{Dialect, Service, admin, discovery, service};
use crate::scim::{PatchOp, ScimError, ScimType, SearchRequest, Strictness, urn};

/// A second handle of the client's connection, to break it off.
struct Connection(Socket);

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
    let Some(endpoint) = &address.endpoint else {
        return refuse(&ScimError::not_found("there is nothing at this path"));
    };
    if *endpoint != Endpoint::ServiceProviderConfig && !is_authorised(&request, &service) {
        return unauthorised();
    }
    let Ok(body) = body else {
        return refuse(&ScimError::new(413, "a body has 4 MiB at most"));
    };
    let exchange = Exchange { request: &request, address: &address, endpoint, body: &body, service: &service };
    if endpoint.holds_resources() && request.method() != Method::GET {
        exchange.answer_write().await
    } else {
        exchange.answer().await
    }
}

/// One request and all that is needed to answer it.
struct Exchange<'a> {
    request: &'a HttpRequest,
    address: &'a Address<'a>,
    endpoint: &'a Endpoint,
    body: &'a Bytes,
    service: &'a Service,
}

impl Exchange<'_> {
    /// A write request goes into the journal, and faults may strike before and after it is done.
    async fn answer_write(&self) -> HttpResponse {
        let (method, path) = (self.request.method().as_str(), self.address.path);
        let sequence = self.service.journal.record(method, path, self.body);
        let strike = self.service.faults.strike(method, path);
        let mut response = match strike.before_commit {
            Some(effect) => self.suffer(effect).await,
            None => None,
        };
        if response.is_none() {
            let answer = self.answer().await;
            response = match strike.after_commit {
                Some(effect) => self.suffer(effect).await.or(Some(answer)),
                None => Some(answer),
            };
        }
        // `suffer` broke the connection off when it left no answer.
        let response = response.unwrap_or_else(|| HttpResponse::InternalServerError().finish());
        if !response.extensions().contains::<Broken>() {
            self.service.journal.settle(sequence, response.status().as_u16());
        }
        response
    }

    /// Lets a fault happen. An answer takes the place of the true one; none means that the request goes on.
    async fn suffer(&self, effect: Effect) -> Option<HttpResponse> {
        match effect {
            Effect::Delay(delay) => {
                tokio::time::sleep(delay).await;
                None
            }
            Effect::Status { status, retry_after_seconds } => {
                let mut response = refuse(&ScimError::new(status, "this answer was asked for by a fault rule"));
                if let Some(seconds) = retry_after_seconds {
                    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
                }
                Some(response)
            }
            Effect::Hang => {
                self.service.faults.released().await;
                Some(self.break_off())
            }
            Effect::Drop => Some(self.break_off()),
        }
    }

    /// Closes the connection. The answer never reaches anybody.
    fn break_off(&self) -> HttpResponse {
        if let Some(Connection(socket)) = self.request.conn_data::<Connection>() {
            // It fails when the client has gone already, which is as good.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let mut response = HttpResponse::InternalServerError().force_close().finish();
        response.extensions_mut().insert(Broken);
        response
    }

    async fn answer(&self) -> HttpResponse {
        match self.dispatch().await {
            Ok(Some(response)) => response,
            Ok(None) if *self.endpoint == Endpoint::NotOffered => {
                refuse(&ScimError::new(501, "this part of the protocol is not offered"))
            }
            Ok(None) => {
                let mut response = refuse(&ScimError::new(405, "this endpoint does not have the method"));
                let allow = header::HeaderValue::from_static(self.endpoint.methods());
                response.headers_mut().insert(header::ALLOW, allow);
                response
            }
            Err(Failure::Refused(error)) => refuse(&error),
            Err(failure) => {
                let cause = std::error::Error::source(&failure).map(ToString::to_string);
                tracing::error!(%failure, cause, "a request to the embedded server failed");
                refuse(&ScimError::new(500, "the server failed; its log says why"))
            }
        }
    }

    /// `None` when the endpoint does not have the method.
    async fn dispatch(&self) -> Result<Option<HttpResponse>, Failure> {
        let base = self.base();
        let found = |document: Option<_>| document.ok_or_else(|| ScimError::not_found("there is nothing of this name"));
        Ok(Some(match (self.endpoint, self.request.method().as_str()) {
            (Endpoint::Collection(kind), "GET") => self.list(kind, Query::parse(self.request.query_string())?).await?,
            (Endpoint::Search(kind), "POST") => {
                let search: SearchRequest =
                    serde_json::from_value(Value::Object(self.json()?)).map_err(|_| not_an_object())?;
                self.list(kind, Query::from_search(search)?).await?
            }
            (Endpoint::Collection(kind), "POST") => self.create(kind).await?,
            (Endpoint::One(kind, id), "GET") => self.get(kind, id.clone()).await?,
            (Endpoint::One(kind, id), "PUT") => self.replace(kind, id.clone()).await?,
            (Endpoint::One(kind, id), "PATCH") => self.patch(kind, id.clone()).await?,
            (Endpoint::One(kind, id), "DELETE") => {
                resources::delete(self.service, &self.realm(), kind, id.clone(), self.expected()).await?;
                HttpResponse::NoContent().finish()
            }
            (Endpoint::ServiceProviderConfig, "GET") => {
                json(StatusCode::OK, &discovery::service_provider_config(self.service.dialect, &base))
            }
            (Endpoint::Schemas(None) | Endpoint::ResourceTypes(None), "GET") if self.has_filter() => {
                // RFC 7644 section 4.
                refuse(&ScimError::new(403, "discovery endpoints take no `filter`"))
            }
            (Endpoint::Schemas(None), "GET") => json(StatusCode::OK, &discovery::schemas(&self.service.types, &base)),
            (Endpoint::Schemas(Some(urn)), "GET") => {
                json(StatusCode::OK, &found(discovery::schema_named(&self.service.types, urn, &base).map(Value::from))?)
            }
            (Endpoint::ResourceTypes(None), "GET") => {
                json(StatusCode::OK, &discovery::resource_types(&self.service.types, &base))
            }
            (Endpoint::ResourceTypes(Some(name)), "GET") => {
                let document = discovery::resource_type_named(&self.service.types, name, &base);
                json(StatusCode::OK, &found(document.and_then(|document| serde_json::to_value(document).ok()))?)
            }
            (endpoint, _) => {
                let query = self.request.query_string();
                return admin::handle(self.service, endpoint, self.request.method(), query, self.body).await;
            }
        }))
    }

    async fn list(&self, kind: &Arc<Kind>, query: Query) -> Result<HttpResponse, Failure> {
        if query.filter.is_some() && self.service.dialect == Dialect::NoFilter {
            return Err(ScimError::bad_request(ScimType::InvalidFilter, "filters are not offered").into());
        }
        let list = resources::list(self.service, &self.realm(), kind, query).await?;
        Ok(json(StatusCode::OK, &list))
    }

    async fn create(&self, kind: &Arc<Kind>) -> Result<HttpResponse, Failure> {
        let projection = Query::parse(self.request.query_string())?.projection;
        let shown = resources::create(self.service, &self.realm(), kind, self.json()?, projection).await?;
        Ok(self.show(StatusCode::CREATED, kind, &shown))
    }

    async fn get(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = Query::parse(self.request.query_string())?.projection;
        let shown = resources::get(self.service, &self.realm(), kind, id, projection).await?;
        match self.header(header::IF_NONE_MATCH) {
            Some(tags) if resources::names_version(&tags, shown.version) => Ok(HttpResponse::NotModified()
                .insert_header((header::ETAG, service::entity_tag(shown.version)))
                .finish()),
            _ => Ok(self.show(StatusCode::OK, kind, &shown)),
        }
    }

    async fn replace(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = Query::parse(self.request.query_string())?.projection;
        let (body, expected) = (self.json()?, self.expected());
        let shown = resources::replace(self.service, &self.realm(), kind, id, body, expected, projection).await?;
        Ok(self.show(StatusCode::OK, kind, &shown))
    }

    /// A changed group is shown only to those who say which of its attributes they want: all of its members would
    /// cost more than the change.
    async fn patch(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = Query::parse(self.request.query_string())?.projection;
        let wanted = (!kind.has_members() || projection != Projection::All).then_some(projection);
        let patch = PatchOp::from_json(&Value::Object(self.json()?), Strictness::Lenient)?;
        match resources::patch(self.service, &self.realm(), kind, id, patch, self.expected(), wanted).await? {
            Some(shown) => Ok(self.show(StatusCode::OK, kind, &shown)),
            None => Ok(HttpResponse::NoContent().finish()),
        }
    }

    fn show(&self, status: StatusCode, kind: &Arc<Kind>, shown: &Shown) -> HttpResponse {
        let location = service::location(&self.base(), kind, &shown.id);
        let mut response = json(status, &shown.resource);
        let headers = response.headers_mut();
        for (name, text) in [
            (header::ETAG, service::entity_tag(shown.version)),
            (header::CONTENT_LOCATION, location.clone()),
            (header::LOCATION, location),
        ] {
            // The host that a client sent cannot stand in a header it came from unless it is a valid value.
            if let Ok(value) = header::HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// The body: one JSON object, of a type that says so.
    fn json(&self) -> Result<Map<String, Value>, ScimError> {
        let media_type = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !["", urn::MEDIA_TYPE, urn::JSON_MEDIA_TYPE].contains(&media_type.as_str()) {
            return Err(ScimError::new(415, "send `application/scim+json`"));
        }
        serde_json::from_slice(self.body).map_err(|_| not_an_object())
    }

    fn realm(&self) -> Realm {
        Realm { tenant: Tenant::default(), base: self.base() }
    }

    /// The address of the service as the client wrote it.
    fn base(&self) -> String {
        let connection = self.request.connection_info();
        [connection.scheme(), "://", connection.host(), self.address.base].concat()
    }

    fn expected(&self) -> resources::Expected {
        self.header(header::IF_MATCH)
    }

    fn has_filter(&self) -> bool {
        let query = self.request.query_string().as_bytes();
        url::form_urlencoded::parse(query).any(|(name, _)| name.eq_ignore_ascii_case("filter"))
    }

    fn header(&self, name: header::HeaderName) -> Option<String> {
        Some(self.request.headers().get(name)?.to_str().ok()?.to_owned())
    }
}

/// Marks an answer whose connection was broken off.
struct Broken;

fn is_authorised(request: &HttpRequest, service: &Service) -> bool {
    let header = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let Some((scheme, token)) = header.and_then(|value| value.split_at_checked("Bearer ".len())) else { return false };
    let expected = service.token.expose().as_bytes();
    // Every byte is looked at, so that the time it takes tells nothing about the token but its length.
    let differences = token.iter().zip(expected).fold(0, |found, (a, b)| found | (a ^ b));
    scheme.eq_ignore_ascii_case(b"Bearer ") && token.len() == expected.len() && differences == 0 && !expected.is_empty()
}

fn unauthorised() -> HttpResponse {
    let mut response = refuse(&ScimError::new(401, "send the bearer token of this server"));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer realm=\"scim\""));
    response
}

fn refuse(error: &ScimError) -> HttpResponse {
    json(StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error)
}

fn json(status: StatusCode, document: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(document) {
        Ok(body) => HttpResponse::build(status).content_type(urn::MEDIA_TYPE).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn not_an_object() -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, "the body is one JSON object")
}
