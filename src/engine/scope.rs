//! In or out of scope, and why. Pure.

use std::collections::HashMap;

use crate::{
    model::{self, Anchor, Attributes, Lifecycle, Reach, Roles, Value},
    sync_schema::{Doubt, Membership, ObjectMapping, ScopeResult, Verdict},
};

/// Where an object stands, layer by layer: the source's word first, then the account's state, then its assignment, then
/// the filters.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Every layer lets it through.
    InScope,
    /// In scope, or nobody can tell, and its account is disabled in the source: never created, disabled where it is linked.
    AccountDisabled,
    /// It is not assigned to the application.
    Unassigned,
    /// It is assigned with roles of which none entitles.
    NotEntitled,
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

    /// True when the source delivers it and nothing but a scoping filter keeps it from the application.
    pub fn is_entitled(&self) -> bool {
        matches!(self, Self::InScope | Self::AccountDisabled | Self::OutOfScope(_))
    }

    /// True when the source delivers it and the job leaves it out.
    pub fn is_beyond_scope(&self) -> bool {
        matches!(self, Self::Unassigned | Self::NotEntitled | Self::OutOfScope(_))
    }

    /// Why, in words for logs and removals.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InScope => "in scope",
            Self::AccountDisabled => "disabled in the source",
            Self::Unassigned => "not assigned to the application",
            Self::NotEntitled => "assigned without a role that entitles",
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
    /// How far the filters reach.
    pub reach: Reach,
    /// True once the groups of the source were read to their end in this cycle, and flattened where filters reach into
    /// them. Until then only a membership that is known counts: its absence, and that of a group, mean nothing.
    pub complete: bool,
}

impl Memberships {
    /// Whether the object is a member of the group that a filter names so.
    pub fn test(&self, object: &Anchor, group: &str) -> Membership {
        let named = self.known.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        let is_member = |group| self.known.of.get(object).is_some_and(|groups| groups.contains(group));
        match named {
            [_, _, ..] => Membership::Undecided(Doubt::AmbiguousGroup),
            [group] if is_member(group) => Membership::Member,
            _ if !self.complete => Membership::Undecided(match self.reach {
                Reach::Direct => Doubt::GroupsUnread,
                Reach::Nested => Doubt::NestedUnread,
            }),
            [group] if self.known.too_deep.contains(group) => Membership::Undecided(Doubt::NestingTooDeep),
            _ => Membership::NotMember,
        }
    }
}

/// What is known of who is assigned to the application.
#[derive(Clone, Debug, Default)]
pub struct Assignments {
    /// The roles of whoever is assigned; `None` where everybody is provisioned.
    pub known: Option<HashMap<Anchor, Roles>>,
    /// True once the list was read to its end in this cycle, and the groups before it. Until then only an assignment that is
    /// known counts: its absence means nothing.
    pub complete: bool,
}

/// Whether an object is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// Nobody has to be.
    NotAsked,
    Yes,
    No,
    /// Yes, with roles of which none entitles.
    WithoutEntitlement,
    /// What was not read to its end says nothing.
    Unread,
}

impl Assignments {
    /// Whether the object is assigned.
    pub fn test(&self, object: &Anchor) -> Assigned {
        let Some(known) = &self.known else { return Assigned::NotAsked };
        match known.get(object) {
            Some(roles) if roles.entitle() => Assigned::Yes,
            _ if !self.complete => Assigned::Unread,
            Some(_) => Assigned::WithoutEntitlement,
            None => Assigned::No,
        }
    }

    /// What expressions see as the roles of the object; `None` where assignments play no part.
    pub fn roles(&self, object: &Anchor) -> Option<Option<Value>> {
        let known = self.known.as_ref()?;
        Some(known.get(object).and_then(Roles::value))
    }
}

/// Why nobody can tell where an object stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Undecided {
    /// What is read next tells whether it is assigned, or a member of a group.
    Unread,
    /// A scoping filter could not be decided.
    Filters(ScopeResult),
}

