//! An initial cycle against a bare client that posts the same bodies to the same target.
//!
//! Gateway, target and directory are processes of their own. Each round starts with empty ones; the two clients take
//! turns, so that a machine whose pace drifts favours neither. Ratios are what counts, times are context.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{build, cpu_time, median, program, start_serving};
use crate::{
    cli::{Bench, DemoSource, Output},
    commands::{
        Ended,
        directory_server::{DirectoryServer, SUFFIX},
        graph_emulator::{CLIENT_ID, CLIENT_SECRET},
    },
    model::ResourceKind,
    scim::Resource,
    secret::Secret,
    target::{Auth, Protected, ScimSettings, ScimTarget},
};

const TOKEN: &str = "bench";

/// What one initial cycle took.
struct Measured {
    wall: Duration,
    cpu: Duration,
    peak_memory_kib: u64,
    bare: Duration,
    created: u64,
}

pub(super) async fn run(options: &Bench) -> anyhow::Result<Ended> {
    let directory = Source::start(options).await?;
    let mut rounds = Vec::new();
    for round in 1..=options.rounds.max(1) {
        eprintln!("round {round} of {}", options.rounds.max(1));
        rounds.push(measure(&directory, options).await?);
    }
    directory.stop().await;
    print(options, &rounds);
    Ok(Ended::Done)
}

/// One round: the gateway fills an empty target, then the bare client fills another with the very same bodies.
async fn measure(directory: &Source, options: &Bench) -> anyhow::Result<Measured> {
    let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let result = measure_in(&folder, directory, options).await;
    // The measurement is what matters; a folder left behind is only untidy.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure_in(folder: &Path, directory: &Source, options: &Bench) -> anyhow::Result<Measured> {
    let target = Target::start().await?;
    let configuration = folder.join("provisor.yaml");
    std::fs::write(&configuration, directory.configuration(&target.base_url, folder)?)
        .context("cannot write the configuration")?;
    let started = Instant::now();
    let mut gateway = Command::new(program()?)
        .args(["run", "bench", "--output", "json", "-c"])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the gateway")?;
    let usage = Usage::watch(&mut gateway).await?;
    let wall = started.elapsed();
    let report: Json = serde_json::from_str(&usage.output).context("the gateway printed no report")?;
    let created = report["counters"]["created"].as_u64().context("the gateway counted nothing")?;
    if created < u64::from(options.users) {
        bail!("the gateway created {created} resources where {} were due: {}", options.users, usage.output.trim());
    }
    let bodies = target.bodies().await?;
    target.stop().await;

    let target = Target::start().await?;
    let bare = target.fill(bodies).await?;
    target.stop().await;
    Ok(Measured { wall, cpu: usage.cpu, peak_memory_kib: usage.peak_memory_kib, bare, created })
}

fn print(options: &Bench, rounds: &[Measured]) {
    let ratio = median(rounds.iter().map(|round| round.bare.as_secs_f64() / round.wall.as_secs_f64()));
    let cpu = median(rounds.iter().map(|round| round.cpu.as_secs_f64() * 1000.0 / round.created.max(1) as f64));
    let wall = median(rounds.iter().map(|round| round.wall.as_secs_f64()));
    let bare = median(rounds.iter().map(|round| round.bare.as_secs_f64()));
    let memory = rounds.iter().map(|round| round.peak_memory_kib).max().unwrap_or_default() / 1024;
    let created = rounds.iter().map(|round| round.created).min().unwrap_or_default();
    let build = build();
    match options.output {
        Output::Json => println!(
            "{}",
            json!({
                "users": options.users, "rounds": rounds.len(), "build": build, "created": created,
                "ratioToBareClient": ratio, "gatewayCpuSecondsPer1000": cpu, "gatewayPeakMemoryMiB": memory,
                "gatewaySeconds": wall, "bareClientSeconds": bare,
            })
        ),
        Output::Table => {
            println!("initial cycle, {} users, {} rounds, {build} build, medians", options.users, rounds.len());
            println!("{:<44}{created:>10}", "resources created a round");
            println!("{:<44}{ratio:>10.2}", "ratio to the bare client (1 = as fast)");
            println!("{:<44}{cpu:>10.3}", "gateway CPU seconds per 1,000 objects");
            println!("{:<44}{memory:>10}", "gateway peak memory, MiB (largest)");
            println!("{:<44}{wall:>10.2}", "gateway, seconds");
            println!("{:<44}{bare:>10.2}", "bare client, seconds");
        }
    }
}

