//! The one table of functions: name, parameters, documentation, examples and what they do.
//!
//! Each family is a file with its rows beside its functions; adding a function is adding a row and a function there.
//! Parser, evaluation, `provisor expr --list` and the function listing of the API all read this table.

mod case;
mod convert;
mod date;
mod drawn;
mod flow;
mod list;
mod logic;
mod presence;
mod replace;
mod role;
mod row;
mod text;

use std::fmt;
use std::sync::LazyLock;

use super::arguments::Arguments;
use super::coercion::{truth_of_text, whole_number_of_text};
use super::date_format::common_date;
use super::eval::Evaluated;
use super::parser::ParseError;
use super::tree::Prepared;
use super::{Keyword, Node};

/// A function of the mapping language.
pub struct Function {
    /// Case-sensitive.
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    /// An older signature that is still written; the number of arguments tells them apart.
    pub former: Option<&'static [Parameter]>,
    /// What it answers, where it answers a value.
    pub result: ValueType,
    pub origin: Origin,
    /// One sentence: what it answers.
    pub doc: &'static str,
    pub examples: &'static [Example],
    /// True for functions that may only stand around the whole expression.
    pub outermost: bool,
    pub(super) prepare: Option<Prepare>,
    pub(super) evaluate: Evaluate,
}

/// Checks what the table cannot say, and prepares constant arguments. Given the arguments and the position of the call.
pub(super) type Prepare = fn(&[Option<Node>], usize) -> Result<Prepared, ParseError>;

pub(super) type Evaluate = for<'a> fn(&Arguments<'a, '_>) -> Evaluated<'a>;

/// Where a function comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Microsoft synchronization API has it.
    Reference,
    /// An addition of this product: a schema that uses it runs nowhere else.
    Product,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The key under which the synchronization API writes the argument.
    pub name: &'static str,
    /// Other keys that are written for it.
    pub aliases: &'static [&'static str],
    pub kind: ValueType,
    /// False when the argument may be left empty or out.
    pub required: bool,
    /// True for the last parameters of a function that takes any number of them, in turn.
    pub multiple: bool,
}

/// What a value is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Text,
    Integer,
    Boolean,
    DateTime,
    List,
    /// The role assignments of the source object, or the roles of the resource.
    Roles,
    /// Any value.
    Any,
    /// A value or a comparison.
    Condition,
    /// Any value, or a keyword that stops the flow.
    Branch,
    /// `vbTextCompare` or `vbBinaryCompare`.
    CompareType,
}

impl ValueType {
    /// What a constant must be to be used as this; `None` when this one is.
    pub(super) fn refuses(self, constant: &str) -> Option<&'static str> {
        let (is_fit, expected) = match self {
            Self::Integer => (whole_number_of_text(constant).is_some(), "a whole number"),
            Self::DateTime => (common_date(constant.trim()).is_some(), "a date in a common form, such as `2024-12-31`"),
            Self::CompareType => (
                [Keyword::TextCompare, Keyword::BinaryCompare].iter().any(|keyword| keyword.name() == constant),
                "`vbTextCompare` or `vbBinaryCompare`",
            ),
            Self::Condition => (truth_of_text(constant).is_some(), "a comparison, `True`, `False` or a number"),
            Self::Text | Self::Boolean | Self::List | Self::Roles | Self::Any | Self::Branch => return None,
        };
        (!is_fit).then_some(expected)
    }
}

/// A call with what it gives. All of them are run as tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    pub call: &'static str,
    /// The attributes of the object: a JSON object.
    pub object: &'static str,
    /// What flows, in JSON; after `~` a regular expression that the text matches.
    pub result: &'static str,
}

impl Parameter {
    /// True for its name and its aliases, in any case.
    pub fn is_named(&self, key: &str) -> bool {
        self.name.eq_ignore_ascii_case(key) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(key))
    }
}

impl Function {
    /// The parameter that the argument at `index` is given to; those that repeat take turns.
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        if let Some(parameter) = self.parameters.get(index) {
            return Some(parameter);
        }
        let first = self.parameters.iter().position(|parameter| parameter.multiple)?;
        let repeated = &self.parameters[first..];
        repeated.get((index - first) % repeated.len())
    }

    /// As [`Function::parameter`], in a call with so many arguments, which may be of the former signature.
    pub(super) fn parameter_of(&self, index: usize, arguments: usize) -> Option<&'static Parameter> {
        match self.former.filter(|former| former.len() == arguments) {
            Some(former) => former.get(index),
            None => self.parameter(index),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// The signature, as a person writes it: `InStr(value1, value2, start?, compareType?)`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            let mark = if parameter.multiple {
                "…"
            } else if parameter.required {
                ""
            } else {
                "?"
            };
            write!(f, "{separator}{}{mark}", parameter.name)?;
        }
        f.write_str(")")
    }
}

/// Every function, by name.
pub static FUNCTIONS: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let families: [&'static [Function]; 11] = [
        case::FUNCTIONS,
        convert::FUNCTIONS,
        date::FUNCTIONS,
        drawn::FUNCTIONS,
        flow::FUNCTIONS,
        list::FUNCTIONS,
        logic::FUNCTIONS,
        presence::FUNCTIONS,
        replace::FUNCTIONS,
        role::FUNCTIONS,
        text::FUNCTIONS,
    ];
    let mut functions: Vec<&'static Function> = families.into_iter().flatten().collect();
    functions.sort_by_key(|function| function.name.to_ascii_lowercase());
    functions
});

/// The function of this name, in exactly this spelling.
pub(super) fn function_named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name).copied()
}
