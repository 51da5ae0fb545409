//! Carries out a Bulk request (RFC 7644 section 3.7). Each operation happens or does not happen on its own.
//!
//! In which order, and what a `bulkId` stands for, is decided in [`scim`](crate::scim); how one operation changes a
//! resource, in `resources`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Service;
use super::endpoint::{Address, Endpoint};
use super::projection::Projection;
use super::resources;
use super::service;
use super::storage::Failure;
use super::tenant::Realm;
use crate::scim::{
    BulkIds, BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, BulkStep, Op, Operation, PatchOp,
    ScimError, ScimType, Strictness, bulk_steps,
};

/// Carries out the operations, in an order in which references can be resolved, and tells what came of each.
///
/// It stops after as many errors as the request allows. Operations that were not carried out are not in the answer.
pub(super) async fn carry_out(service: &Service, realm: &Realm, request: BulkRequest) -> BulkResponse {
    let steps = bulk_steps(&request.operations);
    let mut bulk = Bulk {
        service,
        realm,
        ids: BulkIds::new(&request.operations),
        operations: request.operations,
        results: Vec::new(),
        incomplete: HashMap::new(),
        errors: 0,
        most_errors: request.fail_on_errors.unwrap_or(u64::MAX),
    };
    for step in steps {
        match step {
            BulkStep::Complete(index) => bulk.complete(index).await,
            // What is under way is brought to an end, and nothing new begins.
            _ if bulk.errors >= bulk.most_errors => {}
            BulkStep::CarryOut(index) => bulk.one(index).await,
            BulkStep::CreateWithout(index) => bulk.create_without(index).await,
        }
    }
    BulkResponse { operations: bulk.results }
}

/// A request that is being carried out.
struct Bulk<'a> {
    service: &'a Service,
    realm: &'a Realm,
    operations: Vec<BulkOperation>,
    ids: BulkIds,
    /// In the order in which the operations were carried out.
    results: Vec<BulkResult>,
    /// Creates that lack references, by the index of their operation.
    incomplete: HashMap<usize, Incomplete>,
    errors: u64,
    most_errors: u64,
}

/// A resource that was created without some of its references.
struct Incomplete {
    /// Where its result stands.
    result: usize,
    id: String,
    /// What it lacks, in the shape of the resource.
    lacks: Map<String, Value>,
}

/// What an operation did.
struct Done {
    status: u16,
    location: String,
    /// The id and the version of the resource, unless it was deleted.
    there: Option<(String, i64)>,
}

