//! Two processes on one PostgreSQL store: one drives the application, and the other follows when it ends, dies or stops.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use provisor::secret::Secret;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use super::support::postgres::Postgres;
use super::support::provisor::{GROUPS, PEOPLE, Pipeline, TOKEN, get, wait_for};

/// A folder, a directory and a target as in every pipeline, and a server for the store.
struct Shared {
    pipeline: Pipeline,
    _server: Postgres,
    url: Secret,
    runtime: Runtime,
}

/// One of the processes, killed when dropped.
struct Gateway {
    process: Child,
    said: PathBuf,
}

impl Shared {
    fn start() -> Self {
        Self::start_at("5s")
    }

    /// With this time between cycles.
    fn start_at(interval: &str) -> Self {
        let (pipeline, server, runtime) = (Pipeline::start(), Postgres::start(), Runtime::new().unwrap());
        let url = runtime.block_on(server.create_database("leases"));
        let store = format!("store: {{ url: '{}', lease: 3s }}\n", url.expose());
        let jobs = pipeline.configuration().replace("interval: 5s", &format!("interval: {interval}"));
        pipeline.workplace.write("provisor.yaml", store + &jobs);
        Self { pipeline, _server: server, url, runtime }
    }

    fn serve(&self, name: &str) -> Gateway {
        let said = self.pipeline.workplace.path(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_provisor"));
        command.args(["serve", "-c"]).arg(self.pipeline.workplace.path("provisor.yaml")).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said).unwrap());
        Gateway { process: command.spawn().unwrap(), said }
    }

    fn status(&self) -> Value {
        let printed = self.pipeline.workplace.run(&["status", "--output", "json"]);
        printed.assert_code(0);
        serde_json::from_str::<Value>(&printed.stdout).unwrap()[0].take()
    }

    fn wait_until_driven_by(&self, gateway: &Gateway) {
        let part = format!("/{}/", gateway.process.id());
        wait_for("the driver", || self.status()["drivenBy"].as_str()?.contains(&part).then_some(()));
    }

    /// Waits until everybody is there and a cycle has ended well after this many cycles.
    fn wait_for_everybody(&self, after: usize) {
        wait_for("everybody", || {
            let cycles = self.rows("SELECT state FROM cycles WHERE state IN ('succeeded', 'partial')");
            let there = (self.pipeline.target.count("/Users"), self.pipeline.target.count("/Groups"));
            (cycles.len() > after && there == (PEOPLE, GROUPS)).then_some(())
        });
        assert_eq!(self.status()["linked"], PEOPLE + GROUPS);
    }

    /// The rows of a query, each as JSON.
    fn rows(&self, query: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(self.url.expose(), NoTls).await.unwrap();
            tokio::spawn(connection);
            let query = format!("SELECT row_to_json(found)::text FROM ({query}) AS found");
            client.query(&query, &[]).await.unwrap().into_iter().map(|row| row.get(0)).collect()
        })
    }

    /// The write requests that the target was asked for.
    fn writes(&self) -> Vec<Value> {
        let base = self.pipeline.target.url().trim_end_matches("/scim/v2");
        get(&[base, "/admin/journal"].concat(), TOKEN).as_array().cloned().unwrap()
    }

    fn set_faults(&self, effect: Option<Value>) {
        let rules = effect.map(|effect| json!({ "method": "POST", "path": "/Users", "every": 1, "do": effect }));
        self.pipeline.target.set_faults(&Value::from_iter(rules));
    }
}

