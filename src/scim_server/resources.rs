//! One request, one unit of work: each method as the routes call it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Service;
use super::changes::{self, draft_to_create};
pub(super) use super::changes::{Expected, Shown, names_version};
pub(super) use super::lists::{list, list_everywhere};
use super::projection::Projection;
use super::resource_types::Kind;
use super::service::Scene;
use super::storage::{Failure, Transaction};
use super::tenant::Realm;
use crate::scim::PatchOp;

impl Scene {
    /// Where a request of this realm plays.
    pub(super) async fn enter(service: &Service, realm: &Realm) -> Result<Self, Failure> {
        let catalog = service.storage.catalog(&realm.tenant).await?;
        Ok(Self { types: service.types.clone(), catalog, base: realm.base.clone() })
    }
}

/// Creates a resource from a body.
pub(super) async fn create(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    body: Map<String, Value>,
    projection: Projection,
) -> Result<Shown, Failure> {
    let draft = draft_to_create(kind, body)?;
    let scene = Scene::enter(service, realm).await?;
    let (inside, kind, wanted) = (scene.clone(), kind.clone(), projection.clone());
    let whole = service.storage.write(move |tx| changes::create(tx, &inside, &kind, draft, &wanted)).await?;
    Ok(whole.show(&scene, &projection))
}

/// Reads one resource.
pub(super) async fn get(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    projection: Projection,
) -> Result<Shown, Failure> {
    let scene = Scene::enter(service, realm).await?;
    let may_be_large = kind.has_members() && projection.shows("members", &kind.schema);
    let kind = kind.clone();
    let work = move |tx: &mut Transaction<'_>| {
        Ok(changes::get(tx, &scene, &kind, &id, &projection)?.show(&scene, &projection))
    };
    if may_be_large { service.storage.scan(work).await } else { service.storage.read(work).await }
}

/// Replaces a resource by a body. What stays the same keeps its version.
pub(super) async fn replace(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    body: Map<String, Value>,
    expected: Expected,
    projection: Projection,
) -> Result<Shown, Failure> {
    let scene = Scene::enter(service, realm).await?;
    let (inside, kind, wanted) = (scene.clone(), kind.clone(), projection.clone());
    let work = move |tx: &mut Transaction<'_>| changes::replace(tx, &inside, &kind, (&id, &expected), body, &wanted);
    Ok(service.storage.write(work).await?.show(&scene, &projection))
}

/// Changes a resource by a PATCH, and answers only when the answer is `wanted`.
pub(super) async fn patch(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    patch: PatchOp,
    expected: Expected,
    wanted: Option<Projection>,
) -> Result<Option<Shown>, Failure> {
    let scene = Scene::enter(service, realm).await?;
    let (inside, kind, projection) = (scene.clone(), kind.clone(), wanted.clone());
    let work = move |tx: &mut Transaction<'_>| {
        changes::patch(tx, &inside, &kind, (&id, &expected), patch, projection.as_ref())
    };
    let whole = service.storage.write(work).await?;
    Ok(wanted.map(|projection| whole.show(&scene, &projection)))
}

/// Deletes a resource.
pub(super) async fn delete(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    expected: Expected,
) -> Result<(), Failure> {
    let scene = Scene::enter(service, realm).await?;
    let kind = kind.clone();
    service.storage.write(move |tx| changes::delete(tx, &scene, &kind, (&id, &expected))).await
}
