//! What we know of both sides of one object.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Anchor, Attributes, Edge, Escrow, ObjectKey, ObjectKind, Removal, ResourceId, TargetPath, ValueHash};

/// Where a stored object stands in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// The source delivers it.
    Present,
    /// In the recycle bin of the source.
    SoftDeleted,
    /// It exists, but the source does not deliver it any more.
    LeftFeed,
    /// Gone for good.
    Deleted,
}

/// What we know of the value of one target attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportedValue {
    /// The target answered success to exactly this value (or was read with it when the resource was adopted).
    Known(serde_json::Value),
    /// The same of a value that is not kept: passwords, and what a mapping redacts.
    Hashed(ValueHash),
    /// A request that touched it ended without an answer: any desired value is sent again.
    Unknown,
}

/// What was last exported, by target path. A path that is absent was never sent.
pub type Exported = BTreeMap<TargetPath, ExportedValue>;

/// The stored pair of an anchor and a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub resource: ResourceId,
    pub exported: Exported,
}

/// Everything the store knows of one object under one object mapping: the input of `decide`.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownObject {
    pub key: ObjectKey,
    pub kind: ObjectKind,
    /// Counts the changes recorded for the object; outcomes clear `due` only for the revision they were decided on.
    pub revision: i64,
    pub lifecycle: Lifecycle,
    pub attributes: Attributes,
    pub link: Option<Link>,
    /// Edges that need work: wanted and not exported, or exported and not wanted.
    pub edges: Vec<Edge>,
    /// Whether these are all of them.
    pub extent: Extent,
    pub escrow: Option<Escrow>,
    /// The removals of this object that are not yet done: at most one for each effect, in the order of the effects.
    pub removals: Vec<Removal>,
}

/// How much of the edges that need work is known: a group may have more news than memory should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    #[default]
    Whole,
    /// There are more. They are known once these have been worked on.
    Part {
        /// References to remove beside those that are known; one that another reference holds up is counted, too.
        further_removals: u64,
    },
}

impl Extent {
    /// How many references are to be removed beside those that are known.
    pub fn further_removals(self) -> u64 {
        match self {
            Self::Whole => 0,
            Self::Part { further_removals } => further_removals,
        }
    }
}

/// Who matches the resource of another object of the same mapping, and so has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    pub key: ObjectKey,
    /// Whose resource it is.
    pub former: Anchor,
    pub resource: ResourceId,
    /// True when a person said that both are the same.
    pub confirmed: bool,
    pub since: DateTime<Utc>,
}

/// Who holds a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub job: super::JobId,
    pub key: ObjectKey,
}

impl Claim {
    /// The anchor that holds the resource.
    pub fn anchor(&self) -> &Anchor {
        &self.key.anchor
    }
}
