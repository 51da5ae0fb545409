//! `provisor removals`: a person looks at what is staged, and answers.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::directory::{NOBODY, dn_of, person};
use crate::support::program::{Gateway, Target, provisor, text_of};
use crate::support::slapd::{Slapd, SlapdOptions};

/// Runs a command that ends with this code, and returns what it printed.
#[track_caller]
fn asked(gateway: &Gateway, code: i32, arguments: &[&str]) -> Output {
    let mut command: Command = provisor();
    command.args(arguments).arg("-c").arg(gateway.path("provisor.yaml")).env_remove("RUST_LOG");
    let output = command.output().expect("the program");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text_of(&output));
    output
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_person_releases_in_part_rejects_and_releases_the_rest() {
    let people: String = ["ada", "bob", "cyd", "dot"].map(person).concat();
    let slapd = Slapd::start_with(&SlapdOptions::default(), &[NOBODY, &people].concat());
    let target = Target::start("standard");
    let gateway = Gateway::new(&slapd, &target, None);
    gateway.run();
    for uid in ["ada", "bob", "cyd"] {
        slapd.delete(&dn_of(uid));
    }
    let run = |code| json_of(&asked(&gateway, code, &["run", "hr", "--output", "json"]))["counters"].clone();
    assert_eq!(run(3)["staged"], 3);

    let listed = json_of(&asked(&gateway, 0, &["removals", "list", "hr", "--output", "json"]));
    let rows = listed.as_array().expect("a list");
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a row");
    for name in ["ada", "bob", "cyd"] {
        let row = of(name);
        assert_eq!((row["effect"].as_str(), row["state"].as_str()), (Some("delete"), Some("staged")), "{row}");
        assert_eq!(row["reason"], "deleted in the source");
    }
    let table = text_of(&asked(&gateway, 0, &["removals", "list", "hr"]));
    assert!(table.contains("ada") && table.contains("deleted in the source, 0 minutes ago"), "{table}");
    let status = json_of(&asked(&gateway, 0, &["status", "--output", "json"]));
    assert!(status[0]["oldestHeldRemovalSeconds"].as_u64().is_some_and(|age| age < 3600), "{status}");

    // What names nothing, or nobody, changes nothing.
    asked(&gateway, 2, &["removals", "release", "hr", "ADA", "nobody"]);
    asked(&gateway, 2, &["removals", "release", "hr"]);
    asked(&gateway, 2, &["removals", "release", "unheard-of", "--all"]);
    let none = asked(&gateway, 0, &["removals", "release", "hr", "--all", "--kind", "disable", "--output", "json"]);
    assert_eq!(json_of(&none)["released"], serde_json::json!([]));

    let released = json_of(&asked(&gateway, 0, &["removals", "release", "hr", "ADA", "--output", "json"]));
    assert_eq!(released["released"][0]["id"], of("ada")["id"]);
    asked(&gateway, 0, &["removals", "reject", "hr", of("bob")["anchor"].as_str().expect("an anchor")]);
    let counters = run(3);
    assert_eq!((&counters["deleted"], &counters["staged"]), (&1.into(), &1.into()));
    asked(&gateway, 0, &["removals", "release", "hr", "--all"]);
    let counters = run(0);
    assert_eq!((&counters["deleted"], &counters["staged"]), (&1.into(), &0.into()));
    let rest = json_of(&asked(&gateway, 0, &["removals", "list", "hr", "--output", "json"]));
    assert_eq!((rest[0]["name"].as_str(), rest[0]["state"].as_str()), (Some("bob"), Some("rejected")), "{rest}");
    let status = json_of(&asked(&gateway, 0, &["status", "--output", "json"]));
    assert_eq!(status[0]["oldestHeldRemoval"], Value::Null);
}
