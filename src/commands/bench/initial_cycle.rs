//! An initial cycle against a bare client that posts the same bodies to the same target.
//!
//! Gateway, target and directory are processes of their own. Each round starts with empty ones; the two clients take
//! turns, so that a machine whose pace drifts favours neither. Ratios are what counts, times are context.

use std::time::Duration;

use serde_json::json;

use super::{
    build,
    directory::Directory,
    gateway::{Gateway, Settings},
    median,
    target::{Filled, Target},
};
use crate::{
    cli::{Bench, Output},
    commands::Ended,
};

/// What one initial cycle took.
struct Measured {
    wall: Duration,
    cpu: Duration,
    peak_memory_kib: u64,
    bare: Filled,
    /// CPU of the target while the gateway filled it.
    target_cpu: Duration,
    created: u64,
    writes: u64,
}

pub(super) async fn run(options: &Bench) -> anyhow::Result<Ended> {
    let directory = Directory::start(options.source, options.users).await?;
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
async fn measure(directory: &Directory, options: &Bench) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let latency = Duration::from_millis(options.latency);
    let start = || async {
        match options.latency {
            0 => Target::start().await,
            _ => Target::start_slow(latency, folder.path()).await,
        }
    };
    let target = start().await?;
    let gateway = Gateway::new(Settings {
        bulk: options.bulk,
        concurrency: options.concurrency,
        ..Settings::of(directory.configuration(), &target)
    })?;
    let cycle = gateway.cycle().await?;
    let target_cpu = target.cpu();
    let created = cycle.created(options.users)?;
    let bodies = target.bodies().await?;
    target.stop().await;

    let target = start().await?;
    let bare = target.fill(bodies, options.concurrency).await?;
    target.stop().await;
    let (wall, cpu, peak_memory_kib) = (cycle.wall, cycle.cpu, cycle.peak_memory_kib);
    Ok(Measured { wall, cpu, peak_memory_kib, bare, target_cpu, created, writes: cycle.counters.writes })
}

fn print(options: &Bench, rounds: &[Measured]) {
    let ratio = median(rounds.iter().map(|round| round.bare.wall.as_secs_f64() / round.wall.as_secs_f64()));
    let of_1000 = |cpu: fn(&Measured) -> Duration| {
        median(rounds.iter().map(|round| cpu(round).as_secs_f64() * 1000.0 / round.created.max(1) as f64))
    };
    let (cpu, target_cpu) = (of_1000(|round| round.cpu), of_1000(|round| round.target_cpu));
    let times_bare = median(rounds.iter().map(|round| round.cpu.as_secs_f64() / round.bare.cpu.as_secs_f64()));
    let wall = median(rounds.iter().map(|round| round.wall.as_secs_f64()));
    let bare = median(rounds.iter().map(|round| round.bare.wall.as_secs_f64()));
    let memory = rounds.iter().map(|round| round.peak_memory_kib).max().unwrap_or_default() / 1024;
    let created = rounds.iter().map(|round| round.created).min().unwrap_or_default();
    let floor = (options.latency > 0).then(|| median(rounds.iter().map(|round| times_the_floor(options, round))));
    let build = build();
    match options.output {
        Output::Json => println!(
            "{}",
            json!({
                "users": options.users, "rounds": rounds.len(), "build": build, "created": created,
                "latencyMilliseconds": options.latency, "concurrency": options.concurrency, "bulk": options.bulk,
                "ratioToBareClient": ratio, "gatewayCpuSecondsPer1000": cpu, "gatewayCpuTimesBareClient": times_bare,
                "targetCpuSecondsPer1000": target_cpu, "gatewayPeakMemoryMiB": memory,
                "gatewaySeconds": wall, "bareClientSeconds": bare, "timesTheFloor": floor,
            })
        ),
        Output::Table => {
            let bulk = if options.bulk { ", in Bulk requests" } else { "" };
            println!("initial cycle, {} users, {} rounds, {build} build, medians{bulk}", options.users, rounds.len());
            if let Some(floor) = floor {
                let title = format!("× latency of {} ms × requests ÷ {} at once", options.latency, options.concurrency);
                println!("{title:<44}{floor:>10.2}");
            }
            println!("{:<44}{created:>10}", "resources created a round");
            println!("{:<44}{ratio:>10.2}", "ratio to the bare client (1 = as fast)");
            println!("{:<44}{cpu:>10.3}", "gateway CPU seconds per 1,000 objects");
            println!("{:<44}{times_bare:>10.2}", "gateway CPU ÷ CPU of the bare client");
            println!("{:<44}{target_cpu:>10.3}", "target CPU seconds per 1,000 objects");
            println!("{:<44}{memory:>10}", "gateway peak memory, MiB (largest)");
            println!("{:<44}{wall:>10.2}", "gateway, seconds");
            println!("{:<44}{bare:>10.2}", "bare client, seconds");
        }
    }
}

/// What the cycle took, against what its requests alone take when as many as allowed are always under way.
fn times_the_floor(options: &Bench, round: &Measured) -> f64 {
    let requests = round.writes as f64 / options.concurrency.max(1) as f64;
    round.wall.as_secs_f64() / (requests * options.latency as f64 / 1000.0)
}
