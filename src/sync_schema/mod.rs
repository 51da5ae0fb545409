//! The synchronization schema: which objects of a source become which resources of a target, and how.
//!
//! It says what the rules are and whether they hold together; what follows from them for an object is the engine's.

mod compile;
mod directory;
mod mapping;
mod problem;
mod scoping;
mod source_tree;
pub mod wire;

pub use compile::compile;
pub use directory::{AttributeType, Mutability};
pub use mapping::{
    AttributeFlowType, AttributeMapping, ConversionError, KindSelection, ObjectFlow, ObjectMapping, ReferenceMapping,
    Schema, Selection, as_scim,
};
pub use problem::CompileProblem;
pub use scoping::{Clause, ClauseResult, Group, GroupResult, Operator, Scope, ScopeResult, Verdict};

#[cfg(test)]
mod tests;
