//! The edges of people who are members of a group through a group in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Export, JobId};
use crate::store::columns::Word;
use crate::store::edges::{self as edge_rows, FLAT, Row, is_direct};
use crate::store::groups::Reached;
use crate::store::keys::key;
use crate::store::tables::{edges, nestings};
use crate::store::{StoreError, assignments};

use super::closure::{self, Row as Nesting};
use super::{MembersOf, STEP, news, outers_of};

/// Edges that follow from others are never old: no read delivers them.
const ALWAYS: i64 = i64::MAX;

/// Looks at some of the people who are noted, in their groups and in all that are around these. False when none is.
pub(super) fn members(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    named: Option<&Reached<'_>>,
) -> Result<bool, StoreError> {
    let noted = news::people(tx, job, of)?;
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, member) in &noted {
        by_group.entry(group).or_default().push(member);
    }
    let groups: Vec<&str> = by_group.keys().copied().collect();
    let mut by_outer: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let outers = outers_of(tx, job, of.mapping.as_str(), &groups)?;
    let around = outers.iter().map(|(inner, outer)| (inner.as_str(), outer.as_str()));
    for (inner, outer) in groups.iter().map(|group| (*group, *group)).chain(around) {
        by_outer.entry(outer).or_default().extend(by_group.get(inner).into_iter().flatten());
    }
    for (outer, people) in by_outer {
        settle(tx, job, of, named, outer, &people.into_iter().collect::<Vec<_>>())?;
    }
    for (group, people) in &by_group {
        news::people_done(tx, job, of, group, people)?;
    }
    Ok(!noted.is_empty())
}

/// True while people of inner groups are to be looked at.
pub(super) fn any(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<bool, StoreError> {
    Ok(on_each!(tx, c => diesel::select(exists(nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(of.mapping.as_str()))
        .filter(nestings::unscanned.is_not_null())))
        .get_result::<bool>(c))?)
}

/// Looks at some people of an inner group that an outer one has gained or lost. False when there is none.
pub(super) fn scan(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    named: Option<&Reached<'_>>,
) -> Result<bool, StoreError> {
    let nesting = on_each!(tx, c => nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(of.mapping.as_str()))
        .filter(nestings::unscanned.is_not_null())
        .select(Nesting::as_select())
        .first::<Nesting>(c)
        .optional())?;
    let Some(nesting) = nesting else { return Ok(false) };
    let after = nesting.unscanned.clone().unwrap_or_default();
    let people = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(of.mapping.as_str()))
        .filter(edges::from_anchor.eq(&nesting.inner_group))
        .filter(edges::attribute.eq(&of.attribute))
        .filter(edges::reference.gt(&after))
        .filter(edges::wanted)
        .filter(not(edges::nested))
        .filter(is_direct!())
        .filter(edges::to_anchor.is_not_null())
        .order(edges::reference)
        .select((edges::reference, edges::to_anchor.assume_not_null()))
        .limit(STEP as i64)
        .load::<(String, String)>(c))?;
    let anchors: BTreeSet<&str> = people.iter().map(|(_, anchor)| anchor.as_str()).collect();
    settle(tx, job, of, named, &nesting.outer_group, &anchors.into_iter().collect::<Vec<_>>())?;
    let is_rest = people.len() < STEP;
    match people.into_iter().next_back() {
        Some((last, _)) if !is_rest => closure::save(tx, &[Nesting { unscanned: Some(last), ..nesting }])?,
        // One that is not reached any more is done with; one that lies too deep stays as the sign of it.
        _ if nesting.depth == 0 => drop_nesting(tx, &nesting)?,
        _ => closure::save(tx, &[Nesting { unscanned: None, ..nesting }])?,
    }
    Ok(true)
}

fn drop_nesting(tx: &mut Backend, nesting: &Nesting) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(nestings::table)
        .filter(nestings::job.eq(&nesting.job))
        .filter(nestings::mapping.eq(&nesting.mapping))
        .filter(nestings::outer_group.eq(&nesting.outer_group))
        .filter(nestings::inner_group.eq(&nesting.inner_group))
        .execute(c))?;
    Ok(())
}

