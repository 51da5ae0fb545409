//! Groups with the members that were chosen, and people whom groups decide about.

use provisor::engine::policy::{Guard, Limits, Policy};
use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::{CycleState, RemovalState};
use provisor::provisioning_log::{Act, Status};
use provisor::scim_server::Dialect;
use provisor::sync_schema::compile;
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value, json};

use super::{CREATED, outcome, told};
use crate::support::gateway::{Gateway, group, group_id, tenant_of, user_id, user_name};

const NAME: &str = "Group 1";

fn of_group(users: usize, members: std::ops::RangeInclusive<usize>) -> Tenant {
    Tenant { groups: vec![group(1, members)], ..tenant_of(users) }
}

fn leaves(number: usize) -> Staged {
    Staged::RemoveMember { group: group_id(1), member: user_id(number) }
}

#[tokio::test]
async fn a_group_comes_with_the_members_that_were_chosen_and_no_others() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    let reports = gateway.provision(NAME, &[&user_name(1), &user_id(2), &user_id(21)]).await;
    assert_eq!(reports.iter().map(outcome).collect::<Vec<_>>(), [CREATED; 4]);
    assert_eq!(gateway.target.writes().await, ["POST /Users", "POST /Users", "POST /Users", "POST /Groups"]);
    assert_eq!(gateway.target.members(NAME).await.len(), 2);
    let details = &reports[3].steps[3].details;
    assert!(details.contains(&("References added".to_owned(), "2".to_owned())), "{details:?}");
    assert!(details.contains(&("Not a member in the source".to_owned(), user_id(21))), "{details:?}");

    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.references_added), (CycleState::Succeeded, 18));
    assert_eq!(gateway.target.members(NAME).await.len(), 20);
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}

#[tokio::test]
async fn a_group_alone_keeps_the_members_it_has() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    gateway.cycle().await;
    let add = Staged::AddMember { group: group_id(1), member: user_id(21) };
    let Value::Object(properties) = json!({ "displayName": "Renamed" }) else { panic!("an object") };
    gateway.stage(vec![add, leaves(1), Staged::UpdateGroup { group: group_id(1), properties }]);
    let reports = gateway.provision(&group_id(1), &[]).await;
    assert_eq!(outcome(&reports[0]), (Act::Update, Status::Success, None));
    assert_eq!(gateway.target.members("Renamed").await.len(), 20);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.references_added, report.counters.references_removed), (1, 1));
}

#[tokio::test]
async fn any_number_of_members_goes_along() {
    let policy = Policy { references_on_create: 5, ..Policy::default() };
    let gateway = Gateway::start_with(of_group(40, 1..=40), Dialect::STANDARD, policy).await;
    let chosen: Vec<String> = (1..=33).map(user_id).collect();
    let reports = gateway.provision(NAME, &chosen.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(reports.len(), 34);
    assert_eq!(gateway.target.members(NAME).await.len(), 33);
    assert_eq!(reports[33].summary.event.references.added, 33, "what was sent in all");
}

#[tokio::test]
async fn who_left_the_group_is_taken_from_it_if_chosen() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    gateway.cycle().await;
    gateway.stage(vec![leaves(5), leaves(6)]);
    gateway.target.writes().await;
    let reports = gateway.provision(NAME, &[&user_id(5)]).await;
    let report = reports.last().unwrap();
    assert_eq!((outcome(report), report.summary.event.references.removed), ((Act::Update, Status::Success, None), 1));
    assert_eq!(gateway.target.writes().await, ["PATCH /Groups"]);
    let members = gateway.target.members(NAME).await;
    assert!(members.contains(&gateway.target.id_of(&user_name(6)).await), "who was not chosen stays");
    assert!(!members.contains(&gateway.target.id_of(&user_name(5)).await));
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.references_removed), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.members(NAME).await.len(), 18);
}

