//! The lock that gives a job its one writer.
//!
//! Beside a SQLite file the operating system holds it, so it ends with the process, however that ends. On PostgreSQL the
//! lease of the application keeps other processes out, and this one keeps itself.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::db::DatabaseUrl;
use crate::model::JobId;

use super::{Lease, Store, StoreError};

/// The right to write for one job, until it is dropped.
#[derive(Debug)]
pub struct JobLock {
    lease: Lease,
    _held: Held,
}

#[derive(Debug)]
enum Held {
    /// Closing the file unlocks it.
    File {
        _file: File,
    },
    Process {
        job: JobId,
        locked: Arc<Mutex<HashSet<JobId>>>,
    },
}

impl JobLock {
    /// False once the lease of the application is over: another process may be the writer by now.
    pub fn is_held(&self) -> bool {
        self.lease.is_held()
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Process { job, locked } = self {
            locked.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
        }
    }
}

impl Store {
    /// Makes the caller the one writer of `job`, and this process the driver of its application.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the job has a writer already, in this process or, on SQLite, in another;
    /// [`StoreError::Driven`] when another process drives the application.
    pub async fn lock_job(&self, job: &JobId, application: &str) -> Result<JobLock, StoreError> {
        let held = match self.database.url() {
            DatabaseUrl::File(database) => lock_file(database, job)?,
            DatabaseUrl::Memory | DatabaseUrl::Postgres(_) => {
                if !self.locked.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone()) {
                    return Err(StoreError::Busy { job: job.clone() });
                }
                Held::Process { job: job.clone(), locked: self.locked.clone() }
            }
        };
        Ok(JobLock { lease: self.drive(application).await?, _held: held })
    }
}

fn lock_file(database: &Path, job: &JobId) -> Result<Held, StoreError> {
    let path = lock_path(database, &Sha256::digest(job.as_str().as_bytes()));
    let failed = |cause| StoreError::LockFile { path: path.display().to_string(), cause };
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Held::File { _file: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { job: job.clone() }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// The lock file lies beside the database; a digest, because a job may be named by any text.
fn lock_path(database: &Path, digest: &[u8]) -> PathBuf {
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".{digest}.lock"));
    PathBuf::from(path)
}
