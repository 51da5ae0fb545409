//! Regular expressions in the .NET flavour that mappings and scoping filters are written in.
//!
//! `fancy-regex` does the searching. What it spells or understands otherwise goes through [`translate`], and what it
//! cannot do is refused by name when the pattern is compiled, so a pattern never quietly means something else.
//! Two things stay different: a character is a Unicode scalar value, not a UTF-16 unit, and case is folded without a
//! culture.

mod class;
mod escape;
mod groups;
mod matches;
mod pattern;
mod replacement;
mod translate;

pub use pattern::{Pattern, PatternError};
pub(super) use replacement::Replacement;

#[cfg(test)]
mod tests;