/// The directory that is read: the same for every round.
enum Source {
    Ldap(DirectoryServer),
    Graph { process: Child, root_url: String, tenant: String },
}

impl Source {
    async fn start(options: &Bench) -> anyhow::Result<Self> {
        match options.source {
            DemoSource::Ldap => Ok(Self::Ldap(DirectoryServer::start(&people(options.users)).await?)),
            DemoSource::Graph => {
                let users = options.users.to_string();
                let (process, line) = start_serving(&[
                    "graph-emulator",
                    "--listen",
                    "127.0.0.1:0",
                    "--page-size",
                    "999",
                    "--users",
                    &users,
                ])
                .await?;
                let root_url =
                    line.split_once(" at ").and_then(|(_, rest)| rest.split_once("/v1.0")).map(|(root, _)| root);
                let tenant =
                    line.split_once("(tenant ").and_then(|(_, rest)| rest.split_once(',')).map(|(tenant, _)| tenant);
                let root_url = root_url.context("the emulator did not say where it serves")?.to_owned();
                let tenant = tenant.context("the emulator did not name its tenant")?.to_owned();
                Ok(Self::Graph { process, root_url, tenant })
            }
        }
    }

    /// The configuration of the gateway. JSON is YAML, so nothing has to be quoted by hand.
    fn configuration(&self, base_url: &str, folder: &Path) -> anyhow::Result<String> {
        let source = match self {
            Self::Ldap(server) => json!({ "name": "people", "ldap": server.configuration() }),
            Self::Graph { root_url, tenant, .. } => json!({ "name": "people", "graph": {
                "root_url": root_url, "authority_url": root_url, "tenant": tenant,
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            } }),
        };
        let store = folder.join("store.db");
        let store = store.to_str().context("the folder for temporary files has a name that is no text")?;
        let store = ["sqlite://", store].concat();
        Ok(serde_json::to_string_pretty(&json!({
            "store": { "url": store },
            "sources": [source],
            "applications": [{
                "name": "bench",
                // One request a resource, as the bare client sends them.
                "target": { "scim": { "base_url": base_url, "auth": { "bearer": TOKEN }, "profile": { "bulk": false } } },
                "jobs": [{ "name": "bench", "source": "people", "template": "scim" }],
            }],
        }))?)
    }

    async fn stop(self) {
        match self {
            Self::Ldap(server) => server.stop().await,
            // A process that is gone already needs no killing.
            Self::Graph { mut process, .. } => drop(process.kill().await),
        }
    }
}

/// The embedded target in a process of its own.
struct Target {
    process: Child,
    base_url: String,
}

impl Target {
    async fn start() -> anyhow::Result<Self> {
        let (process, line) = start_serving(&["target", "--listen", "127.0.0.1:0", "--token", TOKEN]).await?;
        let base_url = line.rsplit_once(' ').context("the target did not say where it serves")?.1.to_owned();
        Ok(Self { process, base_url })
    }

    /// The same client library as the gateway's, with nothing of the engine.
    fn client(&self) -> anyhow::Result<ScimTarget> {
        let base_url = self.base_url.parse().context("the target's address")?;
        let settings = ScimSettings::new(base_url, Auth::Bearer(Secret::new(TOKEN)));
        Ok(ScimTarget::new(settings, Protected::default())?)
    }

