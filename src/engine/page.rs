//! One page of objects: known → evaluated → decided → intents stored → acted on → outcomes stored.
//!
//! This is the only place where the engine writes to a target. It contains almost no decisions.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, stream::FuturesUnordered};

use crate::{
    engine::{
        decide::{self, Decision, Rules, SkipReason},
        diff, escrow,
        evaluate::{self, Evaluation},
        execute::{self, Done},
        lookup::{self, Question, stops_the_cycle},
        matching::Situation,
        owned,
        run::{Approved, CycleError, InFlight, Run, Stage},
    },
    model::{
        Action, Counters, Exported, Failure, FailureClass, Intent, KnownObject, ObjectKey, PageId, RemovalEffect,
        RemovalId, RemovalState, ResourceId, TargetPath,
    },
    store::{CommitPage, Effect, LogEntry, NewRemoval, Outcome},
    sync_schema::ObjectMapping,
    target::{Outcome as RequestOutcome, TargetError},
};

/// How many actions of a page are prepared at once; the target's own pace decides how many requests run.
const ACTIONS_AHEAD: usize = 64;

/// From so many creates on, a page sends them together where the target offers it.
const WORTH_A_BULK: usize = 16;

/// One object on its way through the page.
struct Item {
    known: KnownObject,
    approved: BTreeSet<RemovalEffect>,
    step: Step,
}

/// What is known of the item's fate so far.
enum Step {
    /// To be sent.
    Act { intent: Arc<Intent>, baseline: Exported, held: Vec<NewRemoval> },
    /// Nothing is left to send.
    Settled(Settled),
    /// Stays due as it was: decided again later in this cycle, or in the next.
    Postponed,
}

/// What the page's second transaction stores for one object.
struct Settled {
    effect: Effect,
    held: Vec<NewRemoval>,
    done: Vec<RemovalEffect>,
    log: Option<LogEntry>,
    /// True when removals that this evaluation no longer wants end with it.
    cancels: bool,
}

/// Acts on these objects of one object mapping. Objects that another page is working on are left out; they stay due.
/// Returns how many objects reached an end.
pub(super) async fn act(
    run: Arc<Run>,
    mapping: ObjectMapping,
    keys: Vec<ObjectKey>,
    approved: Approved,
) -> Result<u64, CycleError> {
    let in_flight = run.take_off(keys);
    if in_flight.keys.is_empty() {
        return Ok(0);
    }
    let known = run.store.known(&run.job.id, &in_flight.keys).await?;
    act_on(run, mapping, known, approved).await
}

/// Acts on objects that were recorded for the first time just now: what is known of them need not be read again.
pub(super) async fn act_on_new(
    run: Arc<Run>,
    mapping: ObjectMapping,
    in_flight: InFlight,
    mut new: Vec<KnownObject>,
) -> Result<u64, CycleError> {
    let taken: HashSet<&ObjectKey> = in_flight.keys.iter().collect();
    new.retain(|known| taken.contains(&known.key));
    act_on(run, mapping, new, Approved::new()).await
}

async fn act_on(
    run: Arc<Run>,
    mapping: ObjectMapping,
    known: Vec<KnownObject>,
    approved: Approved,
) -> Result<u64, CycleError> {
    let mut items = decide_all(&run, &mapping, known, &approved).await?;
    let intents = items.iter().filter_map(|item| match &item.step {
        Step::Act { intent, .. } => Some(intent.as_ref()),
        _ => None,
    });
    let owned = owned::members(&run, &mapping, intents).await?;
    let page = open_intents(&run, &mut items).await?;
    let stopped_by = send(&run, &mapping, &mut items, owned).await;
    let ended = commit(&run, &mapping, page, items).await?;
    match stopped_by {
        Some(error) => Err(error),
        None => Ok(ended),
    }
}

