//! Why the store could not answer.

use std::time::Duration;

use crate::db::DbError;
use crate::model::{JobId, TargetIdentity};

use super::term::Driver;

/// A failure of the store. A failed unit of work has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database below: not there, not answering, damaged, or contradicted.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The job has its one writer already.
    #[error("job `{job}` is being run by another process: wait until it is done, or stop it")]
    Busy { job: JobId },
    /// The application has its one driver already.
    #[error(
        "the application `{application}` is driven by another process, `{by}`: stop that one, or try again when it is not busy; one that died lets go by itself within a lease"
    )]
    Driven {
        application: String,
        by: String,
        /// How long the other process has the application yet if it does not renew its lease.
        at_least: Duration,
    },
    /// The lock of a job cannot be taken or refused.
    #[error("cannot use the lock file `{path}`: check its folder and owner")]
    LockFile {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    /// The job was never registered.
    #[error("the store does not know job `{job}`")]
    UnknownJob { job: JobId },
    /// The job is not to run.
    #[error("job `{job}` is paused: `provisor jobs start {job}` lets it run")]
    Paused { job: JobId },
    /// Links cannot be dropped while something is to be done with them.
    #[error(
        "the links of job `{job}` stay: {changes} changes and {removals} removals are not carried out yet, and who left would keep access without a link; let a cycle end, decide about staged removals, then restart"
    )]
    Unsettled { job: JobId, changes: u64, removals: u64 },
    /// The job is linked to resources of another target.
    #[error(
        "job `{job}` has links in the target `{stored}`, but is configured for `{given}`: restore the base URL, or reset the job"
    )]
    OtherTarget { job: JobId, stored: TargetIdentity, given: TargetIdentity },
    /// A stored value is not what this program writes.
    #[error("the store holds a value in `{column}` that cannot be read: it was changed by hand, or by a newer version")]
    Corrupt {
        column: &'static str,
        #[source]
        cause: Option<serde_json::Error>,
    },
}

impl StoreError {
    pub(super) fn driven(application: String, Driver { holder, has }: Driver) -> Self {
        Self::Driven { application, by: holder, at_least: has }
    }

    /// True when the same unit of work may succeed later, as it is.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database(DbError::Unavailable { .. } | DbError::Open { .. }))
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}
