//! What has changed since people were last flattened, noted in the transaction that changes it.

use std::collections::BTreeSet;

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{JobId, NestedGroups, ObjectKey};
use crate::store::StoreError;
use crate::store::edges::Row;
use crate::store::tables::{edges, nesting_news, nestings};

use super::{MembersOf, STEP, mode_of, outers_of};

/// The groups in a group have changed: stands in place of a member.
const GROUPS: &str = "";

/// Watches who becomes a member of a group, and who no longer is one.
pub(in crate::store) struct News<'a> {
    job: &'a JobId,
    members: &'a [MembersOf],
    flattens: bool,
    /// People, each with mapping and group.
    people: BTreeSet<(String, String, String)>,
    /// Groups in which other groups are than before, with their mapping.
    groups: BTreeSet<(String, String)>,
    /// Groups that the source delivers again, or no longer.
    moved: BTreeSet<(String, String)>,
}

#[derive(Insertable)]
#[diesel(table_name = nesting_news, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    mapping: &'a str,
    group_anchor: &'a str,
    member: &'a str,
}

impl<'a> News<'a> {
    pub(in crate::store) fn begin(
        tx: &mut Backend,
        job: &'a JobId,
        members: &'a [MembersOf],
    ) -> Result<Self, StoreError> {
        let flattens = !members.is_empty() && mode_of(tx, job)? == NestedGroups::Flatten;
        let (people, groups, moved) = Default::default();
        Ok(Self { job, members, flattens, people, groups, moved })
    }

    pub(in crate::store) fn is_watching(&self) -> bool {
        self.flattens
    }

    /// The mappings whose groups are flattened.
    pub(in crate::store) fn mappings(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|_| self.flattens).map(|of| of.mapping.as_str())
    }

    /// True when a reference to an object of this kind leads from a group to a group.
    pub(in crate::store) fn nests(&self, row: &Row, kind: &str) -> bool {
        self.members.iter().any(|of| is_of(of, row) && of.kind.as_str() == kind)
    }

    pub(in crate::store) fn edge(&mut self, before: Option<&Row>, now: Option<&Row>) {
        if !self.flattens {
            return;
        }
        let end = |row: Option<&'_ Row>| {
            let row = row.filter(|row| row.wanted && self.members.iter().any(|of| is_of(of, row)))?;
            Some((row.to_anchor.clone()?, row.nested))
        };
        let (was, is) = (end(before), end(now));
        let Some(row) = now.or(before).filter(|_| was != is) else { return };
        for (member, nested) in [was, is].into_iter().flatten() {
            if nested {
                self.groups.insert((row.mapping.clone(), row.from_anchor.clone()));
            } else {
                self.people.insert((row.mapping.clone(), row.from_anchor.clone(), member));
            }
        }
    }

    pub(in crate::store) fn moved(&mut self, key: &ObjectKey) {
        if self.flattens && self.members.iter().any(|of| of.mapping == key.mapping) {
            self.moved.insert((key.mapping.as_str().to_owned(), key.anchor.as_str().to_owned()));
        }
    }

    pub(in crate::store) fn end(mut self, tx: &mut Backend) -> Result<(), StoreError> {
        for of in self.members.iter().filter(|_| self.flattens) {
            let mapping = of.mapping.as_str();
            let moved: Vec<&str> = of_mapping(&self.moved, mapping).collect();
            let around = containing(tx, self.job, of, &moved)?;
            self.groups.extend(around.into_iter().map(|group| (mapping.to_owned(), group)));
            let mut changed: Vec<&str> = of_mapping(&self.groups, mapping).collect();
            changed.extend(moved);
            let outers = outers_of(tx, self.job, mapping, &changed)?;
            let outers: BTreeSet<&str> = outers.iter().map(|(_, outer)| outer.as_str()).collect();
            note_groups(tx, self.job, of, outers.into_iter().chain(of_mapping(&self.groups, mapping)))?;
            self.note_people(tx, of)?;
        }
        Ok(())
    }

    /// Who joins or leaves a group that no other is around, and in which there is none, is nobody's news.
    fn note_people(&self, tx: &mut Backend, of: &MembersOf) -> Result<(), StoreError> {
        let mapping = of.mapping.as_str();
        let people = || self.people.iter().filter(|(of, ..)| of == mapping);
        let groups: BTreeSet<&str> = people().map(|(_, group, _)| group.as_str()).collect();
        let groups: Vec<&str> = groups.into_iter().collect();
        let outers = outers_of(tx, self.job, mapping, &groups)?;
        let mut concerned: BTreeSet<String> = outers.into_iter().map(|(inner, _)| inner).collect();
        for batch in batches(&groups) {
            concerned.extend(on_each!(tx, c => nestings::table
                .filter(nestings::job.eq(self.job.as_str()))
                .filter(nestings::mapping.eq(mapping))
                .filter(nestings::outer_group.any_of(batch.iter().copied()))
                .select(nestings::outer_group)
                .distinct()
                .load::<String>(c))?);
        }
        let concerned = people().filter(|(_, group, _)| concerned.contains(group));
        note(tx, self.job, of, concerned.map(|(_, group, member)| (group.as_str(), member.as_str())))
    }
}

