//! Relinking: the link of an object that is gone for good goes over to one with another anchor, with all that was sent.
//!
//! One transaction a page of them: whatever is true of the resource is true of the other object from then on, and a crash
//! before or after leaves nothing in between. What else decides about it, who may have whose resource, is the engine's.

mod attributes;
mod far_ends;
mod owners;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, on_each};
use crate::model::{Anchor, CycleId, JobId, Lifecycle, ObjectKey, RemovalId, ResourceId};
use crate::provisioning_log::Summary;

use super::columns::Word;
use super::jobs::{jobs_of, target_of};
use super::keys::{key, key_batches};
use super::tables::{links, nestings};
use super::{Store, StoreError, claimants, escrows, intents, links as link_rows, objects as object_rows};
use super::{provisioning_log, removals};

pub use attributes::Relinkable;

/// Links that go over together.
#[derive(Clone, Debug)]
pub struct Relinking {
    pub job: JobId,
    pub cycle: CycleId,
    pub relinks: Vec<Relink>,
    pub now: DateTime<Utc>,
}

/// One link that goes over.
#[derive(Clone, Debug, PartialEq)]
pub struct Relink {
    /// Who gets the resource.
    pub key: ObjectKey,
    /// Whose it was, under the same mapping.
    pub former: Anchor,
    pub resource: ResourceId,
    /// What the provisioning log says of either.
    pub log: Vec<(ObjectKey, Summary)>,
}

impl Relink {
    fn former_key(&self) -> ObjectKey {
        ObjectKey { mapping: self.key.mapping.clone(), anchor: self.former.clone() }
    }
}

impl Store {
    /// Moves links with what was exported, references from and to the objects included; removals, escrows and claims of
    /// both end, and who got a resource is due. One of which anything is not so any more (the former object is gone and has
    /// the resource, the other one is delivered and has none, neither has an open intent) is left out. Returns who got a
    /// resource.
    pub async fn relink(&self, relinking: Relinking) -> Result<Vec<ObjectKey>, StoreError> {
        self.database.write(move |tx| relink(tx, &relinking)).await
    }
}

fn relink(tx: &mut Backend, relinking: &Relinking) -> Result<Vec<ObjectKey>, StoreError> {
    let Relinking { job, cycle, now, .. } = relinking;
    let target = target_of(tx, job)?;
    tx.exclusive(target.as_str())?;
    let relinks = still_so(tx, relinking)?;
    if relinks.is_empty() {
        return Ok(Vec::new());
    }
    hand_over(tx, job, &relinks)?;
    let jobs = jobs_of(tx, &target)?;
    let touched = far_ends::follow(tx, &jobs, &relinks)?;
    for relink in &relinks {
        owners::take_over(tx, job, &target, relink)?;
    }
    drop_nestings(tx, job, &relinks)?;
    let formers: Vec<ObjectKey> = relinks.iter().map(|relink| relink.former_key()).collect();
    let keys: Vec<ObjectKey> = relinks.iter().map(|relink| relink.key.clone()).collect();
    let ended: Vec<RemovalId> =
        removals::of(tx, job, &formers)?.into_values().flatten().map(|removal| removal.id).collect();
    removals::end(tx, &ended)?;
    escrows::end(tx, job, formers.iter().chain(&keys))?;
    claimants::end(tx, job, formers.iter().chain(&keys))?;
    object_rows::make_due(tx, job, &keys)?;
    wake_owners(tx, touched)?;
    let log: Vec<_> = relinks.iter().flat_map(|relink| &relink.log).map(|(key, summary)| (key, summary)).collect();
    provisioning_log::append(tx, job, cycle, &log, *now)?;
    Ok(keys)
}

/// Those of which everything is as it was when they were decided.
fn still_so<'r>(tx: &mut Backend, relinking: &'r Relinking) -> Result<Vec<&'r Relink>, StoreError> {
    let Relinking { job, relinks, .. } = relinking;
    let concerned: Vec<ObjectKey> =
        relinks.iter().flat_map(|relink| [relink.key.clone(), relink.former_key()]).collect();
    let lifecycles = object_rows::of(tx, job, &concerned)?.into_iter();
    let lifecycles: HashMap<ObjectKey, String> =
        lifecycles.map(|row| (key(row.mapping, row.anchor), row.lifecycle)).collect();
    let resources = link_rows::resources_of(tx, job, &concerned)?;
    let open = intents::open_of(tx, job)?;
    let mut once: HashSet<ObjectKey> = HashSet::new();
    Ok(relinks
        .iter()
        .filter(|relink| {
            let former = relink.former_key();
            let stands = |key: &ObjectKey, lifecycle: Lifecycle| {
                lifecycles.get(key).is_some_and(|word| word == lifecycle.word()) && !open.contains(key)
            };
            stands(&former, Lifecycle::Deleted)
                && stands(&relink.key, Lifecycle::Present)
                && resources.get(&former) == Some(&relink.resource)
                && !resources.contains_key(&relink.key)
                && once.insert(former)
                && once.insert(relink.key.clone())
        })
        .collect())
}

/// The rows stay, what was exported included, under another anchor.
fn hand_over(tx: &mut Backend, job: &JobId, relinks: &[&Relink]) -> Result<(), StoreError> {
    for relink in relinks {
        on_each!(tx, c => diesel::update(links::table)
            .filter(links::job.eq(job.as_str()))
            .filter(links::anchor.eq(relink.former.as_str()))
            .filter(links::mapping.eq(relink.key.mapping.as_str()))
            .set(links::anchor.eq(relink.key.anchor.as_str()))
            .execute(c))?;
    }
    Ok(())
}

/// Nothing is reached from a group that is gone and has no references left.
fn drop_nestings(tx: &mut Backend, job: &JobId, relinks: &[&Relink]) -> Result<(), StoreError> {
    let formers: Vec<ObjectKey> = relinks.iter().map(|relink| relink.former_key()).collect();
    for (mapping, anchors) in key_batches(&formers) {
        on_each!(tx, c => diesel::delete(nestings::table)
            .filter(nestings::job.eq(job.as_str()))
            .filter(nestings::mapping.eq(mapping))
            .filter(nestings::outer_group.any_of(anchors.iter().copied()))
            .execute(c))?;
    }
    Ok(())
}

/// References that were to be removed, and are not any more, may have been held or staged: their owners are looked at
/// again.
fn wake_owners(tx: &mut Backend, touched: HashSet<(JobId, ObjectKey)>) -> Result<(), StoreError> {
    let mut by_job: HashMap<JobId, Vec<ObjectKey>> = HashMap::new();
    for (job, owner) in touched {
        by_job.entry(job).or_default().push(owner);
    }
    for (job, owners) in by_job {
        let with_removals: Vec<ObjectKey> = removals::of(tx, &job, &owners)?.into_keys().collect();
        object_rows::make_due(tx, &job, &with_removals)?;
    }
    Ok(())
}
