//! Members and managers: they follow their resources, and what the source holds.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use provisor::engine::policy::Policy;
use provisor::graph_emulator::Staged;
use provisor::model::CycleState;
use provisor::scim_server::Dialect;
use provisor::sync_schema::{Schema, compile};
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value, json};

use super::support::gateway::{Gateway, group, group_id, tenant_of, update, user_id, user_name};

fn of_group(tenant_users: usize, members: std::ops::RangeInclusive<usize>) -> provisor::graph_emulator::Tenant {
    let mut tenant = tenant_of(tenant_users);
    tenant.groups = vec![group(1, members)];
    tenant
}

#[tokio::test]
async fn a_change_of_members_is_one_request() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    gateway.cycle().await;
    assert_eq!(gateway.target.members("Group 1").await.len(), 20);
    gateway.target.writes().await;
    let add = |number| Staged::AddMember { group: group_id(1), member: user_id(number) };
    gateway.stage(vec![add(21), add(22)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.references_added), (CycleState::Succeeded, 2));
    assert_eq!(gateway.target.writes().await, ["PATCH /Groups"]);
}

#[tokio::test]
async fn a_resource_that_was_deleted_behind_our_back_comes_back_with_its_memberships() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    gateway.cycle().await;
    let former = gateway.target.id_of(&user_name(1)).await;
    gateway.target.delete(&["/Users/", &former].concat()).await;
    gateway.stage(vec![update(1, json!({ "jobTitle": "Chief" }))]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 1));
    let now = gateway.target.id_of(&user_name(1)).await;
    assert_ne!(now, former);
    let members = gateway.target.members("Group 1").await;
    assert!(members.contains(&now) && members.len() == 20, "{members:?}");
}

#[tokio::test]
async fn a_full_read_after_an_expired_token_corrects_what_was_missed() {
    let mut tenant = of_group(30, 1..=20);
    tenant.users[1].manager = Some(user_id(3));
    let gateway = Gateway::start(tenant).await;
    gateway.cycle().await;
    let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert!(gateway.target.user(&user_name(2)).await.unwrap()[extension]["manager"].is_object());
    gateway.stage(vec![
        update(1, json!({ "jobTitle": null })),
        Staged::RemoveMember { group: group_id(1), member: user_id(5) },
        Staged::SetManager { user: user_id(2), manager: None },
    ]);
    gateway.source.expire_delta_tokens();
    gateway.target.writes().await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, 0));
    assert_eq!(gateway.target.members("Group 1").await.len(), 19);
    assert_eq!(gateway.target.users().await.len(), 30);
    let ada = gateway.target.user(&user_name(2)).await.unwrap();
    assert!(ada[extension]["manager"].is_null(), "{ada}");
    // Nothing else was sent: the title has no value, which this mapping does not let flow.
    let writes = gateway.target.writes().await;
    assert_eq!(writes.iter().filter(|write| *write == "PATCH /Groups").count(), 1, "{writes:?}");
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}

#[tokio::test]
async fn a_group_that_the_target_refuses_is_not_sent_again_at_once() {
    let gateway = Gateway::start(of_group(30, 1..=20)).await;
    gateway.cycle().await;
    gateway
        .target
        .set_faults(json!([
            { "method": "PATCH", "path": "/Groups", "every": 1, "moment": "before_commit", "do": { "status": 400 } }
        ]))
        .await;
    gateway.target.writes().await;
    gateway.stage(vec![Staged::AddMember { group: group_id(1), member: user_id(21) }]);
    assert_eq!(gateway.cycle().await.state, CycleState::Partial);
    assert_eq!(gateway.target.writes().await, ["PATCH /Groups"]);
}

/// The schema of the template, with a nickname that says who the manager is.
fn naming_managers() -> Schema {
    let template = Templates::built_in().named("scim").unwrap().schema(Vocabulary::Graph).unwrap();
    let mut document = serde_json::to_value(template).unwrap();
    let mappings = document.pointer_mut("/synchronizationRules/0/objectMappings/0/attributeMappings");
    mappings.and_then(Value::as_array_mut).unwrap().push(json!({
        "targetAttributeName": "nickName",
        "source": { "type": "Function", "expression": "IIF(IsPresent([manager]), CStr([manager]), \"nobody\")" },
    }));
    compile(&serde_json::from_value(document).unwrap()).runnable().unwrap()
}

#[tokio::test]
async fn an_expression_reads_a_reference_as_its_text() {
    let mut tenant = tenant_of(5);
    tenant.users[1].manager = Some(user_id(3));
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), (naming_managers(), 1)).await;
    let nick = async |number| gateway.target.user(&user_name(number)).await.unwrap()["nickName"].clone();
    gateway.cycle().await;
    assert_eq!((nick(2).await, nick(4).await), (json!(user_id(3)), json!("nobody")));
    let set = |user, manager: Option<usize>| Staged::SetManager { user: user_id(user), manager: manager.map(user_id) };
    gateway.stage(vec![set(2, Some(5)), set(4, Some(1))]);
    gateway.cycle().await;
    assert_eq!((nick(2).await, nick(4).await), (json!(user_id(5)), json!(user_id(1))));
    gateway.stage(vec![set(2, None)]);
    gateway.cycle().await;
    assert_eq!((nick(2).await, nick(4).await), (json!("nobody"), json!(user_id(1))));
    gateway.stage(vec![set(4, None)]);
    gateway.source.expire_delta_tokens();
    gateway.cycle().await;
    assert_eq!((nick(2).await, nick(4).await), (json!("nobody"), json!("nobody")), "a full read says it too");
}
