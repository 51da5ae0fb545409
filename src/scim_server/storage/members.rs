//! The rows of group memberships: a change of a group costs what it changes, however large the group is.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use super::tables::{members, resources};
use super::{Failure, Transaction};
use crate::scim::{ScimError, ScimType};
use crate::scim_server::service::Member;

/// A member as it is read.
#[derive(Clone, Debug, Queryable)]
pub(in super::super) struct MemberRow {
    pub(in super::super) value: String,
    pub(in super::super) display: Option<String>,
    /// The kind of the member's own row.
    pub(in super::super) kind: String,
}

/// A group that a resource is a member of.
#[derive(Clone, Debug, Queryable)]
pub(in super::super) struct GroupRow {
    pub(in super::super) id: String,
    pub(in super::super) display_name: Option<String>,
}

impl Transaction<'_> {
    /// The members of a group in the order in which they came.
    pub(in super::super) fn members(&mut self, group: &str) -> Result<Vec<MemberRow>, Failure> {
        let rows = members::table
            .inner_join(resources::table.on(resources::id.eq(members::value)))
            .filter(members::group_id.eq(group))
            .order(members::sequence)
            .select((members::value, members::display, resources::kind))
            .load(self.0)?;
        Ok(rows)
    }

    /// The groups that a resource is a member of itself.
    pub(in super::super) fn groups_of(&mut self, member: &str) -> Result<Vec<GroupRow>, Failure> {
        let rows = members::table
            .inner_join(resources::table.on(resources::id.eq(members::group_id)))
            .filter(members::value.eq(member))
            .order(members::sequence)
            .select((resources::id, resources::display_name))
            .load(self.0)?;
        Ok(rows)
    }

    /// Adds members and says how many were new; 400 when one of them does not exist.
    pub(in super::super) fn add_members(&mut self, group: &str, added: &[Member]) -> Result<usize, Failure> {
        let mut new = 0;
        for member in added {
            new += diesel::insert_into(members::table)
                .values((
                    members::group_id.eq(group),
                    members::value.eq(&member.value),
                    members::display.eq(&member.display),
                ))
                .on_conflict((members::group_id, members::value))
                .do_nothing()
                .execute(self.0)
                .map_err(member_unknown)?;
        }
        Ok(new)
    }

    /// Removes members and says how many there were.
    pub(in super::super) fn remove_members(&mut self, group: &str, values: &[String]) -> Result<usize, Failure> {
        let mut gone = 0;
        for value in values {
            let row = members::table.filter(members::group_id.eq(group).and(members::value.eq(value)));
            gone += diesel::delete(row).execute(self.0)?;
        }
        Ok(gone)
    }

    /// Removes all members and says how many there were.
    pub(in super::super) fn clear_members(&mut self, group: &str) -> Result<usize, Failure> {
        Ok(diesel::delete(members::table.filter(members::group_id.eq(group))).execute(self.0)?)
    }

    /// Makes these the members and says how many rows changed.
    pub(in super::super) fn replace_members(&mut self, group: &str, wanted: &[Member]) -> Result<usize, Failure> {
        let present: Vec<String> =
            members::table.filter(members::group_id.eq(group)).select(members::value).load(self.0)?;
        let keep: HashSet<&str> = wanted.iter().map(|member| member.value.as_str()).collect();
        let gone: Vec<String> = present.into_iter().filter(|value| !keep.contains(value.as_str())).collect();
        Ok(self.remove_members(group, &gone)? + self.add_members(group, wanted)?)
    }
}

fn member_unknown(error: Error) -> Failure {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
            ScimError::bad_request(ScimType::InvalidValue, "`members` names a resource that does not exist").into()
        }
        error => error.into(),
    }
}
