//! Removals that wait when a cycle is over: each is told once, and one that was held and carried out is told as done alone.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    engine::{
        due::PAGE,
        page,
        run::{CycleError, Run},
    },
    model::{CycleState, KnownObject, ObjectKey, RemovalId, RemovalState},
    store::CycleRecord,
};

/// Cycles that may have broken off one after the other before their removals were told.
const BROKEN_OFF: u32 = 20;

/// Tells what this cycle, and those before it that broke off, have held and nobody carried out.
pub(super) async fn tell(run: &Arc<Run>) -> Result<(), CycleError> {
    let cycles = run.store.last_cycles(&run.job.id, BROKEN_OFF).await?;
    let is_over = |cycle: &CycleRecord| matches!(cycle.state, CycleState::Succeeded | CycleState::Partial);
    let first = cycles.into_iter().take_while(|cycle| !is_over(cycle)).last();
    let first = first.map_or_else(|| run.cycle.id.clone(), |cycle| cycle.id);
    tell_since(run, RemovalId::new(first.as_str())).await
}

/// Tells what was held since this id was made; ids of removals and of cycles sort by time.
pub(super) async fn tell_since(run: &Arc<Run>, since: RemovalId) -> Result<(), CycleError> {
    for state in [RemovalState::Held, RemovalState::Staged] {
        let mut after = since.clone();
        loop {
            let page = run.store.held_removals(&run.job.id, state, Some(after), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id.clone();
            let keys: Vec<ObjectKey> = page.iter().map(|removal| removal.key.clone()).collect();
            let known = run.store.known(&run.job.id, &keys).await?;
            let known: BTreeMap<&ObjectKey, &KnownObject> = known.iter().map(|known| (&known.key, known)).collect();
            let lines = page.iter().filter_map(|removal| {
                let (known, mapping) = (known.get(&removal.key)?, run.mapping(&removal.key.mapping)?);
                Some((removal.key.clone(), page::waiting(known, mapping, removal)))
            });
            run.store.tell(&run.job.id, &run.cycle.id, lines.collect(), run.now()).await?;
        }
    }
    Ok(())
}
