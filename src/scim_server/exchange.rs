//! One request and its answer: the endpoint is served, in the dialect of the tenant.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::access::Site;
use super::dialect::{Deleting, Inactive, NoMatch, Putting};
use super::endpoint::{Address, Endpoint};
use super::projection::Projection;
use super::query::Query;
use super::resource_types::Kind;
use super::resources::{self, Shown};
use super::storage::Failure;
use super::tenant::Realm;
use super::{Service, admin, discovery, everywhere, json_body, lagging, reply, service};
use crate::auth::Principal;
use crate::scim::{
    AttributePath, Filter, ListResponse, Operation, PatchOp, Resource, ScimError, ScimType, SearchRequest, Strictness,
    apply, urn,
};

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
        let failure = match self.dispatch().await {
            Ok(Some(response)) => return response,
            Ok(None) => return reply::not_allowed(self.endpoint, None, dialect),
            Err(failure) => failure,
        };
        match failure {
            Failure::Refused(error) if error.status == 405 => {
                reply::not_allowed(self.endpoint, Some(self.method), dialect)
            }
            Failure::Refused(error) => reply::refuse(&dialect.error(error, self.names_members()), dialect),
            failure => {
                let cause = std::error::Error::source(&failure).map(ToString::to_string);
                tracing::error!(%failure, cause, "a request to the embedded server failed");
                reply::refuse(&ScimError::new(500, "the server failed; its log says why"), dialect)
            }
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
        let query = || Query::parse(self.request.query_string());
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
            (Endpoint::Bulk, _) => return Err(ScimError::new(501, "bulk requests are not offered").into()),
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

    /// One resource.
    async fn one(&self, kind: &Arc<Kind>, id: &str) -> Result<HttpResponse, Failure> {
        match self.method {
            "GET" => self.get(kind, id.to_owned()).await,
            "PUT" => self.replace(kind, id.to_owned()).await,
            "PATCH" => self.patch(kind, id.to_owned()).await,
            _ => self.delete(kind, id.to_owned()).await,
        }
    }

    async fn list(&self, kind: &Arc<Kind>, mut query: Query) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        if let Some(filter) = &query.filter {
            dialect.check_filter(filter, kind)?;
        }
        query.count = query.count.min(dialect.page_size);
        let lag = self.stale.max(Some(dialect.lag)).filter(|lag| !lag.is_zero());
        let then = lag.map(|lag| self.then(kind, lag)).filter(|then| !then.is_empty());
        let asked = then.is_some().then(|| query.clone());
        let filtered = query.filter.is_some();
        let mut list = resources::list(self.service, &self.realm(), kind, query).await?;
        if let (Some(then), Some(query)) = (then, asked) {
            list = lagging::as_it_was(self.service, &self.realm(), kind, &query, list, then).await?;
        }
        if filtered && list.total_results == 0 && dialect.no_match == NoMatch::NotFound {
            return Err(ScimError::not_found("nothing meets the filter").into());
        }
        if !dialect.shows_as_is() {
            list.resources.iter_mut().for_each(|resource| dialect.show(resource.as_map_mut(), kind));
        }
        Ok(reply::document(StatusCode::OK, &list))
    }

    async fn list_everywhere(&self, mut query: Query) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        query.count = query.count.min(dialect.page_size);
        let kinds = self.service.types.kinds().iter().filter(|kind| dialect.offers.groups || !kind.has_members());
        let kinds: Vec<_> = kinds.cloned().collect();
        if let Some(filter) = &query.filter {
            kinds.iter().try_for_each(|kind| dialect.check_filter(filter, kind))?;
        }
        let found = everywhere::list(self.service, &self.realm(), &kinds, query).await?;
        let mut shown = Vec::with_capacity(found.resources.len());
        for (kind, mut resource) in found.resources {
            if !dialect.shows_as_is() {
                dialect.show(resource.as_map_mut(), &kind);
            }
            shown.push(resource);
        }
        Ok(reply::document(StatusCode::OK, &ListResponse::page(shown, found.total, found.start_index)))
    }

    async fn create(&self, kind: &Arc<Kind>) -> Result<HttpResponse, Failure> {
        let projection = self.projection()?;
        let mut body = self.json()?;
        self.site.dialect.accept_resource(&mut body, kind)?;
        let shown = resources::create(self.service, &self.realm(), kind, body, projection).await?;
        self.leave_behind(kind, &shown.id, None);
        Ok(self.show(StatusCode::CREATED, kind, shown))
    }

    async fn get(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = self.projection()?;
        if let Some(then) = self.stale.and_then(|age| self.then(kind, age).remove(&id)) {
            let resource = then.ok_or_else(|| ScimError::not_found("there is no resource of this id"))?;
            // The version is part of what was there; the entity tag of that time is not known to the database any more.
            let tag = resource.as_map().get("meta").and_then(|meta| meta.get("version")?.as_str()).map(str::to_owned);
            let shown = projection.apply(resource, &kind.schema);
            return Ok(self.show_resource(StatusCode::OK, kind, shown, &id, tag));
        }
        let shown = resources::get(self.service, &self.realm(), kind, id, projection).await?;
        match self.tags(header::IF_NONE_MATCH) {
            Some(tags) if resources::names_version(&tags, shown.version) => Ok(HttpResponse::NotModified()
                .insert_header((header::ETAG, service::entity_tag(shown.version)))
                .finish()),
            _ => Ok(self.show(StatusCode::OK, kind, shown)),
        }
    }

    async fn replace(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        let projection = self.projection()?;
        let mut body = self.json()?;
        let before = self.before(kind, &id).await?;
        if let Some(before) = &before {
            if dialect.put == Putting::Merges {
                body = merged(before, body);
            }
            if kind.has_groups() {
                dialect.check_immutable(before, &Resource::from(body.clone()))?;
            }
        }
        dialect.accept_resource(&mut body, kind)?;
        if dialect.put == Putting::Ignored && kind.has_groups() {
            let shown = resources::get(self.service, &self.realm(), kind, id, projection).await?;
            return Ok(self.show(StatusCode::OK, kind, shown));
        }
        let expected = self.tags(header::IF_MATCH);
        let shown = resources::replace(self.service, &self.realm(), kind, id, body, expected, projection).await?;
        self.leave_behind(kind, &shown.id, before);
        self.delete_inactive(kind, &shown.id).await?;
        Ok(self.show(StatusCode::OK, kind, shown))
    }

    /// A changed group is shown only to those who say which of its attributes they want: all of its members would
    /// cost more than the change.
    async fn patch(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        let projection = self.projection()?;
        let wanted = (!kind.has_members() || projection != Projection::All).then_some(projection);
        let mut patch = PatchOp::from_json(&Value::Object(self.json()?), Strictness::Lenient)?;
        dialect.accept_patch(&mut patch, kind)?;
        let before = self.before(kind, &id).await?;
        if let (Some(before), true) = (&before, kind.has_groups())
            // What cannot be applied is refused below, with its own reason.
            && let Ok(after) = apply(&patch, before, &kind.schema, Strictness::Lenient)
        {
            dialect.check_immutable(before, &after)?;
        }
        let (realm, expected) = (self.realm(), self.tags(header::IF_MATCH));
        let shown = resources::patch(self.service, &realm, kind, id.clone(), patch, expected, wanted).await?;
        self.leave_behind(kind, &id, before);
        self.delete_inactive(kind, &id).await?;
        match shown {
            Some(shown) => Ok(self.show(StatusCode::OK, kind, shown)),
            None => Ok(HttpResponse::NoContent().finish()),
        }
    }

    async fn delete(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let before = self.before(kind, &id).await?;
        let (realm, expected) = (self.realm(), self.tags(header::IF_MATCH));
        if self.site.dialect.delete == Deleting::Deactivates && kind.has_groups() {
            let inactive = Operation::replace(AttributePath::new("active"), Value::Bool(false));
            let patch = PatchOp { operations: vec![inactive] };
            resources::patch(self.service, &realm, kind, id.clone(), patch, expected, None).await?;
        } else {
            resources::delete(self.service, &realm, kind, id.clone(), expected).await?;
        }
        self.leave_behind(kind, &id, before);
        Ok(HttpResponse::NoContent().finish())
    }

    /// The user who calls. A service is none (RFC 7644 section 3.11).
    async fn caller(&self) -> Result<(Arc<Kind>, String), Failure> {
        let user = self.principal.and_then(|principal| principal.user.as_deref());
        let kind = self.service.types.kinds().iter().find(|kind| kind.has_groups());
        let (Some(name), Some(kind)) = (user, kind) else {
            return Err(ScimError::new(501, "this credential belongs to no user").into());
        };
        let mut query = Query::parse("attributes=id&count=1")?;
        query.filter = Some(Filter::equals(AttributePath::new("userName"), name));
        let found = resources::list(self.service, &self.realm(), kind, query).await?;
        match found.resources.first().and_then(Resource::id) {
            Some(id) => Ok((Arc::clone(kind), id.to_owned())),
            None => Err(ScimError::not_found("the user of this credential does not exist").into()),
        }
    }

    /// Deletes a user who has become inactive, where the application does so.
    async fn delete_inactive(&self, kind: &Arc<Kind>, id: &str) -> Result<(), Failure> {
        if self.site.dialect.inactive == Inactive::Stays || !kind.has_groups() {
            return Ok(());
        }
        let user = resources::get(self.service, &self.realm(), kind, id.to_owned(), Projection::All).await?;
        if user.resource.as_map().get("active") == Some(&Value::Bool(false)) {
            resources::delete(self.service, &self.realm(), kind, id.to_owned(), None).await?;
        }
        Ok(())
    }

    /// The resource before a write, where something depends on it; none when it does not exist.
    async fn before(&self, kind: &Arc<Kind>, id: &str) -> Result<Option<Resource>, Failure> {
        let dialect = self.site.dialect;
        let looked_at = self.leaves_behind() || dialect.put == Putting::Merges || !dialect.immutable.is_empty();
        if !looked_at {
            return Ok(None);
        }
        match resources::get(self.service, &self.realm(), kind, id.to_owned(), Projection::All).await {
            Ok(shown) => Ok(Some(shown.resource)),
            Err(Failure::Refused(error)) if error.status == 404 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn leaves_behind(&self) -> bool {
        self.keep.is_some() || !self.site.dialect.lag.is_zero()
    }

    fn leave_behind(&self, kind: &Kind, id: &str, before: Option<Resource>) {
        if self.leaves_behind() {
            let now = std::time::Instant::now();
            self.service.past.remember(&self.site.tenant, &kind.name, id.to_owned(), before, now);
        }
    }

    fn then(&self, kind: &Kind, age: Duration) -> super::past::Then {
        self.service.past.then(&self.site.tenant, &kind.name, age, std::time::Instant::now())
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

    fn show(&self, status: StatusCode, kind: &Arc<Kind>, shown: Shown) -> HttpResponse {
        let tag = Some(service::entity_tag(shown.version));
        self.show_resource(status, kind, shown.resource, &shown.id, tag)
    }

    /// A resource with the headers of its place and version (RFC 7644 sections 3.1 and 3.14).
    fn show_resource(
        &self,
        status: StatusCode,
        kind: &Arc<Kind>,
        mut resource: Resource,
        id: &str,
        tag: Option<String>,
    ) -> HttpResponse {
        let dialect = self.site.dialect;
        let mut response = if self.method == "GET" || dialect.echoes(self.method) {
            if !dialect.shows_as_is() {
                dialect.show(resource.as_map_mut(), kind);
            }
            reply::document(status, &resource)
        } else {
            let status = if status == StatusCode::CREATED { status } else { StatusCode::NO_CONTENT };
            HttpResponse::build(status).finish()
        };
        let location = service::location(&self.base(), kind, id);
        let headers = [
            (header::ETAG, tag.filter(|_| dialect.offers.etags)),
            (header::CONTENT_LOCATION, Some(location.clone())),
            (header::LOCATION, Some(location)),
        ];
        for (name, text) in headers {
            // The host that a client sent cannot stand in a header it came from unless it is a valid value.
            if let Some(value) = text.and_then(|text| header::HeaderValue::from_str(&text).ok()) {
                response.headers_mut().insert(name, value);
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
        json_body::read(self.body)
    }

    /// The query of a search body (RFC 7644 section 3.4.3).
    fn search(&self) -> Result<Query, ScimError> {
        let search: SearchRequest = serde_json::from_value(Value::Object(self.json()?)).map_err(|_| {
            ScimError::bad_request(
                ScimType::InvalidSyntax,
                "the body is a SearchRequest whose members have their types",
            )
        })?;
        Query::from_search(search)
    }

    fn projection(&self) -> Result<Projection, ScimError> {
        Ok(Query::parse(self.request.query_string())?.projection)
    }

    fn realm(&self) -> Realm {
        Realm { tenant: self.site.tenant.clone(), base: self.base() }
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

/// A body with what it does not name taken from what is there.
fn merged(before: &Resource, body: Map<String, Value>) -> Map<String, Value> {
    let named = |name: &String| body.keys().any(|key| key.eq_ignore_ascii_case(name));
    let kept = before.as_map().iter().filter(|(name, _)| *name != "schemas" && !named(name));
    let mut merged: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    merged.extend(body);
    merged
}
