//! When a job slows down, and when it is back at its pace. Pure.
//!
//! What differs from the reference, and why:
//!
//! * An outage is not a quarantine at once: the scheduler tries again with growing pauses, and only one that lasts
//!   ([`QuarantineRules::outage`]) slows the job down; nor do objects count that failed for a cause that may pass
//!   (429, 5xx, a timeout) before they have failed for as long. Refused credentials and settings that cannot work do at once.
//! * Failures are the objects that stand in escrow and are tried again, not those of one cycle: a cycle that happens
//!   to retry nothing does not lift a quarantine, and what was given up does not keep it for ever.
//! * A reference that cannot be resolved is no failure here, it waits; so there is no threshold for failures with
//!   references (`EncounteredTotalEscrowThreshold`).
//! * The thresholds count in an initial cycle, too, instead of pruning escrows there: nothing is forgotten.
//! * A job is not disabled after four weeks: it goes on once a day, because a job that is given up forgets leavers.
//! * Too many removals (`TooManyDeletes`) are told and wait for a person; the schedule goes on for everything else.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::series;
use crate::model::{FailureClass, Health, Quarantine, QuarantineError, QuarantineReason};

/// The thresholds and the schedule of a job's quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineRules {
    /// More than this share of the objects failing is too much …
    pub percent: u32,
    /// … once there are at least this many failures.
    pub at_least: u64,
    /// More failures than this are too many whatever the share.
    pub more_than: u64,
    /// How long cycles may fail to come to their end before the job slows down.
    pub outage: Duration,
    /// From the beginning of a quarantine to its first attempt. Every further pause is as long as the quarantine has
    /// lasted, so it doubles …
    pub first_pause: Duration,
    /// … up to this.
    pub longest_pause: Duration,
}

impl Default for QuarantineRules {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self {
            percent: 40,
            at_least: 5_000,
            more_than: 40_000,
            outage: hours(6),
            first_pause: hours(6),
            longest_pause: hours(24),
        }
    }
}

impl QuarantineRules {
    /// What has failed since then fails for good, whatever its cause.
    pub fn lasting(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let outage = TimeDelta::from_std(self.outage).ok();
        outage.and_then(|outage| now.checked_sub_signed(outage)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// How a cycle ended, as far as the job's health goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CycleEnd {
    /// It came to its end.
    Finished(Standing),
    /// It could not go on.
    Failed { class: FailureClass, side: Side, error: QuarantineError },
    /// It was asked to stop, which says nothing of the job.
    Interrupted,
}

/// The side of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
    Ourselves,
}

/// The objects of a job when a cycle came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Objects in escrow that are tried again, and whose cause does not pass.
    pub failing: u64,
    /// All other objects that are linked or in escrow.
    pub others: u64,
    /// Removals that wait for a person.
    pub staged: u64,
}

/// The health of a job after a cycle that ended at `now`.
pub fn after(former: &Health, end: CycleEnd, rules: &QuarantineRules, now: DateTime<Utc>) -> Health {
    match end {
        CycleEnd::Interrupted => former.clone(),
        CycleEnd::Finished(standing) => {
            let cause = exceeded(&standing, rules);
            let quarantine = cause.map(|(reason, error)| imposed(former, reason, error, rules, now));
            Health { successive_failures: 0, failing_since: None, quarantine }
        }
        CycleEnd::Failed { class, side, error } => {
            // A clock that was set back must not make an outage look longer than it is.
            let since = former.failing_since.filter(|since| *since <= now).unwrap_or(now);
            let quarantine = match (reason_to_slow_down(class, side, now - since, rules), &former.quarantine) {
                (Some(reason), _) => Some(imposed(former, reason, error, rules, now)),
                // Nothing shows yet that the cause is gone.
                (None, Some(standing)) => Some(imposed(former, standing.reason, standing.error.clone(), rules, now)),
                (None, None) => None,
            };
            Health {
                successive_failures: former.successive_failures.saturating_add(1),
                failing_since: Some(since),
                quarantine,
            }
        }
    }
}

/// How long a scheduled cycle of the job has to wait; `None` when it may start.
pub fn wait(health: &Health, rules: &QuarantineRules, now: DateTime<Utc>) -> Option<Duration> {
    let next = health.quarantine.as_ref()?.next_attempt?;
    let wait = next.signed_duration_since(now).to_std().ok().filter(|wait| !wait.is_zero())?;
    // Farther off than the longest pause: it was stored under another clock, or under other rules.
    (wait <= rules.longest_pause.max(rules.first_pause)).then_some(wait)
}

fn exceeded(standing: &Standing, rules: &QuarantineRules) -> Option<(QuarantineReason, QuarantineError)> {
    let Standing { failing, others, staged } = *standing;
    let share = u128::from(failing) * 100;
    let all = u128::from(failing) + u128::from(others);
    let (reason, code, message) = if failing > rules.more_than {
        let message = format!("{failing} objects are in escrow; more than {} are too many", rules.more_than);
        (QuarantineReason::EncounteredBaseEscrowThreshold, "TooManyEscrows", message)
    } else if failing > 0 && failing >= rules.at_least && share > all * u128::from(rules.percent) {
        let message = format!("{failing} of {all} objects are in escrow; more than {} % are too many", rules.percent);
        (QuarantineReason::EncounteredEscrowProportionThreshold, "TooManyEscrows", message)
    } else if staged > 0 {
        let message = format!("{staged} removals wait for a person");
        (QuarantineReason::TooManyDeletes, "TooManyDeletes", message)
    } else {
        return None;
    };
    Some((reason, QuarantineError { code: code.to_owned(), message, tenant_actionable: true }))
}

fn reason_to_slow_down(
    class: FailureClass,
    side: Side,
    failing_for: TimeDelta,
    rules: &QuarantineRules,
) -> Option<QuarantineReason> {
    match class {
        FailureClass::Credentials | FailureClass::Configuration => {
            Some(QuarantineReason::EncounteredQuarantineException)
        }
        FailureClass::Transient
        | FailureClass::Conflict
        | FailureClass::Object
        | FailureClass::Outage
        | FailureClass::Resync => {
            let lasts = failing_for.to_std().is_ok_and(|lasted| !lasted.is_zero() && lasted >= rules.outage);
            lasts.then_some(match side {
                Side::Source => QuarantineReason::IngestionInterrupted,
                Side::Target => QuarantineReason::EncounteredQuarantineException,
                Side::Ourselves => QuarantineReason::Unknown,
            })
        }
    }
}

/// The quarantine that begins, or that goes on, at `now`.
fn imposed(
    former: &Health,
    reason: QuarantineReason,
    error: QuarantineError,
    rules: &QuarantineRules,
    now: DateTime<Utc>,
) -> Quarantine {
    let slows = reason != QuarantineReason::TooManyDeletes;
    // How long removals have waited says nothing of how long the job has been slow.
    let series = former.quarantine.as_ref().filter(|standing| standing.next_attempt.is_some() == slows);
    let began = series.map_or(now, |standing| standing.series_began.min(now));
    let count = series.map_or(0, |standing| standing.series_count.saturating_add(1));
    Quarantine {
        reason,
        current_began: now,
        series_began: began,
        series_count: count,
        next_attempt: slows.then(|| series::next(began, rules.first_pause, rules.longest_pause, now)),
        error,
    }
}

#[cfg(test)]
mod tests;