async fn decide_all(
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

fn failed(run: &Run, known: &KnownObject, failure: Failure) -> Step {
    tracing::debug!(object.anchor = %known.key.anchor, code = failure.code, "the object goes to escrow");
    let next = escrow::next_attempt(&failure, known.escrow.as_ref(), run.now());
    let log = Some(log_entry("other", "failure", Some(failure.code.clone()), Vec::new()));
    // A failure says nothing about removals that were decided before.
    let effect = Effect::Failed(failure, next);
    Step::Settled(Settled { effect, held: Vec::new(), done: Vec::new(), log, cancels: false })
}

/// The first transaction of the page: what is about to be sent, made durable.
async fn open_intents(run: &Arc<Run>, items: &mut [Item]) -> Result<Option<PageId>, CycleError> {
    let intents: Vec<Arc<Intent>> = items
        .iter()
        .filter_map(|item| match &item.step {
            Step::Act { intent, .. } if !matches!(intent.action, Action::Link { .. }) => Some(Arc::clone(intent)),
            _ => None,
        })
        .collect();
    if intents.is_empty() {
        return Ok(None);
    }
    let opened = run.store.open_intents(&run.job.id, &run.target_identity, intents).await?;
    let refused: HashSet<ObjectKey> = opened.refused.into_iter().collect();
    for item in items.iter_mut().filter(|item| refused.contains(&item.known.key)) {
        item.step = Step::Postponed;
    }
    Ok(opened.page)
}

/// Sends what is to be sent and replaces each step by what came of it. Returns what stops the cycle, if anything.
async fn send(
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
            Answer::Done(done) => done_step(run, item, action, baseline, held, done),
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

fn done_step(run: &Run, item: &Item, action: Action, baseline: Exported, held: Vec<NewRemoval>, done: Done) -> Step {
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
        Effect::Linked { resource: done.resource, exported: diff::applied(baseline, changes), sent }
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

/// The second transaction of the page: everything it taught us.
async fn commit(
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
            Some(Outcome {
                key: item.known.key,
                kind: mapping.target_kind.clone(),
                revision: item.known.revision,
                effect: settled.effect,
                held: settled.held,
                done_removals,
                cancel_removals: settled.cancels,
                log: settled.log,
                evaluated_schema: run.job.schema_version,
            })
        })
        .collect();
    let ended = outcomes.iter().filter(|outcome| outcome.effect.ends()).count() as u64;
    let skipped = outcomes.iter().filter(|outcome| matches!(outcome.effect, Effect::Unchanged)).count() as u64;
    store_page(run, page, outcomes).await?;
    run.count(|progress| {
        progress.handled += handled;
        progress.counters.skipped += skipped;
    });
    Ok(ended)
}

/// Stores outcomes that no intent was opened for, in one transaction.
pub(super) async fn store_outcomes(run: &Arc<Run>, outcomes: Vec<Outcome>) -> Result<(), CycleError> {
    store_page(run, None, outcomes).await
}

async fn store_page(run: &Arc<Run>, intents: Option<PageId>, outcomes: Vec<Outcome>) -> Result<(), CycleError> {
    if outcomes.is_empty() {
        return Ok(());
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
pub(super) async fn escrow(
    run: &Arc<Run>,
    keys: &[ObjectKey],
    failure: &Failure,
    give_up: bool,
) -> Result<(), CycleError> {
    let known = run.store.known(&run.job.id, keys).await?;
    let outcomes = known.into_iter().filter_map(|known| {
        let kind = run.mapping(&known.key.mapping)?.target_kind.clone();
        let next = if give_up { None } else { escrow::next_attempt(failure, known.escrow.as_ref(), run.now()) };
        Some(Outcome {
            key: known.key,
            kind,
            revision: known.revision,
            effect: Effect::Failed(failure.clone(), next),
            held: Vec::new(),
            done_removals: Vec::new(),
            cancel_removals: false,
            log: Some(log_entry("other", "failure", Some(failure.code.clone()), Vec::new())),
            evaluated_schema: run.job.schema_version,
        })
    });
    store_outcomes(run, outcomes.collect()).await
}

/// The outcome for an object whose resource is gone from the target.
pub(super) fn vanished(run: &Run, known: &KnownObject, mapping: &ObjectMapping) -> Outcome {
    Outcome {
        key: known.key.clone(),
        kind: mapping.target_kind.clone(),
        revision: known.revision,
        effect: Effect::Vanished,
        held: Vec::new(),
        done_removals: Vec::new(),
        cancel_removals: true,
        log: Some(log_entry("other", "warning", Some("InvalidAnchor".to_owned()), Vec::new())),
        evaluated_schema: run.job.schema_version,
    }
}

fn failure_of(error: &TargetError) -> Failure {
    Failure { class: error.class(), code: error.code().to_owned(), message: error.to_string() }
}

fn log_entry(action: &'static str, status: &'static str, reason: Option<String>, changed: Vec<TargetPath>) -> LogEntry {
    LogEntry { action, status: status.to_owned(), reason, changed }
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