#[tokio::test]
async fn a_group_never_loses_everybody_at_once() {
    let gateway = Gateway::start(of_group(10, 1..=3)).await;
    gateway.cycle().await;
    gateway.stage((1..=3).map(leaves).collect());
    let chosen: Vec<String> = (1..=3).map(user_id).collect();
    let reports = gateway.provision(NAME, &chosen.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let report = reports.last().unwrap();
    assert!(!report.is_done() && report.waits[0].contains("staged"), "{report:?}");
    assert_eq!(gateway.target.members(NAME).await.len(), 3);
    // A person refuses; nobody is taken away one by one either.
    gateway.judge_staged(RemovalState::Rejected).await;
    let reports = gateway.provision(NAME, &[&user_id(1)]).await;
    let report = reports.last().unwrap();
    assert!(!report.is_done() && report.waits[0].contains("rejected"), "{report:?}");
    assert_eq!(gateway.removals(RemovalState::Rejected).await.len(), 1);
    assert_eq!(gateway.target.members(NAME).await.len(), 3);
    gateway.cycle().await;
    assert_eq!(gateway.target.members(NAME).await.len(), 3);
}

#[tokio::test]
async fn a_decision_about_all_members_is_not_lost_by_provisioning_the_group_alone() {
    let guard = Guard { cycle: Limits { percent: 10, at_least: 2, more_than: 500 }, ..Guard::default() };
    let policy = Policy { guard, ..Policy::default() };
    let gateway = Gateway::start_with(of_group(20, 1..=10), Dialect::STANDARD, policy).await;
    gateway.cycle().await;
    gateway.stage((1..=4).map(leaves).collect());
    gateway.cycle().await;
    gateway.judge_staged(RemovalState::Rejected).await;
    for members in [vec![], vec![user_id(9)], vec![user_id(1)]] {
        gateway.provision(NAME, &members.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(gateway.removals(RemovalState::Rejected).await.len(), 1, "{members:?}");
        assert_eq!(gateway.target.members(NAME).await.len(), 10, "{members:?}");
    }
}

/// A job that provisions the members of `Group 1`.
async fn crew(tenant: Tenant) -> Gateway {
    let document = Templates::built_in().named("scim").unwrap().schema(Vocabulary::Graph).unwrap();
    let mut document = serde_json::to_value(document).unwrap();
    document["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({ "groups": [{ "name": "crew", "clauses": [
        { "sourceOperandName": "IsMemberOf", "operatorName": "IsMemberOf", "targetOperand": { "values": [NAME] } },
    ] }] });
    let schema = compile(&serde_json::from_value(document).unwrap()).runnable().unwrap();
    Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), (schema, 1)).await
}

#[tokio::test]
async fn who_is_a_member_is_asked_of_the_source_now() {
    let gateway = crew(of_group(6, 1..=2)).await;
    // Before any cycle: the group is read for it.
    assert_eq!(told(&gateway.provision(&user_id(1), &[]).await), CREATED);
    let reports = gateway.provision(&user_id(3), &[]).await;
    assert_eq!(told(&reports), (Act::Other, Status::Skipped, Some("NotInScope")));
    let result = reports[0].steps[1].details.iter().find(|(name, _)| name == "ScopeEvaluationResult").unwrap();
    assert_eq!(result.1, r#"{"crew.IsMemberOf \"Group 1\"":false}"#);
    assert!(reports[0].is_done());
    gateway.cycle().await;
    assert_eq!(gateway.target.users().await.len(), 2);
    // A joiner and a leaver, whom no cycle has seen yet.
    gateway.stage(vec![Staged::AddMember { group: group_id(1), member: user_id(4) }, leaves(1)]);
    assert_eq!(told(&gateway.provision(&user_id(4), &[]).await), CREATED);
    assert_eq!(told(&gateway.provision(&user_id(1), &[]).await), (Act::Disable, Status::Success, None));
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created, report.counters.disabled), (CycleState::Succeeded, 0, 0));
}
