//! Other people's SCIM software: a conformance suite against our target, our client against targets that are not ours,
//! and against ours in every dialect.
//!
//! What both of our sides share could hide a mistake on both; what others wrote cannot.

pub(crate) mod foreign;
mod scenario;

use std::sync::Mutex;
use std::{fs, thread};

use clap::CommandFactory;
use provisor::cli::Cli;
use serde_json::Value as Json;

use crate::support::program::{Expectation, Gateway, TOKEN, Target, full_scale, generate_directory, text_of};
use crate::support::provisor::Workplace;
use crate::support::slapd::{Slapd, SlapdOptions};
use scenario::{Limits, Scenario};

/// Dialects that are tried at the same time.
const SIDE_BY_SIDE: usize = 3;
/// The quick suite tries every so manieth dialect.
const QUICK_STEP: usize = 6;

/// What a probe of this target reports.
fn probed(base_url: &str) -> Json {
    let probe = Workplace::new().run(&["probe", base_url, "--token", TOKEN, "--members", "12", "--output", "json"]);
    serde_json::from_str(&probe.stdout).unwrap_or_else(|_| panic!("a report: {}", probe.said()))
}

/// What the applications that a dialect mimics cannot hold. Of all others everything is expected.
fn limits(dialect: &str) -> Limits {
    let none = Limits::default();
    match dialect {
        "no-delete" | "delete-deactivates" | "slack" | "salesforce" | "contentful" => {
            Limits { deleted_stay: true, ..none }
        }
        "inactive-deletes" => Limits { disabled_are_gone: true, ..none },
        "sentry" => Limits { disabled_are_gone: true, only_active_changes: true, ..none },
        "gitlab" => Limits { disabled_are_gone: true, only_active_changes: true, no_groups: true, ..none },
        "zoom" => Limits { nothing_is_cleared: true, ..none },
        "snowflake" => Limits { no_contacts: true, ..none },
        _ => none,
    }
}

/// What `provisor target --dialect` offers, so that a new dialect is tested on the day it appears.
fn dialects() -> Vec<String> {
    let cli = Cli::command();
    let target = cli.find_subcommand("target").expect("the command");
    let dialect = target.get_arguments().find(|argument| argument.get_id() == "dialect").expect("the option");
    dialect.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

#[test]
fn scim2_tester_finds_nothing_to_criticise() {
    let target = Target::start("standard");
    let output = foreign::python("conformance.py").args([&target.base_url, TOKEN]).output().expect("python");
    assert!(output.status.success(), "{}", text_of(&output));
}

/// A server of others ends up as the directory says, with the profile that a probe of it prints.
fn converges(server: &Target) {
    let report = probed(&server.base_url);
    assert_eq!(report["usable"], true, "{report}");
    if let Err(difference) = Scenario::start(Limits::default()).carry_out(&server.base_url, &report["profile"]) {
        panic!("{difference}\nwith the profile {}", report["profile"]);
    }
}

#[test]
fn scim2_server_ends_up_as_the_directory_says() {
    converges(&foreign::scim2_server());
}

#[test]
fn scimmy_ends_up_as_the_directory_says() {
    converges(&foreign::scimmy());
}

/// What goes wrong between a probe of a dialect and the last cycle.
fn failure(dialect: &str) -> Option<String> {
    let (target, limits) = (Target::start(dialect), limits(dialect));
    let report = probed(&target.base_url);
    if report["usable"] != !limits.only_active_changes {
        return Some(format!("--dialect {dialect}: {report}"));
    }
    let carried_out = Scenario::start(limits).carry_out(&target.base_url, &report["profile"]);
    carried_out.err().map(|difference| format!("--dialect {dialect}: {difference}\n  with {}", report["profile"]))
}

#[test]
fn every_dialect_ends_up_as_the_directory_says() {
    let mut waiting = dialects();
    assert!(waiting.len() > 1, "{waiting:?}");
    if !full_scale() {
        waiting = waiting.into_iter().step_by(QUICK_STEP).collect();
    }
    let (waiting, failures) = (Mutex::new(waiting), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(dialect) = { waiting.lock().expect("the list").pop() } {
                    failures.lock().expect("the list").extend(failure(&dialect));
                }
            });
        }
    });
    let failures = failures.into_inner().expect("the list");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The main job, into a server of others: a generated directory, thirty changes, and the judge that shares no code with
/// the program.
fn follows_a_directory(target: &Target) {
    let profile = &probed(&target.base_url)["profile"];
    let generated = tempfile::tempdir().expect("a temporary folder");
    generate_directory(generated.path(), 100, 20, 13);
    let read = |name: &str| fs::read_to_string(generated.path().join(name)).expect("a generated file");
    let slapd = Slapd::start_with(&SlapdOptions::default(), &read("base.ldif"));
    let gateway = Gateway::new(&slapd, target, None);
    gateway.set_profile(profile);
    let judge = Expectation { slapd: &slapd, target, folder: gateway.folder.path() };
    gateway.run();
    judge.of_directory("before.json", None);
    judge.compare_living("before.json");
    slapd.modify_in_order(&read("changes.ldif"));
    gateway.run();
    judge.of_directory("after.json", Some("before.json"));
    judge.compare_living("after.json");
    assert_eq!(gateway.run()["counters"]["writes"], 0);
}

#[test]
fn scim2_server_follows_a_directory() {
    follows_a_directory(&foreign::scim2_server());
}

#[test]
fn scimmy_follows_a_directory() {
    follows_a_directory(&foreign::scimmy());
}
