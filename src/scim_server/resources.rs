//! What each method does to resources: it joins the rules with the database.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Service;
use super::projection::Projection;
use super::query::Query;
use super::resource_types::{Kind, ResourceTypes};
use super::service::{self, Draft, Identity, MemberChange, Relations, SplitPatch};
use super::storage::{self, Failure, Stored, Transaction};
use super::tenant::Realm;
use crate::scim::{Filter, ListResponse, PatchOp, Resource, ScimError, Strictness, matches};

/// A resource that is answered, with the version it has.
pub(super) struct Shown {
    pub(super) resource: Resource,
    pub(super) id: String,
    pub(super) version: i64,
}

/// What is needed to show a resource.
struct View {
    kind: Arc<Kind>,
    types: Arc<ResourceTypes>,
    base: String,
}

impl View {
    fn new(service: &Service, realm: &Realm, kind: &Arc<Kind>) -> Self {
        Self { kind: kind.clone(), types: service.types.clone(), base: realm.base.clone() }
    }
}

/// The version a client expects: the value of an `If-Match` header.
pub(super) type Expected = Option<String>;

/// Creates a resource from a body.
pub(super) async fn create(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    body: Map<String, Value>,
    projection: Projection,
) -> Result<Shown, Failure> {
    let view = View::new(service, realm, kind);
    let Draft { resource, members } = service::draft(&view.kind, body)?;
    let now = Utc::now().timestamp_millis();
    let identity = Identity { id: Uuid::now_v7().to_string(), created: now, modified: now, version: 1 };
    let row = service::row(&view.kind, &identity, &resource);
    service
        .storage
        .write(move |tx| {
            tx.insert(&row)?;
            let mut relations = Relations::default();
            if !members.is_empty() {
                tx.add_members(&identity.id, &members)?;
                relations = read_relations(tx, &view.kind, &identity.id, &projection)?;
            }
            Ok(show(&view, identity, resource, relations, &projection))
        })
        .await
}

/// Reads one resource.
pub(super) async fn get(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    projection: Projection,
) -> Result<Shown, Failure> {
    let view = View::new(service, realm, kind);
    service
        .storage
        .read(move |tx| {
            let stored = find(tx, &view.kind, &id)?;
            show_stored(tx, &view, stored, &projection)
        })
        .await
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
    let view = View::new(service, realm, kind);
    let Draft { resource, members } = service::draft(&view.kind, body)?;
    service
        .storage
        .write(move |tx| {
            let stored = find_expected(tx, &view.kind, &id, &expected)?;
            let members_changed = view.kind.has_members() && tx.replace_members(&id, &members)? > 0;
            let identity = save(tx, &view.kind, stored, &resource, members_changed)?;
            let relations = read_relations(tx, &view.kind, &id, &projection)?;
            Ok(show(&view, identity, resource, relations, &projection))
        })
        .await
}

/// Changes a resource by a PATCH. The answer is built only when it is `wanted`: to show a large group costs more
/// than to change it.
pub(super) async fn patch(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    patch: PatchOp,
    expected: Expected,
    wanted: Option<Projection>,
) -> Result<Option<Shown>, Failure> {
    let view = View::new(service, realm, kind);
    let SplitPatch { document, members } = service::split(&view.kind, patch)?;
    service
        .storage
        .write(move |tx| {
            let stored = find_expected(tx, &view.kind, &id, &expected)?;
            let mut changed = 0;
            for change in &members {
                changed += apply_member_change(tx, &id, change)?;
            }
            let resource = service::patch(&view.kind, &service::document(&stored), &document)?;
            let identity = save(tx, &view.kind, stored, &resource, changed > 0)?;
            let Some(projection) = wanted else { return Ok(None) };
            let relations = read_relations(tx, &view.kind, &id, &projection)?;
            Ok(Some(show(&view, identity, resource, relations, &projection)))
        })
        .await
}

/// Deletes a resource.
pub(super) async fn delete(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    id: String,
    expected: Expected,
) -> Result<(), Failure> {
    let view = View::new(service, realm, kind);
    let now = Utc::now().timestamp_millis();
    service
        .storage
        .write(move |tx| {
            find_expected(tx, &view.kind, &id, &expected)?;
            tx.delete(&id, now)
        })
        .await
}

