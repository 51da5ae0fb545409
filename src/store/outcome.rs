//! What a page taught us, as the engine hands it in.

use chrono::{DateTime, Utc};

use crate::model::{
    Anchor, Claim, CycleId, Exported, Failure, JobId, ObjectKey, PageId, RemovalEffect, RemovalId, ResourceId,
    ResourceKind, SentEdge, TargetIdentity,
};
use crate::provisioning_log::Summary;

/// The second transaction of a page.
#[derive(Clone, Debug)]
pub struct CommitPage {
    pub job: JobId,
    pub target: TargetIdentity,
    pub cycle: CycleId,
    /// The intents that this closes, all but those whose outcome is left open.
    pub intents: Option<PageId>,
    /// At most one for an object.
    pub outcomes: Vec<Outcome>,
    pub now: DateTime<Utc>,
}

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub key: ObjectKey,
    /// The type of resource that the object's mapping writes.
    pub kind: ResourceKind,
    /// The object's revision the outcome was decided on; a newer one stays due.
    pub revision: i64,
    pub effect: Effect,
    /// Removals that the evaluation asks for and that wait for the guard.
    pub held: Vec<NewRemoval>,
    /// True when every other removal of the object that is not yet done ends: it was evaluated differently.
    pub cancel_removals: bool,
    /// Removals that were carried out.
    pub done_removals: Vec<RemovalId>,
    /// Whose resource it matches, where that keeps it from having one.
    pub claims: Option<NewClaim>,
    /// What the provisioning log says of it.
    pub log: Option<Summary>,
    /// The version of the synchronization schema it was evaluated against.
    pub evaluated_schema: i64,
}

impl Outcome {
    /// True when references were taken away that may have been let through.
    pub(super) fn takes_references(&self) -> bool {
        match &self.effect {
            Effect::Linked { sent, .. } | Effect::Updated { sent, .. } => sent.iter().any(|edge| !edge.added),
            _ => false,
        }
    }
}

/// What happened to the object's resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It was created or adopted.
    Linked { resource: ResourceId, exported: Exported, sent: Vec<SentEdge> },
    /// The linked resource was changed.
    Updated { exported: Exported, sent: Vec<SentEdge> },
    /// The linked resource is gone.
    Unlinked,
    /// The linked resource is gone although nobody removed it: the object stays due, to be matched anew.
    Vanished,
    /// There was nothing to do, or only removals to hold.
    Unchanged,
    /// The object waits until a removal ends.
    Waiting { for_removal: RemovalId },
    /// The object goes to escrow, until the given time or until it changes.
    Failed(Failure, Option<DateTime<Utc>>),
    /// Nothing was done, and nothing was learned: the intent is closed and the object stays due.
    Postponed,
    /// Nobody knows: the intent stays open and is settled.
    LeaveOpen,
}

impl Effect {
    /// True when the object reached an end for now: it is not due any more.
    pub fn ends(&self) -> bool {
        !matches!(self, Self::Vanished | Self::Postponed | Self::LeaveOpen)
    }

    /// True when the object is as it should be, or only waits for a judgement: it leaves escrow.
    pub(super) fn succeeded(&self) -> bool {
        !matches!(self, Self::Failed(..) | Self::Postponed | Self::LeaveOpen)
    }
}

/// The resource of another object of the same mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClaim {
    /// Whose it is.
    pub former: Anchor,
    pub resource: ResourceId,
}

/// A removal that was decided and is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRemoval {
    pub effect: RemovalEffect,
    /// Why, in the words of the evaluation.
    pub reason: String,
    /// What it is decided for.
    pub resource: ResourceId,
    /// How many references it takes away; 0 for other effects.
    pub references: u64,
    /// It is not judged before.
    pub not_before: Option<DateTime<Utc>>,
}

/// What a commit could not store as asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Objects whose resource is claimed. Their intents are closed and they stay due; nothing else of their outcomes
    /// was stored.
    pub conflicts: Vec<LinkConflict>,
}

/// A resource that two objects want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConflict {
    pub key: ObjectKey,
    pub resource: ResourceId,
    /// Who holds it.
    pub claim: Claim,
}
