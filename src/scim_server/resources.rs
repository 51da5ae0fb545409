//! One request, one unit of work: each method as the routes call it.

use std::sync::Arc;
use std::time::Instant;

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
use super::writes::{self, Done};
use crate::scim::{PatchOp, Resource};

impl Scene {
    /// Where a request of this realm plays.
    pub(super) async fn enter(service: &Service, realm: &Realm) -> Result<Self, Failure> {
        let catalog = service.storage.catalog(&realm.tenant).await?;
        Ok(Self { types: service.types.clone(), catalog, base: realm.base.clone(), manner: realm.manner })
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
    let draft = draft_to_create(kind, body, realm.manner.dialect.reading)?;
    let scene = Scene::enter(service, realm).await?;
    let (inside, of, wanted) = (scene.clone(), kind.clone(), projection.clone());
    let whole = service.storage.write(move |tx| changes::create(tx, &inside, &of, draft, &wanted)).await?;
    leave_behind(service, realm, kind, whole.id(), None);
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
    let (inside, of, wanted) = (scene.clone(), kind.clone(), projection.clone());
    let work = move |tx: &mut Transaction<'_>| writes::replace(tx, &inside, &of, (&id, &expected), body, &wanted);
    let Done { whole, before } = service.storage.write(work).await?;
    leave_behind(service, realm, kind, whole.id(), before);
    Ok(whole.show(&scene, &projection))
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
    let (inside, of, projection) = (scene.clone(), kind.clone(), wanted.clone());
    let work =
        move |tx: &mut Transaction<'_>| writes::patch(tx, &inside, &of, (&id, &expected), patch, projection.as_ref());
    let Done { whole, before } = service.storage.write(work).await?;
    leave_behind(service, realm, kind, whole.id(), before);
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
    let (of, whose) = (kind.clone(), id.clone());
    let before = service.storage.write(move |tx| writes::delete(tx, &scene, &of, (&whose, &expected))).await?;
    leave_behind(service, realm, kind, &id, before);
    Ok(())
}

/// Keeps what was there before a write, where reads lag behind writes.
pub(super) fn leave_behind(service: &Service, realm: &Realm, kind: &Kind, id: &str, before: Option<Resource>) {
    if realm.manner.leaves_behind {
        service.past.remember(&realm.tenant, &kind.name, id.to_owned(), before, Instant::now());
    }
}
