//! `provisor provision`: one object now, step by step.

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::{
    Ended, Usage,
    printed::{cut, printable, told},
    run::{stop_on_signal, unknown_job},
    turn,
};
use crate::{
    app,
    cli::{Output, Provision},
    config::Config,
    engine::{
        CycleError,
        on_demand::{self, OnDemandError, Report, Request, StepKind, document},
        scheduler::ScheduledJob,
    },
    model::{JobId, ObjectKind},
    provisioning_log::{Status, recommended_action},
};

pub(super) async fn provision(options: Provision) -> anyhow::Result<Ended> {
    let config = Config::load(&options.configured.config)?;
    let wiring = config.job(&JobId::new(&*options.job)).ok_or_else(|| unknown_job(&config, &options.job))?;
    let (source_name, target_name) = (wiring.source.name.clone(), wiring.application.name.clone());
    let ScheduledJob { job, source, target, .. } = app::assemble(wiring)?;
    let kind = options.kind.as_deref().map(ObjectKind::new);
    if let Some(kind) = kind.as_ref().filter(|kind| job.schema.mappings.iter().all(|one| one.source_kind != **kind)) {
        return Err(Usage(format!("job `{}` reads no `{kind}`", options.job)).into());
    }
    let store = app::open_store(&config.store).await?;
    let stop = CancellationToken::new();
    let listener = tokio::spawn(stop_on_signal(stop.clone()));
    let request = Request { object: options.object, kind, members: options.member };
    let result = match turn::take(&store, &job.application, &stop).await? {
        Some(_lease) => on_demand::provision(job, store.clone(), source, target, &request, stop).await,
        None => Err(CycleError::Interrupted.into()),
    };
    store.settle_leases().await;
    listener.abort();
    match result {
        Ok(reports) => {
            match options.output {
                Output::Json => {
                    let all = reports.iter().map(|report| document(report, &source_name, &target_name));
                    println!("{}", Json::from_iter(all));
                }
                Output::Table => reports.iter().for_each(print),
            }
            Ok(if reports.iter().all(Report::is_done) { Ended::Done } else { Ended::Partial })
        }
        Err(OnDemandError::Stopped(CycleError::Interrupted)) => {
            eprintln!("interrupted; what was recorded is done by the next cycle");
            Ok(Ended::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

fn print(report: &Report) {
    let (subject, event) = (&report.summary.subject, &report.summary.event);
    let name = subject.name.as_deref().unwrap_or(report.key.anchor.as_str());
    println!("{} {} ({})", subject.source_kind, printable(name), report.key.anchor);
    for kind in [StepKind::Import, StepKind::Scope, StepKind::Match, StepKind::Action] {
        let title = title(kind);
        let Some(step) = report.steps.iter().find(|step| step.kind == kind) else {
            println!("  {title:<8}not reached");
            continue;
        };
        println!("  {title:<8}{:<9}{}", step.status, printable(&step.description));
        for (name, text) in &step.details {
            println!("      {}: {}", printable(name), printable(&cut(text)));
        }
    }
    for property in &event.modified {
        println!("      {}", printable(&told(property)));
    }
    for waits in &report.waits {
        println!("  → {}", printable(waits));
    }
    let code = event.reason.as_ref().filter(|_| matches!(event.status, Status::Failure | Status::Warning));
    if let Some(action) = code.and_then(|reason| recommended_action(&reason.code)) {
        println!("  → {action}");
    }
}

fn title(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Import => "import",
        StepKind::Scope => "scope",
        StepKind::Match => "match",
        StepKind::Action => "action",
    }
}
