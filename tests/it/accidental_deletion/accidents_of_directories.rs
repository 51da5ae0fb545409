//! The same for accidents that only a real directory can have: what an account may read, and new identifiers.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::directory::{NOBODY, dn_of, person_with};
use crate::support::program::{Gateway, Target, provisor, text_of};
use crate::support::slapd::{READER, SUFFIX, Slapd, SlapdOptions};

const PEOPLE: usize = 20;
const MEMBERS: usize = 5;

/// The reader sees neither hidden people nor the members of hidden groups.
const ACCESS: &str = "access to filter=(employeeType=hidden) by * none\n\
                      access to filter=(businessCategory=hidden) attrs=member by * none";

fn dn(number: usize) -> String {
    dn_of(&format!("u{number}"))
}

fn people() -> String {
    let lines = |number| format!("title: Engineer\nemployeeNumber: {number}\n");
    (1..=PEOPLE).map(|number| person_with(&format!("u{number}"), &lines(number))).collect()
}

struct Company {
    slapd: Slapd,
    target: Target,
    gateway: Gateway,
}

impl Company {
    /// Everybody is provisioned, and so is a group.
    fn start() -> Self {
        let members: String = (1..=MEMBERS).map(|number| format!("member: {}\n", dn(number))).collect();
        let group = format!("dn: cn=crew,ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: crew\n{members}\n");
        let options = SlapdOptions { access: ACCESS, ..SlapdOptions::default() };
        let slapd = Slapd::start_with(&options, &[NOBODY, &people(), &group].concat());
        let target = Target::start("standard");
        let gateway = Gateway::new(&slapd, &target, None);
        let company = Self { slapd, target, gateway };
        company.configure(|source| {
            source["bind_dn"] = json!(READER);
            source["password"] = json!("reader");
        });
        assert_eq!(company.run().0, 0);
        company
    }

