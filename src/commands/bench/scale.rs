//! A gateway in large companies with a group that has everybody: its memory in an initial cycle and in one more full read,
//! and how soon it goes on after it was killed with requests under way.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use super::{
    build,
    directory::{Size, Tenant},
    gateway::{Cycle, Gateway, Settings},
    relay::Relay,
    target::Target,
};
use crate::{
    cli::{BenchScale, Output},
    commands::Ended,
};

/// Newcomers of the cycle that is killed.
const NEWCOMERS: usize = 200;
/// Creates that are answered before it is.
const ANSWERED: u64 = 100;
/// How long the gateway may take to come so far, or back.
const PATIENCE: Duration = Duration::from_secs(300);

struct Company {
    users: u32,
    initial: Cycle,
    /// Everything is read once more.
    again: Cycle,
    /// From the start of the process to its first question about a request that nobody saw answered.
    settling: Duration,
}

pub(super) async fn run(options: &BenchScale) -> anyhow::Result<Ended> {
    let mut companies = Vec::new();
    for &users in &options.users {
        companies.push(measure(users).await?);
    }
    print(&companies, options);
    Ok(Ended::Done)
}

async fn measure(users: u32) -> anyhow::Result<Company> {
    eprintln!("a company of {users} users");
    let tenant = Tenant::start(Size { users, groups: Some(0), everybody: true }).await?;
    let folder = tempfile::tempdir()?;
    let target = Target::start_on_file(folder.path()).await?;
    let gateway = Gateway::new(Settings::of(tenant.configuration(), &target))?;
    let initial = gateway.cycle().await?;
    initial.created(users)?;
    // What took so long is told at once, so that it is not lost with what may fail after it.
    let told =
        |cycle: &Cycle| format!("in {:.0} s, peak {} MiB", cycle.wall.as_secs_f64(), cycle.peak_memory_kib / 1024);
    eprintln!("provisioned {}; reading it once more", told(&initial));
    let again = gateway.full_cycle().await?;
    eprintln!("read {}; killing the gateway", told(&again));
    hire(&tenant).await?;
    // The gateway knows its target by its address, so that is where the relay goes.
    let address = target.address()?;
    target.stop().await;
    let target = Target::start_on_file(folder.path()).await?;
    let relay = Relay::start(address, target.address()?, ANSWERED).await?;
    let settling = killed_and_started(&gateway, &relay).await?;
    let (has, wanted) = (target.users().await?, u64::from(users) + NEWCOMERS as u64);
    if has != wanted {
        bail!("the target has {has} users after the gateway was killed, where {wanted} were due");
    }
    tenant.stop().await;
    target.stop().await;
    Ok(Company { users, initial, again, settling })
}

/// Newcomers join the tenant, one after the other: it looks through everybody for each name.
async fn hire(tenant: &Tenant) -> anyhow::Result<()> {
    for number in 0..NEWCOMERS {
        let name = format!("newcomer{number}@generated.example");
        let newcomer = json!({ "displayName": format!("Newcomer {number}"), "userPrincipalName": name, "mail": name,
            "mailNickname": format!("newcomer{number}"), "accountEnabled": true,
            "passwordProfile": { "password": "Forgotten-at-once-1" } });
        tenant.request(reqwest::Method::POST, "users", Some(newcomer)).await?;
    }
    Ok(())
}

/// Kills a cycle with creates under way and starts the next one: how long that takes to ask for them.
async fn killed_and_started(gateway: &Gateway, relay: &Relay) -> anyhow::Result<Duration> {
    let killed = gateway.begin()?;
    tokio::time::timeout(PATIENCE, relay.holds()).await.context("the gateway created nobody")?;
    killed.kill().await?;
    relay.release();
    let started = Instant::now();
    let (cycle, looked_up) = tokio::join!(gateway.cycle(), tokio::time::timeout(PATIENCE, relay.looked_up()));
    cycle?;
    Ok(looked_up.context("the gateway asked for nothing after it was killed")? - started)
}

fn print(companies: &[Company], options: &BenchScale) {
    let build = build();
    match options.output {
        Output::Json => {
            let of = |cycle: &Cycle| {
                json!({ "peakMemoryMiB": cycle.peak_memory_kib / 1024, "cpuSeconds": cycle.cpu.as_secs_f64(),
                    "seconds": cycle.wall.as_secs_f64(), "counters": cycle.counters })
            };
            let companies = companies.iter().map(|company| {
                json!({ "users": company.users, "initial": of(&company.initial), "again": of(&company.again),
                    "settlingMilliseconds": company.settling.as_millis() })
            });
            println!("{}", json!({ "build": build, "companies": companies.collect::<Vec<_>>() }));
        }
        Output::Table => {
            println!("the gateway in large companies, one group that has everybody, {build} build");
            println!(
                "{:>10}{:>12}{:>20}{:>22}{:>26}",
                "users", "initial, s", "initial, peak MiB", "read again, peak MiB", "killed: settling after ms"
            );
            for Company { users, initial, again, settling } in companies {
                let seconds = initial.wall.as_secs_f64();
                let (initial, again) = (initial.peak_memory_kib / 1024, again.peak_memory_kib / 1024);
                println!("{users:>10}{seconds:>12.0}{initial:>20}{again:>22}{:>26}", settling.as_millis());
            }
        }
    }
}