/// A page of the resources that meet a filter.
pub(super) async fn list(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    query: Query,
) -> Result<ListResponse, Failure> {
    let view = View::new(service, realm, kind);
    let schema = &kind.schema;
    let (conditions, rest) = match query.filter {
        Some(filter) => {
            crate::scim::check(&filter, schema, Strictness::Lenient)?;
            storage::narrow(filter, schema)
        }
        None => (Vec::new(), None),
    };
    service
        .storage
        .read(move |tx| {
            let offset = query.start_index - 1;
            let mut shown = Vec::new();
            let total = match rest {
                None => {
                    if query.count > 0 {
                        for stored in tx.page(&view.kind, &conditions, offset, query.count)? {
                            shown.push(show_stored(tx, &view, stored, &query.projection)?.resource);
                        }
                    }
                    tx.count(&view.kind, &conditions)?
                }
                Some(filter) => {
                    let mut total = 0;
                    tx.scan(&view.kind, &conditions, |tx, stored| {
                        let whole = show_stored(tx, &view, stored, &needed_by(&filter, &view.kind))?.resource;
                        if !matches(&filter, &whole, &view.kind.schema) {
                            return Ok(());
                        }
                        if total >= offset && (shown.len() as u64) < query.count {
                            let id = whole.id().unwrap_or_default().to_owned();
                            let stored = find(tx, &view.kind, &id)?;
                            shown.push(show_stored(tx, &view, stored, &query.projection)?.resource);
                        }
                        total += 1;
                        Ok(())
                    })?;
                    total
                }
            };
            Ok(ListResponse::page(shown, total, query.start_index))
        })
        .await
}

/// Members and groups are rows of their own; they are read for a filter only when it may look at them.
fn needed_by(filter: &Filter, kind: &Kind) -> Projection {
    let relation = if kind.has_members() { "members" } else { "groups" };
    if filter.to_string().to_ascii_lowercase().contains(relation) {
        return Projection::All;
    }
    Projection::Without(vec![crate::scim::AttributePath::new(relation)])
}

fn find(tx: &mut Transaction<'_>, kind: &Kind, id: &str) -> Result<Stored, Failure> {
    let not_found = || ScimError::not_found(["there is no ", &kind.name, " of this id"].concat());
    Ok(tx.find(kind, id)?.ok_or_else(not_found)?)
}

fn find_expected(tx: &mut Transaction<'_>, kind: &Kind, id: &str, expected: &Expected) -> Result<Stored, Failure> {
    let stored = find(tx, kind, id)?;
    match expected {
        Some(tags) if !names_version(tags, stored.version) => {
            Err(ScimError::new(412, "the resource has changed: read it again").into())
        }
        _ => Ok(stored),
    }
}

/// True when a list of entity tags names this version; weak comparison, RFC 9110 section 8.8.3.2.
pub(super) fn names_version(tags: &str, version: i64) -> bool {
    let current = service::entity_tag(version);
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == opaque(&current))
}

/// Stores a changed resource as a new version; what did not change stays as it is.
fn save(
    tx: &mut Transaction<'_>,
    kind: &Kind,
    stored: Stored,
    resource: &Resource,
    members_changed: bool,
) -> Result<Identity, Failure> {
    let now = Utc::now().timestamp_millis().max(stored.modified);
    let next = Identity { id: stored.id.clone(), created: stored.created, modified: now, version: stored.version + 1 };
    let row = service::row(kind, &next, resource);
    if row.document == stored.document && !members_changed {
        return Ok(identity(stored));
    }
    tx.update(&row)?;
    Ok(next)
}

fn apply_member_change(tx: &mut Transaction<'_>, group: &str, change: &MemberChange) -> Result<usize, Failure> {
    match change {
        MemberChange::Add(members) => tx.add_members(group, members),
        MemberChange::Replace(members) => tx.replace_members(group, members),
        MemberChange::Remove(ids) => tx.remove_members(group, ids),
        MemberChange::RemoveSelected(filter) => {
            let selected = service::selected_members(filter, &tx.members(group)?);
            tx.remove_members(group, &selected)
        }
        MemberChange::Clear => tx.clear_members(group),
    }
}

fn read_relations(
    tx: &mut Transaction<'_>,
    kind: &Kind,
    id: &str,
    projection: &Projection,
) -> Result<Relations, Failure> {
    let mut relations = Relations::default();
    if kind.has_groups() && projection.shows("groups", &kind.schema) {
        relations.groups = tx.groups_of(id)?;
    }
    if kind.has_members() && projection.shows("members", &kind.schema) {
        relations.members = tx.members(id)?;
    }
    Ok(relations)
}

fn show_stored(
    tx: &mut Transaction<'_>,
    view: &View,
    stored: Stored,
    projection: &Projection,
) -> Result<Shown, Failure> {
    let relations = read_relations(tx, &view.kind, &stored.id, projection)?;
    let resource = service::document(&stored);
    Ok(show(view, identity(stored), resource, relations, projection))
}

fn identity(stored: Stored) -> Identity {
    Identity { id: stored.id, created: stored.created, modified: stored.modified, version: stored.version }
}

fn show(view: &View, identity: Identity, resource: Resource, relations: Relations, projection: &Projection) -> Shown {
    let resource = service::represent(&view.kind, &identity, resource, relations, &view.types, &view.base);
    Shown { resource: projection.apply(resource, &view.kind.schema), id: identity.id, version: identity.version }
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
