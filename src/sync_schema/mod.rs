//! The synchronization schema: which objects of a source become which resources of a target, and how.
//!
//! It says what the rules are and whether they hold together; what follows from them for an object is the engine's.

mod compile;
mod diff;
mod directory;
mod finding;
mod listing;
mod mapping;
mod scoping;
mod source_tree;
pub mod wire;

pub use compile::{Compiled, compile};
pub use diff::{Difference, diff};
pub use directory::{AttributeType, Mutability};
pub use finding::{Finding, Severity};
pub use mapping::{
    APP_ROLE_ASSIGNMENTS, AttributeFlowType, AttributeMapping, ConversionError, GroupSource, KindSelection, ObjectFlow,
    ObjectMapping, ReferenceMapping, Schema, Selection, as_scim,
};
pub use scoping::{
    Clause, ClauseResult, Doubt, Group, GroupResult, Membership, Operator, Outcome, Scope, ScopeResult, Verdict,
};

#[cfg(test)]
mod findings_tests;
#[cfg(test)]
mod source_tree_tests;
#[cfg(test)]
mod tests;
