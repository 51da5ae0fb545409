//! What fails for one object is kept with its reason, tried again, and holds up nobody else.

use provisor::model::CycleState;
use serde_json::{Value, json};

use super::support::gateway::{Gateway, tenant_of, update, user_name};

fn rule(method: &str, path: &str, turn: (&str, u64), moment: &str, effect: Value) -> Value {
    json!([{ "method": method, "path": path, turn.0: turn.1, "moment": moment, "do": effect }])
}

#[tokio::test]
async fn one_user_that_the_target_cannot_take_holds_up_nobody() {
    let gateway = Gateway::start(tenant_of(5)).await;
    let fault = rule("POST", "/Users", ("nth", 2), "before_commit", json!({ "status": 500 }));
    gateway.target.set_faults(fault).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Partial, 4));
    assert_eq!(gateway.escrows().await, ["OutcomeUnknown"]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.users().await.len(), 5);
}

#[tokio::test]
async fn a_target_that_goes_on_failing_is_not_asked_again_and_again() {
    let gateway = Gateway::start(tenant_of(1)).await;
    let fault = rule("POST", "/Users", ("every", 1), "before_commit", json!({ "status": 500 }));
    gateway.target.set_faults(fault).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Partial);
    assert_eq!(gateway.target.writes().await, ["POST /Users"]);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_not_repeated() {
    let gateway = Gateway::start(tenant_of(3)).await;
    let fault = rule("POST", "/Users", ("nth", 1), "after_commit", json!({ "drop": true }));
    gateway.target.set_faults(fault).await;
    gateway.cycle().await;
    assert_eq!(gateway.target.writes().await.iter().filter(|write| *write == "POST /Users").count(), 3);
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Succeeded);
    assert_eq!(gateway.target.users().await.len(), 3);
    gateway.stage(vec![
        update(1, json!({ "jobTitle": "Chief" })),
        update(2, json!({ "jobTitle": "Chief" })),
        update(3, json!({ "jobTitle": "Chief" })),
    ]);
    assert_eq!(gateway.cycle().await.counters.updated, 3);
}

#[tokio::test]
async fn a_refused_change_is_escrowed_and_sent_with_the_next_one() {
    let gateway = Gateway::start(tenant_of(2)).await;
    gateway.cycle().await;
    let fault = rule("PATCH", "/Users", ("every", 1), "before_commit", json!({ "status": 400 }));
    gateway.target.set_faults(fault).await;
    gateway.stage(vec![update(1, json!({ "jobTitle": "Chief" }))]);
    assert_eq!(gateway.cycle().await.state, CycleState::Partial);
    assert_eq!(gateway.escrows().await, ["UnprocessableEntity"]);
    gateway.target.clear_faults().await;
    assert_eq!(gateway.cycle().await.counters.updated, 0, "an object error keeps to its schedule");
    gateway.stage(vec![update(1, json!({ "department": "Research" }))]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.updated), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["title"], "Chief");
}
