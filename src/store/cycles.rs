//! The cycles of a job: what they began with, and how they ended.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{AnyOf, Backend, on_each};
use crate::model::{
    Baseline, Counters, Cycle, CycleId, CycleKind, CycleState, Health, JobId, Milestones, ObjectMappingId, PastCycle,
};

use super::columns::{Word, from_json, to_count, to_json, to_time};
use super::tables::{cycles, holdings, jobs};
use super::{Store, StoreError, fence, health, job_state};

/// One cycle, as the store remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleRecord {
    pub id: CycleId,
    pub kind: CycleKind,
    pub state: CycleState,
    pub counters: Counters,
    /// Why it failed.
    pub error: Option<String>,
    pub started_at: DateTime<Utc>,
    /// `None` while it runs, and for one whose process died.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What the end of a cycle leaves behind.
#[derive(Clone, Debug)]
pub struct EndOfCycle<'a> {
    pub state: CycleState,
    pub counters: &'a Counters,
    /// Why it failed.
    pub error: Option<String>,
    /// How the job stands now.
    pub health: &'a Health,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = cycles)]
struct Row {
    id: String,
    job: String,
    kind: String,
    state: String,
    generation: i64,
    baseline: String,
    counters: String,
    error: Option<String>,
    started_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
}

impl Store {
    /// Begins a cycle under the next generation, and counts what is linked and exported now. The cycle of a process that
    /// died ends with it.
    ///
    /// # Errors
    /// [`StoreError::Paused`] when the job is not to run.
    pub async fn begin_cycle(&self, job: &JobId, kind: CycleKind, now: DateTime<Utc>) -> Result<Cycle, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                if !fence::lock_job(tx, &job)? {
                    return Err(StoreError::UnknownJob { job });
                }
                job_state::refuse_paused(tx, &job)?;
                fence::end_running(tx, &job, to_time(now))?;
                let generation = next_generation(tx, &job)?;
                let baseline = baseline(tx, &job)?;
                let id = Uuid::now_v7().to_string();
                let row = Row {
                    id: id.clone(),
                    job: job.as_str().to_owned(),
                    kind: kind.word().to_owned(),
                    state: CycleState::Running.word().to_owned(),
                    generation,
                    baseline: to_json(&baseline),
                    counters: to_json(&Counters::default()),
                    error: None,
                    started_at: to_time(now),
                    ended_at: None,
                };
                on_each!(tx, c => diesel::insert_into(cycles::table).values(&row).execute(c))?;
                Ok(Cycle { id: CycleId::new(id), generation, baseline })
            })
            .await
    }

    /// What a cycle would begin with, for what is done between two cycles. Its id stands in the log alone.
    pub async fn between_cycles(&self, job: &JobId) -> Result<Cycle, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let generation = on_each!(tx, c => jobs::table
                    .filter(jobs::job.eq(job.as_str()))
                    .select(jobs::generation)
                    .first::<i64>(c)
                    .optional())?;
                let generation = generation.ok_or_else(|| StoreError::UnknownJob { job: job.clone() })?;
                let id = CycleId::new(Uuid::now_v7().to_string());
                Ok(Cycle { id, generation, baseline: baseline(tx, &job)? })
            })
            .await
    }

    /// The next generation, for a read that begins anew within a cycle.
    pub async fn next_generation(&self, job: &JobId) -> Result<i64, StoreError> {
        let job = job.clone();
        self.database.write(move |tx| next_generation(tx, &job)).await
    }

    /// Ends a cycle, and stores how its job stands after it. A cycle that is not known is left alone.
    pub async fn end_cycle(
        &self,
        job: &JobId,
        cycle: &CycleId,
        end: EndOfCycle<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let EndOfCycle { state, counters, error, health } = end;
        let (job, cycle, counters, health) = (job.clone(), cycle.clone(), counters.clone(), health.clone());
        self.database
            .write(move |tx| {
                let known = on_each!(tx, c => diesel::update(cycles::table)
                    .filter(cycles::id.eq(cycle.as_str()))
                    .filter(cycles::job.eq(job.as_str()))
                    .set((
                        cycles::state.eq(state.word()),
                        cycles::counters.eq(to_json(&counters)),
                        cycles::error.eq(&error),
                        cycles::ended_at.eq(to_time(now)),
                    ))
                    .execute(c))?;
                if known > 0 {
                    remember(tx, &job, &cycle, state, counters, now)?;
                    health::save(tx, &job, &health)?;
                    job_state::paused_if_asked(tx, &job)?;
                }
                Ok(())
            })
            .await
    }

    /// The last `limit` cycles of a job, the newest first.
    pub async fn last_cycles(&self, job: &JobId, limit: u32) -> Result<Vec<CycleRecord>, StoreError> {
        let job = job.clone();
        self.database.read(move |tx| last(tx, &job, limit)).await
    }

    /// What is remembered of the job's cycles for longer than they are kept. Nothing of a job that never ran.
    pub async fn milestones(&self, job: &JobId) -> Result<Milestones, StoreError> {
        let job = job.clone();
        self.database.read(move |tx| milestones(tx, &job)).await
    }

    /// When the last cycle began that read everything and came to its end.
    pub async fn last_full_read(&self, job: &JobId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let at = on_each!(tx, c => cycles::table
                    .filter(cycles::job.eq(job.as_str()))
                    .filter(cycles::kind.eq(CycleKind::Initial.word()))
                    .filter(cycles::state.eq_any(FINISHED.map(Word::word)))
                    .order(cycles::id.desc())
                    .select(cycles::started_at)
                    .first::<NaiveDateTime>(c)
                    .optional())?;
                Ok(at.map(|at| at.and_utc()))
            })
            .await
    }

    /// Deletes at most so many cycles of the job, of those that began before the time, and says how many. The last that
    /// read everything stays, and so do the last of the old ones that came to its end, and what runs.
    pub async fn prune_cycles(&self, job: &JobId, before: DateTime<Utc>, most: u32) -> Result<usize, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                // Two of them may stay whatever their age.
                let oldest = on_each!(tx, c => cycles::table
                    .filter(cycles::job.eq(job.as_str()))
                    .order(cycles::id)
                    .limit(i64::from(most) + 2)
                    .select((cycles::id, cycles::state, cycles::started_at))
                    .load::<(String, String, NaiveDateTime)>(c))?;
                let before = to_time(before);
                if oldest.iter().all(|(.., started_at)| *started_at >= before) {
                    return Ok(0);
                }
                let full_read = on_each!(tx, c => cycles::table
                    .filter(cycles::job.eq(job.as_str()))
                    .filter(cycles::kind.eq(CycleKind::Initial.word()))
                    .filter(cycles::state.eq_any(FINISHED.map(Word::word)))
                    .order(cycles::id.desc())
                    .select(cycles::id)
                    .first::<String>(c)
                    .optional())?;
                // The guard asks whether any had come to its end before the day began.
                let old_one = on_each!(tx, c => cycles::table
                    .filter(cycles::job.eq(job.as_str()))
                    .filter(cycles::started_at.lt(before))
                    .filter(cycles::state.eq_any(FINISHED.map(Word::word)))
                    .order(cycles::id.desc())
                    .select(cycles::id)
                    .first::<String>(c)
                    .optional())?;
                let stay: Vec<String> = full_read.into_iter().chain(old_one).collect();
                let running = CycleState::Running.word();
                let old = |(id, state, started_at): &(String, String, NaiveDateTime)| {
                    *started_at < before && state != running && !stay.contains(id)
                };
                let old = oldest.into_iter().filter(old).map(|(id, ..)| id).take(most as usize);
                let old: Vec<String> = old.collect();
                if old.is_empty() {
                    return Ok(0);
                }
                Ok(on_each!(tx, c => diesel::delete(cycles::table)
                    .filter(cycles::id.any_of(old.iter().map(String::as_str)))
                    .execute(c))?)
            })
            .await
    }
}

