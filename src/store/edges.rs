//! Edges: the references between objects, with their export state.
//!
//! An edge that is not wanted and was never sent has no row. How edges follow names, departures and links is told in
//! [`super::references`], which of them need work in [`super::edge_work`].

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, insert_rows, on_each};
use crate::model::{Anchor, Edge, Export, JobId, Name, ObjectKey, ResourceId, SentEdge};

use super::StoreError;
use super::columns::Word;
use super::tables::edges;

/// One edge, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = edges, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) job: String,
    pub(super) mapping: String,
    pub(super) from_anchor: String,
    pub(super) attribute: String,
    pub(super) reference: String,
    pub(super) to_anchor: Option<String>,
    pub(super) wanted: bool,
    pub(super) export: String,
    pub(super) exported_as: Option<String>,
    pub(super) generation: i64,
    /// True when it leads to a group in a group.
    pub(super) nested: bool,
}

impl Row {
    /// True when the target may hold the reference.
    pub(super) fn is_sent(&self) -> bool {
        self.export != Export::Never.word()
    }

    /// Forgets that it was sent.
    pub(super) fn reset(&mut self) {
        self.export = Export::Never.word().to_owned();
        self.exported_as = None;
    }
}

/// An edge as the engine sees it; `resource` is what its far end is linked to.
pub(super) fn read(row: Row, resource: Option<ResourceId>) -> Result<Edge, StoreError> {
    Ok(Edge {
        attribute: row.attribute,
        reference: Name::from_stored(row.reference),
        to: row.to_anchor.map(Anchor::new),
        wanted: row.wanted,
        export: Export::read(&row.export)?,
        exported_as: row.exported_as.map(ResourceId::new),
        resource,
    })
}

/// What the references begin with that follow from others, and that no source has: of people who are members of a group
/// through a group in it.
pub(super) const FLAT: &str = "flat:";

/// True for a reference that the source has.
macro_rules! is_direct {
    () => {
        diesel::TextExpressionMethods::not_like($crate::store::tables::edges::reference, "flat:%")
    };
}
pub(super) use is_direct;

/// The edges of the owners that the source has, or had.
pub(super) fn of_owners(tx: &mut Backend, job: &JobId, mapping: &str, owners: &[&str]) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for batch in batches(owners) {
        rows.extend(on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(mapping))
            .filter(edges::from_anchor.any_of(batch.iter().copied()))
            .filter(is_direct!())
            .select(Row::as_select())
            .load::<Row>(c))?);
    }
    Ok(rows)
}

/// The edges of one reference attribute of the owners.
pub(super) fn of_attribute(
    tx: &mut Backend,
    job: &JobId,
    mapping: &str,
    owners: &[&str],
    attribute: &str,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for batch in batches(owners) {
        rows.extend(on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(mapping))
            .filter(edges::from_anchor.any_of(batch.iter().copied()))
            .filter(edges::attribute.eq(attribute))
            .select(Row::as_select())
            .load::<Row>(c))?);
    }
    Ok(rows)
}

/// Single edges of one owner and attribute.
pub(super) fn named(
    tx: &mut Backend,
    job: &JobId,
    owner: &ObjectKey,
    attribute: &str,
    references: &[&str],
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for batch in batches(references) {
        rows.extend(on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(owner.mapping.as_str()))
            .filter(edges::from_anchor.eq(owner.anchor.as_str()))
            .filter(edges::attribute.eq(attribute))
            .filter(edges::reference.any_of(batch.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?);
    }
    Ok(rows)
}

/// Inserts edges that are not stored yet.
pub(super) fn insert<'a>(tx: &mut Backend, rows: impl IntoIterator<Item = &'a Row>) -> Result<(), StoreError> {
    Ok(insert_rows!(tx, rows, values => diesel::insert_into(edges::table).values(values))?)
}

/// Inserts or replaces edges. No key may stand twice in `rows`.
pub(super) fn save(tx: &mut Backend, rows: &[Row]) -> Result<(), StoreError> {
    for batch in batches(rows) {
        on_each!(tx, c => diesel::insert_into(edges::table)
            .values(batch)
            .on_conflict((edges::job, edges::mapping, edges::from_anchor, edges::attribute, edges::reference))
            .do_update()
            .set((
                edges::to_anchor.eq(excluded(edges::to_anchor)),
                edges::wanted.eq(excluded(edges::wanted)),
                edges::export.eq(excluded(edges::export)),
                edges::exported_as.eq(excluded(edges::exported_as)),
                edges::generation.eq(excluded(edges::generation)),
                edges::nested.eq(excluded(edges::nested)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Deletes edges.
pub(super) fn remove(tx: &mut Backend, rows: &[Row]) -> Result<(), StoreError> {
    let mut by_owner: BTreeMap<(&str, &str, &str, &str), Vec<&str>> = BTreeMap::new();
    for row in rows {
        let owner = (row.job.as_str(), row.mapping.as_str(), row.from_anchor.as_str(), row.attribute.as_str());
        by_owner.entry(owner).or_default().push(&row.reference);
    }
    for ((job, mapping, from, attribute), references) in by_owner {
        for batch in batches(&references) {
            on_each!(tx, c => diesel::delete(edges::table)
                .filter(edges::job.eq(job))
                .filter(edges::mapping.eq(mapping))
                .filter(edges::from_anchor.eq(from))
                .filter(edges::attribute.eq(attribute))
                .filter(edges::reference.any_of(batch.iter().copied()))
                .execute(c))?;
        }
    }
    Ok(())
}

/// Marks edges as sent, or as confirmed. An edge that vanished since it was decided comes back as one to remove:
/// the target is about to hold it.
pub(super) fn mark<'a>(
    tx: &mut Backend,
    job: &JobId,
    sent: impl IntoIterator<Item = (&'a ObjectKey, &'a SentEdge)>,
    export: Export,
) -> Result<(), StoreError> {
    let rows: BTreeMap<_, Row> = sent
        .into_iter()
        .map(|(owner, sent)| {
            let row = Row {
                job: job.as_str().to_owned(),
                mapping: owner.mapping.as_str().to_owned(),
                from_anchor: owner.anchor.as_str().to_owned(),
                attribute: sent.key.attribute.clone(),
                reference: sent.key.reference.as_str().to_owned(),
                to_anchor: None,
                wanted: false,
                export: export.word().to_owned(),
                exported_as: Some(sent.resource.as_str().to_owned()),
                generation: 0,
                nested: false,
            };
            ((owner, &sent.key), row)
        })
        .collect();
    let rows: Vec<Row> = rows.into_values().collect();
    for batch in batches(&rows) {
        on_each!(tx, c => diesel::insert_into(edges::table)
            .values(batch)
            .on_conflict((edges::job, edges::mapping, edges::from_anchor, edges::attribute, edges::reference))
            .do_update()
            .set((
                edges::export.eq(excluded(edges::export)),
                edges::exported_as.eq(excluded(edges::exported_as)),
            ))
            .execute(c))?;
    }
    Ok(())
}
