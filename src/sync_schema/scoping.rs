//! Scoping filters: whether an object is provisioned, and why.
//!
//! Only the clauses of the synchronization schema. Assignment, soft deletion and the rest of the layers are the engine's.

use std::collections::BTreeSet;
use std::fmt;

use super::directory::AttributeType;
use crate::expression::{Pattern, written};
use crate::model::{Attributes, Value};

/// The filter of an object mapping: an object is in scope when one group passes, or when there is none.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub groups: Vec<Group>,
}

/// Clauses that must all pass.
#[derive(Clone, Debug)]
pub struct Group {
    pub title: String,
    pub clauses: Vec<Clause>,
}

/// One test of one attribute.
#[derive(Clone, Debug)]
pub struct Clause {
    pub attribute: String,
    pub operator: Operator,
    /// Empty for operators without operand.
    pub operand: String,
    /// The compiled operand of the two regular expression operators.
    pattern: Option<Pattern>,
}

/// How a clause tests. Every test but [`Operator::IsNull`] fails on a missing or empty attribute, and a list passes
/// only if every value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    IsNull,
    IsNotNull,
    IsTrue,
    IsFalse,
    RegexMatch,
    NotRegexMatch,
    Greater,
    GreaterOrEquals,
    Includes,
    EndsWith,
    OccursIn,
    NotOccursIn,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// A regular expression took too many steps. Neither in nor out: the object must not be removed for it.
    Undecided,
}

/// Whether an object is in scope, clause by clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeResult {
    pub verdict: Verdict,
    pub groups: Vec<GroupResult>,
}

/// What came of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupResult {
    pub title: String,
    pub verdict: Verdict,
    pub clauses: Vec<ClauseResult>,
}

/// What came of a clause. Names the test, never the object's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseResult {
    pub attribute: String,
    pub operator: Operator,
    pub operand: String,
    pub verdict: Verdict,
}

impl Scope {
    /// Tests an object; every clause is tested, so that the answer explains itself.
    pub fn explain(&self, attributes: &Attributes) -> ScopeResult {
        let groups: Vec<GroupResult> = self.groups.iter().map(|group| group.explain(attributes)).collect();
        let verdict = match groups.as_slice() {
            [] => Verdict::Pass,
            groups if groups.iter().any(|group| group.verdict == Verdict::Pass) => Verdict::Pass,
            groups if groups.iter().any(|group| group.verdict == Verdict::Undecided) => Verdict::Undecided,
            _ => Verdict::Fail,
        };
        ScopeResult { verdict, groups }
    }

    /// The attributes that the filter reads.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.groups.iter().flat_map(|group| &group.clauses).map(|clause| clause.attribute.as_str()).collect()
    }
}

impl ScopeResult {
    /// True when the object is to be provisioned.
    pub fn is_in_scope(&self) -> bool {
        self.verdict == Verdict::Pass
    }
}

/// Whether the object is in, and each test with what came of it; never a value of the object.
impl fmt::Display for ScopeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Pass => f.write_str("in scope")?,
            Verdict::Fail => f.write_str("out of scope")?,
            Verdict::Undecided => f.write_str("neither in nor out of scope")?,
        }
        if self.groups.is_empty() {
            return f.write_str(": there is no filter");
        }
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { ", or " })?;
            group.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.title.as_str() {
            "" => {}
            title => write!(f, "{title} ")?,
        }
        f.write_str("(")?;
        for (index, clause) in self.clauses.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " and " })?;
            clause.fmt(f)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for ClauseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.attribute, self.operator.name())?;
        if self.operator.has_operand() {
            write!(f, " {:?}", self.operand)?;
        }
        f.write_str(match self.verdict {
            Verdict::Pass => ": yes",
            Verdict::Fail => ": no",
            Verdict::Undecided => ": took too many steps",
        })
    }
}

impl Group {
    fn explain(&self, attributes: &Attributes) -> GroupResult {
        let clauses: Vec<ClauseResult> = self.clauses.iter().map(|clause| clause.explain(attributes)).collect();
        let verdict = all(clauses.iter().map(|clause| clause.verdict));
        GroupResult { title: self.title.clone(), verdict, clauses }
    }
}

impl Clause {
    /// A clause; the operand of a regular expression operator must come compiled.
    pub(super) fn new(attribute: String, operator: Operator, operand: String, pattern: Option<Pattern>) -> Self {
        Self { attribute, operator, operand, pattern }
    }

    fn explain(&self, attributes: &Attributes) -> ClauseResult {
        let verdict = self.test(attributes.get(&self.attribute).filter(|value| !value.is_empty()));
        let (attribute, operator, operand) = (self.attribute.clone(), self.operator, self.operand.clone());
        ClauseResult { attribute, operator, operand, verdict }
    }

