//! How a job stands, from everything that the store says of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Application, Control, ControlError, Declared};
use crate::model::{CycleState, JobState, Milestones, ObjectMappingId, Standing};
use crate::store::{CycleRecord, JobCounts};

/// How a job stands.
#[derive(Clone, Debug)]
pub struct JobStatus {
    pub schedule: Schedule,
    pub code: StatusCode,
    pub standing: Standing,
    pub counts: JobCounts,
    /// Objects with a resource, by what the mapping brings to what.
    pub linked: BTreeMap<ObjectMappingId, u64>,
    /// The cycle that runs, or else the last one.
    pub last: Option<CycleRecord>,
    /// The last one that has ended, however.
    pub last_ended: Option<CycleRecord>,
    pub milestones: Milestones,
    /// The process that drives the application of the job.
    pub driven_by: Option<String>,
    /// When this was so.
    pub at: DateTime<Utc>,
}

/// Whether a job runs on its schedule (`synchronizationScheduleState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Schedule {
    Active,
    Paused,
}

/// A job in one word (`synchronizationStatusCode`). Jobs that are declared have credentials, so none is `NotConfigured`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum StatusCode {
    /// No cycle of it has ended.
    NotRun,
    Active,
    Paused,
    Quarantine,
}

impl Control {
    /// Whether the job runs, and how it is.
    ///
    /// # Errors
    /// The store's.
    pub async fn standing(&self, job: &Declared) -> Result<Standing, ControlError> {
        Ok(self.store.standing(&job.id).await?)
    }

    /// How the job stands.
    ///
    /// # Errors
    /// The store's.
    pub async fn status(&self, application: &Application, job: &Declared) -> Result<JobStatus, ControlError> {
        let id = &job.id;
        let standing = self.store.standing(id).await?;
        let mut cycles = self.store.last_cycles(id, 2).await?;
        let last_ended = cycles.iter().find(|cycle| cycle.state != CycleState::Running).cloned();
        let (schedule, code) = in_words(&standing, last_ended.is_some());
        Ok(JobStatus {
            schedule,
            code,
            standing,
            counts: self.store.counts(id).await?,
            linked: self.store.linked(id).await?,
            last_ended,
            last: (!cycles.is_empty()).then(|| cycles.swap_remove(0)),
            milestones: self.store.milestones(id).await?,
            driven_by: self.store.driver(&application.name).await?,
            at: (self.now)(),
        })
    }
}

/// The schedule and the one word for a job that stands so. A pause is told at once, while its last requests are answered.
fn in_words(standing: &Standing, has_run: bool) -> (Schedule, StatusCode) {
    match (standing.state, has_run, &standing.health.quarantine) {
        (JobState::Pausing | JobState::Paused, ..) => (Schedule::Paused, StatusCode::Paused),
        (JobState::Active, _, Some(_)) => (Schedule::Active, StatusCode::Quarantine),
        (JobState::Active, true, None) => (Schedule::Active, StatusCode::Active),
        (JobState::Active, false, None) => (Schedule::Active, StatusCode::NotRun),
    }
}
