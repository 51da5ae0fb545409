//! A query over all types of resource (RFC 7644 section 3.4.2.1): one list after the other, as if they were one.

use std::sync::Arc;

use super::Service;
use super::query::Query;
use super::resource_types::Kind;
use super::resources;
use super::storage::Failure;
use super::tenant::Realm;
use crate::scim::{Filter, Resource};

/// A page of resources of several types.
pub(super) struct Found {
    pub(super) resources: Vec<(Arc<Kind>, Resource)>,
    pub(super) total: u64,
    pub(super) start_index: u64,
}

/// Lists the resources of these types.
pub(super) async fn list(
    service: &Service,
    realm: &Realm,
    kinds: &[Arc<Kind>],
    query: Query,
) -> Result<Found, Failure> {
    let mut found = Found { resources: Vec::new(), total: 0, start_index: query.start_index };
    for kind in kinds {
        if query.filter.as_ref().is_some_and(|filter| is_false_for(filter, kind)) {
            continue;
        }
        let mut part = query.clone();
        // What the types before this one have counts as skipped or as shown.
        part.start_index = query.start_index.saturating_sub(found.total).max(1);
        part.count = query.count.saturating_sub(found.resources.len() as u64);
        let list = resources::list(service, realm, kind, part).await?;
        found.total += list.total_results;
        found.resources.extend(list.resources.into_iter().map(|resource| (Arc::clone(kind), resource)));
    }
    Ok(found)
}

/// True when the filter can be true for no resource of this type, because it asks for another type by name or for an
/// attribute that the type does not have.
fn is_false_for(filter: &Filter, kind: &Kind) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().any(|filter| is_false_for(filter, kind)),
        Filter::Or(filters) => filters.iter().all(|filter| is_false_for(filter, kind)),
        Filter::Comparison { path, .. } | Filter::Present(path) | Filter::ValuePath { path, .. } => {
            kind.schema.resolve(path).is_none()
        }
        Filter::Not(_) => false,
    }
}
