//! `provisor status`: how the jobs stand, from the store.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Ended, counted};
use crate::{
    app,
    cli::{Listing, Output},
    config::Config,
    control::JobStatus,
    model::{JobState, Quarantine, Standing},
    notification,
};

pub(super) async fn status(options: Listing) -> anyhow::Result<Ended> {
    let config = Config::load(&options.configured.config)?;
    let control = app::control(&config, app::open_store(&config.store).await?)?;
    let mut rows = Vec::new();
    for application in &control.catalogue().applications {
        for job in &application.jobs {
            rows.push((&job.id, control.status(application, job).await?));
        }
    }
    let now = Utc::now();
    match options.output {
        Output::Json => {
            let jobs: Vec<_> = rows
                .iter()
                .map(|(job, status)| {
                    let JobStatus { counts, last, standing: Standing { state, health, .. }, driven_by, .. } = status;
                    json!({
                        "job": job, "drivenBy": driven_by,
                        "linked": counts.linked, "escrowed": counts.escrowed, "staged": counts.staged,
                        "oldestHeldRemoval": counts.oldest_held,
                        "oldestHeldRemovalSeconds":
                            counts.oldest_held.map(|since| (now - since).num_seconds().max(0)),
                        "status": {
                            "code": status.code,
                            "state": state,
                            "countSuccessiveCompleteFailures": health.successive_failures,
                            "quarantine": health.quarantine,
                        },
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
            for (job, status) in &rows {
                let JobStatus { counts, last, standing: Standing { state, health, .. }, driven_by, .. } = status;
                let last = last.as_ref().map_or_else(
                    || "never ran".to_owned(),
                    |cycle| {
                        let error = cycle.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
                        format!("{:?} {:?} at {}{error}", cycle.kind, cycle.state, cycle.started_at.format("%F %T UTC"))
                    },
                );
                println!("{:<24}{:>8}{:>11}{:>9}  {last}", job.as_str(), counts.linked, counts.escrowed, counts.staged);
                if let Some(driver) = driven_by {
                    println!("  driven by {driver}");
                }
                match state {
                    JobState::Active => {}
                    JobState::Pausing => {
                        println!("  pausing: nothing new is sent, and what is in flight is waited for")
                    }
                    JobState::Paused => println!("  paused; `provisor jobs start {job}` goes on where it stood"),
                }
                if let Some(since) = counts.oldest_held {
                    println!("  the oldest removal that is not carried out was held {} ago", age(since, now));
                }
                if let Some(quarantine) = &health.quarantine {
                    println!(
                        "  {}; {}",
                        sentence(quarantine),
                        notification::what_to_do(quarantine.reason, job.as_str())
                    );
                }
            }
        }
    }
    Ok(Ended::Done)
}

/// How long ago something was, in its largest unit: `3 days`.
pub(super) fn age(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - since).num_minutes().max(0).unsigned_abs();
    let (count, unit) = match minutes {
        0..60 => (minutes, "minute"),
        60..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    counted(usize::try_from(count).unwrap_or(usize::MAX), unit)
}

/// Since when and why a job is in quarantine, and when it is tried next.
pub(super) fn sentence(quarantine: &Quarantine) -> String {
    let next = match quarantine.next_attempt {
        Some(next) => format!("the next scheduled attempt is at {}", next.format("%F %T UTC")),
        None => "the schedule goes on".to_owned(),
    };
    format!(
        "in quarantine since {} ({:?}): {}; {next}",
        quarantine.series_began.format("%F %T UTC"),
        quarantine.reason,
        quarantine.error.message
    )
}
