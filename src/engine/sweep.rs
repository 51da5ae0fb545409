//! Absence: what a complete read did not name.
//!
//! Absence alone removes nothing. Each candidate is asked for by its anchor, and what the source then says is recorded
//! like any other change; removals still pass the guard.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    engine::{
        cycle, nesting,
        run::{CycleError, Run},
    },
    model::{Anchor, Change, Departure, ObjectKind},
    source::{Feed, Fetched, Source},
};

/// Candidates asked for at once.
const FETCHES_AHEAD: usize = 8;

/// Candidates read from the store at a time.
const PAGE: u32 = 200;

/// Linked objects of a kind from which on a complete read that brings none of them means the wrong source.
const EMPTY_DIRECTORY_AT_LEAST: u64 = 3;

/// Confirms, one by one, what the complete read of `feed` under `generation` did not name, and records what became of
/// it. `full` is false for a read that named unchanged objects without their references.
pub(super) async fn sweep(
    run: &Arc<Run>,
    source: &Arc<dyn Source>,
    feed: &Feed,
    generation: i64,
    full: bool,
) -> Result<(), CycleError> {
    let Some(kind) = &feed.kind else { return Ok(()) };
    if full {
        for mapping in run.job.schema.mappings.iter().filter(|mapping| mapping.source_kind == *kind) {
            let (groups, members) = (run.groups.clone(), nesting::members_of(mapping));
            run.store.unwant_edges_before(&run.job.id, &mapping.id, generation, groups, members).await?;
        }
    }
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let candidates = run.store.sweep_candidates(&run.job.id, kind, generation, after, PAGE).await?;
        let Some(last) = candidates.last() else { return Ok(()) };
        after = Some(last.clone());
        let changes: Vec<Change> = stream::iter(candidates)
            .map(|anchor| confirm(run, source, kind, anchor))
            .buffer_unordered(FETCHES_AHEAD)
            .try_collect()
            .await?;
        cycle::record_changes(run, changes, run.cycle.generation.max(generation), false, None).await?;
    }
}

async fn confirm(run: &Run, source: &Arc<dyn Source>, kind: &ObjectKind, anchor: Anchor) -> Result<Change, CycleError> {
    let departure = match run.unless_stopped(source.fetch(kind, &anchor)).await?? {
        Fetched::Object(object) => return Ok(Change::Object(object)),
        Fetched::OutsideFeed => Departure::LeftFeed,
        Fetched::SoftDeleted => Departure::SoftDeleted,
        Fetched::Gone => Departure::Deleted,
    };
    Ok(Change::Departed { kind: kind.clone(), anchor, departure })
}

/// A complete read from the beginning that delivers nothing where something is linked is an outage, not news.
pub(super) fn refuse_empty_directory(run: &Run, feed: &Feed, delivered: u64) -> Result<(), CycleError> {
    let Some(kind) = &feed.kind else { return Ok(()) };
    let linked: u64 = run
        .job
        .schema
        .mappings
        .iter()
        .filter(|mapping| mapping.source_kind == *kind)
        .filter_map(|mapping| run.cycle.baseline.linked.get(&mapping.id))
        .sum();
    if delivered > 0 || linked < EMPTY_DIRECTORY_AT_LEAST {
        return Ok(());
    }
    Err(CycleError::DifferentWorld {
        what: format!("the source delivered no object of kind `{kind}` where {linked} are linked"),
        hint: "check the base, the filter and the read rights of the account; an emptied directory is never taken for news",
    })
}
