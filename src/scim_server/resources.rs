//! What each method does to resources: it joins the rules with the database.

use chrono::Utc;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::projection::Projection;
use super::query::Query;
use super::service::{self, Draft, Identity, MemberChange, Relations, SplitPatch};
use super::storage::{self, Failure, Storage, Stored, Transaction};
use super::{Kind, Service};
use crate::scim::{Filter, ListResponse, PatchOp, Resource, ScimError, matches};

/// A resource that is answered, with the version it has.
pub(super) struct Shown {
    pub(super) resource: Resource,
    pub(super) id: String,
    pub(super) version: i64,
}

/// The version a client expects: the value of an `If-Match` header.
pub(super) type Expected = Option<String>;

/// Creates a resource from a body.
pub(super) async fn create(
    service: &Service,
    kind: Kind,
    body: Map<String, Value>,
    projection: Projection,
    base: String,
) -> Result<Shown, Failure> {
    let Draft { resource, members } = service::draft(kind, body)?;
    let now = Utc::now().timestamp_millis();
    let identity = Identity { id: Uuid::now_v7().to_string(), created: now, modified: now, version: 1 };
    let row = service::row(kind, &identity, &resource);
    service
        .storage
        .write(move |tx| {
            tx.insert(&row)?;
            let mut relations = Relations::default();
            if !members.is_empty() {
                tx.add_members(&identity.id, &members)?;
                relations = read_relations(tx, kind, &identity.id, &projection)?;
            }
            Ok(show(kind, identity, resource, relations, &projection, &base))
        })
        .await
}

/// Reads one resource.
pub(super) async fn get(
    storage: &Storage,
    kind: Kind,
    id: String,
    projection: Projection,
    base: String,
) -> Result<Shown, Failure> {
    storage
        .read(move |tx| {
            let stored = find(tx, kind, &id)?;
            show_stored(tx, kind, stored, &projection, &base)
        })
        .await
}

/// Replaces a resource by a body. What stays the same keeps its version.
pub(super) async fn replace(
    service: &Service,
    kind: Kind,
    id: String,
    body: Map<String, Value>,
    expected: Expected,
    projection: Projection,
    base: String,
) -> Result<Shown, Failure> {
    let Draft { resource, members } = service::draft(kind, body)?;
    service
        .storage
        .write(move |tx| {
            let stored = find_expected(tx, kind, &id, &expected)?;
            let members_changed = kind == Kind::Group && tx.replace_members(&id, &members)? > 0;
            let identity = save(tx, kind, stored, &resource, members_changed)?;
            let relations = read_relations(tx, kind, &id, &projection)?;
            Ok(show(kind, identity, resource, relations, &projection, &base))
        })
        .await
}

/// Changes a resource by a PATCH. The answer is built only when it is `wanted`: to show a large group costs more
/// than to change it.
pub(super) async fn patch(
    service: &Service,
    kind: Kind,
    id: String,
    patch: PatchOp,
    expected: Expected,
    wanted: Option<Projection>,
    base: String,
) -> Result<Option<Shown>, Failure> {
    let SplitPatch { document, members } = service::split(kind, patch)?;
    service
        .storage
        .write(move |tx| {
            let stored = find_expected(tx, kind, &id, &expected)?;
            let mut changed = 0;
            for change in &members {
                changed += apply_member_change(tx, &id, change)?;
            }
            let resource = service::patch(kind, &service::document(&stored), &document)?;
            let identity = save(tx, kind, stored, &resource, changed > 0)?;
            let Some(projection) = wanted else { return Ok(None) };
            let relations = read_relations(tx, kind, &id, &projection)?;
            Ok(Some(show(kind, identity, resource, relations, &projection, &base)))
        })
        .await
}

/// Deletes a resource.
pub(super) async fn delete(service: &Service, kind: Kind, id: String, expected: Expected) -> Result<(), Failure> {
    let now = Utc::now().timestamp_millis();
    service
        .storage
        .write(move |tx| {
            find_expected(tx, kind, &id, &expected)?;
            tx.delete(&id, now)
        })
        .await
}

/// A page of the resources that meet a filter.
pub(super) async fn list(storage: &Storage, kind: Kind, query: Query, base: String) -> Result<ListResponse, Failure> {
    let schema = kind.schema();
    let (conditions, rest) = match query.filter {
        Some(filter) => {
            crate::scim::check(&filter, schema)?;
            storage::narrow(filter, schema)
        }
        None => (Vec::new(), None),
    };
    storage
        .read(move |tx| {
            let offset = query.start_index - 1;
            let mut shown = Vec::new();
            let total = match rest {
                None => {
                    if query.count > 0 {
                        for stored in tx.page(kind, &conditions, offset, query.count)? {
                            shown.push(show_stored(tx, kind, stored, &query.projection, &base)?.resource);
                        }
                    }
                    tx.count(kind, &conditions)?
                }
                Some(filter) => {
                    let mut total = 0;
                    tx.scan(kind, &conditions, |tx, stored| {
                        let whole = show_stored(tx, kind, stored, &needed_by(&filter, kind), &base)?.resource;
                        if !matches(&filter, &whole, schema) {
                            return Ok(());
                        }
                        if total >= offset && (shown.len() as u64) < query.count {
                            let id = whole.id().unwrap_or_default().to_owned();
                            let stored = find(tx, kind, &id)?;
                            shown.push(show_stored(tx, kind, stored, &query.projection, &base)?.resource);
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
fn needed_by(filter: &Filter, kind: Kind) -> Projection {
    let relation = match kind {
        Kind::User => "groups",
        Kind::Group => "members",
    };
    if filter.to_string().to_ascii_lowercase().contains(relation) {
        return Projection::All;
    }
    Projection::Without(vec![crate::scim::AttributePath::new(relation)])
}

fn find(tx: &mut Transaction<'_>, kind: Kind, id: &str) -> Result<Stored, Failure> {
    let not_found = || ScimError::not_found(["there is no ", kind.name(), " of this id"].concat());
    Ok(tx.find(kind, id)?.ok_or_else(not_found)?)
}

fn find_expected(tx: &mut Transaction<'_>, kind: Kind, id: &str, expected: &Expected) -> Result<Stored, Failure> {
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
    kind: Kind,
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
    kind: Kind,
    id: &str,
    projection: &Projection,
) -> Result<Relations, Failure> {
    let mut relations = Relations::default();
    match kind {
        Kind::User if projection.shows("groups", kind.schema()) => relations.groups = tx.groups_of(id)?,
        Kind::Group if projection.shows("members", kind.schema()) => relations.members = tx.members(id)?,
        _ => {}
    }
    Ok(relations)
}

fn show_stored(
    tx: &mut Transaction<'_>,
    kind: Kind,
    stored: Stored,
    projection: &Projection,
    base: &str,
) -> Result<Shown, Failure> {
    let relations = read_relations(tx, kind, &stored.id, projection)?;
    let resource = service::document(&stored);
    Ok(show(kind, identity(stored), resource, relations, projection, base))
}

fn identity(stored: Stored) -> Identity {
    Identity { id: stored.id, created: stored.created, modified: stored.modified, version: stored.version }
}

fn show(
    kind: Kind,
    identity: Identity,
    resource: Resource,
    relations: Relations,
    projection: &Projection,
    base: &str,
) -> Shown {
    let resource = service::represent(kind, &identity, resource, relations, base);
    Shown { resource: projection.apply(resource, kind.schema()), id: identity.id, version: identity.version }
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
