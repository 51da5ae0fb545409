//! What is to be done with each object of a page.

use std::{collections::BTreeSet, sync::Arc};

use super::{Item, Settled, Step, events, failed};
use crate::{
    engine::{
        assignments,
        decide::{self, DUPLICATE_SOURCE_ENTRIES, Decision, Held, Rules, SkipReason},
        edges,
        evaluate::{self, Context, Evaluation},
        groups,
        lookup::{self, Question, failure_of},
        matching::Situation,
        nesting,
        run::{Approved, CycleError, Run, Stage},
        scope::Standing,
        unique::{self, Candidate, Wish},
    },
    model::{Action, Claim, Failure, Intent, KnownObject, Lifecycle, ObjectKey, Removal, RemovalEffect, ResourceId},
    provisioning_log::{Event, Reason, Status},
    store::{Effect, NewClaim, NewRemoval},
    sync_schema::ObjectMapping,
};

/// One object, with everything that decides about it.
struct Known<'m> {
    object: KnownObject,
    evaluation: Evaluation<'m>,
    situation: Situation,
    approved: BTreeSet<RemovalEffect>,
}

impl Known<'_> {
    fn decide(&self, run: &Run, mapping: &ObjectMapping) -> Decision {
        let removals = self.object.removals.iter();
        let with_a_person = removals.filter(|removal| removal.state.is_with_a_person());
        let rules = Rules {
            mapping,
            policy: &run.job.policy,
            approved: &self.approved,
            with_a_person: &with_a_person.map(|removal| removal.effect.clone()).collect(),
            soft_delete: run.target.profile().soft_delete,
            key: run.hash_key(),
        };
        decide::decide(&self.object, &self.evaluation, &self.situation, rules)
    }

    /// Whose resource it matches, where that is an object of the same mapping.
    fn claims(&self, run: &Run) -> Option<NewClaim> {
        match &self.situation {
            Situation::Claimed { by, resource, .. }
                if by.job == run.job.id && by.key.mapping == self.object.key.mapping =>
            {
                Some(NewClaim { former: by.key.anchor.clone(), resource: resource.clone() })
            }
            _ => None,
        }
    }
}

/// An object that matches a resource that another one has.
pub(in crate::engine) struct Claiming {
    pub object: KnownObject,
    pub by: Claim,
    pub resource: ResourceId,
}

/// Those of the objects that match a resource that another one has. Nothing is decided; who could not be looked for is left
/// out.
pub(in crate::engine) async fn claiming(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    keys: Vec<ObjectKey>,
) -> Result<Vec<Claiming>, CycleError> {
    let objects = run.store.known(&run.job.id, &keys).await?;
    let objects: Vec<KnownObject> = objects.into_iter().filter(|known| known.link.is_none()).collect();
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    run.meet_target().await?;
    let (all, _) = find_out(run, mapping, objects, &Approved::new()).await?;
    let claiming = all.into_iter().filter_map(|known| match known.situation {
        Situation::Claimed { by, resource, .. } => Some(Claiming { object: known.object, by, resource }),
        _ => None,
    });
    Ok(claiming.collect())
}

pub(super) async fn decide_all(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    objects: Vec<KnownObject>,
    approved: &Approved,
) -> Result<Vec<Item>, CycleError> {
    let (all, mut items) = find_out(run, mapping, objects, approved).await?;
    let standings = all.iter().filter_map(|known| match &known.evaluation {
        Evaluation::Wanted(wanted) => Some(&wanted.standing),
        _ => None,
    });
    let entitled = standings.clone().filter(|standing| standing.is_entitled()).count() as u64;
    let in_scope = standings.filter(|standing| standing.is_maintained()).count() as u64;
    run.count(|progress| {
        progress.counters.entitled += entitled;
        progress.counters.in_scope += in_scope;
    });
    let wishes = all.iter().flat_map(|known| wishes(run, mapping, known)).collect();
    let mut drawn = unique::draw(run, mapping, wishes).await?;
    for mut known in all {
        let drawn = drawn.remove(&known.object.key).unwrap_or_else(|| Ok(Vec::new()));
        if let (Evaluation::Wanted(wanted), Ok(drawn)) = (&mut known.evaluation, &drawn) {
            unique::fulfil(wanted, drawn);
        }
        let step = match drawn {
            Ok(drawn) => step_of(run, mapping, &known, known.decide(run, mapping), drawn),
            Err(failure) => failed_or_postponed(run, &known.object, failure),
        };
        let name = events::name(mapping, &known.object, Some(&known.evaluation));
        let why_not_in_scope = known.evaluation.why_not_in_scope().map(ToString::to_string);
        run.observer.note(&known.object.key, |seen| {
            let (name, scope) = (name.clone(), why_not_in_scope.clone());
            seen.subject = Some(events::subject(&known.object, mapping, name, scope, &Effect::Unchanged));
            (seen.situation, seen.matched_at) = (Some(known.situation.clone()), Some(run.now()));
        });
        let claims = known.claims(run);
        items.push(Item { known: known.object, approved: known.approved, name, why_not_in_scope, claims, step });
    }
    Ok(items)
}

