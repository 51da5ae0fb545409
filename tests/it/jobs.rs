//! Pausing, starting and restarting a job from the command line, beside a gateway that runs it.

use serde_json::{Value, json};

use super::support::provisor::{GROUPS, PEOPLE, Pipeline, wait_for};

fn status(pipeline: &Pipeline) -> Value {
    let printed = pipeline.workplace.run(&["status", "--output", "json"]);
    printed.assert_code(0);
    serde_json::from_str::<Value>(&printed.stdout).expect("JSON")[0].take()
}

fn ended(pipeline: &Pipeline, kind: &str) -> Option<()> {
    let last = &status(pipeline)["lastCycle"];
    (last["kind"] == kind && last["endedAt"].is_string()).then_some(())
}

#[test]
fn a_gateway_follows_whoever_pauses_and_starts_a_job() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let slowly = json!([{ "method": "POST", "path": "/Users", "every": 1, "do": { "delay_ms": 3000 } }]);
    pipeline.target.set_faults(&slowly);
    let gateway = pipeline.workplace.start(&["serve"]);
    wait_for("requests in flight", || (pipeline.target.faults_met() > 0).then_some(()));
    let pausing = pipeline.workplace.start(&["jobs", "pause", "people"]);
    wait_for("the pause", || (status(&pipeline)["status"]["state"] == "Pausing").then_some(()));
    let paused = pausing.ended();
    paused.assert_code(0);
    assert!(paused.stderr.contains("is paused"), "{}", paused.stderr);
    let standing = status(&pipeline);
    assert_eq!((&standing["status"]["code"], &standing["status"]["state"]), (&json!("Paused"), &json!("Paused")));
    assert_eq!(standing["lastCycle"]["state"], "interrupted");
    let sent = pipeline.target.count("/Users");
    assert!(sent > 0 && standing["linked"] == sent, "what was in flight is stored: {standing}");
    pipeline.target.set_faults(&json!([]));
    assert_eq!(pipeline.target.count("/Groups"), 0);
    pipeline.workplace.run(&["run", "people"]).assert_refused(2, &["is paused", "provisor jobs start people"]);
    assert_eq!(pipeline.target.count("/Groups"), 0);
    pipeline.workplace.run(&["jobs", "start", "people"]).assert_code(0);
    wait_for("the rest", || (pipeline.target.count("/Groups") == GROUPS).then_some(()));
    wait_for("the end of the cycle", || ended(&pipeline, "initial"));
    assert_eq!(
        (pipeline.target.count("/Users"), status(&pipeline)["status"]["code"].take()),
        (PEOPLE, json!("Active"))
    );
    gateway.signal("TERM");
    gateway.ended().assert_code(0);
}

#[test]
fn a_paused_job_stays_paused_when_the_gateway_is_killed_and_started_again() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    pipeline.target.set_faults(&json!([{ "method": "POST", "path": "/Users", "every": 1, "do": { "hang": true } }]));
    let gateway = pipeline.workplace.start(&["serve"]);
    wait_for("requests in flight", || (pipeline.target.faults_met() > 0).then_some(()));
    gateway.signal("KILL");
    drop(gateway);
    pipeline.target.set_faults(&json!([]));
    // Nobody is left to end the cycle, which the command finds out.
    let paused = pipeline.workplace.run(&["jobs", "pause", "people"]);
    assert!(paused.stderr.contains("is paused"), "{}", paused.stderr);
    let gateway = pipeline.workplace.start(&["serve"]);
    pipeline.workplace.run(&["jobs", "start", "people"]).assert_code(0);
    wait_for("everybody", || (pipeline.target.count("/Groups") == GROUPS).then_some(()));
    assert_eq!(pipeline.target.count("/Users"), PEOPLE);
    drop(gateway);
}

#[test]
fn a_restart_is_followed_at_once_and_doubles_nothing() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let gateway = pipeline.workplace.start(&["serve"]);
    wait_for("the first cycle", || ended(&pipeline, "initial"));
    for scope in ["Watermark", "Full"] {
        let before = status(&pipeline)["lastCycle"]["startedAt"].take();
        let restart = || pipeline.workplace.run(&["jobs", "restart", "people", "--scope", scope]);
        // Between two cycles nothing is to be carried out.
        wait_for("a moment without a cycle", || (restart().code == Some(0)).then_some(()));
        wait_for("a cycle that reads everything", || {
            let last = status(&pipeline)["lastCycle"].take();
            (last["kind"] == "initial" && last["startedAt"] != before && last["state"] == "succeeded").then_some(())
        });
        let standing = status(&pipeline);
        assert_eq!(standing["linked"], PEOPLE + GROUPS, "{scope}: {standing}");
        assert_eq!((pipeline.target.count("/Users"), pipeline.target.count("/Groups")), (PEOPLE, GROUPS), "{scope}");
    }
    pipeline.workplace.run(&["jobs", "restart", "people", "--scope", "Links"]).assert_code(2);
    pipeline.workplace.run(&["jobs", "pause", "nobody"]).assert_refused(2, &["has no job `nobody`"]);
    drop(gateway);
}
