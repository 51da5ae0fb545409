//! `provisor target`: the embedded SCIM application, alone.

use std::path::Path;

use anyhow::Context;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{Ended, run::stop_on_signal};
use crate::{
    cli::Target,
    config,
    scim_server::{AccessSettings, Server, Settings},
    secret::Secret,
};

pub(super) async fn target(options: Target) -> anyhow::Result<Ended> {
    let folder = options.auth.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let settings = Settings {
        listen: options.listen,
        token: options.token.map(Secret::new),
        access: match &options.auth {
            Some(file) => read(file, "tenants and credentials")?,
            None => AccessSettings::default(),
        },
        access_folder: folder,
        database: options.database,
        schemas: options.schemas,
        load: options.load,
        dialect: options.dialect,
        faults: match &options.faults {
            Some(file) => read(file, "fault rules")?,
            None => Vec::new(),
        },
    };
    let server = Server::start(settings).context("cannot serve a target")?;
    println!("serving SCIM 2.0 at {}", server.base_url());
    let stop = CancellationToken::new();
    stop_on_signal(stop).await;
    server.stop().await;
    Ok(Ended::Done)
}

fn read<T: DeserializeOwned>(file: &Path, what: &str) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the {what} in `{}`", file.display()))?;
    config::read_settings(&text, file).with_context(|| format!("`{}` holds no {what} that can be used", file.display()))
}
