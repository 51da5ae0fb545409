//! One request and its answer: the endpoint is served, in the dialect of the tenant.

mod many;
mod one;

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::access::Site;
use super::endpoint::{Address, Endpoint};
use super::projection::Projection;
use super::query::Query;
use super::storage::Failure;
use super::tenant::{Manner, Realm};
use super::{Service, admin, bulk, discovery, json_body, reply};
use crate::auth::Principal;
use crate::scim::{BulkRequest, ScimError, SearchRequest, urn};

/// A request whose caller is known.
pub(super) struct Exchange<'a> {
    pub(super) request: &'a HttpRequest,
    /// GET for HEAD.
    pub(super) method: &'a str,
    pub(super) address: &'a Address<'a>,
    pub(super) endpoint: &'a Endpoint,
    pub(super) body: &'a Bytes,
    pub(super) service: &'a Service,
    pub(super) site: &'a Site,
    /// None where nobody needs to say who they are.
    pub(super) principal: Option<&'a Principal>,
    /// Reads see what was there this long ago.
    pub(super) stale: Option<Duration>,
    /// Writes leave what they change behind for this long.
    pub(super) keep: Option<Duration>,
}

impl Exchange<'_> {
    /// Serves the request.
    pub(super) async fn answer(&self) -> HttpResponse {
        let dialect = self.site.dialect;
        match self.dispatch().await {
            Ok(Some(response)) => response,
            Ok(None) => reply::not_allowed(self.endpoint, None, dialect),
            Err(failure) => match reply::error_of(failure) {
                error if error.status == 405 => reply::not_allowed(self.endpoint, Some(self.method), dialect),
                error => reply::refuse(&dialect.error(error, self.names_members()), dialect),
            },
        }
    }

    /// `None` when the endpoint does not have the method.
    async fn dispatch(&self) -> Result<Option<HttpResponse>, Failure> {
        if !self.endpoint.methods().contains(&self.method) {
            return Ok(None);
        }
        if !self.endpoint.is_administrative() {
            let agent = self.header(header::USER_AGENT).unwrap_or_default();
            if self.site.dialect.needs_user_agent && agent.is_empty() {
                return Err(ScimError::new(403, "this application needs a `User-Agent` header").into());
            }
            self.site.dialect.check_offered(self.endpoint, self.method)?;
        }
        let query = || Query::parse(self.request.query_string(), self.site.dialect.reading);
        Ok(Some(match (self.endpoint, self.method) {
            (Endpoint::Collection(kind), "GET") => self.list(kind, query()?).await?,
            (Endpoint::Search(kind), _) => self.list(kind, self.search()?).await?,
            (Endpoint::Base, _) => self.list_everywhere(query()?).await?,
            (Endpoint::SearchAll, _) => self.list_everywhere(self.search()?).await?,
            (Endpoint::Collection(kind), _) => self.create(kind).await?,
            (Endpoint::One(kind, id), _) => self.one(kind, id).await?,
            (Endpoint::Me, _) => {
                let (kind, id) = self.caller().await?;
                self.one(&kind, &id).await?
            }
            (Endpoint::Bulk, _) => self.bulk().await?,
            (Endpoint::ServiceProviderConfig | Endpoint::ServiceProviderConfigs, _) => {
                let mut config = discovery::service_provider_config(&self.site.authenticator.schemes(), &self.base());
                self.site.dialect.tell(&mut config);
                reply::document(StatusCode::OK, &config)
            }
            (Endpoint::Schemas(name), _) => self.schemas(name.as_deref())?,
            (Endpoint::ResourceTypes(name), _) => self.resource_types(name.as_deref())?,
            (endpoint, method) => {
                let query = self.request.query_string();
                return admin::handle(self.service, endpoint, method, query, self.body).await;
            }
        }))
    }

    async fn bulk(&self) -> Result<HttpResponse, Failure> {
        let body = Value::Object(self.json()?);
        let request = BulkRequest::within(discovery::BULK, self.body.len(), &body, self.site.dialect.reading)?;
        let response = bulk::carry_out(self.service, &self.realm(), request).await?;
        Ok(reply::document(StatusCode::OK, &response))
    }

    fn schemas(&self, name: Option<&str>) -> Result<HttpResponse, Failure> {
        let (types, base) = (&self.service.types, self.base());
        match name {
            None => {
                self.refuse_filter()?;
                Ok(reply::document(StatusCode::OK, &discovery::schemas(types, &base)))
            }
            Some(name) => match discovery::schema_named(types, name, &base) {
                Some(schema) => Ok(reply::document(StatusCode::OK, &schema)),
                None => Err(ScimError::not_found("there is no schema of this name").into()),
            },
        }
    }

    fn resource_types(&self, name: Option<&str>) -> Result<HttpResponse, Failure> {
        let (types, base) = (&self.service.types, self.base());
        match name {
            None => {
                self.refuse_filter()?;
                Ok(reply::document(StatusCode::OK, &discovery::resource_types(types, &base)))
            }
            Some(name) => match discovery::resource_type_named(types, name, &base) {
                Some(kind) => Ok(reply::document(StatusCode::OK, &kind)),
                None => Err(ScimError::not_found("there is no type of resource of this name").into()),
            },
        }
    }

    /// RFC 7644 section 4.
    fn refuse_filter(&self) -> Result<(), ScimError> {
        let query = self.request.query_string().as_bytes();
        let filters = url::form_urlencoded::parse(query).any(|(name, _)| name.eq_ignore_ascii_case("filter"));
        if filters { Err(ScimError::new(403, "discovery endpoints take no `filter`")) } else { Ok(()) }
    }

    /// The body: one JSON object, of a type that says so.
    fn json(&self) -> Result<Map<String, Value>, ScimError> {
        let media_type = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !["", urn::MEDIA_TYPE, urn::JSON_MEDIA_TYPE].contains(&media_type.as_str()) {
            return Err(ScimError::new(415, "send `application/scim+json`"));
        }
        json_body::read(self.body)
    }

    /// The query of a search body (RFC 7644 section 3.4.3).
    fn search(&self) -> Result<Query, ScimError> {
        let reading = self.site.dialect.reading;
        Query::from_search(SearchRequest::from_json(Value::Object(self.json()?), reading)?, reading)
    }

    fn projection(&self) -> Result<Projection, ScimError> {
        Ok(Query::parse(self.request.query_string(), self.site.dialect.reading)?.projection)
    }

    fn realm(&self) -> Realm {
        let dialect = self.site.dialect;
        let leaves_behind = self.keep.is_some() || !dialect.lag.is_zero();
        Realm { tenant: self.site.tenant.clone(), base: self.base(), manner: Manner { dialect, leaves_behind } }
    }

    /// The address of the service as the client wrote it.
    fn base(&self) -> String {
        let connection = self.request.connection_info();
        [connection.scheme(), "://", connection.host(), self.address.base].concat()
    }

    /// The entity tags of a condition; versions that are not offered are not looked at. A tag that cannot be read is one
    /// that no resource has.
    fn tags(&self, name: header::HeaderName) -> Option<String> {
        if !self.site.dialect.offers.etags || !self.request.headers().contains_key(&name) {
            return None;
        }
        let lines = self.request.headers().get_all(name).map(|value| value.to_str().unwrap_or_default());
        Some(lines.collect::<Vec<_>>().join(","))
    }

    /// True when the request is about members of a group.
    fn names_members(&self) -> bool {
        let of_group = self.endpoint.kind().is_some_and(|kind| kind.has_members());
        of_group && self.body.windows(b"members".len()).any(|window| window.eq_ignore_ascii_case(b"members"))
    }

    fn header(&self, name: header::HeaderName) -> Option<String> {
        Some(self.request.headers().get(name)?.to_str().ok()?.to_owned())
    }
}
