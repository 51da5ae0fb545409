//! In or out of scope, and why. Pure.

use crate::{
    model::{self, Anchor, Attributes, Lifecycle, Value},
    sync_schema::{Doubt, Membership, ObjectMapping, ScopeResult, Verdict},
};

/// Where an object stands, layer by layer: the source's word first, then the account's state, then the filters.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Every layer lets it through.
    InScope,
    /// In scope, or nobody can tell, and its account is disabled in the source: never created, disabled where it is linked.
    AccountDisabled,
    /// A scoping filter does not let it through.
    OutOfScope(ScopeResult),
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
        matches!(self, Self::InScope | Self::AccountDisabled)
    }

    /// Why, in words for logs and removals.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InScope => "in scope",
            Self::AccountDisabled => "disabled in the source",
            Self::OutOfScope(_) => "out of scope",
            Self::LeftFeed => "no longer covered by the source filter",
            Self::SoftDeleted => "in the recycle bin of the source",
            Self::Deleted => "deleted in the source",
        }
    }
}

/// What is known of groups and their members.
#[derive(Clone, Debug, Default)]
pub struct Memberships {
    pub known: model::Memberships,
    /// True once the groups of the source were read to their end in this cycle. Until then only a membership that is
    /// known counts: its absence, and that of a group, mean nothing.
    pub complete: bool,
}

impl Memberships {
    /// Whether the object is a direct member of the group that a filter names so.
    pub fn test(&self, object: &Anchor, group: &str) -> Membership {
        let named = self.known.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        let is_member = |group| self.known.of.get(object).is_some_and(|groups| groups.contains(group));
        match named {
            [_, _, ..] => Membership::Undecided(Doubt::AmbiguousGroup),
            [group] if is_member(group) => Membership::Member,
            _ if !self.complete => Membership::Undecided(Doubt::GroupsUnread),
            _ => Membership::NotMember,
        }
    }
}

/// Finds where the object stands. `member_of` says whether it is a member of a group, by the word of the filter.
///
/// # Errors
/// Why a scoping filter could not be decided: the object is neither in nor out, so nothing may follow from it. Somebody whose
/// account is disabled is to have no access either way, so that never waits for a filter.
pub fn standing(
    attributes: &Attributes,
    lifecycle: Lifecycle,
    mapping: &ObjectMapping,
    member_of: impl Fn(&str) -> Membership,
) -> Result<Standing, ScopeResult> {
    match lifecycle {
        Lifecycle::Deleted => return Ok(Standing::Deleted),
        Lifecycle::SoftDeleted => return Ok(Standing::SoftDeleted),
        Lifecycle::LeftFeed => return Ok(Standing::LeftFeed),
        Lifecycle::Present => {}
    }
    let is_disabled = !is_active(attributes, lifecycle, mapping);
    let scope = mapping.scope.explain(attributes, member_of);
    match scope.verdict {
        Verdict::Fail => Ok(Standing::OutOfScope(scope)),
        Verdict::Pass | Verdict::Undecided(_) if is_disabled => Ok(Standing::AccountDisabled),
        Verdict::Pass => Ok(Standing::InScope),
        Verdict::Undecided(_) => Err(scope),
    }
}

/// True for an object that the source delivers and whose account is enabled there.
pub fn is_active(attributes: &Attributes, lifecycle: Lifecycle, mapping: &ObjectMapping) -> bool {
    let enabled = mapping.account_enabled.as_deref().and_then(|name| attributes.get(name));
    lifecycle == Lifecycle::Present && !enabled.is_some_and(is_false)
}

/// Sources write Booleans as Booleans or as text.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Boolean(flag) => !flag,
        Value::Text(text) => text.eq_ignore_ascii_case("false"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{engine::decide::tests::SCHEMA, sync_schema::compile};

    #[test]
    fn only_what_was_read_to_its_end_says_no() {
        use Doubt::{AmbiguousGroup, GroupsUnread};
        let groups = [("crew", vec!["g1"]), ("twins", vec!["g1", "g2"]), ("nobody", vec![])];
        let groups = groups.map(|(word, anchors)| (word.to_owned(), anchors.into_iter().map(Anchor::from).collect()));
        let known = model::Memberships { groups: groups.into(), of: [("ada".into(), ["g1".into()].into())].into() };
        let [read, unread] = [true, false].map(|complete| Memberships { known: known.clone(), complete });
        for (object, group, when_read, when_unread) in [
            ("ada", "crew", Membership::Member, Membership::Member),
            ("bob", "crew", Membership::NotMember, Membership::Undecided(GroupsUnread)),
            ("ada", "nobody", Membership::NotMember, Membership::Undecided(GroupsUnread)),
            ("ada", "never heard of", Membership::NotMember, Membership::Undecided(GroupsUnread)),
            ("ada", "twins", Membership::Undecided(AmbiguousGroup), Membership::Undecided(AmbiguousGroup)),
        ] {
            let object = Anchor::from(object);
            assert_eq!((read.test(&object, group), unread.test(&object, group)), (when_read, when_unread), "{group}");
        }
    }
    #[test]
    fn a_disabled_account_never_waits_for_a_filter() {
        let mut document: Json = serde_json::from_str(SCHEMA).unwrap();
        *document.pointer_mut("/synchronizationRules/0/objectMappings/0/scope").unwrap() = json!({ "groups": [{
            "name": "crew",
            "clauses": [{ "operatorName": "IsMemberOf", "sourceOperandName": "", "targetOperand": { "values": ["crew"] } }],
        }] });
        let schema = compile(&serde_json::from_value(document).unwrap()).runnable().unwrap();
        let unread = Membership::Undecided(Doubt::GroupsUnread);
        for (enabled, membership, expected) in [
            (true, Membership::Member, Some("in scope")),
            (false, Membership::Member, Some("disabled in the source")),
            (true, Membership::NotMember, Some("out of scope")),
            (false, Membership::NotMember, Some("out of scope")),
            (true, unread, None),
            (false, unread, Some("disabled in the source")),
        ] {
            let mut attributes = Attributes::default();
            attributes.set("accountEnabled", Value::Boolean(enabled));
            let standing = standing(&attributes, Lifecycle::Present, &schema.mappings[0], |_| membership);
            assert_eq!(standing.ok().map(|standing| standing.reason()), expected, "{enabled} {membership:?}");
        }
    }
}
