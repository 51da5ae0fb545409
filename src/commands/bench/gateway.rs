//! The gateway as it is measured: a process a cycle, with its configuration and its state in one folder.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{
    cpu_time, program,
    target::{self, Target},
};
use crate::model::Counters;

/// Requests under way at once, where nobody says how many.
const CONCURRENCY: usize = 16;

/// How a gateway works.
pub(super) struct Settings {
    /// The source `people`, as a configuration has it.
    pub(super) source: Json,
    pub(super) base_url: String,
    /// Creates go in Bulk requests; otherwise one request a resource, as a bare client sends them.
    pub(super) bulk: bool,
    /// Requests under way at once.
    pub(super) concurrency: usize,
}

/// A gateway with a state of its own, which its folder holds.
pub(super) struct Gateway {
    /// Goes with this value.
    _folder: tempfile::TempDir,
    configuration: PathBuf,
}

/// A cycle under way.
pub(super) struct Begun(Child);

impl Begun {
    /// Kills the process at once (SIGKILL).
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.0.kill().await.context("cannot kill the gateway")
    }
}

/// What one cycle took.
pub(super) struct Cycle {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) peak_memory_kib: u64,
    pub(super) counters: Counters,
}

#[derive(Deserialize)]
struct Report {
    counters: Counters,
}

impl Settings {
    /// One request a resource, and as many under way at once as a gateway has by itself.
    pub(super) fn of(source: Json, target: &Target) -> Self {
        Self { source, base_url: target.base_url.clone(), bulk: false, concurrency: CONCURRENCY }
    }
}

impl Gateway {
    pub(super) fn new(settings: Settings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for the gateway")?;
        let store = folder.path().join("store.db");
        let store = store.to_str().context("the folder for temporary files has a name that is no text")?;
        let store = ["sqlite://", store].concat();
        let document = json!({
            "store": { "url": store },
            "sources": [settings.source],
            "applications": [{
                "name": "bench",
                "target": { "scim": {
                    "base_url": settings.base_url,
                    "auth": { "bearer": target::TOKEN },
                    "concurrency": settings.concurrency,
                    "profile": if settings.bulk { json!({}) } else { json!({ "bulk": false }) },
                } },
                "jobs": [{ "name": "bench", "source": "people", "template": "scim" }],
            }],
        });
        let configuration = folder.path().join("provisor.yaml");
        // JSON is YAML, so nothing has to be quoted by hand.
        std::fs::write(&configuration, serde_json::to_string_pretty(&document)?)
            .context("cannot write the configuration")?;
        Ok(Self { _folder: folder, configuration })
    }

    /// Runs one cycle to its end.
    pub(super) async fn cycle(&self) -> anyhow::Result<Cycle> {
        self.cycle_with(&[]).await
    }

    /// Runs one cycle that reads everything, whatever was read before.
    pub(super) async fn full_cycle(&self) -> anyhow::Result<Cycle> {
        self.cycle_with(&["--accept-new-source"]).await
    }

    /// Begins a cycle that is not to come to its end.
    pub(super) fn begin(&self) -> anyhow::Result<Begun> {
        Ok(Begun(self.spawn(&[])?))
    }

    fn spawn(&self, options: &[&str]) -> anyhow::Result<Child> {
        Command::new(program()?)
            .args(["run", "bench", "--output", "json", "-c"])
            .arg(&self.configuration)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the gateway")
    }

    async fn cycle_with(&self, options: &[&str]) -> anyhow::Result<Cycle> {
        let started = Instant::now();
        let mut process = self.spawn(options)?;
        let Usage { cpu, peak_memory_kib, output } = Usage::watch(&mut process).await?;
        let wall = started.elapsed();
        let report: Report = serde_json::from_str(&output).context("the gateway printed no report")?;
        Ok(Cycle { wall, cpu, peak_memory_kib, counters: report.counters })
    }
}

impl Cycle {
    /// # Errors
    /// When the cycle created fewer resources than there are users.
    pub(super) fn created(&self, users: u32) -> anyhow::Result<u64> {
        let created = self.counters.created;
        if created < u64::from(users) {
            bail!("the gateway created {created} resources where at least {users} were due: {:?}", self.counters);
        }
        Ok(created)
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
