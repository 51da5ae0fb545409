//! Who joins or leaves an assigned group.

use std::collections::BTreeSet;

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::{Backend, on_each};
use crate::model::{JobId, ObjectKey};
use crate::store::edges::Row as EdgeRow;
use crate::store::nesting::MembersOf;
use crate::store::tables::assignments;
use crate::store::{StoreError, objects as object_rows};

use super::{groups_among, note_if_assigned};

/// Watches members of groups while something is recorded.
pub(in crate::store) struct Joining<'a> {
    job: &'a JobId,
    members: &'a [MembersOf],
    watches: bool,
    /// Groups, each with somebody whose membership has changed.
    changed: BTreeSet<(String, String)>,
    /// Groups that the source delivers again, or no longer.
    moved: BTreeSet<String>,
}

impl<'a> Joining<'a> {
    /// Begins. Where nobody is assigned, it costs one look.
    pub(in crate::store) fn begin(
        tx: &mut Backend,
        job: &'a JobId,
        members: &'a [MembersOf],
    ) -> Result<Self, StoreError> {
        let watches = !members.is_empty()
            && on_each!(tx, c => diesel::select(exists(assignments::table
                .filter(assignments::job.eq(job.as_str()))))
                .get_result::<bool>(c))?;
        Ok(Self { job, members, watches, changed: BTreeSet::new(), moved: BTreeSet::new() })
    }

    pub(in crate::store) fn is_watching(&self) -> bool {
        self.watches
    }

    /// The mappings whose groups may be assigned.
    pub(in crate::store) fn mappings(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|_| self.watches).map(|of| of.mapping.as_str())
    }

    pub(in crate::store) fn edge(&mut self, before: Option<&EdgeRow>, now: Option<&EdgeRow>) {
        if !self.watches {
            return;
        }
        let end = |row: Option<&EdgeRow>| row.filter(|row| row.wanted).and_then(|row| row.to_anchor.clone());
        let Some(row) = now.or(before) else { return };
        let is_member =
            self.members.iter().any(|of| of.mapping.as_str() == row.mapping && of.attribute == row.attribute);
        let (was, is) = (end(before), end(now));
        if is_member && was != is {
            self.changed.extend([was, is].into_iter().flatten().map(|end| (row.from_anchor.clone(), end)));
        }
    }

    pub(in crate::store) fn moved(&mut self, key: &ObjectKey) {
        if self.watches && self.members.iter().any(|of| of.mapping == key.mapping) {
            self.moved.insert(key.anchor.as_str().to_owned());
        }
    }

    /// Makes everybody due whom the changes concern.
    pub(in crate::store) fn end(self, tx: &mut Backend) -> Result<(), StoreError> {
        if !self.changed.is_empty() {
            let groups: BTreeSet<&str> = self.changed.iter().map(|(group, _)| group.as_str()).collect();
            let assigned = groups_among(tx, self.job, &groups.into_iter().collect::<Vec<_>>())?;
            let people = self.changed.iter().filter(|(group, _)| assigned.contains(group));
            let people: BTreeSet<&str> = people.map(|(_, member)| member.as_str()).collect();
            object_rows::make_anchors_due(tx, self.job, &people.into_iter().collect::<Vec<_>>())?;
        }
        let moved: Vec<&str> = self.moved.iter().map(String::as_str).collect();
        note_if_assigned(tx, self.job, &moved)
    }
}

/// Others are members of the group through groups in it than before.
pub(in crate::store) fn members_changed(
    tx: &mut Backend,
    job: &JobId,
    group: &str,
    people: &[&str],
) -> Result<(), StoreError> {
    if people.is_empty() || groups_among(tx, job, &[group])?.is_empty() {
        return Ok(());
    }
    object_rows::make_anchors_due(tx, job, people)
}