/// Evaluates every object and looks for its resource. Those that could not be looked for are items already.
async fn find_out<'m>(
    run: &Arc<Run>,
    mapping: &'m ObjectMapping,
    objects: Vec<KnownObject>,
    approved: &Approved,
) -> Result<(Vec<Known<'m>>, Vec<Item>), CycleError> {
    let memberships = groups::memberships(run, mapping, &objects).await?;
    let assignments = assignments::of(run, mapping, &objects).await?;
    let context = Context { memberships, assignments, ..run.context() };
    let too_deep = nesting::too_deep(run, mapping, &objects).await?;
    let evaluated: Vec<(KnownObject, Evaluation<'_>)> = objects
        .into_iter()
        .map(|known| {
            let evaluation = evaluate::evaluate(&known.key, &known.attributes, known.lifecycle, mapping, &context);
            let is_in_scope = matches!(&evaluation, Evaluation::Wanted(wanted) if wanted.standing == Standing::InScope);
            if is_in_scope && too_deep.contains(&known.key) {
                return (known, Evaluation::Failed(nesting::lies_too_deep()));
            }
            (known, evaluation)
        })
        .collect();
    let questions = evaluated
        .iter()
        .filter(|(known, evaluation)| decide::needs_match(known, evaluation))
        .filter_map(|(known, evaluation)| match evaluation {
            Evaluation::Wanted(wanted) => Some(Question { key: known.key.clone(), matching: wanted.matching.clone() }),
            _ => None,
        })
        .collect();
    let mut situations = lookup::situations(run, mapping, questions).await?;
    let to_read = evaluated.iter().filter(|(known, evaluation)| decide::needs_present(known, evaluation));
    let to_read =
        to_read.filter_map(|(known, _)| Some((known.key.clone(), known.link.as_ref()?.resource.clone()))).collect();
    situations.extend(lookup::present(run, mapping, to_read).await?);
    let (mut all, mut items) = (Vec::with_capacity(evaluated.len()), Vec::with_capacity(evaluated.len()));
    for (object, evaluation) in evaluated {
        let mut approved = approved.get(&object.key).cloned().unwrap_or_default();
        let may_go = object.removals.iter().filter(|removal| may_go(removal, &object, mapping));
        approved.extend(may_go.map(|removal| removal.effect.clone()));
        let situation = match situations.remove(&object.key) {
            Some(Ok(situation)) => situation,
            Some(Err(error)) => {
                let failure = failure_of(&error);
                let reason = events::reason(&failure, events::request(&error, None));
                let step = failed(run, &object, failure, Event::other(Status::Failure, reason));
                let name = events::name(mapping, &object, Some(&evaluation));
                items.push(Item { known: object, approved, name, why_not_in_scope: None, claims: None, step });
                continue;
            }
            None if object.link.is_some() => Situation::Linked,
            None => Situation::NotAsked,
        };
        all.push(Known { object, evaluation, situation, approved });
    }
    Ok((all, items))
}

/// True for a removal that was let through, if it still is what was judged: of the same resource, and no more of it.
fn may_go(removal: &Removal, object: &KnownObject, mapping: &ObjectMapping) -> bool {
    let is_of_this = object.link.as_ref().is_some_and(|link| link.resource == removal.resource);
    let is_no_more = removal.effect != RemovalEffect::Edges
        || edges::of(object, &mapping.references).all_removals() <= removal.references;
    removal.state.may_go() && is_of_this && is_no_more
}

/// What has to be drawn for the object: only a resource that is to be created gets anything.
fn wishes<'m>(run: &Run, mapping: &ObjectMapping, known: &Known<'m>) -> Vec<Wish<'m>> {
    let Evaluation::Wanted(wanted) = &known.evaluation else { return Vec::new() };
    let wishes = unique::wishes(&known.object.key, wanted, &run.job.policy.protected);
    let creates = || matches!(known.decide(run, mapping), Decision::Act { action: Action::Create { .. }, .. });
    if wishes.is_empty() || creates() { wishes } else { Vec::new() }
}

