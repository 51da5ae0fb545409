//! Creating many resources with few requests (RFC 7644 section 3.7).
//!
//! A Bulk request is a POST of POSTs: it is never repeated, and what it does not tell the outcome of may be done.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use reqwest::StatusCode;
use serde_json::Value;

use super::address::{id_in, is_possible};
use super::answer::{Purpose, Refused};
use super::client::{Answer, Request};
use super::{ScimTarget, dialect, json};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, Resource, urn};
use crate::target::TargetError;
use crate::target::profile::{BulkLimits, PatchDialect};

/// Operations in one request, whatever the target allows: a lost answer leaves all of them open.
const MOST_OPERATIONS: usize = 100;
/// How many resources are on their way at once; the pace decides how many requests are.
const AHEAD: usize = 64;

/// What became of one create.
pub(super) type Created = Result<ResourceId, TargetError>;

impl ScimTarget {
    /// Creates resources of one kind, by Bulk where the target offers it, and says of each what became of it, in their
    /// order. Each is sent at most once: after an error with [`Outcome::Unknown`](crate::target::Outcome::Unknown),
    /// look whether it is there.
    pub async fn create_all(&self, kind: &ResourceKind, resources: &[Resource]) -> Vec<Created> {
        let mut outcomes: Vec<Option<Created>> = resources.iter().map(|_| None).collect();
        let mut admitted = Vec::with_capacity(resources.len());
        for (index, resource) in resources.iter().enumerate() {
            match self.shared.protection.admit_create(resource) {
                Ok(()) => admitted.push(index),
                Err(error) => outcomes[index] = Some(Err(error)),
            }
        }
        let size = self.profile().bulk.map_or(1, operations_per_request);
        let mut under_way = FuturesUnordered::new();
        let mut waiting = admitted.chunks(size);
        loop {
            while under_way.len() * size < AHEAD.max(size)
                && let Some(chunk) = waiting.next()
            {
                under_way.push(self.create_some(kind, resources, chunk.to_vec()));
            }
            match under_way.next().await {
                Some(ended) => ended.into_iter().for_each(|(index, created)| outcomes[index] = Some(created)),
                None => break,
            }
        }
        let host = self.shared.client.host();
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(untold(host, 200)))).collect()
    }

    /// Creates those of `resources` that `indexes` name, in one request if the target takes it.
    async fn create_some(
        &self,
        kind: &ResourceKind,
        resources: &[Resource],
        indexes: Vec<usize>,
    ) -> Vec<(usize, Created)> {
        let mut ended = Vec::with_capacity(indexes.len());
        let mut waiting = vec![indexes];
        while let Some(indexes) = waiting.pop() {
            let limits = self.profile().bulk;
            let (Some(limits), true) = (limits, indexes.len() > 1) else {
                for index in indexes {
                    ended.push((index, self.create(kind, &resources[index]).await));
                }
                continue;
            };
            match self.bulk(kind, resources, &indexes, limits).await {
                Ok(results) => {
                    for (index, created) in results {
                        ended.push((index, self.or_else_alone(kind, &resources[index], created).await));
                    }
                }
                Err(Refusal::TooMuch) => {
                    let half = indexes.len() / 2;
                    waiting.push(indexes[half..].to_vec());
                    waiting.push(indexes[..half].to_vec());
                }
                Err(Refusal::NotOffered) => {
                    tracing::info!(target.host = %self.shared.client.host(), "the target refuses Bulk: resources are created one by one");
                    self.learn(|profile| profile.bulk = None);
                    waiting.push(indexes);
                }
                Err(Refusal::Ended(error)) => {
                    ended
                        .extend(indexes.into_iter().map(|index| (index, Err(TargetError::OfBulk(Arc::clone(&error))))));
                }
            }
        }
        ended
    }

    /// What an operation of a Bulk request brought, or a request of its own where that may end better: it was put off,
    /// too much in one piece, or a group that is refused with its members.
    async fn or_else_alone(&self, kind: &ResourceKind, resource: &Resource, created: Created) -> Created {
        match created {
            Err(error) if matches!(error.status(), Some(413 | 429)) => self.create(kind, resource).await,
            Err(refusal @ TargetError::Refused { status: 400 | 422, .. }) => {
                Box::pin(self.create_without_members(kind, resource, refusal)).await
            }
            created => created,
        }
    }

    async fn bulk(
        &self,
        kind: &ResourceKind,
        resources: &[Resource],
        indexes: &[usize],
        limits: BulkLimits,
    ) -> Result<Vec<(usize, Created)>, Refusal> {
        let profile = self.profile();
        let endpoint = profile.endpoint(kind);
        let body = bulk_request(endpoint, resources, indexes, &profile.dialect)?;
        // Room for what a proxy adds.
        if body.len() > limits.max_bytes / 10 * 9 {
            return Err(Refusal::TooMuch);
        }
        let size = body.len();
        let request = self.request(Purpose::Bulk, urn::BULK, &[], Some(body))?;
        // A large request future is not carried along by everybody who creates one resource.
        let answer = self.send(&request).boxed().await?;
        match answer.status.as_u16() {
            202 => Err(self.shared.client.unusable(&request, &answer, "without saying what became of it").into()),
            200..=299 => Ok(self.results(&request, &answer, endpoint, indexes)),
            413 => {
                // Half of it may go. How many operations that are depends on what they carry.
                let fewer =
                    |limits: BulkLimits| BulkLimits { max_bytes: limits.max_bytes.min(size / 2 * 10 / 9), ..limits };
                self.learn(|profile| profile.bulk = profile.bulk.map(fewer));
                Err(Refusal::TooMuch)
            }
            400 | 404 | 405 | 410 | 501 => Err(Refusal::NotOffered),
            _ => Err(self.shared.client.refusal(&request, &answer).into()),
        }
    }

    /// What the answer says of each operation: told by its `bulkId`, or by its place where the target leaves those out.
    fn results(&self, request: &Request, answer: &Answer, endpoint: &str, indexes: &[usize]) -> Vec<(usize, Created)> {
        let response = serde_json::from_slice::<BulkResponse>(&answer.body);
        let Ok(BulkResponse { operations }) = response else {
            let error =
                Arc::new(self.shared.client.unusable(request, answer, "not with the outcomes of a Bulk request"));
            return indexes.iter().map(|&index| (index, Err(TargetError::OfBulk(Arc::clone(&error))))).collect();
        };
        let complete = operations.len() == indexes.len();
        let mut by_place: Vec<Option<BulkResult>> = Vec::new();
        let mut by_id: HashMap<String, BulkResult> = HashMap::new();
        for result in operations {
            match result.bulk_id.clone() {
                Some(bulk_id) => {
                    by_id.entry(bulk_id).or_insert(result);
                    by_place.push(None);
                }
                None => by_place.push(Some(result)),
            }
        }
        let host = self.shared.client.host();
        let told = indexes.iter().enumerate().map(|(place, &index)| {
            let in_place = || if complete { by_place.get_mut(place).and_then(Option::take) } else { None };
            let result = by_id.remove(&index.to_string()).or_else(in_place);
            let created = match result {
                Some(result) => self.created(result, endpoint),
                None => Err(untold(host, answer.status.as_u16())),
            };
            (index, created)
        });
        told.collect()
    }

    fn created(&self, result: BulkResult, endpoint: &str) -> Created {
        let host = self.shared.client.host();
        let Ok(status) = StatusCode::from_u16(result.status) else { return Err(untold(host, result.status)) };
        if status == StatusCode::ACCEPTED {
            return Err(untold(host, result.status));
        }
        if !status.is_success() {
            let body = result.response.map(|response| response.to_string()).unwrap_or_default();
            let (request, purpose) = (["POST /", endpoint, " in POST /Bulk"].concat(), Purpose::Create);
            return Err(Refused { host, request, purpose, status, body: body.as_bytes(), ambiguous: false }.error());
        }
        let location = result.location.as_deref().and_then(|to| id_in(to, self.shared.client.base(), endpoint));
        let echoed = || result.response.as_ref()?.get("id")?.as_str().map(ResourceId::new).filter(is_possible);
        location.or_else(echoed).ok_or_else(|| untold(host, status.as_u16()))
    }
}

