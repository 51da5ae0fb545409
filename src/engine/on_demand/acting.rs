//! The steps after the import, by the pages that cycles are made of.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    engine::{
        assignments, due, edges, groups,
        observer::Seen,
        page,
        removals::loses_all,
        run::{Approved, CycleError, Run, Stage},
        scope::{self, Assigned, Standing},
        settle, take_away,
    },
    model::{
        Anchor, Extent, KnownObject, Lifecycle, Measure, ObjectKey, Removal, RemovalEffect, RemovalId, RemovalState,
    },
    sync_schema::{ObjectMapping, ScopeResult},
};

/// How often the object is gone through: once, once more for what the first time brought about (a match after a
/// conflict, members that did not fit into the request that made the group), and once for good.
const PASSES: usize = 3;

/// What became of an object.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) known: KnownObject,
    pub(super) seen: Seen,
    /// Where it stands; `None` where nobody can tell.
    pub(super) standing: Option<Standing>,
    /// Whether it is assigned to the application.
    pub(super) assigned: Assigned,
    /// What the scoping filters say, where they were asked.
    pub(super) scope: Option<ScopeResult>,
    /// Chosen members without a resource.
    pub(super) unresolved: usize,
}

/// Acts on one object until it has reached an end, and carries out its removals if the guard lets them through. `None`
/// for an object that nobody knows.
pub(super) async fn act(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    chosen: &BTreeSet<Anchor>,
) -> Result<Option<Acted>, CycleError> {
    run.observer.watch([key.clone()]);
    run.enter(Stage::Due);
    for pass in 1..=PASSES {
        run.check_stop()?;
        if pass > 1 {
            settle::settle_open_intents(run).await?;
        }
        if pass == PASSES {
            // Who lacks a name, or a match, is told so now.
            run.enter(Stage::Removing);
        }
        let Some(known) = known(run, key).await? else { return Ok(None) };
        let known = narrowed(known, mapping, chosen, Removals::ToBeHeld);
        page::act_on(Arc::clone(run), mapping.clone(), vec![known], Approved::new()).await?;
        due::rematch_vanished(run).await?;
        if !is_unfinished(run, mapping, key, chosen).await? {
            break;
        }
    }
    run.enter(Stage::Removing);
    carry_out_removals(run, mapping, key, chosen).await?;
    told(run, mapping, key, chosen).await
}

async fn known(run: &Run, key: &ObjectKey) -> Result<Option<KnownObject>, CycleError> {
    Ok(run.store.known(&run.job.id, std::slice::from_ref(key)).await?.pop())
}

/// What is done about references that are to go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removals {
    /// All of them wait for the guard, as in any cycle.
    ToBeHeld,
    /// Those that were chosen go now.
    LetThrough,
}

/// The object with those of its many references that were chosen. Others stay as they are.
fn narrowed(
    mut known: KnownObject,
    mapping: &ObjectMapping,
    chosen: &BTreeSet<Anchor>,
    removals: Removals,
) -> KnownObject {
    let is_one_of_many =
        |name: &str| mapping.references.iter().any(|one| one.multivalued && one.source_attribute == name);
    known.edges.retain(|edge| {
        let is_chosen = || edge.to.as_ref().is_some_and(|to| chosen.contains(to));
        let stays_held = !edge.wanted && removals == Removals::ToBeHeld;
        stays_held || !is_one_of_many(&edge.attribute) || is_chosen()
    });
    // What was chosen is all there is to do.
    known.extent = Extent::Whole;
    known
}

/// True while something of the object can be sent that was not.
async fn is_unfinished(
    run: &Run,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    chosen: &BTreeSet<Anchor>,
) -> Result<bool, CycleError> {
    if !run.observer.seen(key).has_ended {
        return Ok(true);
    }
    let Some(known) = known(run, key).await? else { return Ok(false) };
    let may_be_sent = known.link.is_some() && known.escrow.is_none() && known.lifecycle == Lifecycle::Present;
    let known = narrowed(known, mapping, chosen, Removals::LetThrough);
    Ok(may_be_sent && !edges::work(&known.edges, &mapping.references).due.is_empty())
}

