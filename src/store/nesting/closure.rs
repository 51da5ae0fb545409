//! Which groups are reached from which.

use std::collections::{BTreeMap, HashMap};

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{JobId, Lifecycle, ObjectKey};
use crate::store::columns::Word;
use crate::store::groups::Reached;
use crate::store::keys::key;
use crate::store::tables::{edges, nestings, objects};
use crate::store::{StoreError, objects as object_rows};

use super::{DEEPEST, MembersOf, news};

/// A group that is reached, or was, from an outer one.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = nestings, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) job: String,
    pub(super) mapping: String,
    pub(super) outer_group: String,
    pub(super) inner_group: String,
    /// Steps from the outer to the inner group, the fewest; 0 when it is not reached any more.
    pub(super) depth: i64,
    /// True while people of the inner group are people of the outer one.
    pub(super) holds: bool,
    /// The people of the inner group are still to be looked at, those after this reference.
    pub(super) unscanned: Option<String>,
}

/// Finds out what is reached from one of the groups that are noted. False when none is.
pub(super) fn groups(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    named: Option<&Reached<'_>>,
) -> Result<bool, StoreError> {
    let Some(outer) = news::group(tx, job, of)? else { return Ok(false) };
    let mut stored: HashMap<String, Row> =
        stored(tx, job, of, &outer)?.into_iter().map(|row| (row.inner_group.clone(), row)).collect();
    let was_too_deep = stored.values().any(is_too_deep);
    let mut changed = Vec::new();
    let reached = reached(tx, job, of, &outer)?;
    let is_too_deep = reached.values().any(|depth| *depth > i64::from(DEEPEST));
    for (inner, depth) in reached {
        let before = stored.remove(&inner);
        let holds = depth <= i64::from(DEEPEST);
        let is_same = before.as_ref().is_some_and(|before| before.holds == holds);
        // Whoever came or went with a group is looked at; one that was never reached brought nobody.
        let unscanned = match &before {
            Some(before) if is_same => before.unscanned.clone(),
            None if !holds => None,
            _ => Some(String::new()),
        };
        let row = Row {
            job: job.as_str().to_owned(),
            mapping: of.mapping.as_str().to_owned(),
            outer_group: outer.clone(),
            inner_group: inner,
            depth,
            holds,
            unscanned,
        };
        if before.as_ref() != Some(&row) {
            changed.push(row);
        }
    }
    let mut gone = Vec::new();
    for (inner, row) in stored {
        match row {
            Row { holds: true, .. } => {
                changed.push(Row { depth: 0, holds: false, unscanned: Some(String::new()), ..row });
            }
            Row { unscanned: Some(_), .. } => changed.push(Row { depth: 0, ..row }),
            Row { unscanned: None, .. } => gone.push(inner),
        }
    }
    save(tx, &changed)?;
    for batch in batches(&gone) {
        on_each!(tx, c => diesel::delete(nestings::table)
            .filter(nestings::job.eq(job.as_str()))
            .filter(nestings::mapping.eq(of.mapping.as_str()))
            .filter(nestings::outer_group.eq(&outer))
            .filter(nestings::inner_group.any_of(batch.iter().map(String::as_str)))
            .execute(c))?;
    }
    if was_too_deep != is_too_deep {
        let key: ObjectKey = key(of.mapping.as_str().to_owned(), outer.clone());
        object_rows::make_due(tx, job, [&key])?;
    }
    if let Some(named) = named {
        let inner: Vec<&str> = changed.iter().map(|row| row.inner_group.as_str()).collect();
        named.members_changed(tx, job, &outer, &inner)?;
        if was_too_deep && !is_too_deep {
            named.depth_changed(tx, job, &outer)?;
        }
    }
    news::group_done(tx, job, of, &outer)?;
    Ok(true)
}

fn is_too_deep(row: &Row) -> bool {
    row.depth > i64::from(DEEPEST)
}

fn stored(tx: &mut Backend, job: &JobId, of: &MembersOf, outer: &str) -> Result<Vec<Row>, StoreError> {
    Ok(on_each!(tx, c => nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(of.mapping.as_str()))
        .filter(nestings::outer_group.eq(outer))
        .select(Row::as_select())
        .load::<Row>(c))?)
}

/// The groups that are reached from `outer`, each with the fewest steps to it, and one step deeper than is followed: that
/// there are such is to be known. Level by level, so groups that contain each other end it.
fn reached(tx: &mut Backend, job: &JobId, of: &MembersOf, outer: &str) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    let mut level = vec![outer.to_owned()];
    for depth in 1..=i64::from(DEEPEST) + 1 {
        let mut next = Vec::new();
        for batch in batches(&level) {
            let inner = on_each!(tx, c => edges::table
                .filter(edges::job.eq(job.as_str()))
                .filter(edges::mapping.eq(of.mapping.as_str()))
                .filter(edges::from_anchor.any_of(batch.iter().map(String::as_str)))
                .filter(edges::attribute.eq(&of.attribute))
                .filter(edges::nested)
                .filter(edges::wanted)
                .filter(exists(
                    objects::table
                        .filter(objects::job.eq(edges::job))
                        .filter(objects::anchor.nullable().eq(edges::to_anchor))
                        .filter(objects::mapping.eq(edges::mapping))
                        .filter(objects::lifecycle.eq(Lifecycle::Present.word())),
                ))
                .select(edges::to_anchor.assume_not_null())
                .load::<String>(c))?;
            for inner in inner {
                if inner != outer && !found.contains_key(&inner) {
                    found.insert(inner.clone(), depth);
                    next.push(inner);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok(found)
}

/// Inserts or replaces.
pub(super) fn save(tx: &mut Backend, rows: &[Row]) -> Result<(), StoreError> {
    for batch in batches(rows) {
        on_each!(tx, c => diesel::insert_into(nestings::table)
            .values(batch)
            .on_conflict((nestings::job, nestings::mapping, nestings::outer_group, nestings::inner_group))
            .do_update()
            .set((
                nestings::depth.eq(excluded(nestings::depth)),
                nestings::holds.eq(excluded(nestings::holds)),
                nestings::unscanned.eq(excluded(nestings::unscanned)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Nothing is to be flattened any more.
pub(super) fn forget(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(nestings::table)
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(of.mapping.as_str()))
        .execute(c))?;
    Ok(())
}
