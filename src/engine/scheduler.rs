//! Runs jobs on their schedule until it is told to stop.
//!
//! [`timing`] says when a job wants a cycle, [`turns`] whose turn it is among those that want one; both are pure. Every job
//! has a task that waits, in this order, for its time and for its turn.

pub mod timing;
pub mod turns;
mod turnstile;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{
    timing::Timing,
    turns::{AskedBy, Bounds, Claim},
    turnstile::Turnstile,
};
use crate::{
    engine::{
        cycle::{self, CycleReport},
        driving::Driving,
        quarantine,
        run::{CycleError, Job, Progress},
        steering,
    },
    model::{JobState, Standing},
    source::Source,
    store::Store,
    target::ScimTarget,
};

/// No job has been started so often.
const UNKNOWN: i64 = -1;

/// A job with everything it needs to run.
#[derive(Clone)]
pub struct ScheduledJob {
    pub job: Job,
    pub source: Arc<dyn Source>,
    pub target: ScimTarget,
    pub timing: Timing,
}

/// How a cycle ended.
pub type Ended = Result<CycleReport, CycleError>;

/// Runs every job in a task of its own and returns when all have ended after `stop`. `report` hears how each cycle
/// ended.
pub async fn run_jobs(
    jobs: Vec<ScheduledJob>,
    bounds: Bounds,
    store: Store,
    stop: CancellationToken,
    report: impl Fn(&Job, &Ended) + Clone + Send + Sync + 'static,
) {
    let turnstile = Turnstile::new(bounds);
    let mut tasks = JoinSet::new();
    for scheduled in jobs {
        let task = JobTask { scheduled, store: store.clone(), turnstile: turnstile.clone(), stop: stop.clone() };
        tasks.spawn(task.run(report.clone(), tokio::time::sleep));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = %error, "a job ended unexpectedly; its state is safe, restart the gateway to resume it");
        }
    }
}

/// What the task of one job has.
struct JobTask {
    scheduled: ScheduledJob,
    store: Store,
    turnstile: Turnstile,
    stop: CancellationToken,
}

impl JobTask {
    /// Runs cycles until the stop, while no other process drives the application. Whoever asks for a turn has one, which is
    /// no reason for the next cycle to come early. A paused job waits until it is started, one in quarantine for its next
    /// attempt. Meanwhile its standing is looked at once an interval, for another process may have ended the quarantine, and
    /// at once when somebody asks for something.
    async fn run<Rest: Future<Output = ()>>(self, report: impl Fn(&Job, &Ended), rest: impl Fn(Duration) -> Rest) {
        let ScheduledJob { job, timing, .. } = &self.scheduled;
        let mut standing = self.standing(&report).await;
        let (mut pause, mut by, mut failures) = (timing.first(&job.id), AskedBy::Schedule, 0_u32);
        let (mut driving, mut elsewhere) = (Driving::default(), None::<Duration>);
        loop {
            let (nap, began) = (elsewhere.map_or(pause, |elsewhere| elsewhere.min(pause)), Instant::now());
            let left = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = steering::asked(&self.store, &job.id, &standing) => {
                    by = asked_by(&standing);
                    Duration::ZERO
                }
                () = driving.is_disturbed() => pause.saturating_sub(began.elapsed()),
                () = rest(nap) => pause.saturating_sub(nap),
            };
            elsewhere = driving.may_begin(&self.store, job).await.err();
            if !left.is_zero() {
                pause = left;
                continue;
            }
            if let Some(wait) = elsewhere.take() {
                pause = wait;
                standing = self.standing(&report).await;
                continue;
            }
            standing = self.standing(&report).await;
            let waits = quarantine::wait(&standing.health, &job.policy.quarantine, (job.now)());
            (pause, by) = match (standing.state, waits) {
                (JobState::Active, None) => tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return,
                    // To pause, or at once: it is looked at anew.
                    () = steering::asked(&self.store, &job.id, &standing) => (Duration::ZERO, asked_by(&standing)),
                    // Nobody waits for a turn at an application that is not busy.
                    () = driving.is_disturbed() => (Duration::ZERO, by),
                    turn = self.turnstile.turn(self.claim(by)) => {
                        let began = Instant::now();
                        let ended = self.cycle().await;
                        drop(turn);
                        report(job, &ended);
                        let failed = ended.is_err_and(|error| error.class().is_some());
                        failures = if failed { failures.saturating_add(1) } else { 0 };
                        (timing.rest(failures, began.elapsed()), AskedBy::Schedule)
                    }
                },
                (JobState::Active, Some(wait)) => (wait.min(timing.interval), AskedBy::Schedule),
                (JobState::Pausing, _) => {
                    self.end_pause().await;
                    (timing.interval, AskedBy::Schedule)
                }
                (JobState::Paused, _) => (timing.interval, AskedBy::Schedule),
            };
        }
    }

    async fn standing(&self, report: &impl Fn(&Job, &Ended)) -> Standing {
        let job = &self.scheduled.job;
        self.store.standing(&job.id).await.unwrap_or_else(|error| {
            report(job, &Err(error.into()));
            // Whether it may run cannot be told, so nothing is run until the store says.
            Standing { starts: UNKNOWN, state: JobState::Paused, ..Standing::default() }
        })
    }

    fn claim(&self, by: AskedBy) -> Claim {
        let Job { id, application, .. } = &self.scheduled.job;
        Claim { job: id.clone(), application: application.clone(), by }
    }

    /// A process died while the job was to pause: no cycle of it is left to end.
    async fn end_pause(&self) {
        let job = &self.scheduled.job;
        let ended = async {
            let writer = self.store.lock_job(&job.id, &job.application).await?;
            self.store.under(&writer).settle_pause(&job.id, (job.now)()).await
        };
        if let Err(error) = ended.await {
            tracing::debug!(job.id = %job.id, %error, "the job is not paused yet");
        }
    }

    async fn cycle(&self) -> Ended {
        let (progress, _) = watch::channel(Progress::default());
        let ScheduledJob { job, source, target, .. } = self.scheduled.clone();
        cycle::run_cycle(job, self.store.clone(), source, target, self.stop.clone(), progress).await
    }
}

/// Who asks for something else than what this standing says: nobody, if only the store answers again.
fn asked_by(standing: &Standing) -> AskedBy {
    if standing.starts == UNKNOWN { AskedBy::Schedule } else { AskedBy::Person }
}

#[cfg(test)]
mod tests;
