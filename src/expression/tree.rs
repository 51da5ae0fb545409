//! An expression as a tree, and its canonical text.
//!
//! Whoever holds an [`Expression`] holds one that parsed: its functions exist and have the arguments they need.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::date_format::DateFormat;
use super::parser::{ParseError, parse};
use super::{Function, Parameter, Pattern};

/// A parsed expression. Two expressions are equal when they print alike, wherever their parts once stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    root: Node,
}

/// One part of an expression.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: NodeKind,
    /// Where the part begins in the text it was parsed from, in bytes; zero for parts made by hand.
    pub position: usize,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `[department]`
    Attribute(String),
    /// `"text"`, without quotes and escapes.
    Text(String),
    /// `12`, `-3`, `1.5` or `&H1F`, as it was written.
    Number(String),
    Keyword(Keyword),
    Call(Call),
    Comparison(Box<Comparison>),
}

/// A function with its arguments; `None` is an argument that was left empty.
#[derive(Clone)]
pub struct Call {
    pub function: &'static Function,
    pub arguments: Vec<Option<Node>>,
    pub(super) prepared: Prepared,
}

/// What could be made of constant arguments before any object was at hand.
#[derive(Clone, Debug, Default)]
pub(super) enum Prepared {
    #[default]
    Nothing,
    Pattern(Box<Pattern>),
    /// Of the input and of the output; `None` for one that is no constant.
    DateFormats([Option<DateFormat>; 2]),
}

impl Call {
    /// The parameter that the argument at `index` is given to.
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        self.function.parameter_of(index, self.arguments.len())
    }
}

/// Two operands of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub left: Node,
    pub operator: Operator,
    pub right: Node,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A word with a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    TextCompare,
    BinaryCompare,
    IgnoreAttributeFlow,
    IgnoreObjectFlow,
}

impl Expression {
    /// Parses `text`; the error says where, what was expected, and which name may have been meant.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse(text).map(|root| Self { root })
    }

    /// The expression that is one source attribute: a direct mapping.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self { root: Node { kind: NodeKind::Attribute(name.into()), position: 0 } }
    }

    /// The expression that is one text: a constant mapping.
    pub fn constant(text: impl Into<String>) -> Self {
        Self { root: Node { kind: NodeKind::Text(text.into()), position: 0 } }
    }

    /// The outermost part.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The attribute of a direct mapping, `None` for anything more.
    pub fn as_attribute(&self) -> Option<&str> {
        match &self.root.kind {
            NodeKind::Attribute(name) => Some(name),
            _ => None,
        }
    }

    /// Every attribute that the expression may read.
    pub fn source_attributes(&self) -> BTreeSet<&str> {
        self.attribute_positions().map(|(name, _)| name).collect()
    }

    /// Every place that names an attribute, with its position in bytes, from left to right.
    pub fn attribute_positions(&self) -> impl Iterator<Item = (&str, usize)> {
        self.root.parts().into_iter().filter_map(|part| match &part.kind {
            NodeKind::Attribute(name) => Some((name.as_str(), part.position)),
            _ => None,
        })
    }

    /// The name of the function around everything else, but for those that only stand outermost (`Redact`,
    /// `IgnoreFlowIfNullOrEmpty`).
    pub fn outermost_function(&self) -> Option<&'static str> {
        self.outer_functions().find(|function| !function.outermost).map(|function| function.name)
    }

    /// True when logs must mask the result: `Redact` is among the outermost functions.
    pub fn is_redacted(&self) -> bool {
        self.is_within("Redact")
    }

    /// True when the result is one of several candidates, the first that the target has nowhere: `SelectUniqueValue`
    /// is among the outermost functions.
    pub fn selects_unique(&self) -> bool {
        self.is_within("SelectUniqueValue")
    }

    /// True when `DefaultDomain` is anywhere in it.
    pub fn asks_for_default_domain(&self) -> bool {
        let asks = |part: &Node| matches!(&part.kind, NodeKind::Call(call) if call.function.name == "DefaultDomain");
        self.root.parts().into_iter().any(asks)
    }

    /// True when one of the functions that only stand outermost is around the whole expression.
    fn is_within(&self, name: &str) -> bool {
        self.outer_functions().take_while(|function| function.outermost).any(|function| function.name == name)
    }

    /// The functions around the whole expression, from outside in: each is the first argument of the one before.
    fn outer_functions(&self) -> impl Iterator<Item = &'static Function> {
        std::iter::successors(self.root.call(), |outer| outer.arguments.first()?.as_ref()?.call())
            .map(|call| call.function)
    }
}

impl Node {
    fn call(&self) -> Option<&Call> {
        match &self.kind {
            NodeKind::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The node and everything below it, from left to right; the parser bounds the depth.
    pub fn parts(&self) -> Vec<&Self> {
        let below: Vec<&Self> = match &self.kind {
            NodeKind::Call(call) => call.arguments.iter().flatten().collect(),
            NodeKind::Comparison(comparison) => vec![&comparison.left, &comparison.right],
            _ => Vec::new(),
        };
        std::iter::once(self).chain(below.into_iter().flat_map(Self::parts)).collect()
    }
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::Greater, Self::GreaterOrEqual, Self::Less, Self::LessOrEqual];

    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

impl Keyword {
    /// Every keyword.
    pub const ALL: [Self; 4] =
        [Self::TextCompare, Self::BinaryCompare, Self::IgnoreAttributeFlow, Self::IgnoreObjectFlow];

    /// The keyword as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::TextCompare => "vbTextCompare",
            Self::BinaryCompare => "vbBinaryCompare",
            Self::IgnoreAttributeFlow => "IgnoreAttributeFlow",
            Self::IgnoreObjectFlow => "IgnoreObjectFlow",
        }
    }
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.arguments == other.arguments
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("function", &self.function.name).field("arguments", &self.arguments).finish()
    }
}

/// The canonical text: one blank after each comma and around each operator, arguments left empty kept.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Attribute(name) => write!(f, "[{name}]"),
            NodeKind::Text(text) => write_quoted(text, f),
            NodeKind::Number(digits) => f.write_str(digits),
            NodeKind::Keyword(keyword) => f.write_str(keyword.name()),
            NodeKind::Comparison(comparison) => {
                write!(f, "{} {} {}", comparison.left, comparison.operator.symbol(), comparison.right)
            }
            NodeKind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (index, argument) in call.arguments.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(argument) = argument {
                        argument.fmt(f)?;
                    }
                }
                f.write_str(")")
            }
        }
    }
}

fn write_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    f.write_str("\"")
}
