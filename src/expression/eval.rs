//! An expression and the attributes of an object to the value that flows.
//!
//! Deterministic: the same expression, attributes and context give the same answer. Lazy: of the branches of `IIF` and
//! `Switch` only the one that is returned is evaluated. Depth is bounded by the parser, the size of every value here.

use std::cmp::Ordering;

use super::coercion::{numeric, truth, whole_number, written};
use super::tree::{Call, Comparison, Expression, Keyword, Node, NodeKind, Operator};
use super::{Context, Function, Pattern, PatternError};
use crate::model::{Attributes, Value};

/// How long a text may become, in bytes, counted over all elements of a list.
const MAX_BYTES: usize = 1 << 20;

/// What an expression makes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// This value flows. Empty text is a value; an empty list is not.
    Value(Value),
    /// There is no value: the default of the mapping applies.
    Null,
    /// The attribute is left out of whatever is sent for this object.
    IgnoreAttribute,
    /// The whole object is left out.
    IgnoreObject,
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
    #[error("`{0}` holds several values where one is needed; pick one with `Item` or `Join` them")]
    SeveralValues(&'static str),
    #[error("`{0}` is out of range")]
    OutOfRange(&'static str),
    #[error("`{0}` is none of the values this function knows")]
    Unknown(&'static str),
    #[error("the pattern has no group of the given name")]
    UnknownGroup,
    #[error("the source has no default domain; set one in its configuration")]
    NoDefaultDomain,
    #[error("the result is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("its pattern cannot be used")]
    Pattern(#[source] PatternError),
}

impl Expression {
    /// Computes what flows for an object with these attributes.
    pub fn evaluate(&self, attributes: &Attributes, context: Context<'_>) -> Result<Flow, EvalError> {
        match evaluate(self.root(), Inputs { attributes, context }) {
            Ok(Some(Value::List(values))) if values.is_empty() => Ok(Flow::Null),
            Ok(Some(value)) => Ok(Flow::Value(value)),
            Ok(None) => Ok(Flow::Null),
            Err(Halt::IgnoreAttribute) => Ok(Flow::IgnoreAttribute),
            Err(Halt::IgnoreObject) => Ok(Flow::IgnoreObject),
            Err(Halt::Failed(error)) => Err(error),
        }
    }
}

/// A value, nothing (null), or a reason to stop.
pub(super) type Evaluated = Result<Option<Value>, Halt>;

/// What ends an evaluation early.
#[derive(Debug)]
pub(super) enum Halt {
    Failed(EvalError),
    IgnoreAttribute,
    IgnoreObject,
}

/// What every part of the expression sees.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    attributes: &'a Attributes,
    context: Context<'a>,
}

fn evaluate(node: &Node, inputs: Inputs<'_>) -> Evaluated {
    match &node.kind {
        NodeKind::Attribute(name) => Ok(inputs.attributes.get(name).cloned()),
        NodeKind::Text(text) | NodeKind::Number(text) => Ok(Some(Value::text(text))),
        NodeKind::Keyword(Keyword::IgnoreAttributeFlow) => Err(Halt::IgnoreAttribute),
        NodeKind::Keyword(Keyword::IgnoreObjectFlow) => Err(Halt::IgnoreObject),
        NodeKind::Keyword(keyword) => Ok(Some(Value::text(keyword.name()))),
        NodeKind::Call(call) => {
            let arguments = Arguments { call, position: node.position, inputs };
            let value = (call.function.evaluate)(&arguments)?;
            if value.as_ref().is_some_and(|value| bytes_of(value) > MAX_BYTES) {
                return Err(arguments.fail(Reason::TooLong));
            }
            Ok(value)
        }
        // The parser lets comparisons stand only in conditions, where the function asks for a condition.
        NodeKind::Comparison(comparison) => Err(Halt::Failed(EvalError {
            function: comparison.operator.symbol(),
            position: node.position,
            reason: Reason::Unknown("comparison"),
        })),
    }
}

/// Rough memory of a value; recursion follows values of the source, whose depth the source bounds.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(values) => values.iter().map(bytes_of).sum(),
        _ => 0,
    }
}

/// The arguments of one call, evaluated only when asked for.
pub(super) struct Arguments<'a> {
    call: &'a Call,
    position: usize,
    inputs: Inputs<'a>,
}

impl<'a> Arguments<'a> {
    /// How many there are, those left empty included.
    pub(super) fn len(&self) -> usize {
        self.call.arguments.len()
    }

    /// True when the argument was not left empty.
    pub(super) fn is_given(&self, index: usize) -> bool {
        self.node(index).is_some()
    }

