//! What the provisioning log says of what happened to people and groups, from end to end.

use provisor::engine::policy::{Deprovisioning, Policy};
use provisor::model::{Action, AttributeChange, Intent, MatchingValue, ObjectKey, RemovalState, TargetPath};
use provisor::provisioning_log::{Act, Logged, Status, document, row};
use provisor::scim_server::Dialect;
use provisor::store::LogFilter;
use serde_json::{Value, json};

use super::support::gateway::{Gateway, group, join, leave, purge, tenant_of, update, user_id, user_name};

/// The lines that a cycle wrote, the oldest first.
struct Log {
    seen: usize,
}

impl Log {
    async fn news(&mut self, gateway: &Gateway) -> Vec<Logged> {
        let mut all =
            gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 1000).await.expect("the log");
        all.reverse();
        let news = all.split_off(self.seen);
        self.seen += news.len();
        news
    }
}

fn told(lines: &[Logged]) -> Vec<(Act, Status, &str)> {
    let code = |line: &Logged| line.summary.event.reason.as_ref().map(|reason| reason.code.clone());
    let lines = lines.iter().map(|line| (line.summary.event.action, line.summary.event.status, code(line)));
    lines.map(|(action, status, code)| (action, status, code.map_or("", |code| &*code.leak()))).collect()
}

fn property<'d>(document: &'d Value, name: &str) -> &'d Value {
    let properties = document["modifiedProperties"].as_array().expect("a list");
    properties.iter().find(|property| property["displayName"] == name).unwrap_or_else(|| panic!("{name}: {document}"))
}

fn statuses(document: &Value) -> Vec<&str> {
    let steps = document["provisioningSteps"].as_array().expect("a list");
    steps.iter().map(|step| step["status"].as_str().expect("a word")).collect()
}

#[tokio::test]
async fn a_life_is_told_with_old_and_new_values() {
    let gateway = Gateway::start(tenant_of(4)).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Create, Status::Success, ""); 4]);
    let created = document(news.iter().find(|line| line.key.anchor.as_str() == user_id(1)).expect("the first user"));
    let id = gateway.target.id_of(&user_name(1)).await;
    let identity = |id: &str, kind| json!({ "id": id, "displayName": user_name(1), "identityType": kind });
    assert_eq!(created["sourceIdentity"], identity(&user_id(1), "User"));
    assert_eq!(created["targetIdentity"], identity(&id, "Users"));
    assert_eq!((&created["jobId"], &created["provisioningAction"]), (&json!("job"), &json!("create")));
    assert_eq!(statuses(&created), ["success"; 5]);
    assert_eq!(property(&created, "title")["newValue"], "Engineer");
    assert_eq!(property(&created, "title")["oldValue"], Value::Null);
    let cycle = gateway.store.last_cycles(&gateway.job.id, 1).await.expect("the cycle").remove(0);
    assert_eq!(created["cycleId"], cycle.id.as_str());

    gateway.cycle().await;
    assert!(log.news(&gateway).await.is_empty(), "a no-op writes nothing");

    gateway.stage(vec![update(1, json!({ "jobTitle": "Größe \"日本\", \n=1+1" }))]);
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Update, Status::Success, "")]);
    let updated = document(&news[0]);
    let title = json!({ "displayName": "title", "oldValue": "Engineer", "newValue": "Größe \"日本\", \n=1+1" });
    assert_eq!(updated["modifiedProperties"], json!([title]));

    gateway.stage(vec![leave(1)]);
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Disable, Status::Success, "")], "that it was held first is told nobody");
    let active = document(&news[0]);
    assert_eq!(
        (&property(&active, "active")["oldValue"], &property(&active, "active")["newValue"]),
        (&json!("true"), &json!("false"))
    );

    gateway.stage(vec![purge(1)]);
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Delete, Status::Success, "")]);
    let deleted = document(&news[0]);
    assert_eq!(deleted["targetIdentity"]["id"], json!(id), "who is gone still has a name");
    assert_eq!(deleted["sourceIdentity"]["displayName"], json!(user_name(1)));
}

