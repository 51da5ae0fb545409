//! Claimants: objects that match the resource of another object of their mapping, with what a person says to it.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, Claimant, JobId, Lifecycle, ObjectKey, ObjectMappingId, ResourceId};

use super::columns::{Word, to_time};
use super::jobs::target_of;
use super::keys::{key, key_batches};
use super::outcome::Outcome;
use super::tables::{claimants, links, objects};
use super::{Store, StoreError, objects as object_rows};

#[derive(Queryable, Selectable)]
#[diesel(table_name = claimants)]
struct Row {
    mapping: String,
    anchor: String,
    former: String,
    resource: String,
    confirmed: bool,
    since: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = claimants, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    former: &'a str,
    resource: &'a str,
    confirmed: bool,
    since: NaiveDateTime,
}

/// True for a claimant whose resource still is that of an object that is gone for good.
macro_rules! asks {
    () => {
        exists(
            links::table
                .inner_join(
                    objects::table.on(objects::job
                        .eq(links::job)
                        .and(objects::anchor.eq(links::anchor))
                        .and(objects::mapping.eq(links::mapping))),
                )
                .filter(links::job.eq(claimants::job))
                .filter(links::mapping.eq(claimants::mapping))
                .filter(links::anchor.eq(claimants::former))
                .filter(links::resource.eq(claimants::resource))
                .filter(objects::lifecycle.eq(Lifecycle::Deleted.word())),
        )
    };
}

impl Store {
    /// At most `limit` claimants whose resource belongs to an object that is gone for good, in the order of their anchors
    /// after `after`: a person has to say whether they are the same.
    pub async fn claimants(
        &self,
        job: &JobId,
        after: Option<ObjectKey>,
        limit: u32,
    ) -> Result<Vec<Claimant>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let after = after.as_ref().map_or(("", ""), |key| (key.mapping.as_str(), key.anchor.as_str()));
                let rows = on_each!(tx, c => claimants::table
                    .filter(claimants::job.eq(job.as_str()))
                    .filter(claimants::mapping.ge(after.0))
                    .filter(claimants::mapping.gt(after.0).or(claimants::anchor.gt(after.1)))
                    .filter(asks!())
                    .order((claimants::mapping, claimants::anchor))
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                Ok(rows.into_iter().map(read).collect())
            })
            .await
    }

    /// Writes down that these are who is gone, as they were shown, and makes them due: whatever was said of others who claim
    /// the same resource is taken back. One whose resource has become somebody else's since, or who claims another one, is
    /// left alone. Returns those that were not.
    pub async fn confirm_claimants(&self, job: &JobId, shown: Vec<Claimant>) -> Result<Vec<ObjectKey>, StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                // The same order of locks as where links move.
                let target = target_of(tx, &job)?;
                tx.exclusive(target.as_str())?;
                let mut confirmed = Vec::new();
                for Claimant { key, former, resource, .. } in &shown {
                    let found = on_each!(tx, c => diesel::update(claimants::table)
                        .filter(claimants::job.eq(job.as_str()))
                        .filter(claimants::mapping.eq(key.mapping.as_str()))
                        .filter(claimants::anchor.eq(key.anchor.as_str()))
                        .filter(claimants::former.eq(former.as_str()))
                        .filter(claimants::resource.eq(resource.as_str()))
                        .filter(asks!())
                        .set(claimants::confirmed.eq(true))
                        .execute(c))?;
                    if found == 0 {
                        continue;
                    }
                    on_each!(tx, c => diesel::update(claimants::table)
                        .filter(claimants::job.eq(job.as_str()))
                        .filter(claimants::mapping.eq(key.mapping.as_str()))
                        .filter(claimants::former.eq(former.as_str()))
                        .filter(claimants::anchor.ne(key.anchor.as_str()))
                        .set(claimants::confirmed.eq(false))
                        .execute(c))?;
                    confirmed.push(key.clone());
                }
                object_rows::make_due(tx, &job, &confirmed)?;
                Ok(confirmed)
            })
            .await
    }

    /// Those of the objects that claim a resource.
    pub async fn claimants_of(&self, job: &JobId, keys: &[ObjectKey]) -> Result<Vec<Claimant>, StoreError> {
        let (job, keys) = (job.clone(), keys.to_vec());
        self.database
            .read(move |tx| {
                let mut found = Vec::new();
                for (mapping, anchors) in key_batches(&keys) {
                    let rows = on_each!(tx, c => claimants::table
                        .filter(claimants::job.eq(job.as_str()))
                        .filter(claimants::mapping.eq(mapping))
                        .filter(claimants::anchor.any_of(anchors.iter().copied()))
                        .select(Row::as_select())
                        .load::<Row>(c))?;
                    found.extend(rows.into_iter().map(read));
                }
                Ok(found)
            })
            .await
    }

    /// At most `limit` claimants of the mapping, in the order of their anchors after `after`, that a person has confirmed.
    pub async fn confirmed_claimants(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<ObjectKey>, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .read(move |tx| {
                let anchors = on_each!(tx, c => claimants::table
                    .filter(claimants::job.eq(job.as_str()))
                    .filter(claimants::mapping.eq(mapping.as_str()))
                    .filter(claimants::anchor.gt(after.as_ref().map_or("", Anchor::as_str)))
                    .filter(claimants::confirmed)
                    .order(claimants::anchor)
                    .limit(limit.into())
                    .select(claimants::anchor)
                    .load::<String>(c))?;
                Ok(anchors.into_iter().map(|anchor| key(mapping.as_str().to_owned(), anchor)).collect())
            })
            .await
    }
}

