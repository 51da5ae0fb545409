//! Which edges need work: those to add, those to remove, and whose they are.
//!
//! A group may have a million members, and all of them may be news. So nothing here takes longer for what a group has
//! than for what is to be done, and nobody is given more than a bounded number of edges at once.

use std::collections::HashMap;

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, Export, JobId, NestedGroups, ObjectKey, ObjectMappingId, TargetIdentity};

use super::columns::{Word, to_count};
use super::edges::Row;
use super::jobs::{jobs_of, target_of};
use super::keys::{key, key_batches};
use super::tables::{edges, escrows, links};
use super::{Store, StoreError, nesting};

/// The most edges of one attribute of one object that are worked on at once. An attribute that holds one reference has
/// far fewer, so a reference is never told apart from the one that it replaces.
const AT_ONCE: i64 = 5_000;

/// The test of the partial index over edges to add. A bound value would hide the index from SQLite.
macro_rules! not_exported {
    () => {
        sql::<Bool>("edges.export <> 'exported'")
    };
}

/// True for an edge that is sent: groups in groups may be left out, or stand for the people in them.
macro_rules! is_sent_as_such {
    ($sends_groups:expr) => {
        not(edges::nested).or(diesel::IntoSql::into_sql::<Bool>($sends_groups))
    };
}

/// True for an edge whose far end has a resource, by any of the jobs of the target. It is asked by job, which stands first
/// in the key of links, and not by target: that would go through all of its links for each edge.
macro_rules! leads_to_a_resource {
    ($jobs:expr) => {{
        let far = diesel::alias!(links as far_links);
        exists(
            far.filter(far.field(links::job).any_of($jobs.iter().map(String::as_str)))
                .filter(far.field(links::anchor).nullable().eq(edges::to_anchor)),
        )
    }};
}

/// True for a row whose resource another reference of the same owner still holds: a member that is listed by DN and by
/// login name stays until both are gone. Such a reference leads to who has the resource, and is found from there.
macro_rules! shadowed {
    ($target:expr) => {{
        let (twins, holders) = diesel::alias!(edges as twins, links as holders);
        exists(
            twins
                .inner_join(holders.on(twins.field(edges::to_anchor).eq(holders.field(links::anchor).nullable())))
                .filter(holders.field(links::target).eq($target.as_str()))
                .filter(holders.field(links::resource).nullable().eq(edges::exported_as))
                .filter(twins.field(edges::job).eq(edges::job))
                .filter(twins.field(edges::mapping).eq(edges::mapping))
                .filter(twins.field(edges::from_anchor).eq(edges::from_anchor))
                .filter(twins.field(edges::attribute).eq(edges::attribute))
                .filter(twins.field(edges::exported_as).eq(edges::exported_as))
                .filter(twins.field(edges::wanted)),
        )
    }};
}

/// Edges that need work, by owner.
#[derive(Default)]
pub(super) struct Work {
    pub(super) rows: HashMap<ObjectKey, Vec<Row>>,
    /// Owners that have more of them than these, and how many of the others are to be removed.
    pub(super) cut: HashMap<ObjectKey, u64>,
}

impl Store {
    /// Linked owners, in the order of their anchors after `after`, that have an edge to add whose far end is linked.
    /// Owners in escrow are left out: their edges are sent with their next attempt.
    pub async fn owners_with_due_edges(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<ObjectKey>, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .read(move |tx| {
                let target = target_of(tx, &job)?;
                let jobs = jobs_of(tx, &target)?;
                let sends_groups = sends_groups(tx, &job)?;
                let mut owners: Vec<String> = Vec::new();
                let mut after = after.map_or_else(String::new, |after| after.as_str().to_owned());
                // Edges rather than owners are counted: to find each owner once, the database would go through all
                // members of a group to come to the next.
                while owners.len() < limit as usize {
                    let mut found = owners_of_due_edges(tx, (&job, &mapping), (&jobs, sends_groups), &after, limit)?;
                    let Some(last) = found.last() else { break };
                    after.clone_from(last);
                    found.dedup();
                    owners.extend(found);
                }
                owners.truncate(limit as usize);
                Ok(owners.into_iter().map(|anchor| key(mapping.as_str().to_owned(), anchor)).collect())
            })
            .await
    }

