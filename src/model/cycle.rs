//! Cycles and what they count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CycleId, FeedId, ObjectMappingId};

/// Everything, or the changes since the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CycleKind {
    Initial,
    Incremental,
}

/// How a cycle stands or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CycleState {
    Running,
    /// Everything is as desired.
    Succeeded,
    /// Finished, but objects are in escrow or removals are staged.
    Partial,
    /// Could not finish; says why.
    Failed,
    /// Stopped on request; the next cycle goes on where it stood.
    Interrupted,
}

/// One cycle as it begins.
#[derive(Clone, Debug)]
pub struct Cycle {
    pub id: CycleId,
    /// The durable number that this cycle's reads mark objects with.
    pub generation: i64,
    /// What was linked and exported when the cycle began: removals are measured against it.
    pub baseline: Baseline,
}

/// Linked resources and exported edges by object mapping, when a cycle began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    pub linked: BTreeMap<ObjectMappingId, u64>,
    pub exported_edges: BTreeMap<ObjectMappingId, u64>,
}

/// What a cycle did. Counted where outcomes are recorded, so log, status and exit code cannot disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Changes read from the source.
    pub changes: u64,
    /// Those of them after which an object refers to others than before.
    #[serde(default)]
    pub reference_changes: u64,
    /// Objects looked at that are assigned to the application, where that is asked, and in the source.
    #[serde(default)]
    pub entitled: u64,
    /// Those of them that are in scope: they are to have a resource.
    #[serde(default)]
    pub in_scope: u64,
    pub created: u64,
    pub updated: u64,
    pub disabled: u64,
    pub deleted: u64,
    /// Existing resources adopted.
    pub linked: u64,
    /// Objects with new anchors that got the resources of those that are gone.
    #[serde(default)]
    pub relinked: u64,
    /// Objects evaluated with nothing to do.
    pub skipped: u64,
    /// Single references added to and removed from the target.
    pub references_added: u64,
    pub references_removed: u64,
    /// Requests to the target, as sent: those that read, those that write, and those repeated.
    #[serde(default)]
    pub requests: u64,
    /// Those of them that write.
    pub writes: u64,
    /// Objects that failed in this cycle, once for each time.
    #[serde(default)]
    pub failed: u64,
    /// Objects in escrow when the cycle ended.
    pub escrowed: u64,
    /// Removals that wait for a person when the cycle ended.
    pub staged: u64,
}

impl Counters {
    /// Objects that were written to the target.
    pub fn exported(&self) -> u64 {
        self.created + self.updated + self.disabled + self.deleted
    }

    /// What became of objects, as part of a sentence.
    pub fn in_words(&self) -> String {
        let Self { created, updated, disabled, deleted, escrowed, staged, .. } = self;
        format!(
            "{created} created, {updated} updated, {disabled} disabled, {deleted} deleted, {escrowed} in escrow, {staged} staged"
        )
    }
}

/// How a feed is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Round {
    /// A full read that has not ended: absence means nothing yet.
    Full,
    /// Changes since a completed read.
    Changes,
}

/// The source's own resume token for one feed, bound to the server that issued it.
#[derive(Clone, PartialEq, Eq)]
pub struct Watermark {
    pub feed: FeedId,
    /// Identity of the directory: another one is another world.
    pub directory: String,
    /// Digest of what is asked and as whom (server, base, filter, attributes, bind name): a different view voids the
    /// token, not the directory.
    pub view: String,
    pub checkpoint: String,
    pub round: Round,
    /// The generation of the full read this watermark belongs to, while `round` is `Full`.
    pub generation: i64,
}

impl std::fmt::Debug for Watermark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The checkpoint may carry a token (a delta link does), so it never prints.
        f.debug_struct("Watermark").field("feed", &self.feed).field("round", &self.round).finish_non_exhaustive()
    }
}
