//! One cycle of a job, from its source to its target.
//!
//! Reading, acting and removing follow each other as [`Stage`]s. While pages are read, several pages of actions are
//! under way; a feed's watermark is stored with the page that brought it, so it never runs ahead of what is recorded,
//! and whatever is recorded but not yet acted on stays *due* in the store.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        assignments, due,
        fit::LeftOut,
        groups, lookup, nesting, opening, page,
        quarantine::{self, CycleEnd, Standing},
        relink, retention,
        run::{Approved, CycleError, Job, Progress, Run, Stage},
        steering, sweep, take_away,
    },
    model::{Change, Counters, CycleKind, CycleState, FailureClass, Health, JobScope, ObjectKey, Round, Watermark},
    source::{Checkpoint, Coverage, Feed, Page, ReadEnd, ServerIdentity, Source, SourceError, Start},
    store::{Absence, EndOfCycle, Holds, RecordPage, Recorded, RecordedMapping, RecordedReference, Store},
    sync_schema::ObjectMapping,
    target::{Gate, ScimTarget},
};

/// Pages read ahead of the one being recorded. Two keep the source busy; more would only hold memory.
const PAGES_AHEAD: usize = 2;

/// Pages of actions under way at once. Enough to hide the store's and the target's latency from each other.
const PAGES_IN_FLIGHT: usize = 4;

/// Before the first read to the end, so many linked resources are what was provisioned on demand.
const FEW_LINKED: u64 = 100;

/// What a cycle did and how it ended.
#[derive(Clone, Debug)]
pub struct CycleReport {
    pub kind: CycleKind,
    pub state: CycleState,
    pub counters: Counters,
}

/// Runs one cycle: everything when the job has no watermark yet, else the changes since. Goes on where an earlier
/// cycle broke off.
///
/// # Errors
/// What made it impossible to go on. All that was learned until then is stored, and the next cycle starts from there.
pub async fn run_cycle(
    job: Job,
    store: Store,
    source: Arc<dyn Source>,
    target: ScimTarget,
    stop: CancellationToken,
    progress: watch::Sender<Progress>,
) -> Result<CycleReport, CycleError> {
    let writer = Arc::new(store.lock_job(&job.id, &job.application).await?);
    let store = store.under(&writer);
    let hash_key = store.ensure_job(&job.id, &job.application, target.identity()).await?;
    let kind = kind_of_cycle(&job, &store).await?;
    let cycle = store.begin_cycle(&job.id, kind, (job.now)()).await?;
    let store = store.fenced(&job.id, &cycle.id);
    let stop = stop.child_token();
    let _steering = steering::stop_when_asked(&store, &writer, &job.id, &cycle.id, &stop);
    tracing::info!(job.id = %job.id, cycle.id = %cycle.id, cycle.kind = ?kind, "the cycle begins");
    let target = target.behind(Gate::new(stop.clone(), move || writer.is_held()));
    let asked = stop.run_until_cancelled(opening::ask_both(&target, source.as_ref())).await;
    let server = asked.unwrap_or(Err(CycleError::Interrupted));
    let run = Run::new(job, store, target, hash_key, cycle, stop, progress);
    let (run, left_out) = opening::fitted(run, source.as_ref(), server.as_ref().ok());
    let (requests_before, writes_before) = (run.target.requests_sent(), run.target.writes_sent());
    let result = match server {
        Ok(server) => stages(&run, source, server, kind, &left_out).await,
        Err(error) => Err(error),
    };
    let counts = run.store.counts(&run.job.id).await?;
    run.count(|progress| {
        progress.counters.requests = run.target.requests_sent().saturating_sub(requests_before);
        progress.counters.writes = run.target.writes_sent().saturating_sub(writes_before);
        progress.counters.escrowed = counts.escrowed;
        progress.counters.staged = counts.staged;
    });
    let counters = run.counters();
    let state = match &result {
        Ok(()) if counters.escrowed + counters.staged + counts.due > 0 => CycleState::Partial,
        Ok(()) => CycleState::Succeeded,
        Err(CycleError::Interrupted) => CycleState::Interrupted,
        Err(_) => CycleState::Failed,
    };
    let error = result.as_ref().err().map(CycleError::chain);
    let failing = run.store.failing(&run.job.id, run.job.policy.quarantine.lasting(run.now())).await?;
    let others = (counts.sound + counts.escrowed).saturating_sub(failing);
    let standing = Standing { failing, others, staged: counts.staged };
    let end = result.as_ref().err().map_or(CycleEnd::Finished(standing), CycleError::end);
    let former = run.store.health(&run.job.id).await?;
    let health = quarantine::after(&former, end, &run.job.policy.quarantine, run.now());
    let end = EndOfCycle { state, counters: &counters, error, health: &health };
    if let Err(error) = retention::prune(&run).await {
        tracing::warn!(job.id = %run.job.id, error = %error, "the provisioning log and old cycles were not pruned; the next cycle tries again");
    }
    run.store.end_cycle(&run.job.id, &run.cycle.id, end, run.now()).await?;
    let entered = health.quarantine.filter(|quarantine| former.reason() != Some(quarantine.reason));
    // A cycle that failed tells whoever runs it.
    if let Some(quarantine) = entered.filter(|_| result.is_ok()) {
        tracing::warn!(job.id = %run.job.id, reason = ?quarantine.reason, "the job is in quarantine: {}", quarantine.error.message);
    }
    tracing::info!(job.id = %run.job.id, cycle.id = %run.cycle.id, cycle.state = ?state, "the cycle ended");
    result.map(|()| CycleReport { kind, state, counters })
}

