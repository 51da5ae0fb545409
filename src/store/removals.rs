//! Removals that are not yet done. One that is done or cancelled has no row.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{JobId, ObjectKey, Removal, RemovalId, RemovalState, ResourceId};

use super::columns::{Word, read_effect, to_amount, to_count, to_time};
use super::keys::{key, key_batches};
use super::outcome::NewRemoval;
use super::tables::removals;
use super::{Store, StoreError, objects};

#[derive(Queryable, Selectable)]
#[diesel(table_name = removals)]
struct Row {
    id: String,
    mapping: String,
    anchor: String,
    effect: String,
    attribute: String,
    resource: String,
    amount: i64,
    state: String,
    reason: String,
    held_at: NaiveDateTime,
    not_before: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = removals, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: String,
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    effect: &'a str,
    attribute: &'a str,
    resource: &'a str,
    amount: i64,
    state: &'a str,
    reason: &'a str,
    held_at: NaiveDateTime,
    not_before: Option<NaiveDateTime>,
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
        self.database.write(move |tx| set_state(tx, &ids, state)).await
    }

    /// Writes down what a person says of these removals, as they were shown. One that has changed since, or is done or
    /// cancelled, is left alone. Returns those that were not.
    pub async fn answer_removals(
        &self,
        shown: Vec<Removal>,
        state: RemovalState,
    ) -> Result<Vec<RemovalId>, StoreError> {
        self.database
            .write(move |tx| {
                let mut answered = Vec::new();
                for removal in &shown {
                    let found = on_each!(tx, c => diesel::update(removals::table)
                        .filter(removals::id.eq(removal.id.as_str()))
                        .filter(removals::state.eq(removal.state.word()))
                        .filter(removals::resource.eq(removal.resource.as_str()))
                        .filter(removals::amount.eq(to_amount(removal.references)))
                        .set(removals::state.eq(state.word()))
                        .execute(c))?;
                    if found > 0 {
                        answered.push(removal.id.clone());
                    }
                }
                if state == RemovalState::Rejected {
                    objects::wake_waiting(tx, &answered)?;
                }
                Ok(answered)
            })
            .await
    }

    /// At most `limit` removals that are to be judged at `now`: those held after `after`, the oldest first, whose time has
    /// come.
    pub async fn removals_to_judge(
        &self,
        job: &JobId,
        now: DateTime<Utc>,
        after: Option<RemovalId>,
        limit: u32,
    ) -> Result<Vec<Removal>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let after = after.as_ref().map_or("", RemovalId::as_str);
                let rows = on_each!(tx, c => removals::table
                    .filter(removals::job.eq(job.as_str()))
                    .filter(removals::state.eq(RemovalState::Held.word()))
                    .filter(removals::id.gt(after))
                    .filter(removals::not_before.is_null().or(removals::not_before.le(to_time(now))))
                    .order(removals::id)
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }
}

pub(super) fn set_state(tx: &mut Backend, ids: &[RemovalId], state: RemovalState) -> Result<(), StoreError> {
    for batch in batches(ids) {
        on_each!(tx, c => diesel::update(removals::table)
            .filter(removals::id.any_of(batch.iter().map(RemovalId::as_str)))
            .set(removals::state.eq(state.word()))
            .execute(c))?;
    }
    if state == RemovalState::Rejected {
        objects::wake_waiting(tx, ids)?;
    }
    Ok(())
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
        removals.sort_by(|a, b| a.effect.cmp(&b.effect));
    }
    Ok(found)
}

/// Holds removals that do not stand yet.
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
                attribute: removal.effect.attribute().map_or("", |path| path.as_str()),
                resource: removal.resource.as_str(),
                amount: to_amount(removal.references),
                state: RemovalState::Held.word(),
                reason: &removal.reason,
                held_at: to_time(now),
                not_before: removal.not_before.map(to_time),
            })
            .collect();
        on_each!(tx, c => diesel::insert_into(removals::table).values(&rows).execute(c))?;
    }
    Ok(())
}

/// A removal that stands is asked for again. It stays as it is, with what a person decided about it, unless it is about
/// another resource by now, or about more references than were judged.
pub(super) fn ask_again(
    tx: &mut Backend,
    standing: &Removal,
    asked: &NewRemoval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let is_another = standing.resource != asked.resource;
    if !is_another && asked.references <= standing.references {
        return Ok(());
    }
    let state =
        if is_another || standing.state == RemovalState::Held { RemovalState::Held } else { RemovalState::Staged };
    let held_at = if is_another { now } else { standing.held_at };
    let not_before = if is_another { asked.not_before } else { standing.not_before };
    on_each!(tx, c => diesel::update(removals::table.filter(removals::id.eq(standing.id.as_str())))
        .set((
            removals::resource.eq(asked.resource.as_str()),
            removals::amount.eq(to_amount(asked.references)),
            removals::state.eq(state.word()),
            removals::reason.eq(&asked.reason),
            removals::held_at.eq(to_time(held_at)),
            removals::not_before.eq(not_before.map(to_time)),
        ))
        .execute(c))?;
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
        effect: read_effect(&row.effect, row.attribute)?,
        resource: ResourceId::new(row.resource),
        references: to_count(row.amount),
        state: RemovalState::read(&row.state)?,
        reason: row.reason,
        held_at: row.held_at.and_utc(),
        not_before: row.not_before.map(|time| time.and_utc()),
    })
}
