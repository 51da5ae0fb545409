//! Tells somebody when a job goes into quarantine, gets another reason for it, or leaves it.
//!
//! The store knows what was told last, so that a notice survives restarts and kills: it is sent until it was taken,
//! and may come twice when the program ends in between. What came and went before it could be told is not told.

mod webhook;

pub use webhook::{NotSent, Webhook, WebhookSettings};

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::model::{Counters, Health, JobId, Quarantine, QuarantineReason};
use crate::net::Backoff;
use crate::store::{Store, StoreError};

/// What is told, as the webhook receives it in JSON. `quarantine` is the `synchronizationQuarantine` of the
/// synchronization API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub event: Event,
    pub job: JobId,
    pub state: State,
    /// The reason that was told before.
    pub former_reason: Option<QuarantineReason>,
    /// `null` when the job has left it.
    pub quarantine: Option<Quarantine>,
    pub count_successive_complete_failures: u64,
    /// What the last cycle did.
    pub counters: Counters,
    /// When the last cycle ended.
    pub time: Option<DateTime<Utc>>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    QuarantineImposed,
    QuarantineReasonChanged,
    QuarantineLifted,
}

/// The state of a job, in the words of `synchronizationStatusCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    Active,
    Quarantine,
}

/// Why a change was not told, and will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot tell that the state of job `{job}` changed; it is tried again")]
    Send {
        job: JobId,
        #[source]
        cause: NotSent,
    },
}

/// Tells what was not told yet of one job: one attempt, bounded in time by the webhook. True when there was something.
pub async fn tell(store: &Store, webhook: &Webhook, job: &JobId) -> Result<bool, NotTold> {
    let (health, told) = (store.health(job).await?, store.told(job).await?);
    let reason = health.reason();
    let Some(event) = event(told, reason) else { return Ok(false) };
    let last = store.last_cycles(job, 1).await?.pop();
    let Health { successive_failures, quarantine, .. } = health;
    let notice = Notice {
        event,
        job: job.clone(),
        state: if quarantine.is_some() { State::Quarantine } else { State::Active },
        former_reason: told,
        quarantine,
        count_successive_complete_failures: successive_failures,
        time: last.as_ref().and_then(|cycle| cycle.ended_at),
        counters: last.map(|cycle| cycle.counters).unwrap_or_default(),
    };
    webhook.send(&notice).await.map_err(|cause| NotTold::Send { job: job.clone(), cause })?;
    store.mark_told(job, reason).await?;
    Ok(true)
}

/// Tells whatever happens to these jobs until `stop`: each time `changed` says that something may have, and while
/// something could not be told, with growing pauses. It holds up nothing else.
pub async fn keep_telling(
    webhook: Webhook,
    store: Store,
    jobs: Vec<JobId>,
    changed: Arc<Notify>,
    stop: CancellationToken,
) {
    let retries = Backoff { first: Duration::from_secs(10), cap: Duration::from_secs(15 * 60) };
    let telling = async {
        let mut failures = 0_u32;
        loop {
            let mut failed = false;
            for job in &jobs {
                if let Err(error) = tell(&store, &webhook, job).await {
                    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(job.id = %job, "{error}: {cause}");
                    failed = true;
                }
            }
            failures = if failed { failures.saturating_add(1) } else { 0 };
            let retry = async {
                match failures {
                    0 => std::future::pending().await,
                    failures => tokio::time::sleep(retries.ceiling(failures)).await,
                }
            };
            tokio::select! {
                () = changed.notified() => {}
                () = retry => {}
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(telling).await;
}

fn event(told: Option<QuarantineReason>, now: Option<QuarantineReason>) -> Option<Event> {
    match (told, now) {
        (None, Some(_)) => Some(Event::QuarantineImposed),
        (Some(_), None) => Some(Event::QuarantineLifted),
        (Some(told), Some(now)) if told != now => Some(Event::QuarantineReasonChanged),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