/// Everything is read when there is nothing to go on from, and once in a while all the same: every source forgets to
/// tell something.
async fn kind_of_cycle(job: &Job, store: &Store) -> Result<CycleKind, CycleError> {
    if store.watermarks(&job.id).await?.is_empty() {
        return Ok(CycleKind::Initial);
    }
    let last = store.last_full_read(&job.id).await?;
    let age = last.and_then(|last| ((job.now)() - last).to_std().ok());
    let is_due = age.is_none_or(|age| age >= job.full_read);
    Ok(if is_due { CycleKind::Initial } else { CycleKind::Incremental })
}

async fn stages(
    run: &Arc<Run>,
    source: Arc<dyn Source>,
    server: ServerIdentity,
    kind: CycleKind,
    left_out: &[LeftOut],
) -> Result<(), CycleError> {
    opening::settle_the_past(run, &server).await?;
    // A job in trouble is not well again before its target was asked, and a schema may be another for what the target,
    // or whatever answers in its place, said of itself.
    if !run.target.answered_lately()
        || run.store.health(&run.job.id).await? != Health::default()
        || run.store.job_schema_version(&run.job.id).await? != run.job.schema_version
    {
        run.meet_target().await?;
    }
    let is_new = run.store.mark_schema_due(&run.job.id, run.job.schema_version).await?;
    if is_new {
        // Once, and again when it changes: what is left out is part of the version.
        for attribute in left_out {
            tracing::warn!(job.id = %run.job.id, "the target does not have {attribute}, so it is not provisioned");
        }
    }
    run.store.escrows_due(&run.job.id, run.now()).await?;
    let reads_first = kind == CycleKind::Initial && run.store.last_full_read(&run.job.id).await?.is_none();
    for mapping in &run.job.schema.mappings {
        let linked = run.cycle.baseline.linked.get(&mapping.id).copied().unwrap_or_default();
        let few = if reads_first { FEW_LINKED } else { 0 };
        if kind == CycleKind::Initial && linked <= few && !mapping.flow.is_none() {
            // One listing instead of one question an object.
            lookup::build_index(run, mapping).await?;
        }
    }
    run.enter(Stage::Reading);
    for feed in source.feeds() {
        read_feed(run, &source, &feed, &server, kind).await?;
        feed.kind.iter().for_each(|kind| run.note_read(kind));
    }
    run.enter(Stage::Due);
    assignments::learn(run, source.as_ref(), Absence::Counts(run.cycle.id.clone())).await?;
    nesting::flatten(run).await?;
    run.note_flattened();
    groups::tell_unclear(run).await?;
    assignments::spread(run).await?;
    relink::relink_reloaded(run).await?;
    due::act_on_due(run).await?;
    run.enter(Stage::Removing);
    take_away::carry_out_removals(run).await?;
    // Whoever waited for a name that is free now.
    due::act_on_due(run).await?;
    nesting::tell_left_out(run).await
}

