//! Runs jobs on their schedule until it is told to stop.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        cycle::{self, CycleReport},
        quarantine,
        run::{CycleError, Job, Progress},
        steering,
    },
    model::{JobState, Standing},
    source::Source,
    store::Store,
    target::ScimTarget,
};

/// The longest pause between two attempts of a job that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// No job has been started so often.
const UNKNOWN: i64 = -1;

/// A job with everything it needs to run.
#[derive(Clone)]
pub struct ScheduledJob {
    pub job: Job,
    pub source: Arc<dyn Source>,
    pub target: ScimTarget,
    /// From the start of one cycle to the start of the next.
    pub interval: Duration,
}

/// Runs every job in a task of its own and returns when all have ended after `stop`. `report` hears how each cycle
/// ended.
pub async fn run_jobs(
    jobs: Vec<ScheduledJob>,
    store: Store,
    stop: CancellationToken,
    report: impl Fn(&Job, &Result<CycleReport, CycleError>) + Clone + Send + Sync + 'static,
) {
    let mut tasks = JoinSet::new();
    for job in jobs {
        tasks.spawn(run_job(job, store.clone(), stop.clone(), report.clone(), tokio::time::sleep));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = %error, "a job ended unexpectedly; its state is safe, restart the gateway to resume it");
        }
    }
}

/// A paused job waits until it is started, one in quarantine for its next attempt. Meanwhile its standing is looked at
/// once an interval, for another process may have ended the quarantine, and by whoever asks for something at once.
async fn run_job<Rest: Future<Output = ()>>(
    scheduled: ScheduledJob,
    store: Store,
    stop: CancellationToken,
    report: impl Fn(&Job, &Result<CycleReport, CycleError>),
    rest: impl Fn(Duration) -> Rest,
) {
    let ScheduledJob { job, interval, .. } = &scheduled;
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let started = tokio::time::Instant::now();
        let standing = store.standing(&job.id).await.unwrap_or_else(|error| {
            report(job, &Err(error.into()));
            // Whether it may run cannot be told, so nothing is run until the store says.
            Standing { starts: UNKNOWN, state: JobState::Paused, ..Standing::default() }
        });
        let waits = quarantine::wait(&standing.health, &job.policy.quarantine, (job.now)());
        let pause = match (standing.state, waits) {
            (JobState::Active, None) => {
                let result = run_once(&scheduled, &store, &stop).await;
                report(job, &result);
                let failed = result.is_err_and(|error| error.class().is_some());
                failures = if failed { failures.saturating_add(1) } else { 0 };
                pause_after(*interval, failures).saturating_sub(started.elapsed())
            }
            (JobState::Active, Some(wait)) => wait.min(*interval),
            (JobState::Pausing, _) => {
                end_pause(&store, job).await;
                *interval
            }
            (JobState::Paused, _) => *interval,
        };
        tokio::select! {
            () = rest(pause) => {}
            () = steering::asked(&store, &job.id, &standing) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A process died while the job was to pause: no cycle of it is left to end.
async fn end_pause(store: &Store, job: &Job) {
    let ended = async {
        let _writer = store.lock_job(&job.id).await?;
        store.settle_pause(&job.id, (job.now)()).await
    };
    if let Err(error) = ended.await {
        tracing::debug!(job.id = %job.id, %error, "the job is not paused yet");
    }
}

async fn run_once(
    scheduled: &ScheduledJob,
    store: &Store,
    stop: &CancellationToken,
) -> Result<CycleReport, CycleError> {
    let (progress, _) = watch::channel(Progress::default());
    let ScheduledJob { job, source, target, .. } = scheduled.clone();
    cycle::run_cycle(job, store.clone(), source, target, stop.clone(), progress).await
}

/// From the start of a cycle to the start of the next while the job is not in quarantine. Failures double it, up to an
/// hour.
pub fn pause_after(interval: Duration, failures: u32) -> Duration {
    let doubled = interval.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    if failures == 0 { interval } else { doubled.min(LONGEST_PAUSE.max(interval)) }
}

#[cfg(test)]
mod tests;
