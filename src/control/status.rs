//! How a job stands, from everything that the store says of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Application, Control, ControlError, Declared};
use crate::model::{CycleState, JobState, Milestones, ObjectMappingId, Standing};
use crate::store::{CycleRecord, JobCounts, JobSnapshot};

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
        let snapshot = self.store.snapshot(&job.id, &application.name).await?;
        let JobSnapshot { standing, counts, linked, mut cycles, milestones, driven_by } = snapshot;
        let last_ended = cycles.iter().find(|cycle| cycle.state != CycleState::Running).cloned();
        let (schedule, code) = in_words(&standing, last_ended.is_some());
        let last = (!cycles.is_empty()).then(|| cycles.swap_remove(0));
        Ok(JobStatus { schedule, code, standing, counts, linked, last, last_ended, milestones, driven_by })
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{Health, Quarantine, QuarantineError, QuarantineReason};

    #[test]
    fn a_pause_counts_more_than_a_quarantine_and_that_more_than_what_has_run() {
        let error = QuarantineError { code: "c".to_owned(), message: "m".to_owned(), tenant_actionable: true };
        let quarantine = Quarantine {
            reason: QuarantineReason::TooManyDeletes,
            current_began: DateTime::UNIX_EPOCH,
            series_began: DateTime::UNIX_EPOCH,
            series_count: 1,
            next_attempt: None,
            error,
        };
        for (state, quarantined, has_run, expected) in [
            (JobState::Active, false, false, (Schedule::Active, StatusCode::NotRun)),
            (JobState::Active, false, true, (Schedule::Active, StatusCode::Active)),
            (JobState::Active, true, false, (Schedule::Active, StatusCode::Quarantine)),
            (JobState::Active, true, true, (Schedule::Active, StatusCode::Quarantine)),
            (JobState::Pausing, false, true, (Schedule::Paused, StatusCode::Paused)),
            (JobState::Pausing, true, true, (Schedule::Paused, StatusCode::Paused)),
            (JobState::Paused, false, false, (Schedule::Paused, StatusCode::Paused)),
            (JobState::Paused, true, true, (Schedule::Paused, StatusCode::Paused)),
        ] {
            let health = Health { quarantine: quarantined.then(|| quarantine.clone()), ..Health::default() };
            let standing = Standing { state, health, ..Standing::default() };
            assert_eq!(in_words(&standing, has_run), expected, "{state:?} {quarantined} {has_run}");
        }
    }
}
