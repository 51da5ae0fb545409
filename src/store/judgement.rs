//! Judging removals: what was let through is counted, and counts from the same transaction on, so that two jobs of one
//! application cannot both use up what is left of its day.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;
use uuid::Uuid;

use crate::db::{Backend, batches, on_each};
use crate::model::{
    Anchor, Baseline, CycleState, JobId, Measure, ObjectKey, ObjectMappingId, RemovalId, RemovalState, Tally,
};

use super::columns::{Word, from_json, to_amount, to_count, to_time};
use super::cycles::baseline;
use super::tables::{cycles, jobs, let_through};
use super::{Store, StoreError, removals};

/// What is let through counts for so long.
const DAY: TimeDelta = TimeDelta::hours(24);

/// How many cycles are looked at for what was there when the day began: the first that began with anything says it.
const CYCLES: i64 = 100;

/// Removals of one measure and object mapping that are to be judged together.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub job: JobId,
    pub mapping: ObjectMappingId,
    pub measure: Measure,
    /// Who loses something, each once, and how much: 1, or the number of references.
    pub losers: Vec<(Anchor, u64)>,
    /// How many more would have lost the same in this cycle if their resources had not gone over to others: an accident that
    /// was undone for most is one for the rest.
    pub relinked: u64,
    /// What is approved, or staged. References have no rows before they are staged.
    pub removals: Vec<RemovalId>,
    /// What was linked and exported when the cycle began.
    pub baseline: Baseline,
    pub now: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = let_through, treat_none_as_default_value = false)]
struct Row<'a> {
    id: String,
    job: &'a str,
    mapping: &'a str,
    measure: &'a str,
    attribute: &'a str,
    amount: i64,
    at: NaiveDateTime,
}

impl Store {
    /// Counts the removals together with those that were let through before, has `guard` judge the numbers, and approves
    /// or stages them. `guard` names the limit that is exceeded.
    pub async fn judge<E: Send + 'static>(
        &self,
        judgement: Judgement,
        guard: impl FnOnce(&Tally) -> Result<(), E> + Send + 'static,
    ) -> Result<(Tally, Result<(), E>), StoreError> {
        self.database
            .write(move |tx| {
                let application = application_of(tx, &judgement.job)?;
                tx.exclusive(&application)?;
                let jobs = jobs_of_application(tx, &application)?;
                forget_yesterday(tx, &jobs, judgement.now)?;
                let tally = tally(tx, &jobs, &judgement)?;
                let verdict = guard(&tally);
                if verdict.is_ok() {
                    count(tx, &judgement)?;
                }
                let state = if verdict.is_ok() { RemovalState::Approved } else { RemovalState::Staged };
                removals::set_state(tx, &judgement.removals, state)?;
                Ok((tally, verdict))
            })
            .await
    }
}

/// The references of the objects that were let through are gone from the target: the next ones count beside them.
pub(super) fn references_gone<'a>(
    tx: &mut Backend,
    job: &JobId,
    owners: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    for owner in owners {
        let id = id(job, &owner.mapping, &owner.anchor, &Measure::References);
        on_each!(tx, c => diesel::update(let_through::table.filter(let_through::id.eq(&id)))
            .set(let_through::id.eq(Uuid::now_v7().to_string()))
            .execute(c))?;
    }
    Ok(())
}

fn words(measure: &Measure) -> (&'static str, &str) {
    match measure {
        Measure::Access => ("access", ""),
        Measure::References => ("references", ""),
        Measure::Attribute(path) => ("attribute", path.as_str()),
    }
}

/// Under which a loser counts once.
fn id(job: &JobId, mapping: &ObjectMappingId, anchor: &Anchor, measure: &Measure) -> String {
    let (word, attribute) = words(measure);
    [word, attribute, job.as_str(), mapping.as_str(), anchor.as_str()].join("\u{1f}")
}

fn application_of(tx: &mut Backend, job: &JobId) -> Result<String, StoreError> {
    let application = on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select(jobs::application)
        .first::<String>(c)
        .optional())?;
    application.ok_or_else(|| StoreError::UnknownJob { job: job.clone() })
}

fn jobs_of_application(tx: &mut Backend, application: &str) -> Result<Vec<JobId>, StoreError> {
    let jobs = on_each!(tx, c => jobs::table
        .filter(jobs::application.eq(application))
        .select(jobs::job)
        .load::<String>(c))?;
    Ok(jobs.into_iter().map(JobId::new).collect())
}

/// What is older than a day goes. What lies in the future was counted by a clock that has been set back since: it counts
/// for one more day from now on, not for as long as the clock was wrong.
fn forget_yesterday(tx: &mut Backend, jobs: &[JobId], now: DateTime<Utc>) -> Result<(), StoreError> {
    for job in jobs {
        on_each!(tx, c => diesel::delete(let_through::table)
            .filter(let_through::job.eq(job.as_str()))
            .filter(let_through::at.le(to_time(now - DAY)))
            .execute(c))?;
        on_each!(tx, c => diesel::update(let_through::table)
            .filter(let_through::job.eq(job.as_str()))
            .filter(let_through::at.gt(to_time(now)))
            .set(let_through::at.eq(to_time(now)))
            .execute(c))?;
    }
    Ok(())
}

