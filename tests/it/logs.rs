//! `provisor logs` as a person, a program and a spreadsheet read it.

use serde_json::Value;

use super::support::provisor::{GROUPS, PEOPLE, Pipeline};

const ADA: &str = "uid=ada,ou=engineering,ou=people,dc=example,dc=org";

/// The records of a CSV file, as RFC 4180 has them.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    assert!(!quoted && cell.is_empty(), "the file ends with a record");
    records
}

#[test]
fn the_log_is_read_by_people_programs_and_spreadsheets() {
    let pipeline = Pipeline::start();
    pipeline.run(&pipeline.configuration()).assert_code(0);
    let logs = |options: &[&str]| {
        let ended = pipeline.workplace.run(&[&["logs", "people"], options].concat());
        ended.assert_code(0);
        ended.stdout
    };
    let json = |options: &[&str]| -> Vec<Value> {
        let text = logs(&[options, &["--output", "json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).expect("a line is a document")).collect()
    };
    let all = json(&[]);
    let created = all.iter().filter(|line| line["provisioningAction"] == "create").count();
    assert_eq!(created, PEOPLE + GROUPS);
    assert_eq!(json(&["--limit", "3"]), all[..3], "the newest come first");
    assert_eq!(json(&["--since", "1h"]), all);
    assert_eq!(json(&["--since", "9999-01-01"]), [Value::Null; 0]);

    pipeline.slapd.set(ADA, "title", "=cmd|'x',\"Größe\", 日本");
    pipeline.run(&pipeline.configuration()).assert_code(0);
    let newest = &json(&["--limit", "1"])[0];
    let anchor = newest["sourceIdentity"]["id"].as_str().expect("an anchor");
    let name = newest["sourceIdentity"]["displayName"].as_str().expect("a name").to_uppercase();
    for object in [anchor, &name, newest["targetIdentity"]["id"].as_str().expect("a resource")] {
        let found = json(&["--object", object, "--status", "success"]);
        assert_eq!(&found[0], newest, "{object}");
        assert!(found.len() > 1 && found.len() < all.len(), "nobody else");
    }
    let table = logs(&["--object", anchor, "--limit", "1"]);
    assert!(table.contains("update  success") && table.contains("title: ") && table.contains("Größe"), "{table}");

    let csv = records(&logs(&["--limit", "0", "--output", "csv"]));
    assert_eq!(csv.len(), all.len() + 2, "a header, and a record for each line");
    assert!(csv.iter().all(|record| record.len() == csv[0].len()));
    let column = |name: &str| csv[0].iter().position(|column| column == name).expect(name);
    let modified: Value = serde_json::from_str(&csv[1][column("modified")]).expect("a cell of JSON");
    assert_eq!(modified[0]["newValue"], "=cmd|'x',\"Größe\", 日本");
    let is_formula = |cell: &&String| cell.starts_with(['=', '+', '-', '@']);
    assert_eq!(csv.iter().flatten().find(is_formula), None);
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let pipeline = Pipeline::start();
    pipeline.run(&pipeline.configuration()).assert_code(0);
    let run = |options: &[&str]| pipeline.workplace.run(&[&["logs"], options].concat());
    run(&["peple"]).assert_refused(2, &["peple", "people"]);
    run(&["people", "--since", "yesterday"]).assert_refused(2, &["yesterday", "24h"]);
    let ended = run(&["people", "--status", "bad"]);
    ended.assert_code(2);
    assert!(ended.stderr.contains("failure"), "{}", ended.stderr);
    let nobody = run(&["people", "--object", "nobody"]);
    nobody.assert_code(0);
    assert_eq!((nobody.stdout.as_str(), nobody.stderr.as_str()), ("", "0 lines\n"));
}
