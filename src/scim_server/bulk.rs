//! Carries out a Bulk request (RFC 7644 section 3.7). Each operation happens or does not happen on its own.
//!
//! In which order, and what a `bulkId` stands for, is decided in [`scim`](crate::scim); how one operation changes a
//! resource, in `resources`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Service;
use super::changes::{self, draft_to_create};
use super::endpoint::{Address, Endpoint};
use super::projection::Projection;
use super::reply;
use super::resource_types::Kind;
use super::resources::leave_behind;
use super::service::{self, Scene};
use super::storage::{Failure, Transaction};
use super::tenant::Realm;
use super::writes::{self, Done};
use crate::scim::{
    BulkIds, BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, BulkStep, Op, Operation, PatchOp,
    Resource, ScimError, ScimType, bulk_steps,
};

/// Carries out the operations, in an order in which references can be resolved, and tells what came of each.
///
/// They share one commit. An operation that fails leaves nothing of itself behind; when the server fails, nothing of the
/// request stays. It stops after as many errors as the request allows. Operations that were not carried out are not in
/// the answer.
pub(super) async fn carry_out(service: &Service, realm: &Realm, request: BulkRequest) -> Result<BulkResponse, Failure> {
    let scene = Scene::enter(service, realm).await?;
    let (operations, found) = service.storage.write(move |tx| Bulk::new(scene, request).run(tx)).await?;
    for Found { kind, id, before } in found {
        leave_behind(service, realm, &kind, &id, before);
    }
    Ok(BulkResponse { operations })
}

/// A request that is being carried out.
struct Bulk {
    scene: Scene,
    operations: Vec<BulkOperation>,
    ids: BulkIds,
    /// In the order in which the operations were carried out.
    results: Vec<BulkResult>,
    /// What the operations found, in the same order.
    found: Vec<Found>,
    /// Creates that lack references, by the index of their operation.
    incomplete: HashMap<usize, Incomplete>,
    errors: u64,
    most_errors: u64,
}

/// What was there before a write; nothing before a create.
struct Found {
    kind: Arc<Kind>,
    id: String,
    before: Option<Resource>,
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
struct Outcome {
    status: u16,
    location: String,
    id: String,
    /// None for what was deleted.
    version: Option<i64>,
    found: Found,
}

impl Bulk {
    fn new(scene: Scene, request: BulkRequest) -> Self {
        Self {
            scene,
            ids: BulkIds::new(&request.operations),
            operations: request.operations,
            results: Vec::new(),
            found: Vec::new(),
            incomplete: HashMap::new(),
            errors: 0,
            most_errors: request.fail_on_errors.unwrap_or(u64::MAX),
        }
    }

    fn run(mut self, tx: &mut Transaction<'_>) -> Result<(Vec<BulkResult>, Vec<Found>), Failure> {
        for step in bulk_steps(&self.operations) {
            match step {
                BulkStep::Complete(index) => self.complete(tx, index)?,
                // What is under way is brought to an end, and nothing new begins.
                _ if self.errors >= self.most_errors => {}
                BulkStep::CarryOut(index) => self.one(tx, index)?,
                BulkStep::CreateWithout(index) => self.create_without(tx, index)?,
            }
        }
        Ok((self.results, self.found))
    }

    fn one(&mut self, tx: &mut Transaction<'_>, index: usize) -> Result<(), Failure> {
        let data = self.operations[index].data.take();
        let outcome = match data.map(|data| self.ids.resolve(data)).transpose() {
            Ok(data) => tx.attempt(|tx| self.change(tx, index, data)),
            Err(error) => Err(error.into()),
        };
        self.record(index, outcome)
    }

    /// One of a circle of creates goes first, without the references to those that come after it.
    fn create_without(&mut self, tx: &mut Transaction<'_>, index: usize) -> Result<(), Failure> {
        let (now, later) = match self.operations[index].data.take() {
            Some(Value::Object(data)) => self.ids.cut(data),
            _ => (Map::new(), Map::new()),
        };
        let outcome = match self.ids.resolve(Value::Object(now)) {
            Ok(now) => match tx.attempt(|tx| self.change(tx, index, Some(now))) {
                // It cannot be without what it refers to, and that cannot be without it.
                Err(Failure::Refused(error)) if error.scim_type == Some(ScimType::InvalidValue) => {
                    Err(circular(&error).into())
                }
                outcome => outcome,
            },
            Err(error) => Err(error.into()),
        };
        if let Ok(Outcome { id, .. }) = &outcome {
            let incomplete = Incomplete { result: self.results.len(), id: id.clone(), lacks: later };
            self.incomplete.insert(index, incomplete);
        }
        self.record(index, outcome)
    }

    /// Adds the references that a create was carried out without. Where that cannot be done, nothing of it stays.
    fn complete(&mut self, tx: &mut Transaction<'_>, index: usize) -> Result<(), Failure> {
        let Some(Incomplete { result, id, lacks }) = self.incomplete.remove(&index) else { return Ok(()) };
        let path = [self.operations[index].path.trim_end_matches('/'), "/", &id].concat();
        let outcome = match self.ids.resolve(Value::Object(lacks)) {
            Ok(value) => tx.attempt(|tx| self.add(tx, &path, value)),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(version) => self.results[result].version = Some(service::entity_tag(version)),
            Err(failure) => {
                let error = error_of(failure)?;
                if let Ok((Endpoint::One(kind, id), _)) = self.place(&path) {
                    match tx.attempt(|tx| writes::delete(tx, &self.scene, &kind, (&id, &None))) {
                        // An operation in between has deleted it.
                        Err(Failure::Refused(error)) if error.status == 404 => {}
                        outcome => drop(outcome?),
                    }
                }
                self.fail(index, result, &circular(&error));
            }
        }
        Ok(())
    }