fn step_of(run: &Run, mapping: &ObjectMapping, known: &Known<'_>, decision: Decision, drawn: Vec<Candidate>) -> Step {
    let object = &known.object;
    let quiet = |effect, held, log: Option<Event>| {
        Step::Settled(Settled { effect, held, done: Vec::new(), log: log.map(Box::new), cancels: true })
    };
    match decision {
        Decision::Act { action, baseline, matching, held } => {
            let held = held.into_iter().map(|held| new_removal(run, held)).collect();
            let intent = Intent {
                key: object.key.clone(),
                kind: mapping.target_kind.clone(),
                revision: object.revision,
                action,
                matching,
                drawn: drawn.into_iter().map(|candidate| candidate.value).collect(),
            };
            Step::Act { intent: Arc::new(intent), baseline, held }
        }
        Decision::Skip { reason, held } => {
            run.observer.note(&object.key, |seen| seen.skipped = Some(reason));
            let held: Vec<NewRemoval> = held.into_iter().map(|held| new_removal(run, held)).collect();
            let log = is_worth_a_line(object, mapping, reason).then(|| skipped(known, reason));
            quiet(Effect::Unchanged, held, log)
        }
        // Whether it is the one that leaves is asked when everything was read.
        Decision::Wait { .. } if !run.relinks_were_asked() && !mapping.confirm_by.is_empty() => Step::Postponed,
        Decision::Wait { for_removal } => {
            let log = Event::other(Status::Skipped, Reason::code("WaitsForRemoval"));
            quiet(Effect::Waiting { for_removal }, Vec::new(), Some(log))
        }
        Decision::Postpone => Step::Postponed,
        Decision::Fail(failure) => failed_or_postponed(run, object, failure),
    }
}

/// A no-op is not, and a removal that is held is told when it is carried out, or when it waits in the end. Nor are objects
/// that never had a resource and of which the source says that they left, or whose mapping does nothing at all.
fn is_worth_a_line(object: &KnownObject, mapping: &ObjectMapping, reason: SkipReason) -> bool {
    let concerns = object.link.is_some() || (object.lifecycle == Lifecycle::Present && !mapping.flow.is_none());
    concerns && !matches!(reason, SkipReason::RedundantExport | SkipReason::RemovalHeld)
}

fn skipped(known: &Known<'_>, reason: SkipReason) -> Event {
    let text = match &known.evaluation {
        Evaluation::Wanted(wanted) if wanted.standing != Standing::InScope => Some(wanted.standing.reason().to_owned()),
        _ => None,
    };
    Event::other(Status::Skipped, Reason { text, ..Reason::code(reason.name()) })
}

/// Who holds the name may be about to leave: judged again when the removals have been carried out.
fn failed_or_postponed(run: &Run, known: &KnownObject, failure: Failure) -> Step {
    let lacks_a_name = [DUPLICATE_SOURCE_ENTRIES, unique::NONE_FREE].contains(&failure.code.as_str());
    if lacks_a_name && run.stage() < Stage::Removing {
        tracing::debug!(object.anchor = %known.key.anchor, code = failure.code, "decided again after the removals");
        return Step::Postponed;
    }
    let event = events::failure(&failure);
    failed(run, known, failure, event)
}

fn new_removal(run: &Run, held: Held) -> NewRemoval {
    NewRemoval {
        effect: held.effect,
        reason: held.reason.to_owned(),
        resource: held.resource,
        references: held.references,
        not_before: (!held.after.is_zero()).then(|| run.now() + held.after),
    }
}
