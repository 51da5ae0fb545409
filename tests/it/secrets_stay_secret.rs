//! No password, client secret or token is ever told: not in log lines of every kind, not in the store, not in reports.

use std::fs;

use crate::support::provisor::{BIND_PASSWORD, Ended, GraphEmulator, Pipeline, TOKEN, Workplace};

const WRONG: [&str; 3] = ["wrong-horse-bind", "wrong-horse-client", "wrong-horse-bearer"];

#[track_caller]
fn assert_silent(text: &[u8], what: &str) {
    for secret in [BIND_PASSWORD, TOKEN].into_iter().chain(WRONG) {
        let told = text.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!told, "{what} tells `{secret}`:\n{}", around(&String::from_utf8_lossy(text), secret));
    }
}

fn around(text: &str, secret: &str) -> String {
    text.lines().filter(|line| line.contains(secret)).take(3).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_traced_and_silent(ended: &Ended, what: &str) {
    assert!(ended.stderr.contains("TRACE"), "{what} logs nothing");
    assert_silent(ended.said().as_bytes(), what);
}

/// Every file in the folder but the configuration, which holds them on purpose.
#[track_caller]
fn assert_files_silent(workplace: &Workplace) {
    let mut seen = 0;
    for entry in fs::read_dir(workplace.path("")).expect("the folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "provisor.yaml" {
            assert_silent(&fs::read(entry.path()).expect("a file"), &name);
            seen += 1;
        }
    }
    assert!(seen > 0, "there is no store");
}

#[track_caller]
fn assert_reports_silent(workplace: &Workplace) {
    for command in [
        &["status", "--output", "json"][..],
        &["escrows", "people", "--output", "json"],
        &["logs", "people"],
        &["logs", "people", "--output", "json"],
        &["logs", "people", "--output", "csv"],
    ] {
        let ended = workplace.run(command);
        ended.assert_code(0);
        assert_silent(ended.said().as_bytes(), command[0]);
    }
}

#[test]
fn a_directory_over_ldap() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    for (configuration, code) in [
        (sound.replace(BIND_PASSWORD, WRONG[0]), 1),
        (sound.replace(TOKEN, WRONG[2]), 1),
        (sound.clone(), 0),
        (sound.replace(TOKEN, WRONG[2]), 1),
    ] {
        pipeline.workplace.write("provisor.yaml", configuration);
        let ended = pipeline.workplace.run_traced(&["run", "people"]);
        ended.assert_code(code);
        assert_traced_and_silent(&ended, "a run");
        assert_traced_and_silent(&pipeline.workplace.run_traced(&["check"]), "a check");
        assert_files_silent(&pipeline.workplace);
        assert_reports_silent(&pipeline.workplace);
    }
}

#[test]
fn a_directory_over_graph() {
    let pipeline = Pipeline::start();
    let emulator = GraphEmulator::start();
    let sound = GRAPH_CONFIGURATION
        .replace("GRAPH_URL", emulator.url())
        .replace("TENANT", emulator.tenant())
        .replace("TARGET_URL", pipeline.target.url())
        .replace("TOKEN", TOKEN);
    for (secret, code) in [(WRONG[1], 1), (emulator.secret(), 0)] {
        pipeline.workplace.write("provisor.yaml", sound.replace("CLIENT_SECRET", secret));
        let ended = pipeline.workplace.run_traced(&["run", "people"]);
        ended.assert_code(code);
        assert_traced_and_silent(&ended, "a run");
        assert!(!ended.said().contains(emulator.secret()), "a run tells the client's secret");
        assert_files_silent(&pipeline.workplace);
        assert_reports_silent(&pipeline.workplace);
    }
}

const GRAPH_CONFIGURATION: &str = r#"
sources:
  - name: directory
    graph:
      root_url: "GRAPH_URL"
      authority_url: "GRAPH_URL"
      tenant: TENANT
      client_id: provisor
      client_secret: CLIENT_SECRET
applications:
  - name: app
    target: { scim: { base_url: "TARGET_URL", auth: { bearer: TOKEN } } }
    jobs:
      - { name: people, source: directory, template: scim }
"#;