    /// Linked owners, in the order of their anchors after `after`, that have edges to remove: how many edges the target
    /// holds for each, and how many of them are to be removed.
    pub async fn owners_with_edge_removals(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<(ObjectKey, u64, u64)>, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .read(move |tx| {
                let target = target_of(tx, &job)?;
                let after = after.as_ref().map_or("", Anchor::as_str);
                let to_remove = on_each!(tx, c => edges::table
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::mapping.eq(mapping.as_str()))
                    .filter(edges::from_anchor.gt(after))
                    .filter(not(edges::wanted))
                    .filter(not(shadowed!(target)))
                    .filter(exists(
                        links::table
                            .filter(links::job.eq(edges::job))
                            .filter(links::mapping.eq(edges::mapping))
                            .filter(links::anchor.eq(edges::from_anchor)),
                    ))
                    .group_by(edges::from_anchor)
                    .order(edges::from_anchor)
                    .select((edges::from_anchor, diesel::dsl::count_star()))
                    .limit(limit.into())
                    .load::<(String, i64)>(c))?;
                let mut sent: HashMap<String, i64> = HashMap::new();
                for batch in batches(&to_remove) {
                    sent.extend(on_each!(tx, c => edges::table
                        .filter(edges::job.eq(job.as_str()))
                        .filter(edges::mapping.eq(mapping.as_str()))
                        .filter(edges::from_anchor.any_of(batch.iter().map(|(anchor, _)| anchor.as_str())))
                        .filter(edges::export.ne(Export::Never.word()))
                        .group_by(edges::from_anchor)
                        .select((edges::from_anchor, diesel::dsl::count_star()))
                        .load::<(String, i64)>(c))?);
                }
                let owners = to_remove.into_iter().map(|(anchor, count)| {
                    let sent = sent.get(&anchor).copied().unwrap_or(count);
                    (key(mapping.as_str().to_owned(), anchor), to_count(sent), to_count(count))
                });
                Ok(owners.collect())
            })
            .await
    }
}

/// True when groups are sent as members of groups.
fn sends_groups(tx: &mut Backend, job: &JobId) -> Result<bool, StoreError> {
    Ok(nesting::mode_of(tx, job)? == NestedGroups::Groups)
}

/// The owners of the first `limit` edges that could be sent, in the order of the owners after `after`.
fn owners_of_due_edges(
    tx: &mut Backend,
    (job, mapping): (&JobId, &ObjectMappingId),
    (jobs, sends_groups): (&[String], bool),
    after: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    Ok(on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(mapping.as_str()))
        .filter(edges::from_anchor.gt(after))
        .filter(edges::wanted)
        .filter(not_exported!())
        .filter(is_sent_as_such!(sends_groups))
        .filter(exists(
            links::table
                .filter(links::job.eq(edges::job))
                .filter(links::mapping.eq(edges::mapping))
                .filter(links::anchor.eq(edges::from_anchor)),
        ))
        .filter(leads_to_a_resource!(jobs))
        .filter(not(exists(
            escrows::table
                .filter(escrows::job.eq(edges::job))
                .filter(escrows::mapping.eq(edges::mapping))
                .filter(escrows::anchor.eq(edges::from_anchor)),
        )))
        .order(edges::from_anchor)
        .select(edges::from_anchor)
        .limit(limit.into())
        .load::<String>(c))?)
}

/// The edges of the objects that need work: to add, unknown, or to remove. One to remove whose resource another wanted
/// edge holds needs none.
pub(super) fn work(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    keys: &[ObjectKey],
) -> Result<Work, StoreError> {
    let mut work = Work::default();
    for (mapping, anchors) in key_batches(keys) {
        let (to_add, to_remove) = (to_add(tx, job, mapping, &anchors)?, to_remove(tx, job, target, mapping, &anchors)?);
        if let (Some(to_add), Some(to_remove)) = (to_add, to_remove) {
            work.extend(to_add.into_iter().chain(to_remove));
            continue;
        }
        for anchor in anchors {
            work.add_in_parts(tx, job, target, mapping, anchor)?;
        }
    }
    Ok(work)
}

