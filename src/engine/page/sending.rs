//! Sends the actions of a page and says what came of each.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, stream::FuturesUnordered};

use super::{Item, Settled, Step, failed, log_entry};
use crate::{
    engine::{
        execute::{self, Done},
        exported,
        lookup::{failure_of, stops_the_cycle},
        run::{CycleError, Run, Stage},
    },
    model::{Action, Counters, Exported, FailureClass, Intent, KnownObject, ObjectKey, RemovalEffect, ResourceId},
    store::{Effect, NewRemoval},
    sync_schema::ObjectMapping,
    target::{Outcome as RequestOutcome, TargetError},
};

/// How many actions of a page are prepared at once; the target's own pace decides how many requests run.
const ACTIONS_AHEAD: usize = 64;

/// From so many creates on, a page sends them together where the target offers it.
const WORTH_A_BULK: usize = 16;

/// Sends what is to be sent and replaces each step by what came of it. Returns what stops the cycle, if anything.
pub(super) async fn send(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    items: &mut [Item],
    owned: HashMap<ObjectKey, Vec<ResourceId>>,
) -> Option<CycleError> {
    let mut answers = ask_all(run, mapping, items, owned).await;
    let mut stopped_by = None;
    // A 404 on DELETE counts as success only while the target answers another question at the same time.
    if answers.values().any(|answer| matches!(answer, Answer::Done(done) if done.was_absent))
        && let Err(error) = run.target.probe().await
    {
        for answer in answers.values_mut().filter(|answer| matches!(answer, Answer::Done(done) if done.was_absent)) {
            *answer = Answer::NotAsked;
        }
        stopped_by = Some(error.into());
    }
    for item in items.iter_mut() {
        let Some(answer) = answers.remove(&item.known.key) else { continue };
        let Step::Act { intent, baseline, held } = std::mem::replace(&mut item.step, Step::Postponed) else {
            continue;
        };
        let action = Arc::unwrap_or_clone(intent).action;
        item.step = match answer {
            Answer::Done(done) => done_step(run, mapping, item, action, baseline, held, done),
            Answer::NotAsked => postponed(),
            Answer::Failed(error) => {
                let step = not_done(run, &item.known, &action, &error);
                if stops_the_cycle(error.class()) && stopped_by.is_none() {
                    stopped_by = Some(error.into());
                }
                step
            }
        };
    }
    stopped_by
}

/// Sends every action, some at once. A request in preparation is large, so it is only made when its turn comes.
async fn ask_all(
    run: &Run,
    mapping: &ObjectMapping,
    items: &[Item],
    mut owned: HashMap<ObjectKey, Vec<ResourceId>>,
) -> HashMap<ObjectKey, Answer> {
    let mut answers = HashMap::with_capacity(items.len());
    let together = creates_together(run, items);
    answers.extend(ask_together(run, mapping, &together).await);
    let mut asked = FuturesUnordered::new();
    let mut waiting = items.iter();
    loop {
        while asked.len() < ACTIONS_AHEAD
            && let Some(item) = waiting.next()
        {
            if let Step::Act { intent, .. } = &item.step
                && (together.is_empty() || !answers.contains_key(&intent.key))
            {
                let owned = owned.remove(&intent.key);
                asked.push(ask(run, mapping, &intent.key, &intent.action, owned));
            }
        }
        match asked.next().await {
            Some((key, answer)) => answers.insert(key, answer),
            None => return answers,
        };
    }
}

/// The creates of the page, where the target takes many at once and there are enough to be worth it.
fn creates_together<'i>(run: &Run, items: &'i [Item]) -> Vec<&'i Intent> {
    if run.target.profile().bulk.is_none() {
        return Vec::new();
    }
    let creates = items.iter().filter_map(|item| match &item.step {
        Step::Act { intent, .. } if matches!(intent.action, Action::Create { .. }) => Some(intent.as_ref()),
        _ => None,
    });
    let creates: Vec<&Intent> = creates.collect();
    if creates.len() < WORTH_A_BULK { Vec::new() } else { creates }
}

async fn ask_together(run: &Run, mapping: &ObjectMapping, creates: &[&Intent]) -> Vec<(ObjectKey, Answer)> {
    let keys = creates.iter().map(|intent| intent.key.clone());
    if creates.is_empty() || run.stop.is_cancelled() {
        return keys.map(|key| (key, Answer::NotAsked)).collect();
    }
    let actions: Vec<&Action> = creates.iter().map(|intent| &intent.action).collect();
    // Boxed: pages without it do not carry the room for it.
    let ended = Box::pin(execute::execute_creates(&actions, mapping, &run.target)).await;
    keys.zip(ended.into_iter().map(|ended| ended.map_or_else(Answer::Failed, Answer::Done))).collect()
}

