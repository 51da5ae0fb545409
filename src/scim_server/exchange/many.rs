//! Lists of resources: filtered, paged and late, as the dialect of the tenant has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::Exchange;
use crate::scim::ScimError;
use crate::scim_server::dialect::NoMatch;
use crate::scim_server::past::Then;
use crate::scim_server::query::Query;
use crate::scim_server::resource_types::Kind;
use crate::scim_server::storage::Failure;
use crate::scim_server::{lagging, reply, resources};

impl Exchange<'_> {
    pub(super) async fn list(&self, kind: &Arc<Kind>, mut query: Query) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        if let Some(filter) = &query.filter {
            dialect.check_filter(filter, kind)?;
        }
        self.limit(&mut query);
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

    pub(super) async fn list_everywhere(&self, mut query: Query) -> Result<HttpResponse, Failure> {
        let dialect = self.site.dialect;
        self.limit(&mut query);
        let kinds = self.service.types.kinds().iter().filter(|kind| dialect.offers.groups || !kind.has_members());
        let kinds: Vec<_> = kinds.cloned().collect();
        if let Some(filter) = &query.filter {
            kinds.iter().try_for_each(|kind| dialect.check_filter(filter, kind))?;
        }
        let (mut list, kinds) = resources::list_everywhere(self.service, &self.realm(), &kinds, query).await?;
        if !dialect.shows_as_is() {
            for (resource, kind) in list.resources.iter_mut().zip(&kinds) {
                dialect.show(resource.as_map_mut(), kind);
            }
        }
        Ok(reply::document(StatusCode::OK, &list))
    }

    /// Takes away what the application does not look at.
    fn limit(&self, query: &mut Query) {
        let dialect = self.site.dialect;
        query.count = query.count.min(dialect.page_size);
        query.sort = query.sort.take().filter(|_| dialect.offers.sort);
        query.cursor = query.cursor.take().filter(|_| dialect.offers.cursors);
    }

    /// What has changed since, as it was then.
    pub(super) fn then(&self, kind: &Kind, age: Duration) -> Then {
        self.service.past.then(&self.site.tenant, &kind.name, age, Instant::now())
    }
}
