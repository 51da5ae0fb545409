//! Convergence: whatever goes wrong meanwhile, the application ends as the model of the company says.
//!
//! Each seed is a company, what happens in it, and what goes wrong: in the source (errors, cut and senseless answers,
//! expired tokens), in the target (errors, connections lost before and after the commit, latency, reads that lag), in the
//! store (locked, full, disconnected), in the process (SIGKILL) and with the clock (days ahead, hours back). Then nothing
//! goes wrong any more, incremental cycles follow as they are scheduled, and the application has to be what the company is.
//! One store in four is a database of a PostgreSQL server.
//!
//! `scripts/chaos` runs as many seeds as one likes.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

mod company;
mod memory;
mod source_storm;

use std::cell::OnceCell;
use std::ops::RangeInclusive;
use std::process::Stdio;
use std::time::Duration;

use provisor::graph_emulator::{self, Emulator};
use provisor::scim_server::Dialect;
use provisor::secret::Secret;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::gateway::{TOKEN, Target, client};
use crate::support::postgres::Postgres;
use crate::support::program::{full_scale, provisor};
use company::Company;
use memory::{Memory, StoreFault};
use source_storm::SourceStorm;

/// Working days, each with its changes and its troubles.
const DAYS: usize = 12;
const CHANGES_A_DAY: usize = 10;

/// Cycles that the program gets to end in peace, a day apart.
const CYCLES_IN_PEACE: usize = 12;
const A_DAY: i32 = 24;
/// How often in a row a busy machine may keep the program from renewing its lease.
const MOST_LEASES_LOST: usize = 10;

const CLIENT: &str = "chaos";

struct World<'server> {
    random: StdRng,
    company: Company,
    directory: graph_emulator::Running,
    storm: SourceStorm,
    target: Target,
    folder: TempDir,
    memory: Memory<'server>,
    client: reqwest::Client,
    /// What went wrong, for the person who reads of a violation.
    diary: Vec<String>,
    kills: u64,
    /// Reads of the target see what was there a moment ago.
    lags: bool,
}

/// How a run of the program ended.
#[derive(Debug)]
enum Ended {
    Killed,
    Code(i32, Value, String),
}