    /// The expressions given, as the function's own checks see them.
    pub(super) fn nodes(&self) -> &'a [Option<Node>] {
        &self.call.arguments
    }

    /// What the expression knows of the world.
    pub(super) fn context(&self) -> Context<'a> {
        self.inputs.context
    }

    /// Where the call stands, in bytes.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The pattern that the parser compiled, where it is a constant.
    pub(super) fn pattern(&self) -> Option<&'a Pattern> {
        self.call.pattern.as_ref()
    }

    /// The value as it is, an empty list included.
    pub(super) fn value(&self, index: usize) -> Evaluated {
        match self.node(index) {
            Some(node) => evaluate(node, self.inputs),
            None => Ok(None),
        }
    }

    /// The single value: a list of one is its element, an empty list is null.
    pub(super) fn one(&self, index: usize) -> Evaluated {
        match self.value(index)? {
            Some(Value::List(mut values)) if values.len() < 2 => Ok(values.pop()),
            Some(Value::List(_)) => Err(self.fail(Reason::SeveralValues(self.name(index)))),
            value => Ok(value),
        }
    }

    /// The single value as text.
    pub(super) fn text(&self, index: usize) -> Result<Option<String>, Halt> {
        self.one(index)?.map(|value| self.text_of(&value, index)).transpose()
    }

    /// The text form of a value that was given as `index`.
    pub(super) fn text_of(&self, value: &Value, index: usize) -> Result<String, Halt> {
        written(value).map(|text| text.into_owned()).ok_or_else(|| self.fail(Reason::NotAText(self.name(index))))
    }

    /// The single value as a whole number; null is an error.
    pub(super) fn number(&self, index: usize) -> Result<i64, Halt> {
        let value = self.one(index)?.ok_or_else(|| self.fail(Reason::Missing(self.name(index))))?;
        whole_number(&value).ok_or_else(|| self.fail(Reason::NotANumber(self.name(index))))
    }

    /// The truth of a condition; null is false.
    pub(super) fn condition(&self, index: usize) -> Result<bool, Halt> {
        if let Some(Node { kind: NodeKind::Comparison(comparison), .. }) = self.node(index) {
            return self.compare(comparison, index);
        }
        let Some(value) = self.one(index)? else { return Ok(false) };
        truth(&value).ok_or_else(|| self.fail(Reason::NotABoolean(self.name(index))))
    }

    /// Applies `change` to a text, or to every text of a list; null stays null.
    pub(super) fn map(&self, index: usize, change: impl FnMut(&str) -> Result<String, Halt>) -> Evaluated {
        match self.value(index)? {
            Some(value) => self.map_value(&value, index, change).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Arguments::map`], for a value that is at hand.
    pub(super) fn map_value(
        &self,
        value: &Value,
        index: usize,
        mut change: impl FnMut(&str) -> Result<String, Halt>,
    ) -> Result<Value, Halt> {
        let Value::List(values) = value else {
            return Ok(Value::Text(change(&self.text_of(value, index)?)?));
        };
        let mut bytes = 0;
        let mut changed = Vec::with_capacity(values.len());
        for value in values {
            let text = change(&self.text_of(value, index)?)?;
            bytes += text.len();
            self.bounded(bytes)?;
            changed.push(Value::Text(text));
        }
        Ok(Value::List(changed))
    }

    /// Refuses a text of so many bytes before it is made.
    pub(super) fn bounded(&self, bytes: usize) -> Result<(), Halt> {
        if bytes > MAX_BYTES { Err(self.fail(Reason::TooLong)) } else { Ok(()) }
    }

    /// The error of this call.
    pub(super) fn fail(&self, reason: Reason) -> Halt {
        Halt::Failed(EvalError { function: self.function().name, position: self.position, reason })
    }

    /// The name of the parameter that `index` is given to.
    pub(super) fn name(&self, index: usize) -> &'static str {
        self.function().parameter(index).map_or("argument", |parameter| parameter.name)
    }

    fn function(&self) -> &'static Function {
        self.call.function
    }

    fn node(&self, index: usize) -> Option<&'a Node> {
        self.call.arguments.get(index)?.as_ref()
    }

    /// Numbers compare as numbers, dates as instants, everything else as text by code point. Null is empty text for
    /// `=` and `<>`, and never greater or less.
    fn compare(&self, comparison: &Comparison, index: usize) -> Result<bool, Halt> {
        let left = self.operand(&comparison.left, index)?;
        let right = self.operand(&comparison.right, index)?;
        let equality = matches!(comparison.operator, Operator::Equal | Operator::NotEqual);
        if !equality && (left.is_none() || right.is_none()) {
            return Ok(false);
        }
        let left = left.unwrap_or_else(|| Value::text(""));
        let right = right.unwrap_or_else(|| Value::text(""));
        let order = self.order(&left, &right, index)?;
        Ok(match comparison.operator {
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
        })
    }

    fn operand(&self, node: &Node, index: usize) -> Evaluated {
        match evaluate(node, self.inputs)? {
            Some(Value::List(mut values)) if values.len() < 2 => Ok(values.pop()),
            Some(Value::List(_)) => Err(self.fail(Reason::SeveralValues(self.name(index)))),
            value => Ok(value),
        }
    }

    fn order(&self, left: &Value, right: &Value, index: usize) -> Result<Ordering, Halt> {
        if let (Value::DateTime(left), Value::DateTime(right)) = (left, right) {
            return Ok(left.cmp(right));
        }
        if let (Some(left), Some(right)) = (whole_number(left), whole_number(right)) {
            return Ok(left.cmp(&right));
        }
        if let (Some(left), Some(right)) = (numeric(left), numeric(right)) {
            return Ok(left.total_cmp(&right));
        }
        Ok(self.text_of(left, index)?.cmp(&self.text_of(right, index)?))
    }
}
