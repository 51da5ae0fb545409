//! The same with a directory, where the configuration names groups.

use serde_json::{Value, json};

use crate::support::directory::{NOBODY, dn_of, group, person};
use crate::support::postgres::Postgres;
use crate::support::program::{Gateway, Target, text_of};
use crate::support::slapd::{SUFFIX, Slapd, SlapdOptions};

fn dn(cn: &str) -> String {
    format!("cn={cn},ou=groups,{SUFFIX}")
}

fn change(cn: &str, verb: &str, uid: &str) -> String {
    format!("dn: {}\nchangetype: modify\n{verb}: member\nmember: {}\n", dn(cn), dn_of(uid))
}

async fn active(target: &Target) -> Vec<String> {
    let users = target.get("/Users?count=200").await;
    let users = users["Resources"].as_array().cloned().unwrap_or_default();
    let active = users.iter().filter(|user| user["active"] == true);
    let mut names: Vec<String> = active.filter_map(|user| user["userName"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

async fn groups(target: &Target) -> Vec<String> {
    let groups = target.get("/Groups?count=200").await;
    let groups = groups["Resources"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> =
        groups.iter().filter_map(|group| group["displayName"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

fn assigned(names: &[&str]) -> Value {
    let groups: Vec<Value> = names.iter().map(|cn| json!({ "dn": dn(cn) })).collect();
    json!({ "assigned": { "groups": groups } })
}

async fn follows_assigned_groups(store: Option<&str>) {
    let people: String = ["ada", "bob", "cyd", "dot", "eve"].map(person).concat();
    let listed = [group("crm", &["ada", "bob"]), group("guests", &["cyd"]), group("staff", &["eve", "ada"])].concat();
    let slapd = Slapd::start_with(&SlapdOptions::default(), &[NOBODY, &people, &listed].concat());
    let target = Target::start("standard");
    let gateway = Gateway::new(&slapd, &target, store);
    gateway.let_half_of_few_leave();
    gateway.set_scope(&assigned(&["crm"]));
    gateway.run();
    assert_eq!((active(&target).await, groups(&target).await), (vec!["ada".into(), "bob".into()], vec!["crm".into()]));

    // Members come and go.
    slapd.modify(&change("crm", "add", "dot"));
    slapd.modify(&change("crm", "delete", "bob"));
    gateway.run();
    assert_eq!(active(&target).await, ["ada", "dot"]);

    // Another group is assigned, and no longer: that counts once a second cycle sees it, too.
    gateway.set_scope(&assigned(&["crm", "guests"]));
    gateway.run();
    assert_eq!(
        (active(&target).await, groups(&target).await.len()),
        (vec!["ada".into(), "cyd".into(), "dot".into()], 2)
    );
    gateway.set_scope(&assigned(&["crm"]));
    gateway.run();
    assert_eq!(active(&target).await, ["ada", "cyd", "dot"]);
    gateway.run();
    assert_eq!((active(&target).await, groups(&target).await.len()), (vec!["ada".into(), "dot".into()], 1));

    // Everybody, and back.
    gateway.set_scope(&json!("all"));
    gateway.run();
    assert_eq!((active(&target).await.len(), groups(&target).await.len()), (5, 3));
    gateway.set_scope(&assigned(&["crm"]));
    gateway.run();
    assert_eq!((active(&target).await, groups(&target).await.len()), (vec!["ada".into(), "dot".into()], 1));
    let idle = gateway.run();
    assert_eq!(idle["counters"]["writes"], 0, "{idle}");

    // A group that is not there any more under its name is a mistake, and takes nobody's access.
    slapd.rename(&dn("crm"), "cn=desk", None);
    let output = gateway.command().output().expect("the program");
    assert_ne!(output.status.code(), Some(0), "{}", text_of(&output));
    assert!(text_of(&output).contains(&dn("crm")), "{}", text_of(&output));
    assert_eq!(active(&target).await, ["ada", "dot"]);
    gateway.set_scope(&assigned(&["desk"]));
    gateway.run();
    assert_eq!((active(&target).await, groups(&target).await), (vec!["ada".into(), "dot".into()], vec!["desk".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_directory_are_assigned_on_sqlite() {
    follows_assigned_groups(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_a_directory_are_assigned_on_postgresql() {
    let postgres = Postgres::start();
    let url = postgres.create_database("assignments").await;
    follows_assigned_groups(Some(url.expose())).await;
}
