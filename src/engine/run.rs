//! One cycle under way: what its stages share.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        evaluate::Context,
        observer::Observer,
        policy::Policy,
        quarantine::{CycleEnd, Side},
        scope::{Assignments, Memberships},
        unique::Holders,
    },
    expression::Seed,
    model::{
        Counters, Cycle, FailureClass, HashKey, JobId, NestedGroups, ObjectKey, ObjectKind, ObjectMappingId,
        QuarantineError, RemovalEffect, TargetIdentity,
    },
    source::SourceError,
    store::{NamedGroups, Store, StoreError},
    sync_schema::{ObjectMapping, Schema},
    target::{ScimTarget, TargetError},
};

/// A job as the engine runs it: everything resolved, nothing read from the environment.
#[derive(Clone)]
pub struct Job {
    pub id: JobId,
    pub application: String,
    pub schema: Arc<Schema>,
    /// Stands for exactly this schema: whatever was evaluated under another number is evaluated anew.
    pub schema_version: i64,
    pub policy: Policy,
    /// How long incremental cycles may follow each other before everything is read once: every source forgets to tell
    /// something.
    pub full_read: Duration,
    /// Reads the clock; the one place the engine learns the time from.
    pub now: fn() -> DateTime<Utc>,
}

/// Where a cycle stands, for whoever watches it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    pub counters: Counters,
    /// Objects handled so far.
    pub handled: u64,
    /// Objects known to need handling so far.
    pub found: u64,
}

/// The stages of a cycle, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Finding out what became of requests without an answer, and what the target holds.
    #[default]
    Preparing,
    /// Pages come from the source and are acted on while further ones are read.
    Reading,
    /// What had to wait for the last page: groups, references, conflicts.
    Due,
    /// Removals, after the guard judged them.
    Removing,
}

