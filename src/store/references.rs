//! How edges follow the names, departures and links around them.
//!
//! The rule behind all of it: an edge that was sent names, in `exported_as`, what its far end is linked to. When the two
//! part, what was sent is kept beside it as a row of its own that is to be removed, and the edge starts anew.

use std::collections::{HashMap, HashSet};

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Export, JobId, ObjectKey, ResourceId, SentEdge};

use super::StoreError;
use super::columns::Word;
use super::edges::{self, Row, is_direct};
use super::keys::key_batches;
use super::names::Found;
use super::tables::edges as table;
use super::watch::Watch;

/// What was sent for an edge whose far end is another one now: a row that is only there to be removed.
pub(super) fn left_behind(row: &Row, to_anchor: Option<String>) -> Row {
    let resource = row.exported_as.as_deref().unwrap_or_default();
    Row { reference: format!("gone:{resource}"), to_anchor, wanted: false, nested: false, ..row.clone() }
}

/// Names have found their objects: edges that wait for one of them, or held it to be another object, point there now.
pub(super) fn resolve(
    tx: &mut Backend,
    job: &JobId,
    named: &HashMap<&str, Found>,
    watch: &mut Watch<'_>,
) -> Result<(), StoreError> {
    let any = on_each!(tx, c => diesel::select(exists(table::table.filter(table::job.eq(job.as_str()))))
        .get_result::<bool>(c))?;
    // Before the first reference there is nothing to look for, name by name.
    let names: Vec<&str> = if any { named.keys().copied().collect() } else { Vec::new() };
    for batch in batches(&names) {
        let rows = on_each!(tx, c => table::table
            .filter(table::job.eq(job.as_str()))
            .filter(table::reference.any_of(batch.iter().copied()))
            .filter(table::wanted)
            .select(Row::as_select())
            .load::<Row>(c))?;
        let mut changed = Vec::new();
        for mut row in rows {
            let Some(found) = named.get(row.reference.as_str()) else { continue };
            if row.to_anchor.as_deref() == Some(found.anchor.as_str()) {
                continue;
            }
            let before = row.clone();
            if row.is_sent() && row.to_anchor.is_some() {
                changed.push(left_behind(&row, row.to_anchor.clone()));
                row.reset();
            }
            row.to_anchor = Some(found.anchor.clone());
            row.nested = watch.nests(&row, &found.kind);
            watch.edge(Some(&before), Some(&row));
            changed.push(row);
        }
        edges::save(tx, &unique(changed))?;
    }
    Ok(())
}

/// Nobody has the names any more: edges that were not sent wait for them again. What was sent, or decides about others,
/// stays with its object, which may only have another name.
pub(super) fn unresolve(tx: &mut Backend, job: &JobId, names: &[&str], watch: &Watch<'_>) -> Result<(), StoreError> {
    let stays = watch.decisive();
    for batch in batches(names) {
        on_each!(tx, c => diesel::update(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::reference.any_of(batch.iter().copied()))
            .filter(table::export.eq(Export::Never.word()))
            .filter(not(table::mapping.any_of(stays.iter().copied())))
            .set(table::to_anchor.eq(None::<String>))
            .execute(c))?;
    }
    Ok(())
}

/// Objects are gone for good: what was sent of them is to be removed, and what was not waits for a name again, unless it
/// only followed from other references.
pub(super) fn far_end_deleted(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<(), StoreError> {
    for batch in batches(anchors) {
        on_each!(tx, c => diesel::delete(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::to_anchor.any_of(batch.iter().copied()))
            .filter(table::export.eq(Export::Never.word()))
            .filter(not(is_direct!()))
            .execute(c))?;
        on_each!(tx, c => diesel::update(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::to_anchor.any_of(batch.iter().copied()))
            .filter(table::export.ne(Export::Never.word()))
            .set(table::wanted.eq(false))
            .execute(c))?;
        on_each!(tx, c => diesel::update(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::to_anchor.any_of(batch.iter().copied()))
            .filter(table::export.eq(Export::Never.word()))
            .set(table::to_anchor.eq(None::<String>))
            .execute(c))?;
    }
    Ok(())
}

/// A link that ended (`now` is `None`) or moved to another resource.
pub(super) struct LinkChange<'a> {
    pub(super) anchor: &'a str,
    pub(super) before: ResourceId,
    pub(super) now: Option<&'a ResourceId>,
}

impl<'a> LinkChange<'a> {
    /// The change from one resource to another; `None` when there was no link, or it is the same.
    pub(super) fn between(
        key: &'a ObjectKey,
        before: Option<&ResourceId>,
        now: Option<&'a ResourceId>,
    ) -> Option<Self> {
        let before = before.filter(|before| Some(*before) != now)?.clone();
        Some(Self { anchor: key.anchor.as_str(), before, now })
    }
}

