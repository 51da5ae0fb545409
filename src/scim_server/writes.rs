//! Writes as the application of a tenant carries them out: what its dialect makes of each, inside a unit of work, and
//! what was there before.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::changes::{self, Expected, Whole};
use super::dialect::{Deleting, Inactive, Putting};
use super::projection::Projection;
use super::resource_types::Kind;
use super::service::Scene;
use super::storage::{Failure, Transaction};
use crate::scim::{AttributePath, Operation, PatchOp, Resource, apply};

/// A write that has been done.
pub(super) struct Done {
    /// The resource as it is now.
    pub(super) whole: Whole,
    pub(super) before: Option<Resource>,
}

/// Replaces a resource.
pub(super) fn replace(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
    mut body: Map<String, Value>,
    projection: &Projection,
) -> Result<Done, Failure> {
    let dialect = scene.manner.dialect;
    let before = before(tx, scene, kind, id)?;
    if let Some(before) = &before {
        if dialect.put == Putting::Merges {
            body = merged(before, body);
        }
        if kind.has_groups() {
            dialect.check_immutable(before, &Resource::from(body.clone()))?;
        }
    }
    dialect.accept_resource(&mut body, kind)?;
    let whole = if dialect.put == Putting::Ignored && kind.has_groups() {
        changes::get(tx, scene, kind, id, projection)?
    } else {
        let whole = changes::replace(tx, scene, kind, (id, expected), body, projection)?;
        delete_inactive(tx, scene, kind, &whole)?;
        whole
    };
    Ok(Done { whole, before })
}

/// Changes a resource by a PATCH. Its relations are read only when it is `wanted` as an answer.
pub(super) fn patch(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
    mut patch: PatchOp,
    wanted: Option<&Projection>,
) -> Result<Done, Failure> {
    let dialect = scene.manner.dialect;
    dialect.accept_patch(&mut patch, kind)?;
    let before = before(tx, scene, kind, id)?;
    if let (Some(before), true) = (&before, kind.has_groups() && !dialect.immutable.is_empty())
        // What cannot be applied is refused below, with its own reason.
        && let Ok(after) = apply(&patch, before, &kind.schema, dialect.reading)
    {
        dialect.check_immutable(before, &after)?;
    }
    let whole = changes::patch(tx, scene, kind, (id, expected), patch, wanted)?;
    delete_inactive(tx, scene, kind, &whole)?;
    Ok(Done { whole, before })
}

/// Deletes a resource, and gives what it was where somebody may yet ask for it.
pub(super) fn delete(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
) -> Result<Option<Resource>, Failure> {
    let before = before(tx, scene, kind, id)?;
    if scene.manner.dialect.delete == Deleting::Deactivates && kind.has_groups() {
        let inactive = Operation::replace(AttributePath::new("active"), Value::Bool(false));
        changes::patch(tx, scene, kind, (id, expected), PatchOp { operations: vec![inactive] }, None)?;
    } else {
        changes::delete(tx, scene, kind, (id, expected))?;
    }
    Ok(before)
}

/// The resource before a write, where something depends on it; none when it does not exist.
fn before(tx: &mut Transaction<'_>, scene: &Scene, kind: &Arc<Kind>, id: &str) -> Result<Option<Resource>, Failure> {
    let dialect = scene.manner.dialect;
    let is_looked_at = scene.manner.leaves_behind || dialect.put == Putting::Merges || !dialect.immutable.is_empty();
    if !is_looked_at {
        return Ok(None);
    }
    match changes::get(tx, scene, kind, id, &Projection::All) {
        Ok(whole) => Ok(Some(whole.show(scene, &Projection::All).resource)),
        Err(Failure::Refused(error)) if error.status == 404 => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Deletes a user who has become inactive, where the application does so.
fn delete_inactive(tx: &mut Transaction<'_>, scene: &Scene, kind: &Arc<Kind>, whole: &Whole) -> Result<(), Failure> {
    if scene.manner.dialect.inactive == Inactive::IsDeleted && kind.has_groups() && whole.is_inactive() {
        changes::delete(tx, scene, kind, (whole.id(), &None))?;
    }
    Ok(())
}

/// A body with what it does not name taken from what is there.
fn merged(before: &Resource, body: Map<String, Value>) -> Map<String, Value> {
    let named = |name: &String| body.keys().any(|key| key.eq_ignore_ascii_case(name));
    let kept = before.as_map().iter().filter(|(name, _)| *name != "schemas" && !named(name));
    let mut merged: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    merged.extend(body);
    merged
}
