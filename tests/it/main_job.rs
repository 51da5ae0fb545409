//! The main job, end to end: a real OpenLDAP, the program, a target in a process of its own, and a judge that shares no
//! code with them.

use std::fs;

use crate::support::postgres::Postgres;
use crate::support::program::{Expectation, Gateway, Target, generate_directory};
use crate::support::slapd::{Slapd, SlapdOptions};

const USERS: u32 = 500;
const GROUPS: u32 = 40;

/// Everybody is provisioned as the judge computes it; after thirty changes the target equals it again, with no write
/// more than the changes need; and a cycle without changes writes nothing.
fn provisions_a_directory_and_its_changes(store: Option<&str>, seed: u64) {
    let generated = tempfile::tempdir().expect("a temporary folder");
    generate_directory(generated.path(), USERS, GROUPS, seed);
    let read = |name: &str| fs::read_to_string(generated.path().join(name)).expect("a generated file");
    let slapd = Slapd::start_with(&SlapdOptions::default(), &read("base.ldif"));
    let target = Target::start("standard");
    let gateway = Gateway::new(&slapd, &target, store);
    let judge = Expectation { slapd: &slapd, target: &target, folder: gateway.folder.path() };

    let initial = gateway.run();
    assert_eq!(initial["cycle"], "initial");
    judge.of_directory("before.json", None);
    judge.compare("before.json");

    judge.snapshot("snapshot.json");
    slapd.modify_in_order(&read("changes.ldif"));
    let incremental = gateway.run();
    assert_eq!(incremental["cycle"], "incremental");
    judge.of_directory("after.json", Some("before.json"));
    judge.compare("after.json");
    judge.writes("before.json", "after.json", "snapshot.json");

    let idle = gateway.run();
    assert_eq!(idle["counters"]["writes"], 0, "{idle}");
    judge.compare("after.json");
}

#[test]
fn a_directory_and_thirty_changes_reach_the_target_on_sqlite() {
    provisions_a_directory_and_its_changes(None, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_and_thirty_changes_reach_the_target_on_postgresql() {
    let postgres = Postgres::start();
    let url = postgres.create_database("main_job").await;
    tokio::task::block_in_place(|| provisions_a_directory_and_its_changes(Some(url.expose()), 11));
}
