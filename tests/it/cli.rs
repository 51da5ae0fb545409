//! The commands as a person meets them: help, the demo, signals.

use crate::bad_input::slow_creations;
use crate::support::provisor::{GROUPS, PEOPLE, Pipeline, Workplace, get, wait_for};

#[test]
fn every_help_is_short_and_teaches() {
    let workplace = Workplace::new();
    let mut told = workplace.run(&["--help"]).stdout;
    for command in [
        "demo",
        "run",
        "serve",
        "check",
        "status",
        "escrows",
        "removals",
        "provision",
        "links",
        "logs",
        "probe",
        "expr",
        "target",
        "graph-emulator",
        "schema",
        "bench",
    ] {
        let ended = workplace.run(&[command, "--help"]);
        ended.assert_code(0);
        told.push_str(&format!("\n# provisor {command} --help\n{}", ended.stdout));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_misspelt_command_is_answered_with_the_right_one() {
    let ended = Workplace::new().run(&["chek"]);
    ended.assert_code(2);
    assert!(ended.stderr.contains("chek") && ended.stderr.contains("'check'"), "{}", ended.stderr);
}

#[test]
fn the_demo_shows_two_cycles_and_needs_nothing() {
    for (source, name) in [("graph", "demo_graph"), ("ldap", "demo_ldap")] {
        let ended = Workplace::new().run(&["demo", "--source", source]);
        ended.assert_code(0);
        let (table, address) = ended.stdout.split_once("\n\n").expect("a table, and the address");
        insta::assert_snapshot!(name, table);
        assert!(address.starts_with("the target: http://127.0.0.1:"), "{address}");
    }
}

#[test]
fn the_demo_stays_when_asked_to_until_it_is_interrupted() {
    let workplace = Workplace::new();
    let mut demo = workplace.start(&["demo", "--serve"]);
    let url = demo.line(|line| Some(line.strip_prefix("the target: ")?.split_once(' ')?.0.to_owned()));
    let users = get(&url, "demo");
    assert!(users["totalResults"].as_u64().is_some_and(|total| total > 0), "{users}");
    assert!(demo.is_running());
    demo.signal("INT");
    demo.ended().assert_code(0);
}

#[test]
fn the_gateway_serves_until_it_is_asked_to_end() {
    for signal in ["TERM", "INT"] {
        let pipeline = Pipeline::start();
        pipeline.workplace.write("provisor.yaml", pipeline.configuration());
        let mut gateway = pipeline.workplace.start(&["serve"]);
        wait_for("everybody in the target", || (pipeline.target.count("/Groups") == GROUPS).then_some(()));
        assert!(gateway.is_running());
        gateway.signal(signal);
        gateway.ended().assert_code(0);
        assert_eq!(pipeline.target.count("/Users"), PEOPLE);
    }
}

#[test]
fn an_interrupted_cycle_is_finished_by_the_next_run() {
    for signal in ["INT", "TERM"] {
        let pipeline = Pipeline::start();
        pipeline.target.set_faults(&slow_creations());
        pipeline.workplace.write("provisor.yaml", pipeline.configuration());
        let cycle = pipeline.workplace.start(&["run", "people"]);
        wait_for("the first creation", || (pipeline.target.faults_met() > 0).then_some(()));
        cycle.signal(signal);
        let ended = cycle.ended();
        ended.assert_code(4);
        assert!(ended.stderr.contains("run it again"), "{}", ended.stderr);
        assert_eq!(pipeline.target.count("/Groups"), 0, "it was in the middle");
        pipeline.target.set_faults(&serde_json::json!([]));
        pipeline.run(&pipeline.configuration()).assert_code(0);
        assert_eq!((pipeline.target.count("/Users"), pipeline.target.count("/Groups")), (PEOPLE, GROUPS));
    }
}

#[test]
fn check_says_for_each_part_whether_it_is_sound() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let sound = pipeline.workplace.run(&["check"]);
    sound.assert_code(0);
    insta::assert_snapshot!("check_sound", sound.stdout);
    let wrong = pipeline.configuration().replace("correct-horse", "wrong-horse");
    pipeline.workplace.write("provisor.yaml", wrong);
    let broken = pipeline.workplace.run(&["check"]);
    broken.assert_code(1);
    let failed: Vec<&str> = broken.stdout.lines().filter(|line| line.starts_with("FAILED")).collect();
    assert_eq!(failed.len(), 2, "{}", broken.stdout);
    assert!(failed[0].contains("source") && failed[0].contains("password"), "{}", failed[0]);
    assert!(failed[1].contains("target") && failed[1].contains("check the token"), "{}", failed[1]);
    assert!(!broken.said().contains("wrong-horse"));
}
