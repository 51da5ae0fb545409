//! Objects whose change failed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FailureClass, ObjectKey};

/// Why a change failed. `code` is the error code of the synchronization API where it has one (`DuplicateTargetEntries`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub class: FailureClass,
    pub code: String,
    /// What, where and what to do; never an attribute value.
    pub message: String,
}

impl Failure {
    /// The code of an object that is neither in nor out of scope. An addition of this product.
    pub const SCOPE_UNDECIDED: &str = "ScopeUndecided";
}

/// A stored failure with its next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escrow {
    pub key: ObjectKey,
    pub failure: Failure,
    pub attempts: u32,
    pub first_failed_at: DateTime<Utc>,
    /// `None` when no further attempt is made until the object changes.
    pub next_attempt_at: Option<DateTime<Utc>>,
}
