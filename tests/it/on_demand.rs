//! One object now, outside the watermark: what it does, what it leaves to the next cycle, and what it says.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

mod command;
mod groups;
mod trouble;

use provisor::engine::on_demand::{OnDemandError, Report, StepKind, document};
use provisor::engine::policy::{Guard, Limits, Policy};
use provisor::model::{CycleState, RemovalState};
use provisor::provisioning_log::{Act, Status};
use provisor::scim_server::Dialect;
use provisor::store::LogFilter;
use serde_json::json;

use super::support::gateway::{Gateway, join, leave, purge, tenant_of, update, user, user_id, user_name};

/// The one report, as action, status and code.
fn told(reports: &[Report]) -> (Act, Status, Option<&str>) {
    let [report] = reports else { panic!("one report: {reports:?}") };
    outcome(report)
}

fn outcome(report: &Report) -> (Act, Status, Option<&str>) {
    let event = &report.summary.event;
    (event.action, event.status, event.reason.as_ref().map(|reason| reason.code.as_str()))
}

/// The steps with how each ended.
fn steps(report: &Report) -> Vec<(StepKind, Status)> {
    report.steps.iter().map(|step| (step.kind, step.status)).collect()
}

async fn lines(gateway: &Gateway) -> usize {
    gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 1000).await.unwrap().len()
}

const CREATED: (Act, Status, Option<&str>) = (Act::Create, Status::Success, None);
const NOTHING: (Act, Status, Option<&str>) = (Act::Other, Status::Skipped, Some("RedundantExport"));

#[tokio::test]
async fn a_newcomer_is_created_and_the_watermark_stays() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    gateway.stage(vec![join("new@example.org"), join("other@example.org"), update(1, json!({ "jobTitle": "Chief" }))]);
    gateway.target.writes().await;
    let before = gateway.store.watermarks(&gateway.job.id).await.unwrap();

    let reports = gateway.provision("new@example.org", &[]).await;
    assert_eq!(told(&reports), CREATED);
    let (success, all) = (Status::Success, [StepKind::Import, StepKind::Scope, StepKind::Match, StepKind::Action]);
    assert_eq!(steps(&reports[0]), all.map(|step| (step, success)));
    assert!(reports[0].is_done());
    assert_eq!(gateway.target.writes().await, ["POST /Users"]);
    assert_eq!(gateway.store.watermarks(&gateway.job.id).await.unwrap(), before);
    assert!(gateway.store.last_cycles(&gateway.job.id, 9).await.unwrap().len() == 1, "it is no cycle");

    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created, report.counters.updated), (CycleState::Succeeded, 1, 1));
    assert_eq!(gateway.target.users().await.len(), 5);
}

#[tokio::test]
async fn the_first_cycle_knows_what_was_provisioned_before_it() {
    let gateway = Gateway::start(tenant_of(30)).await;
    assert_eq!(told(&gateway.provision(&user_id(7), &[]).await), CREATED);
    assert_eq!(gateway.target.users().await.len(), 1);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created, report.counters.writes), (CycleState::Succeeded, 29, 29));
    assert_eq!(gateway.target.users().await.len(), 30);
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}

#[tokio::test]
async fn what_is_as_it_should_be_is_left_alone_without_a_line() {
    let gateway = Gateway::start(tenant_of(2)).await;
    gateway.cycle().await;
    gateway.target.writes().await;
    let before = lines(&gateway).await;
    let reports = gateway.provision(&user_name(1), &[]).await;
    assert_eq!(told(&reports), NOTHING);
    assert!(reports[0].is_done(), "{reports:?}");
    let details = &reports[0].steps[2].details;
    assert!(details.contains(&("userName".to_owned(), user_name(1))), "what it is linked to: {details:?}");
    assert_eq!((gateway.target.writes().await, lines(&gateway).await), (Vec::<String>::new(), before));
}

#[tokio::test]
async fn who_is_there_already_is_found_and_brought_up_to_date() {
    let gateway = Gateway::start(tenant_of(2)).await;
    let id = gateway.target.create_user(&user_name(1)).await;
    let reports = gateway.provision(&user_name(1), &[]).await;
    let (action, status, _) = told(&reports);
    assert_eq!((action, status, reports[0].summary.event.adopted), (Act::Update, Status::Success, true));
    let matched = &reports[0].steps[2];
    assert!(matched.description.contains(&id), "{matched:?}");
    assert!(matched.details.contains(&("active".to_owned(), "true".to_owned())), "{matched:?}");
    let titles = reports[0].summary.event.modified.iter().find(|property| property.path.as_str() == "title");
    assert_eq!(titles.and_then(|title| title.new.clone()), Some(json!("Engineer")));
}

