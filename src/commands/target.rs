//! `provisor target`: the embedded SCIM application, alone.

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::{Ended, run::stop_on_signal};
use crate::{
    cli::{Target, TargetDialect},
    scim_server::{Dialect, Rule, Server, Settings},
    secret::Secret,
};

pub(super) async fn target(options: Target) -> anyhow::Result<Ended> {
    let faults: Vec<Rule> = match &options.faults {
        None => Vec::new(),
        Some(file) => {
            let text =
                std::fs::read(file).with_context(|| format!("cannot read the fault rules in `{}`", file.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("`{}` holds no fault rules", file.display()))?
        }
    };
    let dialect = match options.dialect {
        TargetDialect::Standard => Dialect::Standard,
        TargetDialect::NoFilter => Dialect::NoFilter,
    };
    let settings = Settings {
        listen: options.listen,
        token: Secret::new(options.token),
        database: options.database,
        schemas: None,
        dialect,
        faults,
    };
    let server = Server::start(settings).context("cannot serve a target")?;
    println!("serving SCIM 2.0 at {}", server.base_url());
    let stop = CancellationToken::new();
    stop_on_signal(stop).await;
    server.stop().await;
    Ok(Ended::Done)
}
