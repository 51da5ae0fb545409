//! Groups whose assignment differs from what their members were judged by.

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::JobId;
use crate::store::nesting::MembersOf;
use crate::store::tables::{assignment_news, edges, objects};
use crate::store::{Store, StoreError};

use super::{STEP, groups_among};

impl Store {
    /// Makes members of groups due whose assignment differs, a bounded number at a time. True while something is left; then
    /// it wants to be called again. No page may be under way: whoever is due already is not made due again.
    pub async fn spread_assignments(&self, job: &JobId, members: &MembersOf) -> Result<bool, StoreError> {
        let (job, members) = (job.clone(), members.clone());
        let asked = job.clone();
        if self.database.read(move |tx| next(tx, &asked)).await?.is_none() {
            return Ok(false);
        }
        self.database.write(move |tx| step(tx, &job, &members)).await
    }
}

/// A group, and the reference after which its members are still to be looked at.
fn next(tx: &mut Backend, job: &JobId) -> Result<Option<(String, String)>, StoreError> {
    Ok(on_each!(tx, c => assignment_news::table
        .filter(assignment_news::job.eq(job.as_str()))
        .order(assignment_news::group_anchor)
        .select((assignment_news::group_anchor, assignment_news::after))
        .first::<(String, String)>(c)
        .optional())?)
}

fn step(tx: &mut Backend, job: &JobId, members: &MembersOf) -> Result<bool, StoreError> {
    let Some((group, after)) = next(tx, job)? else { return Ok(false) };
    let people = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(members.mapping.as_str()))
        .filter(edges::from_anchor.eq(&group))
        .filter(edges::attribute.eq(&members.attribute))
        .filter(edges::reference.gt(&after))
        .order(edges::reference)
        .select((edges::reference, edges::to_anchor))
        .limit(STEP as i64)
        .load::<(String, Option<String>)>(c))?;
    let anchors: Vec<&str> = people.iter().filter_map(|(_, anchor)| anchor.as_deref()).collect();
    for batch in batches(&anchors) {
        on_each!(tx, c => diesel::update(objects::table)
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .filter(objects::mapping.ne(members.mapping.as_str()))
            .filter(diesel::dsl::not(objects::due))
            .set((objects::due.eq(true), objects::revision.eq(objects::revision + 1)))
            .execute(c))?;
    }
    let of_group = assignment_news::table
        .filter(assignment_news::job.eq(job.as_str()))
        .filter(assignment_news::group_anchor.eq(&group));
    match people.last() {
        Some((last, _)) if people.len() == STEP => {
            on_each!(tx, c => diesel::update(of_group).set(assignment_news::after.eq(last)).execute(c))?;
        }
        _ => {
            on_each!(tx, c => diesel::delete(of_group).execute(c))?;
        }
    }
    Ok(true)
}

/// Members of these groups are to be looked at, all of them.
pub(super) fn note<'s>(tx: &mut Backend, job: &JobId, groups: impl Iterator<Item = &'s str>) -> Result<(), StoreError> {
    let row = |group| {
        (assignment_news::job.eq(job.as_str()), assignment_news::group_anchor.eq(group), assignment_news::after.eq(""))
    };
    let rows: Vec<_> = groups.map(row).collect();
    for batch in batches(&rows) {
        on_each!(tx, c => diesel::insert_into(assignment_news::table)
            .values(batch.to_vec())
            .on_conflict((assignment_news::job, assignment_news::group_anchor))
            .do_update()
            .set(assignment_news::after.eq(""))
            .execute(c))?;
    }
    Ok(())
}

/// The same for those of the groups that are assigned.
pub(in crate::store) fn note_if_assigned(tx: &mut Backend, job: &JobId, groups: &[&str]) -> Result<(), StoreError> {
    let assigned = groups_among(tx, job, groups)?;
    note(tx, job, assigned.iter().map(String::as_str))
}

/// Begins anew with those who are still to be looked at: references have other names now.
pub(in crate::store) fn rewind(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(assignment_news::table)
        .filter(assignment_news::job.eq(job.as_str()))
        .set(assignment_news::after.eq(""))
        .execute(c))?;
    Ok(())
}
