//! What an evaluation ends with.

use std::borrow::Cow;

use super::PatternError;
use super::eval::MAX_BYTES;
use crate::model::Value;

/// What an expression makes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow<'a> {
    /// This value flows. Empty text is a value; an empty list is not.
    Value(Cow<'a, Value>),
    /// There is no value: the default of the mapping applies.
    Null,
    /// The attribute is left out of whatever is sent for this object.
    IgnoreAttribute,
    /// The whole object is left out.
    IgnoreObject,
    /// The first of these that no other resource of the target has flows; when all are taken, the object has to wait.
    /// At least one, no two alike, each a single value with a text form.
    Candidates(Vec<Value>),
}

/// Why an object's value cannot be computed. Says which function and where, never a value of the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{function}` at position {position} failed: {reason}")]
pub struct EvalError {
    pub function: &'static str,
    /// Where the function stands in the expression, in bytes.
    pub position: usize,
    pub reason: Reason,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("`{0}` has no value")]
    Missing(&'static str),
    #[error("`{0}` is not a text")]
    NotAText(&'static str),
    #[error("`{0}` is not a whole number")]
    NotANumber(&'static str),
    #[error("`{0}` is neither true nor false")]
    NotABoolean(&'static str),
    #[error("`{0}` is not a date in the expected format")]
    NotADate(&'static str),
    #[error("`{0}` holds something other than role assignments")]
    NotRoles(&'static str),
    #[error("`{0}` holds several values where one is needed; pick one with `Item` or `Join` them")]
    SeveralValues(&'static str),
    #[error("`{0}` is out of range")]
    OutOfRange(&'static str),
    #[error("`{0}` is none of the values this function knows")]
    Unknown(&'static str),
    #[error("the pattern has no group of the given name")]
    UnknownGroup,
    #[error(
        "the source has no default domain; give an LDAP source a `default_domain`, or a tenant a default verified domain"
    )]
    NoDefaultDomain,
    #[error("the result is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the evaluation takes too many steps; make the expression simpler")]
    TooManySteps,
    #[error("its pattern cannot be used: {0}")]
    Pattern(#[source] PatternError),
}

/// What ends an evaluation early.
#[derive(Debug)]
pub(super) enum Halt {
    Failed(EvalError),
    IgnoreAttribute,
    IgnoreObject,
    Candidates(Vec<Value>),
}
