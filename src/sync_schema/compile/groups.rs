//! Filters that test membership of a group, and the mapping that reads the groups for them.

use super::scope::values;
use super::{Between, Compiler};
use crate::sync_schema::finding::quoted;
use crate::sync_schema::mapping::{GroupSource, ObjectMapping};
use crate::sync_schema::scoping::Operand;
use crate::sync_schema::wire::FilterClause;
use crate::sync_schema::{Clause, Finding, Operator};

/// The endpoint of groups, and the attribute of a group that holds its members.
const GROUPS: &str = "Groups";
const MEMBERS: &str = "members";

/// The attributes that may name a group, the first that there is: directories without display names have common names.
const DISPLAY_NAMES: [&str; 2] = ["displayName", "cn"];

impl Compiler<'_> {
    /// A clause that tests the object itself, so it names no attribute of it.
    pub(super) fn member_clause(
        &mut self,
        pointer: &str,
        clause: &FilterClause,
        between: Between<'_>,
    ) -> Option<Clause> {
        let attribute = clause.source_operand_name.text().unwrap_or_default();
        let is_itself = attribute.is_empty()
            || attribute.eq_ignore_ascii_case(Operator::IsMemberOf.name())
            || between.source.name.text() == Some(attribute);
        if !is_itself {
            let expected = "`IsMemberOf` or nothing: the test is of the object itself, not of an attribute";
            let pointer = format!("{pointer}/sourceOperandName");
            self.report(Finding::error(&pointer, expected, quoted(attribute)));
            return None;
        }
        let groups: Vec<String> = values(clause).into_iter().map(str::to_owned).collect();
        if groups.is_empty() || groups.iter().any(String::is_empty) {
            let expected = "groups, each by its id, its name in the source, or its display name";
            self.report(Finding::error(&format!("{pointer}/targetOperand/values"), expected, "nothing"));
            return None;
        }
        self.member_tests.push(pointer.to_owned());
        Some(Clause::new(String::new(), Operator::IsMemberOf, Operand::Groups(groups)))
    }

    /// The mapping that reads the members of groups, where a filter asks for them.
    pub(super) fn groups(&mut self, mappings: &[ObjectMapping]) -> Option<GroupSource> {
        if self.member_tests.is_empty() {
            return None;
        }
        let source = mappings.iter().filter(|mapping| mapping.target_kind.as_str() == GROUPS).find_map(|mapping| {
            let members = mapping
                .references
                .iter()
                .find(|reference| reference.multivalued && reference.path.as_str().eq_ignore_ascii_case(MEMBERS))?;
            let display_name = DISPLAY_NAMES.into_iter().find(|name| mapping.single_valued.contains(*name));
            Some(GroupSource {
                mapping: mapping.id.clone(),
                kind: mapping.source_kind.clone(),
                members: members.source_attribute.clone(),
                display_name: display_name.map(str::to_owned),
            })
        });
        if source.is_none() {
            let expected = "an enabled object mapping that reads the groups and their members, from the source's groups to \
                            `Groups`, with `members` mapped; its `flowTypes` may be `None`, then groups are not provisioned";
            for pointer in std::mem::take(&mut self.member_tests) {
                self.report(Finding::error(&format!("{pointer}/operatorName"), expected, "none"));
            }
        }
        source
    }
}
