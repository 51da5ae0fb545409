//! `provisor status`: how the jobs stand, from the store.

use serde_json::json;

use super::Ended;
use crate::{
    app,
    cli::{Listing, Output},
    config::Config,
};

pub(super) async fn status(options: Listing) -> anyhow::Result<Ended> {
    let config = Config::load(&options.configured.config)?;
    let store = app::open_store(&config.store).await?;
    let mut rows = Vec::new();
    for wiring in config.jobs() {
        let id = &wiring.job.id;
        let counts = store.counts(id).await?;
        let last = store.last_cycles(id, 1).await?.pop();
        rows.push((id.clone(), counts, last));
    }
    match options.output {
        Output::Json => {
            let jobs: Vec<_> = rows
                .iter()
                .map(|(job, counts, last)| {
                    json!({
                        "job": job, "linked": counts.linked, "escrowed": counts.escrowed, "staged": counts.staged,
                        "oldestHeldRemoval": counts.oldest_held,
                        "lastCycle": last.as_ref().map(|cycle| json!({
                            "kind": cycle.kind, "state": cycle.state, "startedAt": cycle.started_at,
                            "endedAt": cycle.ended_at, "counters": cycle.counters, "error": cycle.error,
                        })),
                    })
                })
                .collect();
            println!("{}", json!(jobs));
        }
        Output::Table => {
            println!("{:<24}{:>8}{:>11}{:>9}  last cycle", "job", "linked", "in escrow", "staged");
            for (job, counts, last) in &rows {
                let last = last.as_ref().map_or_else(
                    || "never ran".to_owned(),
                    |cycle| {
                        let error = cycle.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
                        format!("{:?} {:?} at {}{error}", cycle.kind, cycle.state, cycle.started_at.format("%F %T UTC"))
                    },
                );
                println!("{:<24}{:>8}{:>11}{:>9}  {last}", job.as_str(), counts.linked, counts.escrowed, counts.staged);
            }
        }
    }
    Ok(Ended::Done)
}