impl<'server> World<'server> {
    async fn start(seed: u64, server: &'server OnceCell<Postgres>) -> Self {
        provisor::net::install_crypto_provider();
        let company = Company::found(seed);
        let settings = graph_emulator::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            directory: company.tenant(),
            client_id: CLIENT.to_owned(),
            client_secret: Secret::new(CLIENT),
            token: Some(Secret::new(CLIENT)),
            // An object may be on two pages of one read.
            page_size: 25,
        };
        let directory = Emulator::start(settings).unwrap();
        let storm = SourceStorm::start(&directory.root_url(), seed);
        let target = Target::start(Dialect::STANDARD);
        let folder = tempfile::tempdir().unwrap();
        let mut random = StdRng::seed_from_u64(seed ^ 0x5eed);
        let (bulk, lags) = (random.random_bool(0.3), random.random_bool(0.2));
        let memory = if random.random_bool(0.25) {
            let (server, name) = (server.get_or_init(Postgres::start), format!("seed_{seed}"));
            let url = server.create_database(&name).await.expose().to_owned();
            Memory::Database { server, name, url }
        } else {
            Memory::File(folder.path().join("store.db"))
        };
        let profile = json!({ "bulk": bulk, "match_lag_seconds": u64::from(lags) });
        let configuration = json!({
            // Who is killed is followed soon.
            "store": { "url": memory.url(), "lease": "2s" },
            "sources": [{ "name": "entra", "graph": {
                "tenant": directory.tenant_id(), "client_id": CLIENT, "client_secret": CLIENT,
                "root_url": storm.root_url, "authority_url": storm.root_url,
            } }],
            "applications": [{
                "name": "crm",
                "target": { "scim": { "base_url": target.base_url(), "auth": { "bearer": TOKEN }, "profile": profile } },
                // How many leave at once is not what is looked at here.
                "accidental_deletion": { "percent": 100, "at_least": 100_000, "more_than": 100_000 },
                "jobs": [{
                    "name": "people", "source": "entra", "template": "scim",
                    // The days that pass are to be healed by incremental cycles alone.
                    "schedule": { "full_read": "3650d" },
                    "accidental_deletion": {
                        "percent": 100, "at_least": 100_000, "more_than": 100_000, "percent_of_few": 100,
                    },
                }],
            }],
        });
        std::fs::write(folder.path().join("provisor.yaml"), configuration.to_string()).unwrap();
        let client = client();
        Self { random, company, directory, storm, target, folder, memory, client, diary: Vec::new(), kills: 0, lags }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.diary.push(text.into());
    }

    /// Something happens in the company, and the directory hears of it.
    async fn happen(&mut self, changes: usize) {
        let mut happened = 0;
        while happened < changes {
            let Some(change) = self.company.change() else { continue };
            happened += 1;
            self.diary.push(format!("{change:?}"));
            self.directory.stage(vec![change]).unwrap();
        }
        for (name, id) in self.company.without_id() {
            let url = format!("{}/v1.0/users/{name}?$select=id", self.directory.root_url());
            let answer = self.client.get(url).bearer_auth(CLIENT).send().await.unwrap();
            let user: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            *id = Some(user["id"].as_str().unwrap().to_owned());
        }
    }

    /// One cycle of the program, with whatever goes wrong on this day.
    async fn troubled_cycle(&mut self, day: usize) {
        let strength = [0.0, 0.05, 0.2][self.random.random_range(0..3)];
        self.storm.blow(strength);
        self.note(format!("the source fails {strength} of the requests"));
        let rules = self.target_faults();
        self.note(format!("the target: {rules}"));
        self.target.set_faults(rules).await;
        if self.random.random_bool(0.1) {
            self.note("every delta token has expired");
            self.directory.expire_delta_tokens();
        }
        // Every company sees one kill at least.
        let is_killed = self.random.random_bool(0.35) || day == DAYS / 2 && self.kills == 0;
        let kill_after = is_killed.then(|| Duration::from_millis(self.random.random_range(20..600)));
        let store = self.memory.fault(&mut self.random);
        if self.random.random_bool(0.15) {
            let hours = self.random.random_range(-A_DAY / 2..3 * A_DAY);
            self.note(format!("the clock moves by {hours} h"));
            self.memory.move_clock(hours).await;
        }
        self.note(format!("killed after {kill_after:?}, store {store:?}"));
        let ended = self.run(kill_after, store).await;
        if matches!(ended, Ended::Killed) {
            self.kills += 1;
        }
        self.note(match ended {
            Ended::Killed => "killed".to_owned(),
            Ended::Code(code, report, said) => {
                format!("ended with {code}: {} {}", report["state"], said.lines().last().unwrap_or_default())
            }
        });
    }

    /// Rules for the target, each struck by chance.
    fn target_faults(&mut self) -> Value {
        let troubles = [
            json!({ "do": { "status": 429, "retry_after": 0 } }),
            json!({ "do": { "status": 503 } }),
            json!({ "do": { "status": 401 } }),
            json!({ "do": { "drop": true } }),
            json!({ "moment": "after_commit", "do": { "status": 500 } }),
            json!({ "moment": "after_commit", "do": { "drop": true } }),
            json!({ "do": { "truncate": true } }),
            json!({ "do": { "malformed": true } }),
            json!({ "do": { "delay_ms": 40 } }),
            json!({ "method": "*", "do": { "drop": true } }),
            json!({ "method": "GET", "do": { "status": 500 } }),
        ];
        let mut rules = Vec::new();
        if self.lags {
            rules.push(json!({ "do": { "stale_ms": 700 } }));
        }
        for mut trouble in troubles {
            if self.random.random_bool(0.3) {
                trouble["probability"] = json!([0.02, 0.1, 0.3][self.random.random_range(0..3)]);
                trouble["seed"] = json!(self.random.random::<u32>());
                rules.push(trouble);
            }
        }
        Value::Array(rules)
    }

    async fn run(&mut self, kill_after: Option<Duration>, store: Option<StoreFault>) -> Ended {
        let mut command = std::process::Command::new("sh");
        let limit = match store {
            Some(StoreFault::Full { blocks }) => blocks.to_string(),
            _ => "unlimited".to_owned(),
        };
        let script = "ulimit -f \"$1\"; shift; exec \"$@\"";
        command.args(["-c", script, "sh", &limit]).arg(provisor().get_program());
        command.args(["run", "people", "--output", "json", "-c"]).arg(self.folder.path().join("provisor.yaml"));
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
        let trouble = async {
            if let Some(fault) = store {
                self.memory.strike(fault).await;
            }
        };
        let (ended, ()) = tokio::join!(
            async {
                if let Some(time) = kill_after
                    && tokio::time::timeout(time, process.wait()).await.is_err()
                {
                    process.kill().await.unwrap();
                    return Ended::Killed;
                }
                let output = tokio::time::timeout(Duration::from_secs(240), process.wait_with_output()).await;
                let output = output.expect("the program ends").unwrap();
                Ended::Code(
                    output.status.code().unwrap_or(-1),
                    serde_json::from_slice(&output.stdout).unwrap_or_default(),
                    String::from_utf8_lossy(&output.stderr).into_owned(),
                )
            },
            trouble
        );
        ended
    }

    /// Runs the program while nothing goes wrong, but that a busy machine may not let it renew its short lease in time: then it
    /// ends, as it should, and is run again.
    async fn undisturbed(&mut self) -> Ended {
        for _ in 0..MOST_LEASES_LOST {
            match self.run(None, None).await {
                Ended::Code(1, _, said) if said.contains("the lease ran out before it was renewed") => {}
                ended => return ended,
            }
        }
        self.run(None, None).await
    }

    /// Nothing goes wrong any more, and the time of every retry has come.
    async fn peace(&mut self) -> Result<(), String> {
        self.storm.blow(0.0);
        self.target.clear_faults().await;
        let mut said = String::new();
        for cycle in 0..CYCLES_IN_PEACE {
            self.memory.move_clock(A_DAY).await;
            match self.undisturbed().await {
                Ended::Code(0, report, _) if report["counters"]["writes"] == 0 && cycle > 0 => return Ok(()),
                ended => said = format!("{ended:?}"),
            }
        }
        Err(format!("it does not come to rest: {said}"))
    }
}