#[tokio::test]
async fn a_group_tells_how_many_members_came_and_went() {
    let mut tenant = tenant_of(12);
    tenant.groups = vec![group(1, 1..=9)];
    let gateway = Gateway::start(tenant).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    let created = document(news.last().expect("the group"));
    assert_eq!(created["sourceIdentity"]["displayName"], "Group 1");
    let references = &created["references"];
    assert_eq!((&references["added"], &references["removed"]), (&json!(9), &json!(0)));
    let first = references["first"].as_array().expect("a list");
    assert_eq!(first.len(), 5, "the first few");
    assert!(first.iter().all(|reference| reference["attribute"] == "members" && reference["added"] == true));
}

#[tokio::test]
async fn a_failure_comes_with_its_request_and_what_to_do() {
    let gateway = Gateway::start(tenant_of(3)).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    log.news(&gateway).await;
    let refuse = json!({ "status": 400 });
    gateway
        .target
        .set_faults(json!([{ "method": "PATCH", "every": 1, "moment": "before_commit", "do": refuse }]))
        .await;
    gateway.stage(vec![update(2, json!({ "jobTitle": "Jester" }))]);
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Update, Status::Failure, "UnprocessableEntity")]);
    let failed = document(&news[0]);
    let error = &failed["provisioningStatusInfo"]["errorInformation"];
    assert_eq!(error["request"]["request"], "PATCH /Users/{id}", "{error}");
    assert_eq!(error["request"]["status"], 400);
    assert!(error["recommendedAction"].as_str().expect("advice").contains("mapping"), "{error}");
    assert_eq!(statuses(&failed).last(), Some(&"failure"));
    assert_eq!(property(&failed, "title")["newValue"], "Jester", "what was tried");
    assert!(row(&news[0]).contains(",PATCH /Users/{id},400,"), "{}", row(&news[0]));
    let said = [failed.to_string(), row(&news[0])].concat();
    assert!(!said.contains("Bearer") && !said.contains("Authorization"), "{said}");
}

#[tokio::test]
async fn who_is_left_alone_is_told_why() {
    let policy = Policy { soft_deleted: Deprovisioning::Nothing, ..Policy::default() };
    let mut tenant = tenant_of(3);
    tenant.users[2].properties.insert("accountEnabled".to_owned(), json!(false));
    let gateway = Gateway::start_with(tenant, Dialect::STANDARD, policy).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    let disabled = news.iter().find(|line| line.key.anchor.as_str() == user_id(3)).expect("a line");
    assert_eq!(told(std::slice::from_ref(disabled)), [(Act::Other, Status::Skipped, "NotInScope")]);
    let error = &document(disabled)["provisioningStatusInfo"]["errorInformation"];
    assert_eq!(error["reason"], "disabled in the source");
    gateway.stage(vec![leave(1)]);
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Other, Status::Skipped, "KeptByPolicy")]);
    assert_eq!(statuses(&document(&news[0])), ["success", "success", "success", "skipped"]);
}

#[tokio::test]
async fn who_waits_for_a_name_and_who_gets_it_are_told() {
    let gateway = Gateway::start(tenant_of(2)).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    log.news(&gateway).await;
    gateway.stage(vec![leave(1), purge(1), join(&user_name(1))]);
    gateway.cycle().await;
    gateway.judge_staged(RemovalState::Released).await;
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    let codes: Vec<&str> = told(&news).into_iter().map(|(_, _, code)| code).collect();
    assert!(codes.contains(&"WaitsForRemoval"), "{codes:?}");
    let ends: Vec<Act> =
        told(&news).into_iter().filter(|(_, status, _)| *status == Status::Success).map(|(act, ..)| act).collect();
    assert_eq!(ends, [Act::Delete, Act::Create]);
}

#[tokio::test]
async fn the_log_forgets_what_is_older_than_it_keeps() {
    let mut gateway = Gateway::start(tenant_of(2)).await;
    gateway.cycle().await;
    let lines = async |gateway: &Gateway| {
        gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 99).await.expect("the log").len()
    };
    assert_eq!(lines(&gateway).await, 2);
    gateway.job.now = || chrono::Utc::now() + chrono::TimeDelta::days(31);
    gateway.cycle().await;
    assert_eq!(lines(&gateway).await, 0);
}

