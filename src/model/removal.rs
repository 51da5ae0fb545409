//! Removals: what takes something away from a person, judged before it is done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ObjectKey, RemovalId};

/// What a removal does to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RemovalEffect {
    /// `active` from true to false.
    Disable,
    /// DELETE of the resource.
    Delete,
    /// References of one object are taken away.
    Edges,
}

/// held → approved or staged → done; cancelled by re-evaluation, rejected by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RemovalState {
    /// Stored with its page, not yet judged.
    Held,
    /// Judged and let through, or released by a person: it is carried out in this or the next cycle.
    Approved,
    /// Too many at once: waits for a person.
    Staged,
    /// A person said no. Stays until the object is evaluated differently.
    Rejected,
}

/// A removal that is not yet done. At most one stands for each object and effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    pub id: RemovalId,
    pub key: ObjectKey,
    pub effect: RemovalEffect,
    pub state: RemovalState,
    /// Why, in the words of the evaluation: `deleted in the source`.
    pub reason: String,
    pub held_at: DateTime<Utc>,
}
