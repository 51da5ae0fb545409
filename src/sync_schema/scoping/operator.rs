//! The operators of clauses.

use crate::sync_schema::directory::AttributeType;

/// How a clause tests. Every test but [`Operator::IsNull`] fails on a missing or empty attribute, and a list passes
/// only if every value does; [`Operator::IsMemberOf`] tests no attribute.
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
    /// The object is a member of one of the groups: direct, or as far as the job's `is_member_of` reaches. Not of the reference service: an addition of this product.
    IsMemberOf,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 15] = [
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
        Self::IsMemberOf,
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
            Self::IsMemberOf => "IsMemberOf",
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
        use AttributeType::{Binary, Boolean, Integer, Reference, String};
        match self {
            Self::IsNull | Self::IsNotNull => &[Integer, String, Binary, Boolean],
            Self::IsTrue | Self::IsFalse => &[Boolean],
            Self::Greater | Self::GreaterOrEquals => &[Integer],
            Self::Includes | Self::EndsWith => &[String],
            Self::IsMemberOf => &[Reference],
            _ => &[Integer, String],
        }
    }

    /// True when the operator can be used on an attribute of this type. Many directories hold numbers and truth in
    /// texts, so a text attribute takes every operator.
    pub(in crate::sync_schema) fn accepts(self, kind: AttributeType) -> bool {
        kind == AttributeType::String || self.supported_types().contains(&kind)
    }
}
