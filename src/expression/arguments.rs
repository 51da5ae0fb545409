//! The arguments of one call, evaluated only when asked for.

use std::borrow::Cow;

use super::budget::Budget;
use super::eval::{Evaluated, Inputs, MAX_BYTES, evaluate};
use super::operand::Operand;
use super::outcome::{EvalError, Halt, Reason};
use super::tree::{Call, Node, Prepared};
use super::{Context, PatternError};
use crate::model::Value;

/// See the module.
pub(super) struct Arguments<'a, 'r> {
    call: &'a Call,
    position: usize,
    inputs: Inputs<'a, 'r>,
}

impl<'a, 'r> Arguments<'a, 'r> {
    pub(super) fn new(call: &'a Call, position: usize, inputs: Inputs<'a, 'r>) -> Self {
        Self { call, position, inputs }
    }

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

    /// What the parser prepared of constant arguments.
    pub(super) fn prepared(&self) -> &'a Prepared {
        &self.call.prepared
    }

    /// What the expression knows of the world.
    pub(super) fn context(&self) -> Context<'a> {
        self.inputs.context
    }

    /// The 32 bytes that this call draws from.
    pub(super) fn seed(&self) -> [u8; 32] {
        self.context().draw.seed_at(self.position)
    }

    /// What the evaluation may still do.
    pub(super) fn budget(&self) -> &'r Budget {
        &self.inputs.run.budget
    }

    /// The value as it is, an empty list included.
    pub(super) fn value(&self, index: usize) -> Evaluated<'a> {
        match self.node(index) {
            Some(node) => evaluate(node, self.inputs),
            None => Ok(None),
        }
    }

    /// The value, where an empty list is none.
    pub(super) fn present(&self, index: usize) -> Evaluated<'a> {
        Ok(self.value(index)?.filter(|operand| operand.as_list().is_none_or(|values| !values.is_empty())))
    }

    /// The single value: a list of one is its element, an empty list is null.
    pub(super) fn one(&self, index: usize) -> Evaluated<'a> {
        match self.value(index)? {
            Some(operand) => match operand.as_list().map(<[Value]>::len) {
                Some(0 | 1) => Ok(operand.into_elements().pop()),
                Some(_) => Err(self.fail(Reason::SeveralValues(self.name(index)))),
                None => Ok(Some(operand)),
            },
            None => Ok(None),
        }
    }

    /// The single value as text.
    pub(super) fn text(&self, index: usize) -> Result<Option<Cow<'a, str>>, Halt> {
        self.one(index)?.map(|operand| self.text_of(operand, index)).transpose()
    }

    /// The text form of a value that was given as `index`.
    pub(super) fn text_of(&self, operand: Operand<'a>, index: usize) -> Result<Cow<'a, str>, Halt> {
        let text = operand.into_text().ok_or_else(|| self.fail(Reason::NotAText(self.name(index))))?;
        self.spend_bytes(text.len())?;
        Ok(text)
    }

    /// The single value as a whole number; null is an error.
    pub(super) fn number(&self, index: usize) -> Result<i64, Halt> {
        let value = self.one(index)?.ok_or_else(|| self.fail(Reason::Missing(self.name(index))))?;
        value.whole_number().ok_or_else(|| self.fail(Reason::NotANumber(self.name(index))))
    }

    /// The truth of a condition; null is false.
    pub(super) fn condition(&self, index: usize) -> Result<bool, Halt> {
        let Some(value) = self.one(index)? else { return Ok(false) };
        value.truth().ok_or_else(|| self.fail(Reason::NotABoolean(self.name(index))))
    }

    /// Applies `change` to a text, or to every text of a list; null stays null.
    pub(super) fn map(&self, index: usize, mut change: impl FnMut(&str) -> Result<String, Halt>) -> Evaluated<'a> {
        let Some(operand) = self.value(index)? else { return Ok(None) };
        if operand.as_list().is_none() {
            return Ok(Some(Operand::text(change(&self.text_of(operand, index)?)?)));
        }
        let mut bytes = 0;
        let mut changed = Vec::new();
        for element in operand.into_elements() {
            let text = change(&self.text_of(element, index)?)?;
            bytes += text.len();
            self.bounded(bytes)?;
            changed.push(Value::Text(text));
        }
        Ok(Some(Operand::Made(Value::List(changed))))
    }

    /// Refuses a text of so many bytes before it is made.
    pub(super) fn bounded(&self, bytes: usize) -> Result<(), Halt> {
        if bytes > MAX_BYTES { Err(self.fail(Reason::TooLong)) } else { Ok(()) }
    }

    /// Takes steps of the evaluation's budget.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Halt> {
        if self.budget().spend(steps) { Ok(()) } else { Err(self.fail(Reason::TooManySteps)) }
    }

    /// Takes the steps of reading or making a text of so many bytes.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<(), Halt> {
        if self.budget().spend_bytes(bytes) { Ok(()) } else { Err(self.fail(Reason::TooManySteps)) }
    }

    /// The error of this call.
    pub(super) fn fail(&self, reason: Reason) -> Halt {
        Halt::Failed(EvalError { function: self.call.function.name, position: self.position, reason })
    }

    /// The error of a pattern of this call.
    pub(super) fn pattern_failed(&self, error: PatternError) -> Halt {
        self.fail(Reason::Pattern(error))
    }

    /// The name of the parameter that `index` is given to.
    pub(super) fn name(&self, index: usize) -> &'static str {
        self.call.parameter(index).map_or("argument", |parameter| parameter.name)
    }

    fn node(&self, index: usize) -> Option<&'a Node> {
        self.call.arguments.get(index)?.as_ref()
    }
}
