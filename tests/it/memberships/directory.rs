//! The same with a directory: groups named by DN, people known before their groups and after them, the check.

use provisor::templates::Vocabulary;
use serde_json::Value;

use super::{Groups, document, member_of};
use crate::support::directory::{NOBODY, dn_of, group, person};
use crate::support::postgres::Postgres;
use crate::support::program::{Gateway, Target, text_of};
use crate::support::slapd::{SUFFIX, Slapd, SlapdOptions};

pub(super) fn change(cn: &str, verb: &str, uid: &str) -> String {
    format!("dn: cn={cn},ou=groups,{SUFFIX}\nchangetype: modify\n{verb}: member\nmember: {}\n", dn_of(uid))
}

/// The names of the people whose resource is active.
pub(super) async fn active(target: &Target) -> Vec<String> {
    let users = target.get("/Users?count=200").await;
    let users = users["Resources"].as_array().cloned().unwrap_or_default();
    let active = users.iter().filter(|user| user["active"] == true);
    let mut names: Vec<String> = active.filter_map(|user| user["userName"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

async fn follows_groups(store: Option<&str>) {
    let people: String = ["ada", "bob", "cyd", "dot"].map(person).concat();
    let slapd = Slapd::start_with(
        &SlapdOptions::default(),
        &[NOBODY, &people, &group("staff", &["ada", "bob", "cyd"])].concat(),
    );
    let target = Target::start("standard");
    let gateway = Gateway::new(&slapd, &target, store);
    gateway.let_half_of_few_leave();
    // A DN compares as the directory compares it; the other group is named by its common name.
    let words = ["CN=Staff, OU=groups,DC=example,DC=org", "guests"];
    gateway.set_schema(&document(Vocabulary::Ldap, Groups::OnlyRead, &[&[member_of(&words)]]));
    gateway.run();
    assert_eq!(active(&target).await, ["ada", "bob", "cyd"]);

    // Known for long before there is a group that the filter names.
    slapd.add(&group("guests", &["dot"]));
    gateway.run();
    assert_eq!(active(&target).await, ["ada", "bob", "cyd", "dot"]);

    // A member before there is such a person.
    slapd.modify(&change("guests", "add", "eve"));
    gateway.run();
    slapd.add(&person("eve"));
    slapd.modify(&change("staff", "delete", "bob"));
    gateway.run();
    assert_eq!(active(&target).await, ["ada", "cyd", "dot", "eve"]);

    // Renaming a member changes nothing, whether the directory has repaired the group by then or not.
    slapd.rename(&dn_of("ada"), "uid=countess", None);
    gateway.run();
    assert_eq!(active(&target).await, ["countess", "cyd", "dot", "eve"]);

    // Under another name it is not the group that the filter names.
    slapd.rename(&format!("cn=guests,ou=groups,{SUFFIX}"), "cn=visitors", None);
    gateway.run();
    assert_eq!(active(&target).await, ["countess", "cyd"]);
    let idle = gateway.run();
    assert_eq!(idle["counters"]["writes"], 0, "{idle}");
    assert_eq!(target.get("/Groups").await["totalResults"], 0, "groups are only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_directory_decide_on_sqlite() {
    follows_groups(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_directory_decide_on_postgresql() {
    let postgres = Postgres::start();
    let url = postgres.create_database("memberships").await;
    follows_groups(Some(url.expose())).await;
}

#[test]
fn the_check_says_what_reads_the_groups() {
    let slapd = Slapd::start_with(&SlapdOptions::default(), NOBODY);
    let target = Target::start("standard");
    let gateway = Gateway::new(&slapd, &target, None);
    let mut document = document(Vocabulary::Ldap, Groups::OnlyRead, &[&[member_of(&["staff"])]]);
    document["synchronizationRules"][0]["objectMappings"][1]["enabled"] = Value::Bool(false);
    gateway.set_schema(&document);
    let output = gateway.command().output().expect("the program");
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    let said = text_of(&output);
    for word in ["scope/groups/0/clauses/0/operatorName", "with `members` mapped", "`flowTypes` may be `None`"] {
        assert!(said.contains(word), "{said}");
    }
}
