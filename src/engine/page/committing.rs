//! What a page brought, stored.

use std::sync::Arc;

use super::{Item, Step, events};
use crate::{
    engine::{
        escrow,
        run::{CycleError, Run},
    },
    model::{Failure, Intent, KnownObject, ObjectKey, PageId, Removal, RemovalId, ResourceId},
    provisioning_log::{Act, Event, Reason, Status, Summary},
    store::{CommitPage, Effect, Outcome},
    sync_schema::ObjectMapping,
};

/// The second transaction of the page: everything it taught us.
pub(super) async fn commit(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    page: Option<PageId>,
    items: Vec<Item>,
) -> Result<u64, CycleError> {
    let handled = items.len() as u64;
    let outcomes: Vec<Outcome> = items
        .into_iter()
        .filter_map(|item| {
            let Step::Settled(settled) = item.step else { return None };
            let done_removals: Vec<RemovalId> = item
                .known
                .removals
                .iter()
                .filter(|removal| settled.done.contains(&removal.effect))
                .map(|removal| removal.id.clone())
                .collect();
            let log = settled.log.map(|event| {
                let subject = events::subject(&item.known, mapping, item.name, item.why_not_in_scope, &settled.effect);
                Summary { subject, event: *event }
            });
            let keeps_it = matches!(settled.effect, Effect::Waiting { .. } | Effect::Failed(..));
            Some(Outcome {
                key: item.known.key,
                kind: mapping.target_kind.clone(),
                revision: item.known.revision,
                claims: item.claims.filter(|_| keeps_it),
                effect: settled.effect,
                held: settled.held,
                done_removals,
                cancel_removals: settled.cancels,
                log,
                evaluated_schema: run.job.schema_version,
            })
        })
        .collect();
    let ended = outcomes.iter().filter(|outcome| outcome.effect.ends()).count() as u64;
    let skipped = outcomes.iter().filter(|outcome| matches!(outcome.effect, Effect::Unchanged)).count() as u64;
    let failed = outcomes.iter().filter(|outcome| matches!(outcome.effect, Effect::Failed(..))).count() as u64;
    store_page(run, page, outcomes).await?;
    run.count(|progress| {
        progress.handled += handled;
        progress.counters.skipped += skipped;
        progress.counters.failed += failed;
    });
    Ok(ended)
}

/// Stores outcomes that no intent was opened for, in one transaction.
pub(in crate::engine) async fn store_outcomes(run: &Arc<Run>, outcomes: Vec<Outcome>) -> Result<(), CycleError> {
    store_page(run, None, outcomes).await
}

async fn store_page(run: &Arc<Run>, intents: Option<PageId>, outcomes: Vec<Outcome>) -> Result<(), CycleError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    for outcome in &outcomes {
        run.observer.note(&outcome.key, |seen| {
            (seen.ended_at, seen.has_ended) = (Some(run.now()), outcome.effect.ends());
            if let Some(Summary { subject, event }) = &outcome.log {
                seen.subject = Some(subject.clone());
                seen.events.push(event.clone());
            }
        });
    }
    let page = CommitPage {
        job: run.job.id.clone(),
        target: run.target_identity.clone(),
        cycle: run.cycle.id.clone(),
        intents,
        outcomes,
        now: run.now(),
    };
    run.store.commit_page(page).await?;
    Ok(())
}

/// Puts these objects into escrow for one reason; `give_up` when they are only tried again once they have changed.
pub(in crate::engine) async fn escrow(
    run: &Arc<Run>,
    keys: &[ObjectKey],
    failure: &Failure,
    give_up: bool,
) -> Result<(), CycleError> {
    let known = run.store.known(&run.job.id, keys).await?;
    let outcomes = known.into_iter().filter_map(|known| {
        let mapping = run.mapping(&known.key.mapping)?;
        let next = if give_up {
            None
        } else {
            escrow::next_attempt(failure, known.escrow.as_ref(), &run.job.policy.escrow, run.now())
        };
        let effect = Effect::Failed(failure.clone(), next);
        let log = Some(summary(&known, mapping, &effect, events::failure(failure)));
        Some(Outcome {
            key: known.key,
            kind: mapping.target_kind.clone(),
            revision: known.revision,
            effect,
            held: Vec::new(),
            done_removals: Vec::new(),
            cancel_removals: false,
            claims: None,
            log,
            evaluated_schema: run.job.schema_version,
        })
    });
    store_outcomes(run, outcomes.collect()).await
}

/// The outcome for an object whose resource is gone from the target.
pub(in crate::engine) fn vanished(run: &Run, known: &KnownObject, mapping: &ObjectMapping) -> Outcome {
    Outcome {
        key: known.key.clone(),
        kind: mapping.target_kind.clone(),
        revision: known.revision,
        effect: Effect::Vanished,
        held: Vec::new(),
        done_removals: Vec::new(),
        cancel_removals: true,
        claims: None,
        log: Some(summary(
            known,
            mapping,
            &Effect::Vanished,
            Event::other(Status::Warning, Reason::code("InvalidAnchor")),
        )),
        evaluated_schema: run.job.schema_version,
    }
}

/// What is said of a request without an answer, once the target shows whether it was done.
pub(in crate::engine) fn settled(
    run: &Run,
    known: &KnownObject,
    mapping: &ObjectMapping,
    intent: &Intent,
    done: bool,
) -> Summary {
    let (status, code) = if done { (Status::Success, "SettledAsDone") } else { (Status::Warning, "SettledAsNotDone") };
    let baseline = known.link.as_ref().map(|link| link.exported.clone()).unwrap_or_default();
    let event = events::action(&intent.action, status, known, &baseline, mapping, run.hash_key());
    let name = events::name(mapping, known, None).or_else(|| events::name_sent(&intent.action));
    let subject = events::subject(known, mapping, name, None, &Effect::LeaveOpen);
    Summary { subject, event: Event { reason: Some(Reason::code(code)), ..event } }
}

/// What is said of the two objects of which one has the resource of the other now.
pub(in crate::engine) fn relinked(
    former: &KnownObject,
    new: &KnownObject,
    resource: &ResourceId,
    mapping: &ObjectMapping,
) -> [(ObjectKey, Summary); 2] {
    let line = |of: &KnownObject, event| {
        let mut summary = summary(of, mapping, &Effect::Unchanged, event);
        summary.subject.name = events::name(mapping, former, None);
        summary.subject.resource = Some(resource.clone());
        (of.key.clone(), summary)
    };
    [
        line(new, events::relinked(Act::Link, format!("It has the resource of {}, which is gone.", former.key.anchor))),
        line(former, events::relinked(Act::Other, format!("Its resource is that of {} now.", new.key.anchor))),
    ]
}

/// What is said of a removal that waits.
pub(in crate::engine) fn waiting(known: &KnownObject, mapping: &ObjectMapping, removal: &Removal) -> Summary {
    summary(known, mapping, &Effect::Unchanged, events::waiting(removal))
}

/// What is said of groups that are not members of a group.
pub(in crate::engine) fn left_out(known: &KnownObject, mapping: &ObjectMapping, reason: Reason) -> Summary {
    summary(known, mapping, &Effect::Unchanged, Event::other(Status::Skipped, reason))
}

/// What is said of an object that was not evaluated.
fn summary(known: &KnownObject, mapping: &ObjectMapping, effect: &Effect, event: Event) -> Summary {
    let name = events::name(mapping, known, None);
    Summary { subject: events::subject(known, mapping, name, None, effect), event }
}
