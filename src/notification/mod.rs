//! Tells somebody when a job goes into quarantine, gets another reason for it, or leaves it.
//!
//! The store knows what each channel was told last, so that a notice survives restarts and kills: it is sent until it was
//! taken, at least once, and comes again when the program ends, or the answer is lost, in between. What came and went before
//! it could be told is not told. No channel waits for the other.

mod mail;
mod webhook;

pub use mail::{Mail, MailAuth, MailSettings, MailTls, NotMailed};
pub use webhook::{NotPosted, Webhook, WebhookSettings};

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::model::{Channel, Counters, Health, JobId, Quarantine, QuarantineReason};
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

/// Somebody who is told.
#[derive(Clone)]
pub enum Receiver {
    Webhook(Box<Webhook>),
    Mail(Box<Mail>),
}

impl Receiver {
    fn channel(&self) -> Channel {
        match self {
            Self::Webhook(_) => Channel::Webhook,
            Self::Mail(_) => Channel::Mail,
        }
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotSent> {
        match self {
            Self::Webhook(webhook) => Ok(webhook.send(notice).await?),
            Self::Mail(mail) => Ok(mail.send(notice).await?),
        }
    }
}

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    #[error(transparent)]
    Webhook(#[from] NotPosted),
    #[error(transparent)]
    Mail(#[from] NotMailed),
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

/// Tells what was not told yet of one job: one attempt, bounded in time by the receiver. True when there was something.
pub async fn tell(store: &Store, receiver: &Receiver, job: &JobId) -> Result<bool, NotTold> {
    let channel = receiver.channel();
    let (health, told) = (store.health(job).await?, store.told(job, channel).await?);
    let reason = health.reason();
    let Some(event) = event(told, reason) else { return Ok(false) };
    // One that runs has no end to speak of.
    let last = store.last_cycles(job, 2).await?.into_iter().find(|cycle| cycle.ended_at.is_some());
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
    receiver.send(&notice).await.map_err(|cause| NotTold::Send { job: job.clone(), cause })?;
    store.mark_told(job, channel, reason).await?;
    Ok(true)
}

/// Tells whatever happens to these jobs until `stop`: each time `changed` says that something may have.
///
/// While something could not be told, growing pauses lie between the attempts, whatever happens meanwhile. It holds up
/// nothing else.
pub async fn keep_telling(
    receiver: Receiver,
    store: Store,
    jobs: Vec<JobId>,
    mut changed: watch::Receiver<()>,
    stop: CancellationToken,
) {
    let retries = Backoff { first: Duration::from_secs(10), cap: Duration::from_secs(15 * 60) };
    let telling = async {
        let mut failures = 0_u32;
        loop {
            let mut failed = false;
            changed.mark_unchanged();
            for job in &jobs {
                if let Err(error) = tell(&store, &receiver, job).await {
                    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(job.id = %job, "{error}: {cause}");
                    failed = true;
                }
            }
            failures = if failed { failures.saturating_add(1) } else { 0 };
            match failures {
                // Whoever could say so has gone away together with the schedule.
                0 if changed.changed().await.is_err() => return,
                0 => {}
                failures => tokio::time::sleep(retries.ceiling(failures)).await,
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(telling).await;
}

/// What a person does about a job in quarantine.
pub fn what_to_do(reason: QuarantineReason, job: &str) -> String {
    match reason {
        QuarantineReason::EncounteredBaseEscrowThreshold | QuarantineReason::EncounteredEscrowProportionThreshold => {
            format!("`provisor escrows {job}` says what fails; mend it, then `provisor run {job}`")
        }
        QuarantineReason::TooManyDeletes => {
            format!("`provisor removals list {job}` names them; release or reject them")
        }
        QuarantineReason::EncounteredQuarantineException
        | QuarantineReason::IngestionInterrupted
        | QuarantineReason::Unknown => format!("mend it, then `provisor run {job}`: one good cycle ends it"),
    }
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
