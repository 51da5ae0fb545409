//! `provisor bench scim`: both faces of the protocol.

use anyhow::Context;
use serde_json::json;

use super::{build, scim_client, scim_server};
use crate::{
    cli::{BenchScim, Output},
    commands::Ended,
};

pub(super) async fn run(options: &BenchScim) -> anyhow::Result<Ended> {
    let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let result = run_in(&folder, options).await;
    // The measurement is what matters; a folder left behind is only untidy.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn run_in(folder: &std::path::Path, options: &BenchScim) -> anyhow::Result<Ended> {
    let operations = scim_server::operations(options, folder).await?;
    let growth = match options.large_users {
        0 => None,
        _ => Some(scim_server::growth(options, folder).await?),
    };
    let clients = scim_client::clients(options).await?;
    match options.output {
        Output::Json => println!(
            "{}",
            json!({
                "users": options.users, "largeUsers": options.large_users, "connections": options.connections,
                "rounds": options.rounds, "seconds": options.seconds, "build": build(),
                "server": operations.as_json(), "growth": growth.map(|growth| growth.as_json()),
                "client": clients.as_json(),
            })
        ),
        Output::Table => {
            println!(
                "SCIM server, {} users, {} connections, {} rounds of {} s, {} build, medians",
                options.users,
                options.connections,
                options.rounds,
                options.seconds,
                build()
            );
            operations.print();
            if let Some(growth) = &growth {
                growth.print(options);
            }
            clients.print();
        }
    }
    Ok(Ended::Done)
}
