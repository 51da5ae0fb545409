//! Containers (OUs) by anchor, so that a renamed one takes every name below it along.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, on_each};
use crate::model::{Anchor, JobId, Name};

use super::edges::{self, Row as EdgeRow};
use super::names::{self, Found, Row as NameRow};
use super::tables::{containers, edges as edge_table, object_names};
use super::watch::Watch;
use super::{StoreError, assignments, nesting, references};

/// How many names or edges move in one step: a renamed root may hold all there are.
const STEP: usize = 5_000;

/// A container is known under `name` now. Under another one than before, everything below moves along.
pub(super) fn record(
    tx: &mut Backend,
    job: &JobId,
    anchor: &Anchor,
    name: &Name,
    watch: &mut Watch<'_>,
) -> Result<(), StoreError> {
    let before = on_each!(tx, c => containers::table
        .find((job.as_str(), anchor.as_str()))
        .select(containers::name)
        .first::<String>(c)
        .optional())?;
    let row =
        (containers::job.eq(job.as_str()), containers::anchor.eq(anchor.as_str()), containers::name.eq(name.as_str()));
    on_each!(tx, c => diesel::insert_into(containers::table)
        .values(row)
        .on_conflict((containers::job, containers::anchor))
        .do_update()
        .set(containers::name.eq(name.as_str()))
        .execute(c))?;
    let Some(before) = before.map(Name::from_stored).filter(|before| before != name) else { return Ok(()) };
    let below = before.below();
    move_containers(tx, job, &below, &before, name)?;
    move_edges(tx, job, &below, &before, name)?;
    nesting::rewind(tx, job)?;
    assignments::rewind(tx, job)?;
    move_names(tx, job, &below, (&before, name), watch)
}

fn moved(name: &str, from: &Name, to: &Name) -> Option<String> {
    Name::from_stored(name).moved(from, to).map(|name| name.as_str().to_owned())
}

fn move_containers(
    tx: &mut Backend,
    job: &JobId,
    (first, end): &(String, String),
    from: &Name,
    to: &Name,
) -> Result<(), StoreError> {
    let rows = on_each!(tx, c => containers::table
        .filter(containers::job.eq(job.as_str()))
        .filter(containers::name.ge(first))
        .filter(containers::name.lt(end))
        .select((containers::anchor, containers::name))
        .load::<(String, String)>(c))?;
    for (anchor, name) in rows {
        let Some(name) = moved(&name, from, to) else { continue };
        on_each!(tx, c => diesel::update(containers::table.find((job.as_str(), &anchor)))
            .set(containers::name.eq(&name))
            .execute(c))?;
    }
    Ok(())
}

/// Moves names, step by step: what has moved is out of the range, and what already has its new name stays.
fn move_names(
    tx: &mut Backend,
    job: &JobId,
    (first, end): &(String, String),
    (from, to): (&Name, &Name),
    watch: &mut Watch<'_>,
) -> Result<(), StoreError> {
    let mut after = first.clone();
    loop {
        let rows = on_each!(tx, c => object_names::table
            .filter(object_names::job.eq(job.as_str()))
            .filter(object_names::name.gt(&after))
            .filter(object_names::name.lt(end))
            .order(object_names::name)
            .limit(STEP as i64)
            .select(NameRow::as_select())
            .load::<NameRow>(c))?;
        let Some(last) = rows.last() else { return Ok(()) };
        after.clone_from(&last.name);
        names::remove(tx, job, &rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>())?;
        let rows: Vec<NameRow> =
            rows.into_iter().filter_map(|row| Some(NameRow { name: moved(&row.name, from, to)?, ..row })).collect();
        names::save(tx, job, &rows)?;
        // References that were written with the new name before the container was delivered find their objects now.
        let found = |row: &NameRow| Found { kind: row.kind.clone(), anchor: row.anchor.clone() };
        let named: HashMap<&str, Found> = rows.iter().map(|row| (row.name.as_str(), found(row))).collect();
        references::resolve(tx, job, &named, watch)?;
    }
}

/// Moves the references that were written with a name below the container.
fn move_edges(
    tx: &mut Backend,
    job: &JobId,
    (first, end): &(String, String),
    from: &Name,
    to: &Name,
) -> Result<(), StoreError> {
    let mut after = first.clone();
    loop {
        // A step ends between two references, so that all edges with one reference move together.
        let references = on_each!(tx, c => edge_table::table
            .filter(edge_table::job.eq(job.as_str()))
            .filter(edge_table::reference.gt(&after))
            .filter(edge_table::reference.lt(end))
            .order(edge_table::reference)
            .select(edge_table::reference)
            .limit(STEP as i64)
            .load::<String>(c))?;
        let Some(last) = references.last() else { return Ok(()) };
        let rows = on_each!(tx, c => edge_table::table
            .filter(edge_table::job.eq(job.as_str()))
            .filter(edge_table::reference.gt(&after))
            .filter(edge_table::reference.le(last))
            .select(EdgeRow::as_select())
            .load::<EdgeRow>(c))?;
        after.clone_from(last);
        edges::remove(tx, &rows)?;
        let rows: Vec<EdgeRow> = rows
            .into_iter()
            .filter_map(|row| Some(EdgeRow { reference: moved(&row.reference, from, to)?, ..row }))
            .collect();
        let rows = merge(tx, job, rows)?;
        edges::save(tx, &rows)?;
    }
}

/// An owner may have been read with the new reference already: then what was sent under the old one is what is known
/// of the new one.
fn merge(tx: &mut Backend, job: &JobId, moved: Vec<EdgeRow>) -> Result<Vec<EdgeRow>, StoreError> {
    let owner = |row: &EdgeRow| (row.mapping.clone(), row.from_anchor.clone(), row.attribute.clone());
    let references: Vec<&str> = moved.iter().map(|row| row.reference.as_str()).collect();
    let mut stored: BTreeMap<_, EdgeRow> = BTreeMap::new();
    for batch in crate::db::batches(&references) {
        let rows = on_each!(tx, c => edge_table::table
            .filter(edge_table::job.eq(job.as_str()))
            .filter(edge_table::reference.any_of(batch.iter().copied()))
            .select(EdgeRow::as_select())
            .load::<EdgeRow>(c))?;
        stored.extend(rows.into_iter().map(|row| ((owner(&row), row.reference.clone()), row)));
    }
    let rows = moved.into_iter().map(|mut row| {
        if let Some(newer) = stored.get(&(owner(&row), row.reference.clone())) {
            row.wanted = newer.wanted;
            row.generation = newer.generation;
            if newer.is_sent() || !row.is_sent() {
                row.export.clone_from(&newer.export);
                row.exported_as.clone_from(&newer.exported_as);
                row.to_anchor.clone_from(&newer.to_anchor);
                row.nested = newer.nested;
            }
        }
        row
    });
    Ok(rows.collect())
}
