//! The last stage: removals are judged when the last page is durable, then carried out or staged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    engine::{
        due::PAGE,
        page,
        removals::{TooMany, loses_all},
        run::{Approved, CycleError, Run},
        waiting,
    },
    model::{Anchor, Measure, ObjectKey, ObjectMappingId, Removal, RemovalEffect, RemovalId, RemovalState, Tally},
    store::Judgement,
    sync_schema::ObjectMapping,
};

/// Judges what is held, carries out what is let through, and stages the rest by name. People go before the references
/// to them: what a deletion takes along needs no request of its own.
pub(super) async fn carry_out_removals(run: &Arc<Run>) -> Result<(), CycleError> {
    judge_objects(run).await?;
    if !run.target.profile().deletes_memberships {
        // What a deletion leaves behind here nobody could take away afterwards: the far end has no name any more.
        for mapping in &run.job.schema.mappings {
            remove_edges(run, mapping).await?;
        }
    }
    carry_out_approved(run).await?;
    for mapping in &run.job.schema.mappings {
        remove_edges(run, mapping).await?;
    }
    waiting::tell(run).await
}

/// Judges what is held once its time has come.
async fn judge_objects(run: &Arc<Run>) -> Result<(), CycleError> {
    let mut held: Vec<Removal> = Vec::new();
    let mut after: Option<RemovalId> = None;
    loop {
        let page = run.store.removals_to_judge(&run.job.id, run.now(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        held.extend(page.into_iter().filter(|removal| removal.effect != RemovalEffect::Edges));
    }
    let waited = judge_held(run, held).await?.waited;
    for mapping in &run.job.schema.mappings {
        let keys = waited.iter().filter(|key| key.mapping == mapping.id).cloned().collect();
        act_in_pages(run, &mapping.id, keys).await?;
    }
    Ok(())
}

/// What became of removals that were judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// True where any was let through.
    pub(super) any_through: bool,
    /// Whose attributes are not cleared: what else there is to change for them waited with it.
    pub(super) waited: Vec<ObjectKey>,
}

/// Judges held removals of objects, by object mapping and measure.
pub(super) async fn judge_held(run: &Arc<Run>, held: Vec<Removal>) -> Result<Judged, CycleError> {
    let mut groups: BTreeMap<(ObjectMappingId, Measure), Vec<Removal>> = BTreeMap::new();
    for removal in held {
        groups.entry((removal.key.mapping.clone(), removal.effect.measure())).or_default().push(removal);
    }
    let mut judged = Judged::default();
    for ((mapping, measure), removals) in groups {
        let losers: BTreeSet<Anchor> = removals.iter().map(|removal| removal.key.anchor.clone()).collect();
        let losers = losers.into_iter().map(|anchor| (anchor, 1)).collect();
        let ids = removals.iter().map(|removal| removal.id.clone()).collect();
        if judge(run, &mapping, measure.clone(), losers, ids).await? {
            judged.any_through = true;
        } else if matches!(measure, Measure::Attribute(_)) {
            judged.waited.extend(removals.into_iter().map(|removal| removal.key));
        }
    }
    Ok(judged)
}

/// Lets removals of one measure and object mapping through, or not.
pub(super) async fn judge(
    run: &Run,
    mapping: &ObjectMappingId,
    measure: Measure,
    losers: Vec<(Anchor, u64)>,
    removals: Vec<RemovalId>,
) -> Result<bool, CycleError> {
    let judgement = Judgement {
        job: run.job.id.clone(),
        mapping: mapping.clone(),
        measure: measure.clone(),
        relinked: if measure == Measure::Access { run.relinked(mapping) } else { 0 },
        losers,
        removals,
        baseline: run.cycle.baseline.clone(),
        now: run.now(),
    };
    let guard = run.job.policy.guard;
    let judged = measure.clone();
    let nobody_assigned = measure == Measure::Access && run.nobody_is_assigned();
    let verdict = move |tally: &Tally| if nobody_assigned { Err(TooMany::OfAll) } else { guard.judge(&judged, tally) };
    let (tally, verdict) = run.store.judge(judgement, verdict).await?;
    if let Err(exceeded) = verdict {
        tracing::warn!(mapping = %mapping, ?measure, ?tally, "too many removals, {exceeded}: staged until a person releases them");
    }
    Ok(verdict.is_ok())
}

/// Carries out what the guard or a person let through. Each is evaluated once more: who came back is not removed.
async fn carry_out_approved(run: &Arc<Run>) -> Result<(), CycleError> {
    for state in [RemovalState::Approved, RemovalState::Released] {
        let mut after: Option<RemovalId> = None;
        loop {
            let page = run.store.held_removals(&run.job.id, state, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let keys: BTreeSet<ObjectKey> = page.into_iter().map(|removal| removal.key).collect();
            for mapping in &run.job.schema.mappings {
                let keys: Vec<ObjectKey> = keys.iter().filter(|key| key.mapping == mapping.id).cloned().collect();
                act_in_pages(run, &mapping.id, keys).await?;
            }
        }
    }
    Ok(())
}

async fn act_in_pages(run: &Arc<Run>, mapping: &ObjectMappingId, keys: Vec<ObjectKey>) -> Result<(), CycleError> {
    let Some(mapping) = run.mapping(mapping) else { return Ok(()) };
    for keys in keys.chunks(PAGE as usize) {
        run.check_stop()?;
        page::act(Arc::clone(run), mapping.clone(), keys.to_vec(), Approved::new()).await?;
    }
    Ok(())
}

/// References: measured by object and over the whole mapping. What a person has on the table stays there, unless it has
/// become more than the person saw.
async fn remove_edges(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<(), CycleError> {
    let owners = owners_with_removals(run, mapping).await?;
    end_unasked(run, mapping, owners.iter().filter(|owner| owner.judged.is_some()).map(|owner| &owner.key).collect())
        .await?;
    let released_or_more = |owner: &Owner| match owner.judged {
        Some((state, references)) => state.may_go() || owner.to_remove > references,
        None => false,
    };
    let again = owners.iter().filter(|owner| released_or_more(owner)).map(|owner| owner.key.clone()).collect();
    act_in_pages(run, &mapping.id, again).await?;
    let (mut staged, mut through): (Vec<_>, Vec<_>) = owners
        .into_iter()
        .filter(|owner| owner.judged.is_none())
        .partition(|owner| loses_all(owner.to_remove, owner.exported));
    let losers = through.iter().map(|owner| (owner.key.anchor.clone(), owner.to_remove)).collect::<Vec<_>>();
    // A group that loses everybody is an accident of its own, and counts for no other.
    if !losers.is_empty() && !judge(run, &mapping.id, Measure::References, losers, Vec::new()).await? {
        staged.append(&mut through);
    }
    let through: Vec<ObjectKey> = through.into_iter().map(|owner| owner.key).collect();
    for keys in through.chunks(PAGE as usize) {
        run.check_stop()?;
        let approved: Approved = keys.iter().map(|key| (key.clone(), BTreeSet::from([RemovalEffect::Edges]))).collect();
        page::act(Arc::clone(run), mapping.clone(), keys.to_vec(), approved).await?;
    }
    stage_edges(run, mapping, staged.into_iter().map(|owner| owner.key).collect()).await
}

/// An object that loses references.
struct Owner {
    key: ObjectKey,
    /// References that the target holds for it.
    exported: u64,
    to_remove: u64,
    /// Where the removal of its references was staged: what became of that, and how many references it was about.
    judged: Option<(RemovalState, u64)>,
}

/// Everybody who loses references.
async fn owners_with_removals(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<Vec<Owner>, CycleError> {
    let mut owners = Vec::new();
    let mut after: Option<Anchor> = None;
    loop {
        let page = run.store.owners_with_edge_removals(&run.job.id, &mapping.id, after, PAGE).await?;
        let Some((last, _, _)) = page.last() else { return Ok(owners) };
        after = Some(last.anchor.clone());
        let keys: Vec<ObjectKey> = page.iter().map(|(key, _, _)| key.clone()).collect();
        let known = run.store.known(&run.job.id, &keys).await?;
        let judged: BTreeMap<ObjectKey, (RemovalState, u64)> = known
            .into_iter()
            .flat_map(|known| known.removals)
            .filter(|removal| removal.effect == RemovalEffect::Edges && removal.state != RemovalState::Held)
            .map(|removal| (removal.key, (removal.state, removal.references)))
            .collect();
        owners.extend(page.into_iter().map(|(key, exported, to_remove)| {
            let judged = judged.get(&key).copied();
            Owner { key, exported, to_remove, judged }
        }));
    }
}

/// Staged removals of references that have gone another way meanwhile, with the resources they named, say: evaluated
/// once more, they end.
async fn end_unasked(run: &Arc<Run>, mapping: &ObjectMapping, asked: BTreeSet<&ObjectKey>) -> Result<(), CycleError> {
    let mut after: Option<RemovalId> = None;
    loop {
        let page = run.store.held_removals(&run.job.id, RemovalState::Staged, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        let unasked = page
            .into_iter()
            .filter(|removal| removal.effect == RemovalEffect::Edges && removal.key.mapping == mapping.id)
            .filter(|removal| !asked.contains(&removal.key))
            .map(|removal| removal.key)
            .collect();
        page::act(Arc::clone(run), mapping.clone(), unasked, Approved::new()).await?;
    }
}

/// Evaluates the objects once more, which holds their removals by name, and hands those to a person.
async fn stage_edges(run: &Arc<Run>, mapping: &ObjectMapping, keys: Vec<ObjectKey>) -> Result<(), CycleError> {
    if keys.is_empty() {
        return Ok(());
    }
    tracing::warn!(objects = keys.len(), mapping = %mapping.id, "too many references removed at once: staged until a person releases them");
    for keys in keys.chunks(PAGE as usize) {
        run.check_stop()?;
        page::act(Arc::clone(run), mapping.clone(), keys.to_vec(), Approved::new()).await?;
        let known = run.store.known(&run.job.id, keys).await?;
        let held: Vec<RemovalId> = known
            .into_iter()
            .flat_map(|known| known.removals)
            .filter(|removal| removal.effect == RemovalEffect::Edges && removal.state == RemovalState::Held)
            .map(|removal| removal.id)
            .collect();
        run.store.set_removal_state(&held, RemovalState::Staged).await?;
    }
    Ok(())
}
