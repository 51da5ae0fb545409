//! The program is killed in the middle of its work, again and again, and always ends where an undisturbed run would.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::directory::{dn_of, person_with};
use crate::support::postgres::Postgres;
use crate::support::program::{Expectation, Gateway, Target, full_scale, generate_directory};
use crate::support::slapd::{SUFFIX, Slapd, SlapdOptions};

const USERS: u32 = 100;
const GROUPS: u32 = 20;

/// How long a run may take to reach the request at which it is killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills in each kind of cycle, at full scale and in the quick suite.
fn kills() -> u64 {
    if full_scale() { 20 } else { 4 }
}

/// How the resources of an initial cycle are created, and so which requests it is killed at.
#[derive(Clone, Copy, Debug)]
enum Creates {
    OneByOne,
    InBulk,
}

impl Creates {
    /// The path of the requests that matter.
    fn path(self) -> &'static str {
        match self {
            Self::OneByOne => "/",
            Self::InBulk => "/Bulk",
        }
    }

    fn gateway(self, slapd: &Slapd, target: &Target, store: Option<&str>) -> Gateway {
        let gateway = Gateway::new(slapd, target, store);
        if let Self::InBulk = self {
            // Small enough for several requests a page.
            gateway.set_profile(&json!({ "bulk": true, "bulk_max_operations": 20 }));
        }
        gateway
    }
}

/// Where in a cycle the program is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Between the target's commit of the nth request to this path and its answer.
    AfterCommit(&'static str, u64),
    /// After this part of the time that a whole run takes.
    AtTime(Duration),
}

/// Starts a run and kills it. A run that ends before is a kill that came too late, and is not counted.
async fn run_and_kill(gateway: &Gateway, target: &Target, kill: Kill) -> bool {
    if let Kill::AfterCommit(path, nth) = kill {
        target.hang_after_commit(path, nth).await;
    }
    let mut process = gateway.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
    let killed = match kill {
        Kill::AfterCommit(..) => wait_for_fault(target, &mut process).await,
        Kill::AtTime(delay) => {
            tokio::time::sleep(delay).await;
            process.try_wait().expect("its state").is_none()
        }
    };
    // SIGKILL: the program has no say in it.
    let _ = process.kill();
    process.wait().expect("its end");
    target.clear_faults().await;
    killed
}

