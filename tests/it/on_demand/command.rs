//! `provisor provision` as a person and a program use it, with a real directory.

use serde_json::Value;

use crate::support::provisor::{Pipeline, TOKEN};

const ADA: &str = "uid=ada,ou=engineering,ou=people,dc=example,dc=org";

fn provision(pipeline: &Pipeline, options: &[&str]) -> crate::support::provisor::Ended {
    pipeline.workplace.run(&[&["provision", "people"], options].concat())
}

#[test]
fn a_person_reads_four_steps_and_a_program_json() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let ended = provision(&pipeline, &[ADA]);
    ended.assert_code(0);
    for line in ["  import  success", "  scope   success", "  match   success", "  action  success"] {
        assert!(ended.stdout.contains(line), "{line}:\n{}", ended.stdout);
    }
    assert!(!ended.said().contains(TOKEN));
    assert_eq!(pipeline.target.count("/Users"), 1);

    pipeline.slapd.set(ADA, "title", "Lead");
    for name in ["ada", "ADA"] {
        let ended = provision(&pipeline, &[name, "--output", "json"]);
        ended.assert_code(0);
        let entries: Value = serde_json::from_str(&ended.stdout).expect("one document");
        assert_eq!(entries.as_array().map(Vec::len), Some(1));
        let expected = if name == "ada" { "Success" } else { "Skipped" };
        assert_eq!(entries[0]["statusInfo"]["status"], expected, "{entries}");
    }
    provision(&pipeline, &["nobody"]).assert_refused(1, &["nobody"]);
    provision(&pipeline, &["uid=nobody,dc=example,dc=org"]).assert_refused(1, &["nobody"]);
    provision(&pipeline, &["*"]).assert_refused(1, &["`*`"]);
    provision(&pipeline, &["ada", "--kind", "Robot"]).assert_refused(2, &["Robot"]);
    pipeline.workplace.run(&["provision", "peple", "ada"]).assert_refused(2, &["peple", "people"]);
}
