//! Values that nobody in the target has: drawn for whoever is new there, and never twice.
//!
//! The target itself does not mind when two users have one `nickName`, so nobody but the gateway keeps them apart.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use provisor::engine::policy::{Policy, ProtectedResources};
use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::CycleState;
use provisor::scim_server::Dialect;
use provisor::sync_schema::{Schema, compile};
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value, json};

use super::support::gateway::{Gateway, join, leave, object, purge, tenant_of, update, user_name};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The template with its attribute `target` of users drawn from these expressions.
fn drawing(target: &str, rules: &str) -> (Schema, i64) {
    let schema = Templates::built_in().named("scim").unwrap().schema(Vocabulary::Graph).unwrap();
    let mut schema = serde_json::to_value(schema).unwrap();
    let mappings = schema.pointer_mut("/synchronizationRules/0/objectMappings").unwrap().as_array_mut().unwrap();
    let users = mappings.iter_mut().find(|mapping| mapping["sourceObjectName"] == "User").unwrap();
    let attributes = users["attributeMappings"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["targetAttributeName"] != target);
    if target == "userName" {
        // Something else has to find users then.
        let external_id = attributes.iter_mut().find(|attribute| attribute["targetAttributeName"] == "externalId");
        let external_id = external_id.unwrap();
        external_id["matchingPriority"] = json!(1);
        external_id["source"] = json!({ "type": "Attribute", "name": "userPrincipalName" });
    }
    attributes.push(json!({ "targetAttributeName": target, "flowType": "ObjectAddOnly",
        "source": { "type": "Function", "expression": format!("SelectUniqueValue({rules})") } }));
    (compile(&serde_json::from_value(schema).unwrap()).runnable().unwrap(), 1)
}

/// Nick names of the mail nickname, alone or with a number behind it.
fn nick_names() -> (Schema, i64) {
    drawing("nickName", r#"[mailNickname], Append([mailNickname], "2"), Append([mailNickname], "3")"#)
}

/// So many users, all of whom are called `kim`.
fn all_kim(users: usize) -> Tenant {
    let mut tenant = tenant_of(users);
    for user in &mut tenant.users {
        user.properties.insert("mailNickname".to_owned(), json!("kim"));
    }
    tenant
}

async fn start(tenant: Tenant, dialect: &'static Dialect) -> Gateway {
    Gateway::start_of(tenant, dialect, Policy::default(), nick_names()).await
}

/// Somebody whom the gateway does not know.
async fn stranger(gateway: &Gateway, name: &str, nick_name: &str) -> String {
    let user = json!({ "schemas": [CORE], "userName": name, "nickName": nick_name, "active": true });
    gateway.target.create("/Users", user).await
}

async fn nick_name(gateway: &Gateway, number: usize) -> Value {
    gateway.target.user(&user_name(number)).await.unwrap()["nickName"].clone()
}

/// The nick names of everybody, in order.
async fn all_nick_names(gateway: &Gateway) -> Vec<String> {
    let users = gateway.target.users().await;
    let mut names: Vec<_> = users.iter().map(|user| user["nickName"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_newcomer_gets_the_first_name_that_is_free_in_any_letter_case() {
    for dialect in [Dialect::STANDARD, Dialect::NO_FILTER] {
        let gateway = start(all_kim(1), dialect).await;
        stranger(&gateway, "stranger@example.org", "KIM").await;
        let report = gateway.cycle().await;
        assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
        assert_eq!(nick_name(&gateway, 1).await, "kim2", "{}", dialect.name);
    }
}

#[tokio::test]
async fn a_value_is_drawn_once_and_never_sent_again() {
    let gateway = start(all_kim(1), Dialect::STANDARD).await;
    stranger(&gateway, "stranger@example.org", "kim").await;
    gateway.cycle().await;
    gateway.target.requests().await;
    gateway.stage(vec![update(1, json!({ "jobTitle": "Chief", "mailNickname": "robin" }))]);
    assert_eq!(gateway.cycle().await.counters.updated, 1);
    let requests = gateway.target.requests().await;
    let body = requests.iter().find(|request| request["method"] == "PATCH").unwrap()["body"].to_string();
    assert!(body.contains("Chief") && !body.contains("nickName"), "{body}");
    assert_eq!(nick_name(&gateway, 1).await, "kim2");
}

#[tokio::test]
async fn an_adopted_resource_keeps_the_value_it_has() {
    let gateway = start(all_kim(1), Dialect::STANDARD).await;
    stranger(&gateway, &user_name(1), "captain").await;
    assert_eq!(gateway.cycle().await.counters.linked, 1);
    assert_eq!(nick_name(&gateway, 1).await, "captain");
}

#[tokio::test]
async fn newcomers_of_one_page_and_of_several_draw_different_values() {
    for dialect in [Dialect::STANDARD, Dialect::NO_FILTER] {
        // The source has ten users a page, and several pages are acted on at once.
        let candidates: Vec<String> = (1..=25).map(|number| format!("Append([mailNickname], \"{number}\")")).collect();
        let schema = drawing("nickName", &candidates.join(", "));
        let gateway = Gateway::start_of(all_kim(25), dialect, Policy::default(), schema).await;
        let report = gateway.cycle().await;
        assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 25));
        let names: BTreeSet<String> = all_nick_names(&gateway).await.into_iter().collect();
        assert_eq!(names, (1..=25).map(|number| format!("kim{number}")).collect(), "{}", dialect.name);
        // A cycle later, against what the ones before drew.
        let properties = object(json!({ "userPrincipalName": "late@example.org", "displayName": "Late",
            "mailNickname": "KIM", "accountEnabled": true }));
        gateway.stage(vec![Staged::Join { properties, groups: Vec::new() }]);
        assert_eq!(gateway.cycle().await.counters.created, 0);
        assert_eq!(gateway.escrows().await, ["NoUniqueValue"]);
    }
}

#[tokio::test]
async fn who_finds_no_value_waits_in_escrow_until_one_is_free() {
    fn later() -> DateTime<Utc> {
        Utc::now() + TimeDelta::hours(7)
    }
    for dialect in [Dialect::STANDARD, Dialect::NO_FILTER] {
        let mut gateway = start(all_kim(1), dialect).await;
        let mut strangers = Vec::new();
        for name in ["kim", "kim2", "Kim3"] {
            strangers.push(stranger(&gateway, &format!("{name}@elsewhere.example"), name).await);
        }
        let report = gateway.cycle().await;
        assert_eq!((report.state, report.counters.created), (CycleState::Partial, 0));
        assert_eq!(gateway.escrows().await, ["NoUniqueValue"]);
        gateway.target.delete(&format!("/Users/{}", strangers[1])).await;
        gateway.job.now = later;
        let report = gateway.cycle().await;
        assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1), "{}", dialect.name);
        assert_eq!(nick_name(&gateway, 1).await, "kim2");
        assert_eq!(gateway.escrows().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_joiner_draws_the_value_of_a_leaver_of_the_same_cycle() {
    let schema = drawing("nickName", r#""only", "ONLY""#);
    let gateway = Gateway::start_of(tenant_of(1), Dialect::STANDARD, Policy::default(), schema).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), purge(1), join("joiner@example.org")]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.deleted, report.counters.created), (1, 1));
    assert_eq!(gateway.target.user("joiner@example.org").await.unwrap()["nickName"], "only");
}

