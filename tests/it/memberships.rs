//! People who are provisioned because they are members of a group: they join it, leave it, and it changes itself.

mod directory;
mod nested;

use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::{CycleState, RemovalState};
use provisor::provisioning_log::Act;
use provisor::scim_server::Dialect;
use provisor::store::{LogFilter, Store};
use provisor::sync_schema::{Schema, compile};
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value, json};

use super::support::gateway::{Gateway, group, group_id, tenant_of, update, user_id, user_name};
use super::support::postgres::Postgres;

/// Whether the job provisions groups, or only reads them.
#[derive(Clone, Copy, PartialEq)]
enum Groups {
    Provisioned,
    OnlyRead,
}

/// The schema of the template, with people in scope who pass one of these groups of clauses.
fn document(source: Vocabulary, groups: Groups, filters: &[&[Value]]) -> Value {
    let document = Templates::built_in().named("scim").expect("the template").schema(source).expect("a schema");
    let mut document = serde_json::to_value(document).expect("JSON");
    let mappings = &mut document["synchronizationRules"][0]["objectMappings"];
    let filters: Vec<Value> = filters.iter().map(|clauses| json!({ "clauses": clauses })).collect();
    mappings[0]["scope"] = json!({ "groups": filters });
    if groups == Groups::OnlyRead {
        mappings[1]["flowTypes"] = json!("None");
    }
    document
}

fn member_of(groups: &[&str]) -> Value {
    json!({ "sourceOperandName": "IsMemberOf", "operatorName": "IsMemberOf", "targetOperand": { "values": groups } })
}

/// The schema for Microsoft Graph; the number stands for it.
fn schema(groups: Groups, filters: &[&[Value]], number: i64) -> (Schema, i64) {
    let document = serde_json::from_value(document(Vocabulary::Graph, groups, filters)).expect("a document");
    (compile(&document).runnable().expect("it runs"), number)
}

async fn start(tenant: Tenant, groups: Groups, filters: &[&[Value]]) -> Gateway {
    Gateway::start_of(tenant, Dialect::STANDARD, Default::default(), schema(groups, filters, 1)).await
}

/// So many users, of whom these are members of `Group 1`.
fn crew(users: usize, members: impl IntoIterator<Item = usize>) -> Tenant {
    Tenant { groups: vec![group(1, members)], ..tenant_of(users) }
}

fn join(group: usize, user: usize) -> Staged {
    Staged::AddMember { group: group_id(group), member: user_id(user) }
}

fn leave(group: usize, user: usize) -> Staged {
    Staged::RemoveMember { group: group_id(group), member: user_id(user) }
}

fn rename(group: usize, name: &str) -> Staged {
    let Value::Object(properties) = json!({ "displayName": name }) else { panic!("an object") };
    Staged::UpdateGroup { group: group_id(group), properties }
}

/// The numbers of the people whose resource is active.
async fn active(gateway: &Gateway, users: usize) -> Vec<usize> {
    let resources = gateway.target.users().await;
    let is_active = |number: &usize| {
        let mut found = resources.iter().filter(|user| user["userName"] == user_name(*number).as_str());
        found.next().is_some_and(|user| user["active"] == true)
    };
    (1..=users).filter(is_active).collect()
}

/// Joiners are provisioned and leavers deprovisioned in the cycle that reads it, and nothing else is written.
async fn joiners_and_leavers(store: Option<Store>) {
    let mut gateway = start(crew(12, 1..=5), Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.store = store.unwrap_or(gateway.store);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 5));
    gateway.target.writes().await;

    gateway.stage(vec![join(1, 7), leave(1, 2)]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.created, report.counters.disabled), (1, 1));
    assert_eq!(active(&gateway, 12).await, [1, 3, 4, 5, 7]);
    let mut writes = gateway.target.writes().await;
    writes.sort();
    assert_eq!(writes, ["PATCH /Users", "POST /Users"]);

    gateway.stage(vec![join(1, 2)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 12).await, [1, 2, 3, 4, 5, 7]);
    gateway.target.writes().await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Succeeded, 0));
    assert_eq!(gateway.target.groups().await, [json!(null); 0], "groups are only read");
    gateway.source.expire_delta_tokens();
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Succeeded, 0), "a full read changes nothing");
}