fn tally(tx: &mut Backend, jobs: &[JobId], judgement: &Judgement) -> Result<Tally, StoreError> {
    let measured = |baseline: &Baseline| match judgement.measure {
        Measure::References => baseline.exported_edges.clone(),
        Measure::Access | Measure::Attribute(_) => baseline.linked.clone(),
    };
    let of_cycle = measured(&judgement.baseline);
    let mut tally = Tally::default();
    let losses: u64 = judgement.losers.iter().map(|(_, amount)| amount).sum();
    for counted in [&mut tally.cycle, &mut tally.day, &mut tally.application] {
        counted.removals = losses + judgement.relinked;
    }
    tally.cycle.whole = of_cycle.get(&judgement.mapping).copied().unwrap_or_default();
    for job in jobs {
        let is_own = *job == judgement.job;
        let now = if is_own { of_cycle.clone() } else { measured(&baseline(tx, job)?) };
        let whole = when_the_day_began(tx, job, judgement.now, now, measured)?;
        tally.application.whole += whole.values().sum::<u64>();
        let before = before(tx, job, judgement)?;
        tally.application.removals += before.values().sum::<u64>();
        if is_own {
            tally.day.whole = whole.get(&judgement.mapping).copied().unwrap_or_default();
            tally.day.removals += before.get(&judgement.mapping).copied().unwrap_or_default();
        }
    }
    Ok(tally)
}

/// What there was by object mapping when the first cycle of the day began that found anything of it; `now` where there
/// was none. Until a cycle has come to its end for the first time, what there is is no measure of the directory.
fn when_the_day_began(
    tx: &mut Backend,
    job: &JobId,
    at: DateTime<Utc>,
    now: BTreeMap<ObjectMappingId, u64>,
    measured: impl Fn(&Baseline) -> BTreeMap<ObjectMappingId, u64>,
) -> Result<BTreeMap<ObjectMappingId, u64>, StoreError> {
    let finished = [CycleState::Succeeded.word(), CycleState::Partial.word()];
    let mut is_measure = on_each!(tx, c => diesel::select(exists(cycles::table
        .filter(cycles::job.eq(job.as_str()))
        .filter(cycles::started_at.le(to_time(at - DAY)))
        .filter(cycles::state.eq_any(finished))))
        .get_result::<bool>(c))?;
    let stored = on_each!(tx, c => cycles::table
        .filter(cycles::job.eq(job.as_str()))
        .filter(cycles::started_at.gt(to_time(at - DAY)))
        .order(cycles::started_at)
        .limit(CYCLES)
        .select((cycles::baseline, cycles::state))
        .load::<(String, String)>(c))?;
    let mut whole = BTreeMap::new();
    for (text, state) in stored {
        if is_measure {
            for (mapping, count) in measured(&from_json("baseline", &text)?) {
                if count > 0 {
                    whole.entry(mapping).or_insert(count);
                }
            }
        }
        is_measure |= finished.contains(&state.as_str());
    }
    for (mapping, count) in now {
        whole.entry(mapping).or_insert(count);
    }
    Ok(whole)
}

/// What was let through before, by object mapping, without those who are judged now: they count once.
fn before(tx: &mut Backend, job: &JobId, judgement: &Judgement) -> Result<BTreeMap<ObjectMappingId, u64>, StoreError> {
    let (word, attribute) = words(&judgement.measure);
    let judged: HashSet<String> = judgement
        .losers
        .iter()
        .map(|(anchor, _)| id(&judgement.job, &judgement.mapping, anchor, &judgement.measure))
        .collect();
    let rows = on_each!(tx, c => let_through::table
        .filter(let_through::job.eq(job.as_str()))
        .filter(let_through::measure.eq(word))
        .filter(let_through::attribute.eq(attribute))
        .select((let_through::id, let_through::mapping, let_through::amount))
        .load::<(String, String, i64)>(c))?;
    let mut before = BTreeMap::new();
    for (id, mapping, amount) in rows {
        if !judged.contains(&id) {
            *before.entry(ObjectMappingId::new(mapping)).or_default() += to_count(amount);
        }
    }
    Ok(before)
}

fn count(tx: &mut Backend, judgement: &Judgement) -> Result<(), StoreError> {
    let (measure, attribute) = words(&judgement.measure);
    for batch in batches(&judgement.losers) {
        let rows: Vec<Row<'_>> = batch
            .iter()
            .map(|(anchor, amount)| Row {
                id: id(&judgement.job, &judgement.mapping, anchor, &judgement.measure),
                job: judgement.job.as_str(),
                mapping: judgement.mapping.as_str(),
                measure,
                attribute,
                amount: to_amount(*amount),
                at: to_time(judgement.now),
            })
            .collect();
        on_each!(tx, c => diesel::insert_into(let_through::table)
            .values(&rows)
            .on_conflict(let_through::id)
            .do_update()
            .set((
                let_through::amount.eq(excluded(let_through::amount)),
                let_through::at.eq(excluded(let_through::at)),
            ))
            .execute(c))?;
    }
    Ok(())
}