async fn ask(
    run: &Run,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    action: &Action,
    owned: Option<Vec<ResourceId>>,
) -> (ObjectKey, Answer) {
    let answer = if run.stop.is_cancelled() {
        Answer::NotAsked
    } else {
        match execute::execute(action, mapping, &run.target, owned).await {
            Ok(done) => Answer::Done(done),
            Err(error) => Answer::Failed(error),
        }
    };
    (key.clone(), answer)
}

enum Answer {
    Done(Done),
    Failed(TargetError),
    /// A stop was asked for before the request went out, or its answer cannot be believed.
    NotAsked,
}

/// The intent is closed and the object stays due.
fn postponed() -> Step {
    Step::Settled(Settled { effect: Effect::Postponed, held: Vec::new(), done: Vec::new(), log: None, cancels: false })
}

fn done_step(
    run: &Run,
    mapping: &ObjectMapping,
    item: &Item,
    action: Action,
    baseline: Exported,
    held: Vec<NewRemoval>,
    done: Done,
) -> Step {
    run.count(|progress| count_done(&mut progress.counters, &action, item.known.link.is_none()));
    let name = action.name();
    let (changes, sent, removed) = match action {
        Action::Create { attributes, edges } => (attributes, edges, None),
        Action::Update { changes, edges, .. } => {
            let takes_edges = edges.iter().any(|edge| !edge.added) && item.approved.contains(&RemovalEffect::Edges);
            (changes, edges, takes_edges.then_some(RemovalEffect::Edges))
        }
        Action::Disable { changes, .. } => (changes, Vec::new(), Some(RemovalEffect::Disable)),
        Action::Delete { .. } => (Vec::new(), Vec::new(), Some(RemovalEffect::Delete)),
        Action::Link { .. } => (Vec::new(), Vec::new(), None),
    };
    let changed = changes.iter().map(|change| change.path.clone()).collect();
    let effect = if removed == Some(RemovalEffect::Delete) {
        Effect::Unlinked
    } else {
        Effect::Linked {
            resource: done.resource,
            exported: exported::applied(baseline, changes, mapping, run.hash_key()),
            sent,
        }
    };
    Step::Settled(Settled {
        effect,
        held,
        done: removed.into_iter().collect(),
        log: Some(log_entry(name, "success", None, changed)),
        cancels: true,
    })
}

fn count_done(counters: &mut Counters, action: &Action, newly_linked: bool) {
    match action {
        Action::Create { .. } => counters.created += 1,
        Action::Update { .. } => {
            counters.updated += 1;
            counters.linked += u64::from(newly_linked);
        }
        Action::Disable { .. } => counters.disabled += 1,
        Action::Delete { .. } => counters.deleted += 1,
        Action::Link { .. } => counters.linked += 1,
    }
    let added = action.edges().iter().filter(|edge| edge.added).count();
    counters.references_added += added as u64;
    counters.references_removed += (action.edges().len() - added) as u64;
}

/// What becomes of an object whose request was not confirmed.
fn not_done(run: &Run, known: &KnownObject, action: &Action, error: &TargetError) -> Step {
    tracing::debug!(object.anchor = %known.key.anchor, action = action.name(), code = error.code(), "the request was not confirmed");
    if error.outcome() == RequestOutcome::Unknown {
        // The intent stays open: it is settled by asking the target before the object is decided again.
        let log = Some(log_entry(action.name(), "failure", Some("OutcomeUnknown".to_owned()), Vec::new()));
        return Step::Settled(Settled {
            effect: Effect::LeaveOpen,
            held: Vec::new(),
            done: Vec::new(),
            log,
            cancels: false,
        });
    }
    match error.class() {
        class if stops_the_cycle(class) => postponed(),
        FailureClass::Conflict if known.link.is_some() && error.code() == "InvalidAnchor" => {
            run.note_vanished(known.key.clone());
            postponed()
        }
        // Somebody else made it meanwhile, or the index is old: match again later in this cycle.
        FailureClass::Conflict if known.link.is_none() && run.stage() < Stage::Removing => postponed(),
        _ => failed(run, known, failure_of(error)),
    }
}
