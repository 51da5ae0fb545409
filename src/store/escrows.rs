//! Objects whose change failed, and when it is tried again.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Escrow, Failure, FailureClass, JobId, ObjectKey};

use super::columns::{Word, to_time};
use super::keys::{key, key_batches};
use super::tables::{escrows, objects};
use super::{Store, StoreError};

#[derive(Queryable, Selectable)]
#[diesel(table_name = escrows)]
struct Row {
    mapping: String,
    anchor: String,
    class: String,
    code: String,
    message: String,
    attempts: i64,
    first_failed_at: NaiveDateTime,
    next_attempt_at: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = escrows, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    class: &'a str,
    code: &'a str,
    message: &'a str,
    attempts: i64,
    first_failed_at: NaiveDateTime,
    next_attempt_at: Option<NaiveDateTime>,
}

/// A failed attempt, and when the next one is made.
pub(super) struct Failed<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) failure: &'a Failure,
    pub(super) next_attempt_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Makes every object due whose next attempt has come, and says how many became due.
    pub async fn escrows_due(&self, job: &JobId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                let waiting = on_each!(tx, c => escrows::table
                    .filter(escrows::job.eq(job.as_str()))
                    .filter(escrows::next_attempt_at.le(to_time(now)))
                    .select((escrows::mapping, escrows::anchor))
                    .load::<(String, String)>(c))?;
                let waiting: Vec<ObjectKey> =
                    waiting.into_iter().map(|(mapping, anchor)| key(mapping, anchor)).collect();
                let mut woken = 0;
                for (mapping, anchors) in key_batches(&waiting) {
                    woken += on_each!(tx, c => diesel::update(objects::table)
                        .filter(objects::job.eq(job.as_str()))
                        .filter(objects::mapping.eq(mapping))
                        .filter(objects::anchor.any_of(anchors.iter().copied()))
                        .filter(objects::due.eq(false))
                        .set(objects::due.eq(true))
                        .execute(c))?;
                }
                Ok(woken as u64)
            })
            .await
    }

    /// The objects in escrow, at most `limit`, in the order of their keys.
    pub async fn escrows(&self, job: &JobId, limit: u32) -> Result<Vec<Escrow>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let rows = on_each!(tx, c => escrows::table
                    .filter(escrows::job.eq(job.as_str()))
                    .order((escrows::mapping, escrows::anchor))
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }
}

/// True when any object of the job is in escrow. Mostly none is, and then nobody need be looked for.
pub(super) fn any(tx: &mut Backend, job: &JobId) -> Result<bool, StoreError> {
    Ok(on_each!(tx, c => diesel::select(exists(escrows::table.filter(escrows::job.eq(job.as_str()))))
        .get_result::<bool>(c))?)
}

/// The escrows of the objects.
pub(super) fn of(tx: &mut Backend, job: &JobId, keys: &[ObjectKey]) -> Result<HashMap<ObjectKey, Escrow>, StoreError> {
    let mut found = HashMap::new();
    if !any(tx, job)? {
        return Ok(found);
    }
    for (mapping, anchors) in key_batches(keys) {
        let rows = on_each!(tx, c => escrows::table
            .filter(escrows::job.eq(job.as_str()))
            .filter(escrows::mapping.eq(mapping))
            .filter(escrows::anchor.any_of(anchors.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?;
        for row in rows {
            let escrow = read(row)?;
            found.insert(escrow.key.clone(), escrow);
        }
    }
    Ok(found)
}

/// Stores failures: one more attempt for an object that failed before, whose first failure stays known.
pub(super) fn save(tx: &mut Backend, job: &JobId, failed: &[Failed<'_>], now: DateTime<Utc>) -> Result<(), StoreError> {
    for batch in batches(failed) {
        let rows: Vec<NewRow<'_>> = batch
            .iter()
            .map(|failed| NewRow {
                job: job.as_str(),
                mapping: failed.key.mapping.as_str(),
                anchor: failed.key.anchor.as_str(),
                class: failed.failure.class.word(),
                code: &failed.failure.code,
                message: &failed.failure.message,
                attempts: 1,
                first_failed_at: to_time(now),
                next_attempt_at: failed.next_attempt_at.map(to_time),
            })
            .collect();
        on_each!(tx, c => diesel::insert_into(escrows::table)
            .values(&rows)
            .on_conflict((escrows::job, escrows::mapping, escrows::anchor))
            .do_update()
            .set((
                escrows::class.eq(excluded(escrows::class)),
                escrows::code.eq(excluded(escrows::code)),
                escrows::message.eq(excluded(escrows::message)),
                escrows::attempts.eq(escrows::attempts + 1),
                escrows::next_attempt_at.eq(excluded(escrows::next_attempt_at)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Takes objects out of escrow.
pub(super) fn end<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    if !any(tx, job)? {
        return Ok(());
    }
    for (mapping, anchors) in key_batches(keys) {
        on_each!(tx, c => diesel::delete(escrows::table)
            .filter(escrows::job.eq(job.as_str()))
            .filter(escrows::mapping.eq(mapping))
            .filter(escrows::anchor.any_of(anchors.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

fn read(row: Row) -> Result<Escrow, StoreError> {
    Ok(Escrow {
        key: key(row.mapping, row.anchor),
        failure: Failure { class: FailureClass::read(&row.class)?, code: row.code, message: row.message },
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        first_failed_at: row.first_failed_at.and_utc(),
        next_attempt_at: row.next_attempt_at.map(|time| time.and_utc()),
    })
}
