//! What cycles cost in companies of different sizes: a change costs what it changes, whatever stands around it.

use serde_json::json;

use super::{
    build,
    directory::{Size, Tenant},
    gateway::{Cycle, Gateway, Settings},
    target::{Target, Written},
};
use crate::{
    cli::{BenchGrowth, Output},
    commands::Ended,
};

/// What cycles cost in one company.
struct Company {
    users: u32,
    initial: Cycle,
    /// Nothing has changed.
    quiet: Cycle,
    /// Some users have changed.
    changed: Cycle,
    /// A user joins the group of everybody.
    joined: Cycle,
    /// The requests that told the target of it.
    joins: Vec<Written>,
}

pub(super) async fn run(options: &BenchGrowth) -> anyhow::Result<Ended> {
    let mut companies = Vec::new();
    for &users in &options.users {
        eprintln!("a company of {users} users");
        companies.push(measure(users, options).await?);
    }
    match options.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report(&companies, options))?),
        Output::Table => print(&companies, options),
    }
    Ok(Ended::Done)
}

async fn measure(users: u32, options: &BenchGrowth) -> anyhow::Result<Company> {
    let tenant = Tenant::start(Size { users, groups: Some(options.groups), everybody: true }).await?;
    let target = Target::start().await?;
    let gateway = Gateway::new(Settings::of(tenant.configuration(), &target))?;
    let initial = gateway.cycle().await?;
    initial.created(users)?;
    let quiet = gateway.cycle().await?;
    for id in tenant.some_users(options.changes).await? {
        let change = json!({ "department": "Moved" });
        tenant.request(reqwest::Method::PATCH, &["users/", &id].concat(), Some(change)).await?;
    }
    let changed = gateway.cycle().await?;
    let (joined, joins) = join(&tenant, &target, &gateway).await?;
    tenant.stop().await;
    target.stop().await;
    Ok(Company { users, initial, quiet, changed, joined, joins })
}

/// Somebody new, whom the target knows already, becomes a member of the group of everybody.
async fn join(tenant: &Tenant, target: &Target, gateway: &Gateway) -> anyhow::Result<(Cycle, Vec<Written>)> {
    let name = "newcomer@generated.example";
    let newcomer = json!({ "displayName": "Newcomer", "userPrincipalName": name, "mail": name,
        "mailNickname": "newcomer", "accountEnabled": true, "passwordProfile": { "password": "Forgotten-at-once-1" } });
    let made = tenant.request(reqwest::Method::POST, "users", Some(newcomer)).await?;
    let id = made.json::<serde_json::Value>().await?["id"].as_str().unwrap_or_default().to_owned();
    gateway.cycle().await?;
    let everybody = tenant.everybody().await?;
    let member = ["https://graph.microsoft.com/v1.0/users/", &id].concat();
    let path = ["groups/", &everybody, "/members/$ref"].concat();
    tenant.request(reqwest::Method::POST, &path, Some(json!({ "@odata.id": member }))).await?;
    target.forget().await?;
    let cycle = gateway.cycle().await?;
    Ok((cycle, target.written().await?))
}

/// A line of the table: what it says, and the figure of each company.
fn lines(companies: &[Company], options: &BenchGrowth) -> Vec<(String, Vec<String>)> {
    let line = |title: &str, figure: fn(&Company) -> String| (title.to_owned(), companies.iter().map(figure).collect());
    let of_changes = |what: &str| format!("{} users changed: {what}", options.changes);
    let mut lines = vec![
        line("initial cycle: CPU ms a user", |company| milliseconds(&company.initial, f64::from(company.users), 3)),
        line("nothing changed: requests", |company| company.quiet.counters.requests.to_string()),
        line("nothing changed: writes", |company| company.quiet.counters.writes.to_string()),
        line("nothing changed: CPU ms", |company| milliseconds(&company.quiet, 1.0, 0)),
    ];
    lines.push(line(&of_changes("writes"), |company| company.changed.counters.writes.to_string()));
    lines.push(line(&of_changes("requests that read"), |company| {
        (company.changed.counters.requests - company.changed.counters.writes).to_string()
    }));
    lines.push(line(&of_changes("CPU ms"), |company| milliseconds(&company.changed, 1.0, 0)));
    lines.push(line("a member more: writes", |company| company.joined.counters.writes.to_string()));
    lines.push(line("a member more: bytes written", |company| bytes(&company.joins).to_string()));
    lines.push(line("a member more: CPU ms", |company| milliseconds(&company.joined, 1.0, 0)));
    lines
}

fn milliseconds(cycle: &Cycle, of: f64, digits: usize) -> String {
    format!("{:.digits$}", cycle.cpu.as_secs_f64() * 1000.0 / of)
}

fn bytes(written: &[Written]) -> usize {
    written.iter().map(|request| request.body.to_string().len()).sum()
}

fn print(companies: &[Company], options: &BenchGrowth) {
    println!("cycles in growing companies, {} groups, {} build", options.groups, build());
    let header: String = companies.iter().map(|company| format!("{:>12}", company.users)).collect();
    println!("{:<44}{header}", "users");
    for (title, figures) in lines(companies, options) {
        let figures: String = figures.iter().map(|figure| format!("{figure:>12}")).collect();
        println!("{title:<44}{figures}");
    }
}

fn report(companies: &[Company], options: &BenchGrowth) -> serde_json::Value {
    let of = |cycle: &Cycle| {
        json!({ "cpuSeconds": cycle.cpu.as_secs_f64(), "seconds": cycle.wall.as_secs_f64(),
            "peakMemoryMiB": cycle.peak_memory_kib / 1024, "counters": cycle.counters })
    };
    let companies = companies.iter().map(|company| {
        json!({
            "users": company.users, "initial": of(&company.initial), "quiet": of(&company.quiet),
            "changed": of(&company.changed), "joined": of(&company.joined), "joinedBytes": bytes(&company.joins),
        })
    });
    json!({ "groups": options.groups, "changes": options.changes, "build": build(),
        "companies": companies.collect::<Vec<_>>() })
}
