//! What had to wait for the last page: groups, references whose far end came late, conflicts, escrows whose time has
//! come, and whatever an earlier cycle left.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    engine::{
        cycle, page,
        run::{Approved, CycleError, Run},
        settle,
    },
    model::{Anchor, Failure, FailureClass, ObjectKey},
    store::Outcome,
    sync_schema::ObjectMapping,
};

/// Objects in one page of actions.
pub(super) const PAGE: u32 = 200;

/// How often what is still due is gone through: once, once more for what the first time brought about (a reference
/// whose far end was just created, a match after a conflict), and once for chains of the two.
const PASSES: usize = 3;

/// Linked resources that may be missing from the target before it counts as another target.
const VANISHED_AT_LEAST: usize = 10;
const VANISHED_PERCENT: u64 = 5;

/// Acts on everything that is due, mapping by mapping: people before groups, references last.
pub(super) async fn act_on_due(run: &Arc<Run>) -> Result<(), CycleError> {
    for pass in 0..PASSES {
        settle::settle_open_intents(run).await?;
        let mut handled = 0;
        let (groups, people): (Vec<_>, Vec<_>) =
            run.job.schema.mappings.iter().partition(|mapping| mapping.lists_members());
        for mapping in people.into_iter().chain(groups) {
            if pass > 0 || !cycle::waits_for_last_page(run, mapping) {
                // What was listed is older than what the pages have written since.
                run.set_indexed(&mapping.id, false);
            }
            handled += due_objects(run, mapping).await?;
        }
        for mapping in &run.job.schema.mappings {
            handled += due_edges(run, mapping).await?;
        }
        let revived = rematch_vanished(run).await?;
        if handled == 0 && !revived {
            break;
        }
    }
    Ok(())
}

/// A target that answers 404 to a change of what it shows when asked.
fn refused_although_there() -> Failure {
    Failure {
        class: FailureClass::Transient,
        code: "InvalidAnchor".to_owned(),
        message: "the target answers 404 to a change of a resource that it has; look for a reference to a resource \
                  that is gone"
            .to_owned(),
    }
}

async fn due_objects(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<u64, CycleError> {
    let mut handled = 0;
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let keys = run.store.due_objects(&run.job.id, &mapping.id, after, PAGE).await?;
        let Some(last) = keys.last() else { return Ok(handled) };
        after = Some(last.anchor.clone());
        handled += page::act(Arc::clone(run), mapping.clone(), keys, Approved::new()).await?;
    }
}

/// Owners whose references are due send them in chunks until none is left: a request carries a bounded number.
async fn due_edges(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<u64, CycleError> {
    let mut handled = 0;
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let keys = run.store.owners_with_due_edges(&run.job.id, &mapping.id, after, PAGE).await?;
        let Some(last) = keys.last() else { return Ok(handled) };
        after = Some(last.anchor.clone());
        handled += page::act(Arc::clone(run), mapping.clone(), keys, Approved::new()).await?;
    }
}

/// Linked resources that answered 404: a few are matched again one by one; many mean that this is another target.
/// Returns true when objects became due by it.
pub(super) async fn rematch_vanished(run: &Arc<Run>) -> Result<bool, CycleError> {
    let vanished: BTreeSet<ObjectKey> = run.take_vanished();
    if vanished.is_empty() {
        return Ok(false);
    }
    let linked: u64 = run.cycle.baseline.linked.values().sum();
    if vanished.len() > VANISHED_AT_LEAST && vanished.len() as u64 * 100 > linked * VANISHED_PERCENT {
        return Err(CycleError::DifferentWorld {
            what: format!("{} linked resources are missing from the target at once", vanished.len()),
            hint: "check that the base URL and the tenant are the ones this job provisioned before",
        });
    }
    // Gone is only what a read by id does not find either.
    for mapping in &run.job.schema.mappings {
        let keys: Vec<ObjectKey> = vanished.iter().filter(|key| key.mapping == mapping.id).cloned().collect();
        let (mut outcomes, mut there): (Vec<Outcome>, Vec<ObjectKey>) = Default::default();
        for known in run.store.known(&run.job.id, &keys).await? {
            let Some(link) = &known.link else { continue };
            if run.target.read(&mapping.target_kind, &link.resource).await?.is_none() {
                outcomes.push(page::vanished(run, &known, mapping));
            } else {
                there.push(known.key);
            }
        }
        if !outcomes.is_empty() {
            // A target that answers 404 to everything must not pass for one where they are gone.
            run.target.probe().await?;
            page::store_outcomes(run, outcomes).await?;
            run.set_indexed(&mapping.id, false);
        }
        page::escrow(run, &there, &refused_although_there(), false).await?;
    }
    Ok(true)
}