    /// Every user as it would be posted: without what the server adds.
    async fn bodies(&self) -> anyhow::Result<Vec<Resource>> {
        let client = self.client()?;
        let mut bodies = Vec::new();
        let mut start = None;
        loop {
            let page = client.list(&ResourceKind::from("Users"), start).await?;
            bodies.extend(page.resources.into_iter().map(|mut resource| {
                for added in ["id", "meta", "groups"] {
                    resource.as_map_mut().remove(added);
                }
                resource
            }));
            match page.next {
                Some(next) => start = Some(next),
                None => return Ok(bodies),
            }
        }
    }

    /// Posts the bodies as fast as the target takes them, with the gateway's own concurrency.
    async fn fill(&self, bodies: Vec<Resource>) -> anyhow::Result<Duration> {
        let client = self.client()?;
        let kind = ResourceKind::from("Users");
        let started = Instant::now();
        stream::iter(bodies)
            .map(|body| {
                let (client, kind) = (&client, &kind);
                async move { client.create(kind, &body).await }
            })
            .buffer_unordered(64)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(started.elapsed())
    }

    async fn stop(mut self) {
        // A process that is gone already needs no killing.
        let _ = self.process.kill().await;
    }
}

/// What a process used, read from the kernel's own accounting while it runs (Linux).
struct Usage {
    cpu: Duration,
    peak_memory_kib: u64,
    output: String,
}

impl Usage {
    /// Waits for the process and remembers the last accounting seen before it ended. Sampling every 10 ms, the last
    /// sample misses at most that much.
    async fn watch(process: &mut Child) -> anyhow::Result<Self> {
        let id = process.id().context("the process ended before it began")?;
        let mut stdout = process.stdout.take().context("the process has no output")?;
        let reader = tokio::spawn(async move {
            let mut text = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut text).await.map(|_| text)
        });
        let mut cpu = Duration::ZERO;
        let mut peak_memory_kib = 0;
        let status = loop {
            if let Some(seen) = cpu_time(id) {
                cpu = seen;
            }
            if let Some(seen) = peak_memory(id) {
                peak_memory_kib = seen;
            }
            if let Some(status) = process.try_wait()? {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let output = reader.await??;
        if !matches!(status.code(), Some(0 | 3)) {
            bail!("the gateway failed ({status})");
        }
        Ok(Self { cpu, peak_memory_kib, output })
    }
}

fn peak_memory(id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A directory of people with the attributes that the default mapping reads.
fn people(count: u32) -> String {
    let mut ldif = String::new();
    let mut entry = |dn: &str, lines: &[(&str, String)]| {
        ldif.push_str(&["dn: ", dn, "\n"].concat());
        for (name, value) in lines {
            ldif.push_str(&[name, ": ", value, "\n"].concat());
        }
        ldif.push('\n');
    };
    let text = |value: &str| value.to_owned();
    entry(
        SUFFIX,
        &[
            ("objectClass", text("dcObject")),
            ("objectClass", text("organization")),
            ("dc", text("example")),
            ("o", text("Example")),
        ],
    );
    for unit in ["people", "groups"] {
        entry(&["ou=", unit, ",", SUFFIX].concat(), &[("objectClass", text("organizationalUnit")), ("ou", text(unit))]);
    }
    let departments = ["Engineering", "Sales", "Finance", "Support", "Logistics"];
    for number in 0..count {
        let uid = format!("user{number:07}");
        let dn = ["uid=", &uid, ",ou=people,", SUFFIX].concat();
        entry(
            &dn,
            &[
                ("objectClass", text("inetOrgPerson")),
                ("uid", uid.clone()),
                ("cn", format!("Given{number} Family{number}")),
                ("givenName", format!("Given{number}")),
                ("sn", format!("Family{number}")),
                ("mail", format!("{uid}@provisor.example")),
                ("title", text("Engineer")),
                ("employeeNumber", number.to_string()),
                ("departmentNumber", text(departments[number as usize % departments.len()])),
                ("telephoneNumber", format!("+1 555 {number:07}")),
                ("l", text("Springfield")),
                ("street", format!("{number} Main Street")),
            ],
        );
    }
    ldif
}
