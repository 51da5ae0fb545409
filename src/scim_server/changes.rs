//! What each method does to one resource, inside a unit of work: it joins the rules with the database.
//!
//! A unit of work may hold many of them; each leaves everything as it was when it fails and its caller rolls it back.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::memberships::{self, MemberChange, SplitPatch};
use super::projection::{Projection, Written};
use super::resource_types::Kind;
use super::service::{self, Draft, Identity, Relations, Scene};
use super::storage::{Collection, Failure, Stored, Transaction};
use crate::scim::{PatchOp, Resource, ScimError, Strictness, urn};

/// The version a client expects: the value of an `If-Match` header, or the `version` of a bulk operation.
pub(super) type Expected = Option<String>;

/// A resource that is answered, with the version it has.
pub(super) struct Shown {
    pub(super) resource: Resource,
    pub(super) id: String,
    pub(super) version: i64,
}

/// A resource with all that belongs to it, not shown yet.
pub(super) struct Whole {
    kind: Arc<Kind>,
    identity: Identity,
    resource: Resource,
    relations: Relations,
    written: Written,
}

impl Whole {
    /// What a client is shown of it.
    pub(super) fn show(self, scene: &Scene, projection: &Projection) -> Shown {
        let Self { kind, identity, resource, relations, written } = self;
        let whole = service::represent(&kind, &identity, resource, relations, scene);
        Shown { resource: projection.apply(whole, &kind, &written), id: identity.id, version: identity.version }
    }

    pub(super) fn id(&self) -> &str {
        &self.identity.id
    }

    pub(super) fn version(&self) -> i64 {
        self.identity.version
    }

    /// True for a user who may not sign in.
    pub(super) fn is_inactive(&self) -> bool {
        self.resource.as_map().get("active") == Some(&Value::Bool(false))
    }

    /// All of it, for a filter to look at.
    pub(super) fn represent(self, scene: &Scene) -> Resource {
        service::represent(&self.kind, &self.identity, self.resource, self.relations, scene)
    }
}

/// Creates a resource. Its secrets have been hashed.
pub(super) fn create(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    draft: Draft,
    projection: &Projection,
) -> Result<Whole, Failure> {
    let Draft { resource, members } = draft;
    let now = Utc::now().timestamp_millis();
    let identity = Identity { id: Uuid::now_v7().to_string(), created: now, modified: now, version: 1 };
    let row = service::row(&identity, &resource)?;
    let sequence = tx.insert(scene.catalog.of(kind)?, &row, resource.as_map())?;
    let mut relations = Relations::default();
    if !members.is_empty() {
        tx.add_members(&scene.catalog, sequence, &members)?;
    }
    if !members.is_empty() || service::manager_id(resource.as_map()).is_some() {
        relations = read_relations(tx, scene, kind, (sequence, &resource), projection)?;
    }
    Ok(Whole { kind: kind.clone(), identity, resource, relations, written: Written::Everything })
}

/// Reads one resource.
pub(super) fn get(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    id: &str,
    projection: &Projection,
) -> Result<Whole, Failure> {
    let stored = find(tx, scene.catalog.of(kind)?, id, &None)?;
    whole(tx, scene, kind, stored, projection)
}

/// Replaces a resource by a body. What stays the same keeps its version.
pub(super) fn replace(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
    body: Map<String, Value>,
    projection: &Projection,
) -> Result<Whole, Failure> {
    let collection = scene.catalog.of(kind)?;
    let stored = find(tx, collection, id, expected)?;
    let sequence = stored.sequence;
    let old = Resource::from(stored.document()?);
    let Draft { mut resource, members } = service::replacement(kind, &old, body, scene.manner.dialect.reading)?;
    service::hash_secrets(kind, old.as_map(), &mut resource)?;
    let members_changed = kind.has_members() && tx.replace_members(&scene.catalog, sequence, &members)? > 0;
    let identity = save(tx, collection, stored, &resource, members_changed)?;
    let relations = read_relations(tx, scene, kind, (sequence, &resource), projection)?;
    Ok(Whole { kind: kind.clone(), identity, resource, relations, written: Written::Everything })
}

/// Changes a resource by a PATCH. Its relations are read only when it is `wanted` as an answer: to show a large group
/// costs more than to change it.
pub(super) fn patch(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
    patch: PatchOp,
    wanted: Option<&Projection>,
) -> Result<Whole, Failure> {
    let collection = scene.catalog.of(kind)?;
    let stored = find(tx, collection, id, expected)?;
    let sequence = stored.sequence;
    let written = Written::Places(service::named_places(kind, &patch));
    let SplitPatch { document, members } = memberships::split(kind, patch, scene.manner.dialect.reading)?;
    let mut changed = 0;
    for change in &members {
        changed += apply_member_change(tx, scene, sequence, change)?;
    }
    let old = Resource::from(stored.document()?);
    let mut resource = service::patched(kind, &old, &document, scene.manner.dialect.reading)?;
    service::hash_secrets(kind, old.as_map(), &mut resource)?;
    let identity = save(tx, collection, stored, &resource, changed > 0)?;
    let relations = match wanted {
        Some(projection) => read_relations(tx, scene, kind, (sequence, &resource), projection)?,
        None => Relations::default(),
    };
    Ok(Whole { kind: kind.clone(), identity, resource, relations, written })
}

