//! When something is in the way: a cycle of the same job, a target that fails, a read that broke off.

use provisor::engine::on_demand::StepKind;
use provisor::model::CycleState;
use provisor::provisioning_log::{Act, Status};
use serde_json::json;

use super::{CREATED, lines, told};
use crate::support::gateway::{Gateway, group, join, tenant_of, update, user_id, user_name};

#[tokio::test]
async fn it_never_runs_beside_a_cycle_of_the_same_job() {
    let gateway = Gateway::start(tenant_of(2)).await;
    let writer = gateway.store.lock_job(&gateway.job.id, &gateway.job.application).await.unwrap();
    let error = gateway.try_provision(&user_id(1), &[]).await.unwrap_err();
    let said = anyhow::Error::from(error);
    assert!(said.chain().any(|cause| cause.to_string().contains("wait until it is done")), "{said:?}");
    assert!(gateway.target.users().await.is_empty());
    drop(writer);
    assert_eq!(told(&gateway.provision(&user_id(1), &[]).await), CREATED);
}

#[tokio::test]
async fn who_is_refused_goes_to_escrow_and_the_next_cycle_heals_it() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.target.set_faults(json!([{ "method": "POST", "path": "/Users", "do": { "status": 400 } }])).await;
    let reports = gateway.provision(&user_id(1), &[]).await;
    let (action, status, code) = told(&reports);
    assert_eq!((action, status), (Act::Create, Status::Failure), "{code:?}");
    assert!(!reports[0].is_done() && reports[0].waits[0].contains("escrow"), "{reports:?}");
    assert_eq!(gateway.escrows().await.len(), 1);
    let before = lines(&gateway).await;
    assert_eq!(before, 1, "the failure is in the log");
    gateway.target.clear_faults().await;
    assert_eq!(told(&gateway.provision(&user_id(1), &[]).await), CREATED, "asked for, it does not wait");
    assert_eq!(gateway.escrows().await.len(), 0);
    assert_eq!(gateway.cycle().await.counters.created, 2);
}

#[tokio::test]
async fn an_answer_that_never_came_is_settled_before_it_goes_on() {
    let gateway = Gateway::start(tenant_of(2)).await;
    let lost =
        json!([{ "method": "POST", "path": "/Users", "nth": 1, "moment": "after_commit", "do": { "drop": true } }]);
    gateway.target.set_faults(lost).await;
    let reports = gateway.provision(&user_id(1), &[]).await;
    assert!(reports[0].summary.subject.resource.is_some(), "{reports:?}");
    assert!(gateway.target.user(&user_name(1)).await.is_some(), "once");
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
    assert_eq!(gateway.target.users().await.len(), 2);
}

#[tokio::test]
async fn a_resource_that_vanished_is_made_anew() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    let id = gateway.target.id_of(&user_name(1)).await;
    gateway.target.delete(&["/Users/", &id].concat()).await;
    gateway.stage(vec![update(1, json!({ "jobTitle": "Chief" }))]);
    let reports = gateway.provision(&user_id(1), &[]).await;
    assert_eq!(told(&reports), CREATED);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["title"], "Chief");
}

#[tokio::test]
async fn who_takes_a_name_that_somebody_has_is_told_whose_it_is() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    gateway.stage(vec![update(1, json!({ "userPrincipalName": "late@example.org" })), join(&user_name(1))]);
    let reports = gateway.provision(&user_name(1), &[]).await;
    assert_eq!(told(&reports), (Act::Other, Status::Failure, Some("DuplicateSourceEntries")));
    let matched = reports[0].steps.last().unwrap();
    assert_eq!((matched.kind, matched.status), (StepKind::Match, Status::Failure));
    assert!(matched.details.contains(&("Claimed by".to_owned(), user_id(1))), "{matched:?}");
    let report = gateway.cycle().await;
    assert_eq!((report.counters.created, report.counters.updated, gateway.escrows().await.len()), (1, 1, 0));
    assert!(
        gateway.target.user("late@example.org").await.is_some() && gateway.target.user(&user_name(1)).await.is_some()
    );
}

#[tokio::test]
async fn a_full_read_that_broke_off_goes_on_as_if_nothing_had_happened() {
    let mut tenant = tenant_of(60);
    tenant.groups = vec![group(1, 1..=40)];
    let gateway = Gateway::start(tenant).await;
    let unavailable = json!([{ "method": "POST", "path": "/Users", "every": 4, "do": { "status": 401 } }]);
    gateway.target.set_faults(unavailable).await;
    let _ = gateway.try_cycle().await;
    gateway.target.clear_faults().await;
    gateway.stage(vec![update(59, json!({ "jobTitle": "Chief" })), join("new@example.org")]);
    for object in [user_id(59), "new@example.org".to_owned(), user_id(1)] {
        let reports = gateway.provision(&object, &[]).await;
        assert!(reports[0].is_done(), "{reports:?}");
    }
    let reports = gateway.provision("Group 1", &[&user_id(2)]).await;
    assert!(reports.iter().all(|report| report.is_done()), "{reports:?}");
    for _ in 0..3 {
        gateway.cycle().await;
    }
    assert_eq!(gateway.target.users().await.len(), 61);
    assert_eq!(gateway.target.user(&user_name(59)).await.unwrap()["title"], "Chief");
    assert_eq!(gateway.target.members("Group 1").await.len(), 40);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Succeeded, 0));
}
