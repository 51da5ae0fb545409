//! What should happen, and making it so.
//!
//! The engine is a pipeline with a pure middle. Reading it from left to right:
//!
//! | Step | Where | Effects |
//! |---|---|---|
//! | leave out what the target lacks | [`fit`] | none |
//! | record what the source said | [`cycle`] | store |
//! | who is a member of the groups that filters name | `groups` | store |
//! | who is a member of a group through a group in it | `nesting` | store |
//! | who is assigned to the application | `assignments` | source, store |
//! | evaluate: in scope? what should it look like? | [`scope`], [`flow`], [`evaluate`] | none |
//! | match: which resource is it? | `lookup`, [`matching`] | target (reads), store |
//! | is it one that is gone, under another anchor? | `relink`, [`confirmation`] | target (reads), store |
//! | decide: create, update, disable, delete, link, skip | [`decide`], [`diff`], [`equality`], [`edges`] | none |
//! | draw what nobody has yet, for new resources | `unique` | target (reads), store |
//! | act, between intents and outcomes | `page`, [`execute`], [`exported`], `owned` | store, target |
//! | judge and carry out removals, tell which wait | [`removals`], `take_away`, `waiting` | store, target |
//! | end the cycle: does the job slow down? | [`quarantine`] | none |
//! | pause or cut off a cycle when somebody asks | `steering` | none |
//! | let another process drive, or wait for a turn | `driving` | none |
//! | forget what the log said long ago | `retention` | store |
//! | all of it for one object, now | [`on_demand`] | source, store, target |
//!
//! What the source said makes objects *due*; a page of actions takes due objects and, when their outcomes are stored,
//! they no longer are. A crash at any moment therefore leaves nothing behind but due objects and open intents, and
//! [`intents`] says how those are settled.

mod assignments;
pub mod confirmation;
pub mod cycle;
pub mod decide;
pub mod diff;
mod driving;
mod due;
pub mod edges;
pub mod equality;
pub mod escrow;
pub mod evaluate;
pub mod execute;
pub mod exported;
pub mod fit;
pub mod flow;
mod groups;
pub mod intents;
mod lookup;
pub mod matching;
mod nesting;
mod observer;
pub mod on_demand;
mod opening;
mod owned;
mod page;
pub mod policy;
pub mod quarantine;
mod relink;
pub mod removals;
mod retention;
mod run;
pub mod scheduler;
pub mod scope;
mod series;
mod settle;
mod steering;
mod sweep;
mod take_away;
mod unique;
mod waiting;

pub use run::{CycleError, Job, Progress, Stage};
