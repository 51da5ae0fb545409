//! Names of objects: what references find them by.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, insert_rows, on_each};
use crate::model::JobId;

use super::StoreError;
use super::tables::object_names;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = object_names, treat_none_as_default_value = false)]
pub(super) struct Row {
    pub(super) job: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) anchor: String,
}

/// The names of the objects, by anchor.
pub(super) fn of(
    tx: &mut Backend,
    job: &JobId,
    anchors: &[&str],
) -> Result<HashMap<String, BTreeSet<String>>, StoreError> {
    let mut found: HashMap<String, BTreeSet<String>> = HashMap::new();
    for batch in batches(anchors) {
        let rows = on_each!(tx, c => object_names::table
            .filter(object_names::job.eq(job.as_str()))
            .filter(object_names::anchor.any_of(batch.iter().copied()))
            .select((object_names::anchor, object_names::name))
            .load::<(String, String)>(c))?;
        for (anchor, name) in rows {
            found.entry(anchor).or_default().insert(name);
        }
    }
    Ok(found)
}

/// Who has a name.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: String,
    pub(super) anchor: String,
}

/// The anchors behind the names; a name that nobody has is left out.
pub(super) fn anchors_of(tx: &mut Backend, job: &JobId, names: &[&str]) -> Result<HashMap<String, String>, StoreError> {
    Ok(objects_of(tx, job, names)?.into_iter().map(|(name, found)| (name, found.anchor)).collect())
}

/// Who has the names; a name that nobody has is left out.
pub(super) fn objects_of(tx: &mut Backend, job: &JobId, names: &[&str]) -> Result<HashMap<String, Found>, StoreError> {
    let mut found = HashMap::new();
    for batch in batches(names) {
        found.extend(
            on_each!(tx, c => object_names::table
            .filter(object_names::job.eq(job.as_str()))
            .filter(object_names::name.any_of(batch.iter().copied()))
            .select((object_names::name, object_names::kind, object_names::anchor))
            .load::<(String, String, String)>(c))?
            .into_iter()
            .map(|(name, kind, anchor)| (name, Found { kind, anchor })),
        );
    }
    Ok(found)
}

/// Gives names to objects, and takes them from whoever had them. No name may stand twice in `rows`.
pub(super) fn save(tx: &mut Backend, job: &JobId, rows: &[Row]) -> Result<(), StoreError> {
    let given: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let had = anchors_of(tx, job, &given)?;
    let (taken, new): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| had.contains_key(&row.name));
    insert_rows!(tx, new, values => diesel::insert_into(object_names::table).values(values))?;
    for batch in batches(&taken) {
        on_each!(tx, c => diesel::insert_into(object_names::table)
            .values(batch.to_vec())
            .on_conflict((object_names::job, object_names::name))
            .do_update()
            .set((
                object_names::kind.eq(excluded(object_names::kind)),
                object_names::anchor.eq(excluded(object_names::anchor)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Drops names.
pub(super) fn remove(tx: &mut Backend, job: &JobId, names: &[&str]) -> Result<(), StoreError> {
    for batch in batches(names) {
        on_each!(tx, c => diesel::delete(object_names::table)
            .filter(object_names::job.eq(job.as_str()))
            .filter(object_names::name.any_of(batch.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

/// Drops every name of the objects.
pub(super) fn remove_of(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<(), StoreError> {
    for batch in batches(anchors) {
        on_each!(tx, c => diesel::delete(object_names::table)
            .filter(object_names::job.eq(job.as_str()))
            .filter(object_names::anchor.any_of(batch.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}