/// Links have changed: no edge of `jobs` counts as exported to a resource that its far end does not have.
pub(super) fn links_changed(tx: &mut Backend, jobs: &[String], changes: &[LinkChange<'_>]) -> Result<(), StoreError> {
    for batch in batches(changes) {
        let rows = on_each!(tx, c => table::table
            .filter(table::job.any_of(jobs.iter().map(String::as_str)))
            .filter(table::to_anchor.any_of(batch.iter().map(|change| change.anchor)))
            .filter(table::export.ne(Export::Never.word()))
            .select(Row::as_select())
            .load::<Row>(c))?;
        let (mut saved, mut removed) = (Vec::new(), Vec::new());
        for mut row in rows {
            let change = batch.iter().find(|change| {
                row.to_anchor.as_deref() == Some(change.anchor)
                    && row.exported_as.as_deref() == Some(change.before.as_str())
            });
            let Some(change) = change else { continue };
            if !row.wanted {
                // The target has dropped the reference with the resource; one to a living resource is still to remove.
                if change.now.is_none() {
                    removed.push(row);
                }
                continue;
            }
            if change.now.is_some() {
                saved.push(left_behind(&row, None));
            }
            row.reset();
            saved.push(row);
        }
        edges::remove(tx, &removed)?;
        edges::save(tx, &unique(saved))?;
    }
    Ok(())
}

/// The resources of the owners are gone, and what was sent to them with it.
pub(super) fn owners_unlinked<'a>(
    tx: &mut Backend,
    job: &JobId,
    owners: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    for (mapping, anchors) in key_batches(owners) {
        on_each!(tx, c => diesel::delete(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::mapping.eq(mapping))
            .filter(table::from_anchor.any_of(anchors.iter().copied()))
            .filter(not(table::wanted))
            .execute(c))?;
        on_each!(tx, c => diesel::update(table::table)
            .filter(table::job.eq(job.as_str()))
            .filter(table::mapping.eq(mapping))
            .filter(table::from_anchor.any_of(anchors.iter().copied()))
            .filter(table::export.ne(Export::Never.word()))
            .set((table::export.eq(Export::Never.word()), table::exported_as.eq(None::<String>)))
            .execute(c))?;
    }
    Ok(())
}

/// The target has confirmed what was sent.
pub(super) fn confirmed(tx: &mut Backend, job: &JobId, sent: &[(&ObjectKey, &SentEdge)]) -> Result<(), StoreError> {
    let (added, removed): (Vec<_>, Vec<_>) = sent.iter().copied().partition(|(_, sent)| sent.added);
    edges::mark(tx, job, added.iter().copied(), Export::Exported)?;
    removals_confirmed(tx, job, &removed)?;
    end_left_behind(tx, job, &added)
}

fn removals_confirmed(tx: &mut Backend, job: &JobId, removed: &[(&ObjectKey, &SentEdge)]) -> Result<(), StoreError> {
    let mut by_attribute: HashMap<(&ObjectKey, &str), Vec<&str>> = HashMap::new();
    for (owner, sent) in removed {
        by_attribute.entry((owner, &sent.key.attribute)).or_default().push(sent.key.reference.as_str());
    }
    for ((owner, attribute), references) in by_attribute {
        let mut rows = edges::named(tx, job, owner, attribute, &references)?;
        let unwanted: Vec<Row> = rows.extract_if(.., |row| !row.wanted).collect();
        edges::remove(tx, &unwanted)?;
        // Wanted again since the removal was decided: to be added again.
        rows.iter_mut().for_each(Row::reset);
        edges::save(tx, &rows)?;
    }
    Ok(())
}

/// A resource that was just added must not be removed again for the sake of a row that was left behind with it.
fn end_left_behind(tx: &mut Backend, job: &JobId, added: &[(&ObjectKey, &SentEdge)]) -> Result<(), StoreError> {
    let owners: HashSet<&ObjectKey> = added.iter().map(|(owner, _)| *owner).collect();
    let present: HashSet<(&str, &str, &str, &str)> = added
        .iter()
        .map(|(owner, sent)| {
            (owner.mapping.as_str(), owner.anchor.as_str(), sent.key.attribute.as_str(), sent.resource.as_str())
        })
        .collect();
    let own: HashSet<(&str, &str, &str, &str)> = added
        .iter()
        .map(|(owner, sent)| {
            (owner.mapping.as_str(), owner.anchor.as_str(), sent.key.attribute.as_str(), sent.key.reference.as_str())
        })
        .collect();
    let mut ended = Vec::new();
    for (mapping, anchors) in key_batches(owners) {
        let unwanted = on_each!(tx, c => table::table
            .filter(table::job.eq(job.as_str()))
            .filter(table::mapping.eq(mapping))
            .filter(table::from_anchor.any_of(anchors.iter().copied()))
            .filter(not(table::wanted))
            .select(Row::as_select())
            .load::<Row>(c))?;
        ended.extend(unwanted.into_iter().filter(|row| {
            let of_owner = |last| (row.mapping.as_str(), row.from_anchor.as_str(), row.attribute.as_str(), last);
            let resource = row.exported_as.as_deref().unwrap_or_default();
            present.contains(&of_owner(resource)) && !own.contains(&of_owner(row.reference.as_str()))
        }));
    }
    edges::remove(tx, &ended)
}

/// The last row of each key: two edges of an owner may leave the same one behind.
pub(super) fn unique(rows: Vec<Row>) -> Vec<Row> {
    let mut by_key = HashMap::new();
    for row in rows {
        let key = (
            row.job.clone(),
            row.mapping.clone(),
            row.from_anchor.clone(),
            row.attribute.clone(),
            row.reference.clone(),
        );
        by_key.insert(key, row);
    }
    by_key.into_values().collect()
}
