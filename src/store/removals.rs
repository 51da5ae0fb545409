//! Removals that are not yet done. One that is done or cancelled has no row.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{JobId, ObjectKey, ObjectMappingId, Removal, RemovalEffect, RemovalId, RemovalState};

use super::columns::{Word, to_count, to_time};
use super::keys::{key, key_batches};
use super::outcome::NewRemoval;
use super::tables::removals;
use super::{Store, StoreError, objects};

/// How many removals of one kind stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalCount {
    pub mapping: ObjectMappingId,
    pub effect: RemovalEffect,
    pub state: RemovalState,
    pub count: u64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = removals)]
struct Row {
    id: String,
    mapping: String,
    anchor: String,
    effect: String,
    state: String,
    reason: String,
    held_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = removals, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: String,
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    effect: &'a str,
    state: &'a str,
    reason: &'a str,
    held_at: NaiveDateTime,
}

impl Store {
    /// At most `limit` removals in `state`, those after `after`, the oldest first.
    pub async fn held_removals(
        &self,
        job: &JobId,
        state: RemovalState,
        after: Option<RemovalId>,
        limit: u32,
    ) -> Result<Vec<Removal>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let after = after.as_ref().map_or("", RemovalId::as_str);
                let rows = on_each!(tx, c => removals::table
                    .filter(removals::job.eq(job.as_str()))
                    .filter(removals::state.eq(state.word()))
                    .filter(removals::id.gt(after))
                    .order(removals::id)
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }

    /// Puts removals into `state`. Objects that wait for one that is rejected become due: it will not end otherwise.
    pub async fn set_removal_state(&self, ids: &[RemovalId], state: RemovalState) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.database
            .write(move |tx| {
                for batch in batches(&ids) {
                    on_each!(tx, c => diesel::update(removals::table)
                        .filter(removals::id.any_of(batch.iter().map(RemovalId::as_str)))
                        .set(removals::state.eq(state.word()))
                        .execute(c))?;
                }
                if state == RemovalState::Rejected {
                    objects::wake_waiting(tx, &ids)?;
                }
                Ok(())
            })
            .await
    }

    /// How many removals stand, by mapping, effect and state.
    pub async fn removal_counts(&self, job: &JobId) -> Result<Vec<RemovalCount>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let counts = on_each!(tx, c => removals::table
                    .filter(removals::job.eq(job.as_str()))
                    .group_by((removals::mapping, removals::effect, removals::state))
                    .select((removals::mapping, removals::effect, removals::state, diesel::dsl::count_star()))
                    .order((removals::mapping, removals::effect, removals::state))
                    .load::<(String, String, String, i64)>(c))?;
                let counts = counts.into_iter().map(|(mapping, effect, state, count)| {
                    Ok(RemovalCount {
                        mapping: ObjectMappingId::new(mapping),
                        effect: RemovalEffect::read(&effect)?,
                        state: RemovalState::read(&state)?,
                        count: to_count(count),
                    })
                });
                counts.collect()
            })
            .await
    }
}

/// The removals of the objects, in the order of their effects.
pub(super) fn of<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<HashMap<ObjectKey, Vec<Removal>>, StoreError> {
    let mut found: HashMap<ObjectKey, Vec<Removal>> = HashMap::new();
    let any = on_each!(tx, c => diesel::select(exists(removals::table.filter(removals::job.eq(job.as_str()))))
        .get_result::<bool>(c))?;
    if !any {
        return Ok(found);
    }
    for (mapping, anchors) in key_batches(keys) {
        let rows = on_each!(tx, c => removals::table
            .filter(removals::job.eq(job.as_str()))
            .filter(removals::mapping.eq(mapping))
            .filter(removals::anchor.any_of(anchors.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?;
        for row in rows {
            let removal = read(row)?;
            found.entry(removal.key.clone()).or_default().push(removal);
        }
    }
    for removals in found.values_mut() {
        removals.sort_by_key(|removal| removal.effect);
    }
    Ok(found)
}

/// Holds removals. One that stands already for the same object and effect stays as it is.
pub(super) fn hold(
    tx: &mut Backend,
    job: &JobId,
    held: &[(&ObjectKey, &NewRemoval)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for batch in batches(held) {
        let rows: Vec<NewRow<'_>> = batch
            .iter()
            .map(|(key, removal)| NewRow {
                id: Uuid::now_v7().to_string(),
                job: job.as_str(),
                mapping: key.mapping.as_str(),
                anchor: key.anchor.as_str(),
                effect: removal.effect.word(),
                state: RemovalState::Held.word(),
                reason: &removal.reason,
                held_at: to_time(now),
            })
            .collect();
        on_each!(tx, c => diesel::insert_into(removals::table)
            .values(&rows)
            .on_conflict((removals::job, removals::mapping, removals::anchor, removals::effect))
            .do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Ends removals, done or cancelled, and makes due the objects that wait for them.
pub(super) fn end(tx: &mut Backend, ids: &[RemovalId]) -> Result<(), StoreError> {
    for batch in batches(ids) {
        on_each!(tx, c => diesel::delete(removals::table)
            .filter(removals::id.any_of(batch.iter().map(RemovalId::as_str)))
            .execute(c))?;
    }
    objects::wake_waiting(tx, ids)
}

fn read(row: Row) -> Result<Removal, StoreError> {
    Ok(Removal {
        id: RemovalId::new(row.id),
        key: key(row.mapping, row.anchor),
        effect: RemovalEffect::read(&row.effect)?,
        state: RemovalState::read(&row.state)?,
        reason: row.reason,
        held_at: row.held_at.and_utc(),
    })
}
