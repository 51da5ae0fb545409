//! Objects of the source, as they were last seen, and which of them are due for evaluation.

use std::collections::HashSet;

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, insert_rows, on_each};
use crate::model::{Anchor, JobId, ObjectKey, ObjectMappingId, RemovalId, RemovalState};

use super::columns::Word;
use super::keys::{key, key_batches};
use super::tables::{escrows, objects, removals};
use super::{Store, StoreError, intents};

/// One object under one mapping, as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = objects, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) job: String,
    pub(super) anchor: String,
    pub(super) mapping: String,
    pub(super) kind: String,
    pub(super) attributes: String,
    pub(super) lifecycle: String,
    pub(super) generation: i64,
    pub(super) revision: i64,
    pub(super) evaluated_schema: i64,
    pub(super) due: bool,
    pub(super) waits_for: Option<String>,
}

impl Store {
    /// Objects that are due, in the order of their anchors after `after`: without an open intent, and not waiting.
    pub async fn due_objects(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<ObjectKey>, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .read(move |tx| {
                let open = intents::open_of(tx, &job)?;
                let mut after = after.map_or_else(String::new, |after| after.as_str().to_owned());
                loop {
                    let anchors = on_each!(tx, c => objects::table
                        .filter(objects::job.eq(job.as_str()))
                        .filter(objects::mapping.eq(mapping.as_str()))
                        .filter(objects::anchor.gt(&after))
                        .filter(objects::due)
                        .filter(objects::waits_for.is_null())
                        .order(objects::anchor)
                        .select(objects::anchor)
                        .limit(limit.into())
                        .load::<String>(c))?;
                    let Some(last) = anchors.last() else { return Ok(Vec::new()) };
                    after.clone_from(last);
                    let mut keys: Vec<ObjectKey> =
                        anchors.into_iter().map(|anchor| key(mapping.as_str().to_owned(), anchor)).collect();
                    keys.retain(|key| !open.contains(key));
                    // An empty answer means that nothing is left.
                    if !keys.is_empty() {
                        return Ok(keys);
                    }
                }
            })
            .await
    }
}

/// The rows of the anchors under every mapping.
pub(super) fn of_anchors(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for batch in batches(anchors) {
        rows.extend(on_each!(tx, c => objects::table
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?);
    }
    Ok(rows)
}

/// The rows of the objects.
pub(super) fn of(tx: &mut Backend, job: &JobId, keys: &[ObjectKey]) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for (mapping, anchors) in key_batches(keys) {
        rows.extend(on_each!(tx, c => objects::table
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::mapping.eq(mapping))
            .filter(objects::anchor.any_of(anchors.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?);
    }
    Ok(rows)
}

/// Which of the objects are in escrow.
pub(super) fn escrowed(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<HashSet<ObjectKey>, StoreError> {
    let mut found = HashSet::new();
    if !super::escrows::any(tx, job)? {
        return Ok(found);
    }
    for batch in batches(anchors) {
        let rows = on_each!(tx, c => objects::table
            .inner_join(escrows::table.on(escrows::job
                .eq(objects::job)
                .and(escrows::mapping.eq(objects::mapping))
                .and(escrows::anchor.eq(objects::anchor))))
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .select((objects::mapping, objects::anchor))
            .load::<(String, String)>(c))?;
        found.extend(rows.into_iter().map(|(mapping, anchor)| key(mapping, anchor)));
    }
    Ok(found)
}

/// Inserts objects that are not stored yet.
pub(super) fn insert<'a>(tx: &mut Backend, rows: impl IntoIterator<Item = &'a Row>) -> Result<(), StoreError> {
    Ok(insert_rows!(tx, rows, values => diesel::insert_into(objects::table).values(values))?)
}

/// Replaces objects that are stored. No key may stand twice in `rows`.
pub(super) fn replace(tx: &mut Backend, rows: &[Row]) -> Result<(), StoreError> {
    for batch in batches(rows) {
        on_each!(tx, c => diesel::insert_into(objects::table)
            .values(batch)
            .on_conflict((objects::job, objects::anchor, objects::mapping))
            .do_update()
            .set((
                objects::kind.eq(excluded(objects::kind)),
                objects::attributes.eq(excluded(objects::attributes)),
                objects::lifecycle.eq(excluded(objects::lifecycle)),
                objects::generation.eq(excluded(objects::generation)),
                objects::revision.eq(excluded(objects::revision)),
                objects::due.eq(excluded(objects::due)),
                objects::waits_for.eq(excluded(objects::waits_for)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Notes that the source still has the anchors.
pub(super) fn seen(tx: &mut Backend, job: &JobId, anchors: &[&str], generation: i64) -> Result<(), StoreError> {
    for batch in batches(anchors) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .filter(objects::generation.lt(generation))
            .set(objects::generation.eq(generation))
            .execute(c))?;
    }
    Ok(())
}

/// Objects were evaluated at a revision, and are due no more unless they have changed since.
pub(super) fn evaluated(
    tx: &mut Backend,
    job: &JobId,
    revision: i64,
    schema: i64,
    keys: &[&ObjectKey],
) -> Result<(), StoreError> {
    for (mapping, anchors) in key_batches(keys.iter().copied()) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::mapping.eq(mapping))
            .filter(objects::anchor.any_of(anchors.iter().copied()))
            .filter(objects::revision.eq(revision))
            .set((
                objects::due.eq(false),
                objects::evaluated_schema.eq(schema),
                objects::waits_for.eq(None::<String>),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// An object waits for a removal, unless it has changed since its evaluation, or the removal has ended meanwhile: then
/// nobody would wake it, and it stays due.
pub(super) fn wait(
    tx: &mut Backend,
    job: &JobId,
    revision: i64,
    key: &ObjectKey,
    removal: &RemovalId,
) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(objects::table)
        .filter(objects::job.eq(job.as_str()))
        .filter(objects::mapping.eq(key.mapping.as_str()))
        .filter(objects::anchor.eq(key.anchor.as_str()))
        .filter(objects::revision.eq(revision))
        .filter(exists(
            removals::table
                .filter(removals::id.eq(removal.as_str()))
                .filter(removals::state.ne(RemovalState::Rejected.word())),
        ))
        .set((objects::due.eq(true), objects::waits_for.eq(removal.as_str())))
        .execute(c))?;
    Ok(())
}

/// Removals have ended: what waited for them waits no more.
pub(super) fn wake_waiting(tx: &mut Backend, removals: &[RemovalId]) -> Result<(), StoreError> {
    for batch in batches(removals) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::waits_for.any_of(batch.iter().map(RemovalId::as_str)))
            .set((objects::due.eq(true), objects::waits_for.eq(None::<String>)))
            .execute(c))?;
    }
    Ok(())
}

/// What makes an object due under a new revision, so that no outcome under way clears it. What it waited for may be another
/// thing now, or nothing.
macro_rules! due_anew {
    () => {
        (objects::due.eq(true), objects::revision.eq(objects::revision + 1), objects::waits_for.eq(None::<String>))
    };
}
pub(super) use due_anew;

/// Makes objects due under a new revision.
pub(super) fn make_due<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    for (mapping, anchors) in key_batches(keys) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::mapping.eq(mapping))
            .filter(objects::anchor.any_of(anchors.iter().copied()))
            .set(due_anew!())
            .execute(c))?;
    }
    Ok(())
}

/// The same for whatever has one of these anchors, under every mapping.
pub(super) fn make_anchors_due(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<(), StoreError> {
    for batch in batches(anchors) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .set(due_anew!())
            .execute(c))?;
    }
    Ok(())
}
