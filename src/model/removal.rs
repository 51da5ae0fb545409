//! Removals: what takes something away from a person, judged before it is done.

use chrono::{DateTime, Utc};

use super::{ObjectKey, RemovalId, ResourceId, TargetPath};

/// What a removal does to the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemovalEffect {
    /// `active` from true to false.
    Disable,
    /// DELETE of the resource.
    Delete,
    /// References of one object are taken away.
    Edges,
    /// One attribute loses its value.
    Clear(TargetPath),
}

impl RemovalEffect {
    /// The effect as the store, the command line and the documents call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Edges => "edges",
            Self::Clear(_) => "clear",
        }
    }

    /// The attribute that is cleared; `None` for other effects.
    pub fn attribute(&self) -> Option<&TargetPath> {
        match self {
            Self::Clear(path) => Some(path),
            _ => None,
        }
    }

    /// What it is counted with.
    pub fn measure(&self) -> Measure {
        match self {
            Self::Disable | Self::Delete => Measure::Access,
            Self::Edges => Measure::References,
            Self::Clear(path) => Measure::Attribute(path.clone()),
        }
    }
}

/// What is counted together when removals are judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// People and groups that are disabled or deleted: whoever is both counts once.
    Access,
    /// Single references.
    References,
    /// Resources that lose the value of this attribute.
    Attribute(TargetPath),
}

/// held → approved or staged → released → done; cancelled by re-evaluation, rejected by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalState {
    /// Stored with its page, not yet judged.
    Held,
    /// Judged and let through: it is carried out in this or the next cycle.
    Approved,
    /// Too many at once: waits for a person.
    Staged,
    /// A person said yes: the next cycle evaluates it once more and carries it out.
    Released,
    /// A person said no. Stays until the object is evaluated differently, and holds for no later removal.
    Rejected,
}

impl RemovalState {
    /// True where a person has to decide, or has said no.
    pub fn is_with_a_person(self) -> bool {
        matches!(self, Self::Staged | Self::Rejected)
    }

    /// True where nothing but its being carried out is missing.
    pub fn may_go(self) -> bool {
        matches!(self, Self::Approved | Self::Released)
    }
}

/// A removal that is not yet done. At most one stands for each object and effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    pub id: RemovalId,
    pub key: ObjectKey,
    pub effect: RemovalEffect,
    /// What it was decided for. It is never carried out on another resource.
    pub resource: ResourceId,
    /// How many references it takes away; 0 for other effects. It never carries out more of them.
    pub references: u64,
    pub state: RemovalState,
    /// Why, in the words of the evaluation: `deleted in the source`.
    pub reason: String,
    pub held_at: DateTime<Utc>,
    /// It is not judged before; `None` where nothing is waited for.
    pub not_before: Option<DateTime<Utc>>,
}

/// Removals of one measure, and what there was to remove from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub removals: u64,
    /// What was linked, or exported, before the first of them.
    pub whole: u64,
}

/// Removals that are about to be let through, together with those that were before. Those that a person released are
/// not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those of the object mapping in this cycle, of what was there when it began.
    pub cycle: Count,
    /// Those of the object mapping in the last 24 hours, of what was there when they began.
    pub day: Count,
    /// Those of all jobs of the application in the last 24 hours.
    pub application: Count,
}