async fn wait_for_fault(target: &Target, process: &mut Child) -> bool {
    let started = tokio::time::Instant::now();
    while started.elapsed() < PATIENCE {
        if target.fault_fired().await {
            return true;
        }
        if process.try_wait().expect("its state").is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the run neither ended nor reached the request at which it was to be killed");
}

/// Kills initial cycles, each against an empty target and an empty store.
async fn initial_cycles_survive(dialect: &str, postgres: Option<&Postgres>, creates: Creates) {
    let generated = tempfile::tempdir().expect("a temporary folder");
    generate_directory(generated.path(), USERS, GROUPS, 3);
    let base = fs::read_to_string(generated.path().join("base.ldif")).expect("a generated file");
    let slapd = Slapd::start_with(&SlapdOptions::default(), &base);
    // An undisturbed run says how many writes there are to be killed at, and how long they take.
    let target = Target::start(dialect);
    let gateway = creates.gateway(&slapd, &target, None);
    let started = tokio::time::Instant::now();
    gateway.run();
    let (writes, whole) = (target.writes_to(creates.path()).await, started.elapsed());
    assert!(writes > 4, "{creates:?}: {writes} requests");
    let mut killed = 0;
    for round in 0..kills() {
        let store = match postgres {
            Some(postgres) => {
                let name = format!("initial_{}_{round}", dialect.replace('-', "_"));
                Some(postgres.create_database(&name).await.expose().to_owned())
            }
            None => None,
        };
        let target = Target::start(dialect);
        let gateway = creates.gateway(&slapd, &target, store.as_deref());
        let kill = if round % 4 == 3 {
            Kill::AtTime(whole.mul_f64((round as f64 + 1.0) / (kills() as f64 + 1.0)))
        } else {
            Kill::AfterCommit(creates.path(), 1 + round * (writes - 1) / kills())
        };
        killed += u64::from(run_and_kill(&gateway, &target, kill).await);
        gateway.run();
        let judge = Expectation { slapd: &slapd, target: &target, folder: gateway.folder.path() };
        judge.of_directory("expected.json", None);
        judge.compare("expected.json");
        assert_eq!(gateway.run()["counters"]["writes"], 0, "after {kill:?}");
    }
    assert!(killed * 2 >= kills(), "only {killed} of {} kills struck", kills());
}

/// Kills incremental cycles, one after the other on the same state. Around each kill somebody joins a group and leaves
/// it again, and somebody leaves the company.
async fn incremental_cycles_survive(dialect: &str, store: Option<&str>) {
    let generated = tempfile::tempdir().expect("a temporary folder");
    generate_directory(generated.path(), USERS, GROUPS, 5);
    let base = fs::read_to_string(generated.path().join("base.ldif")).expect("a generated file");
    let slapd = Slapd::start_with(&SlapdOptions::default(), &base);
    slapd.add(&group("crew", &["guest0", "guest1", "guest2", "guest3"]));
    let target = Target::start(dialect);
    let gateway = Gateway::new(&slapd, &target, store);
    let judge = Expectation { slapd: &slapd, target: &target, folder: gateway.folder.path() };
    gateway.run();
    judge.of_directory("former.json", None);
    judge.compare("former.json");
    let mut killed = 0;
    let started = tokio::time::Instant::now();
    gateway.run();
    let whole = started.elapsed();
    for round in 0..kills() {
        // A joiner who is a member at once, a mover, the leaver of the round before.
        slapd.add(&person(&format!("joiner{round}")));
        slapd.modify(&member("crew", "add", &format!("joiner{round}")));
        slapd.set(&dn_of("guest0"), "title", &format!("Title {round}"));
        slapd.set(&dn_of("guest1"), "mail", &format!("guest1.{round}@example.org"));
        if round > 0 {
            slapd.delete(&dn_of(&format!("joiner{}", round - 1)));
        }
        slapd.modify(&member("crew", "add", "guest4"));
        let kill = if round % 4 == 3 {
            Kill::AtTime(whole.mul_f64((round as f64 + 1.0) / (kills() as f64 + 1.0)))
        } else {
            Kill::AfterCommit("/", 1 + round % 5)
        };
        killed += u64::from(run_and_kill(&gateway, &target, kill).await);
        // Who was added around the kill is dropped again before anybody could confirm it.
        slapd.modify(&member("crew", "delete", "guest4"));
        if round % 2 == 1 {
            slapd.modify(&member("crew", "delete", &format!("joiner{round}")));
        }
        gateway.run();
        judge.of_directory("expected.json", Some("former.json"));
        judge.compare("expected.json");
        fs::rename(gateway.path("expected.json"), gateway.path("former.json")).expect("the next round's start");
        assert_eq!(gateway.run()["counters"]["writes"], 0, "after {kill:?}");
    }
    assert!(killed * 2 >= kills(), "only {killed} of {} kills struck", kills());
}

fn person(uid: &str) -> String {
    person_with(uid, &format!("mail: {uid}@example.org\n"))
}

/// A group of these people and one more, whom nobody removes, with the entries of all of them.
fn group(cn: &str, members: &[&str]) -> String {
    let mut ldif: String = members.iter().copied().chain(["guest4"]).map(person).collect();
    ldif.push_str(&format!("dn: cn={cn},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {cn}\n"));
    for uid in members {
        ldif.push_str(&format!("member: {}\n", dn_of(uid)));
    }
    ldif
}

fn member(cn: &str, verb: &str, uid: &str) -> String {
    format!("dn: cn={cn},ou=groups,{SUFFIX}\nchangetype: modify\n{verb}: member\nmember: {}\n", dn_of(uid))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_cycle_survives_being_killed() {
    initial_cycles_survive("standard", None, Creates::OneByOne).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_cycle_into_a_target_without_filters_survives_being_killed() {
    initial_cycles_survive("no-filter", None, Creates::OneByOne).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_cycle_in_bulk_survives_being_killed() {
    initial_cycles_survive("standard", None, Creates::InBulk).await;
}

/// The target has done what it was asked, and its answer comes cut, spoilt, as an error, or never.
#[tokio::test(flavor = "multi_thread")]
async fn answers_to_bulk_that_cannot_be_read_make_no_duplicates() {
    let generated = tempfile::tempdir().expect("a temporary folder");
    generate_directory(generated.path(), USERS, GROUPS, 3);
    let base = fs::read_to_string(generated.path().join("base.ldif")).expect("a generated file");
    let slapd = Slapd::start_with(&SlapdOptions::default(), &base);
    for (moment, fault) in [
        (None, json!({ "truncate": true })),
        (None, json!({ "malformed": true })),
        (Some("after_commit"), json!({ "drop": true })),
        (Some("after_commit"), json!({ "status": 503 })),
    ] {
        let target = Target::start("standard");
        let gateway = Creates::InBulk.gateway(&slapd, &target, None);
        let mut rule = json!({ "path": "/Bulk", "every": 2, "do": fault });
        if let Some(moment) = moment {
            rule["moment"] = json!(moment);
        }
        target.set_faults(json!([rule])).await;
        gateway.command().output().expect("the program");
        assert!(target.fault_fired().await, "{rule}");
        target.clear_faults().await;
        gateway.run();
        let judge = Expectation { slapd: &slapd, target: &target, folder: gateway.folder.path() };
        judge.of_directory("expected.json", None);
        judge.compare("expected.json");
        assert_eq!(gateway.run()["counters"]["writes"], 0, "after {rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_cycle_on_postgresql_survives_being_killed() {
    let postgres = Postgres::start();
    initial_cycles_survive("standard", Some(&postgres), Creates::OneByOne).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_cycle_survives_being_killed() {
    incremental_cycles_survive("standard", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_cycle_into_a_target_without_filters_survives_being_killed() {
    incremental_cycles_survive("no-filter", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_cycle_on_postgresql_survives_being_killed() {
    let postgres = Postgres::start();
    let url = postgres.create_database("incremental").await;
    incremental_cycles_survive("standard", Some(url.expose())).await;
}
