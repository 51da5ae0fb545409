//! `provisor jobs`: what a person asks of a job as a whole, told to the store, which every process looks at.

use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};

use super::{Ended, run::unknown_job};
use crate::{
    app,
    cli::{JobsCommand, OneJob, Restart},
    config::Config,
    engine::{Job, scheduler::ScheduledJob},
    model::{JobId, JobState, Reset},
    store::Store,
};

/// Requests in flight end in this time, or their outcome is asked for later.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn jobs(command: JobsCommand) -> anyhow::Result<Ended> {
    match command {
        JobsCommand::Pause(one) => pause(&one).await,
        JobsCommand::Start(one) => start(&one).await,
        JobsCommand::Restart(options) => restart(&options).await,
    }
}

async fn pause(one: &OneJob) -> anyhow::Result<Ended> {
    let (store, job) = open(one).await?;
    let stands_still = stand_still(&store, &job).await?;
    let job = job.id;
    if stands_still {
        eprintln!("`{job}` is paused; `provisor jobs start {job}` goes on where it stood");
        return Ok(Ended::Done);
    }
    eprintln!("`{job}` sends nothing new; it is paused when its last requests are answered");
    Ok(Ended::Done)
}

async fn start(one: &OneJob) -> anyhow::Result<Ended> {
    let (store, Job { id: job, .. }) = open(one).await?;
    store.start(&job).await?;
    eprintln!("`{job}` is started: a running `provisor serve` runs it now");
    Ok(Ended::Done)
}

async fn restart(Restart { one, scope }: &Restart) -> anyhow::Result<Ended> {
    let (store, job) = open(one).await?;
    if !scope.resets(Reset::ConnectorDataStore) {
        // A cycle that ends by itself leaves no request behind whose outcome must be asked for.
        stand_still(&store, &job).await?;
    }
    let job = job.id;
    let restarted = store.restart(&job, scope, Utc::now()).await;
    if restarted.is_err() && store.standing(&job).await.is_ok_and(|standing| standing.state != JobState::Active) {
        eprintln!("`{job}` stays paused; `provisor jobs start {job}` goes on where it stood");
    }
    restarted?;
    eprintln!("`{job}` is restarted ({scope}): a running `provisor serve` runs it now");
    Ok(Ended::Done)
}

async fn open(one: &OneJob) -> anyhow::Result<(Store, Job)> {
    let config = Config::load(&one.configured.config)?;
    let wiring = config.job(&JobId::new(&*one.job)).ok_or_else(|| unknown_job(&config, &one.job))?;
    let ScheduledJob { job, target, .. } = app::assemble(wiring)?;
    let store = app::open_store(&config.store).await?;
    // What is known of it may be changed by nobody but the process that drives it.
    if !store.knows_job(&job.id).await? {
        store.ensure_job(&job.id, &job.application, target.identity()).await?;
    }
    Ok((store, job))
}

/// Pauses the job. True once nothing of it is in flight; false when that takes long.
async fn stand_still(store: &Store, job: &Job) -> anyhow::Result<bool> {
    let (began, patience) = (Instant::now(), PATIENCE + store.lease_length());
    let mut state = store.pause(&job.id).await?;
    while state != JobState::Paused && began.elapsed() < patience {
        // Nobody runs it: whoever did has died.
        if let Ok(writer) = store.lock_job(&job.id, &job.application).await {
            store.under(&writer).settle_pause(&job.id, Utc::now()).await?;
        } else {
            sleep(LOOK).await;
        }
        state = store.standing(&job.id).await?.state;
    }
    store.settle_leases().await;
    Ok(state == JobState::Paused)
}
