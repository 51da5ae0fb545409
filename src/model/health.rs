//! How a job stands from one cycle to the next: whether it runs at its pace, and if not, why and since when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a job remembers of how its cycles ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Cycles in a row that could not go on to their end.
    pub successive_failures: u64,
    /// When the first of them ended; `None` when the last cycle came to its end.
    pub failing_since: Option<DateTime<Utc>>,
    /// `None` while the job runs at its pace.
    pub quarantine: Option<Quarantine>,
}

impl Health {
    /// Why the job is in quarantine; `None` when it is not.
    pub fn reason(&self) -> Option<QuarantineReason> {
        self.quarantine.as_ref().map(|quarantine| quarantine.reason)
    }
}

/// A job that fails too much. The members are those of `synchronizationQuarantine` of the synchronization API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    pub reason: QuarantineReason,
    /// The end of the last cycle that imposed or kept it.
    pub current_began: DateTime<Utc>,
    /// When it was imposed. Another reason begins another series only when the job slows down for it, or no longer does.
    pub series_began: DateTime<Utc>,
    /// Cycles that left it in place.
    pub series_count: u64,
    /// The earliest start of the next scheduled cycle; `None` when the schedule goes on as usual.
    pub next_attempt: Option<DateTime<Utc>>,
    pub error: QuarantineError,
}

/// Why a job is in quarantine. The words are those of `quarantineReason` of the synchronization API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuarantineReason {
    /// More objects in escrow than a job may have.
    EncounteredBaseEscrowThreshold,
    /// A larger share of the objects in escrow than a job may have.
    EncounteredEscrowProportionThreshold,
    /// Refused credentials, settings that cannot work, or a target that was away for long.
    EncounteredQuarantineException,
    /// A source that was away for long.
    IngestionInterrupted,
    /// Removals wait for a person.
    TooManyDeletes,
    /// The job's own parts failed for long.
    Unknown,
}

/// By what people are told of a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Webhook,
    Mail,
}

/// What is behind a quarantine. The members are those of `synchronizationError`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineError {
    pub code: String,
    /// What happened; never an attribute value or a credential.
    pub message: String,
    /// True when nothing gets better before a person acts.
    pub tenant_actionable: bool,
}