/// Why a cycle could not go on. Everything it learned until then is stored.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    #[error("the cycle stopped at its source")]
    Source(#[from] SourceError),
    #[error("the cycle stopped at its target")]
    Target(#[source] Box<TargetError>),
    #[error("the cycle stopped at its store")]
    Store(#[from] StoreError),
    /// The other side answers, but it is not the one we know.
    #[error("{what}; nothing was created or removed for it; {hint}")]
    DifferentWorld { what: String, hint: &'static str },
    /// A stop was asked for. The next cycle goes on where this one stood.
    #[error("the cycle was interrupted")]
    Interrupted,
    /// A part of the cycle ended without a result.
    #[error("a page of the cycle ended unexpectedly")]
    PageLost(#[source] tokio::task::JoinError),
}

impl From<TargetError> for CycleError {
    fn from(error: TargetError) -> Self {
        if error.is_stop() { Self::Interrupted } else { Self::Target(Box::new(error)) }
    }
}

impl CycleError {
    /// What the failure asks of whoever runs the job; `None` for an interruption.
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Source(error) => Some(error.class()),
            Self::Target(error) => Some(error.class()),
            Self::Store(_) | Self::PageLost(_) => Some(FailureClass::Transient),
            Self::DifferentWorld { .. } => Some(FailureClass::Outage),
            Self::Interrupted => None,
        }
    }

    /// What failed, as the health of the job keeps it.
    pub(super) fn end(&self) -> CycleEnd {
        let Some(class) = self.class() else { return CycleEnd::Interrupted };
        let (side, code) = match self {
            Self::Source(_) => (Side::Source, "SourceFailed"),
            Self::Target(error) => (Side::Target, error.code()),
            Self::DifferentWorld { .. } => (Side::Source, "DifferentWorld"),
            Self::Store(_) | Self::PageLost(_) | Self::Interrupted => (Side::Ourselves, "InternalError"),
        };
        let tenant_actionable = matches!(class, FailureClass::Credentials | FailureClass::Configuration)
            || matches!(self, Self::DifferentWorld { .. });
        let error = QuarantineError { code: code.to_owned(), message: self.chain(), tenant_actionable };
        CycleEnd::Failed { class, side, error }
    }

    /// The error with its causes, as the cycle's record keeps it and people read it.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// What the stages of one cycle share.
pub(super) struct Run {
    pub job: Job,
    pub store: Store,
    pub target: ScimTarget,
    pub target_identity: TargetIdentity,
    pub cycle: Cycle,
    /// Whose members scoping filters ask for.
    pub groups: Option<NamedGroups>,
    /// What the source says `DefaultDomain` answers.
    default_domain: Option<String>,
    pub stop: CancellationToken,
    progress: watch::Sender<Progress>,
    /// From the system's generator: different in every run, the same for every retry within it.
    seed: Seed,
    /// Hashes what the store does not keep.
    hash_key: HashKey,
    /// Objects that a page is working on right now. Guards that one object has one request under way.
    in_flight: Mutex<HashSet<ObjectKey>>,
    /// Linked objects whose resource answered 404 in this cycle.
    vanished: Mutex<BTreeSet<ObjectKey>>,
    /// Mappings whose matching attributes can be looked up in the store.
    indexed: Mutex<BTreeSet<ObjectMappingId>>,
    /// Who drew which unique value in this cycle, created or not: pages that asked the target at the same time must not
    /// draw one value twice.
    drawn: Mutex<Holders>,
    /// Filled once the target answered in this cycle.
    met: OnceCell<()>,
    /// The kinds whose feeds were read to their end in this cycle.
    read: Mutex<BTreeSet<ObjectKind>>,
    /// What is done with groups in groups, which is not what the job wants while an outcome is unknown.
    nested_groups: OnceLock<NestedGroups>,
    /// Filled once groups in groups were followed in this cycle, after all feeds were read to their end.
    flattened: OnceLock<()>,
    /// Filled once the list of assignments was read to its end in this cycle.
    assignments: OnceLock<AssignmentList>,
    /// How many links went over to others, by mapping. Filled once it was asked in this cycle whose do.
    relinked: OnceLock<BTreeMap<ObjectMappingId, u64>>,
    /// Groups that were looked at in this cycle, in which something may be left out.
    with_groups_in_them: Mutex<BTreeSet<ObjectKey>>,
    /// Who watches what becomes of an object.
    pub observer: Observer,
    /// Held while a matching index is built in the middle of a cycle, so that pages do not build it over each other.
    pub index_building: tokio::sync::Mutex<()>,
}

/// What the list of assignments that a cycle read is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssignmentList {
    pub(super) is_empty: bool,
    /// Whether somebody who is not on it is not assigned.
    pub(super) absence_counts: bool,
}

impl Run {
    pub(super) fn new(
        job: Job,
        store: Store,
        target: ScimTarget,
        hash_key: HashKey,
        cycle: Cycle,
        stop: CancellationToken,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let target_identity = target.identity().clone();
        Self {
            job,
            store,
            target,
            target_identity,
            cycle,
            groups: None,
            default_domain: None,
            stop,
            progress,
            seed: Seed::from(rand::random::<[u8; 32]>()),
            hash_key,
            in_flight: Mutex::default(),
            vanished: Mutex::default(),
            indexed: Mutex::default(),
            drawn: Mutex::default(),
            met: OnceCell::new(),
            read: Mutex::default(),
            nested_groups: OnceLock::new(),
            flattened: OnceLock::new(),
            assignments: OnceLock::new(),
            relinked: OnceLock::new(),
            with_groups_in_them: Mutex::default(),
            observer: Observer::default(),
            index_building: tokio::sync::Mutex::default(),
        }
    }

    /// The same cycle, for filters that ask for members of these groups.
    pub(super) fn naming(self, groups: Option<NamedGroups>) -> Self {
        Self { groups, ..self }
    }

    /// The same cycle, in which `DefaultDomain` answers this.
    pub(super) fn in_domain(self, default_domain: Option<String>) -> Self {
        Self { default_domain, ..self }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.job.now)()
    }

    pub(super) fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    pub(super) fn context(&self) -> Context {
        Context {
            now: self.now(),
            job: self.job.id.clone(),
            seed: self.seed.clone(),
            default_domain: self.default_domain.clone(),
            memberships: Memberships::default(),
            assignments: Assignments::default(),
        }
    }

    /// A feed of this kind was read to its end in this cycle.
    pub(super) fn note_read(&self, kind: &ObjectKind) {
        locked(&self.read).insert(kind.clone());
    }

    /// True when all objects of the mapping were read, or all changes of them, in this cycle.
    pub(super) fn read_to_the_end(&self, mapping: &ObjectMappingId) -> bool {
        self.mapping(mapping).is_some_and(|mapping| locked(&self.read).contains(&mapping.source_kind))
    }

    /// This is done with groups in groups.
    pub(super) fn note_nested_groups(&self, adopted: NestedGroups) {
        self.nested_groups.get_or_init(|| adopted);
    }

    /// All feeds were read to their end, and what follows for groups in groups is stored.
    pub(super) fn note_flattened(&self) {
        self.flattened.get_or_init(|| ());
    }

    /// True once nobody is a member through a group in a group who is not known to be.
    pub(super) fn nesting_is_known(&self) -> bool {
        self.flattened.get().is_some() && self.nested_groups.get() == Some(&NestedGroups::Flatten)
    }

    /// The list of assignments was read to its end. The first one of a cycle is the one that counts.
    pub(super) fn note_assignments(&self, list: AssignmentList) {
        self.assignments.get_or_init(|| list);
    }

    /// True once nobody is assigned who is not known to be.
    pub(super) fn absence_is_known(&self) -> bool {
        self.assignments.get().is_some_and(|list| list.absence_counts)
    }

    /// True where the list of assignments has nobody on it.
    pub(super) fn nobody_is_assigned(&self) -> bool {
        self.assignments.get().is_some_and(|list| list.is_empty)
    }

    /// It was asked whose links go over to others, and so many of each mapping did.
    pub(super) fn note_relinked(&self, links: BTreeMap<ObjectMappingId, u64>) {
        self.relinked.get_or_init(|| links);
    }

    pub(super) fn relinks_were_asked(&self) -> bool {
        self.relinked.get().is_some()
    }

    /// How many links of the mapping went over.
    pub(super) fn relinked(&self, mapping: &ObjectMappingId) -> u64 {
        self.relinked.get().and_then(|links| links.get(mapping)).copied().unwrap_or_default()
    }

    pub(super) fn mapping(&self, id: &ObjectMappingId) -> Option<&ObjectMapping> {
        self.job.schema.mappings.iter().find(|mapping| mapping.id == *id)
    }

    pub(super) fn stage(&self) -> Stage {
        self.progress.borrow().stage
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.progress.send_modify(|progress| progress.stage = stage);
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    pub(super) fn counters(&self) -> Counters {
        self.progress.borrow().counters.clone()
    }

    pub(super) fn check_stop(&self) -> Result<(), CycleError> {
        if self.stop.is_cancelled() { Err(CycleError::Interrupted) } else { Ok(()) }
    }

    /// Asks the target one harmless question, once a cycle, before any answer of it decides anything: a target that
    /// answers 404 to everything must not pass for one where all is gone. A cycle without news
    /// need not ask.
    pub(super) async fn meet_target(&self) -> Result<(), CycleError> {
        self.met.get_or_try_init(|| self.target.probe()).await?;
        Ok(())
    }

    /// What `work` brings, unless a stop ends it before: for questions to the source, which may be dropped at any time.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, CycleError> {
        self.stop.run_until_cancelled(work).await.ok_or(CycleError::Interrupted)
    }

    /// Takes those of `keys` that no page is working on. They are given back when the returned value is dropped.
    pub(super) fn take_off(self: &Arc<Self>, keys: Vec<ObjectKey>) -> InFlight {
        let mut in_flight = locked(&self.in_flight);
        let keys = keys.into_iter().filter(|key| in_flight.insert(key.clone())).collect();
        InFlight { run: Arc::clone(self), keys }
    }

    pub(super) fn note_vanished(&self, key: ObjectKey) {
        locked(&self.vanished).insert(key);
    }

    pub(super) fn take_vanished(&self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut *locked(&self.vanished))
    }

    /// These groups were looked at, and something may be left out of them.
    pub(super) fn note_left_out(&self, groups: impl IntoIterator<Item = ObjectKey>) {
        locked(&self.with_groups_in_them).extend(groups);
    }

    pub(super) fn take_left_out(&self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut *locked(&self.with_groups_in_them))
    }

    /// Draws among the unique values of the cycle; nobody else does meanwhile.
    pub(super) fn with_drawn<T>(&self, draw: impl FnOnce(&mut Holders) -> T) -> T {
        draw(&mut locked(&self.drawn))
    }

    pub(super) fn is_indexed(&self, mapping: &ObjectMappingId) -> bool {
        locked(&self.indexed).contains(mapping)
    }

    pub(super) fn set_indexed(&self, mapping: &ObjectMappingId, indexed: bool) {
        let mut set = locked(&self.indexed);
        if indexed {
            set.insert(mapping.clone());
        } else {
            set.remove(mapping);
        }
    }
}

/// Objects that one page works on.
pub(super) struct InFlight {
    run: Arc<Run>,
    pub keys: Vec<ObjectKey>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut in_flight = locked(&self.run.in_flight);
        for key in &self.keys {
            in_flight.remove(key);
        }
    }
}

/// Removal effects that were let through, by object.
pub(super) type Approved = BTreeMap<ObjectKey, BTreeSet<RemovalEffect>>;

/// A panic while the lock was held leaves these sets whole: every change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
