//! The jobs that the store knows, and what is counted of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{Backend, on_each};
use crate::model::{HashKey, JobId, ObjectMappingId, RemovalState, TargetIdentity};

use super::columns::{Word, to_count};
use super::objects::due_anew;
use super::tables::{escrows, holdings, jobs, links, objects, removals};
use super::{Store, StoreError, fence, term};

/// What status shows of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Objects with a resource.
    pub linked: u64,
    pub escrowed: u64,
    /// Objects with a resource that are not in escrow.
    pub sound: u64,
    /// Removals that wait for a person.
    pub staged: u64,
    /// Objects that are due, those that wait for a removal or for the end of an open intent included.
    pub due: u64,
    /// When the oldest removal was held that is neither done nor rejected, those left out whose time has not come.
    pub oldest_held: Option<DateTime<Utc>>,
}

impl Store {
    /// Registers a job, or confirms what is registered. Returns the key under which the job hashes what is not kept: the
    /// same as long as the store lives.
    ///
    /// # Errors
    /// [`StoreError::OtherTarget`] when the job has links in another target. [`StoreError::Driven`] when it belonged to
    /// another application, which somebody drives.
    pub async fn ensure_job(
        &self,
        job: &JobId,
        application: &str,
        target: &TargetIdentity,
    ) -> Result<HashKey, StoreError> {
        let (job, application, target) = (job.clone(), application.to_owned(), target.clone());
        self.database
            .write(move |tx| {
                // Nobody moves the job to another application meanwhile.
                fence::lock_job(tx, &job)?;
                let stored = on_each!(tx, c => jobs::table
                    .filter(jobs::job.eq(job.as_str()))
                    .select((jobs::application, jobs::target))
                    .first::<(String, String)>(c)
                    .optional())?;
                let (former, stored) = stored.unzip();
                if let Some(former) = former.filter(|former| *former != application)
                    && let Some(driver) = term::driver(tx, &former)?
                {
                    return Err(StoreError::driven(former, driver));
                }
                if let Some(stored) = stored.filter(|stored| stored != target.as_str())
                    && on_each!(tx, c => diesel::select(diesel::dsl::exists(
                        links::table.filter(links::job.eq(job.as_str())),
                    ))
                    .get_result::<bool>(c))?
                {
                    return Err(StoreError::OtherTarget { job, stored: TargetIdentity::new(stored), given: target });
                }
                let row = (
                    jobs::job.eq(job.as_str()),
                    jobs::application.eq(&application),
                    jobs::target.eq(target.as_str()),
                    jobs::schema_version.eq(0),
                    jobs::generation.eq(0),
                );
                on_each!(tx, c => diesel::insert_into(jobs::table)
                    .values(row)
                    .on_conflict(jobs::job)
                    .do_update()
                    .set((
                        jobs::application.eq(excluded(jobs::application)),
                        jobs::target.eq(excluded(jobs::target)),
                    ))
                    .execute(c))?;
                let of_job = jobs::table.filter(jobs::job.eq(job.as_str()));
                let stored = on_each!(tx, c => of_job.select(jobs::hash_key).first::<Option<Vec<u8>>>(c))?;
                if let Some(stored) = stored.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
                    return Ok(HashKey::from(stored));
                }
                let fresh: [u8; 32] = rand::random();
                on_each!(tx, c => diesel::update(of_job).set(jobs::hash_key.eq(Some(fresh.to_vec()))).execute(c))?;
                Ok(HashKey::from(fresh))
            })
            .await
    }

    /// False for a job that nothing was ever done for.
    pub async fn knows_job(&self, job: &JobId) -> Result<bool, StoreError> {
        let job = job.clone();
        let of_job = move |tx: &mut Backend| {
            let known = jobs::table.filter(jobs::job.eq(job.as_str()));
            Ok(on_each!(tx, c => diesel::select(diesel::dsl::exists(known)).get_result::<bool>(c))?)
        };
        self.database.read(of_job).await
    }

    /// The version of the synchronization schema that the job's objects are evaluated against.
    pub async fn job_schema_version(&self, job: &JobId) -> Result<i64, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let version = on_each!(tx, c => jobs::table
                    .filter(jobs::job.eq(job.as_str()))
                    .select(jobs::schema_version)
                    .first::<i64>(c)
                    .optional())?;
                version.ok_or(StoreError::UnknownJob { job })
            })
            .await
    }

    /// Pins a version of the synchronization schema: every object that was evaluated against another one is due. Nothing
    /// is looked through while the version stays the same. True when it is another one than before.
    pub async fn mark_schema_due(&self, job: &JobId, version: i64) -> Result<bool, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                let pinned = on_each!(tx, c => jobs::table
                    .filter(jobs::job.eq(job.as_str()))
                    .select(jobs::schema_version)
                    .first::<i64>(c)
                    .optional())?;
                match pinned {
                    None => return Err(StoreError::UnknownJob { job }),
                    Some(pinned) if pinned == version => return Ok(false),
                    Some(_) => {}
                }
                on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
                    .set(jobs::schema_version.eq(version))
                    .execute(c))?;
                on_each!(tx, c => diesel::update(objects::table)
                    .filter(objects::job.eq(job.as_str()))
                    .filter(objects::evaluated_schema.ne(version))
                    .set(due_anew!())
                    .execute(c))?;
                Ok(true)
            })
            .await
    }

    /// What status shows of the job.
    pub async fn counts(&self, job: &JobId) -> Result<JobCounts, StoreError> {
        let job = job.clone();
        self.database.read(move |tx| counts(tx, &job)).await
    }
}