#[tokio::test]
async fn what_somebody_took_in_between_is_drawn_anew() {
    let gateway = start(all_kim(1), Dialect::STANDARD).await;
    let conflict = json!([
        { "method": "POST", "path": "/Users", "nth": 1, "moment": "before_commit", "do": { "status": 409 } }
    ]);
    gateway.target.set_faults(conflict).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
    assert_eq!(nick_name(&gateway, 1).await, "kim", "its own draw does not stand in its way");
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_keeps_the_value_that_it_drew() {
    for dialect in [Dialect::STANDARD, Dialect::NO_FILTER] {
        let gateway = start(all_kim(3), dialect).await;
        let lost = json!([
            { "method": "POST", "path": "/Users", "nth": 1, "moment": "after_commit", "do": { "drop": true } }
        ]);
        gateway.target.set_faults(lost).await;
        gateway.cycle().await;
        assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
        assert_eq!(all_nick_names(&gateway).await, ["kim", "kim2", "kim3"], "{}", dialect.name);
        gateway.target.requests().await;
        gateway.stage((1..=3).map(|number| update(number, json!({ "jobTitle": "Chief" }))).collect());
        assert_eq!(gateway.cycle().await.counters.updated, 3);
        let sent = gateway.target.requests().await;
        assert!(sent.iter().all(|request| !request["body"].to_string().contains("nickName")), "{sent:?}");
    }
}

#[tokio::test]
async fn a_value_found_in_the_target_never_settles_who_was_created() {
    let gateway = start(all_kim(1), Dialect::STANDARD).await;
    let refused = json!([
        { "method": "POST", "path": "/Users", "nth": 1, "moment": "before_commit", "do": { "drop": true } }
    ]);
    gateway.target.set_faults(refused).await;
    gateway.cycle().await;
    // Somebody else takes the value that was to be sent.
    let id = stranger(&gateway, "stranger@example.org", "kim").await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
    assert_eq!(nick_name(&gateway, 1).await, "kim2");
    assert_eq!(gateway.target.id_of("stranger@example.org").await, id);
}

#[tokio::test]
async fn a_protected_user_name_is_never_drawn() {
    let schema = drawing("userName", r#"[mailNickname], Append([mailNickname], "2")"#);
    let protected = ProtectedResources::new(["KIM".to_owned()], []);
    let policy = Policy { protected, ..Policy::default() };
    let gateway = Gateway::start_of(all_kim(2), Dialect::STANDARD, policy, schema).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Partial, 1));
    assert!(gateway.target.user("kim2").await.is_some());
    assert_eq!(gateway.escrows().await, ["NoUniqueValue"]);
}

#[tokio::test]
async fn a_target_that_neither_filters_by_it_nor_lists_says_so_in_the_escrow() {
    let gateway = start(all_kim(1), Dialect::named("eq-only").unwrap()).await;
    assert_eq!(gateway.cycle().await.counters.created, 1);
    gateway.stage(vec![join("joiner@example.org")]);
    // The first request looks whether the target is there, the second one looks for the user name.
    let refused = json!([
        { "method": "GET", "path": "/Users", "nth": 3, "moment": "before_commit", "do": { "status": 400 } }
    ]);
    gateway.target.set_faults(refused).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Partial, 0));
    assert_eq!(gateway.escrows().await, ["UniqueValueNotSupported"]);
}
