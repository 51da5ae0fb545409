//! Finds out, by asking the target, what became of every open intent of the job.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    engine::{
        intents::{self, Settlement, Sight},
        lookup, page,
        run::{CycleError, Run, Stage},
    },
    model::{Action, Failure, FailureClass, Intent, KnownObject, ObjectKey, PageId, ResourceId},
    store::{Settled, SettledResult, Settling},
    sync_schema::ObjectMapping,
};

/// How many intents are looked into at once.
const INTENTS_AHEAD: usize = 32;

/// Settles all open intents in one transaction. Their objects are due afterwards. When a question cannot be answered
/// the cycle ends: nothing may be decided on an unknown past.
pub(super) async fn settle_open_intents(run: &Arc<Run>) -> Result<(), CycleError> {
    let pages = run.store.open_intents_of(&run.job.id).await?;
    let open: Vec<(PageId, Intent)> = pages
        .into_iter()
        .flat_map(|page| page.intents.into_iter().map(move |intent| (page.id.clone(), intent)))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    run.meet_target().await?;
    tracing::info!(intents = open.len(), "settling requests whose outcome is unknown");
    let match_lag = run.target.profile().match_lag;
    run.unless_stopped(tokio::time::sleep(match_lag)).await?;
    for mapping in &run.job.schema.mappings {
        // What was listed before the requests went out cannot show what became of them.
        run.set_indexed(&mapping.id, false);
    }
    for mapping in &run.job.schema.mappings {
        let asked = || open.iter().any(|(_, intent)| intent.key.mapping == mapping.id && intents::asks_target(intent));
        if !lookup::finds_by_filter(run, mapping) && asked() {
            lookup::build_index(run, mapping).await?;
        }
    }
    let keys: Vec<ObjectKey> = open.iter().map(|(_, intent)| intent.key.clone()).collect();
    let known = run.store.known(&run.job.id, &keys).await?;
    let known: BTreeMap<&ObjectKey, &KnownObject> = known.iter().map(|known| (&known.key, known)).collect();
    let known = &known;
    let settled: Vec<(Settled, Fate)> = stream::iter(open)
        .map(|(page, intent)| async move {
            let settlement = match run.mapping(&intent.key.mapping) {
                Some(mapping) => settle(run, &intent, mapping).await?,
                // The schema no longer has the mapping: whatever was done, nobody maintains it any more.
                None => Settlement::NotDone,
            };
            let fate = match settlement {
                Settlement::Unclear => Fate::Unclear,
                Settlement::NotDone | Settlement::Unknown { .. } => Fate::NotConfirmed,
                Settlement::Linked { .. } | Settlement::Gone => Fate::Known,
            };
            let is_told = match fate {
                Fate::Known => Some(true),
                // Later, the escrow says it.
                Fate::NotConfirmed if run.stage() == Stage::Preparing => Some(false),
                Fate::NotConfirmed | Fate::Unclear => None,
            };
            let log = is_told.and_then(|done| {
                Some(page::settled(run, known.get(&intent.key)?, run.mapping(&intent.key.mapping)?, &intent, done))
            });
            let result = match settlement {
                Settlement::Linked { resource, exported } => SettledResult::Linked { resource, exported },
                Settlement::Unknown { paths } => SettledResult::LinkedUnknown { paths },
                Settlement::Gone => SettledResult::Gone,
                Settlement::NotDone | Settlement::Unclear => SettledResult::NotDone,
            };
            Ok::<_, CycleError>((Settled { page, key: intent.key, result, log }, fate))
        })
        .buffer_unordered(INTENTS_AHEAD)
        .try_collect()
        .await?;
    // A target that lists nothing and answers 404 to everything must not pass for one where all is gone.
    run.target.probe().await?;
    let of_fate = |fate: Fate| -> Vec<ObjectKey> {
        settled.iter().filter(|(_, of)| *of == fate).map(|(settled, _)| settled.key.clone()).collect()
    };
    let (unclear, not_confirmed) = (of_fate(Fate::Unclear), of_fate(Fate::NotConfirmed));
    let settled = settled.into_iter().map(|(settled, _)| settled).collect();
    let (job, cycle, now) = (run.job.id.clone(), run.cycle.id.clone(), run.now());
    run.store.settle(Settling { job, cycle, settled, now }).await?;
    page::escrow(run, &unclear, &unclear_outcome(), true).await?;
    if run.stage() != Stage::Preparing {
        // Their requests went out in this very cycle: the target gets time until the next one.
        page::escrow(run, &not_confirmed, &not_confirmed_outcome(), false).await?;
    }
    for mapping in &run.job.schema.mappings {
        // What was listed before the settling is old news for the pages that follow.
        run.set_indexed(&mapping.id, false);
    }
    Ok(())
}

/// What an object's settlement means for the running cycle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Known,
    /// To be sent again.
    NotConfirmed,
    /// Never to be sent again blindly.
    Unclear,
}

/// Nobody can tell what became of the request: it is not sent again before the object changes or a person has looked.
fn unclear_outcome() -> Failure {
    Failure {
        class: FailureClass::Object,
        code: "OutcomeUnknown".to_owned(),
        message: "a request ended without an answer and its resource cannot be told from others; look for duplicates \
                  of its matching values in the target"
            .to_owned(),
    }
}

fn not_confirmed_outcome() -> Failure {
    Failure {
        class: FailureClass::Transient,
        code: "OutcomeUnknown".to_owned(),
        message: "the target answered a request with an error of its own, or not at all; it is sent again".to_owned(),
    }
}

async fn settle(run: &Arc<Run>, intent: &Intent, mapping: &ObjectMapping) -> Result<Settlement, CycleError> {
    let sight = if intents::asks_target(intent) { look(run, intent, mapping).await? } else { Sight::Nothing };
    Ok(intents::settle(intent, &sight, mapping, run.hash_key()))
}

async fn look(run: &Arc<Run>, intent: &Intent, mapping: &ObjectMapping) -> Result<Sight, CycleError> {
    if let Action::Delete { resource } = &intent.action {
        return Ok(match run.target.read(&intent.kind, resource).await? {
            Some(content) => Sight::Found(resource.clone(), Box::new(content)),
            None => Sight::Nothing,
        });
    }
    let question = lookup::Question { key: intent.key.clone(), matching: intent.matching.clone() };
    let found = match lookup::candidates(run, mapping, question).await {
        // The target cannot be asked about this one object; that must not hold up all others.
        Err(CycleError::Target(error)) if error.class() == FailureClass::Object => return Ok(Sight::Unclear),
        found => found?,
    };
    let [candidate] = found.as_slice() else {
        return Ok(if found.is_empty() { Sight::Nothing } else { Sight::Unclear });
    };
    let claims =
        run.store.claims(&run.target_identity, &intent.kind, std::slice::from_ref(&candidate.resource)).await?;
    let taken = claims.get(&candidate.resource).is_some_and(|claim| claim.key != intent.key);
    if taken {
        return Ok(Sight::Unclear);
    }
    let resource: ResourceId = candidate.resource.clone();
    Ok(Sight::Found(resource, Box::new(candidate.content.clone())))
}
