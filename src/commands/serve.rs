//! `provisor serve`: all jobs on their schedule, and the management API, until stopped.

use std::path::Path;

use anyhow::bail;
use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Ended, run::stop_on_signal};
use crate::{
    api, app,
    cli::Configured,
    config::Config,
    engine::{CycleError, Job, cycle::CycleReport, scheduler},
    notification,
};

pub(super) async fn serve(options: Configured) -> anyhow::Result<Ended> {
    let config = Config::load(&options.config)?;
    let jobs = app::assemble_all(&config)?;
    if jobs.is_empty() {
        bail!(super::Usage(format!("`{}` has no job to run", config.file.display())));
    }
    let store = app::open_store(&config.store).await?;
    let api = match config.api.clone() {
        Some(settings) => {
            let (url, control) = (settings.public_url.clone(), app::control(&config, store.clone())?);
            let folder = config.file.parent().unwrap_or(Path::new(""));
            let running = api::Server::start(settings, folder, control, Utc::now)?;
            eprintln!("the management API is served at {url} (listening on {})", running.address());
            Some(running)
        }
        None => None,
    };
    let stop = CancellationToken::new();
    let listener = tokio::spawn(stop_on_signal(stop.clone()));
    eprintln!("{} jobs run on their schedule; Ctrl-C or SIGTERM ends them cleanly", jobs.len());
    let changed = watch::Sender::new(());
    for receiver in app::open_receivers(&config)? {
        let ids = jobs.iter().map(|job| job.job.id.clone()).collect();
        tokio::spawn(notification::keep_telling(receiver, store.clone(), ids, changed.subscribe(), stop.clone()));
    }
    let report = move |job: &Job, result: &Result<CycleReport, CycleError>| {
        say(job, result);
        changed.send_replace(());
    };
    scheduler::run_jobs(jobs, app::bounds(&config), store.clone(), stop, report).await;
    if let Some(api) = api {
        api.stop().await;
    }
    store.settle_leases().await;
    listener.abort();
    Ok(Ended::Done)
}

fn say(job: &Job, result: &Result<CycleReport, CycleError>) {
    match result {
        Ok(report) => {
            eprintln!("{}: {} changes, {}", job.id, report.counters.changes, report.counters.in_words());
        }
        Err(error) => eprintln!("{}: {}", job.id, error.chain()),
    }
}
