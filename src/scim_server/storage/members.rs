//! The rows of group memberships: a change of a group costs what it changes, however large the group is.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::collections::{Catalog, Collection};
use super::names::display_name;
use super::tables::{members, resources};
use super::{Failure, Transaction};
use crate::scim::{ScimError, ScimType};
use crate::scim_server::memberships::Member;

/// The groups that are shown of one member at most.
const MOST_GROUPS: usize = 10_000;

/// A member as it is read.
#[derive(Clone, Debug, Queryable)]
pub(in super::super) struct MemberRow {
    pub(in super::super) id: String,
    pub(in super::super) display: Option<String>,
    /// The number of the collection that has the member.
    pub(in super::super) collection: i64,
}

/// A group that a resource is in.
#[derive(Clone, Debug)]
pub(in super::super) struct GroupRow {
    pub(in super::super) id: String,
    pub(in super::super) display_name: Option<String>,
    /// False when it is in it by way of another group.
    pub(in super::super) direct: bool,
}

impl Transaction<'_> {
    /// The members of a group in the order in which they came.
    pub(in super::super) fn members(&mut self, group: i64) -> Result<Vec<MemberRow>, Failure> {
        let rows = members::table
            .inner_join(resources::table.on(resources::sequence.eq(members::member)))
            .filter(members::group_sequence.eq(group))
            .order(members::sequence)
            .select((resources::id, members::display, resources::collection))
            .load(self.0)?;
        Ok(rows)
    }

    /// The groups that a resource is in, the nearest first; a group that contains itself is met once.
    pub(in super::super) fn groups_of(&mut self, member: i64) -> Result<Vec<GroupRow>, Failure> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([member]);
        let mut level = vec![member];
        let mut direct = true;
        while !level.is_empty() && found.len() < MOST_GROUPS {
            let mut above = Vec::new();
            for below in level {
                if found.len() >= MOST_GROUPS {
                    break;
                }
                let rows: Vec<(i64, String, String)> = members::table
                    .inner_join(resources::table.on(resources::sequence.eq(members::group_sequence)))
                    .filter(members::member.eq(below))
                    .order(members::sequence)
                    .limit(i64::try_from(MOST_GROUPS).unwrap_or(i64::MAX))
                    .select((resources::sequence, resources::id, resources::document))
                    .load(self.0)?;
                for (sequence, id, document) in rows {
                    if found.len() < MOST_GROUPS && seen.insert(sequence) {
                        let display_name = display_name(&id, &document)?;
                        found.push(GroupRow { id, display_name, direct });
                        above.push(sequence);
                    }
                }
            }
            level = above;
            direct = false;
        }
        Ok(found)
    }

    /// The resources of a collection that are in a group, by way of other groups or not.
    pub(super) fn all_members(
        &mut self,
        catalog: &Catalog,
        collection: &Collection,
        group: i64,
    ) -> Result<Vec<i64>, Failure> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([group]);
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            let rows: Vec<(i64, i64)> = members::table
                .inner_join(resources::table.on(resources::sequence.eq(members::member)))
                .filter(members::group_sequence.eq(group))
                .select((resources::sequence, resources::collection))
                .load(self.0)?;
            for (sequence, owner) in rows {
                if !seen.insert(sequence) {
                    continue;
                }
                if owner == collection.id {
                    found.push(sequence);
                }
                if catalog.numbered(owner).is_some_and(|collection| collection.kind.has_members()) {
                    groups.push(sequence);
                }
            }
        }
        Ok(found)
    }

    /// Adds members and says how many were new; 400 when one of them does not exist.
    pub(in super::super) fn add_members(
        &mut self,
        catalog: &Catalog,
        group: i64,
        added: &[Member],
    ) -> Result<usize, Failure> {
        let mut new = 0;
        for member in added {
            let Some(sequence) = self.sequence_of(catalog, &member.value)? else {
                let detail = "`members` names a resource that does not exist";
                return Err(ScimError::bad_request(ScimType::InvalidValue, detail).into());
            };
            new += diesel::insert_into(members::table)
                .values((
                    members::group_sequence.eq(group),
                    members::member.eq(sequence),
                    members::display.eq(&member.display),
                ))
                .on_conflict((members::group_sequence, members::member))
                .do_nothing()
                .execute(self.0)?;
        }
        Ok(new)
    }

    /// Removes members and says how many there were.
    pub(in super::super) fn remove_members(&mut self, group: i64, ids: &[String]) -> Result<usize, Failure> {
        let mut gone = 0;
        for id in ids {
            let member = resources::table.filter(resources::id.eq(id)).select(resources::sequence);
            let row = members::table.filter(members::group_sequence.eq(group).and(members::member.eq_any(member)));
            gone += diesel::delete(row).execute(self.0)?;
        }
        Ok(gone)
    }

    /// Removes all members and says how many there were.
    pub(in super::super) fn clear_members(&mut self, group: i64) -> Result<usize, Failure> {
        Ok(diesel::delete(members::table.filter(members::group_sequence.eq(group))).execute(self.0)?)
    }

    /// Makes these the members and says how many rows changed. A member that stays is called what it is called now, and
    /// keeps its name when none is given.
    pub(in super::super) fn replace_members(
        &mut self,
        catalog: &Catalog,
        group: i64,
        wanted: &[Member],
    ) -> Result<usize, Failure> {
        let keep: HashSet<&str> = wanted.iter().map(|member| member.value.as_str()).collect();
        let (stay, gone): (Vec<MemberRow>, Vec<MemberRow>) =
            self.members(group)?.into_iter().partition(|member| keep.contains(member.id.as_str()));
        let gone: Vec<String> = gone.into_iter().map(|member| member.id).collect();
        let mut changed = self.remove_members(group, &gone)? + self.add_members(catalog, group, wanted)?;
        let called: HashMap<String, Option<String>> =
            stay.into_iter().map(|member| (member.id, member.display)).collect();
        for Member { value, display } in wanted {
            if display.is_some() && called.get(value).is_some_and(|before| before != display) {
                changed += self.rename_member(group, value, display.as_deref())?;
            }
        }
        Ok(changed)
    }

    fn rename_member(&mut self, group: i64, id: &str, display: Option<&str>) -> Result<usize, Failure> {
        let member = resources::table.filter(resources::id.eq(id)).select(resources::sequence);
        let row = members::table.filter(members::group_sequence.eq(group).and(members::member.eq_any(member)));
        Ok(diesel::update(row).set(members::display.eq(display)).execute(self.0)?)
    }
}