#[tokio::test]
async fn who_joins_is_provisioned_and_who_leaves_is_not_on_sqlite() {
    joiners_and_leavers(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_is_provisioned_and_who_leaves_is_not_on_postgresql() {
    let postgres = Postgres::start();
    let url = postgres.create_database("memberships").await;
    joiners_and_leavers(Some(Store::open(&url, None).await.expect("the store"))).await;
}

#[tokio::test]
async fn who_left_while_the_token_was_expired_is_deprovisioned() {
    let gateway = start(crew(6, 1..=5), Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1, 2), join(1, 6)]);
    gateway.source.expire_delta_tokens();
    let report = gateway.cycle().await;
    assert_eq!((report.counters.created, report.counters.disabled), (1, 1));
    assert_eq!(active(&gateway, 6).await, [1, 3, 4, 5, 6]);
}

#[tokio::test]
async fn people_come_before_the_groups_that_decide_about_them() {
    let mut document = document(Vocabulary::Graph, Groups::Provisioned, &[&[member_of(&["Group 1"])]]);
    let mappings = document["synchronizationRules"][0]["objectMappings"].as_array_mut().expect("mappings");
    mappings.reverse();
    let document = serde_json::from_value(document).expect("a document");
    let schema = (compile(&document).runnable().expect("it runs"), 1);
    let gateway = Gateway::start_of(crew(4, [1, 2]), Dialect::STANDARD, Default::default(), schema).await;
    gateway.cycle().await;
    assert_eq!(gateway.target.writes().await, ["POST /Users", "POST /Users", "POST /Groups"]);
    assert_eq!(gateway.target.members("Group 1").await.len(), 2);
    gateway.stage(vec![join(1, 4)]);
    gateway.cycle().await;
    assert_eq!(gateway.target.members("Group 1").await.len(), 3, "who joins is in the group within the cycle");
}

#[tokio::test]
async fn a_group_that_is_renamed_takes_nobody_along_without_a_person() {
    let gateway = start(crew(5, 1..=4), Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    gateway.target.writes().await;
    gateway.stage(vec![rename(1, "Another")]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged), (CycleState::Partial, 4));
    assert_eq!(active(&gateway, 5).await, [1, 2, 3, 4]);
    gateway.stage(vec![rename(1, "Group 1")]);
    let report = gateway.cycle().await;
    assert_eq!(
        (report.state, report.counters.staged),
        (CycleState::Succeeded, 0),
        "the removals end with their reason"
    );
    assert_eq!(gateway.target.writes().await, [""; 0]);
}

#[tokio::test]
async fn a_group_that_is_deleted_takes_its_members_along_once_a_person_agrees() {
    let gateway = start(crew(5, 1..=4), Groups::OnlyRead, &[&[member_of(&[&group_id(1)])]]).await;
    gateway.cycle().await;
    gateway.stage(vec![Staged::DeleteGroup { group: group_id(1) }]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged), (CycleState::Partial, 4));
    assert_eq!(active(&gateway, 5).await, [1, 2, 3, 4]);
    gateway.judge_staged(RemovalState::Released).await;
    assert_eq!(gateway.cycle().await.counters.disabled, 4);
    assert_eq!(active(&gateway, 5).await, [0; 0]);
}

#[tokio::test]
async fn members_of_a_member_do_not_count() {
    let mut tenant = crew(4, [1, 2]);
    tenant.groups.push(group(2, [3]));
    tenant.groups[1].members.push(group_id(1));
    let gateway = start(tenant, Groups::OnlyRead, &[&[member_of(&["Group 2"])]]).await;
    gateway.cycle().await;
    assert_eq!(active(&gateway, 4).await, [3]);
    gateway.stage(vec![join(1, 4)]);
    assert_eq!(gateway.cycle().await.counters.writes, 0);
    gateway.stage(vec![join(2, 1)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 4).await, [1, 3]);
}

#[tokio::test]
async fn membership_is_of_any_group_and_one_clause_among_others() {
    let mut tenant = crew(6, [1, 2, 3]);
    tenant.groups.push(group(2, [3, 4]));
    tenant.groups.push(group(3, [6]));
    tenant.users[0].properties.insert("jobTitle".to_owned(), json!("Visitor"));
    let engineers = json!({ "sourceOperandName": "jobTitle", "operatorName": "EQUALS", "targetOperand": { "values": ["Engineer"] } });
    let filters: &[&[Value]] = &[&[member_of(&["Group 1", &group_id(2)]), engineers], &[member_of(&["Group 3"])]];
    let gateway = start(tenant, Groups::OnlyRead, filters).await;
    gateway.cycle().await;
    assert_eq!(active(&gateway, 6).await, [2, 3, 4, 6]);
    gateway.stage(vec![leave(1, 3), update(1, json!({ "jobTitle": "Engineer" }))]);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 6).await, [1, 2, 3, 4, 6], "one of the two groups is enough");
    gateway.stage(vec![leave(2, 3), update(1, json!({ "jobTitle": "Visitor" }))]);
    assert_eq!(gateway.cycle().await.counters.disabled, 2);
    assert_eq!(active(&gateway, 6).await, [2, 4, 6]);
}