fn is_of(of: &MembersOf, row: &Row) -> bool {
    of.mapping.as_str() == row.mapping && of.attribute == row.attribute
}

fn of_mapping<'s>(set: &'s BTreeSet<(String, String)>, mapping: &'s str) -> impl Iterator<Item = &'s str> {
    set.iter().filter(move |(of, _)| of == mapping).map(|(_, group)| group.as_str())
}

/// The groups that list one of these.
fn containing(tx: &mut Backend, job: &JobId, of: &MembersOf, inner: &[&str]) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for batch in batches(inner) {
        found.extend(on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::to_anchor.any_of(batch.iter().copied()))
            .filter(edges::mapping.eq(of.mapping.as_str()))
            .filter(edges::attribute.eq(&of.attribute))
            .filter(edges::nested)
            .select(edges::from_anchor)
            .load::<String>(c))?);
    }
    Ok(found)
}

/// Other groups are reached from these than before.
pub(super) fn note_groups<'s>(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    groups: impl IntoIterator<Item = &'s str>,
) -> Result<(), StoreError> {
    note(tx, job, of, groups.into_iter().map(|group| (group, GROUPS)))
}

fn note<'s>(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    news: impl Iterator<Item = (&'s str, &'s str)>,
) -> Result<(), StoreError> {
    let news: BTreeSet<(&str, &str)> = news.collect();
    let rows = news.into_iter().map(|(group_anchor, member)| NewRow {
        job: job.as_str(),
        mapping: of.mapping.as_str(),
        group_anchor,
        member,
    });
    let rows: Vec<NewRow<'_>> = rows.collect();
    for batch in batches(&rows) {
        on_each!(tx, c => diesel::insert_into(nesting_news::table)
            .values(batch)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// True while something is noted.
pub(super) fn any(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<bool, StoreError> {
    Ok(on_each!(tx, c => diesel::select(exists(nesting_news::table
        .filter(nesting_news::job.eq(job.as_str()))
        .filter(nesting_news::mapping.eq(of.mapping.as_str()))))
        .get_result::<bool>(c))?)
}

/// Some of the people who are noted, with their groups.
pub(super) fn people(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<Vec<(String, String)>, StoreError> {
    Ok(on_each!(tx, c => nesting_news::table
        .filter(nesting_news::job.eq(job.as_str()))
        .filter(nesting_news::mapping.eq(of.mapping.as_str()))
        .filter(nesting_news::member.ne(GROUPS))
        .order((nesting_news::group_anchor, nesting_news::member))
        .select((nesting_news::group_anchor, nesting_news::member))
        .limit(STEP as i64)
        .load::<(String, String)>(c))?)
}

/// One of the groups that are noted.
pub(super) fn group(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<Option<String>, StoreError> {
    Ok(on_each!(tx, c => nesting_news::table
        .filter(nesting_news::job.eq(job.as_str()))
        .filter(nesting_news::mapping.eq(of.mapping.as_str()))
        .filter(nesting_news::member.eq(GROUPS))
        .select(nesting_news::group_anchor)
        .first::<String>(c)
        .optional())?)
}

/// The people of a group were looked at.
pub(super) fn people_done(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    group: &str,
    people: &[&str],
) -> Result<(), StoreError> {
    for batch in batches(people) {
        on_each!(tx, c => diesel::delete(nesting_news::table)
            .filter(nesting_news::job.eq(job.as_str()))
            .filter(nesting_news::mapping.eq(of.mapping.as_str()))
            .filter(nesting_news::group_anchor.eq(group))
            .filter(nesting_news::member.any_of(batch.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

/// What is in the group was looked at.
pub(super) fn group_done(tx: &mut Backend, job: &JobId, of: &MembersOf, group: &str) -> Result<(), StoreError> {
    people_done(tx, job, of, group, &[GROUPS])
}

/// Nothing is to be flattened any more.
pub(super) fn forget(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(nesting_news::table)
        .filter(nesting_news::job.eq(job.as_str()))
        .filter(nesting_news::mapping.eq(of.mapping.as_str()))
        .execute(c))?;
    Ok(())
}