/// Reads one feed to its end, acting on its pages while they come. A watermark that is no longer good, and only that,
/// is answered by one full read.
async fn read_feed(
    run: &Arc<Run>,
    source: &Arc<dyn Source>,
    feed: &Feed,
    server: &ServerIdentity,
    kind: CycleKind,
) -> Result<(), CycleError> {
    let watermark = run.store.watermark(&run.job.id, &feed.id).await?.filter(|watermark| watermark.view == server.view);
    let (start, generation) = match watermark {
        None => (Start::Full, run.cycle.generation),
        Some(Watermark { round: Round::Full, checkpoint, generation, .. }) => {
            (Start::Resume(Checkpoint(checkpoint)), generation)
        }
        Some(_) if kind == CycleKind::Initial => (Start::Full, run.cycle.generation),
        Some(Watermark { round: Round::Changes, checkpoint, .. }) => {
            (Start::Since(Checkpoint(checkpoint)), run.cycle.generation)
        }
    };
    let mut reading = Reading { run, source, feed, server, full: !matches!(start, Start::Since(_)), generation };
    match reading.read(start.clone()).await {
        Err(CycleError::Source(error)) if error.class() == FailureClass::Resync && start != Start::Full => {
            tracing::warn!(feed = %feed.id, "the watermark is no longer good, so the feed is read in full");
            reading.full = true;
            // What the broken read brought must not pass for seen by this one.
            reading.generation = run.store.next_generation(&run.job.id).await?;
            reading.read(Start::Full).await
        }
        result => result,
    }
}

/// One read of one feed.
struct Reading<'a> {
    run: &'a Arc<Run>,
    source: &'a Arc<dyn Source>,
    feed: &'a Feed,
    server: &'a ServerIdentity,
    full: bool,
    generation: i64,
}

impl Reading<'_> {
    async fn read(&self, start: Start) -> Result<(), CycleError> {
        let resumed = matches!(start, Start::Resume(_));
        // Bounded, so that a source never reads further ahead than the store has recorded.
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        let (end, delivered) = {
            let reading = self.run.unless_stopped(self.source.changes(self.feed, start, sender));
            let recording = self.record_pages(receiver);
            let (read, recorded) = tokio::join!(reading, recording);
            match (read, recorded) {
                // When recording ended early, the source only saw a closed channel.
                (Ok(Err(SourceError::Stopped { .. }) | Ok(_)), Err(error)) => return Err(error),
                (Ok(Err(error)), _) => return Err(error.into()),
                (Err(stopped), _) => return Err(stopped),
                (Ok(Ok(end)), Ok(delivered)) => (end, delivered),
            }
        };
        if end.coverage == Coverage::Everything {
            // What came before a resumed read is not counted.
            if !resumed {
                sweep::refuse_empty_directory(self.run, self.feed, delivered)?;
            }
            sweep::sweep(self.run, self.source, self.feed, self.generation, self.full).await?;
        }
        self.save_end(&end).await
    }

    /// Records pages in order and acts on them concurrently. Returns how many changes the source delivered. Whatever
    /// ends it, pages under way are waited for: what they know is stored.
    async fn record_pages(&self, pages: mpsc::Receiver<Page>) -> Result<u64, CycleError> {
        let mut acting = JoinSet::new();
        let mut result = self.record_all(pages, &mut acting).await;
        while let Some(ended) = acting.join_next().await {
            let ended = ended.map_err(CycleError::PageLost).and_then(|ended| ended);
            if let (Ok(_), Err(error)) = (&result, ended) {
                result = Err(error);
            }
        }
        result
    }

    async fn record_all(
        &self,
        mut pages: mpsc::Receiver<Page>,
        acting: &mut JoinSet<Result<u64, CycleError>>,
    ) -> Result<u64, CycleError> {
        let mut delivered = 0;
        while let Some(page) = pages.recv().await {
            // Room first: a page that is recorded and then waits would not know what is linked meanwhile, and send the
            // references to it one by one later.
            make_room(acting).await?;
            self.run.check_stop()?;
            delivered += page.changes.len() as u64;
            let Recorded { due, new, .. } = self.record(page).await?;
            for (mapping, new) in by_mapping(self.run, new, |known| &known.key) {
                // Taken now: no later page may act on an object before the one that knows it as new.
                let in_flight = self.run.take_off(new.iter().map(|known| known.key.clone()).collect());
                let run = Arc::clone(self.run);
                start(acting, page::act_on_new(run, mapping, in_flight, new)).await?;
            }
            for (mapping, keys) in by_mapping(self.run, due, |key| key) {
                start(acting, page::act(Arc::clone(self.run), mapping, keys, Approved::new())).await?;
            }
        }
        Ok(delivered)
    }

    async fn record(&self, page: Page) -> Result<Recorded, CycleError> {
        let watermark = page
            .checkpoint
            .as_ref()
            .map(|checkpoint| self.watermark(checkpoint, if self.full { Round::Full } else { Round::Changes }));
        let changes = page.changes.len() as u64;
        let recorded = record_changes(self.run, page.changes, self.generation, self.full, watermark).await?;
        self.run.count(|progress| {
            progress.counters.changes += changes;
            progress.counters.reference_changes += recorded.references_changed;
            progress.found += (recorded.due.len() + recorded.new.len()) as u64;
        });
        Ok(recorded)
    }

    async fn save_end(&self, end: &ReadEnd) -> Result<(), CycleError> {
        if let Some(checkpoint) = &end.checkpoint {
            self.run.store.save_watermark(&self.run.job.id, self.watermark(checkpoint, Round::Changes)).await?;
        }
        Ok(())
    }

    fn watermark(&self, checkpoint: &Checkpoint, round: Round) -> Watermark {
        Watermark {
            feed: self.feed.id.clone(),
            directory: self.server.directory.clone(),
            view: self.server.view.clone(),
            checkpoint: checkpoint.0.clone(),
            round,
            generation: self.generation,
        }
    }
}