/// Deletes a resource.
pub(super) fn delete(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    (id, expected): (&str, &Expected),
) -> Result<(), Failure> {
    let collection = scene.catalog.of(kind)?;
    let stored = find(tx, collection, id, expected)?;
    tx.delete(collection, &stored, Utc::now().timestamp_millis())
}

/// A stored resource with the relations that the projection shows.
pub(super) fn whole(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Arc<Kind>,
    stored: Stored,
    projection: &Projection,
) -> Result<Whole, Failure> {
    let resource = Resource::from(stored.document()?);
    let relations = read_relations(tx, scene, kind, (stored.sequence, &resource), projection)?;
    Ok(Whole { kind: kind.clone(), identity: identity(stored), resource, relations, written: Written::Nothing })
}

/// True when a list of entity tags names this version; weak comparison, RFC 9110 section 8.8.3.2.
pub(super) fn names_version(tags: &str, version: i64) -> bool {
    let current = service::entity_tag(version);
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == opaque(&current))
}

fn find(tx: &mut Transaction<'_>, collection: &Collection, id: &str, expected: &Expected) -> Result<Stored, Failure> {
    let not_found = || ScimError::not_found(["there is no ", &collection.kind.name, " of this id"].concat());
    let stored = tx.find(collection, id)?.ok_or_else(not_found)?;
    match expected {
        Some(tags) if !names_version(tags, stored.version) => {
            Err(ScimError::new(412, "the resource has changed: read it again").into())
        }
        _ => Ok(stored),
    }
}

/// Stores a changed resource as a new version; what did not change stays as it is.
fn save(
    tx: &mut Transaction<'_>,
    collection: &Collection,
    stored: Stored,
    resource: &Resource,
    members_changed: bool,
) -> Result<Identity, Failure> {
    let now = Utc::now().timestamp_millis().max(stored.modified);
    let next = Identity { id: stored.id.clone(), created: stored.created, modified: now, version: stored.version + 1 };
    let row = service::row(&next, resource)?;
    if row.document == stored.text && !members_changed {
        return Ok(identity(stored));
    }
    tx.update(collection, &stored, &row, resource.as_map())?;
    Ok(next)
}

fn apply_member_change(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    group: i64,
    change: &MemberChange,
) -> Result<usize, Failure> {
    match change {
        MemberChange::Add(members) => tx.add_members(&scene.catalog, group, members),
        MemberChange::Replace(members) => tx.replace_members(&scene.catalog, group, members),
        MemberChange::Remove(ids) => tx.remove_members(group, ids),
        MemberChange::RemoveSelected(filter) => {
            let members = tx.members(group)?.into_iter();
            let selected: Vec<String> = members
                .filter(|row| memberships::selects_member(filter, service::member(row.clone(), scene)))
                .map(|row| row.id)
                .collect();
            tx.remove_members(group, &selected)
        }
        MemberChange::Clear => tx.clear_members(group),
    }
}

fn read_relations(
    tx: &mut Transaction<'_>,
    scene: &Scene,
    kind: &Kind,
    (sequence, document): (i64, &Resource),
    projection: &Projection,
) -> Result<Relations, Failure> {
    let mut relations = Relations::default();
    if kind.has_groups() && projection.shows("groups", &kind.schema) {
        relations.groups = tx.groups_of(sequence)?;
    }
    if kind.has_members() && projection.shows("members", &kind.schema) {
        relations.members = tx.members(sequence)?;
    }
    if let Some(id) = service::manager_id(document.as_map())
        && projection.shows_at(Some(urn::ENTERPRISE_USER), "manager", &kind.schema)
    {
        relations.manager = tx.named(&scene.catalog, id)?;
    }
    Ok(relations)
}

fn identity(stored: Stored) -> Identity {
    Identity { id: stored.id, created: stored.created, modified: stored.modified, version: stored.version }
}

/// Checks the body of a create and hashes its secrets: all that can be done before the unit of work.
pub(super) fn draft_to_create(kind: &Kind, body: Map<String, Value>, reading: Strictness) -> Result<Draft, ScimError> {
    let mut draft = service::draft(kind, body, reading)?;
    service::hash_secrets(kind, &Map::new(), &mut draft.resource)?;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_compare_weakly() {
        for (tags, named) in [
            ("*", true),
            ("W/\"2\"", true),
            ("\"2\"", true),
            ("W/\"1\", W/\"2\"", true),
            ("W/\"1\"", false),
            ("", false),
        ] {
            assert_eq!(names_version(tags, 2), named, "{tags}");
        }
    }
}
