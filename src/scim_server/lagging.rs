//! A list as it was a moment ago.

use std::sync::Arc;

use super::Service;
use super::past::Then;
use super::projection::{Projection, Written};
use super::query::Query;
use super::resource_types::Kind;
use super::resources;
use super::storage::Failure;
use super::tenant::Realm;
use crate::scim::{ListResponse, Resource, matches};

/// Takes back what has changed since: resources that were not there go, those that were deleted come back, and the
/// others look as they did. The page keeps its size; what is on which page may differ from what it was then.
pub(super) async fn as_it_was(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    query: &Query,
    mut list: ListResponse,
    then: Then,
) -> Result<ListResponse, Failure> {
    let meets =
        |resource: &Resource| query.filter.as_ref().is_none_or(|filter| matches(filter, resource, &kind.schema));
    for (id, before) in then {
        let now = match resources::get(service, realm, kind, id.clone(), Projection::All).await {
            Ok(shown) => Some(shown.resource),
            Err(Failure::Refused(_)) => None,
            Err(failure) => return Err(failure),
        };
        let counted = now.as_ref().is_some_and(meets);
        let before = before.filter(meets);
        let place = list.resources.iter().position(|resource| resource.id() == Some(&id));
        match (place, before.is_some(), counted) {
            (_, true, false) => list.total_results += 1,
            (_, false, true) => list.total_results = list.total_results.saturating_sub(1),
            _ => {}
        }
        let shown = before.map(|before| query.projection.apply(before, kind, &Written::Nothing));
        match (place, shown) {
            (Some(place), Some(shown)) => {
                if let Some(resource) = list.resources.get_mut(place) {
                    *resource = shown;
                }
            }
            (Some(place), None) => {
                list.resources.remove(place);
            }
            (None, Some(shown)) if !counted && (list.resources.len() as u64) < query.count => {
                list.resources.push(shown);
            }
            (None, _) => {}
        }
    }
    list.items_per_page = Some(list.resources.len() as u64);
    Ok(list)
}