    /// Adds attributes to the resource of a path, and gives its version.
    fn add(&self, tx: &mut Transaction<'_>, path: &str, value: Value) -> Result<i64, Failure> {
        let (Endpoint::One(kind, id), _) = self.place(path)? else { return Err(no_place().into()) };
        let patch = PatchOp { operations: vec![Operation { op: Op::Add, path: None, value: Some(value) }] };
        Ok(writes::patch(tx, &self.scene, &kind, (&id, &None), patch, None)?.whole.version())
    }

    /// Does what the operation says, with references resolved.
    fn change(&self, tx: &mut Transaction<'_>, index: usize, data: Option<Value>) -> Result<Outcome, Failure> {
        let (scene, operation) = (&self.scene, &self.operations[index]);
        let (endpoint, location) = self.place(&self.ids.resolve_path(&operation.path)?)?;
        let expected = &operation.version;
        let body = |data: Option<Value>| match data {
            Some(Value::Object(body)) => Ok(body),
            _ => Err(ScimError::of(ScimType::InvalidSyntax, "`data` of the operation is a JSON object")),
        };
        // Nobody is shown the resource, so nothing but what identifies it need be read.
        let nothing = &Projection::Only(Vec::new());
        let (kind, Done { whole, before }) = match (operation.method, endpoint) {
            (BulkMethod::Post, Endpoint::Collection(kind)) => {
                let mut body = body(data)?;
                scene.manner.dialect.accept_resource(&mut body, &kind)?;
                let whole = changes::create(
                    tx,
                    scene,
                    &kind,
                    draft_to_create(&kind, body, scene.manner.dialect.reading)?,
                    nothing,
                )?;
                let (id, version) = (whole.id().to_owned(), Some(whole.version()));
                let location = service::location(&scene.base, &kind, &id);
                let found = Found { kind, id: id.clone(), before: None };
                return Ok(Outcome { status: 201, location, id, version, found });
            }
            (BulkMethod::Put, Endpoint::One(kind, id)) => {
                let done = writes::replace(tx, scene, &kind, (&id, expected), body(data)?, nothing)?;
                (kind, done)
            }
            (BulkMethod::Patch, Endpoint::One(kind, id)) => {
                let patch = PatchOp::from_json(&Value::Object(body(data)?), scene.manner.dialect.reading)?;
                let done = writes::patch(tx, scene, &kind, (&id, expected), patch, None)?;
                (kind, done)
            }
            (BulkMethod::Delete, Endpoint::One(kind, id)) => {
                let before = writes::delete(tx, scene, &kind, (&id, expected))?;
                let found = Found { kind, id: id.clone(), before };
                return Ok(Outcome { status: 204, location, id, version: None, found });
            }
            _ => return Err(ScimError::new(405, "the endpoint of the operation does not have its method").into()),
        };
        let (id, version) = (whole.id().to_owned(), Some(whole.version()));
        Ok(Outcome { status: 200, location, id: id.clone(), version, found: Found { kind, id, before } })
    }

    /// The endpoint that a path names, and its address. Only resources and collections of them can be changed.
    fn place(&self, path: &str) -> Result<(Endpoint, String), ScimError> {
        let rooted = if path.starts_with('/') { path.to_owned() } else { ["/", path].concat() };
        let address = Address::parse(&rooted, &self.scene.types);
        let location = match &address.endpoint {
            Some(Endpoint::One(kind, id)) => service::location(&self.scene.base, kind, id),
            Some(Endpoint::Collection(_)) => String::new(),
            _ => return Err(no_place()),
        };
        match address.endpoint {
            Some(endpoint) if address.base.is_empty() => Ok((endpoint, location)),
            _ => Err(no_place()),
        }
    }

    fn record(&mut self, index: usize, outcome: Result<Outcome, Failure>) -> Result<(), Failure> {
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
            Ok(Outcome { status, location, id, version, found }) => {
                result.status = status;
                result.location = Some(location);
                result.version = version.map(service::entity_tag);
                if let (BulkMethod::Post, Some(bulk_id)) = (operation.method, &operation.bulk_id) {
                    self.ids.created(bulk_id, &id);
                }
                self.results.push(result);
                self.found.push(found);
            }
            Err(failure) => {
                let error = error_of(failure)?;
                if operation.method != BulkMethod::Post {
                    let path = self.ids.resolve_path(&operation.path).ok();
                    result.location = path.and_then(|path| self.place(&path).ok()).map(|(_, location)| location);
                    result.location = result.location.filter(|location| !location.is_empty());
                }
                self.results.push(result);
                self.fail(index, self.results.len() - 1, &error);
            }
        }
        Ok(())
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

/// The error of one operation. When the database fails, the request cannot go on.
fn error_of(failure: Failure) -> Result<ScimError, Failure> {
    match failure {
        Failure::Refused(_) | Failure::Broken { .. } => Ok(reply::error_of(failure)),
        failure => Err(failure),
    }
}

fn circular(cause: &ScimError) -> ScimError {
    let cause = cause.detail.as_deref().unwrap_or_default();
    ScimError::new(409, ["operations refer to each other in a circle that cannot be resolved: ", cause].concat())
}

fn no_place() -> ScimError {
    ScimError::not_found("the `path` of the operation names no resource, and no endpoint that has resources")
}

#[cfg(test)]
mod tests;
