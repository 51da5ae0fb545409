//! One resource: created, read, changed, deleted, in the dialect of the tenant.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::Value;

use super::Exchange;
use crate::scim::{AttributePath, Filter, PatchOp, Resource, ScimError, Strictness};
use crate::scim_server::projection::{Projection, Written};
use crate::scim_server::query::Query;
use crate::scim_server::resource_types::Kind;
use crate::scim_server::resources::{self, Shown};
use crate::scim_server::storage::Failure;
use crate::scim_server::{reply, service};

impl Exchange<'_> {
    /// One resource.
    pub(super) async fn one(&self, kind: &Arc<Kind>, id: &str) -> Result<HttpResponse, Failure> {
        match self.method {
            "GET" => self.get(kind, id.to_owned()).await,
            "PUT" => self.replace(kind, id.to_owned()).await,
            "PATCH" => self.patch(kind, id.to_owned()).await,
            _ => self.delete(kind, id.to_owned()).await,
        }
    }

    pub(super) async fn create(&self, kind: &Arc<Kind>) -> Result<HttpResponse, Failure> {
        let projection = self.projection()?;
        let mut body = self.json()?;
        self.site.dialect.accept_resource(&mut body, kind)?;
        let shown = resources::create(self.service, &self.realm(), kind, body, projection).await?;
        Ok(self.show(StatusCode::CREATED, kind, shown))
    }

    async fn get(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = self.projection()?;
        if let Some(then) = self.stale.and_then(|age| self.then(kind, age).remove(&id)) {
            let resource = then.ok_or_else(|| ScimError::not_found("there is no resource of this id"))?;
            // The version is part of what was there; the entity tag of that time is not known to the database any more.
            let tag = resource.as_map().get("meta").and_then(|meta| meta.get("version")?.as_str()).map(str::to_owned);
            let shown = projection.apply(resource, kind, &Written::Nothing);
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
        let (projection, body, expected) = (self.projection()?, self.json()?, self.tags(header::IF_MATCH));
        let shown = resources::replace(self.service, &self.realm(), kind, id, body, expected, projection).await?;
        Ok(self.show(StatusCode::OK, kind, shown))
    }

    /// A changed group is shown only to those who say which of its attributes they want: all of its members would
    /// cost more than the change.
    async fn patch(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        let projection = self.projection()?;
        let wanted = (!kind.has_members() || projection != Projection::All).then_some(projection);
        let patch = PatchOp::from_json(&Value::Object(self.json()?), self.site.dialect.reading)?;
        let (realm, expected) = (self.realm(), self.tags(header::IF_MATCH));
        match resources::patch(self.service, &realm, kind, id, patch, expected, wanted).await? {
            Some(shown) => Ok(self.show(StatusCode::OK, kind, shown)),
            None => Ok(HttpResponse::NoContent().finish()),
        }
    }

    async fn delete(&self, kind: &Arc<Kind>, id: String) -> Result<HttpResponse, Failure> {
        resources::delete(self.service, &self.realm(), kind, id, self.tags(header::IF_MATCH)).await?;
        Ok(HttpResponse::NoContent().finish())
    }

    /// The user who calls. A service is none (RFC 7644 section 3.11).
    pub(super) async fn caller(&self) -> Result<(Arc<Kind>, String), Failure> {
        let user = self.principal.and_then(|principal| principal.user.as_deref());
        let kind = self.service.types.kinds().iter().find(|kind| kind.has_groups());
        let (Some(name), Some(kind)) = (user, kind) else {
            return Err(ScimError::new(501, "this credential belongs to no user").into());
        };
        let mut query = Query::parse("attributes=id&count=1", Strictness::Lenient)?;
        query.filter = Some(Filter::equals(AttributePath::new("userName"), name));
        let found = resources::list(self.service, &self.realm(), kind, query).await?;
        match found.resources.first().and_then(Resource::id) {
            Some(id) => Ok((Arc::clone(kind), id.to_owned())),
            None => Err(ScimError::not_found("the user of this credential does not exist").into()),
        }
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
}
