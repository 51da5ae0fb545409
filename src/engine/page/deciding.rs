//! What is to be done with each object of a page.

use std::sync::Arc;

use super::{Item, Settled, Step, failed, failure_of, log_entry};
use crate::{
    engine::{
        decide::{self, Decision, Rules, SkipReason},
        evaluate::{self, Evaluation},
        lookup::{self, Question},
        matching::Situation,
        run::{Approved, CycleError, Run, Stage},
    },
    model::{Intent, KnownObject, RemovalState},
    store::{Effect, NewRemoval},
    sync_schema::ObjectMapping,
};

pub(super) async fn decide_all(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    known: Vec<KnownObject>,
    approved: &Approved,
) -> Result<Vec<Item>, CycleError> {
    let context = run.context();
    let evaluated: Vec<(KnownObject, Evaluation<'_>)> = known
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
    let mut items = Vec::with_capacity(evaluated.len());
    for (known, evaluation) in evaluated {
        let mut effects = approved.get(&known.key).cloned().unwrap_or_default();
        effects.extend(
            known
                .removals
                .iter()
                .filter(|removal| removal.state == RemovalState::Approved)
                .map(|removal| removal.effect),
        );
        let situation = match situations.remove(&known.key) {
            Some(Ok(situation)) => situation,
            Some(Err(error)) => {
                let step = failed(run, &known, failure_of(&error));
                items.push(Item { known, approved: effects, step });
                continue;
            }
            None if known.link.is_some() => Situation::Linked,
            None => Situation::NotAsked,
        };
        let rules = Rules { mapping, policy: &run.job.policy, approved: &effects };
        let step = match decide::decide(&known, &evaluation, &situation, rules) {
            // Who holds the name may be about to leave: judged again when the removals have been carried out.
            Decision::Fail(failure) if failure.code == "DuplicateSourceEntries" && run.stage() < Stage::Removing => {
                tracing::debug!(object.anchor = %known.key.anchor, "its resource is claimed; decided again after the removals");
                Step::Postponed
            }
            decision => step_of(run, mapping, &known, decision),
        };
        items.push(Item { known, approved: effects, step });
    }
    Ok(items)
}

fn step_of(run: &Run, mapping: &ObjectMapping, known: &KnownObject, decision: Decision) -> Step {
    match decision {
        Decision::Act { action, baseline, matching, held } => {
            let held = held.into_iter().map(NewRemoval::from).collect();
            let intent = Intent {
                key: known.key.clone(),
                kind: mapping.target_kind.clone(),
                revision: known.revision,
                action,
                matching,
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
        Decision::Fail(failure) => failed(run, known, failure),
    }
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
