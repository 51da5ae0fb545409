//! What becomes of groups in groups has changed: everything that follows is brought about from what is stored.

use diesel::dsl::not;
use diesel::prelude::*;

use crate::db::{Backend, on_each};
use crate::model::{Export, JobId, NestedGroups, ObjectKey};
use crate::store::columns::Word;
use crate::store::edges::{self as edge_rows, Row, is_direct};
use crate::store::keys::key;
use crate::store::tables::{edges, jobs};
use crate::store::{Store, StoreError, intents, objects, references};

use super::{MembersOf, STEP, closure, mode_of, news};

impl Store {
    /// Has the job do this with groups in groups from now on. Where that is something else than before, groups with groups
    /// in them are due, what the target has of it is to be removed, and what it lacks is to be added; no source is read for
    /// it. While an outcome is unknown, nothing changes: it would be noted for what it no longer is. Returns what is done
    /// from now on.
    pub async fn set_nested_groups(
        &self,
        job: &JobId,
        wanted: NestedGroups,
        members: Vec<MembersOf>,
    ) -> Result<NestedGroups, StoreError> {
        let job = job.clone();
        let asked = job.clone();
        if self.database.read(move |tx| mode_of(tx, &asked)).await? == wanted {
            return Ok(wanted);
        }
        self.database
            .write(move |tx| {
                let before = mode_of(tx, &job)?;
                if before == wanted || !intents::open_of(tx, &job)?.is_empty() {
                    return Ok(before);
                }
                on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
                    .set(jobs::nested_groups.eq(wanted.word()))
                    .execute(c))?;
                for of in &members {
                    if before == NestedGroups::Groups {
                        take_back(tx, &job, of)?;
                    }
                    if before == NestedGroups::Flatten {
                        unflatten(tx, &job, of)?;
                    }
                    look_again(tx, &job, of, wanted)?;
                }
                Ok(wanted)
            })
            .await
    }
}

/// Groups that were sent as members are to be removed.
fn take_back(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<(), StoreError> {
    loop {
        let mut rows = on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(of.mapping.as_str()))
            .filter(edges::nested)
            .filter(edges::wanted)
            .filter(edges::export.ne(Export::Never.word()))
            .select(Row::as_select())
            .limit(STEP as i64)
            .load::<Row>(c))?;
        if rows.is_empty() {
            return Ok(());
        }
        let left_behind: Vec<Row> =
            rows.iter().map(|row| references::left_behind(row, row.to_anchor.clone())).collect();
        edge_rows::save(tx, &references::unique(left_behind))?;
        rows.iter_mut().for_each(Row::reset);
        edge_rows::save(tx, &rows)?;
    }
}

/// People who are members through other groups alone are members no longer.
fn unflatten(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(edges::table)
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(of.mapping.as_str()))
        .filter(not(is_direct!()))
        .filter(edges::export.eq(Export::Never.word()))
        .execute(c))?;
    on_each!(tx, c => diesel::update(edges::table)
        .filter(edges::job.eq(job.as_str()))
        .filter(edges::mapping.eq(of.mapping.as_str()))
        .filter(not(is_direct!()))
        .set(edges::wanted.eq(false))
        .execute(c))?;
    closure::forget(tx, job, of)?;
    news::forget(tx, job, of)
}

/// Every group with groups in it is due, and flattened if people are to be.
fn look_again(tx: &mut Backend, job: &JobId, of: &MembersOf, wanted: NestedGroups) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let outers = on_each!(tx, c => edges::table
            .filter(edges::job.eq(job.as_str()))
            .filter(edges::mapping.eq(of.mapping.as_str()))
            .filter(edges::from_anchor.gt(&after))
            .filter(edges::nested)
            .filter(edges::wanted)
            .order(edges::from_anchor)
            .select(edges::from_anchor)
            .distinct()
            .limit(STEP as i64)
            .load::<String>(c))?;
        let Some(last) = outers.last() else { return Ok(()) };
        after.clone_from(last);
        if wanted == NestedGroups::Flatten {
            news::note_groups(tx, job, of, outers.iter().map(String::as_str))?;
        }
        let keys: Vec<ObjectKey> = outers.into_iter().map(|outer| key(of.mapping.as_str().to_owned(), outer)).collect();
        objects::make_due(tx, job, &keys)?;
    }
}
