//! One resource: created, read, changed, deleted, in the dialect of the tenant.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::{Map, Value};

use super::Exchange;
use crate::scim::{AttributePath, Filter, Operation, PatchOp, Resource, ScimError, Strictness, apply};
use crate::scim_server::dialect::{Deleting, Inactive, Putting};
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
        self.leave_behind(kind, &shown.id, None);
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
    pub(super) async fn caller(&self) -> Result<(Arc<Kind>, String), Failure> {
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
            let now = Instant::now();
            self.service.past.remember(&self.site.tenant, &kind.name, id.to_owned(), before, now);
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

/// A body with what it does not name taken from what is there.
fn merged(before: &Resource, body: Map<String, Value>) -> Map<String, Value> {
    let named = |name: &String| body.keys().any(|key| key.eq_ignore_ascii_case(name));
    let kept = before.as_map().iter().filter(|(name, _)| *name != "schemas" && !named(name));
    let mut merged: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    merged.extend(body);
    merged
}
