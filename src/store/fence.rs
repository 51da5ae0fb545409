//! What makes a writer that was cut off harmless: its handle of the store refuses to write.

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::{Backend, DbError, on_each};
use crate::model::{CycleId, CycleState, JobId};

use super::Store;
use super::columns::Word;
use super::tables::{cycles, jobs};

impl Store {
    /// A handle that writes for this cycle alone: every transaction of it first makes sure that the cycle still runs,
    /// and that nobody ends it before the transaction does. Once the cycle was ended, by whomever, it stores nothing.
    pub fn fenced(&self, job: &JobId, cycle: &CycleId) -> Self {
        let (job, cycle) = (job.clone(), cycle.clone());
        Self { database: self.database.guarded(move |tx| still_runs(tx, &job, &cycle)), ..self.clone() }
    }
}

fn still_runs(tx: &mut Backend, job: &JobId, cycle: &CycleId) -> Result<(), DbError> {
    share_job(tx, job)?;
    let state = on_each!(tx, c => cycles::table
        .find(cycle.as_str())
        .select(cycles::state)
        .first::<String>(c)
        .optional())?;
    if state.as_deref() == Some(CycleState::Running.word()) { Ok(()) } else { Err(DbError::Fenced) }
}

/// Whoever ends a cycle locks the job first, and so waits for those who share it. SQLite has one writer at a time.
fn share_job(tx: &mut Backend, job: &JobId) -> Result<(), DbError> {
    if let Backend::Postgres(connection) = tx {
        jobs::table.find(job.as_str()).select(jobs::job).for_share().first::<String>(connection.as_mut()).optional()?;
    }
    Ok(())
}

/// Locks the job before its cycles: what follows is decided on what everybody before has committed. False when the job
/// is not known.
pub(super) fn lock_job(tx: &mut Backend, job: &JobId) -> Result<bool, DbError> {
    let known = on_each!(tx, c => diesel::update(jobs::table.find(job.as_str()))
        .set(jobs::starts.eq(jobs::starts))
        .execute(c))?;
    Ok(known > 0)
}

/// Ends every cycle of the job that still runs: what its writer stores from here on is refused.
pub(super) fn end_running(tx: &mut Backend, job: &JobId, now: NaiveDateTime) -> Result<(), DbError> {
    on_each!(tx, c => diesel::update(cycles::table)
        .filter(cycles::job.eq(job.as_str()))
        .filter(sql::<Bool>("cycles.state = 'running'"))
        .set((cycles::state.eq(CycleState::Interrupted.word()), cycles::ended_at.eq(now)))
        .execute(c))?;
    Ok(())
}
