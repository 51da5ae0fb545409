//! The memory of a gateway: an initial cycle, and one more full read, of companies with a group that has everybody.

use serde_json::json;

use super::{
    build,
    directory::{Size, Tenant},
    gateway::{Cycle, Gateway, Settings},
    target::Target,
};
use crate::{
    cli::{BenchMemory, Output},
    commands::Ended,
};

struct Company {
    users: u32,
    initial: Cycle,
    /// Everything is read once more.
    again: Cycle,
}

pub(super) async fn run(options: &BenchMemory) -> anyhow::Result<Ended> {
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
    eprintln!("provisioned in {:.0} s; reading it once more", initial.wall.as_secs_f64());
    let again = gateway.full_cycle().await?;
    tenant.stop().await;
    target.stop().await;
    Ok(Company { users, initial, again })
}

fn print(companies: &[Company], options: &BenchMemory) {
    let build = build();
    match options.output {
        Output::Json => {
            let of = |cycle: &Cycle| {
                json!({ "peakMemoryMiB": cycle.peak_memory_kib / 1024, "cpuSeconds": cycle.cpu.as_secs_f64(),
                    "seconds": cycle.wall.as_secs_f64(), "counters": cycle.counters })
            };
            let companies = companies.iter().map(|company| {
                json!({ "users": company.users, "initial": of(&company.initial), "again": of(&company.again) })
            });
            println!("{}", json!({ "build": build, "companies": companies.collect::<Vec<_>>() }));
        }
        Output::Table => {
            println!("memory of the gateway, one group that has everybody, {build} build");
            println!("{:>10}{:>22}{:>22}{:>12}", "users", "initial, peak MiB", "read again, peak MiB", "seconds");
            for Company { users, initial, again } in companies {
                let seconds = initial.wall.as_secs_f64();
                let (initial, again) = (initial.peak_memory_kib / 1024, again.peak_memory_kib / 1024);
                println!("{users:>10}{initial:>22}{again:>22}{seconds:>12.0}");
            }
        }
    }
}
