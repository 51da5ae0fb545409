//! A job that fails too much slows down, says so, and is back at its pace after one good cycle.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use provisor::engine::policy::Policy;
use provisor::engine::quarantine::{QuarantineRules, wait};
use provisor::model::{CycleState, Health, QuarantineReason};
use provisor::scim_server::Dialect;
use serde_json::{Value, json};

use super::support::gateway::{Gateway, tenant_of, update};
use super::support::provisor::{PEOPLE, Pipeline};

async fn health(gateway: &Gateway) -> Health {
    gateway.store.health(&gateway.job.id).await.unwrap()
}

async fn answer_everything_with(gateway: &Gateway, status: u16) {
    let rule = json!([{ "path": "/Users", "every": 1, "moment": "before_commit", "do": { "status": status } }]);
    gateway.target.set_faults(rule).await;
}

#[tokio::test]
async fn refused_credentials_slow_the_job_down_at_once_until_they_are_mended() {
    let gateway = Gateway::start(tenant_of(3)).await;
    answer_everything_with(&gateway, 401).await;
    gateway.try_cycle().await.unwrap_err();
    let slow = health(&gateway).await;
    assert_eq!(slow.reason(), Some(QuarantineReason::EncounteredQuarantineException));
    assert!(wait(&slow, &gateway.job.policy.quarantine, slow.quarantine.as_ref().unwrap().current_began).is_some());
    assert_eq!(slow.quarantine.unwrap().error.code, "Unauthorized");
    gateway.target.clear_faults().await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(health(&gateway).await, Health::default());
    assert_eq!(gateway.target.users().await.len(), 3);
}

#[tokio::test]
async fn a_short_outage_is_no_quarantine() {
    let quarantine = QuarantineRules { at_least: 1, more_than: 2, ..QuarantineRules::default() };
    let policy = Policy { quarantine, ..Policy::default() };
    let gateway = Gateway::start_with(tenant_of(3), Dialect::STANDARD, policy).await;
    answer_everything_with(&gateway, 503).await;
    assert_eq!(gateway.cycle().await.counters.escrowed, 3);
    assert_eq!(health(&gateway).await, Health::default(), "everything fails, and may pass");
    gateway.target.clear_faults().await;
    gateway.cycle().await;
    assert_eq!((health(&gateway).await, gateway.target.users().await.len()), (Health::default(), 3));
}

#[tokio::test]
async fn more_than_the_share_of_failing_objects_slows_the_job_down() {
    let quarantine = QuarantineRules { at_least: 2, ..QuarantineRules::default() };
    let policy = Policy { quarantine, ..Policy::default() };
    let gateway = Gateway::start_with(tenant_of(5), Dialect::STANDARD, policy).await;
    gateway.cycle().await;
    let refuse = json!([{ "method": "PATCH", "path": "/Users", "every": 1, "moment": "before_commit", "do": { "status": 400 } }]);
    gateway.target.set_faults(refuse).await;
    gateway.stage(vec![update(1, json!({ "jobTitle": "Chief" })), update(2, json!({ "jobTitle": "Chief" }))]);
    gateway.cycle().await;
    assert_eq!(health(&gateway).await.reason(), None, "2 of 5 are not more than 40 %");
    gateway.stage(vec![update(3, json!({ "jobTitle": "Chief" }))]);
    gateway.cycle().await;
    assert_eq!(health(&gateway).await.reason(), Some(QuarantineReason::EncounteredEscrowProportionThreshold));
    gateway.target.clear_faults().await;
    gateway.cycle().await;
    assert!(health(&gateway).await.quarantine.is_some(), "nothing was tried again, so nothing is mended");
    gateway.stage(vec![update(1, json!({ "department": "Research" }))]);
    gateway.cycle().await;
    assert_eq!(health(&gateway).await, Health::default());
}

#[test]
fn the_command_line_says_it_and_a_person_ends_it() {
    let pipeline = Pipeline::start();
    let wrong = pipeline.configuration().replace("correct-horse", "wrong-horse");
    pipeline.run(&wrong).assert_code(1);
    pipeline.run(&wrong).assert_code(1);
    let table = pipeline.workplace.run(&["status"]);
    table.assert_code(0);
    assert!(
        table.stdout.contains("in quarantine since") && table.stdout.contains("provisor run people"),
        "{}",
        table.stdout
    );
    let status = || -> Value {
        let printed = pipeline.workplace.run(&["status", "--output", "json"]);
        printed.assert_code(0);
        serde_json::from_str::<Value>(&printed.stdout).unwrap()[0]["status"].take()
    };
    let slow = status();
    assert_eq!((&slow["code"], &slow["countSuccessiveCompleteFailures"]), (&json!("Quarantine"), &json!(2)));
    let quarantine = &slow["quarantine"];
    assert_eq!(quarantine["reason"], "EncounteredQuarantineException");
    assert_eq!((&quarantine["seriesCount"], &quarantine["error"]["tenantActionable"]), (&json!(1), &json!(true)));
    assert!(quarantine["nextAttempt"].is_string() && quarantine["seriesBegan"].is_string(), "{slow}");
    assert!(!table.said().contains("wrong-horse") && !slow.to_string().contains("wrong-horse"));
    let healed = pipeline.run(&pipeline.configuration());
    healed.assert_code(0);
    assert!(healed.stderr.contains("the quarantine is over"), "{}", healed.stderr);
    assert_eq!(pipeline.target.count("/Users"), PEOPLE);
    assert_eq!(
        status(),
        json!({ "code": "Active", "state": "Active", "countSuccessiveCompleteFailures": 0, "quarantine": null })
    );
}