/// Why a Bulk request as a whole brought nothing.
enum Refusal {
    /// Fewer operations may do.
    TooMuch,
    /// The target does not do it; nothing happened.
    NotOffered,
    Ended(Arc<TargetError>),
}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Self {
        Self::Ended(Arc::new(error))
    }
}

/// How many operations are sent together: within the limits with some room, so that nobody has to count exactly.
fn operations_per_request(limits: BulkLimits) -> usize {
    (limits.max_operations - limits.max_operations / 10).clamp(1, MOST_OPERATIONS)
}

fn bulk_request(
    endpoint: &str,
    resources: &[Resource],
    indexes: &[usize],
    dialect: &PatchDialect,
) -> Result<Bytes, TargetError> {
    let operations = indexes.iter().map(|&index| BulkOperation {
        method: BulkMethod::Post,
        path: super::route(endpoint),
        bulk_id: Some(index.to_string()),
        version: None,
        data: Some(Value::from(dialect::spelled(resources[index].clone(), dialect))),
    });
    json(&BulkRequest { fail_on_errors: None, operations: operations.collect() })
}

/// Nobody said what became of an operation.
fn untold(host: &str, status: u16) -> TargetError {
    TargetError::Unusable {
        host: host.to_owned(),
        request: "POST /Bulk".to_owned(),
        status,
        problem: "without saying what became of this operation".to_owned(),
        outcome: Purpose::Bulk.outcome(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_below_the_limits() {
        let size = |max_operations| operations_per_request(BulkLimits { max_operations, max_bytes: 1 });
        assert_eq!([1, 2, 10, 100, 1000].map(size), [1, 2, 9, 90, 100]);
    }
}
