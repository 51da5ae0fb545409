//! Runs jobs on their schedule until it is told to stop.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        cycle::{self, CycleReport},
        quarantine,
        run::{CycleError, Job, Progress},
    },
    source::Source,
    store::Store,
    target::ScimTarget,
};

/// The longest pause between two attempts of a job that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

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

/// A job in quarantine waits for its next attempt. Meanwhile its health is looked at once an interval: another process
/// may have ended the quarantine.
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
        let waits =
            store.health(&job.id).await.map(|health| quarantine::wait(&health, &job.policy.quarantine, (job.now)()));
        let pause = match waits {
            Ok(Some(wait)) => wait.min(*interval),
            Ok(None) => {
                let result = run_once(&scheduled, &store, &stop).await;
                report(job, &result);
                failures = if result.is_ok() { 0 } else { failures.saturating_add(1) };
                pause_after(*interval, failures).saturating_sub(started.elapsed())
            }
            // Whether it is in quarantine cannot be told, so nothing is run.
            Err(error) => {
                report(job, &Err(error.into()));
                failures = failures.saturating_add(1);
                pause_after(*interval, failures)
            }
        };
        tokio::select! {
            () = rest(pause) => {}
            () = stop.cancelled() => {}
        }
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
