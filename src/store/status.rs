//! Everything that a status tells of a job, as it was at one moment.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::db::Backend;
use crate::model::{JobId, Milestones, ObjectMappingId, Standing};

use super::cycles::{self, CycleRecord};
use super::jobs::{self, JobCounts};
use super::{Store, StoreError, job_state, term};

/// How a job stood at one moment. Of a job that never ran, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSnapshot {
    pub standing: Standing,
    pub counts: JobCounts,
    /// Objects with a resource, by mapping.
    pub linked: BTreeMap<ObjectMappingId, u64>,
    /// The last two cycles, the newest first: one that runs, and one that has ended before it.
    pub cycles: Vec<CycleRecord>,
    pub milestones: Milestones,
    /// The process that drives the application.
    pub driven_by: Option<String>,
}

impl Store {
    /// How the job of the application stands. What is said of its last cycle and what is remembered of it agree, however
    /// busy it is.
    pub async fn snapshot(&self, job: &JobId, application: &str) -> Result<JobSnapshot, StoreError> {
        let (job, application) = (job.clone(), application.to_owned());
        self.database
            .read(move |tx| {
                if let Backend::Postgres(connection) = tx {
                    // Otherwise each statement sees what was committed before it. SQLite reads a snapshot anyway.
                    diesel::sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                        .execute(connection.as_mut())?;
                }
                Ok(JobSnapshot {
                    standing: job_state::standing(tx, &job)?.unwrap_or_default(),
                    counts: jobs::counts(tx, &job)?,
                    linked: jobs::linked(tx, &job)?,
                    cycles: cycles::last(tx, &job, 2)?,
                    milestones: cycles::milestones(tx, &job)?,
                    driven_by: term::driver(tx, &application)?.map(|driver| driver.holder),
                })
            })
            .await
    }
}
