//! What is wrong ends with one message and a true exit code, and leaves nothing half done.

use std::fs;

use diesel::connection::{Connection, SimpleConnection};
use diesel::sqlite::SqliteConnection;
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value as Json, json};

use crate::support::provisor::{BIND_PASSWORD, GROUPS, PEOPLE, Pipeline, TOKEN, Workplace, wait_for};

use crate::support::slapd::{Certificate, READER, SlapdOptions};

/// Nothing listens on port 1 of the loopback interface.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn a_source_that_cannot_be_used_is_named_with_the_remedy() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    let url = pipeline.slapd.url();
    let cases = [
        ("ldap.invalid:389", sound.replace(&url, "ldap://ldap.invalid:389").replace("plain", "start_tls"), "host name"),
        (NOBODY, sound.replace(&url, &format!("ldap://{NOBODY}")), "nothing listens on this port"),
        (READER, sound.replace(BIND_PASSWORD, "wrong-password"), "correct `bind_dn` or `password`"),
        ("ou=persons,dc=example,dc=org", sound.replace("ou=people", "ou=persons"), "correct the base"),
    ];
    for (place, configuration, remedy) in cases {
        assert_ne!(configuration, sound, "{place}");
        let ended = pipeline.run(&configuration);
        ended.assert_refused(1, &["the cycle stopped at its source", place, remedy]);
        assert!(!ended.said().contains("wrong-password"), "it tells the wrong password, too");
    }
    pipeline.assert_unharmed();
}

#[test]
fn settings_of_a_source_that_cannot_work_are_told_before_anything_is_tried() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    let url = pipeline.slapd.url();
    for (configuration, words) in [
        (sound.replace(&url, "ldap://ldap.example.org"), ["`plain` sends the password readable", "use `start_tls`"]),
        (
            sound.replace("(objectClass=inetOrgPerson)", "(objectClass=inetOrgPerson"),
            ["`users.filter` is not in parentheses", "correct the filter"],
        ),
        (
            sound.replace("security: plain", "security: start_tls\n      ca_file: nowhere.pem"),
            ["nowhere.pem", "correct `ca_file`"],
        ),
    ] {
        assert_ne!(configuration, sound);
        pipeline.run(&configuration).assert_refused(2, &words);
    }
    pipeline.assert_unharmed();
}

#[test]
fn a_certificate_that_is_not_good_is_told_with_the_remedy() {
    for (certificate, trusted, remedy) in [
        (Certificate::Expired, true, "its certificate has expired; renew it on the server"),
        (Certificate::Good, false, "its certificate comes from an unknown authority"),
    ] {
        let pipeline = Pipeline::with_directory(&SlapdOptions { certificate, ..SlapdOptions::default() });
        let secured = match trusted {
            true => format!("security: tls\n      ca_file: {}", pipeline.slapd.ca_file().display()),
            false => "security: tls".to_owned(),
        };
        let address = pipeline.slapd.tls_url();
        let configuration =
            pipeline.configuration().replace(&pipeline.slapd.url(), &address).replace("security: plain", &secured);
        pipeline.run(&configuration).assert_refused(1, &["the cycle stopped at its source", &address, remedy]);
        pipeline.assert_unharmed();
    }
}

#[test]
fn a_target_that_cannot_be_used_is_named_with_the_remedy() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    let url = pipeline.target.url();
    let elsewhere = url.replace("/scim/v2", "/crm");
    let nobody = format!("http://{NOBODY}/scim/v2");
    for (configuration, place, remedy) in [
        (sound.replace(url, &elsewhere), "127.0.0.1", "check `base_url`"),
        (sound.replace(url, "https://crm.invalid/scim/v2"), "crm.invalid", "the host name is unknown"),
        (sound.replace(url, &nobody), "127.0.0.1", "check the port, and that the server runs"),
        (sound.replace(TOKEN, "wrong-token"), "127.0.0.1", "check the token"),
    ] {
        assert_ne!(configuration, sound, "{place}");
        let ended = pipeline.run(&configuration);
        ended.assert_refused(1, &["the cycle stopped at its target", place, remedy]);
        assert!(!ended.said().contains("wrong-token"), "it tells the wrong token, too");
    }
    // The target that a job writes to is part of what it remembers, so a sound run begins with a new memory.
    fs::remove_file(pipeline.workplace.path("provisor.db")).expect("the store");
    pipeline.assert_unharmed();
}

