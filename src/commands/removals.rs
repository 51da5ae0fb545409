//! `provisor removals`: what waits for a person, and the person's answer.

use serde_json::json;

use super::{Ended, Usage, run::unknown_job};
use crate::{
    app,
    cli::{Output, Removals},
    config::Config,
    model::{JobId, Removal, RemovalId, RemovalState},
    store::Store,
};

/// Removals read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn removals(options: Removals) -> anyhow::Result<Ended> {
    let config = Config::load(&options.listing.configured.config)?;
    let job = JobId::new(&*options.job);
    if config.job(&job).is_none() {
        return Err(unknown_job(&config, &options.job).into());
    }
    let store = app::open_store(&config.store).await?;
    let waiting = waiting(&store, &job).await?;
    let (ids, state): (Vec<RemovalId>, RemovalState) = if options.release_all {
        (waiting.iter().map(|removal| removal.id.clone()).collect(), RemovalState::Approved)
    } else if !options.release.is_empty() {
        (named(&waiting, &options.release)?, RemovalState::Approved)
    } else if !options.reject.is_empty() {
        (named(&waiting, &options.reject)?, RemovalState::Rejected)
    } else {
        list(&waiting, options.listing.output);
        return Ok(Ended::Done);
    };
    // Two writers of one job would decide on each other's half-done work.
    let _writer = store.lock_job(&job).await?;
    store.set_removal_state(&ids, state).await?;
    let said = if state == RemovalState::Approved { "released; the next cycle carries them out" } else { "rejected" };
    eprintln!("{} removals {said}", ids.len());
    Ok(Ended::Done)
}

async fn waiting(store: &Store, job: &JobId) -> anyhow::Result<Vec<Removal>> {
    let mut all = Vec::new();
    for state in [RemovalState::Staged, RemovalState::Rejected] {
        let mut after: Option<RemovalId> = None;
        loop {
            let page = store.held_removals(job, state, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            all.extend(page);
        }
    }
    Ok(all)
}

fn named(waiting: &[Removal], ids: &[String]) -> Result<Vec<RemovalId>, Usage> {
    ids.iter()
        .map(|id| {
            let removal = waiting.iter().find(|removal| removal.id.as_str() == id);
            removal
                .map(|removal| removal.id.clone())
                .ok_or_else(|| Usage(format!("no removal `{id}` waits for a person")))
        })
        .collect()
}

fn list(waiting: &[Removal], output: Output) {
    match output {
        Output::Json => {
            let rows: Vec<_> = waiting
                .iter()
                .map(|removal| {
                    json!({
                        "id": removal.id, "objectMapping": removal.key.mapping, "anchor": removal.key.anchor,
                        "effect": removal.effect, "state": removal.state, "reason": removal.reason,
                        "heldAt": removal.held_at,
                    })
                })
                .collect();
            println!("{}", json!(rows));
        }
        Output::Table => {
            for removal in waiting {
                println!(
                    "{}  {:<9}{:<9}{}  {}",
                    removal.id,
                    format!("{:?}", removal.effect).to_lowercase(),
                    format!("{:?}", removal.state).to_lowercase(),
                    removal.key.anchor,
                    removal.reason
                );
            }
            eprintln!("{} removals wait for a person", waiting.len());
        }
    }
}
