//! Scoping filters: whether an object is provisioned, and why.
//!
//! Only the clauses of the synchronization schema. Assignment, soft deletion and the rest of the layers are the engine's.

mod explanation;
mod operator;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::expression::{Pattern, written};
use crate::model::{Attributes, Value};

pub use explanation::{ClauseResult, Doubt, GroupResult, Outcome, ScopeResult, Verdict};
pub use operator::Operator;

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

/// One test of one object.
#[derive(Clone, Debug)]
pub struct Clause {
    /// The attribute it tests; empty for [`Operator::IsMemberOf`], which tests the object itself.
    attribute: String,
    operator: Operator,
    operand: Operand,
}

/// What a clause compares with.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    None,
    Text(String),
    Pattern(String, Box<Pattern>),
    /// Groups of the source, by id, name or display name: membership of any is enough.
    Groups(Vec<String>),
}

/// Whether an object is a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Member,
    NotMember,
    Undecided(Doubt),
}

impl Scope {
    /// Tests an object; every clause is tested, so that the answer explains itself. `member_of` says whether the object
    /// is a member of the group that a filter names so.
    pub fn explain(&self, attributes: &Attributes, member_of: impl Fn(&str) -> Membership) -> ScopeResult {
        let groups: Vec<GroupResult> = self.groups.iter().map(|group| group.explain(attributes, &member_of)).collect();
        let verdict =
            if groups.is_empty() { Verdict::Pass } else { Verdict::any(groups.iter().map(|group| group.verdict)) };
        ScopeResult { verdict, groups }
    }

    /// The attributes that the filter reads.
    pub fn attributes(&self) -> BTreeSet<&str> {
        let clauses = self.clauses().filter(|clause| clause.operator != Operator::IsMemberOf);
        clauses.map(|clause| clause.attribute.as_str()).collect()
    }

    /// The groups whose members the filter asks for, as it names them.
    pub fn named_groups(&self) -> BTreeSet<&str> {
        let groups = self.clauses().filter_map(|clause| match &clause.operand {
            Operand::Groups(names) => Some(names),
            _ => None,
        });
        groups.flatten().map(String::as_str).collect()
    }

    /// True when membership of a group decides about an object.
    pub fn asks_for_members(&self) -> bool {
        self.clauses().any(|clause| clause.operator == Operator::IsMemberOf)
    }

    fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.groups.iter().flat_map(|group| &group.clauses)
    }
}

impl Group {
    fn explain(&self, attributes: &Attributes, member_of: &impl Fn(&str) -> Membership) -> GroupResult {
        let clauses: Vec<ClauseResult> =
            self.clauses.iter().map(|clause| clause.explain(attributes, member_of)).collect();
        let verdict = Verdict::all(clauses.iter().map(|clause| clause.outcome.verdict()));
        GroupResult { title: self.title.clone(), verdict, clauses }
    }
}

impl Clause {
    /// A clause; the operand must be one that the operator compares with.
    pub(super) fn new(attribute: String, operator: Operator, operand: Operand) -> Self {
        Self { attribute, operator, operand }
    }

    fn explain(&self, attributes: &Attributes, member_of: &impl Fn(&str) -> Membership) -> ClauseResult {
        let operands = match &self.operand {
            Operand::None => Vec::new(),
            Operand::Text(text) | Operand::Pattern(text, _) => vec![text.clone()],
            Operand::Groups(names) => names.clone(),
        };
        let outcome = match &self.operand {
            Operand::Groups(names) => Verdict::any(names.iter().map(|name| member_of(name).into())).into(),
            _ => self.test(attributes.get(&self.attribute).filter(|value| !value.is_empty())),
        };
        ClauseResult { attribute: self.attribute.clone(), operator: self.operator, operands, outcome }
    }

    fn test(&self, value: Option<&Value>) -> Outcome {
        match (value, self.operator) {
            (None, Operator::IsNull) | (Some(_), Operator::IsNotNull) => Outcome::Pass,
            (None, _) => Outcome::NoValue,
            (Some(_), Operator::IsNull) => Outcome::Fail,
            (Some(Value::List(values)), _) => Verdict::all(values.iter().map(|value| self.test_one(value))).into(),
            (Some(value), _) => self.test_one(value).into(),
        }
    }

    fn test_one(&self, value: &Value) -> Verdict {
        let Some(text) = written(value) else { return Verdict::Fail };
        let operand = match &self.operand {
            Operand::Text(operand) | Operand::Pattern(operand, _) => operand.as_str(),
            Operand::None | Operand::Groups(_) => "",
        };
        let passed = match self.operator {
            Operator::Equals => text == operand,
            Operator::NotEquals => text != operand,
            Operator::IsNull => text.is_empty(),
            Operator::IsNotNull => !text.is_empty(),
            Operator::IsTrue => text.eq_ignore_ascii_case("true"),
            Operator::IsFalse => text.eq_ignore_ascii_case("false"),
            Operator::Includes => text.contains(operand),
            Operator::EndsWith => text.ends_with(operand),
            Operator::Greater => compared(&text, operand, |left, right| left > right),
            Operator::GreaterOrEquals => compared(&text, operand, |left, right| left >= right),
            Operator::OccursIn => occurs(value, &text, operand),
            Operator::NotOccursIn => !occurs(value, &text, operand),
            Operator::RegexMatch | Operator::NotRegexMatch => {
                let matched = match &self.operand {
                    Operand::Pattern(_, pattern) => pattern.is_match(&text).ok(),
                    _ => None,
                };
                let Some(matched) = matched else { return Verdict::Undecided(Doubt::TooManySteps) };
                matched == (self.operator == Operator::RegexMatch)
            }
            Operator::IsMemberOf => false,
        };
        if passed { Verdict::Pass } else { Verdict::Fail }
    }
}

impl From<Membership> for Verdict {
    fn from(membership: Membership) -> Self {
        match membership {
            Membership::Member => Self::Pass,
            Membership::NotMember => Self::Fail,
            Membership::Undecided(doubt) => Self::Undecided(doubt),
        }
    }
}

/// Whole numbers by their bits, everything else as a part of the operand.
fn occurs(value: &Value, text: &str, operand: &str) -> bool {
    match (value, operand.parse::<i64>()) {
        (Value::Integer(number), Ok(mask)) => number & mask != 0,
        _ => operand.contains(text),
    }
}

/// Both sides must be whole numbers without a sign.
fn compared(left: &str, right: &str, test: impl Fn(u64, u64) -> bool) -> bool {
    match (left.parse(), right.parse()) {
        (Ok(left), Ok(right)) => test(left, right),
        _ => false,
    }
}