/// The violation of one seed, if there is one.
async fn violation(seed: u64, server: &OnceCell<Postgres>) -> Option<String> {
    let mut world = World::start(seed, server).await;
    if world.random.random_bool(0.5) {
        world.troubled_cycle(0).await;
    } else {
        let ended = world.undisturbed().await;
        assert!(matches!(ended, Ended::Code(0, ..)), "{ended:?}");
        world.company.in_step();
    }
    for day in 1..=DAYS {
        world.happen(CHANGES_A_DAY).await;
        world.troubled_cycle(day).await;
    }
    let faults = world.storm.struck();
    let outcome = world.peace().await;
    let differences = world.company.differences(&world.target.users().await, &world.target.groups().await);
    if outcome.is_ok() && differences.is_empty() {
        return None;
    }
    let folder = world.folder.keep();
    Some(format!(
        "seed {seed} ({faults} faults of the source, {} kills), store in {}, {}: {outcome:?}\n  {}\nwhat happened:\n  {}",
        world.kills,
        world.memory.url(),
        folder.display(),
        differences.join("\n  "),
        world.diary.join("\n  ")
    ))
}

#[expect(clippy::print_stdout, reason = "`scripts/chaos` counts these lines")]
async fn converges(seeds: RangeInclusive<u64>) {
    // Started for the first seed that needs it.
    let server = OnceCell::new();
    for seed in seeds {
        if let Some(violation) = violation(seed, &server).await {
            panic!("{violation}");
        }
        println!("seed {seed} came out as its model says");
    }
}

/// Seeds of one lane: lanes run beside each other.
fn lane(number: u64) -> RangeInclusive<u64> {
    let seeds = if full_scale() { 5 } else { 1 };
    1 + number * 5..=number * 5 + seeds
}

#[tokio::test]
async fn after_any_trouble_the_application_is_what_the_company_is() {
    converges(lane(0)).await;
}

#[tokio::test]
async fn after_any_trouble_in_a_second_lane() {
    converges(lane(1)).await;
}

#[tokio::test]
async fn after_any_trouble_in_a_third_lane() {
    converges(lane(2)).await;
}

#[tokio::test]
async fn after_any_trouble_in_a_fourth_lane() {
    converges(lane(3)).await;
}

/// What `scripts/chaos` runs; nothing unless it says which seeds.
#[tokio::test]
async fn the_seeds_that_were_asked_for() {
    let Ok(range) = std::env::var("PROVISOR_CHAOS_SEEDS") else { return };
    let number = |text: &str| text.parse::<u64>().expect("PROVISOR_CHAOS_SEEDS is FROM-TO");
    let (from, to) = range.split_once('-').expect("PROVISOR_CHAOS_SEEDS is FROM-TO");
    converges(number(from)..=number(to)).await;
}