/// Has the guard judge what is held of the object, and carries it out or stages it.
async fn carry_out_removals(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    chosen: &BTreeSet<Anchor>,
) -> Result<(), CycleError> {
    let Some(before) = known(run, key).await? else { return Ok(()) };
    let is_to_judge = |removal: &&Removal| {
        removal.state == RemovalState::Held && removal.not_before.is_none_or(|time| time <= run.now())
    };
    let held = before.removals.iter().filter(is_to_judge).cloned();
    let (references, objects): (Vec<_>, Vec<_>) = held.partition(|removal| removal.effect == RemovalEffect::Edges);
    let mut approved = BTreeSet::new();
    let judged = take_away::judge_held(run, objects).await?;
    let goes = judged.any_through || !judged.waited.is_empty();
    // A removal of references that a person has on the table stays there.
    let narrowed = narrowed(before.clone(), mapping, chosen, Removals::LetThrough);
    let to_remove = edges::work(&narrowed.edges, &mapping.references).removals.len() as u64;
    // Who is a member through a group in it is known when all groups were read, and only one was.
    if !references.is_empty() && to_remove > 0 && !run.store.is_flattened(&run.job.id, key).await? {
        if lets_references_through(run, mapping, key, to_remove).await? {
            approved.insert(RemovalEffect::Edges);
        } else {
            let ids: Vec<RemovalId> = references.into_iter().map(|removal| removal.id).collect();
            run.store.set_removal_state(&ids, RemovalState::Staged).await?;
        }
    }
    if !goes && approved.is_empty() {
        return Ok(());
    }
    // Read again: what the guard let through stands beside the object.
    let Some(known) = self::known(run, key).await? else { return Ok(()) };
    let removals = if approved.is_empty() { Removals::ToBeHeld } else { Removals::LetThrough };
    let known = self::narrowed(known, mapping, chosen, removals);
    let approved = Approved::from([(key.clone(), approved)]);
    page::act_on(Arc::clone(run), mapping.clone(), vec![known], approved).await?;
    Ok(())
}

async fn lets_references_through(
    run: &Run,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    to_remove: u64,
) -> Result<bool, CycleError> {
    let mut sent = 0;
    for reference in mapping.references.iter().filter(|reference| reference.multivalued) {
        let all =
            run.store.sent_references(&run.job.id, std::slice::from_ref(key), &reference.source_attribute).await?;
        sent += all.values().map(|resources| resources.len() as u64).sum::<u64>();
    }
    if loses_all(to_remove, sent) {
        return Ok(false);
    }
    let losers = vec![(key.anchor.clone(), to_remove)];
    take_away::judge(run, &mapping.id, Measure::References, losers, Vec::new()).await
}

/// What there is to say of the object now.
async fn told(
    run: &Run,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    chosen: &BTreeSet<Anchor>,
) -> Result<Option<Acted>, CycleError> {
    let Some(known) = known(run, key).await? else { return Ok(None) };
    let memberships = groups::memberships(run, mapping, std::slice::from_ref(&known)).await?;
    let assigned = assignments::of(run, mapping, std::slice::from_ref(&known)).await?.test(&key.anchor);
    let inputs = mapping.inputs(&known.attributes);
    let member_of = |group: &str| memberships.test(&key.anchor, group);
    let scope = (known.lifecycle == Lifecycle::Present).then(|| mapping.scope.explain(&inputs, member_of));
    let standing = scope::standing(&inputs, known.lifecycle, mapping, assigned, member_of).ok();
    let narrowed = narrowed(known.clone(), mapping, chosen, Removals::LetThrough);
    let unresolved = edges::work(&narrowed.edges, &mapping.references).unresolved;
    Ok(Some(Acted { seen: run.observer.seen(key), standing, assigned, scope, unresolved, known }))
}
