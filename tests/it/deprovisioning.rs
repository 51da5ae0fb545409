//! What becomes of a resource when its person leaves, and when the person comes back.

mod matrix;

use provisor::engine::policy::Policy;
use provisor::graph_emulator::Staged;
use provisor::graph_emulator::Tenant;
use provisor::model::CycleState;
use provisor::scim_server::Dialect;
use serde_json::json;

use super::support::gateway::{
    Gateway, edited_schema, group, group_id, leave, mapping_of, purge, tenant_of, update, user_id, user_name,
};

#[tokio::test]
async fn soft_deletion_disables_restoring_enables_and_purging_deletes() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    let id = gateway.target.id_of(&user_name(1)).await;

    gateway.stage(vec![leave(1)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.disabled), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["active"], false);

    gateway.stage(vec![Staged::Restore { user: user_id(1) }]);
    gateway.cycle().await;
    let user = gateway.target.user(&user_name(1)).await.unwrap();
    assert_eq!((user["active"].as_bool(), user["id"].as_str()), (Some(true), Some(id.as_str())));

    gateway.stage(vec![leave(1), purge(1)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.deleted), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.user(&user_name(1)).await, None);
}

#[tokio::test]
async fn a_disabled_account_is_disabled_and_nothing_is_created_for_one() {
    let mut tenant = tenant_of(4);
    tenant.users[3].properties.insert("accountEnabled".to_owned(), json!(false));
    let gateway = Gateway::start(tenant).await;
    assert_eq!(gateway.cycle().await.counters.created, 3);
    gateway.stage(vec![update(1, json!({ "accountEnabled": false }))]);
    assert_eq!(gateway.cycle().await.counters.disabled, 1);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["active"], false);
}

#[tokio::test]
async fn who_was_purged_while_the_token_was_expired_is_deleted() {
    let gateway = Gateway::start(tenant_of(12)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1)]);
    assert_eq!(gateway.cycle().await.counters.disabled, 1);
    gateway.stage(vec![purge(1), leave(2), purge(2), leave(3)]);
    gateway.source.expire_delta_tokens();
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.deleted, report.counters.disabled), (CycleState::Succeeded, 2, 1));
    assert_eq!(gateway.target.users().await.len(), 10);
}

#[tokio::test]
async fn a_removal_whose_object_came_back_is_not_carried_out() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), leave(2)]);
    assert_eq!(gateway.cycle().await.counters.staged, 2);
    gateway.judge_staged(provisor::model::RemovalState::Released).await;
    gateway.stage(vec![Staged::Restore { user: user_id(1) }]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.disabled), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["active"], true);
    assert_eq!(gateway.target.user(&user_name(2)).await.unwrap()["active"], false);
}

#[tokio::test]
async fn a_mapping_that_fails_keeps_nobodys_access() {
    let schema = edited_schema(1, |document| {
        let source = json!({ "type": "Function", "expression": "FormatDateTime([jobTitle], , \"yyyy\", \"yyyy\")" });
        mapping_of(document, "title")["source"] = source;
    });
    let mut tenant = tenant_of(8);
    tenant.users.iter_mut().for_each(|user| drop(user.properties.insert("jobTitle".to_owned(), json!("2001"))));
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), schema).await;
    assert_eq!(gateway.cycle().await.counters.created, 8);
    gateway.stage((1..=3).map(|number| update(number, json!({ "jobTitle": "no year" }))).collect());
    gateway.cycle().await;
    assert_eq!(gateway.escrows().await, ["AttributeFlowFailed"; 3]);
    gateway.stage(vec![update(1, json!({ "accountEnabled": false })), leave(2), leave(3), purge(3)]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.disabled, report.counters.deleted), (2, 1));
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["active"], false);
    assert_eq!(gateway.target.user(&user_name(2)).await.unwrap()["active"], false);
    assert_eq!(gateway.target.user(&user_name(3)).await, None);
    // Nothing is left to take away, and what fails is told again.
    gateway.stage(vec![update(1, json!({ "jobTitle": "still no year" }))]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.disabled, gateway.escrows().await), (0, vec!["AttributeFlowFailed".to_owned()]));
}

#[tokio::test]
async fn a_disabled_person_stays_a_member_as_long_as_the_source_says_so() {
    let tenant = Tenant { groups: vec![group(1, 1..=5)], ..tenant_of(8) };
    let gateway = Gateway::start(tenant).await;
    gateway.cycle().await;
    let id = gateway.target.id_of(&user_name(1)).await;
    let is_member = async || gateway.target.members("Group 1").await.contains(&id);
    gateway.stage(vec![update(1, json!({ "accountEnabled": false }))]);
    assert_eq!(gateway.cycle().await.counters.disabled, 1);
    assert!(is_member().await);
    gateway.stage(vec![Staged::RemoveMember { group: group_id(1), member: user_id(1) }]);
    gateway.cycle().await;
    assert!(!is_member().await, "whoever leaves a group while disabled leaves it");
    gateway.stage(vec![
        Staged::AddMember { group: group_id(1), member: user_id(1) },
        update(1, json!({ "accountEnabled": true })),
    ]);
    gateway.cycle().await;
    assert!(is_member().await);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["active"], true);
}
