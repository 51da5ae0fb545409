//! Finds out, by asking the target, what became of every open intent of the job.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    engine::{
        intents::{self, Settlement, Sight},
        lookup, page,
        run::{CycleError, Run},
    },
    model::{Action, Intent, ObjectKey, ResourceId},
    store::{Settled, SettledResult},
    sync_schema::ObjectMapping,
};

/// How many intents are looked into at once.
const INTENTS_AHEAD: usize = 32;

/// Settles all open intents in one transaction. Their objects are due afterwards. When a question cannot be answered
/// the cycle ends: nothing may be decided on an unknown past.
pub(super) async fn settle_open_intents(run: &Arc<Run>) -> Result<(), CycleError> {
    let open = run.store.open_intents_of(&run.job.id).await?;
    if open.is_empty() {
        return Ok(());
    }
    tracing::info!(intents = open.len(), "settling requests whose outcome is unknown");
    tokio::time::sleep(run.target.profile().match_lag).await;
    if !run.target.profile().filter {
        for mapping in &run.job.schema.mappings {
            if open.iter().any(|intent| intent.key.mapping == mapping.id && intents::asks_target(intent)) {
                lookup::build_index(run, mapping).await?;
            }
        }
    }
    let settled: Vec<(Settled, bool)> = stream::iter(open)
        .map(|intent| async move {
            let settlement = match run.mapping(&intent.key.mapping) {
                Some(mapping) => settle(run, &intent, mapping).await?,
                // The schema no longer has the mapping: whatever was done, nobody maintains it any more.
                None => Settlement::NotDone,
            };
            let unclear = settlement == Settlement::Unclear;
            let result = match settlement {
                Settlement::Linked { resource, exported } => SettledResult::Linked { resource, exported },
                Settlement::Unknown { paths } => SettledResult::LinkedUnknown { paths },
                Settlement::Gone => SettledResult::Gone,
                Settlement::NotDone | Settlement::Unclear => SettledResult::NotDone,
            };
            Ok::<_, CycleError>((Settled { intent: intent.id, key: intent.key, result }, unclear))
        })
        .buffer_unordered(INTENTS_AHEAD)
        .try_collect()
        .await?;
    // A target that lists nothing and answers 404 to everything must not pass for one where all is gone.
    run.target.probe().await?;
    let unclear: Vec<ObjectKey> =
        settled.iter().filter(|(_, unclear)| *unclear).map(|(settled, _)| settled.key.clone()).collect();
    run.store.settle(&run.job.id, settled.into_iter().map(|(settled, _)| settled).collect()).await?;
    page::escrow_unclear(run, unclear).await?;
    for mapping in &run.job.schema.mappings {
        // What was listed before the settling is old news for the pages that follow.
        run.set_indexed(&mapping.id, false);
    }
    Ok(())
}

async fn settle(run: &Arc<Run>, intent: &Intent, mapping: &ObjectMapping) -> Result<Settlement, CycleError> {
    let sight = if intents::asks_target(intent) { look(run, intent, mapping).await? } else { Sight::Nothing };
    Ok(intents::settle(intent, &sight, mapping))
}

async fn look(run: &Arc<Run>, intent: &Intent, mapping: &ObjectMapping) -> Result<Sight, CycleError> {
    if let Action::Delete { resource } = &intent.action {
        return Ok(match run.target.read(&intent.kind, resource).await? {
            Some(content) => Sight::Found(resource.clone(), Box::new(content)),
            None => Sight::Nothing,
        });
    }
    let question = lookup::Question { key: intent.key.clone(), matching: intent.matching.clone() };
    let found = lookup::candidates(run, mapping, question).await?;
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
