//! The last thing that happens to a page: what it taught us becomes durable, in one transaction.

use std::collections::{BTreeMap, HashSet};

use crate::db::Backend;
use crate::model::{ObjectKey, RemovalId, SentEdge};

use super::escrows::Failed;
use super::jobs::jobs_of;
use super::links::NewLink;
use super::outcome::{CommitPage, Committed, Effect, LinkConflict, Outcome};
use super::references::LinkChange;
use super::{
    Store, StoreError, claimants, escrows, intents, judgement, links, objects, provisioning_log, references, removals,
};

impl Store {
    /// The second transaction of a page: stores its outcomes and closes its intents.
    pub async fn commit_page(&self, page: CommitPage) -> Result<Committed, StoreError> {
        self.database
            .write(move |tx| {
                tx.exclusive(page.target.as_str())?;
                commit(tx, &page)
            })
            .await
    }
}

fn commit(tx: &mut Backend, page: &CommitPage) -> Result<Committed, StoreError> {
    let conflicts = conflicts(tx, page)?;
    let lost: HashSet<&ObjectKey> = conflicts.iter().map(|conflict| &conflict.key).collect();
    let kept: Vec<&Outcome> = page.outcomes.iter().filter(|outcome| !lost.contains(&outcome.key)).collect();
    write_links(tx, page, &kept)?;
    write_edges(tx, page, &kept)?;
    write_removals(tx, page, &kept)?;
    write_escrows(tx, page, &kept)?;
    claimants::note(tx, &page.job, &kept, page.now)?;
    write_objects(tx, page, &kept)?;
    let log: Vec<_> = kept.iter().filter_map(|outcome| Some((&outcome.key, outcome.log.as_ref()?))).collect();
    provisioning_log::append(tx, &page.job, &page.cycle, &log, page.now)?;
    if let Some(intents) = &page.intents {
        let unknown = page.outcomes.iter().filter(|outcome| outcome.effect == Effect::LeaveOpen);
        intents::close(tx, intents, &unknown.map(|outcome| &outcome.key).collect())?;
    }
    Ok(Committed { conflicts })
}

/// The outcomes that would give a resource to a second object, with who holds it.
fn conflicts(tx: &mut Backend, page: &CommitPage) -> Result<Vec<LinkConflict>, StoreError> {
    let linked = page.outcomes.iter().filter_map(|outcome| match &outcome.effect {
        Effect::Linked { resource, .. } => Some((&outcome.key, &outcome.kind, resource)),
        _ => None,
    });
    links::conflicts(tx, &page.job, &page.target, &linked.collect::<Vec<_>>())
}