/// Records what the source said and returns the objects that are due for it.
pub(super) async fn record_changes(
    run: &Arc<Run>,
    changes: Vec<Change>,
    generation: i64,
    full_round: bool,
    watermark: Option<Watermark>,
) -> Result<Recorded, CycleError> {
    let mappings = run.job.schema.mappings.iter().map(|mapping| RecordedMapping {
        id: mapping.id.clone(),
        kind: mapping.source_kind.clone(),
        references: mapping
            .references
            .iter()
            .map(|reference| RecordedReference {
                attribute: reference.source_attribute.clone(),
                holds: match reference {
                    reference if reference.is_members() => Holds::Members,
                    reference if reference.multivalued => Holds::Many,
                    _ => Holds::One,
                },
            })
            .collect(),
        acts_at_once: !waits_for_last_page(run, mapping),
    });
    let page = RecordPage {
        job: run.job.id.clone(),
        generation,
        schema_version: run.job.schema_version,
        mappings: mappings.collect(),
        groups: run.groups.clone(),
        changes,
        full_round,
        watermark,
    };
    Ok(run.store.record_page(page).await?)
}

/// Those of the due objects that are acted on at once, by object mapping. Objects whose mapping carries many
/// references (groups) wait for the last page: their members come first, and everything of one group goes in one
/// request.
fn by_mapping<T>(run: &Run, mut due: Vec<T>, key: impl Fn(&T) -> &ObjectKey) -> Vec<(ObjectMapping, Vec<T>)> {
    let mappings = run.job.schema.mappings.iter().filter(|mapping| !waits_for_last_page(run, mapping));
    mappings
        .map(|mapping| (mapping.clone(), due.extract_if(.., |one| key(one).mapping == mapping.id).collect::<Vec<_>>()))
        .filter(|(_, due)| !due.is_empty())
        .collect()
}

/// True for object mappings whose objects are only acted on after the last page: groups, whom groups decide about,
/// and everybody where an assignment decides.
pub(super) fn waits_for_last_page(run: &Run, mapping: &ObjectMapping) -> bool {
    mapping.lists_members() || mapping.scope.asks_for_members() || run.job.policy.scope != JobScope::All
}

/// Starts a page of actions once there is room for one more.
async fn start(
    acting: &mut JoinSet<Result<u64, CycleError>>,
    page: impl Future<Output = Result<u64, CycleError>> + Send + 'static,
) -> Result<(), CycleError> {
    make_room(acting).await?;
    acting.spawn(page);
    Ok(())
}

/// Waits until one more page of actions may be under way.
async fn make_room(acting: &mut JoinSet<Result<u64, CycleError>>) -> Result<(), CycleError> {
    while acting.len() >= PAGES_IN_FLIGHT
        && let Some(ended) = acting.join_next().await
    {
        ended.map_err(CycleError::PageLost)??;
    }
    Ok(())
}
