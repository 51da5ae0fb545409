//! How source objects find their resources, and what happens when they do not find exactly one.

use provisor::engine::policy::{Adoption, Policy};
use provisor::model::CycleState;
use provisor::scim_server::Dialect;
use serde_json::json;

use super::support::gateway::{Gateway, join, leave, purge, tenant_of, update, user, user_name};

#[tokio::test]
async fn existing_resources_are_adopted_and_brought_in_line() {
    let gateway = Gateway::start(tenant_of(2)).await;
    let id = gateway.target.create_user(&user_name(1)).await;
    gateway.target.writes().await;
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Succeeded);
    assert_eq!((report.counters.created, report.counters.linked), (1, 1));
    assert_eq!(gateway.target.id_of(&user_name(1)).await, id);
    let requests = gateway.target.requests().await;
    let patch = requests.iter().find(|request| request["method"] == "PATCH").unwrap();
    let body = patch["body"].to_string();
    assert!(body.contains("User 1") && !body.contains("userName"), "only what differs: {body}");
}

#[tokio::test]
async fn adoption_by_link_only_writes_nothing() {
    let policy = Policy { adoption: Adoption::LinkOnly, ..Policy::default() };
    let gateway = Gateway::start_with(tenant_of(1), Dialect::STANDARD, policy).await;
    gateway.target.create_user(&user_name(1)).await;
    gateway.target.writes().await;
    assert_eq!(gateway.cycle().await.counters.linked, 1);
    assert_eq!(gateway.target.writes().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cycle_without_changes_writes_nothing() {
    let gateway = Gateway::start(tenant_of(25)).await;
    assert_eq!(gateway.cycle().await.counters.created, 25);
    gateway.target.writes().await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Succeeded, 0));
    assert_eq!(gateway.target.writes().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_ambiguous_match_is_escrowed_and_the_others_go_on() {
    let mut tenant = tenant_of(2);
    tenant.groups.push(super::support::gateway::group(1, [1, 2]));
    let gateway = Gateway::start(tenant).await;
    for _ in 0..2 {
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
        gateway.target.create("/Groups", json!({ "schemas": schemas, "displayName": "Group 1" })).await;
    }
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Partial);
    assert_eq!(report.counters.created, 2);
    assert_eq!(gateway.escrows().await, ["DuplicateTargetEntries"]);
    assert_eq!(gateway.target.groups().await.len(), 2);
}

#[tokio::test]
async fn two_objects_of_one_name_never_make_two_resources() {
    for dialect in [Dialect::STANDARD, Dialect::NO_FILTER] {
        let mut tenant = tenant_of(3);
        tenant.users.push(user(4, &user_name(1)));
        let gateway = Gateway::start_with(tenant, dialect, Policy::default()).await;
        let report = gateway.cycle().await;
        assert_eq!(report.state, CycleState::Partial);
        assert_eq!(gateway.escrows().await, ["DuplicateSourceEntries"]);
        assert_eq!(gateway.target.users().await.len(), 3);
    }
}

#[tokio::test]
async fn a_joiner_takes_the_name_of_a_leaver_of_the_same_cycle() {
    let gateway = Gateway::start(tenant_of(12)).await;
    gateway.cycle().await;
    let former = gateway.target.id_of(&user_name(1)).await;
    gateway.stage(vec![leave(1), purge(1), join(&user_name(1))]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.deleted, report.counters.created), (1, 1));
    assert_eq!(report.state, CycleState::Succeeded);
    assert_ne!(gateway.target.id_of(&user_name(1)).await, former);
}

#[tokio::test]
async fn nobody_waits_for_a_removal_that_was_rejected() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), purge(1), leave(2), purge(2), join(&user_name(1))]);
    assert_eq!(gateway.cycle().await.counters.staged, 2);
    assert_eq!(gateway.escrows().await, Vec::<String>::new());
    gateway.judge_staged(provisor::model::RemovalState::Rejected).await;
    let report = gateway.cycle().await;
    assert_eq!(gateway.escrows().await, ["DuplicateSourceEntries"]);
    assert_eq!((report.counters.deleted, report.counters.created), (0, 0));
}

#[tokio::test]
async fn a_conflict_on_create_is_matched_again() {
    let gateway = Gateway::start(tenant_of(2)).await;
    // The list that the cycle begins with does not show what is created meanwhile: the first POST is refused as if
    // another one had come first.
    gateway.target.create_user(&user_name(1)).await;
    gateway
        .target
        .set_faults(json!([
            { "method": "POST", "path": "/Users", "nth": 1, "moment": "before_commit", "do": { "status": 409 } }
        ]))
        .await;
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Succeeded);
    assert_eq!(gateway.target.users().await.len(), 2);
}

#[tokio::test]
async fn a_target_without_filters_is_matched_without_duplicates() {
    let gateway = Gateway::start_with(tenant_of(45), Dialect::NO_FILTER, Policy::default()).await;
    gateway.target.create_user(&user_name(7)).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 44));
    let joiners = (0..30).map(|number| join(&format!("joiner{number}@example.org")));
    gateway.target.create_user("joiner3@example.org").await;
    gateway.stage(joiners.chain([update(1, json!({ "jobTitle": "Chief" }))]).collect());
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 29));
    assert_eq!(gateway.target.users().await.len(), 75);
}
