//! One page of objects: known → evaluated → decided → intents stored → acted on → outcomes stored.
//!
//! This is the only place where the engine writes to a target. It contains almost no decisions.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    engine::{
        escrow, owned,
        run::{Approved, CycleError, InFlight, Run},
    },
    model::{Action, Exported, Extent, Failure, Intent, KnownObject, ObjectKey, PageId, RemovalEffect},
    provisioning_log::Event,
    store::{Effect, NewClaim, NewRemoval},
    sync_schema::ObjectMapping,
};

mod committing;
mod deciding;
mod events;
mod sending;

pub(super) use committing::{escrow, left_out, relinked, settled, store_outcomes, vanished, waiting};
pub(super) use deciding::{Claiming, claiming};

/// One object on its way through the page.
struct Item {
    known: KnownObject,
    approved: BTreeSet<RemovalEffect>,
    /// Who it is, for people.
    name: Option<String>,
    /// Why it is not in scope, or why nobody can tell.
    why_not_in_scope: Option<String>,
    /// Whose resource it matches.
    claims: Option<NewClaim>,
    step: Step,
}

impl Item {
    /// True when some of its references were sent, and there are more. Where none was, asking again would bring the
    /// same ones.
    fn goes_on(&self) -> bool {
        let was_sent = |settled: &Settled| matches!(&settled.effect, Effect::Linked { sent, .. } if !sent.is_empty());
        self.known.extent != Extent::Whole && matches!(&self.step, Step::Settled(settled) if was_sent(settled))
    }
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
    log: Option<Box<Event>>,
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

/// Acts on objects as the caller wants them seen, until nothing is left to do for them: one that has more news than a page
/// should hold is gone on with. No other page may be working on them.
pub(super) async fn act_on(
    run: Arc<Run>,
    mapping: ObjectMapping,
    mut known: Vec<KnownObject>,
    approved: Approved,
) -> Result<u64, CycleError> {
    let mut ended = 0;
    loop {
        let done = act_once(&run, &mapping, known, &approved).await?;
        ended += done.ended;
        if done.unfinished.is_empty() {
            return Ok(ended);
        }
        run.check_stop()?;
        known = run.store.known(&run.job.id, &done.unfinished).await?;
    }
}

/// What a page brought about.
struct Done {
    /// Objects that reached an end.
    ended: u64,
    /// Those of which only a part of the references was sent.
    unfinished: Vec<ObjectKey>,
}

async fn act_once(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    known: Vec<KnownObject>,
    approved: &Approved,
) -> Result<Done, CycleError> {
    if !known.is_empty() {
        run.meet_target().await?;
    }
    let mut items = deciding::decide_all(run, mapping, known, approved).await?;
    let intents = items.iter().filter_map(|item| match &item.step {
        Step::Act { intent, .. } => Some(intent.as_ref()),
        _ => None,
    });
    let owned = owned::members(run, mapping, intents).await?;
    let page = open_intents(run, &mut items).await?;
    let stopped_by = sending::send(run, mapping, &mut items, owned).await;
    let unfinished = items.iter().filter(|item| item.goes_on()).map(|item| item.known.key.clone()).collect();
    let ended = committing::commit(run, mapping, page, items).await?;
    match stopped_by {
        Some(error) => Err(error),
        None => Ok(Done { ended, unfinished }),
    }
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

fn failed(run: &Run, known: &KnownObject, failure: Failure, event: Event) -> Step {
    tracing::debug!(object.anchor = %known.key.anchor, code = failure.code, "the object goes to escrow");
    let next = escrow::next_attempt(&failure, known.escrow.as_ref(), &run.job.policy.escrow, run.now());
    // A failure says nothing about removals that were decided before.
    let effect = Effect::Failed(failure, next);
    Step::Settled(Settled { effect, held: Vec::new(), done: Vec::new(), log: Some(Box::new(event)), cancels: false })
}
