//! `provisor run`: one cycle in the foreground.

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Ended, Usage, status, summary, turn};
use crate::{
    app,
    cli::{Output, Run},
    config::Config,
    engine::{CycleError, Progress, cycle, scheduler::ScheduledJob},
    model::{JobId, JobState, Standing},
    notification,
    store::{Store, StoreError},
};

pub(super) async fn run(options: Run) -> anyhow::Result<Ended> {
    let config = Config::load(&options.configured.config)?;
    let wiring = config.job(&JobId::new(&*options.job)).ok_or_else(|| unknown_job(&config, &options.job))?;
    let ScheduledJob { job, source, target, .. } = app::assemble(wiring)?;
    let store = app::open_store(&config.store).await?;
    let Standing { state, health, .. } = store.standing(&job.id).await?;
    if state != JobState::Active {
        return Err(StoreError::Paused { job: job.id }.into());
    }
    // A cycle that somebody asks for runs in a quarantine, too, and may end it.
    let was_in_quarantine = health.quarantine.is_some();
    let id = job.id.clone();
    let receivers = app::open_receivers(&config)?;
    let stop = CancellationToken::new();
    let listener = tokio::spawn(stop_on_signal(stop.clone()));
    let Some(lease) = turn::take(&store, &job.application, &stop).await? else {
        return interrupted(&store, &id).await;
    };
    if options.accept_new_source {
        store.clear_watermarks(&id).await?;
    }
    let (progress, watched) = watch::channel(Progress::default());
    let bar = tokio::spawn(summary::show_progress("cycle", watched));
    let result = cycle::run_cycle(job, store.clone(), source, target, stop, progress).await;
    drop(lease);
    store.settle_leases().await;
    listener.abort();
    bar.await.context("the progress bar")?;
    // A cycle that failed says why by itself, and once.
    if result.is_ok() {
        match store.health(&id).await?.quarantine {
            Some(quarantine) => eprintln!("{}", status::sentence(&quarantine)),
            None if was_in_quarantine => eprintln!("the quarantine is over"),
            None => {}
        }
    }
    for receiver in receivers {
        if let Err(error) = notification::tell(&store, &receiver, &id).await {
            eprintln!("{:#}", anyhow::Error::from(error));
        }
    }
    match result {
        Ok(report) => {
            match options.output {
                Output::Table => summary::print_table(&[("this cycle", &report.counters)]),
                Output::Json => summary::print_json(&report),
            }
            Ok(summary::ended(&report))
        }
        Err(CycleError::Interrupted) => interrupted(&store, &id).await,
        Err(error) => Err(error.into()),
    }
}

async fn interrupted(store: &Store, job: &JobId) -> anyhow::Result<Ended> {
    let paused = store.standing(job).await?.state != JobState::Active;
    let (what, then) = if paused { ("paused", "start") } else { ("interrupted", "run") };
    eprintln!("{what}; {then} it again to go on where it stood");
    Ok(Ended::Interrupted)
}

/// The error for a job that the configuration does not name.
pub(super) fn unknown_job(config: &Config, name: &str) -> Usage {
    let names: Vec<&str> = config.jobs().map(|wiring| wiring.job.id.as_str()).collect();
    Usage(format!("`{}` has no job `{name}`; it has `{}`", config.file.display(), names.join("`, `")))
}

/// Cancels `stop` on Ctrl-C and on SIGTERM.
pub(super) async fn stop_on_signal(stop: CancellationToken) {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(interrupt.await),
    }
    stop.cancel();
}