/// Finds where the object stands. `member_of` says whether it is a member of a group, by the word of the filter.
///
/// # Errors
/// Why it could not be decided: the object is neither in nor out, so nothing may follow from it. Somebody whose
/// account is disabled is to have no access either way, so that never waits for a filter.
pub fn standing(
    attributes: &Attributes,
    lifecycle: Lifecycle,
    mapping: &ObjectMapping,
    assigned: Assigned,
    member_of: impl Fn(&str) -> Membership,
) -> Result<Standing, Undecided> {
    match lifecycle {
        Lifecycle::Deleted => return Ok(Standing::Deleted),
        Lifecycle::SoftDeleted => return Ok(Standing::SoftDeleted),
        Lifecycle::LeftFeed => return Ok(Standing::LeftFeed),
        Lifecycle::Present => {}
    }
    let is_disabled = !is_active(attributes, lifecycle, mapping);
    match assigned {
        Assigned::No => return Ok(Standing::Unassigned),
        Assigned::WithoutEntitlement => return Ok(Standing::NotEntitled),
        Assigned::Unread if is_disabled => return Ok(Standing::AccountDisabled),
        Assigned::Unread => return Err(Undecided::Unread),
        Assigned::NotAsked | Assigned::Yes => {}
    }
    let scope = mapping.scope.explain(attributes, member_of);
    match scope.verdict {
        Verdict::Fail => Ok(Standing::OutOfScope(scope)),
        Verdict::Pass | Verdict::Undecided(_) if is_disabled => Ok(Standing::AccountDisabled),
        Verdict::Pass => Ok(Standing::InScope),
        Verdict::Undecided(_) if scope.waits_for_nested_groups() => Err(Undecided::Unread),
        Verdict::Undecided(_) => Err(Undecided::Filters(scope)),
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
        let of = HashMap::from([("ada".into(), ["g1".into()].into())]);
        let known = model::Memberships { groups: groups.into(), of, ..model::Memberships::default() };
        let reach = Reach::Direct;
        let [read, unread] = [true, false].map(|complete| Memberships { known: known.clone(), reach, complete });
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
    fn whoever_may_be_in_a_group_through_others_is_not_judged() {
        use Doubt::{NestedUnread, NestingTooDeep};
        let groups = ["deep", "crew"].map(|word| (word.to_owned(), vec![Anchor::from(word)]));
        let of = HashMap::from([("ada".into(), ["deep".into(), "crew".into()].into())]);
        let too_deep = ["deep".into()].into();
        let known = model::Memberships { groups: groups.into(), of, too_deep };
        let reach = Reach::Nested;
        let [read, unread] = [true, false].map(|complete| Memberships { known: known.clone(), reach, complete });
        for (object, group, when_read, when_unread) in [
            ("ada", "deep", Membership::Member, Membership::Member),
            ("ada", "crew", Membership::Member, Membership::Member),
            ("bob", "deep", Membership::Undecided(NestingTooDeep), Membership::Undecided(NestedUnread)),
            ("bob", "crew", Membership::NotMember, Membership::Undecided(NestedUnread)),
        ] {
            let object = Anchor::from(object);
            assert_eq!((read.test(&object, group), unread.test(&object, group)), (when_read, when_unread), "{group}");
        }
    }

    #[test]
    fn an_assignment_counts_before_all_is_read_and_its_absence_afterwards() {
        let role = |provisionable| {
            let mut roles = Roles::default();
            roles.add(model::AssignedRole { id: "r".to_owned(), value: None, display_name: None, provisionable });
            roles
        };
        let known = HashMap::from([(Anchor::from("ada"), role(true)), (Anchor::from("bob"), role(false))]);
        let [read, unread] = [true, false].map(|complete| Assignments { known: Some(known.clone()), complete });
        for (object, when_read, when_unread) in [
            ("ada", Assigned::Yes, Assigned::Yes),
            ("bob", Assigned::WithoutEntitlement, Assigned::Unread),
            ("eve", Assigned::No, Assigned::Unread),
        ] {
            let object = Anchor::from(object);
            assert_eq!((read.test(&object), unread.test(&object)), (when_read, when_unread), "{object}");
        }
        assert_eq!(Assignments::default().test(&"eve".into()), Assigned::NotAsked);
    }

    #[test]
    fn the_layers_come_in_their_order() {
        let mut document: Json = serde_json::from_str(SCHEMA).unwrap();
        *document.pointer_mut("/synchronizationRules/0/objectMappings/0/scope").unwrap() = json!({ "groups": [{
            "clauses": [{ "sourceOperandName": "department", "operatorName": "IS NOT NULL" }],
        }] });
        let schema = compile(&serde_json::from_value(document).unwrap()).runnable().unwrap();
        for (lifecycle, enabled, assigned, in_filter, expected) in [
            (Lifecycle::Present, true, Assigned::Yes, true, Some("in scope")),
            (Lifecycle::Present, true, Assigned::NotAsked, false, Some("out of scope")),
            (Lifecycle::Present, true, Assigned::No, false, Some("not assigned to the application")),
            (Lifecycle::Present, false, Assigned::No, true, Some("not assigned to the application")),
            (
                Lifecycle::Present,
                true,
                Assigned::WithoutEntitlement,
                true,
                Some("assigned without a role that entitles"),
            ),
            (Lifecycle::Present, true, Assigned::Unread, false, None),
            (Lifecycle::Present, false, Assigned::Unread, true, Some("disabled in the source")),
            (Lifecycle::Deleted, true, Assigned::Unread, true, Some("deleted in the source")),
        ] {
            let mut attributes = Attributes::default();
            attributes.set("accountEnabled", Value::Boolean(enabled));
            if in_filter {
                attributes.set("department", Value::text("Deck"));
            }
            let never = |_: &str| Membership::NotMember;
            let standing = standing(&attributes, lifecycle, &schema.mappings[0], assigned, never);
            assert_eq!(standing.ok().map(|standing| standing.reason()), expected, "{assigned:?} {enabled}");
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
            let standing =
                standing(&attributes, Lifecycle::Present, &schema.mappings[0], Assigned::NotAsked, |_| membership);
            assert_eq!(standing.ok().map(|standing| standing.reason()), expected, "{enabled} {membership:?}");
        }
    }
}
