//! An attribute that loses its value for many is a removal; for one, it goes with whatever else changes.

#![expect(clippy::unwrap_used, reason = "a document that is not as expected fails the test")]

use provisor::engine::policy::Policy;
use provisor::model::{CycleState, RemovalState};
use provisor::scim_server::Dialect;
use provisor::sync_schema::Schema;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, edited_schema, mapping_of, tenant_of, update, user_name};

/// Somebody who loses the job title in the source loses it in the target.
fn clearing_titles() -> (Schema, i64) {
    edited_schema(1, |document| {
        mapping_of(document, "title")["flowNullValues"] = json!(true);
        let objects = document["directories"].as_array_mut().unwrap().iter_mut();
        let objects = objects.flat_map(|directory| directory["objects"].as_array_mut().unwrap());
        let users = objects.filter(|object| object["name"] == "User");
        let attributes = users.flat_map(|object| object["attributes"].as_array_mut().unwrap());
        attributes.filter(|attribute| attribute["name"] == "jobTitle").for_each(|attribute| {
            attribute["flowNullValues"] = json!(true);
        });
    })
}

async fn start(users: usize) -> Gateway {
    let gateway = Gateway::start_of(tenant_of(users), Dialect::STANDARD, Policy::default(), clearing_titles()).await;
    gateway.cycle().await;
    gateway.target.requests().await;
    gateway
}

async fn with_title(gateway: &Gateway) -> usize {
    gateway.target.users().await.iter().filter(|user| user["title"] == "Engineer").count()
}

fn loses_title(number: usize) -> provisor::graph_emulator::Staged {
    update(number, json!({ "jobTitle": Value::Null, "displayName": "Somebody" }))
}

#[tokio::test]
async fn what_one_person_loses_goes_in_one_request_with_what_else_changes() {
    let gateway = start(20).await;
    gateway.stage(vec![loses_title(1)]);
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(gateway.target.writes().await, ["PATCH /Users"]);
    let user = gateway.target.user(&user_name(1)).await.unwrap();
    assert_eq!((&user["title"], &user["displayName"]), (&Value::Null, &json!("Somebody")));
}

#[tokio::test]
async fn what_many_lose_is_staged_by_attribute_and_the_rest_goes_on() {
    let gateway = start(20).await;
    gateway.stage((1..=12).map(loses_title).collect());
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged, report.counters.updated), (CycleState::Partial, 12, 12));
    assert_eq!(with_title(&gateway).await, 20);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["displayName"], "Somebody");
    // Whoever gets a title again keeps it.
    gateway.stage(vec![update(12, json!({ "jobTitle": "Engineer" }))]);
    gateway.judge_staged(RemovalState::Released).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(with_title(&gateway).await, 9);
}

#[tokio::test]
async fn what_a_person_rejects_is_asked_again_only_when_it_was_there_again() {
    let gateway = start(3).await;
    gateway.stage((1..=2).map(loses_title).collect());
    assert_eq!(gateway.cycle().await.counters.staged, 2);
    gateway.judge_staged(RemovalState::Rejected).await;
    gateway.stage(vec![update(1, json!({ "displayName": "Somebody else" }))]);
    assert_eq!(gateway.cycle().await.counters.staged, 0);
    assert_eq!(with_title(&gateway).await, 3);
    gateway.stage((1..=2).map(|number| update(number, json!({ "jobTitle": "Chief" }))).collect());
    gateway.cycle().await;
    gateway.stage(vec![loses_title(1)]);
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["title"], Value::Null);
}
