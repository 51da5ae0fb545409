//! `provisor bench`: the figures of BENCHMARKS.md. Ratios within one run are what counts, times are context.
//!
//! What is measured runs in a process of its own, whose use of the processor the kernel accounts for.

mod directory;
mod echo;
mod gateway;
mod growth;
mod initial_cycle;
mod load;
mod mapping;
mod relay;
mod scale;
mod scim;
mod scim_client;
mod scim_server;
mod target;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::Ended;
use crate::cli::{Bench, BenchSubject};

/// The kernel's clock ticks a second, as every Linux presents them to programs.
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a server may take until it serves; one that is given a million users to load takes minutes.
const START: Duration = Duration::from_secs(1200);

pub(super) async fn bench(options: Bench) -> anyhow::Result<Ended> {
    match &options.subject {
        None => initial_cycle::run(&options).await,
        Some(BenchSubject::Growth(growth)) => growth::run(growth).await,
        Some(BenchSubject::Scale(scale)) => scale::run(scale).await,
        Some(BenchSubject::Scim(scim)) => scim::run(scim).await,
        Some(BenchSubject::Mapping(options)) => mapping::run(options),
        Some(BenchSubject::Echo(echo)) => echo::run(echo).await,
    }
}

fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot tell where this program lies")
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What a process has used of the processor so far (Linux); `None` once it is gone.
fn cpu_time(id: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    // The name of the program, in parentheses, may hold anything; the fields behind it are numbers.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    (ticks > 0.0).then(|| Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// Starts this program as a server and returns the line with which it says that it serves.
async fn start_serving(arguments: &[&str]) -> anyhow::Result<(Child, String)> {
    let mut process = Command::new(program()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `{}`", arguments.join(" ")))?;
    let output = process.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(START, lines.next_line())
        .await
        .context("the server does not start")??
        .context("the server ended at once")?;
    // Whatever else it prints is read and forgotten, so that it never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((process, line))
}
