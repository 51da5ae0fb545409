//! The mapping language: an expression turns the attributes of an object into the value of one target attribute.
//!
//! Pure: it reads no clock, draws no randomness of its own and knows neither SCIM nor the synchronization schema. What
//! it needs of the world comes in a [`Context`].
//!
//! Grammar, function names and results follow the expression builder of the Microsoft synchronization API.

mod arguments;
mod budget;
mod coercion;
mod context;
mod date_format;
mod eval;
mod functions;
mod input;
mod lexer;
mod nearest;
mod operand;
mod outcome;
mod parser;
mod regex;
mod trace;
mod tree;

pub use budget::MAX_STEPS;
pub use coercion::written;
pub use context::{Context, Draw, Seed};
pub use functions::{Example, FUNCTIONS, Function, Origin, Parameter, ValueType};
pub use input::input_value;
pub use nearest::nearest;
pub use outcome::{EvalError, Flow, Reason};
pub use parser::{MAX_CHARACTERS, MAX_DEPTH, ParseError};
pub use regex::{Pattern, PatternError};
pub use trace::{Step, StepOutcome};
pub use tree::{Call, Comparison, Expression, Keyword, Node, NodeKind, Operator};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
