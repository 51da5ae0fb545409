//! `provisor graph-emulator`: a directory served as Microsoft Graph, alone.

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::{Ended, run::stop_on_signal};
use crate::{
    cli::GraphEmulator,
    graph_emulator::{Emulator, Settings, Tenant},
    secret::Secret,
};

/// What a client of the emulator signs in with.
pub(super) const CLIENT_ID: &str = "provisor";
pub(super) const CLIENT_SECRET: &str = "emulator-secret";

pub(super) async fn graph_emulator(options: GraphEmulator) -> anyhow::Result<Ended> {
    let directory = match (&options.directory, options.users) {
        (Some(file), _) => Tenant::from_file(file).with_context(|| format!("cannot serve `{}`", file.display()))?,
        (None, Some(users)) => generated(users, &options),
        (None, None) => Tenant::fixture().context("the fixture tenant")?,
    };
    let settings = Settings {
        listen: options.listen,
        directory,
        client_id: CLIENT_ID.to_owned(),
        client_secret: Secret::new(CLIENT_SECRET),
        token: options.token.map(Secret::new),
        page_size: options.page_size,
    };
    let emulator =
        Emulator::start(settings).with_context(|| format!("cannot serve a directory at `{}`", options.listen))?;
    println!(
        "serving Microsoft Graph at {}/v1.0 (tenant {}, client `{CLIENT_ID}`, secret `{CLIENT_SECRET}`)",
        emulator.root_url(),
        emulator.tenant_id()
    );
    stop_on_signal(CancellationToken::new()).await;
    emulator.stop().await;
    Ok(Ended::Done)
}

/// A group for every so many users, where nobody says how many groups there are.
const USERS_A_GROUP: usize = 50;

fn generated(users: usize, options: &GraphEmulator) -> Tenant {
    let tenant = Tenant::generated(users, options.groups.unwrap_or(users.div_ceil(USERS_A_GROUP)));
    if options.everybody { tenant.with_everybody() } else { tenant }
}
