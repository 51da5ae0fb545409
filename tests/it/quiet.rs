//! A target is asked when there is something to tell it, and before anything is decided.

use provisor::model::Health;
use serde_json::json;

use super::support::gateway::{Gateway, leave, tenant_of, update, user_name};

/// Every request is refused, as by something else that answers under the target's address.
fn nobody_home() -> serde_json::Value {
    json!([{ "method": "*", "do": { "status": 404 } }])
}

#[tokio::test]
async fn a_cycle_without_news_asks_the_target_nothing() {
    let gateway = Gateway::start(tenant_of(4)).await;
    gateway.cycle().await;
    gateway.target.set_faults(nobody_home()).await;
    let report = gateway.cycle().await;
    assert_eq!((report.counters.requests, gateway.target.faults_met().await), (0, 0));
}

#[tokio::test]
async fn the_first_news_of_a_cycle_waits_for_an_answer() {
    let gateway = Gateway::start(tenant_of(4)).await;
    gateway.cycle().await;
    gateway.target.requests().await;
    gateway.target.set_faults(nobody_home()).await;
    gateway.stage(vec![update(1, json!({ "displayName": "Other" })), leave(2)]);
    assert!(gateway.try_cycle().await.is_err());
    gateway.target.clear_faults().await;
    assert!(gateway.target.requests().await.is_empty(), "nothing was tried to be written");
    gateway.cycle().await;
    assert_eq!(gateway.target.user(&user_name(1)).await.map(|user| user["displayName"].clone()), Some(json!("Other")));
}

#[tokio::test]
async fn a_job_in_trouble_is_well_again_when_its_target_answers() {
    let gateway = Gateway::start(tenant_of(4)).await;
    gateway.cycle().await;
    let health = async || gateway.store.health(&gateway.job.id).await.unwrap();
    gateway.target.set_faults(nobody_home()).await;
    gateway.stage(vec![leave(2)]);
    assert!(gateway.try_cycle().await.is_err());
    assert_ne!(health().await, Health::default());
    // The news ends, and the trouble does not.
    assert!(gateway.try_cycle().await.is_err());
    gateway.target.clear_faults().await;
    gateway.cycle().await;
    assert_eq!(health().await, Health::default());
}
