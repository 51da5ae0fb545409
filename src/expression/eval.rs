//! An expression and the attributes of an object to the value that flows.
//!
//! Deterministic: the same expression, attributes and context give the same answer. Lazy: of the branches of `IIF` and
//! `Switch` only the one that is returned is evaluated. Depth is bounded by the parser, the size of every value and the
//! number of steps here.

use std::cmp::Ordering;

use super::Context;
use super::arguments::Arguments;
use super::budget::Budget;
use super::operand::Operand;
use super::outcome::{EvalError, Flow, Halt, Reason};
use super::trace::{Step, Trace};
use super::tree::{Comparison, Expression, Keyword, Node, NodeKind, Operator};
use crate::model::{Attributes, Value};

/// How long a text may become, in bytes, counted over all elements of a list.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A value, nothing (null), or a reason to stop.
pub(super) type Evaluated<'a> = Result<Option<Operand<'a>>, Halt>;

impl Expression {
    /// Computes what flows for an object with these attributes.
    pub fn evaluate<'a>(&'a self, attributes: &'a Attributes, context: Context<'a>) -> Result<Flow<'a>, EvalError> {
        let run = Run { budget: Budget::default(), trace: None };
        flow(evaluate(self.root(), Inputs { attributes, context, run: &run, depth: 0 }))
    }

    /// As [`Expression::evaluate`], with what every part came to.
    pub fn evaluate_traced<'a>(
        &'a self,
        attributes: &'a Attributes,
        context: Context<'a>,
    ) -> (Result<Flow<'a>, EvalError>, Vec<Step>) {
        let run = Run { budget: Budget::default(), trace: Some(Trace::default()) };
        let flow = flow(evaluate(self.root(), Inputs { attributes, context, run: &run, depth: 0 }));
        (flow, run.trace.map(Trace::into_steps).unwrap_or_default())
    }

    /// The steps that an evaluation takes.
    #[cfg(test)]
    pub(super) fn steps(&self, attributes: &Attributes, context: Context<'_>) -> usize {
        let run = Run { budget: Budget::default(), trace: None };
        let _ = evaluate(self.root(), Inputs { attributes, context, run: &run, depth: 0 });
        run.budget.spent()
    }
}

fn flow(evaluated: Evaluated<'_>) -> Result<Flow<'_>, EvalError> {
    match evaluated {
        Ok(Some(operand)) if operand.as_list().is_some_and(<[Value]>::is_empty) => Ok(Flow::Null),
        Ok(Some(operand)) => Ok(Flow::Value(operand.into_value())),
        Ok(None) => Ok(Flow::Null),
        Err(Halt::IgnoreAttribute) => Ok(Flow::IgnoreAttribute),
        Err(Halt::IgnoreObject) => Ok(Flow::IgnoreObject),
        Err(Halt::Candidates(values)) => Ok(Flow::Candidates(values)),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// One evaluation under way.
pub(super) struct Run {
    pub(super) budget: Budget,
    trace: Option<Trace>,
}

/// What every part of the expression sees.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a, 'r> {
    attributes: &'a Attributes,
    pub(super) context: Context<'a>,
    pub(super) run: &'r Run,
    /// How many parts stand around this one.
    depth: usize,
}

impl Inputs<'_, '_> {
    /// What the arguments of a part see.
    fn inner(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

pub(super) fn evaluate<'a>(node: &'a Node, inputs: Inputs<'a, '_>) -> Evaluated<'a> {
    let evaluated = evaluate_kind(node, inputs);
    if let Some(trace) = &inputs.run.trace {
        trace.record(node, inputs.depth, &evaluated);
    }
    evaluated
}

fn evaluate_kind<'a>(node: &'a Node, inputs: Inputs<'a, '_>) -> Evaluated<'a> {
    match &node.kind {
        NodeKind::Attribute(name) => Ok(inputs.attributes.get(name).map(Operand::Given)),
        NodeKind::Text(text) | NodeKind::Number(text) => Ok(Some(Operand::Literal(text))),
        NodeKind::Keyword(Keyword::IgnoreAttributeFlow) => Err(Halt::IgnoreAttribute),
        NodeKind::Keyword(Keyword::IgnoreObjectFlow) => Err(Halt::IgnoreObject),
        NodeKind::Keyword(keyword) => Ok(Some(Operand::Literal(keyword.name()))),
        NodeKind::Comparison(comparison) => {
            let holds = compare(comparison, node.position, inputs.inner())?;
            Ok(Some(Operand::boolean(holds)))
        }
        NodeKind::Call(call) => {
            let arguments = Arguments::new(call, node.position, inputs.inner());
            arguments.spend(1)?;
            let value = (call.function.evaluate)(&arguments)?;
            if let Some(Operand::Made(_)) = &value {
                let bytes = value.as_ref().map_or(0, Operand::bytes);
                arguments.bounded(bytes)?;
                arguments.spend_bytes(bytes)?;
            }
            Ok(value)
        }
    }
}

/// Null is empty text for `=` and `<>`, and never greater or less.
fn compare<'a>(comparison: &'a Comparison, position: usize, inputs: Inputs<'a, '_>) -> Result<bool, Halt> {
    let symbol = comparison.operator.symbol();
    let fail = |reason| Halt::Failed(EvalError { function: symbol, position, reason });
    let operand = |node: &'a Node, side: &'static str| -> Evaluated<'a> {
        match evaluate(node, inputs)? {
            Some(operand) if operand.as_list().is_some_and(|values| values.len() > 1) => {
                Err(fail(Reason::SeveralValues(side)))
            }
            Some(operand) if operand.as_list().is_some() => Ok(operand.into_elements().pop()),
            operand => Ok(operand),
        }
    };
    let left = operand(&comparison.left, "left")?;
    let right = operand(&comparison.right, "right")?;
    let equality = matches!(comparison.operator, Operator::Equal | Operator::NotEqual);
    if !equality && (left.is_none() || right.is_none()) {
        return Ok(false);
    }
    let left = left.unwrap_or(Operand::Literal(""));
    let right = right.unwrap_or(Operand::Literal(""));
    let order = left.order(&right).ok_or_else(|| fail(Reason::NotAText("left or right")))?;
    Ok(match comparison.operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
    })
}
