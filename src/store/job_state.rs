//! What people ask of a job: to pause, to start. Durable, and seen by every process.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::{Backend, on_each};
use crate::model::{CycleId, CycleState, Health, JobId, JobState, Standing};

use super::columns::{Word, from_json, to_time};
use super::tables::{cycles, jobs};
use super::{Store, StoreError, fence, health};

impl Store {
    /// How the job stands. One that never ran is active and sound.
    pub async fn standing(&self, job: &JobId) -> Result<Standing, StoreError> {
        let job = job.clone();
        self.database.read(move |tx| Ok(standing(tx, &job)?.unwrap_or_default())).await
    }

    /// Asks the job to pause: [`JobState::Pausing`] while a cycle runs, which ends within two seconds of requests, else
    /// [`JobState::Paused`] at once.
    ///
    /// # Errors
    /// [`StoreError::UnknownJob`] for one that never ran.
    pub async fn pause(&self, job: &JobId) -> Result<JobState, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                if !fence::lock_job(tx, &job)? {
                    return Err(StoreError::UnknownJob { job });
                }
                let runs = on_each!(tx, c => diesel::select(exists(
                    cycles::table.filter(cycles::job.eq(job.as_str())).filter(sql::<Bool>("cycles.state = 'running'")),
                ))
                .get_result::<bool>(c))?;
                let state = if runs { JobState::Pausing } else { JobState::Paused };
                set(tx, &job, state)?;
                Ok(state)
            })
            .await
    }

    /// Lets the job run, at once, and out of a quarantine.
    ///
    /// # Errors
    /// [`StoreError::UnknownJob`] for one that never ran.
    pub async fn start(&self, job: &JobId) -> Result<(), StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                let Some(Standing { health, .. }) = standing(tx, &job)? else {
                    return Err(StoreError::UnknownJob { job });
                };
                health::save(tx, &job, &Health { quarantine: None, ..health })?;
                activate(tx, &job)
            })
            .await
    }

    /// Ends what a process left behind that died while the job was asked to pause. The caller is the job's one writer
    /// and runs no cycle.
    pub async fn settle_pause(&self, job: &JobId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                fence::lock_job(tx, &job)?;
                fence::end_running(tx, &job, to_time(now))?;
                paused_if_asked(tx, &job)
            })
            .await
    }

    /// True while the cycle is to go on: nobody has paused its job or cut it off.
    pub async fn goes_on(&self, job: &JobId, cycle: &CycleId) -> Result<bool, StoreError> {
        let (job, cycle) = (job.clone(), cycle.clone());
        self.database
            .read(move |tx| {
                let goes_on = cycles::table
                    .inner_join(jobs::table.on(jobs::job.eq(cycles::job)))
                    .filter(cycles::id.eq(cycle.as_str()))
                    .filter(jobs::job.eq(job.as_str()))
                    .filter(jobs::state.eq(JobState::Active.word()))
                    .filter(cycles::state.eq(CycleState::Running.word()));
                Ok(on_each!(tx, c => diesel::select(exists(goes_on)).get_result::<bool>(c))?)
            })
            .await
    }
}

pub(super) fn standing(tx: &mut Backend, job: &JobId) -> Result<Option<Standing>, StoreError> {
    let stored = on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select((jobs::state, jobs::starts, jobs::health))
        .first::<(String, i64, Option<String>)>(c)
        .optional())?;
    let Some((state, starts, health)) = stored else { return Ok(None) };
    let health = health.map_or_else(|| Ok(Health::default()), |text| from_json("health", &text))?;
    Ok(Some(Standing { state: JobState::read(&state)?, starts, health }))
}

fn set(tx: &mut Backend, job: &JobId, state: JobState) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(jobs::table.find(job.as_str())).set(jobs::state.eq(state.word())).execute(c))?;
    Ok(())
}

/// The job runs from here on, and whoever waits for its next cycle hears of it.
pub(super) fn activate(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(jobs::table.find(job.as_str()))
        .set((jobs::state.eq(JobState::Active.word()), jobs::starts.eq(jobs::starts + 1)))
        .execute(c))?;
    Ok(())
}

/// No cycle runs any more: a job that was asked to pause is paused.
pub(super) fn paused_if_asked(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(jobs::table.find(job.as_str()))
        .filter(jobs::state.eq(JobState::Pausing.word()))
        .set(jobs::state.eq(JobState::Paused.word()))
        .execute(c))?;
    Ok(())
}

/// Refuses to begin a cycle of a job that is not to run.
pub(super) fn refuse_paused(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    match standing(tx, job)? {
        Some(Standing { state: JobState::Pausing | JobState::Paused, .. }) => {
            Err(StoreError::Paused { job: job.clone() })
        }
        _ => Ok(()),
    }
}
