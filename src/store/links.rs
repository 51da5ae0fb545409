//! Links: which object has which resource, and what was last exported to it.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, insert_rows, on_each};
use crate::model::{Claim, Exported, JobId, Link, ObjectKey, ResourceId, ResourceKind, TargetIdentity};

use super::columns::{from_json, to_json, to_time};
use super::jobs::jobs_of;
use super::keys::{key, key_batches};
use super::outcome::LinkConflict;
use super::tables::links;
use super::{Store, StoreError};

#[derive(Insertable)]
#[diesel(table_name = links, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    target: &'a str,
    resource_kind: &'a str,
    resource: &'a str,
    exported: String,
    exported_at: NaiveDateTime,
}

/// A link as it is to be stored.
pub(super) struct NewLink<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) kind: &'a ResourceKind,
    pub(super) resource: &'a ResourceId,
    pub(super) exported: &'a Exported,
    /// True when the object has a link already.
    pub(super) replaces: bool,
}

impl Store {
    /// Who holds each of the resources. A resource that nobody holds is left out.
    pub async fn claims(
        &self,
        target: &TargetIdentity,
        kind: &ResourceKind,
        resources: &[ResourceId],
    ) -> Result<HashMap<ResourceId, Claim>, StoreError> {
        let (target, kind, resources) = (target.clone(), kind.clone(), resources.to_vec());
        self.database.read(move |tx| holders(tx, &target, &kind, &resources.iter().collect::<Vec<_>>())).await
    }
}

/// Who holds each of the resources.
pub(super) fn holders(
    tx: &mut Backend,
    target: &TargetIdentity,
    kind: &ResourceKind,
    resources: &[&ResourceId],
) -> Result<HashMap<ResourceId, Claim>, StoreError> {
    let mut found = HashMap::new();
    for batch in batches(resources) {
        let rows = on_each!(tx, c => links::table
            .filter(links::target.eq(target.as_str()))
            .filter(links::resource_kind.eq(kind.as_str()))
            .filter(links::resource.any_of(batch.iter().map(|resource| resource.as_str())))
            .select((links::resource, links::job, links::mapping, links::anchor))
            .load::<(String, String, String, String)>(c))?;
        found.extend(rows.into_iter().map(|(resource, job, mapping, anchor)| {
            (ResourceId::new(resource), Claim { job: JobId::new(job), key: key(mapping, anchor) })
        }));
    }
    Ok(found)
}

/// The links of the objects.
pub(super) fn of<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<HashMap<ObjectKey, Link>, StoreError> {
    let mut found = HashMap::new();
    for (mapping, anchors) in key_batches(keys) {
        let rows = on_each!(tx, c => links::table
            .filter(links::job.eq(job.as_str()))
            .filter(links::mapping.eq(mapping))
            .filter(links::anchor.any_of(anchors.iter().copied()))
            .select((links::anchor, links::resource, links::exported))
            .load::<(String, String, String)>(c))?;
        for (anchor, resource, exported) in rows {
            let link = Link { resource: ResourceId::new(resource), exported: from_json("exported", &exported)? };
            found.insert(key(mapping.to_owned(), anchor), link);
        }
    }
    Ok(found)
}

/// The resources of the objects, without what was exported.
pub(super) fn resources_of<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<HashMap<ObjectKey, ResourceId>, StoreError> {
    let mut found = HashMap::new();
    for (mapping, anchors) in key_batches(keys) {
        let rows = on_each!(tx, c => links::table
            .filter(links::job.eq(job.as_str()))
            .filter(links::mapping.eq(mapping))
            .filter(links::anchor.any_of(anchors.iter().copied()))
            .select((links::anchor, links::resource))
            .load::<(String, String)>(c))?;
        found.extend(
            rows.into_iter().map(|(anchor, resource)| (key(mapping.to_owned(), anchor), ResourceId::new(resource))),
        );
    }
    Ok(found)
}