    fn configure(&self, change: impl FnOnce(&mut Value)) {
        let file = self.gateway.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        change(&mut configuration["sources"][0]["ldap"]);
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    /// Other filters are other views, so that everything is read, and missed.
    fn read_in_full(&self, filter: &str) {
        self.configure(|source| {
            for kind in ["users", "groups"] {
                source[kind]["filter"] = json!(filter);
            }
        });
    }

    /// One cycle: its exit code, and the removals that wait for a person afterwards.
    fn run(&self) -> (i32, u64) {
        let output = self.gateway.command().output().expect("the program");
        let code = output.status.code().expect("an exit code");
        assert!([0, 1, 3].contains(&code), "{}", text_of(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (code, report["counters"]["staged"].as_u64().unwrap_or_default())
    }

    fn configure_job(&self, change: impl FnOnce(&mut Value)) {
        let file = self.gateway.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        change(&mut configuration["applications"][0]["jobs"][0]);
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    /// Everybody is deleted and added again. The group keeps its members: the directory is reloaded, not tidied up.
    fn reload(&self) {
        let gone: String = (1..=PEOPLE).map(|number| format!("dn: {}\nchangetype: delete\n\n", dn(number))).collect();
        self.slapd.modify(&gone);
        self.slapd.add(&people());
        let members: String = (1..=MEMBERS).map(|number| format!("member: {}\n", dn(number))).collect();
        self.slapd.modify(&format!("dn: cn=crew,ou=groups,{SUFFIX}\nchangetype: modify\nreplace: member\n{members}"));
    }

    fn set(&self, people: impl Iterator<Item = usize>, value: &str) {
        let changes = people.fold(String::new(), |mut text, number| {
            let name = dn(number);
            let _ = write!(text, "dn: {name}\nchangetype: modify\nreplace: employeeType\nemployeeType: {value}\n\n");
            text
        });
        self.slapd.modify(&changes);
    }

    /// Everybody is there once, and active, and so are the members of the group.
    async fn nothing_is_lost(&self) {
        let users = self.target.get("/Users?count=200").await;
        let users = users["Resources"].as_array().cloned().unwrap_or_default();
        let active = users.iter().filter(|user| user["active"] == true);
        assert_eq!((users.len(), active.count()), (PEOPLE, PEOPLE));
        let groups = self.target.get("/Groups?count=200").await;
        assert_eq!(groups["Resources"][0]["members"].as_array().map(Vec::len), Some(MEMBERS), "{groups}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_an_account_of_a_directory_may_read_nobody_any_more() {
    let company = Company::start();
    company.set(1..=PEOPLE, "hidden");
    company.run();
    company.nothing_is_lost().await;
    company.read_in_full("(cn=*)");
    assert_ne!(company.run().0, 0);
    company.nothing_is_lost().await;
    company.set(1..=PEOPLE, "staff");
    company.read_in_full("(|(cn=*)(uid=*))");
    assert_eq!(company.run(), (0, 0));
    company.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_the_source_loses_half_its_tree_to_an_access_rule() {
    let company = Company::start();
    company.set(1..=PEOPLE / 2, "hidden");
    company.run();
    company.nothing_is_lost().await;
    company.read_in_full("(cn=*)");
    let (code, staged) = company.run();
    assert!(code == 3 && staged >= 10, "{code} {staged}");
    company.nothing_is_lost().await;
    company.set(1..=PEOPLE / 2, "staff");
    assert_eq!(company.run(), (0, 0));
    company.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_the_source_is_reloaded_with_new_identifiers() {
    let company = Company::start();
    company.reload();
    for _ in 0..2 {
        let (code, staged) = company.run();
        assert!(code == 3 && staged >= PEOPLE as u64, "{code} {staged}");
        company.nothing_is_lost().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_the_source_is_reloaded_and_a_person_says_that_all_are_the_same() {
    let company = Company::start();
    company.reload();
    assert_eq!(company.run().0, 3);
    let asked = |code: i32, arguments: &[&str]| {
        let mut command = provisor();
        command.args(["links", "relink"]).args(arguments).arg("-c").arg(company.gateway.path("provisor.yaml"));
        let output = command.env_remove("RUST_LOG").output().expect("the program");
        assert_eq!(output.status.code(), Some(code), "{}", text_of(&output));
        output
    };
    let list = || -> Vec<Value> {
        serde_json::from_slice(&asked(0, &["list", "hr", "--output", "json"]).stdout).expect("a list")
    };
    assert_eq!(list().len(), PEOPLE);
    assert!(text_of(&asked(0, &["list", "hr"])).contains("no attribute confirms it"));
    asked(2, &["confirm", "hr"]);
    asked(2, &["confirm", "hr", "nobody"]);
    let confirmed = asked(0, &["confirm", "hr", "U1", "--output", "json"]);
    let confirmed: Value = serde_json::from_slice(&confirmed.stdout).expect("JSON");
    assert_eq!((&confirmed["confirmed"][0]["name"], &confirmed["confirmed"][1]), (&json!("u1"), &Value::Null));
    assert_eq!(company.run().0, 3);
    assert_eq!(list().len(), PEOPLE - 1);
    asked(0, &["confirm", "hr", "--all"]);
    assert_eq!(company.run(), (0, 0));
    assert_eq!(list(), Vec::<Value>::new());
    company.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_reloaded_keeps_whom_an_attribute_confirms() {
    let company = Company::start();
    company.configure_job(|job| job["relink"] = json!({ "confirm_by": { "User": ["employeeNumber"] } }));
    assert_eq!(company.run(), (0, 0));
    company.target.admin(reqwest::Method::DELETE, "journal", None).await;
    company.reload();
    assert_eq!(company.run(), (0, 0));
    company.nothing_is_lost().await;
    // The mapping sends the identifier of the source, and nothing else has changed.
    assert_eq!((company.target.writes_to("/Users").await, company.target.writes_to("/Groups").await), (20, 0));
    assert_eq!(company.run(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_a_group_is_read_without_its_members() {
    let company = Company::start();
    let group = format!("cn=crew,ou=groups,{SUFFIX}");
    company.slapd.set(&group, "businessCategory", "hidden");
    assert_eq!(company.run(), (3, 1));
    company.nothing_is_lost().await;
    company.slapd.set(&group, "businessCategory", "open");
    assert_eq!(company.run(), (0, 0));
    company.nothing_is_lost().await;
}
