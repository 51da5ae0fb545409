//! Why an object is in or out of scope, clause by clause. Names the tests, never a value of the object.

use std::fmt;

use super::Operator;

/// What came of a filter, or of a group of clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// Neither in nor out: the object must not be removed for it.
    Undecided(Doubt),
}

/// Why a test could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error("a regular expression took too many steps; simplify it")]
    TooManySteps,
    #[error("the groups of the source have not been read to their end yet")]
    GroupsUnread,
    /// Passes by itself: the next cycle reads all groups.
    #[error("who is in groups in groups is only known once a cycle has read all of them")]
    NestedUnread,
    #[error("groups lie too deep in this group to be followed; take one of them out of the chain")]
    NestingTooDeep,
    #[error("several groups have this display name; name the one that is meant by its id")]
    AmbiguousGroup,
}

/// What came of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    /// It fails because the object has no value for the attribute.
    NoValue,
    Undecided(Doubt),
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

/// What came of a clause, which it names as the filter does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseResult {
    /// Empty where no attribute is tested.
    pub attribute: String,
    pub operator: Operator,
    pub operands: Vec<String>,
    pub outcome: Outcome,
}

impl ScopeResult {
    /// True when the object is to be provisioned.
    pub fn is_in_scope(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// True when a test of it waits for groups in groups, which the next cycle reads.
    pub fn waits_for_nested_groups(&self) -> bool {
        let mut clauses = self.groups.iter().flat_map(|group| &group.clauses);
        clauses.any(|clause| clause.outcome == Outcome::Undecided(Doubt::NestedUnread))
    }
}

impl Verdict {
    /// Passes when one does; undecided when one may.
    pub(super) fn any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::Fail;
        for verdict in verdicts {
            match (any, verdict) {
                (_, Self::Pass) => return Self::Pass,
                (Self::Fail, undecided) => any = undecided,
                _ => {}
            }
        }
        any
    }

    /// Passes when all do; undecided when none fails and one may.
    pub(super) fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Pass;
        for verdict in verdicts {
            match (all, verdict) {
                (_, Self::Fail) => return Self::Fail,
                (Self::Pass, undecided) => all = undecided,
                _ => {}
            }
        }
        all
    }
}

impl Outcome {
    /// What the clause adds to the verdict of its group.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Pass,
            Self::Fail | Self::NoValue => Verdict::Fail,
            Self::Undecided(doubt) => Verdict::Undecided(doubt),
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Fail => Self::Fail,
            Verdict::Undecided(doubt) => Self::Undecided(doubt),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "in scope",
            Self::Fail => "out of scope",
            Self::Undecided(_) => "neither in nor out of scope",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("yes"),
            Self::Fail => f.write_str("no"),
            Self::NoValue => f.write_str("no, it has no value"),
            Self::Undecided(doubt) => write!(f, "undecided, {doubt}"),
        }
    }
}

/// Whether the object is in, and each test with what came of it.
impl fmt::Display for ScopeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict.fmt(f)?;
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
            write!(f, "{}: {}", clause.test(), clause.outcome)?;
        }
        f.write_str(")")
    }
}

impl ClauseResult {
    /// The test in words, without what came of it.
    pub fn test(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            if !self.attribute.is_empty() {
                write!(f, "[{}] ", self.attribute)?;
            }
            f.write_str(self.operator.name())?;
            for (index, operand) in self.operands.iter().enumerate() {
                write!(f, "{}{operand:?}", if index == 0 { " " } else { " or " })?;
            }
            Ok(())
        })
    }
}
