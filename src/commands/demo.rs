//! `provisor demo`: the whole pipeline on embedded parts, with nothing to prepare.

use std::sync::Arc;

use anyhow::Context;
use chrono::Utc;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Ended,
    directory_server::DirectoryServer,
    graph_emulator::{CLIENT_ID, CLIENT_SECRET},
    run::stop_on_signal,
    summary,
};
use crate::{
    app,
    cli::{Demo, DemoSource},
    engine::{
        Job, Progress,
        cycle::{self, CycleReport},
        policy::Policy,
    },
    graph_emulator::{self, Emulator, Staged, Tenant},
    model::JobId,
    scim_server::{self, Server},
    secret::Secret,
    source::{
        Source,
        graph::{GraphSettings, GraphSource},
        ldap::LdapSource,
    },
    store::Store,
    target::{Auth, Protected, ScimSettings, ScimTarget},
    templates::Vocabulary,
};

/// The bearer token of the demo's own target, which lives no longer than the demo.
const TARGET_TOKEN: &str = "demo";

pub(super) async fn demo(options: Demo) -> anyhow::Result<Ended> {
    let target = Server::start(scim_server::Settings::new(options.listen, Secret::new(TARGET_TOKEN)))
        .context("cannot serve the demo's target")?;
    let directory = Directory::start(options.source).await?;
    eprintln!("source: {}", directory.describe());
    eprintln!("target: {}", target.base_url());
    let gateway = Gateway::open(&directory, &target).await?;

    let initial = gateway.run_cycle("initial").await?;
    eprintln!("people change in the source: a joiner, a mover, a leaver, and a group gets a member");
    directory.change_people().await.context("cannot change the people in the source")?;
    let incremental = gateway.run_cycle("incremental").await?;

    summary::print_table(&[("initial", &initial.counters), ("incremental", &incremental.counters)]);
    println!("\nthe target: {}/Users (Authorization: Bearer {TARGET_TOKEN})", target.base_url());
    if options.serve {
        eprintln!("staying up; Ctrl-C ends the demo");
        stop_on_signal(CancellationToken::new()).await;
    }
    directory.stop().await;
    target.stop().await;
    Ok(summary::ended(&incremental))
}

/// The directory of the demo.
enum Directory {
    Graph(graph_emulator::Running),
    Ldap(DirectoryServer),
}

impl Directory {
    async fn start(source: DemoSource) -> anyhow::Result<Self> {
        match source {
            DemoSource::Graph => {
                let settings = graph_emulator::Settings {
                    listen: ([127, 0, 0, 1], 0).into(),
                    directory: Tenant::fixture().context("the fixture tenant")?,
                    client_id: CLIENT_ID.to_owned(),
                    client_secret: Secret::new(CLIENT_SECRET),
                    token: None,
                    page_size: graph_emulator::Settings::DEFAULT_PAGE_SIZE,
                };
                Ok(Self::Graph(Emulator::start(settings).context("cannot start the Graph emulator")?))
            }
            DemoSource::Ldap => Ok(Self::Ldap(DirectoryServer::start_with_fixture().await?)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Graph(emulator) => format!("Microsoft Graph emulator at {}", emulator.root_url()),
            Self::Ldap(server) => format!("OpenLDAP at {}", server.url()),
        }
    }

    fn vocabulary(&self) -> Vocabulary {
        match self {
            Self::Graph(_) => Vocabulary::Graph,
            Self::Ldap(_) => Vocabulary::Ldap,
        }
    }

    async fn change_people(&self) -> anyhow::Result<()> {
        match self {
            Self::Graph(emulator) => emulator.stage(a_day_at_the_fixture_tenant()).map_err(Into::into),
            Self::Ldap(server) => server.apply_fixture_changes().await,
        }
    }

    async fn stop(self) {
        match self {
            Self::Graph(emulator) => emulator.stop().await,
            Self::Ldap(server) => server.stop().await,
        }
    }
}

/// Somebody joins a group, somebody moves to another department, somebody leaves.
fn a_day_at_the_fixture_tenant() -> Vec<Staged> {
    const OPTICS_LAB: &str = "1a68dca9-7bfb-5b19-b79a-74c8e1a28faa";
    let properties = |json: serde_json::Value| json.as_object().cloned().unwrap_or_default();
    vec![
        Staged::Join {
            properties: properties(json!({
                "userPrincipalName": "noor.haddad@meridian.example", "displayName": "Noor Haddad", "givenName": "Noor",
                "surname": "Haddad", "mail": "noor.haddad@meridian.example", "mailNickname": "noor.haddad",
                "jobTitle": "Optical Engineer", "department": "Engineering", "accountEnabled": true,
            })),
            groups: vec![OPTICS_LAB.to_owned()],
        },
        Staged::Update {
            user: "jose.nunez@meridian.example".to_owned(),
            properties: properties(json!({ "department": "Research", "jobTitle": "Chief Scientist" })),
        },
        Staged::Leave { user: "astrid.lindqvist@meridian.example".to_owned() },
    ]
}

/// A gateway with one job, its state in memory.
struct Gateway {
    job: Job,
    store: Store,
    source: Arc<dyn Source>,
    target: ScimTarget,
}

impl Gateway {
    async fn open(directory: &Directory, server: &scim_server::Running) -> anyhow::Result<Self> {
        let (schema, schema_version) = app::template_schema("scim", directory.vocabulary())?;
        let selection = schema.selection();
        let source: Arc<dyn Source> = match directory {
            Directory::Graph(emulator) => {
                let mut settings = GraphSettings::new(emulator.tenant_id(), CLIENT_ID, Secret::new(CLIENT_SECRET));
                settings.root_url = emulator.root_url().parse().context("the emulator's address")?;
                settings.authority_url = settings.root_url.clone();
                Arc::new(GraphSource::new(&settings, &selection)?)
            }
            Directory::Ldap(server) => Arc::new(LdapSource::new(server.source_settings()?, selection)?),
        };
        let base_url = server.base_url().parse().context("the target's address")?;
        let settings = ScimSettings::new(base_url, Auth::Bearer(Secret::new(TARGET_TOKEN)));
        let target = ScimTarget::new(settings, Protected::default())?;
        let policy = Policy { references_on_create: app::references_on_create(&target), ..Policy::default() };
        let job = Job {
            id: JobId::new("demo"),
            application: "demo".to_owned(),
            schema: Arc::new(schema),
            schema_version,
            policy,
            full_read: crate::config::Schedule::FULL_READ,
            now: Utc::now,
        };
        let store =
            Store::open(&Secret::new("sqlite::memory:"), None).await.context("cannot open a store in memory")?;
        Ok(Self { job, store, source, target })
    }

    async fn run_cycle(&self, title: &'static str) -> anyhow::Result<CycleReport> {
        let (progress, watched) = watch::channel(Progress::default());
        let bar = tokio::spawn(summary::show_progress(title, watched));
        let stop = CancellationToken::new();
        let report = cycle::run_cycle(
            self.job.clone(),
            self.store.clone(),
            Arc::clone(&self.source),
            self.target.clone(),
            stop,
            progress,
        )
        .await;
        bar.await.context("the progress bar")?;
        Ok(report?)
    }
}