/// Brings the flat edges of these people in the group in line with what is known now. What was sent for a person goes over
/// from one edge to the other: the target has the member either way.
fn settle(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    named: Option<&Reached<'_>>,
    outer: &str,
    people: &[&str],
) -> Result<(), StoreError> {
    for batch in batches(people) {
        let names: Vec<String> = batch.iter().map(|anchor| format!("{FLAT}{anchor}")).collect();
        let owner = key(of.mapping.as_str().to_owned(), outer.to_owned());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let flat = edge_rows::named(tx, job, &owner, &of.attribute, &names)?;
        let mut flat: HashMap<String, Row> = flat.into_iter().map(|row| (row.reference.clone(), row)).collect();
        let mut direct = direct(tx, job, of, outer, batch)?;
        let reached = reached(tx, job, of, outer, batch)?;
        let (mut saved, mut removed) = (Vec::new(), Vec::new());
        for (anchor, name) in batch.iter().zip(names) {
            let person = Person {
                flat: flat.remove(name),
                direct: direct.remove(*anchor).unwrap_or_default(),
                is_reached: reached.contains(*anchor),
            };
            let fresh = || Row {
                job: job.as_str().to_owned(),
                mapping: of.mapping.as_str().to_owned(),
                from_anchor: outer.to_owned(),
                attribute: of.attribute.clone(),
                reference: name.to_owned(),
                to_anchor: Some((*anchor).to_owned()),
                wanted: true,
                export: Export::Never.word().to_owned(),
                exported_as: None,
                generation: ALWAYS,
                nested: false,
            };
            person.settle(fresh, &mut saved, &mut removed);
        }
        edge_rows::remove(tx, &removed)?;
        edge_rows::save(tx, &saved)?;
        let people: Vec<&str> = saved.iter().chain(&removed).filter_map(|row| row.to_anchor.as_deref()).collect();
        assignments::members_changed(tx, job, outer, &people)?;
        if let Some(named) = named {
            named.members_changed(tx, job, outer, &people)?;
        }
    }
    Ok(())
}

/// Begins anew with those who are still to be looked at: references have other names now.
pub(in crate::store) fn rewind(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::update(nestings::table)
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::unscanned.is_not_null())
        .set(nestings::unscanned.eq(Some("")))
        .execute(c))?;
    Ok(())
}

/// What leads from a group to a person.
struct Person {
    flat: Option<Row>,
    /// What the group itself lists, or has listed.
    direct: Vec<Row>,
    /// True when a group that is reached from it lists the person.
    is_reached: bool,
}

impl Person {
    fn settle(mut self, fresh: impl Fn() -> Row, saved: &mut Vec<Row>, removed: &mut Vec<Row>) {
        let is_listed = self.direct.iter().any(|row| row.wanted);
        if self.is_reached && !is_listed {
            let before = self.flat.clone();
            let mut flat = self.flat.take().map_or_else(&fresh, |flat| Row {
                export: flat.export,
                exported_as: flat.exported_as,
                ..fresh()
            });
            if !flat.is_sent()
                && let Some(former) = self.direct.into_iter().find(Row::is_sent)
            {
                (flat.export, flat.exported_as) = (former.export.clone(), former.exported_as.clone());
                removed.push(former);
            }
            if before.as_ref() != Some(&flat) {
                saved.push(flat);
            }
            return;
        }
        let Some(mut flat) = self.flat else { return };
        let is_sent_as_listed = |row: &Row| row.wanted && row.is_sent() && row.exported_as == flat.exported_as;
        if !flat.is_sent() || self.direct.iter().any(is_sent_as_listed) {
            removed.push(flat);
            return;
        }
        if let Some(listed) = self.direct.iter_mut().find(|row| row.wanted && !row.is_sent()) {
            (listed.export, listed.exported_as) = (flat.export.clone(), flat.exported_as.clone());
            saved.push(listed.clone());
            removed.push(flat);
        } else {
            flat.wanted = false;
            saved.push(flat);
        }
    }
}

fn direct(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    outer: &str,
    people: &[&str],
) -> Result<HashMap<String, Vec<Row>>, StoreError> {
    let rows = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::to_anchor.any_of(people.iter().copied()))
        .filter(edges::mapping.eq(of.mapping.as_str()))
        .filter(edges::from_anchor.eq(outer))
        .filter(edges::attribute.eq(&of.attribute))
        .filter(is_direct!())
        .select(Row::as_select())
        .load::<Row>(c))?;
    let mut by_person: HashMap<String, Vec<Row>> = HashMap::new();
    for row in rows {
        by_person.entry(row.to_anchor.clone().unwrap_or_default()).or_default().push(row);
    }
    Ok(by_person)
}

/// Those of the people whom a group lists that is reached from `outer`.
fn reached(
    tx: &mut Backend,
    job: &JobId,
    of: &MembersOf,
    outer: &str,
    people: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let found = on_each!(tx, c => edges::table
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::to_anchor.any_of(people.iter().copied()))
        .filter(edges::mapping.eq(of.mapping.as_str()))
        .filter(edges::attribute.eq(&of.attribute))
        .filter(edges::wanted)
        .filter(is_direct!())
        .filter(exists(
            nestings::table
                .filter(nestings::job.eq(edges::job))
                .filter(nestings::mapping.eq(edges::mapping))
                .filter(nestings::outer_group.eq(outer))
                .filter(nestings::inner_group.eq(edges::from_anchor))
                .filter(nestings::holds),
        ))
        .select(edges::to_anchor.assume_not_null())
        .distinct()
        .load::<String>(c))?;
    Ok(found.into_iter().collect())
}