/// What the process that died had decided for the first user.
async fn left_open(gateway: &Gateway, action: Action) {
    let mapping = &gateway.job.schema.mappings[0];
    let key = ObjectKey { mapping: mapping.id.clone(), anchor: user_id(1).as_str().into() };
    let value = MatchingValue { path: TargetPath::new("userName"), value: user_name(1), case_exact: false };
    let (kind, matching) = (mapping.target_kind.clone(), vec![value]);
    let intent = Intent { key, kind, revision: 1, action, matching, drawn: Vec::new() };
    let opened = gateway.store.open_intents(&gateway.job.id, gateway.target_identity(), vec![intent.into()]).await;
    assert_eq!(opened.expect("the store").refused, []);
}

#[tokio::test]
async fn a_request_that_is_settled_after_a_crash_has_its_own_line() {
    let gateway = Gateway::start(tenant_of(1)).await;
    let mut log = Log { seen: 0 };
    gateway.target.set_faults(json!([{ "method": "POST", "path": "/Users", "do": { "status": 400 } }])).await;
    gateway.cycle().await;
    gateway.target.clear_faults().await;
    log.news(&gateway).await;
    // The process sent it and died; the target had done it.
    let id = gateway.target.create_user(&user_name(1)).await;
    let name = AttributeChange::set(TargetPath::new("userName"), json!(user_name(1)));
    left_open(&gateway, Action::Create { attributes: vec![name], edges: Vec::new() }).await;
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news)[0], (Act::Create, Status::Success, "SettledAsDone"), "{news:?}");
    assert_eq!(news[0].summary.subject.name.as_deref(), Some(user_name(1).as_str()));
    let settled = document(&news[0]);
    assert_eq!(statuses(&settled).last(), Some(&"success"));
    assert_eq!(property(&settled, "userName")["newValue"], json!(user_name(1)));
    assert_eq!(gateway.target.users().await.len(), 1);

    // The same of a change that the target does not show.
    let title = AttributeChange::set(TargetPath::new("title"), json!("Chief"));
    let action = Action::Update { resource: id.as_str().into(), changes: vec![title], edges: Vec::new() };
    left_open(&gateway, action).await;
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    let (sent, again) = ((Act::Update, Status::Warning, "SettledAsNotDone"), (Act::Update, Status::Success, ""));
    assert_eq!(told(&news), [sent, again], "it is sent again");
}

#[tokio::test]
async fn an_answer_that_is_lost_within_a_cycle_is_told_twice() {
    let gateway = Gateway::start(tenant_of(1)).await;
    let mut log = Log { seen: 0 };
    let lost =
        json!([{ "method": "POST", "path": "/Users", "nth": 1, "moment": "after_commit", "do": { "drop": true } }]);
    gateway.target.set_faults(lost).await;
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    let lines = [(Act::Create, Status::Warning, "OutcomeUnknown"), (Act::Create, Status::Success, "SettledAsDone")];
    assert_eq!(told(&news)[..2], lines);
}

#[tokio::test]
async fn a_removal_that_waits_is_told_once_and_then_as_done() {
    let gateway = Gateway::start(tenant_of(4)).await;
    let mut log = Log { seen: 0 };
    gateway.cycle().await;
    log.news(&gateway).await;
    gateway.stage((1..=3).map(leave).collect());
    gateway.cycle().await;
    let news = log.news(&gateway).await;
    assert_eq!(told(&news), [(Act::Other, Status::Skipped, "RemovalStaged"); 3]);
    let reason = news[0].summary.event.reason.as_ref().and_then(|reason| reason.text.as_deref());
    assert_eq!(reason, Some("disable: in the recycle bin of the source"));
    assert!(news[0].summary.subject.name.is_some() && news[0].summary.subject.resource.is_some(), "{news:?}");
    gateway.cycle().await;
    assert_eq!(told(&log.news(&gateway).await), [], "once");
    gateway.judge_staged(RemovalState::Approved).await;
    gateway.cycle().await;
    assert_eq!(told(&log.news(&gateway).await), [(Act::Disable, Status::Success, ""); 3]);
}