#[tokio::test]
async fn who_leaves_is_disabled_and_who_is_gone_is_deleted() {
    let gateway = Gateway::start(tenant_of(8)).await;
    gateway.cycle().await;
    gateway.stage(vec![update(1, json!({ "accountEnabled": false })), leave(2), leave(3), purge(3)]);
    let disabled = (Act::Disable, Status::Success, None);
    for number in [1, 2] {
        let reports = gateway.provision(&user_id(number), &[]).await;
        assert_eq!(told(&reports), disabled, "{number}");
        assert!(reports[0].is_done());
        assert_eq!(gateway.target.user(&user_name(number)).await.unwrap()["active"], false, "{number}");
    }
    let reports = gateway.provision(&user_id(3), &[]).await;
    assert_eq!(told(&reports), (Act::Delete, Status::Success, None));
    assert!(reports[0].steps[0].description.contains("no more"), "{reports:?}");
    assert_eq!(gateway.target.user(&user_name(3)).await, None);
    gateway.target.writes().await;
    assert_eq!(gateway.cycle().await.counters.writes, 0, "the cycle finds it done");
}

#[tokio::test]
async fn the_guard_stages_what_it_would_stage_in_a_cycle() {
    let guard = Guard { cycle: Limits { percent: 0, at_least: 1, more_than: 500 }, ..Guard::default() };
    let gateway = Gateway::start_with(tenant_of(4), Dialect::STANDARD, Policy { guard, ..Policy::default() }).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), leave(2), purge(2)]);
    for number in [1, 2] {
        let reports = gateway.provision(&user_id(number), &[]).await;
        assert_eq!(told(&reports), (Act::Other, Status::Skipped, Some("RemovalHeld")));
        assert!(!reports[0].is_done() && reports[0].waits[0].contains("staged"), "{reports:?}");
        assert_eq!(gateway.target.user(&user_name(number)).await.unwrap()["active"], true);
    }
    // Once more changes nothing, and a person's word counts.
    gateway.provision(&user_id(1), &[]).await;
    assert_eq!(gateway.removals(RemovalState::Staged).await.len(), 2);
    gateway.judge_staged(RemovalState::Released).await;
    let reports = gateway.provision(&user_id(1), &[]).await;
    assert_eq!(told(&reports), (Act::Disable, Status::Success, None));
    assert_eq!(gateway.target.user(&user_name(2)).await.unwrap()["active"], true, "nobody else");
}

#[tokio::test]
async fn who_is_meant_must_be_clear() {
    let mut tenant = tenant_of(2);
    tenant.users.push(user(3, "namesake@example.org"));
    tenant.users[2].properties.insert("displayName".to_owned(), json!("User 1"));
    let gateway = Gateway::start(tenant).await;
    gateway.cycle().await;
    let reports = gateway.provision("USER2@example.org", &[]).await;
    assert_eq!(told(&reports), NOTHING);
    let error = gateway.try_provision("User 1", &[]).await.unwrap_err();
    assert!(error.to_string().contains(&user_id(1)) && error.to_string().contains(&user_id(3)), "{error}");
    for nobody in ["nobody@example.org", "", "O'Hara", "' or id ne '", &user_id(9)] {
        let error = gateway.try_provision(nobody, &[]).await.unwrap_err();
        assert!(matches!(error, OnDemandError::Unknown { .. }), "{nobody}: {error}");
    }
    let error = gateway.try_provision(&user_id(1), &[&user_id(2)]).await.unwrap_err();
    assert!(matches!(error, OnDemandError::NoGroup { .. }), "{error}");
}

#[tokio::test]
async fn the_document_is_what_the_api_answers() {
    let gateway = Gateway::start(tenant_of(1)).await;
    let reports = gateway.provision(&user_name(1), &[]).await;
    let mut document = document(&reports[0], "directory", "application");
    for text in ["changeId", "startTime", "endTime"] {
        assert!(document[text].take().is_string(), "{text}");
    }
    let types: Vec<_> = document["provisioningSteps"].as_array().unwrap().iter().map(|step| &step["type"]).collect();
    assert_eq!(types, ["Import", "Scoping", "Matching", "Export"]);
    let import = &document["provisioningSteps"][0];
    assert_eq!((&import["name"], &import["details"]["accountEnabled"]), (&json!("EntryImport"), &json!("True")));
    let scope = &document["provisioningSteps"][1]["details"];
    assert_eq!(scope["Active in the source system"], "True");
    assert_eq!(scope["Scoping filter evaluation passed"], "True");
    let id = gateway.target.id_of(&user_name(1)).await;
    assert_eq!((&document["action"], &document["targetIdentity"]["id"]), (&json!("Create"), &json!(id)));
    assert_eq!(
        (&document["statusInfo"]["status"], &document["sourceSystem"]["name"]),
        (&json!("Success"), &json!("directory"))
    );
    let modified = document["modifiedProperties"].as_array().unwrap();
    assert!(modified.contains(&json!({ "displayName": "userName", "oldValue": null, "newValue": user_name(1) })));
    let line = &gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 1).await.unwrap()[0];
    assert_eq!(document["cycleId"], json!(line.cycle), "the line of the log is found by it");
}
