//! `provisor escrows`: what failed, why, and when it is tried again.

use serde_json::json;

use super::{Ended, run::unknown_job};
use crate::{
    app,
    cli::{JobListing, Output},
    config::Config,
    model::JobId,
};

/// The most escrows that are listed at once.
const MOST: u32 = 1000;

pub(super) async fn escrows(options: JobListing) -> anyhow::Result<Ended> {
    let config = Config::load(&options.listing.configured.config)?;
    let job = JobId::new(&*options.job);
    if config.job(&job).is_none() {
        return Err(unknown_job(&config, &options.job).into());
    }
    let store = app::open_store(&config.store).await?;
    let escrows = store.escrows(&job, MOST).await?;
    match options.listing.output {
        Output::Json => {
            let rows: Vec<_> = escrows
                .iter()
                .map(|escrow| {
                    json!({
                        "objectMapping": escrow.key.mapping, "anchor": escrow.key.anchor, "class": escrow.failure.class,
                        "code": escrow.failure.code, "message": escrow.failure.message, "attempts": escrow.attempts,
                        "firstFailedAt": escrow.first_failed_at, "nextAttemptAt": escrow.next_attempt_at,
                    })
                })
                .collect();
            println!("{}", json!(rows));
        }
        Output::Table => {
            for escrow in &escrows {
                let next = escrow
                    .next_attempt_at
                    .map_or_else(|| "when the object changes".to_owned(), |next| next.format("%F %T UTC").to_string());
                println!(
                    "{}  {}: {} (next attempt {next})",
                    escrow.key.anchor, escrow.failure.code, escrow.failure.message
                );
            }
            eprintln!("{} objects in escrow", escrows.len());
        }
    }
    Ok(Ended::Done)
}
