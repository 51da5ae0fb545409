//! Provision on demand: one object now, outside the watermark, step by step.
//!
//! The object is read from the source by its anchor or by a name, recorded like any change, and acted on by the pages
//! that cycles are made of: same intents, same outcomes, same guard, same log. A group goes with the members that were
//! chosen and no others; they are provisioned first. What this leaves undone stays due for the next cycle.

mod acting;
mod document;
mod import;
mod report;

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    engine::{
        assignments, nesting, opening,
        run::{CycleError, Job, Progress, Run},
        waiting,
    },
    model::{Anchor, ObjectKey, ObjectKind, RemovalId},
    source::Source,
    store::{Absence, Store},
    sync_schema::ObjectMapping,
    target::{Gate, ScimTarget},
};

pub use document::{document, status_info};
pub use report::{Report, Step, StepKind};

use import::{Import, Imported};

/// Who is to be provisioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// An anchor, or what the source calls the object: a user principal name, a DN, a mail address.
    pub object: String,
    /// What it is in the source; `None` where the text alone says it.
    pub kind: Option<ObjectKind>,
    /// The members that a group goes with, each by an anchor or a name; a group without any keeps those it has.
    pub members: Vec<String>,
}

/// Why nothing was provisioned.
#[derive(Debug, thiserror::Error)]
pub enum OnDemandError {
    #[error(transparent)]
    Stopped(#[from] CycleError),
    #[error("neither the source nor the store knows `{text}`; give its anchor, or a name as the source has it")]
    Unknown { text: String },
    #[error("`{text}` may be any of {}; give the anchor of the one that is meant", .found.join(", "))]
    Ambiguous { text: String, found: Vec<String> },
    #[error("members were chosen, and `{text}` is no group")]
    NoGroup { text: String },
}

impl From<crate::store::StoreError> for OnDemandError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Stopped(error.into())
    }
}

/// Provisions one object and says what came of it, and before it of each member that was chosen. An object that several
/// object mappings are about has a report for each.
///
/// # Errors
/// What made it impossible. The job is locked meanwhile: while a cycle of it runs, the store says so.
pub async fn provision(
    job: Job,
    store: Store,
    source: Arc<dyn Source>,
    target: ScimTarget,
    request: &Request,
    stop: CancellationToken,
) -> Result<Vec<Report>, OnDemandError> {
    let writer = store.lock_job(&job.id, &job.application).await?;
    let store = store.under(&writer);
    let hash_key = store.ensure_job(&job.id, &job.application, target.identity()).await?;
    let cycle = store.between_cycles(&job.id).await?;
    tracing::info!(job.id = %job.id, cycle.id = %cycle.id, "an object is provisioned on demand");
    let target = target.behind(Gate::new(stop.clone(), move || writer.is_held()));
    let server = until(&stop, opening::ask_both(&target, source.as_ref())).await?;
    let (progress, _unwatched) = watch::channel(Progress::default());
    let run = Run::new(job, store, target, hash_key, cycle, stop.clone(), progress);
    let (run, _left_out) = opening::fitted(run, source.as_ref(), Some(&server));
    opening::settle_the_past(&run, &server).await?;

    let (object, members) = until(&stop, import(&run, source.as_ref(), request)).await?;
    // What a read that broke off left is worked off with it, and decides about the chosen members alone: everything else
    // waits for a cycle, which reads on first.
    assignments::learn(&run, source.as_ref(), Absence::Ignored).await?;
    nesting::flatten(&run).await?;
    assignments::spread(&run).await?;
    let mut reports = Vec::new();
    for member in &members {
        reports.extend(provision_one(&run, member, &BTreeSet::new(), &[]).await?);
    }
    let chosen: BTreeSet<Anchor> = members.iter().map(|member| member.anchor.clone()).collect();
    let own = provision_one(&run, &object, &chosen, &members).await?;
    waiting::tell_since(&run, RemovalId::new(run.cycle.id.as_str())).await?;
    nesting::tell_left_out(&run).await?;
    if own.is_empty() {
        return Err(OnDemandError::Unknown { text: request.object.clone() });
    }
    reports.extend(own);
    Ok(reports)
}

/// What the future brings, unless a stop comes first.
async fn until<T, E: From<CycleError>>(
    stop: &CancellationToken,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    stop.run_until_cancelled(future).await.unwrap_or_else(|| Err(CycleError::Interrupted.into()))
}

/// Reads the object and the chosen members from the source, and records them.
async fn import(
    run: &Arc<Run>,
    source: &dyn Source,
    request: &Request,
) -> Result<(Imported, Vec<Imported>), OnDemandError> {
    let import = Import { run, source };
    let object = import.find(&request.object, request.kind.as_ref()).await?;
    let mut members = Vec::new();
    for member in &request.members {
        members.push(import.find(member, None).await?);
    }
    if !members.is_empty() && !mappings(run, &object).any(ObjectMapping::lists_members) {
        return Err(OnDemandError::NoGroup { text: request.object.clone() });
    }
    import.record(members.iter().chain([&object])).await?;
    import.record_named_groups().await?;
    Ok((object, members))
}

async fn provision_one(
    run: &Arc<Run>,
    object: &Imported,
    chosen: &BTreeSet<Anchor>,
    members: &[Imported],
) -> Result<Vec<Report>, CycleError> {
    let mut reports = Vec::new();
    for mapping in mappings(run, object) {
        let key = ObjectKey { mapping: mapping.id.clone(), anchor: object.anchor.clone() };
        if let Some(acted) = acting::act(run, mapping, &key, chosen).await? {
            let ids = (run.cycle.id.clone(), Uuid::now_v7());
            reports.push(report::report(ids, object, mapping, acted, members));
        }
    }
    Ok(reports)
}

fn mappings<'r>(run: &'r Run, object: &'r Imported) -> impl Iterator<Item = &'r ObjectMapping> {
    run.job.schema.mappings.iter().filter(|mapping| mapping.source_kind == object.kind)
}
