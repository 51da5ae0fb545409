//! What comes before anything is decided: both sides are asked, the schema is fitted to them, and the past is settled.

use std::sync::Arc;

use crate::{
    engine::{
        fit::{self, LeftOut},
        groups, nesting,
        run::{CycleError, Run, Stage},
        settle,
    },
    source::{ServerIdentity, Source},
    target::ScimTarget,
};

/// Asks the target what it can do, and the source who it is.
pub(super) async fn ask_both(target: &ScimTarget, source: &dyn Source) -> Result<ServerIdentity, CycleError> {
    target.discover().await?;
    Ok(source.probe().await?)
}

/// The run with its schema as both sides allow it, and what was left out for that.
pub(super) fn fitted(mut run: Run, source: &dyn Source, server: Option<&ServerIdentity>) -> (Arc<Run>, Vec<LeftOut>) {
    let profile = run.target.profile();
    let left_out = fit::left_out(&run.job.schema, &profile);
    let job = fit::fitted(run.job.clone(), &left_out, &profile);
    let groups = groups::named_in(&job, source);
    let default_domain = server.and_then(|server| server.default_domain.clone());
    let job = fit::reaching(fit::in_scope(fit::in_domain(job, default_domain.as_deref())));
    run.job = job;
    (Arc::new(run.naming(groups).in_domain(default_domain)), left_out)
}

/// Makes sure that this is the world that the job knows, and that nothing is left open of the past.
pub(super) async fn settle_the_past(run: &Arc<Run>, server: &ServerIdentity) -> Result<(), CycleError> {
    run.enter(Stage::Preparing);
    refuse_another_directory(run, server).await?;
    settle::settle_open_intents(run).await?;
    groups::learn_names(run).await?;
    nesting::adopt(run).await
}

/// Another directory behind the same address is an outage, not news.
async fn refuse_another_directory(run: &Arc<Run>, server: &ServerIdentity) -> Result<(), CycleError> {
    let watermarks = run.store.watermarks(&run.job.id).await?;
    if watermarks.iter().all(|watermark| watermark.directory == server.directory) {
        return Ok(());
    }
    Err(CycleError::DifferentWorld {
        what: "the source is another directory than the one this job knows".to_owned(),
        hint: "point the source back to it; if the directory was really replaced, `provisor run --accept-new-source` reads it anew",
    })
}
