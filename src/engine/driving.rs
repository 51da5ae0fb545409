//! Which of several processes drives an application, on the schedule of its jobs.

use std::time::Duration;

use crate::{
    engine::run::Job,
    store::{Lease, Store, StoreError, Tenure},
};

/// What the schedule of a job knows of who drives its application.
#[derive(Default)]
pub(super) struct Driving {
    /// Kept between cycles, so that one process stays the driver.
    lease: Option<Lease>,
    /// The driver that was told last.
    told: Option<String>,
}

impl Driving {
    /// Lets cycles of the job begin in this process.
    ///
    /// # Errors
    /// How long to wait, because another process has the application, or is to have it.
    pub(super) async fn may_begin(&mut self, store: &Store, job: &Job) -> Result<(), Duration> {
        let a_while = store.lease_length() / 3;
        let lease = match self.lease.take() {
            Some(lease) if lease.tenure() != Tenure::Over => Ok(lease),
            _ => store.drive(&job.application).await,
        };
        match lease {
            // Dropped, it is given back as soon as no other job of the application runs.
            Ok(lease) if lease.tenure() == Tenure::Asked => Err(a_while),
            Ok(lease) => {
                (self.lease, self.told) = (Some(lease), None);
                Ok(())
            }
            Err(StoreError::Driven { application, by, at_least }) => {
                if self.told.as_ref() != Some(&by) {
                    tracing::warn!(job.id = %job.id, "`{by}` drives the application `{application}`; the job waits for its turn here");
                    self.told = Some(by);
                }
                // One that has died is followed as soon as its lease is over.
                Err(at_least.min(a_while))
            }
            // The cycle will say what is wrong.
            Err(_) => Ok(()),
        }
    }

    /// Returns once the lease of this process is over, or asked for.
    pub(super) async fn is_disturbed(&self) {
        match &self.lease {
            Some(lease) => lease.disturbed().await,
            None => std::future::pending().await,
        }
    }
}