#[test]
fn every_problem_of_a_schema_is_told_at_once() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    let own = sound.replace("template: scim", "schema: own.json");
    let template = Templates::built_in().named("scim").expect("a template");
    let schema = serde_json::to_string(&template.schema(Vocabulary::Ldap).expect("a sound one")).expect("JSON");
    assert!(schema.contains("Switch(") && schema.contains("\"userName\""));
    pipeline.workplace.write("own.json", schema.replace("Switch(", "Swich(").replace("\"userName\"", "\"userNam\""));
    pipeline.run(&own).assert_refused(2, &["provisor.yaml:18:", "Swich", "`Switch`"]);
    pipeline.workplace.write("own.json", "{ \"synchronizationRules\": 7 }");
    pipeline.run(&own).assert_refused(2, &["provisor.yaml:18:", "`/synchronizationRules`", "found a number"]);
    fs::remove_file(pipeline.workplace.path("own.json")).expect("the schema");
    pipeline.run(&own).assert_refused(2, &["own.json", "No such file"]);
    let misspelt = sound.replace("template: scim", "template: scin");
    pipeline.run(&misspelt).assert_refused(2, &["provisor.yaml", "`scin`", "scim, "]);
    pipeline.assert_unharmed();
}

#[test]
fn what_was_asked_for_and_is_not_there_is_told_with_what_is() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    for command in [["run"].as_slice(), &["escrows"], &["removals", "list"]] {
        let asked = pipeline.workplace.run(&[command, &["poeple"]].concat());
        asked.assert_refused(2, &["`poeple`", "provisor.yaml", "`people`"]);
    }
    let elsewhere = pipeline.workplace.run(&["run", "-c", "elsewhere.yaml", "people"]);
    elsewhere.assert_refused(2, &["elsewhere.yaml", "cannot be read", "-c FILE"]);
    assert!(!pipeline.workplace.path("provisor.db").exists(), "a store was made for nothing");
    pipeline.assert_unharmed();
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place() {
    let pipeline = Pipeline::start();
    let sound = pipeline.configuration();
    for (configuration, words) in [
        (
            sound.replace("bind_dn:", "binddn:"),
            ["provisor.yaml:6:7", "unknown key `binddn`", "did you mean `bind_dn`?"],
        ),
        (sound.replace("interval: 5s", "interval: soon"), ["provisor.yaml:18:", "duration", "30s"]),
        (sound.replace("interval: 5s", "interval: [5]"), ["provisor.yaml:18:", "list", "30s"]),
        (
            sound.replace(BIND_PASSWORD, "${env:PROVISOR_TEST_UNSET}"),
            ["provisor.yaml:7:17", "`PROVISOR_TEST_UNSET` is not set", "export PROVISOR_TEST_UNSET="],
        ),
        (sound.replace(TOKEN, "\"${file:no-token}\""), ["provisor.yaml:16:", "no-token", "cannot be read"]),
        (sound.replace("sources:", "sources: ["), ["provisor.yaml:", "YAML", "brackets"]),
    ] {
        assert_ne!(configuration, sound);
        pipeline.run(&configuration).assert_refused(2, &words);
    }
    assert!(!pipeline.workplace.path("provisor.db").exists(), "a store was made for nothing");
    pipeline.assert_unharmed();
}

#[test]
fn a_store_that_cannot_be_used_is_named_and_left_as_it_is() {
    let pipeline = Pipeline::start();
    let at = |url: &str| format!("store: {{ url: \"{url}\" }}{}", pipeline.configuration());
    let workplace = &pipeline.workplace;
    pipeline.run(&at("sqlite://no-folder/state.db")).assert_refused(1, &["no-folder/state.db", "check the path"]);
    fs::create_dir(workplace.path("folder.db")).expect("a folder");
    pipeline.run(&at("sqlite://folder.db")).assert_refused(1, &["folder.db", "check the path"]);
    let prose = "This is a letter to a friend, and no database at all. ".repeat(200);
    workplace.write("letter.db", &prose);
    pipeline.run(&at("sqlite://letter.db")).assert_refused(1, &["letter.db", "not a SQLite database", "another path"]);
    assert_eq!(fs::read_to_string(workplace.path("letter.db")).expect("the letter"), prose);
    let refused = format!("postgres://provisor:postgres-secret@{NOBODY}/provisor");
    let ended = pipeline.run(&at(&refused));
    ended.assert_refused(1, &[&format!("postgres://{NOBODY}/provisor"), "whether it runs"]);
    assert!(!ended.said().contains("postgres-secret"), "it tells the password of the store");
    pipeline.assert_unharmed();
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    pipeline.workplace.run(&["status"]).assert_code(0);
    let file = pipeline.workplace.path("provisor.db").display().to_string();
    let mut store = SqliteConnection::establish(&file).expect("the store");
    let future = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    store.batch_execute(future).expect("a migration of the future");
    pipeline.run(&pipeline.configuration()).assert_refused(1, &["provisor.db", "99991231000000", "newer"]);
    store
        .batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '99991231000000'")
        .expect("the present");
    drop(store);
    pipeline.assert_unharmed();
}