impl Work {
    fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.rows.entry(key(row.mapping.clone(), row.from_anchor.clone())).or_default().push(row);
        }
    }

    /// What one object needs, of each attribute a bounded number. What leads to no resource yet is left out: it would
    /// stand before what could be sent.
    fn add_in_parts(
        &mut self,
        tx: &mut Backend,
        job: &JobId,
        target: &TargetIdentity,
        mapping: &str,
        anchor: &str,
    ) -> Result<(), StoreError> {
        let jobs = jobs_of(tx, target)?;
        let sends_groups = sends_groups(tx, job)?;
        let mut is_cut = false;
        let mut further_removals = 0;
        for attribute in attributes(tx, job, mapping, anchor)? {
            let parts = [
                on_each!(tx, c => edges::table
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::mapping.eq(mapping))
                    .filter(edges::from_anchor.eq(anchor))
                    .filter(edges::attribute.eq(&attribute))
                    .filter(edges::wanted)
                    .filter(not_exported!())
                    .filter(is_sent_as_such!(sends_groups))
                    .filter(leads_to_a_resource!(jobs))
                    .select(Row::as_select())
                    .limit(AT_ONCE + 1)
                    .load::<Row>(c))?,
                on_each!(tx, c => edges::table
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::mapping.eq(mapping))
                    .filter(edges::from_anchor.eq(anchor))
                    .filter(edges::attribute.eq(&attribute))
                    .filter(not(edges::wanted))
                    .filter(not(shadowed!(target)))
                    .select(Row::as_select())
                    .limit(AT_ONCE + 1)
                    .load::<Row>(c))?,
            ];
            for mut part in parts {
                if part.len() > AT_ONCE as usize {
                    is_cut = true;
                    part.truncate(AT_ONCE as usize);
                    if part.iter().all(|row| !row.wanted) {
                        let all = to_remove_of(tx, job, mapping, (anchor, &attribute))?;
                        further_removals += all.saturating_sub(AT_ONCE as u64);
                    }
                }
                self.extend(part);
            }
        }
        if is_cut {
            self.cut.insert(key(mapping.to_owned(), anchor.to_owned()), further_removals);
        }
        Ok(())
    }
}

/// All edges to add of the owners; `None` when they are too many to be worked on at once.
fn to_add(tx: &mut Backend, job: &JobId, mapping: &str, owners: &[&str]) -> Result<Option<Vec<Row>>, StoreError> {
    let sends_groups = sends_groups(tx, job)?;
    let rows = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(mapping))
        .filter(edges::from_anchor.any_of(owners.iter().copied()))
        .filter(edges::wanted)
        .filter(not_exported!())
        .filter(is_sent_as_such!(sends_groups))
        .select(Row::as_select())
        .limit(AT_ONCE + 1)
        .load::<Row>(c))?;
    Ok(Some(rows).filter(|rows| rows.len() <= AT_ONCE as usize))
}

/// All edges to remove of the owners; `None` when they are too many to be worked on at once.
fn to_remove(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    mapping: &str,
    owners: &[&str],
) -> Result<Option<Vec<Row>>, StoreError> {
    let rows = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(mapping))
        .filter(edges::from_anchor.any_of(owners.iter().copied()))
        .filter(not(edges::wanted))
        .filter(not(shadowed!(target)))
        .select(Row::as_select())
        .limit(AT_ONCE + 1)
        .load::<Row>(c))?;
    Ok(Some(rows).filter(|rows| rows.len() <= AT_ONCE as usize))
}

/// How many references of one attribute are to be removed. It is asked again for each part of them, so it is answered
/// from the index alone, and those that another reference holds up are counted, too.
fn to_remove_of(
    tx: &mut Backend,
    job: &JobId,
    mapping: &str,
    (owner, attribute): (&str, &str),
) -> Result<u64, StoreError> {
    let count = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(mapping))
        .filter(edges::from_anchor.eq(owner))
        .filter(edges::attribute.eq(attribute))
        .filter(not(edges::wanted))
        .count()
        .get_result::<i64>(c))?;
    Ok(to_count(count))
}

/// The attributes in which the object has references, each found from the one before.
fn attributes(tx: &mut Backend, job: &JobId, mapping: &str, owner: &str) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let next = on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(mapping))
            .filter(edges::from_anchor.eq(owner))
            .filter(edges::attribute.gt(found.last().map_or("", String::as_str)))
            .order(edges::attribute)
            .select(edges::attribute)
            .first::<String>(c)
            .optional())?;
        match next {
            Some(attribute) => found.push(attribute),
            None => return Ok(found),
        }
    }
}
