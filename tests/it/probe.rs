//! `provisor probe`: what it finds out about targets, and that it leaves them as they were.

use serde_json::{Value as Json, json};

use crate::support::program::Target as Dialect;
use crate::support::provisor::{Ended, TOKEN, Target, Workplace, wait_for};

/// A probe of this target, with few members to be quick.
fn probe(url: &str, token: &str, output: &str) -> Ended {
    Workplace::new().run(&["probe", url, "--token", token, "--members", "12", "--output", output])
}

fn report(ended: &Ended) -> Json {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("a report: {}", ended.said()))
}

/// The checks with this verdict, with their details.
fn findings(report: &Json, verdict: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let with = findings.iter().filter(|finding| finding["verdict"] == verdict);
    let text = |finding: &Json, name: &str| finding[name].as_str().expect("text").to_owned();
    with.map(|finding| [text(finding, "check"), text(finding, "detail")].join(": ")).collect()
}

#[test]
fn the_embedded_target_conforms_and_is_left_as_it_was() {
    let target = Target::start();
    let bystander = target.create(
        "/Users",
        &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bystander", "active": true,
        }),
    );
    let ended = probe(target.url(), TOKEN, "json");
    ended.assert_code(0);
    let report = report(&ended);
    assert_eq!(findings(&report, "deviates"), Vec::<String>::new());
    assert_eq!(findings(&report, "unknown"), Vec::<String>::new());
    assert_eq!(report["profile"], json!({}), "it says all of it itself");
    assert_eq!((report["usable"].as_bool(), target.count("/Users"), target.count("/Groups")), (Some(true), 1, 0));
    assert_eq!(target.resource("/Users", bystander["id"].as_str().unwrap()), bystander, "it was not touched");
}

#[test]
fn the_profile_names_what_a_dialect_does_not_do() {
    for (dialect, profile) in [
        ("no-filter", json!({ "filter": false })),
        ("no-group-filter", json!({ "filter_types": ["Users"] })),
        ("no-patch", json!({ "patch": false })),
        ("no-paths", json!({ "patch": false })),
        ("no-put", json!({ "put": false })),
        ("small-pages", json!({ "max_page_size": 10 })),
        ("ten-members", json!({ "members_per_patch": 10 })),
        ("members-dropped", json!({ "members_per_patch": 10 })),
        ("members-hidden", json!({ "members_readable": false })),
        ("text-booleans", json!({ "text_booleans": true })),
        ("no-delete", json!({ "delete": "disable", "deletes_memberships": false })),
        ("delete-deactivates", json!({ "deletes_memberships": false })),
    ] {
        let target = Dialect::start(dialect);
        let ended = probe(&target.base_url, crate::support::program::TOKEN, "json");
        ended.assert_code(0);
        let found = &report(&ended)["profile"];
        for (name, value) in profile.as_object().expect("an object") {
            assert_eq!(&found[name], value, "--dialect {dialect}: {found}");
        }
    }
}

#[test]
fn the_printed_profile_is_configuration() {
    let target = Dialect::start("ten-members");
    let ended = probe(&target.base_url, crate::support::program::TOKEN, "table");
    ended.assert_code(0);
    assert!(ended.stdout.contains("DEVIATES"), "{}", ended.stdout);
    let begins = ended.stdout.find("\nprofile:").expect("a profile");
    let indented: String = ended.stdout[begins + 1..].lines().map(|line| format!("        {line}\n")).collect();
    let configuration = CONFIGURATION.replace("TARGET_URL", &target.base_url) + &indented;
    let workplace = Workplace::new();
    workplace.write("provisor.yaml", &configuration);
    let checked = workplace.run(&["check"]);
    // The source does not answer, which is another matter.
    checked.assert_code(1);
    assert!(checked.stdout.contains("ok      configuration"), "{configuration}\n{}", checked.said());
    workplace.write("provisor.yaml", configuration.replace("members_per_patch", "members_per_match"));
    workplace.run(&["check"]).assert_refused(2, &["members_per_match"]);
}