    fn test(&self, value: Option<&Value>) -> Verdict {
        match (value, self.operator) {
            (None, Operator::IsNull) | (Some(_), Operator::IsNotNull) => Verdict::Pass,
            (None, _) | (Some(_), Operator::IsNull) => Verdict::Fail,
            (Some(Value::List(values)), _) => all(values.iter().map(|value| self.test_one(value))),
            (Some(value), _) => self.test_one(value),
        }
    }

    fn test_one(&self, value: &Value) -> Verdict {
        let Some(text) = written(value) else { return Verdict::Fail };
        let passed = match self.operator {
            Operator::Equals => text == self.operand,
            Operator::NotEquals => text != self.operand,
            Operator::IsNull => text.is_empty(),
            Operator::IsNotNull => !text.is_empty(),
            Operator::IsTrue => text.eq_ignore_ascii_case("true"),
            Operator::IsFalse => text.eq_ignore_ascii_case("false"),
            Operator::Includes => text.contains(&self.operand),
            Operator::EndsWith => text.ends_with(&self.operand),
            Operator::Greater => compared(&text, &self.operand, |left, right| left > right),
            Operator::GreaterOrEquals => compared(&text, &self.operand, |left, right| left >= right),
            Operator::OccursIn => self.contains(value, &text),
            Operator::NotOccursIn => !self.contains(value, &text),
            Operator::RegexMatch | Operator::NotRegexMatch => {
                let matched = self.pattern.as_ref().map(|pattern| pattern.is_match(&text));
                let Some(Ok(matched)) = matched else { return Verdict::Undecided };
                matched == (self.operator == Operator::RegexMatch)
            }
        };
        if passed { Verdict::Pass } else { Verdict::Fail }
    }

    /// Whole numbers by their bits, everything else as a part of the operand.
    fn contains(&self, value: &Value, text: &str) -> bool {
        match (value, self.operand.parse::<i64>()) {
            (Value::Integer(number), Ok(mask)) => number & mask != 0,
            _ => self.operand.contains(text),
        }
    }
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 14] = [
        Self::Equals,
        Self::NotEquals,
        Self::IsNull,
        Self::IsNotNull,
        Self::IsTrue,
        Self::IsFalse,
        Self::RegexMatch,
        Self::NotRegexMatch,
        Self::Greater,
        Self::GreaterOrEquals,
        Self::Includes,
        Self::EndsWith,
        Self::OccursIn,
        Self::NotOccursIn,
    ];

    /// The name in the synchronization API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equals => "EQUALS",
            Self::NotEquals => "NOT EQUALS",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::IsTrue => "IS TRUE",
            Self::IsFalse => "IS FALSE",
            Self::RegexMatch => "REGEX MATCH",
            Self::NotRegexMatch => "NOT REGEX MATCH",
            Self::Greater => "Greater_Than",
            Self::GreaterOrEquals => "Greater_Than_OR_EQUALS",
            Self::Includes => "Includes",
            Self::EndsWith => "ENDS_WITH",
            Self::OccursIn => "&",
            Self::NotOccursIn => "!&",
        }
    }

    /// The operator of this name, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name().eq_ignore_ascii_case(name))
    }

    /// True when a clause names a value to compare with.
    pub fn has_operand(self) -> bool {
        !matches!(self, Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse)
    }

    /// True for the two operators whose operand is a regular expression.
    pub fn is_regex(self) -> bool {
        matches!(self, Self::RegexMatch | Self::NotRegexMatch)
    }

    /// The types of attributes that the operator is published for.
    pub fn supported_types(self) -> &'static [AttributeType] {
        use AttributeType::{Binary, Boolean, Integer, String};
        match self {
            Self::IsNull | Self::IsNotNull => &[Integer, String, Binary, Boolean],
            Self::IsTrue | Self::IsFalse => &[Boolean],
            Self::Greater | Self::GreaterOrEquals => &[Integer],
            Self::Includes | Self::EndsWith => &[String],
            _ => &[Integer, String],
        }
    }

    /// True when the operator can be used on an attribute of this type. Many directories hold numbers and truth in
    /// texts, so a text attribute takes every operator.
    pub(super) fn accepts(self, kind: AttributeType) -> bool {
        kind == AttributeType::String || self.supported_types().contains(&kind)
    }
}

fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut undecided = false;
    for verdict in verdicts {
        match verdict {
            Verdict::Fail => return Verdict::Fail,
            Verdict::Undecided => undecided = true,
            Verdict::Pass => {}
        }
    }
    if undecided { Verdict::Undecided } else { Verdict::Pass }
}

/// Both sides must be whole numbers without a sign.
fn compared(left: &str, right: &str, test: impl Fn(u64, u64) -> bool) -> bool {
    match (left.parse(), right.parse()) {
        (Ok(left), Ok(right)) => test(left, right),
        _ => false,
    }
}
