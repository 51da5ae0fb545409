//! What is to be done with each object of a page.

use std::{collections::BTreeSet, sync::Arc};

use super::{Item, Settled, Step, failed, log_entry};
use crate::{
    engine::{
        decide::{self, DUPLICATE_SOURCE_ENTRIES, Decision, Rules, SkipReason},
        evaluate::{self, Context, Evaluation},
        groups,
        lookup::{self, Question, failure_of},
        matching::Situation,
        run::{Approved, CycleError, Run, Stage},
        unique::{self, Candidate, Wish},
    },
    model::{Action, Failure, Intent, KnownObject, RemovalEffect, RemovalState},
    store::{Effect, NewRemoval},
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
        let rules = Rules { mapping, policy: &run.job.policy, approved: &self.approved, key: run.hash_key() };
        decide::decide(&self.object, &self.evaluation, &self.situation, rules)
    }
}

pub(super) async fn decide_all(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    objects: Vec<KnownObject>,
    approved: &Approved,
) -> Result<Vec<Item>, CycleError> {
    let (all, mut items) = find_out(run, mapping, objects, approved).await?;
    let wishes = all.iter().flat_map(|known| wishes(run, mapping, known)).collect();
    let mut drawn = unique::draw(run, mapping, wishes).await?;
    for mut known in all {
        let drawn = drawn.remove(&known.object.key).unwrap_or_else(|| Ok(Vec::new()));
        if let (Evaluation::Wanted(wanted), Ok(drawn)) = (&mut known.evaluation, &drawn) {
            unique::fulfil(wanted, drawn);
        }
        let step = match drawn {
            Ok(drawn) => step_of(run, mapping, &known.object, known.decide(run, mapping), drawn),
            Err(failure) => failed_or_postponed(run, &known.object, failure),
        };
        let why_not_in_scope = why_not_in_scope(&known.object, &known.evaluation);
        items.push(Item { known: known.object, approved: known.approved, why_not_in_scope, step });
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
    let context = Context { memberships: groups::memberships(run, mapping, &objects).await?, ..run.context() };
    let evaluated: Vec<(KnownObject, Evaluation<'_>)> = objects
        .into_iter()
        .map(|known| {
            let evaluation = evaluate::evaluate(&known.key, &known.attributes, known.lifecycle, mapping, &context);
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
        approved.extend(
            object
                .removals
                .iter()
                .filter(|removal| removal.state == RemovalState::Approved)
                .map(|removal| removal.effect),
        );
        let situation = match situations.remove(&object.key) {
            Some(Ok(situation)) => situation,
            Some(Err(error)) => {
                let step = failed(run, &object, failure_of(&error));
                items.push(Item { known: object, approved, why_not_in_scope: None, step });
                continue;
            }
            None if object.link.is_some() => Situation::Linked,
            None => Situation::NotAsked,
        };
        all.push(Known { object, evaluation, situation, approved });
    }
    Ok((all, items))
}

/// Test by test, for the log. Who is out of scope and was never provisioned is nobody's concern.
fn why_not_in_scope(object: &KnownObject, evaluation: &Evaluation<'_>) -> Option<String> {
    let concerns = object.link.is_some() || matches!(evaluation, Evaluation::Undecided(_));
    evaluation.why_not_in_scope().filter(|_| concerns).map(ToString::to_string)
}

/// What has to be drawn for the object: only a resource that is to be created gets anything.
fn wishes<'m>(run: &Run, mapping: &ObjectMapping, known: &Known<'m>) -> Vec<Wish<'m>> {
    let Evaluation::Wanted(wanted) = &known.evaluation else { return Vec::new() };
    let wishes = unique::wishes(&known.object.key, wanted, &run.job.policy.protected);
    let creates = || matches!(known.decide(run, mapping), Decision::Act { action: Action::Create { .. }, .. });
    if wishes.is_empty() || creates() { wishes } else { Vec::new() }
}

fn step_of(run: &Run, mapping: &ObjectMapping, known: &KnownObject, decision: Decision, drawn: Vec<Candidate>) -> Step {
    match decision {
        Decision::Act { action, baseline, matching, held } => {
            let held = held.into_iter().map(NewRemoval::from).collect();
            let intent = Intent {
                key: known.key.clone(),
                kind: mapping.target_kind.clone(),
                revision: known.revision,
                action,
                matching,
                drawn: drawn.into_iter().map(|candidate| candidate.value).collect(),
            };
            Step::Act { intent: Arc::new(intent), baseline, held }
        }
        Decision::Skip { reason, held } => {
            let log = (reason != SkipReason::RedundantExport && known.link.is_some())
                .then(|| log_entry("other", "skipped", Some(skip_text(reason)), Vec::new()));
            let held = held.into_iter().map(NewRemoval::from).collect();
            Step::Settled(Settled { effect: Effect::Unchanged, held, done: Vec::new(), log, cancels: true })
        }
        Decision::Wait { for_removal } => Step::Settled(Settled {
            effect: Effect::Waiting { for_removal },
            held: Vec::new(),
            done: Vec::new(),
            log: None,
            cancels: true,
        }),
        Decision::Fail(failure) => failed_or_postponed(run, known, failure),
    }
}

/// Who holds the name may be about to leave: judged again when the removals have been carried out.
fn failed_or_postponed(run: &Run, known: &KnownObject, failure: Failure) -> Step {
    let lacks_a_name = [DUPLICATE_SOURCE_ENTRIES, unique::NONE_FREE].contains(&failure.code.as_str());
    if lacks_a_name && run.stage() < Stage::Removing {
        tracing::debug!(object.anchor = %known.key.anchor, code = failure.code, "decided again after the removals");
        return Step::Postponed;
    }
    failed(run, known, failure)
}

/// The reason as the log spells it.
fn skip_text(reason: SkipReason) -> String {
    format!("{reason:?}")
}

impl From<decide::Held> for NewRemoval {
    fn from(held: decide::Held) -> Self {
        Self { effect: held.effect, reason: held.reason.to_owned() }
    }
}