#[test]
fn a_damaged_store_is_told_and_nothing_is_concluded_from_it() {
    let pipeline = Pipeline::start();
    pipeline.run(&pipeline.configuration()).assert_code(0);
    let file = pipeline.workplace.path("provisor.db");
    let mut bytes = fs::read(&file).expect("the store");
    let start = 4096.min(bytes.len());
    bytes[start..].fill(0xa5);
    fs::write(&file, &bytes).expect("the damage");
    pipeline.run(&pipeline.configuration()).assert_refused(1, &["damaged", "backup"]);
    assert_eq!(pipeline.target.count("/Users"), PEOPLE, "nobody is removed for it");
}

#[test]
fn a_second_run_of_a_job_waits_for_nobody_and_says_who_is_at_work() {
    let pipeline = Pipeline::start();
    pipeline.target.set_faults(&slow_creations());
    pipeline.workplace.write("provisor.yaml", pipeline.configuration());
    let first = pipeline.workplace.start(&["run", "people"]);
    wait_for("the first creation", || (pipeline.target.faults_met() > 0).then_some(()));
    pipeline
        .run(&pipeline.configuration())
        .assert_refused(1, &["`people`", "another process", "wait until it is done"]);
    first.ended().assert_code(0);
    assert_eq!(pipeline.target.count("/Users"), PEOPLE);
}

#[test]
fn an_object_that_is_refused_does_not_stop_the_others_and_is_tried_again_when_it_changes() {
    let pipeline = Pipeline::start();
    pipeline.target.set_faults(
        &json!([{ "method": "POST", "path": "/Users", "nth": 1, "moment": "before_commit", "do": { "status": 400 } }]),
    );
    pipeline.run(&pipeline.configuration()).assert_code(3);
    assert_told(&escrows(&pipeline.workplace), 1, "400");
    assert_eq!((pipeline.target.count("/Users"), pipeline.target.count("/Groups")), (PEOPLE - 1, GROUPS));
    pipeline.target.set_faults(&json!([]));
    // Whoever of the people it was: all of them change.
    for person in [
        "uid=ada,ou=engineering",
        "uid=Grace,ou=engineering",
        "uid=jos\\C3\\A9,ou=sales",
        "cn=Smith\\, John+uid=js1,ou=sales",
    ] {
        pipeline.slapd.set(&format!("{person},ou=people,dc=example,dc=org"), "title", "Fellow");
    }
    pipeline.assert_healed();
}

#[test]
fn objects_that_fail_for_a_passing_cause_are_healed_by_the_next_run() {
    let pipeline = Pipeline::start();
    pipeline.target.set_faults(
        &json!([{ "method": "POST", "path": "/Groups", "moment": "before_commit", "do": { "status": 500 } }]),
    );
    pipeline.run(&pipeline.configuration()).assert_code(3);
    assert_told(&escrows(&pipeline.workplace), GROUPS, "error of its own");
    assert_eq!((pipeline.target.count("/Users"), pipeline.target.count("/Groups")), (PEOPLE, 0));
    pipeline.target.set_faults(&json!([]));
    pipeline.assert_healed();
}

impl Pipeline {
    /// The next run brings what is missing, and nothing is left to tell.
    #[track_caller]
    fn assert_healed(&self) {
        self.run(&self.configuration()).assert_code(0);
        assert_eq!((self.target.count("/Users"), self.target.count("/Groups")), (PEOPLE, GROUPS));
        assert!(escrows(&self.workplace).is_empty());
    }
}

/// Each escrow says which object failed and how.
#[track_caller]
fn assert_told(escrows: &[Json], number: usize, status: &str) {
    assert_eq!(escrows.len(), number, "{escrows:?}");
    for escrow in escrows {
        assert!(escrow["message"].as_str().is_some_and(|text| text.contains(status)), "{escrow}");
        assert!(escrow["anchor"].as_str().is_some_and(|anchor| !anchor.is_empty()), "{escrow}");
    }
}

fn escrows(workplace: &Workplace) -> Vec<Json> {
    let ended = workplace.run(&["escrows", "people", "--output", "json"]);
    ended.assert_code(0);
    serde_json::from_str(&ended.stdout).expect("a JSON list")
}

/// Every creation of a person takes long enough to do something meanwhile.
pub(crate) fn slow_creations() -> Json {
    json!([{ "method": "POST", "path": "/Users", "moment": "before_commit", "do": { "delay_ms": 1500 } }])
}
