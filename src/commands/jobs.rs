//! `provisor jobs`: what a person asks of a job as a whole.

use super::{Ended, run::unknown_job};
use crate::{
    app,
    cli::{JobsCommand, OneJob, Restart},
    config::Config,
    control::{Application, Control, Declared},
    model::JobState,
};

pub(super) async fn jobs(command: JobsCommand) -> anyhow::Result<Ended> {
    match command {
        JobsCommand::Pause(one) => pause(&one).await,
        JobsCommand::Start(one) => start(&one).await,
        JobsCommand::Restart(options) => restart(&options).await,
    }
}

async fn pause(one: &OneJob) -> anyhow::Result<Ended> {
    let (control, config) = open(one).await?;
    let (application, job) = named(&control, &config, one)?;
    let (stands_still, job) = (control.stand_still(application, job).await?, &job.id);
    control.leave().await;
    if stands_still {
        eprintln!("`{job}` is paused; `provisor jobs start {job}` goes on where it stood");
        return Ok(Ended::Done);
    }
    eprintln!("`{job}` sends nothing new; it is paused when its last requests are answered");
    Ok(Ended::Done)
}

async fn start(one: &OneJob) -> anyhow::Result<Ended> {
    let (control, config) = open(one).await?;
    let (application, job) = named(&control, &config, one)?;
    control.start(application, job).await?;
    eprintln!("`{}` is started: a running `provisor serve` runs it now", job.id);
    Ok(Ended::Done)
}

async fn restart(Restart { one, scope }: &Restart) -> anyhow::Result<Ended> {
    let (control, config) = open(one).await?;
    let (application, declared) = named(&control, &config, one)?;
    let (restarted, job) = (control.restart(application, declared, scope).await, &declared.id);
    let stands_still =
        async || control.standing(declared).await.is_ok_and(|standing| standing.state != JobState::Active);
    if restarted.is_err() && stands_still().await {
        eprintln!("`{job}` stays paused; `provisor jobs start {job}` goes on where it stood");
    }
    control.leave().await;
    restarted?;
    eprintln!("`{job}` is restarted ({scope}): a running `provisor serve` runs it now");
    Ok(Ended::Done)
}

async fn open(one: &OneJob) -> anyhow::Result<(Control, Config)> {
    let config = Config::load(&one.configured.config)?;
    let control = app::control(&config, app::open_store(&config.store).await?)?;
    Ok((control, config))
}

fn named<'a>(control: &'a Control, config: &Config, one: &OneJob) -> anyhow::Result<(&'a Application, &'a Declared)> {
    Ok(control.catalogue().job(&one.job).ok_or_else(|| unknown_job(config, &one.job))?)
}
