//! Members and managers: they follow their resources, and what the source holds.

use provisor::graph_emulator::Staged;
use provisor::model::CycleState;
use serde_json::json;

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