/// What a page says of claims: who claims a resource does from now on, and who has reached another end does no more. What
/// a person has confirmed stays confirmed for the resource of that object, and for no other.
pub(super) fn note(tx: &mut Backend, job: &JobId, outcomes: &[&Outcome], now: DateTime<Utc>) -> Result<(), StoreError> {
    // A failure, of a look-up for one, does not tell what is claimed, and must not undo what a person has said.
    let reached_an_end = |outcome: &&&Outcome| outcome.effect.ends() && outcome.effect.succeeded();
    let ended = outcomes.iter().filter(|outcome| outcome.claims.is_none()).filter(reached_an_end);
    end(tx, job, ended.map(|outcome| &outcome.key))?;
    let rows = outcomes.iter().filter_map(|outcome| {
        let claim = outcome.claims.as_ref()?;
        Some(NewRow {
            job: job.as_str(),
            mapping: outcome.key.mapping.as_str(),
            anchor: outcome.key.anchor.as_str(),
            former: claim.former.as_str(),
            resource: claim.resource.as_str(),
            confirmed: false,
            since: to_time(now),
        })
    });
    let rows: Vec<NewRow<'_>> = rows.collect();
    for batch in batches(&rows) {
        for (job, mapping, anchor, former, resource) in
            batch.iter().map(|row| (row.job, row.mapping, row.anchor, row.former, row.resource))
        {
            on_each!(tx, c => diesel::delete(claimants::table)
                .filter(claimants::job.eq(job))
                .filter(claimants::mapping.eq(mapping))
                .filter(claimants::anchor.eq(anchor))
                .filter(claimants::former.ne(former).or(claimants::resource.ne(resource)))
                .execute(c))?;
        }
        on_each!(tx, c => diesel::insert_into(claimants::table)
            .values(batch)
            .on_conflict((claimants::job, claimants::mapping, claimants::anchor))
            .do_update()
            .set(claimants::former.eq(excluded(claimants::former)))
            .execute(c))?;
    }
    Ok(())
}

/// Objects are gone for good: who claims their resources is looked at again.
pub(super) fn wake(tx: &mut Backend, job: &JobId, gone: &[&ObjectKey]) -> Result<(), StoreError> {
    if gone.is_empty() || !any(tx, job)? {
        return Ok(());
    }
    for (mapping, formers) in key_batches(gone.iter().copied()) {
        let anchors = on_each!(tx, c => claimants::table
            .filter(claimants::job.eq(job.as_str()))
            .filter(claimants::mapping.eq(mapping))
            .filter(claimants::former.any_of(formers.iter().copied()))
            .select(claimants::anchor)
            .load::<String>(c))?;
        let keys: Vec<ObjectKey> = anchors.into_iter().map(|anchor| key(mapping.to_owned(), anchor)).collect();
        object_rows::make_due(tx, job, &keys)?;
    }
    Ok(())
}

/// Objects are there again: nobody who claims their resources is the same, whatever a person has said.
pub(super) fn refute(tx: &mut Backend, job: &JobId, back: &[&ObjectKey]) -> Result<(), StoreError> {
    if back.is_empty() || !any(tx, job)? {
        return Ok(());
    }
    for (mapping, formers) in key_batches(back.iter().copied()) {
        on_each!(tx, c => diesel::update(claimants::table)
            .filter(claimants::job.eq(job.as_str()))
            .filter(claimants::mapping.eq(mapping))
            .filter(claimants::former.any_of(formers.iter().copied()))
            .set(claimants::confirmed.eq(false))
            .execute(c))?;
    }
    Ok(())
}

/// True when anybody claims anything. Mostly nobody does, and then nobody need be looked for.
fn any(tx: &mut Backend, job: &JobId) -> Result<bool, StoreError> {
    Ok(on_each!(tx, c => diesel::select(exists(claimants::table.filter(claimants::job.eq(job.as_str()))))
        .get_result::<bool>(c))?)
}

/// These claim nothing any more.
pub(super) fn end<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<(), StoreError> {
    if !any(tx, job)? {
        return Ok(());
    }
    for (mapping, anchors) in key_batches(keys) {
        on_each!(tx, c => diesel::delete(claimants::table)
            .filter(claimants::job.eq(job.as_str()))
            .filter(claimants::mapping.eq(mapping))
            .filter(claimants::anchor.any_of(anchors.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

fn read(row: Row) -> Claimant {
    Claimant {
        key: key(row.mapping, row.anchor),
        former: Anchor::new(row.former),
        resource: ResourceId::new(row.resource),
        confirmed: row.confirmed,
        since: row.since.and_utc(),
    }
}