#[test]
fn an_application_of_the_configuration_is_probed_with_its_credentials() {
    let target = Dialect::start("ten-members");
    let workplace = Workplace::new();
    let configuration = CONFIGURATION.replace("TARGET_URL", &target.base_url);
    workplace.write("provisor.yaml", &configuration);
    let probe = |name: &str| workplace.run(&["probe", "--application", name, "--members", "12", "--output", "json"]);
    probe("nothing").assert_refused(2, &["nothing", "`app`"]);
    probe("app").assert_code(1);
    let token = crate::support::program::TOKEN;
    workplace.write("provisor.yaml", configuration.replace("bearer: token", &format!("bearer: {token}")));
    let ended = probe("app");
    ended.assert_code(0);
    assert_eq!(report(&ended)["profile"]["members_per_patch"], 10);
}

/// It ends with `profile`, which the test adds.
const CONFIGURATION: &str = r#"
sources:
  - name: directory
    ldap:
      urls: ["ldap://127.0.0.1:9"]
      bind_dn: cn=reader
      password: reader
      security: plain
      users: { kind: User, base: "ou=people", filter: "(objectClass=person)" }
applications:
  - name: app
    jobs:
      - { name: people, source: directory, template: scim }
    target:
      scim:
        base_url: "TARGET_URL"
        auth: { bearer: token }
"#;

#[test]
fn an_interrupted_probe_clears_up() {
    let target = Target::start();
    target.set_faults(&json!([{ "every": 1, "moment": "after_commit", "do": { "delay_ms": 40 } }]));
    for signal in ["INT", "TERM"] {
        let arguments = ["probe", target.url(), "--token", TOKEN, "--members", "30", "--output", "json"];
        let workplace = Workplace::new();
        let probe = workplace.start(&arguments);
        wait_for("several users", || (target.count("/Users") > 6).then_some(()));
        probe.signal(signal);
        let ended = probe.ended();
        ended.assert_code(1);
        let report = report(&ended);
        assert_eq!((report["brokenOff"].as_str(), &report["leftBehind"]), (Some("interrupted"), &json!([])));
        assert_eq!((target.count("/Users"), target.count("/Groups")), (0, 0));
    }
}

#[test]
fn a_lost_answer_ends_the_probe_and_leaves_nothing() {
    for nth in [1, 4, 9] {
        let target = Target::start();
        let lost = json!([{ "method": "POST", "nth": nth, "moment": "after_commit", "do": { "drop": true } }]);
        target.set_faults(&lost);
        let ended = probe(target.url(), TOKEN, "json");
        ended.assert_code(1);
        let report = report(&ended);
        let reason = report["brokenOff"].as_str().unwrap_or_default();
        assert!(reason.contains("no answer") && reason.contains("POST /"), "{report}");
        assert_eq!((target.count("/Users"), target.count("/Groups")), (0, 0), "after request {nth}");
    }
}

#[test]
fn what_cannot_be_removed_is_named() {
    let target = Target::start();
    target.set_faults(&json!([{ "method": "DELETE", "every": 1, "moment": "before_commit", "do": { "status": 500 } }]));
    let ended = probe(target.url(), TOKEN, "json");
    ended.assert_code(1);
    let left = report(&ended)["leftBehind"].as_array().cloned().expect("a list");
    assert_eq!(left.len(), target.count("/Users") + target.count("/Groups"), "{left:?}");
    assert!(left.iter().all(|left| left.as_str().unwrap().contains("provisor-probe-")), "{left:?}");
}

#[test]
fn who_cannot_be_spoken_to_is_told_in_one_message() {
    let target = Target::start();
    let refused = probe(target.url(), "wrong-horse-bearer", "table");
    refused.assert_code(1);
    assert!(refused.stdout.contains("401") && !refused.said().contains("wrong-horse"), "{}", refused.said());
    probe("http://127.0.0.1:9/scim", TOKEN, "table").assert_refused(1, &["cannot be probed", "127.0.0.1"]);
    probe("http://127.0.0.1:9/scim?x=1", TOKEN, "table").assert_refused(2, &["query"]);
    probe("nonsense", TOKEN, "table").assert_code(2);
}
