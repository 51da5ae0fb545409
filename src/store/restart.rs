//! Beginning anew: what a restart resets, in one transaction that also cuts off a cycle under way.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::{Backend, on_each};
use crate::model::{Export, Health, JobId, RemovalState, Reset, ResetScope};

use super::columns::{Word, to_count, to_time};
use super::tables::{edges, escrows, intents, links, matching_index, objects, removals, watermarks};
use super::{Store, StoreError, fence, health, job_state};

impl Store {
    /// Resets what `scope` names and lets the job run, at once. A cycle under way stores nothing more; requests of it
    /// whose outcome is unknown are settled first by the next. Held and staged removals stay, whatever the scope;
    /// `ForceDeletes` lets the staged ones through.
    ///
    /// # Errors
    /// [`StoreError::Unsettled`] when links would be dropped on which something is still to be done: a leaver would
    /// keep access. [`StoreError::UnknownJob`] for a job that never ran.
    pub async fn restart(&self, job: &JobId, scope: &ResetScope, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (job, scope) = (job.clone(), scope.clone());
        self.database
            .write(move |tx| {
                if !fence::lock_job(tx, &job)? {
                    return Err(StoreError::UnknownJob { job });
                }
                fence::end_running(tx, &job, to_time(now))?;
                for reset in Reset::ALL.into_iter().filter(|reset| scope.resets(*reset)) {
                    match reset {
                        Reset::ConnectorDataStore => drop_links(tx, &job)?,
                        Reset::Escrows => forget_failures(tx, &job)?,
                        Reset::Watermark => read_anew(tx, &job)?,
                        Reset::QuarantineState => health::save(tx, &job, &Health::default())?,
                        Reset::ForceDeletes => release_staged(tx, &job)?,
                    }
                }
                job_state::activate(tx, &job)
            })
            .await
    }
}

/// Every object is matched again. What was sent of references counts as unknown: it is sent again when wanted, and
/// removed when not.
fn drop_links(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    refuse_unsettled(tx, job)?;
    on_each!(tx, c => diesel::delete(links::table.filter(links::job.eq(job.as_str()))).execute(c))?;
    on_each!(tx, c => diesel::update(edges::table)
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::export.eq(Export::Exported.word()))
        .set(edges::export.eq(Export::Unknown.word()))
        .execute(c))?;
    on_each!(tx, c => diesel::delete(matching_index::table.filter(matching_index::job.eq(job.as_str()))).execute(c))?;
    all_due(tx, job)
}

fn refuse_unsettled(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    let intents = on_each!(tx, c => intents::table.filter(intents::job.eq(job.as_str())).count().get_result::<i64>(c))?;
    let removals = on_each!(tx, c => removals::table
        .filter(removals::job.eq(job.as_str()))
        .filter(removals::state.ne(RemovalState::Rejected.word()))
        .count()
        .get_result::<i64>(c))?;
    let due = on_each!(tx, c => objects::table
        .inner_join(links::table.on(links::job
            .eq(objects::job)
            .and(links::anchor.eq(objects::anchor))
            .and(links::mapping.eq(objects::mapping))))
        .filter(objects::job.eq(job.as_str()))
        .filter(objects::due)
        .count()
        .get_result::<i64>(c))?;
    if intents + removals + due == 0 {
        return Ok(());
    }
    let (removals, changes) = (to_count(removals), to_count(intents + due));
    Err(StoreError::Unsettled { job: job.clone(), removals, changes })
}

/// Objects whose failure is forgotten are due, as if they had changed: nothing is lost with the record of it.
fn forget_failures(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(objects::table)
        .filter(objects::job.eq(job.as_str()))
        .filter(diesel::dsl::exists(
            escrows::table
                .filter(escrows::job.eq(objects::job))
                .filter(escrows::mapping.eq(objects::mapping))
                .filter(escrows::anchor.eq(objects::anchor)),
        ))
        .set((objects::due.eq(true), objects::revision.eq(objects::revision + 1)))
        .execute(c))?;
    on_each!(tx, c => diesel::delete(escrows::table.filter(escrows::job.eq(job.as_str()))).execute(c))?;
    Ok(())
}

fn read_anew(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(watermarks::table.filter(watermarks::job.eq(job.as_str()))).execute(c))?;
    all_due(tx, job)
}

fn release_staged(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(removals::table)
        .filter(removals::job.eq(job.as_str()))
        .filter(removals::state.eq(RemovalState::Staged.word()))
        .set(removals::state.eq(RemovalState::Released.word()))
        .execute(c))?;
    Ok(())
}

fn all_due(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(objects::table)
        .filter(objects::job.eq(job.as_str()))
        .set((objects::due.eq(true), objects::revision.eq(objects::revision + 1)))
        .execute(c))?;
    Ok(())
}
