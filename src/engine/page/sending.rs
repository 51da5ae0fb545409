//! Sends the actions of a page and says what came of each.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};

use super::{Item, Settled, Step, events, failed};
use crate::{
    engine::{
        execute::{self, Done},
        exported,
        lookup::{failure_of, stops_the_cycle},
        run::{CycleError, Run, Stage},
    },
    model::{
        Action, Counters, Exported, Extent, Failure, FailureClass, Intent, KnownObject, ObjectKey, RemovalEffect,
        ResourceId,
    },
    provisioning_log::{Event, Reason, Status},
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
    let was_absent = |answer: &Answer| matches!(answer, Answer::Done(done) if done.was_absent);
    if answers.values().any(|(answer, _)| was_absent(answer))
        && let Err(error) = run.target.probe().await
    {
        for (answer, _) in answers.values_mut().filter(|(answer, _)| was_absent(answer)) {
            *answer = Answer::NotAsked;
        }
        stopped_by = Some(error.into());
    }
    for item in items.iter_mut() {
        let Some((answer, took)) = answers.remove(&item.known.key) else { continue };
        let Step::Act { intent, baseline, held } = std::mem::replace(&mut item.step, Step::Postponed) else {
            continue;
        };
        let action = Arc::unwrap_or_clone(intent).action;
        item.step = match answer {
            Answer::Done(done) => done_step(run, mapping, item, Sent { action, baseline, took }, held, done),
            Answer::NotAsked => postponed(),
            Answer::Failed(error) => {
                let step = not_done(run, mapping, &item.known, &Sent { action, baseline, took }, &error);
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
) -> HashMap<ObjectKey, (Answer, Duration)> {
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
            Some((key, answer, took)) => answers.insert(key, (answer, took)),
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

async fn ask_together(run: &Run, mapping: &ObjectMapping, creates: &[&Intent]) -> Vec<(ObjectKey, (Answer, Duration))> {
    let keys = creates.iter().map(|intent| intent.key.clone());
    if creates.is_empty() || run.stop.is_cancelled() {
        return keys.map(|key| (key, (Answer::NotAsked, Duration::ZERO))).collect();
    }
    let actions: Vec<&Action> = creates.iter().map(|intent| &intent.action).collect();
    let started = Instant::now();
    // Boxed: pages without it do not carry the room for it.
    let ended = Box::pin(execute::execute_creates(&actions, mapping, &run.target)).await;
    let took = started.elapsed();
    keys.zip(ended.into_iter().map(|ended| (ended.map_or_else(Answer::Failed, Answer::Done), took))).collect()
}

async fn ask(
    run: &Run,
    mapping: &ObjectMapping,
    key: &ObjectKey,
    action: &Action,
    owned: Option<Vec<ResourceId>>,
) -> (ObjectKey, Answer, Duration) {
    let started = Instant::now();
    let answer = if run.stop.is_cancelled() {
        Answer::NotAsked
    } else {
        match execute::execute(action, mapping, &run.target, owned).await {
            Ok(done) => Answer::Done(done),
            Err(error) => Answer::Failed(error),
        }
    };
    (key.clone(), answer, started.elapsed())
}

enum Answer {
    Done(Done),
    Failed(TargetError),
    /// A stop was asked for before the request went out, or its answer cannot be believed.
    NotAsked,
}

/// An action that went out.
struct Sent {
    action: Action,
    /// What the target held before.
    baseline: Exported,
    took: Duration,
}

impl Sent {
    /// What the log says of it.
    fn event(&self, run: &Run, mapping: &ObjectMapping, known: &KnownObject, status: Status) -> Event {
        let event = events::action(&self.action, status, known, &self.baseline, mapping, run.hash_key());
        Event { duration: self.took, ..event }
    }
}

/// The intent is closed and the object stays due.
fn postponed() -> Step {
    Step::Settled(Settled { effect: Effect::Postponed, held: Vec::new(), done: Vec::new(), log: None, cancels: false })
}

fn done_step(run: &Run, mapping: &ObjectMapping, item: &Item, sent: Sent, held: Vec<NewRemoval>, done: Done) -> Step {
    let event = sent.event(run, mapping, &item.known, Status::Success);
    let Sent { action, baseline, .. } = sent;
    run.count(|progress| count_done(&mut progress.counters, &action, item.known.link.is_none()));
    let is_whole = item.known.extent == Extent::Whole;
    let is_gone = matches!(action, Action::Delete { .. });
    let mut taken: Vec<RemovalEffect> = Vec::new();
    let (changes, sent) = match action {
        Action::Create { attributes, edges } => (attributes, edges),
        Action::Update { changes, edges, .. } => {
            // What is still to be taken away stays let through, or held, until all of it is done.
            let takes_all = is_whole && edges.iter().any(|edge| !edge.added);
            taken.extend(takes_all.then_some(RemovalEffect::Edges));
            (changes, edges)
        }
        Action::Disable { changes, .. } => {
            taken.push(RemovalEffect::Disable);
            (changes, Vec::new())
        }
        Action::Delete { .. } => {
            taken.push(RemovalEffect::Delete);
            (Vec::new(), Vec::new())
        }
        Action::Link { .. } => (Vec::new(), Vec::new()),
    };
    taken.extend(changes.iter().map(|change| RemovalEffect::Clear(change.path.clone())));
    taken.retain(|effect| item.approved.contains(effect));
    let effect = if is_gone {
        Effect::Unlinked
    } else {
        Effect::Linked {
            resource: done.resource,
            exported: exported::applied(baseline, changes, mapping, run.hash_key()),
            sent,
        }
    };
    let cancels = is_whole || is_gone;
    Step::Settled(Settled { effect, held, done: taken, log: Some(Box::new(event)), cancels })
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
fn not_done(run: &Run, mapping: &ObjectMapping, known: &KnownObject, sent: &Sent, error: &TargetError) -> Step {
    let action = &sent.action;
    let event = |status, reason| Event { reason: Some(reason), ..sent.event(run, mapping, known, status) };
    let request = || events::request(error, Some(action));
    tracing::debug!(object.anchor = %known.key.anchor, action = action.name(), code = error.code(), "the request was not confirmed");
    if error.outcome() == RequestOutcome::Unknown {
        // The intent stays open: it is settled by asking the target before the object is decided again.
        let text = Some(events::without_secrets(&error.to_string(), Some(action)));
        let reason = Reason { code: "OutcomeUnknown".to_owned(), text, request: request() };
        let log = Some(Box::new(event(Status::Warning, reason)));
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
        _ => {
            let failure = failure_of(error);
            let failure = Failure { message: events::without_secrets(&failure.message, Some(action)), ..failure };
            let event = event(Status::Failure, events::reason(&failure, request()));
            failed(run, known, failure, event)
        }
    }
}