#[tokio::test]
async fn a_display_name_that_two_groups_have_decides_nothing() {
    let mut tenant = crew(5, [1, 2]);
    tenant.groups.push(group(2, [3]));
    let gateway = start(tenant, Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    gateway.stage(vec![rename(2, "Group 1"), leave(1, 1), join(1, 4)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Partial, 0));
    assert_eq!(gateway.escrows().await, ["ScopeUndecided"; 4], "members of either group");
    assert_eq!(active(&gateway, 5).await, [1, 2]);
    gateway.stage(vec![rename(1, "Former")]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.created, report.counters.disabled), (1, 2), "the other group has the name now");
    assert_eq!((active(&gateway, 5).await, gateway.escrows().await), (vec![3], Vec::new()));
    gateway.stage(vec![rename(1, "Group 1"), rename(2, "Group 2")]);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 5).await, [2, 4]);
}

#[tokio::test]
async fn a_disabled_account_is_disabled_whatever_a_name_may_mean() {
    let mut tenant = crew(5, [1, 2]);
    tenant.groups.push(group(2, [3]));
    let gateway = start(tenant, Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    gateway.stage(vec![rename(2, "Group 1"), update(1, json!({ "accountEnabled": false }))]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.disabled), (CycleState::Partial, 1));
    assert_eq!(active(&gateway, 5).await, [2]);
    assert_eq!(gateway.escrows().await, ["ScopeUndecided"; 2], "those of whom it matters what the name means");
}

#[tokio::test]
async fn a_filter_that_comes_later_finds_groups_that_were_read_before() {
    let mut gateway =
        Gateway::start_of(crew(9, 1..=6), Dialect::STANDARD, Default::default(), schema(Groups::Provisioned, &[], 1))
            .await;
    assert_eq!(gateway.cycle().await.counters.created, 10);
    let (asking, number) = schema(Groups::Provisioned, &[&[member_of(&["Group 1"])]], 2);
    gateway.job.schema = asking.into();
    gateway.job.schema_version = number;
    assert_eq!(gateway.cycle().await.counters.disabled, 3);
    assert_eq!(active(&gateway, 9).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(gateway.target.members("Group 1").await.len(), 6);
}

/// The log says which test somebody does not pass any more, and no value of theirs.
#[tokio::test]
async fn the_log_explains_who_is_not_in_scope() {
    let gateway = start(crew(4, 1..=3), Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    let explained = async || {
        let log =
            gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 100).await.expect("the log");
        log.into_iter()
            .filter_map(|line| Some((line.summary.event.action, line.summary.subject.scope?)))
            .collect::<Vec<_>>()
    };
    let why = |group: &str| format!(r#"out of scope: (IsMemberOf "Group {group}": no)"#);
    assert_eq!(explained().await, [(Act::Other, why("1"))], "one is left out");
    gateway.stage(vec![leave(1, 2)]);
    gateway.cycle().await;
    assert_eq!(explained().await, [Act::Disable, Act::Other].map(|action| (action, why("1"))));
}

/// What was recorded is acted on by the next cycle, although the source has nothing to say any more.
#[tokio::test]
async fn a_cycle_that_breaks_off_between_reading_and_acting_loses_nobody() {
    let gateway = start(crew(6, 1..=4), Groups::OnlyRead, &[&[member_of(&["Group 1"])]]).await;
    gateway.cycle().await;
    gateway.stage(vec![join(1, 6), leave(1, 2)]);
    let revoked =
        |method| json!([{ "method": method, "every": 1, "moment": "before_commit", "do": { "status": 401 } }]);
    gateway.target.set_faults(revoked("POST")).await;
    gateway.try_cycle().await.expect_err("the target takes nothing");
    gateway.target.set_faults(revoked("PATCH")).await;
    gateway.try_cycle().await.expect_err("the target takes no removal");
    gateway.target.clear_faults().await;
    assert_eq!(active(&gateway, 6).await, [1, 2, 3, 4, 6]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.changes, report.counters.disabled), (CycleState::Succeeded, 0, 1));
    assert_eq!(active(&gateway, 6).await, [1, 3, 4, 6]);
}