impl Gateway {
    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    fn wait_until_it_says(&self, words: &str, times: usize) {
        wait_for(words, || (self.said().matches(words).count() >= times).then_some(()));
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn ended(mut self) -> ExitStatus {
        wait_for("the end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const WAITS: &str = "waits for its turn here";

#[test]
fn one_process_drives_and_the_other_follows_when_it_ends() {
    let shared = Shared::start();
    let first = shared.serve("first");
    shared.wait_until_driven_by(&first);
    let second = shared.serve("second");
    second.wait_until_it_says(WAITS, 1);
    shared.wait_for_everybody(0);
    // Cycles follow each other, and all of them are the first one's.
    first.wait_until_it_says("people: ", 2);
    assert!(!second.said().contains("people: "), "{}", second.said());
    let refused: Vec<Value> =
        shared.writes().into_iter().filter(|write| write["status"].as_u64() >= Some(400)).collect();
    assert!(refused.is_empty(), "written twice: {refused:?}");
    first.signal("TERM");
    assert!(first.ended().success());
    shared.wait_until_driven_by(&second);
    second.wait_until_it_says("people: ", 1);
    assert_eq!(second.said().matches(WAITS).count(), 1, "{}", second.said());
    second.signal("TERM");
    assert!(second.ended().success());
    assert_eq!(shared.status()["drivenBy"], Value::Null, "it is given back");
    assert_eq!(shared.rows("SELECT application FROM leases"), Vec::<String>::new());
}

#[test]
fn a_driver_that_is_killed_is_followed_and_nothing_is_doubled() {
    let shared = Shared::start();
    shared.set_faults(Some(json!({ "hang": true })));
    let first = shared.serve("first");
    wait_for("a request in flight", || (shared.pipeline.target.faults_met() > 0).then_some(()));
    let second = shared.serve("second");
    second.wait_until_it_says(WAITS, 1);
    shared.set_faults(None);
    first.signal("KILL");
    drop(first);
    shared.wait_for_everybody(0);
    shared.wait_until_driven_by(&second);
    let cycles = shared.rows("SELECT state FROM cycles ORDER BY id LIMIT 1");
    assert_eq!(cycles, [r#"{"state":"interrupted"}"#], "the cycle of the dead is over");
}

#[test]
fn a_driver_that_was_stopped_past_its_lease_commits_nothing_and_sends_no_write() {
    let shared = Shared::start();
    shared.set_faults(Some(json!({ "delay_ms": 1000 })));
    let first = shared.serve("first");
    wait_for("a request in flight", || (shared.pipeline.target.faults_met() > 0).then_some(()));
    first.signal("STOP");
    let second = shared.serve("second");
    second.wait_until_it_says(WAITS, 1);
    shared.set_faults(None);
    shared.wait_for_everybody(0);
    let of_first = "(SELECT min(id) FROM cycles)";
    let stored = || {
        let cycle = shared.rows(&["SELECT * FROM cycles WHERE id = ", of_first].concat());
        let log = shared.rows(&["SELECT page FROM provisioning_log WHERE cycle = ", of_first].concat());
        let links = shared.rows("SELECT * FROM links ORDER BY job, mapping, anchor");
        (cycle, log, links, shared.rows("SELECT * FROM intents"))
    };
    let (before, written) = (stored(), shared.writes());
    assert!(before.0[0].contains(r#""state":"interrupted""#), "{before:?}");

    first.signal("CONT");
    // Its cycle has ended, and it has seen who drives now.
    first.wait_until_it_says("people: ", 1);
    first.wait_until_it_says(WAITS, 1);
    assert!(first.said().contains("cut off"), "{}", first.said());
    assert_eq!(stored(), before, "it has stored something");
    assert_eq!(shared.writes(), written, "it has sent something");
    shared.wait_until_driven_by(&second);
    first.signal("TERM");
    assert!(first.ended().success());
    shared.wait_until_driven_by(&second);
}

#[test]
fn whoever_runs_a_cycle_or_provisions_one_object_gets_a_turn() {
    let shared = Shared::start();
    let run = |arguments: &[&str]| shared.pipeline.workplace.run(arguments);
    run(&["run", "people"]).assert_code(0);
    assert_eq!(shared.status()["drivenBy"], Value::Null, "it is given back");
    let gateway = shared.serve("gateway");
    shared.wait_until_driven_by(&gateway);
    let ended = run(&["run", "people"]);
    ended.assert_code(0);
    assert!(ended.stderr.contains("it is asked for a turn"), "{}", ended.stderr);
    // Pausing, starting and restarting need no turn.
    run(&["jobs", "pause", "people"]).assert_code(0);
    run(&["jobs", "start", "people"]).assert_code(0);
    run(&["jobs", "restart", "people", "--scope", "Watermark"]).assert_code(0);

    shared.wait_until_driven_by(&gateway);
    let newcomer = "uid=late,ou=people,dc=example,dc=org";
    shared.set_faults(Some(json!({ "hang": true })));
    shared.pipeline.slapd.modify_in_order(&format!(
        "dn: {newcomer}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: late\ncn: Late\nsn: Late\nmail: late@example.org\n"
    ));
    wait_for("a cycle that is busy", || (shared.pipeline.target.faults_met() > 0).then_some(()));
    let refused = run(&["run", "people"]);
    refused.assert_code(1);
    for words in ["is driven by another process", "stop that one"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn after_a_turn_the_next_cycle_comes_at_its_time() {
    let shared = Shared::start_at("1h");
    let gateway = shared.serve("gateway");
    gateway.wait_until_it_says("people: ", 1);
    for _ in 0..2 {
        shared.pipeline.workplace.run(&["run", "people"]).assert_code(0);
        shared.wait_until_driven_by(&gateway);
    }
    // A person who asks for one does not wait an hour.
    shared.pipeline.workplace.run(&["jobs", "start", "people"]).assert_code(0);
    gateway.wait_until_it_says("people: ", 2);
    let cycles = shared.rows("SELECT state FROM cycles");
    assert_eq!(cycles.len(), 4, "two of the gateway, two of the person's: {}", gateway.said());
}
