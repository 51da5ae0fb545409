//! How a job stands, and what of it was told.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::{Backend, on_each};
use crate::model::{Channel, FailureClass, Health, JobId, QuarantineReason};

use super::columns::{Word, to_count, to_json, to_time};
use super::tables::{escrows, jobs};
use super::{Store, StoreError};

impl Store {
    /// How the job stands. A job that never ran is sound.
    pub async fn health(&self, job: &JobId) -> Result<Health, StoreError> {
        Ok(self.standing(job).await?.health)
    }

    /// Objects in escrow that are tried again before they change. One whose cause may pass counts when it failed first
    /// at `lasting` or before.
    pub async fn failing(&self, job: &JobId, lasting: DateTime<Utc>) -> Result<u64, StoreError> {
        let job = job.clone();
        let passing = [FailureClass::Transient, FailureClass::Conflict, FailureClass::Outage, FailureClass::Resync];
        let passing = passing.map(Word::word);
        self.database
            .read(move |tx| {
                let failing = on_each!(tx, c => escrows::table
                    .filter(escrows::job.eq(job.as_str()))
                    .filter(escrows::next_attempt_at.is_not_null())
                    .filter(escrows::class.ne_all(passing).or(escrows::first_failed_at.le(to_time(lasting))))
                    .count()
                    .get_result(c))?;
                Ok(to_count(failing))
            })
            .await
    }

    /// The reason for a quarantine that was told last by this channel; `None` when none was, or when its end was told.
    pub async fn told(&self, job: &JobId, channel: Channel) -> Result<Option<QuarantineReason>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let stored = on_each!(tx, c => jobs::table
                    .filter(jobs::job.eq(job.as_str()))
                    .select((jobs::told, jobs::mailed))
                    .first::<(Option<String>, Option<String>)>(c)
                    .optional())?;
                let stored = stored.and_then(|(told, mailed)| match channel {
                    Channel::Webhook => told,
                    Channel::Mail => mailed,
                });
                stored.map(|word| QuarantineReason::read(&word)).transpose()
            })
            .await
    }

    /// Remembers what was told by this channel. A job that is not known is left alone.
    pub async fn mark_told(
        &self,
        job: &JobId,
        channel: Channel,
        reason: Option<QuarantineReason>,
    ) -> Result<(), StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                let (of_job, word) = (jobs::table.filter(jobs::job.eq(job.as_str())), reason.map(Word::word));
                match channel {
                    Channel::Webhook => on_each!(tx, c => diesel::update(of_job).set(jobs::told.eq(word)).execute(c))?,
                    Channel::Mail => on_each!(tx, c => diesel::update(of_job).set(jobs::mailed.eq(word)).execute(c))?,
                };
                Ok(())
            })
            .await
    }
}

/// Replaces how the job stands, within the transaction that ends a cycle.
pub(super) fn save(tx: &mut Backend, job: &JobId, health: &Health) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
        .set(jobs::health.eq(to_json(health)))
        .execute(c))?;
    Ok(())
}
