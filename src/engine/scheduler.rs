//! Runs jobs on their schedule until it is told to stop.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        cycle::{self, CycleReport},
        run::{CycleError, Job, Progress},
    },
    model::FailureClass,
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
        tasks.spawn(run_job(job, store.clone(), stop.clone(), report.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = %error, "a job ended unexpectedly; its state is safe, restart the gateway to resume it");
        }
    }
}

async fn run_job(
    scheduled: ScheduledJob,
    store: Store,
    stop: CancellationToken,
    report: impl Fn(&Job, &Result<CycleReport, CycleError>),
) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let started = tokio::time::Instant::now();
        let (progress, _) = watch::channel(Progress::default());
        let ScheduledJob { job, source, target, interval } = scheduled.clone();
        let result = cycle::run_cycle(job, store.clone(), source, target, stop.clone(), progress).await;
        report(&scheduled.job, &result);
        failures = if result.is_ok() { 0 } else { failures + 1 };
        let pause = pause_after(interval, failures, result.as_ref().err().and_then(CycleError::class));
        tokio::select! {
            () = tokio::time::sleep_until(started + pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// From the start of a cycle to the start of the next. Failures double it, up to an hour; refused credentials go there
/// at once, because repeating a wrong password locks accounts.
pub fn pause_after(interval: Duration, failures: u32, class: Option<FailureClass>) -> Duration {
    if class == Some(FailureClass::Credentials) {
        return interval.max(LONGEST_PAUSE);
    }
    let doubled = interval.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    if failures == 0 { interval } else { doubled.min(LONGEST_PAUSE.max(interval)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_a_job_down_and_success_restores_its_pace() {
        let minute = Duration::from_secs(60);
        assert_eq!(pause_after(minute, 0, None), minute);
        assert_eq!(pause_after(minute, 1, Some(FailureClass::Outage)), minute);
        assert_eq!(pause_after(minute, 4, Some(FailureClass::Outage)), minute * 8);
        assert_eq!(pause_after(minute, u32::MAX, Some(FailureClass::Outage)), LONGEST_PAUSE);
        assert_eq!(pause_after(minute, 1, Some(FailureClass::Credentials)), LONGEST_PAUSE);
        let day = Duration::from_secs(86_400);
        assert_eq!(pause_after(day, 9, None), day);
    }
}
