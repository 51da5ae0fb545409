//! What every part of an expression came to.

use std::cell::RefCell;

use super::operand::Operand;
use super::outcome::Halt;
use super::{EvalError, Node};
use crate::model::Value;

/// One part that was evaluated. Parts that were not needed have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the part begins in the text of the expression, in bytes.
    pub position: usize,
    /// The part, in its canonical text.
    pub expression: String,
    /// How many parts it stands in.
    pub depth: usize,
    pub outcome: StepOutcome,
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    Value(Value),
    Null,
    IgnoredAttribute,
    IgnoredObject,
    Candidates(Vec<Value>),
    Failed(EvalError),
}

/// Collects steps in the order in which they end.
#[derive(Debug, Default)]
pub(super) struct Trace(RefCell<Vec<Step>>);

impl Trace {
    pub(super) fn record(&self, node: &Node, depth: usize, evaluated: &Result<Option<Operand<'_>>, Halt>) {
        let outcome = match evaluated {
            Ok(Some(operand)) => StepOutcome::Value(operand.clone().into_value().into_owned()),
            Ok(None) => StepOutcome::Null,
            Err(Halt::IgnoreAttribute) => StepOutcome::IgnoredAttribute,
            Err(Halt::IgnoreObject) => StepOutcome::IgnoredObject,
            Err(Halt::Candidates(values)) => StepOutcome::Candidates(values.clone()),
            Err(Halt::Failed(error)) => StepOutcome::Failed(error.clone()),
        };
        let step = Step { position: node.position, expression: node.to_string(), depth, outcome };
        self.0.borrow_mut().push(step);
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.0.into_inner()
    }
}