impl Bulk<'_> {
    async fn one(&mut self, index: usize) {
        let data = self.operations[index].data.take();
        let outcome = match data.map(|data| self.ids.resolve(data)).transpose() {
            Ok(data) => self.change(index, data).await,
            Err(error) => Err(error.into()),
        };
        self.record(index, outcome);
    }

    /// One of a circle of creates goes first, without the references to those that come after it.
    async fn create_without(&mut self, index: usize) {
        let (now, later) = match self.operations[index].data.take() {
            Some(Value::Object(data)) => self.ids.cut(data),
            _ => (Map::new(), Map::new()),
        };
        let outcome = match self.ids.resolve(Value::Object(now)) {
            Ok(now) => match self.change(index, Some(now)).await {
                // It cannot be without what it refers to, and that cannot be without it.
                Err(Failure::Refused(error)) if error.scim_type == Some(ScimType::InvalidValue) => {
                    Err(circular(error.detail.as_deref().unwrap_or_default()).into())
                }
                outcome => outcome,
            },
            Err(error) => Err(error.into()),
        };
        if let Ok(Done { there: Some((id, _)), .. }) = &outcome {
            let incomplete = Incomplete { result: self.results.len(), id: id.clone(), lacks: later };
            self.incomplete.insert(index, incomplete);
        }
        self.record(index, outcome);
    }

    /// Adds the references that a create was carried out without. Where that cannot be done, nothing of it stays.
    async fn complete(&mut self, index: usize) {
        let Some(Incomplete { result, id, lacks }) = self.incomplete.remove(&index) else { return };
        let path = [self.operations[index].path.trim_end_matches('/'), "/", &id].concat();
        let outcome = match self.ids.resolve(Value::Object(lacks)) {
            Ok(value) => {
                let add = Operation { op: Op::Add, path: None, value: Some(value) };
                self.patch(&path, PatchOp { operations: vec![add] }).await
            }
            Err(error) => Err(error.into()),
        };
        let failure = match outcome {
            Ok(version) => {
                self.results[result].version = Some(service::entity_tag(version));
                return;
            }
            Err(failure) => failure,
        };
        if let Ok((Endpoint::One(kind, id), _)) = self.place(&path)
            && let Err(failure) = resources::delete(self.service, self.realm, &kind, id, None).await
        {
            tracing::error!(%failure, "a resource of a circle that could not be closed stays behind");
        }
        let error = circular(error_of(failure).detail.as_deref().unwrap_or_default());
        self.fail(index, result, &error);
    }

    async fn patch(&self, path: &str, patch: PatchOp) -> Result<i64, Failure> {
        let (Endpoint::One(kind, id), _) = self.place(path)? else { return Err(no_place().into()) };
        let wanted = Some(Projection::Only(Vec::new()));
        let shown = resources::patch(self.service, self.realm, &kind, id, patch, None, wanted).await?;
        Ok(shown.map_or(0, |shown| shown.version))
    }

    /// Does what the operation says, with references resolved.
    async fn change(&self, index: usize, data: Option<Value>) -> Result<Done, Failure> {
        let (service, realm, operation) = (self.service, self.realm, &self.operations[index]);
        let (endpoint, location) = self.place(&self.ids.resolve_path(&operation.path)?)?;
        let expected = operation.version.clone();
        let body = |data: Option<Value>| match data {
            Some(Value::Object(body)) => Ok(body),
            _ => Err(ScimError::of(ScimType::InvalidSyntax, "`data` of the operation is a JSON object")),
        };
        // Nobody is shown the resource, so nothing but what identifies it need be read.
        let nothing = Projection::Only(Vec::new());
        let (status, shown) = match (operation.method, endpoint) {
            (BulkMethod::Post, Endpoint::Collection(kind)) => {
                let shown = resources::create(service, realm, &kind, body(data)?, nothing).await?;
                let location = service::location(&realm.base, &kind, &shown.id);
                return Ok(Done { status: 201, location, there: Some((shown.id, shown.version)) });
            }
            (BulkMethod::Put, Endpoint::One(kind, id)) => {
                (200, Some(resources::replace(service, realm, &kind, id, body(data)?, expected, nothing).await?))
            }
            (BulkMethod::Patch, Endpoint::One(kind, id)) => {
                let patch = PatchOp::from_json(&Value::Object(body(data)?), Strictness::Lenient)?;
                (200, resources::patch(service, realm, &kind, id, patch, expected, Some(nothing)).await?)
            }
            (BulkMethod::Delete, Endpoint::One(kind, id)) => {
                resources::delete(service, realm, &kind, id, expected).await?;
                (204, None)
            }
            _ => return Err(ScimError::new(405, "the endpoint of the operation does not have its method").into()),
        };
        Ok(Done { status, location, there: shown.map(|shown| (shown.id, shown.version)) })
    }

    /// The endpoint that a path names, and its address. Only resources and collections of them can be changed.
    fn place(&self, path: &str) -> Result<(Endpoint, String), ScimError> {
        let rooted = if path.starts_with('/') { path.to_owned() } else { ["/", path].concat() };
        let address = Address::parse(&rooted, &self.service.types);
        let location = match &address.endpoint {
            Some(Endpoint::One(kind, id)) => service::location(&self.realm.base, kind, id),
            Some(Endpoint::Collection(_)) => String::new(),
            _ => return Err(no_place()),
        };
        match address.endpoint {
            Some(endpoint) if address.base.is_empty() => Ok((endpoint, location)),
            _ => Err(no_place()),
        }
    }

    fn record(&mut self, index: usize, outcome: Result<Done, Failure>) {
        let operation = &self.operations[index];
        let mut result = BulkResult {
            method: Some(operation.method),
            bulk_id: operation.bulk_id.clone(),
            version: None,
            location: None,
            status: 0,
            response: None,
        };
        match outcome {
            Ok(Done { status, location, there }) => {
                result.status = status;
                result.location = Some(location);
                result.version = there.as_ref().map(|(_, version)| service::entity_tag(*version));
                if let (BulkMethod::Post, Some(bulk_id), Some((id, _))) = (operation.method, &operation.bulk_id, &there)
                {
                    self.ids.created(bulk_id, id);
                }
                self.results.push(result);
            }
            Err(failure) => {
                if operation.method != BulkMethod::Post {
                    let path = self.ids.resolve_path(&operation.path).ok();
                    result.location = path.and_then(|path| self.place(&path).ok()).map(|(_, location)| location);
                    result.location = result.location.filter(|location| !location.is_empty());
                }
                self.results.push(result);
                self.fail(index, self.results.len() - 1, &error_of(failure));
            }
        }
    }

    /// Makes this result one of failure.
    fn fail(&mut self, index: usize, result: usize, error: &ScimError) {
        let operation = &self.operations[index];
        if let (BulkMethod::Post, Some(bulk_id)) = (operation.method, &operation.bulk_id) {
            self.ids.failed(bulk_id);
        }
        let result = &mut self.results[result];
        result.status = error.status;
        result.version = None;
        result.response = serde_json::to_value(error).ok();
        if operation.method == BulkMethod::Post {
            result.location = None;
        }
        self.errors += 1;
    }
}

/// The error that the client is told. What the client did not cause is only logged.
fn error_of(failure: Failure) -> ScimError {
    match failure {
        Failure::Refused(error) => error,
        failure => {
            let cause = std::error::Error::source(&failure).map(ToString::to_string);
            tracing::error!(%failure, cause, "an operation of a bulk request failed");
            ScimError::new(500, "the server failed; its log says why")
        }
    }
}

fn circular(cause: &str) -> ScimError {
    ScimError::new(409, ["operations refer to each other in a circle that cannot be resolved: ", cause].concat())
}

fn no_place() -> ScimError {
    ScimError::not_found("the `path` of the operation names no resource, and no endpoint that has resources")
}

#[cfg(test)]
mod tests;