/// Stores links, whose resources nobody else holds.
pub(super) fn save<'a>(
    tx: &mut Backend,
    job: &'a JobId,
    target: &'a TargetIdentity,
    links: &[NewLink<'a>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (replacing, new): (Vec<&NewLink<'a>>, Vec<&NewLink<'a>>) = links.iter().partition(|link| link.replaces);
    let rows = |links: Vec<&NewLink<'a>>| links.into_iter().map(|link| row(job, target, link, now)).collect::<Vec<_>>();
    let new = rows(new);
    insert_rows!(tx, &new, values => diesel::insert_into(links::table).values(values))?;
    for batch in batches(&rows(replacing)) {
        on_each!(tx, c => diesel::insert_into(links::table)
            .values(batch)
            .on_conflict((links::job, links::anchor, links::mapping))
            .do_update()
            .set((
                links::target.eq(excluded(links::target)),
                links::resource_kind.eq(excluded(links::resource_kind)),
                links::resource.eq(excluded(links::resource)),
                links::exported.eq(excluded(links::exported)),
                links::exported_at.eq(excluded(links::exported_at)),
            ))
            .execute(c))?;
    }
    Ok(())
}

fn row<'a>(job: &'a JobId, target: &'a TargetIdentity, link: &NewLink<'a>, now: DateTime<Utc>) -> NewRow<'a> {
    NewRow {
        job: job.as_str(),
        mapping: link.key.mapping.as_str(),
        anchor: link.key.anchor.as_str(),
        target: target.as_str(),
        resource_kind: link.kind.as_str(),
        resource: link.resource.as_str(),
        exported: to_json(link.exported),
        exported_at: to_time(now),
    }
}

/// Ends the links of objects.
pub(super) fn end<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    for (mapping, anchors) in key_batches(keys) {
        on_each!(tx, c => diesel::delete(links::table)
            .filter(links::job.eq(job.as_str()))
            .filter(links::mapping.eq(mapping))
            .filter(links::anchor.any_of(anchors.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

/// The resource that each anchor is linked to in `target`, whichever job linked it; a link of `job` comes first.
pub(super) fn far_ends(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    anchors: &[&str],
) -> Result<HashMap<String, ResourceId>, StoreError> {
    let mut found: HashMap<String, ResourceId> = HashMap::new();
    if anchors.is_empty() {
        return Ok(found);
    }
    let jobs = jobs_of(tx, target)?;
    for batch in batches(anchors) {
        let rows = on_each!(tx, c => links::table
            .filter(links::job.any_of(jobs.iter().map(String::as_str)))
            .filter(links::target.eq(target.as_str()))
            .filter(links::anchor.any_of(batch.iter().copied()))
            .order((links::job, links::mapping))
            .select((links::anchor, links::resource, links::job))
            .load::<(String, String, String)>(c))?;
        let (own, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, _, owner)| owner == job.as_str());
        for (anchor, resource, _) in own.into_iter().chain(others) {
            found.entry(anchor).or_insert_with(|| ResourceId::new(resource));
        }
    }
    Ok(found)
}

/// Which of the new links would give a resource to a second object: one that is linked already, or an earlier one of
/// the same list.
pub(super) fn conflicts(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    linked: &[(&ObjectKey, &ResourceKind, &ResourceId)],
) -> Result<Vec<LinkConflict>, StoreError> {
    let mut by_kind: HashMap<&ResourceKind, Vec<(&ObjectKey, &ResourceId)>> = HashMap::new();
    for (key, kind, resource) in linked {
        by_kind.entry(kind).or_default().push((key, resource));
    }
    let mut conflicts = Vec::new();
    for (kind, linked) in by_kind {
        let resources: Vec<&ResourceId> = linked.iter().map(|(_, resource)| *resource).collect();
        let mut holders = holders(tx, target, kind, &resources)?;
        for (key, resource) in linked {
            let own = Claim { job: job.clone(), key: key.clone() };
            let claim = holders.entry(resource.clone()).or_insert_with(|| own.clone());
            if *claim != own {
                conflicts.push(LinkConflict { key: key.clone(), resource: resource.clone(), claim: claim.clone() });
            }
        }
    }
    Ok(conflicts)
}
