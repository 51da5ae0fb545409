//! The mapping language: an expression turns the attributes of an object into the value of one target attribute.
//!
//! Pure: it reads no clock, draws no randomness of its own and knows neither SCIM nor the synchronization schema. What
//! it needs of the world comes in a [`Context`].
//!
//! Grammar, function names and results follow the expression builder of the Microsoft synchronization API.

mod coercion;
mod context;
mod eval;
mod functions;
mod lexer;
mod nearest;
mod parser;
mod pattern;
mod tree;

pub use coercion::written;
pub use context::{Context, Draw, Seed};
pub use eval::{EvalError, Flow, Reason};
pub use functions::{FUNCTIONS, Function, Parameter, ParameterType};
pub use nearest::nearest;
pub use parser::{MAX_CHARACTERS, MAX_DEPTH, ParseError};
pub use pattern::{Pattern, PatternError};
pub use tree::{Call, Comparison, Expression, Keyword, Node, NodeKind, Operator};

#[cfg(test)]
mod tests;