fn write_links(tx: &mut Backend, page: &CommitPage, outcomes: &[&Outcome]) -> Result<(), StoreError> {
    let touched = outcomes.iter().filter(|outcome| {
        matches!(outcome.effect, Effect::Linked { .. } | Effect::Updated { .. } | Effect::Unlinked | Effect::Vanished)
    });
    let before = links::resources_of(tx, &page.job, touched.map(|outcome| &outcome.key))?;
    let mut saved: Vec<NewLink<'_>> = Vec::new();
    let (mut ended, mut changes): (Vec<&ObjectKey>, Vec<LinkChange<'_>>) = (Vec::new(), Vec::new());
    for Outcome { key, kind, effect, .. } in outcomes {
        let before = before.get(key);
        match effect {
            Effect::Linked { resource, exported, .. } => {
                saved.push(NewLink { key, kind, resource, exported, replaces: before.is_some() });
                changes.extend(LinkChange::between(key, before, Some(resource)));
            }
            Effect::Updated { exported, .. } => {
                // An update of an object that lost its link meanwhile leaves nothing to store.
                saved.extend(before.map(|resource| NewLink { key, kind, resource, exported, replaces: true }));
            }
            Effect::Unlinked | Effect::Vanished => {
                ended.push(key);
                changes.extend(LinkChange::between(key, before, None));
            }
            _ => {}
        }
    }
    store_links(tx, page, &saved, &ended, &changes)
}

fn store_links(
    tx: &mut Backend,
    page: &CommitPage,
    saved: &[NewLink<'_>],
    ended: &[&ObjectKey],
    changes: &[LinkChange<'_>],
) -> Result<(), StoreError> {
    links::end(tx, &page.job, ended.iter().copied())?;
    links::save(tx, &page.job, &page.target, saved, page.now)?;
    references::owners_unlinked(tx, &page.job, ended.iter().copied())?;
    if changes.is_empty() {
        return Ok(());
    }
    let jobs = jobs_of(tx, &page.target)?;
    references::links_changed(tx, &jobs, changes)
}

fn write_edges(tx: &mut Backend, page: &CommitPage, outcomes: &[&Outcome]) -> Result<(), StoreError> {
    let sent: Vec<(&ObjectKey, &SentEdge)> = outcomes
        .iter()
        .flat_map(|outcome| {
            let sent = match &outcome.effect {
                Effect::Linked { sent, .. } | Effect::Updated { sent, .. } => sent.as_slice(),
                _ => &[],
            };
            sent.iter().map(|edge| (&outcome.key, edge))
        })
        .collect();
    references::confirmed(tx, &page.job, &sent)
}

fn write_removals(tx: &mut Backend, page: &CommitPage, outcomes: &[&Outcome]) -> Result<(), StoreError> {
    let mut ended: Vec<RemovalId> = outcomes.iter().flat_map(|outcome| outcome.done_removals.iter().cloned()).collect();
    let judged = outcomes.iter().filter(|outcome| outcome.cancel_removals || !outcome.held.is_empty());
    let mut standing = removals::of(tx, &page.job, judged.map(|outcome| &outcome.key))?;
    let mut held = Vec::new();
    for outcome in outcomes {
        let mut standing = standing.remove(&outcome.key).unwrap_or_default();
        standing.retain(|removal| !ended.contains(&removal.id));
        for asked in &outcome.held {
            match standing.iter().find(|removal| removal.effect == asked.effect) {
                Some(removal) => removals::ask_again(tx, removal, asked, page.now)?,
                None => held.push((&outcome.key, asked)),
            }
        }
        if outcome.cancel_removals {
            standing.retain(|removal| outcome.held.iter().all(|asked| asked.effect != removal.effect));
            ended.extend(standing.into_iter().map(|removal| removal.id));
        }
    }
    removals::end(tx, &ended)?;
    judgement::references_gone(
        tx,
        &page.job,
        outcomes.iter().filter(|outcome| outcome.takes_references()).map(|outcome| &outcome.key),
    )?;
    removals::hold(tx, &page.job, &held, page.now)
}

fn write_escrows(tx: &mut Backend, page: &CommitPage, outcomes: &[&Outcome]) -> Result<(), StoreError> {
    let failed: Vec<Failed<'_>> = outcomes
        .iter()
        .filter_map(|outcome| match &outcome.effect {
            Effect::Failed(failure, next_attempt_at) => {
                Some(Failed { key: &outcome.key, failure, next_attempt_at: *next_attempt_at })
            }
            _ => None,
        })
        .collect();
    let ended = outcomes.iter().filter(|outcome| outcome.effect.succeeded()).map(|outcome| &outcome.key);
    escrows::end(tx, &page.job, ended)?;
    escrows::save(tx, &page.job, &failed, page.now)
}

fn write_objects(tx: &mut Backend, page: &CommitPage, outcomes: &[&Outcome]) -> Result<(), StoreError> {
    let mut evaluated: BTreeMap<(i64, i64), Vec<&ObjectKey>> = BTreeMap::new();
    let mut vanished: Vec<&ObjectKey> = Vec::new();
    for outcome in outcomes {
        match &outcome.effect {
            Effect::LeaveOpen | Effect::Postponed => {}
            Effect::Vanished => vanished.push(&outcome.key),
            Effect::Waiting { for_removal } => {
                objects::wait(tx, &page.job, outcome.revision, &outcome.key, for_removal)?;
            }
            _ => evaluated.entry((outcome.revision, outcome.evaluated_schema)).or_default().push(&outcome.key),
        }
    }
    for ((revision, schema), keys) in evaluated {
        objects::evaluated(tx, &page.job, revision, schema, &keys)?;
    }
    objects::make_due(tx, &page.job, vanished)
}
