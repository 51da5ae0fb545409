//! The last stage: removals are judged when the last page is durable, then carried out or staged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    engine::{
        due::PAGE,
        page,
        removals::Verdict,
        run::{Approved, CycleError, Run},
        waiting,
    },
    model::{Anchor, ObjectKey, ObjectMappingId, Removal, RemovalEffect, RemovalId, RemovalState},
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

/// Disables and deletes together, measured by object mapping against what was linked when the cycle began.
async fn judge_objects(run: &Arc<Run>) -> Result<(), CycleError> {
    let mut held: BTreeMap<ObjectMappingId, Vec<RemovalId>> = BTreeMap::new();
    let mut after: Option<RemovalId> = None;
    loop {
        let page = run.store.held_removals(&run.job.id, RemovalState::Held, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for removal in page.into_iter().filter(|removal| removal.effect != RemovalEffect::Edges) {
            held.entry(removal.key.mapping).or_default().push(removal.id);
        }
    }
    for (mapping, ids) in held {
        judge(run, &mapping, &ids).await?;
    }
    Ok(())
}

/// Judges held disables and deletes of one object mapping together.
pub(super) async fn judge(
    run: &Arc<Run>,
    mapping: &ObjectMappingId,
    ids: &[RemovalId],
) -> Result<RemovalState, CycleError> {
    let linked = run.cycle.baseline.linked.get(mapping).copied().unwrap_or_default();
    let state = match run.job.policy.guard.judge_objects(ids.len() as u64, linked) {
        Verdict::Through => RemovalState::Approved,
        Verdict::TooMany => {
            tracing::warn!(removals = ids.len(), linked, mapping = %mapping, "too many removals at once: staged until a person releases them");
            RemovalState::Staged
        }
    };
    run.store.set_removal_state(ids, state).await?;
    Ok(state)
}

/// Carries out what the guard or a person let through. Each is evaluated once more: who came back is not removed.
async fn carry_out_approved(run: &Arc<Run>) -> Result<(), CycleError> {
    let mut after: Option<RemovalId> = None;
    loop {
        run.check_stop()?;
        let page = run.store.held_removals(&run.job.id, RemovalState::Approved, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        let keys: BTreeSet<ObjectKey> = page.into_iter().map(|removal| removal.key).collect();
        for mapping in &run.job.schema.mappings {
            let keys: Vec<ObjectKey> = keys.iter().filter(|key| key.mapping == mapping.id).cloned().collect();
            page::act(Arc::clone(run), mapping.clone(), keys, Approved::new()).await?;
        }
    }
}

/// References: measured by object and over the whole mapping. What a person has on the table stays there.
async fn remove_edges(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<(), CycleError> {
    let (asked, owners): (Vec<_>, Vec<_>) =
        owners_with_removals(run, mapping).await?.into_iter().partition(|owner| owner.with_a_person);
    end_unasked(run, mapping, asked.into_iter().map(|owner| owner.key).collect()).await?;
    let total: u64 = owners.iter().map(|owner| owner.to_remove).sum();
    let exported = run.cycle.baseline.exported_edges.get(&mapping.id).copied().unwrap_or_default();
    let guard = &run.job.policy.guard;
    let too_many_at_all = guard.judge_share(total, exported) == Verdict::TooMany;
    let (staged, through): (Vec<_>, Vec<_>) = owners
        .into_iter()
        .partition(|owner| too_many_at_all || guard.judge_members(owner.to_remove, owner.exported) == Verdict::TooMany);
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
    /// True where a person has to decide, or has decided, about its removals.
    with_a_person: bool,
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
        let with_a_person: BTreeSet<ObjectKey> = run
            .store
            .known(&run.job.id, &keys)
            .await?
            .into_iter()
            .filter(|known| known.removals.iter().any(is_with_a_person))
            .map(|known| known.key)
            .collect();
        owners.extend(page.into_iter().map(|(key, exported, to_remove)| {
            let with_a_person = with_a_person.contains(&key);
            Owner { key, exported, to_remove, with_a_person }
        }));
    }
}

fn is_with_a_person(removal: &Removal) -> bool {
    removal.effect == RemovalEffect::Edges && matches!(removal.state, RemovalState::Staged | RemovalState::Rejected)
}

/// Staged removals of references that have gone another way meanwhile, with the resources they named, say: evaluated
/// once more, they end.
async fn end_unasked(run: &Arc<Run>, mapping: &ObjectMapping, asked: BTreeSet<ObjectKey>) -> Result<(), CycleError> {
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
