//! What was sent of the references of an object that is gone counts as sent for the one that has its resource now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, JobId, ObjectKey, TargetIdentity};
use crate::store::StoreError;
use crate::store::edges::{self, Row};
use crate::store::references::left_behind;
use crate::store::tables::{edges as table, links};

use super::Relink;

/// References in memory at once: a group may have a million members.
const STEP: i64 = 5_000;

/// Who has a resource.
type Holders = HashMap<String, BTreeSet<String>>;

/// Moves what was sent of the former object's references, and ends the rest: what the other one refers to was recorded
/// with it.
pub(super) fn take_over(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    relink: &Relink,
) -> Result<(), StoreError> {
    let former = relink.former_key();
    loop {
        let rows = on_each!(tx, c => table::table
            .filter(table::job.eq(job.as_str()))
            .filter(table::mapping.eq(former.mapping.as_str()))
            .filter(table::from_anchor.eq(former.anchor.as_str()))
            .order((table::attribute, table::reference))
            .limit(STEP)
            .select(Row::as_select())
            .load::<Row>(c))?;
        if rows.is_empty() {
            return Ok(());
        }
        edges::remove(tx, &rows)?;
        let sent: Vec<Row> = rows.into_iter().filter(Row::is_sent).collect();
        let holders = holders(tx, target, &sent)?;
        let known = known(tx, job, &relink.key, &sent, &holders)?;
        edges::save(tx, &taken_over(sent, known, &holders, &relink.key.anchor))?;
    }
}

fn holders(tx: &mut Backend, target: &TargetIdentity, sent: &[Row]) -> Result<Holders, StoreError> {
    let resources: BTreeSet<&str> = sent.iter().filter_map(|row| row.exported_as.as_deref()).collect();
    let mut holders = Holders::new();
    for batch in batches(&resources.into_iter().collect::<Vec<_>>()) {
        let rows = on_each!(tx, c => links::table
            .filter(links::target.eq(target.as_str()))
            .filter(links::resource.any_of(batch.iter().copied()))
            .select((links::resource, links::anchor))
            .load::<(String, String)>(c))?;
        for (resource, anchor) in rows {
            holders.entry(resource).or_default().insert(anchor);
        }
    }
    Ok(holders)
}

/// The references of the new object that lead to one of the holders, or have the name of what was sent.
fn known(
    tx: &mut Backend,
    job: &JobId,
    owner: &ObjectKey,
    sent: &[Row],
    holders: &Holders,
) -> Result<Vec<Row>, StoreError> {
    let mut found: BTreeMap<(String, String), Row> = BTreeMap::new();
    let ends: BTreeSet<&str> = holders.values().flatten().map(String::as_str).collect();
    for batch in batches(&ends.into_iter().collect::<Vec<_>>()) {
        let rows = on_each!(tx, c => table::table
            .filter(table::job.eq(job.as_str()))
            .filter(table::to_anchor.any_of(batch.iter().copied()))
            .filter(table::mapping.eq(owner.mapping.as_str()))
            .filter(table::from_anchor.eq(owner.anchor.as_str()))
            .select(Row::as_select())
            .load::<Row>(c))?;
        found.extend(rows.into_iter().map(|row| ((row.attribute.clone(), row.reference.clone()), row)));
    }
    let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in sent {
        let left_behind = left_behind(row, None).reference;
        names.entry(&row.attribute).or_default().extend([row.reference.clone(), left_behind]);
    }
    for (attribute, references) in names {
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let rows = edges::named(tx, job, owner, attribute, &references)?;
        found.extend(rows.into_iter().map(|row| ((row.attribute.clone(), row.reference.clone()), row)));
    }
    Ok(found.into_values().collect())
}

/// The references of the new object that are others now. What was sent goes over to a wanted reference that leads to the
/// same resource; where there is none, it stands beside the others and is to be removed.
fn taken_over(sent: Vec<Row>, known: Vec<Row>, holders: &Holders, owner: &Anchor) -> Vec<Row> {
    let mut known: BTreeMap<(String, String), Row> =
        known.into_iter().map(|row| ((row.attribute.clone(), row.reference.clone()), row)).collect();
    let mut by_end: HashMap<(String, String), Vec<(String, String)>> = HashMap::new();
    for (key, row) in known.iter().filter(|(_, row)| row.wanted) {
        if let Some(end) = &row.to_anchor {
            by_end.entry((row.attribute.clone(), end.clone())).or_default().push(key.clone());
        }
    }
    let mut changed = BTreeSet::new();
    for former in sent {
        let resource = former.exported_as.as_deref().unwrap_or_default();
        let ends = holders.get(resource).into_iter().flatten();
        let wanted: Vec<(String, String)> =
            ends.filter_map(|end| by_end.get(&(former.attribute.clone(), end.clone()))).flatten().cloned().collect();
        for key in &wanted {
            if let Some(row) = known.get_mut(key).filter(|row| !row.is_sent()) {
                row.export.clone_from(&former.export);
                row.exported_as.clone_from(&former.exported_as);
                changed.insert(key.clone());
            }
        }
        if !wanted.is_empty() {
            continue;
        }
        let former = Row { from_anchor: owner.as_str().to_owned(), wanted: false, nested: false, ..former };
        let aside = left_behind(&former, former.to_anchor.clone());
        let free = [former, aside]
            .into_iter()
            .find(|row| !known.contains_key(&(row.attribute.clone(), row.reference.clone())));
        if let Some(row) = free {
            let key = (row.attribute.clone(), row.reference.clone());
            changed.insert(key.clone());
            known.insert(key, row);
        }
    }
    known.retain(|key, _| changed.contains(key));
    known.into_values().collect()
}
