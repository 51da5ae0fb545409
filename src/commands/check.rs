//! `provisor check`: says what is wrong and where, before a cycle does.

use std::path::Path;

use super::Ended;
use crate::{
    api, app,
    cli::Configured,
    config::Config,
    engine::fit,
    model::NestedGroups,
    sync_schema::Finding,
    target::{ScimTarget, TargetError},
};

pub(super) async fn check(options: Configured) -> anyhow::Result<Ended> {
    let config = Config::load(&options.config)?;
    let mut failed = 0;
    let mut tell = |what: String, result: Result<(), anyhow::Error>| match result {
        Ok(()) => println!("ok      {what}"),
        Err(error) => {
            failed += 1;
            println!("FAILED  {what}: {error:#}");
        }
    };
    tell(format!("configuration `{}`", config.file.display()), Ok(()));
    tell("store".to_owned(), app::open_store(&config.store).await.map(drop));
    if let Some(mail) = app::open_mail(&config)? {
        tell("mail server".to_owned(), mail.probe().await.map_err(Into::into));
    }
    if let Some(settings) = config.api.clone() {
        let folder = config.file.parent().unwrap_or(Path::new(""));
        tell("management API".to_owned(), api::check(settings, folder).map_err(Into::into));
    }
    for wiring in config.jobs() {
        let name = &wiring.job.id;
        match app::assemble(wiring) {
            Ok(job) => {
                tell(format!("job `{name}`: schema"), Ok(()));
                for line in Finding::lines(&wiring.job.schema.findings) {
                    println!("note    job `{name}`: schema: in {}: {line}", wiring.job.schema.origin);
                }
                tell(format!("job `{name}`: source"), job.source.probe().await.map(drop).map_err(Into::into));
                tell(format!("job `{name}`: target"), asked(&job.target).await.map_err(Into::into));
                if job.job.policy.nested_groups == NestedGroups::Groups && !job.target.profile().nested_groups {
                    println!(
                        "note    job `{name}`: target: it takes no groups as members of groups, so they are left out"
                    );
                }
                for attribute in fit::left_out(&job.job.schema, &job.target.profile()) {
                    println!("note    job `{name}`: target: it does not have {attribute}, so it is not provisioned");
                }
            }
            Err(error) => tell(format!("job `{name}`"), Err(error)),
        }
    }
    Ok(if failed == 0 { Ended::Done } else { Ended::Failed })
}

/// The target answers, and has said what it can do.
async fn asked(target: &ScimTarget) -> Result<(), TargetError> {
    target.probe().await?;
    target.discover().await
}