/// [`Store::counts`], within a transaction.
pub(super) fn counts(tx: &mut Backend, job: &JobId) -> Result<JobCounts, StoreError> {
    let linked: i64 = on_each!(tx, c => holdings::table
        .filter(holdings::job.eq(job.as_str()))
        .select(holdings::linked)
        .load::<i64>(c))?
    .into_iter()
    .sum();
    let escrowed = on_each!(tx, c => escrows::table.filter(escrows::job.eq(job.as_str())).count().get_result(c))?;
    let linked_in_escrow = on_each!(tx, c => escrows::table
        .filter(escrows::job.eq(job.as_str()))
        .filter(diesel::dsl::exists(
            links::table
                .filter(links::job.eq(escrows::job))
                .filter(links::anchor.eq(escrows::anchor))
                .filter(links::mapping.eq(escrows::mapping)),
        ))
        .count()
        .get_result::<i64>(c))?;
    let staged = on_each!(tx, c => removals::table
        .filter(removals::job.eq(job.as_str()))
        .filter(removals::state.eq(RemovalState::Staged.word()))
        .count()
        .get_result(c))?;
    let due = on_each!(tx, c => objects::table
        .filter(objects::job.eq(job.as_str()))
        .filter(objects::due)
        .count()
        .get_result(c))?;
    let oldest = on_each!(tx, c => removals::table
        .filter(removals::job.eq(job.as_str()))
        .filter(removals::state.ne(RemovalState::Rejected.word()))
        .filter(removals::not_before.is_null())
        .select(diesel::dsl::min(removals::held_at))
        .first::<Option<chrono::NaiveDateTime>>(c))?;
    Ok(JobCounts {
        linked: to_count(linked),
        escrowed: to_count(escrowed),
        sound: to_count(linked).saturating_sub(to_count(linked_in_escrow)),
        staged: to_count(staged),
        due: to_count(due),
        oldest_held: oldest.map(|time| time.and_utc()),
    })
}

/// Objects with a resource, by mapping. Nothing for a job that never ran.
pub(super) fn linked(tx: &mut Backend, job: &JobId) -> Result<BTreeMap<ObjectMappingId, u64>, StoreError> {
    let rows = on_each!(tx, c => holdings::table
        .filter(holdings::job.eq(job.as_str()))
        .select((holdings::mapping, holdings::linked))
        .load::<(String, i64)>(c))?;
    Ok(rows.into_iter().map(|(mapping, linked)| (ObjectMappingId::new(mapping), to_count(linked))).collect())
}

/// The target that `job` writes to.
pub(super) fn target_of(tx: &mut Backend, job: &JobId) -> Result<TargetIdentity, StoreError> {
    let target = on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select(jobs::target)
        .first::<String>(c)
        .optional())?;
    target.map(TargetIdentity::new).ok_or_else(|| StoreError::UnknownJob { job: job.clone() })
}

/// The jobs that write to `target`: their links exclude each other, and their references see each other's resources.
pub(super) fn jobs_of(tx: &mut Backend, target: &TargetIdentity) -> Result<Vec<String>, StoreError> {
    Ok(on_each!(tx, c => jobs::table.filter(jobs::target.eq(target.as_str())).select(jobs::job).load(c))?)
}
