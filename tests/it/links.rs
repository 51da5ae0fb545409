//! `provisor links`: who has which resource, for people and programs, by whatever name.

use serde_json::Value;

use super::support::provisor::{GROUPS, PEOPLE, Pipeline};

const ADA: &str = "uid=ada,ou=engineering,ou=people,dc=example,dc=org";

#[test]
fn links_are_listed_and_found_by_any_name() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let links = |options: &[&str]| pipeline.workplace.run(&[&["links"], options].concat());
    links(&[]).assert_code(0);
    links(&["people", "--object", "ada"]).assert_code(1);
    pipeline.run(&pipeline.configuration()).assert_code(0);
    let json = |options: &[&str]| -> Vec<Value> {
        let ended = links(&[options, &["--output", "json"]].concat());
        ended.assert_code(0);
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a document")).collect()
    };
    let all = json(&["people"]);
    assert_eq!((all.len(), json(&[]).len()), (PEOPLE + GROUPS, PEOPLE + GROUPS));
    assert_eq!(json(&["people", "--limit", "3"]), all[..3]);
    let text = |link: &Value, name: &str| link[name].as_str().expect(name).to_owned();
    let ada = json(&["--object", ADA]);
    assert_eq!(ada.len(), 1);
    assert_eq!((text(&ada[0], "job"), text(&ada[0], "objectTypeName")), ("people".to_owned(), "User".to_owned()));
    let resource = pipeline.target.resource("/Users", &text(&ada[0], "targetAnchor"));
    assert_eq!(resource["userName"], ada[0]["displayName"]);
    let exported = text(&ada[0], "exportedAt");
    assert!(chrono::DateTime::parse_from_rfc3339(&exported).is_ok_and(|at| at <= chrono::Utc::now()), "{exported}");
    let name = text(&ada[0], "displayName").to_uppercase();
    for object in [text(&ada[0], "sourceAnchor"), text(&ada[0], "targetAnchor"), name] {
        assert_eq!(json(&["people", "--object", &object]), ada, "{object}");
    }
    let table = links(&["people", "--object", ADA]);
    assert!(table.stdout.contains(&text(&ada[0], "targetAnchor")) && table.stderr.contains("1 link"), "{table:?}");

    pipeline.slapd.set(ADA, "title", "Lead");
    pipeline.run(&pipeline.configuration()).assert_code(0);
    assert!(text(&json(&["--object", ADA])[0], "exportedAt") > exported, "something was exported again");
    assert_eq!(json(&["people"]).iter().filter(|link| all.contains(link)).count(), all.len() - 1, "to nobody else");

    links(&["--object", "nobody"]).assert_code(1);
    links(&["--object", "%"]).assert_code(1);
    links(&["peple"]).assert_refused(2, &["peple", "people"]);
}
