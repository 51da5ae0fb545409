//! What a failure asks of the engine.

use serde::{Deserialize, Serialize};

/// The class of a failure, which alone decides how the engine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureClass {
    /// 429, 5xx, a timeout: try again soon.
    Transient,
    /// A uniqueness clash, or a linked resource that is gone: match again.
    Conflict,
    /// This object cannot be provisioned as it is: escrow it and go on with the others.
    Object,
    /// Credentials were refused: stop the cycle.
    Credentials,
    /// The other side cannot be reached at all: stop the cycle, resume where it stood.
    Outage,
    /// The watermark is no longer good: read the source anew.
    Resync,
    /// The configuration is wrong: stop, and say what to change.
    Configuration,
}
