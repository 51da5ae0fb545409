//! The lock that gives a job its one writer.
//!
//! The operating system or the database session holds it, so it ends with the process, however that ends.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::db::{DatabaseUrl, SessionLock};
use crate::model::JobId;

use super::{Store, StoreError};

/// A server frees the lock of a session that has just ended with a delay.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// The right to write for one job, until it is dropped.
#[derive(Debug)]
pub struct JobLock(Held);

#[derive(Debug)]
enum Held {
    /// Closing the file unlocks it.
    File {
        _file: File,
    },
    /// The end of the session unlocks it.
    Session(SessionLock),
    Process {
        job: JobId,
        locked: Arc<Mutex<HashSet<JobId>>>,
    },
}

impl JobLock {
    /// False once the session that held the lock was lost: another process may be the writer by now.
    pub fn is_held(&self) -> bool {
        match &self.0 {
            Held::Session(lock) => lock.is_held(),
            Held::File { .. } | Held::Process { .. } => true,
        }
    }
}

impl Drop for JobLock {
    fn drop(&mut self) {
        if let Held::Process { job, locked } = &self.0 {
            locked.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
        }
    }
}

impl Store {
    /// Makes the caller the one writer of `job`.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when there is one already, in this process or another.
    pub async fn lock_job(&self, job: &JobId) -> Result<JobLock, StoreError> {
        let busy = || StoreError::Busy { job: job.clone() };
        let digest = Sha256::digest(job.as_str().as_bytes());
        match self.database.url() {
            DatabaseUrl::Memory => {
                let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
                if !locked.insert(job.clone()) {
                    return Err(busy());
                }
                Ok(JobLock(Held::Process { job: job.clone(), locked: self.locked.clone() }))
            }
            DatabaseUrl::File(database) => {
                let path = lock_path(database, &digest);
                let failed = |cause| StoreError::LockFile { path: path.display().to_string(), cause };
                let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
                match file.try_lock() {
                    Ok(()) => Ok(JobLock(Held::File { _file: file })),
                    Err(TryLockError::WouldBlock) => Err(busy()),
                    Err(TryLockError::Error(cause)) => Err(failed(cause)),
                }
            }
            DatabaseUrl::Postgres(_) => {
                let (first, _) = digest.split_at(8);
                let number = i64::from_be_bytes(first.try_into().expect("eight bytes of a digest of 32"));
                for attempt in 1..=ATTEMPTS {
                    if let Some(lock) = self.database.advisory_lock(number).await? {
                        return Ok(JobLock(Held::Session(lock)));
                    }
                    if attempt < ATTEMPTS {
                        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
                    }
                }
                Err(busy())
            }
        }
    }
}

/// The lock file lies beside the database; a digest, because a job may be named by any text.
fn lock_path(database: &Path, digest: &[u8]) -> PathBuf {
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".{digest}.lock"));
    PathBuf::from(path)
}
