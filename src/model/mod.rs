//! The words of the engine: objects and their attributes, changes, links, failures.
//!
//! Values only: nothing here reads a clock, a socket or a database, and nothing here knows SCIM, LDAP or Graph.

mod assignment;
mod attribute_change;
mod attributes;
mod change;
mod cycle;
mod edge;
mod escrow;
mod failure;
mod hash_key;
mod health;
mod ids;
mod intent;
mod job_state;
mod link;
mod membership;
mod milestones;
mod nested_groups;
mod object;
mod removal;
mod value;

pub use assignment::{AssignedRole, Assignment, JobScope, PrincipalKind, Reach, Roles};
pub use attribute_change::{AttributeChange, ValueChange};
pub use attributes::Attributes;
pub use change::{Change, Departure, PartialObject, ReferenceChange};
pub use cycle::{Baseline, Counters, Cycle, CycleKind, CycleState, Round, Watermark};
pub use edge::{Edge, EdgeKey, Export, SentEdge};
pub use escrow::{Escrow, Failure};
pub use failure::FailureClass;
pub use hash_key::{HashKey, ValueHash};
pub use health::{Channel, Health, Quarantine, QuarantineError, QuarantineReason};
pub use ids::{
    CycleId, JobId, ObjectKey, ObjectMappingId, PageId, RemovalId, ResourceKind, TargetIdentity, TargetPath,
};
pub use intent::{Action, Intent, MatchingValue};
pub use job_state::{JobState, Reset, ResetScope, Standing, UnknownScope};
pub use link::{Claim, Claimant, Exported, ExportedValue, Extent, KnownObject, Lifecycle, Link};
pub use membership::Memberships;
pub use milestones::{Milestones, PastCycle};
pub use nested_groups::NestedGroups;
pub use object::{Anchor, FeedId, Name, ObjectKind, ResourceId, SourceObject};
pub use removal::{Count, Measure, Removal, RemovalEffect, RemovalState, Tally};
pub use value::Value;