/// A cycle that came to its end.
const FINISHED: [CycleState; 2] = [CycleState::Succeeded, CycleState::Partial];

/// [`Store::last_cycles`], within a transaction.
pub(super) fn last(tx: &mut Backend, job: &JobId, limit: u32) -> Result<Vec<CycleRecord>, StoreError> {
    let rows = on_each!(tx, c => cycles::table
        .filter(cycles::job.eq(job.as_str()))
        .order(cycles::id.desc())
        .limit(limit.into())
        .select(Row::as_select())
        .load::<Row>(c))?;
    rows.into_iter().map(read).collect()
}

pub(super) fn milestones(tx: &mut Backend, job: &JobId) -> Result<Milestones, StoreError> {
    let stored = on_each!(tx, c => jobs::table
    .filter(jobs::job.eq(job.as_str()))
    .select(jobs::milestones)
    .first::<Option<String>>(c)
    .optional())?;
    stored.flatten().map_or_else(|| Ok(Milestones::default()), |text| from_json("milestones", &text))
}

/// The cycle has ended like this.
fn remember(
    tx: &mut Backend,
    job: &JobId,
    cycle: &CycleId,
    state: CycleState,
    counters: Counters,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = on_each!(tx, c => cycles::table.find(cycle.as_str()).select(Row::as_select()).first::<Row>(c))?;
    let CycleRecord { id, kind, started_at, .. } = read(row)?;
    let before = milestones(tx, job)?;
    let after = before.clone().after(PastCycle { id, kind, counters, started_at, ended_at: now }, state);
    if after != before {
        on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
        .set(jobs::milestones.eq(to_json(&after)))
        .execute(c))?;
    }
    Ok(())
}

fn next_generation(tx: &mut Backend, job: &JobId) -> Result<i64, StoreError> {
    let known = on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
        .set(jobs::generation.eq(jobs::generation + 1))
        .execute(c))?;
    if known == 0 {
        return Err(StoreError::UnknownJob { job: job.clone() });
    }
    Ok(on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select(jobs::generation)
        .first::<i64>(c))?)
}

/// What is linked and exported now.
pub(super) fn baseline(tx: &mut Backend, job: &JobId) -> Result<Baseline, StoreError> {
    let rows = on_each!(tx, c => holdings::table
        .filter(holdings::job.eq(job.as_str()))
        .select((holdings::mapping, holdings::linked, holdings::exported_edges))
        .load::<(String, i64, i64)>(c))?;
    let mut baseline = Baseline::default();
    for (mapping, linked, exported) in rows {
        let mapping = ObjectMappingId::new(mapping);
        if linked > 0 {
            baseline.linked.insert(mapping.clone(), to_count(linked));
        }
        if exported > 0 {
            baseline.exported_edges.insert(mapping, to_count(exported));
        }
    }
    Ok(baseline)
}

fn read(row: Row) -> Result<CycleRecord, StoreError> {
    Ok(CycleRecord {
        id: CycleId::new(row.id),
        kind: CycleKind::read(&row.kind)?,
        state: CycleState::read(&row.state)?,
        counters: from_json("counters", &row.counters)?,
        error: row.error,
        started_at: row.started_at.and_utc(),
        ended_at: row.ended_at.map(|time| time.and_utc()),
    })
}
