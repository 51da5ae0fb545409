//! In or out of scope, and why. Pure.

use crate::{
    model::{Attributes, Lifecycle, Value},
    sync_schema::{ObjectMapping, ScopeResult, Verdict},
};

/// Where an object stands, layer by layer: the source's word first, then the account's state, then the filters.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Every layer lets it through.
    InScope,
    /// In scope, but its account is disabled in the source: never created, disabled where it is linked.
    AccountDisabled,
    /// A scoping filter does not let it through.
    OutOfScope(ScopeResult),
    /// A scoping filter could not be tested: neither in nor out, so nothing may follow from it.
    Undecided(ScopeResult),
    /// The source still has it but does not deliver it.
    LeftFeed,
    /// In the recycle bin.
    SoftDeleted,
    /// Gone for good.
    Deleted,
}

impl Standing {
    /// The value of the computed attribute `IsSoftDeleted`.
    pub fn is_soft_deleted(&self) -> bool {
        !matches!(self, Self::InScope)
    }

    /// True when the resource of a linked object is kept as the object is.
    pub fn is_maintained(&self) -> bool {
        matches!(self, Self::InScope | Self::AccountDisabled | Self::Undecided(_))
    }

    /// Why, in words for logs and removals.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InScope => "in scope",
            Self::AccountDisabled => "disabled in the source",
            Self::OutOfScope(_) => "out of scope",
            Self::Undecided(_) => "its scope could not be tested",
            Self::LeftFeed => "no longer covered by the source filter",
            Self::SoftDeleted => "in the recycle bin of the source",
            Self::Deleted => "deleted in the source",
        }
    }
}

/// Finds where the object stands.
pub fn standing(attributes: &Attributes, lifecycle: Lifecycle, mapping: &ObjectMapping) -> Standing {
    match lifecycle {
        Lifecycle::Deleted => return Standing::Deleted,
        Lifecycle::SoftDeleted => return Standing::SoftDeleted,
        Lifecycle::LeftFeed => return Standing::LeftFeed,
        Lifecycle::Present => {}
    }
    let scope = mapping.scope.explain(attributes);
    match scope.verdict {
        Verdict::Pass => {}
        Verdict::Fail => return Standing::OutOfScope(scope),
        Verdict::Undecided => return Standing::Undecided(scope),
    }
    let enabled = mapping.account_enabled.as_deref().and_then(|name| attributes.get(name));
    if enabled.is_some_and(is_false) { Standing::AccountDisabled } else { Standing::InScope }
}

/// Sources write Booleans as Booleans or as text.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Boolean(flag) => !flag,
        Value::Text(text) => text.eq_ignore_ascii_case("false"),
        _ => false,
    }
}
