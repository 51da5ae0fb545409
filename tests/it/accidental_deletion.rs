//! How much a job may take away by itself.

mod accidents;
mod accidents_of_directories;
mod attributes;
mod day;

use provisor::engine::CycleError;
use provisor::graph_emulator::Staged;
use provisor::model::{CycleState, RemovalState};
use serde_json::json;

use super::support::gateway::{Gateway, group, group_id, join, leave, purge, tenant_of, update, user_id, user_name};

#[tokio::test]
async fn too_many_removals_are_staged_and_everything_else_goes_on() {
    let gateway = Gateway::start(tenant_of(30)).await;
    gateway.cycle().await;
    let leavers = (1..=10).flat_map(|number| [leave(number), purge(number)]);
    let others = [join("newcomer@example.org"), update(30, json!({ "jobTitle": "Chief" }))];
    gateway.stage(leavers.chain(others).collect());
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Partial);
    let counters = report.counters;
    assert_eq!((counters.staged, counters.deleted, counters.created, counters.updated), (10, 0, 1, 1));
    assert_eq!(gateway.target.users().await.len(), 31);

    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged, report.counters.writes), (CycleState::Partial, 10, 0));

    gateway.judge_staged(RemovalState::Released).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.deleted), (CycleState::Succeeded, 10));
    assert_eq!(gateway.target.users().await.len(), 21);
}

#[tokio::test]
async fn what_a_person_rejects_is_kept() {
    let gateway = Gateway::start(tenant_of(3)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), purge(1), leave(2), purge(2)]);
    assert_eq!(gateway.cycle().await.counters.staged, 2);
    gateway.judge_staged(RemovalState::Rejected).await;
    for _ in 0..2 {
        assert_eq!(gateway.cycle().await.counters.deleted, 0);
    }
    assert_eq!(gateway.target.users().await.len(), 3);
}

#[tokio::test]
async fn a_group_never_loses_all_of_its_members_at_once() {
    let mut tenant = tenant_of(40);
    tenant.groups = vec![group(1, 1..=3), group(2, 1..=40)];
    let gateway = Gateway::start(tenant).await;
    gateway.cycle().await;
    let remove = |number| Staged::RemoveMember { group: group_id(1), member: user_id(number) };
    gateway.stage((1..=3).map(remove).collect());
    gateway.stage(vec![Staged::RemoveMember { group: group_id(2), member: user_id(9) }]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged), (CycleState::Partial, 1));
    assert_eq!(gateway.target.members("Group 1").await.len(), 3);
    assert_eq!(gateway.target.members("Group 2").await.len(), 39);
    gateway.judge_staged(RemovalState::Released).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(gateway.target.members("Group 1").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_staged_removal_of_members_ends_when_the_members_are_gone() {
    let mut tenant = tenant_of(40);
    tenant.groups = vec![group(1, 1..=3)];
    let gateway = Gateway::start(tenant).await;
    gateway.cycle().await;
    let remove = |number| Staged::RemoveMember { group: group_id(1), member: user_id(number) };
    gateway.stage((1..=3).map(remove).collect());
    assert_eq!(gateway.cycle().await.counters.staged, 1);
    gateway.stage((1..=3).flat_map(|number| [leave(number), purge(number)]).collect());
    let report = gateway.cycle().await;
    assert_eq!((report.counters.deleted, report.counters.staged, report.state), (3, 0, CycleState::Succeeded));
}

#[tokio::test]
async fn many_vanished_resources_are_another_target() {
    let gateway = Gateway::start(tenant_of(30)).await;
    gateway.cycle().await;
    for number in 1..=15 {
        let id = gateway.target.id_of(&user_name(number)).await;
        gateway.target.delete(&["/Users/", &id].concat()).await;
    }
    gateway.target.writes().await;
    gateway.stage((1..=15).map(|number| update(number, json!({ "jobTitle": "Chief" }))).collect());
    let ended = gateway.try_cycle().await;
    assert!(matches!(ended, Err(CycleError::DifferentWorld { .. })), "{ended:?}");
    assert!(!gateway.target.writes().await.contains(&"POST /Users".to_owned()));
    assert_eq!(gateway.target.users().await.len(), 15);
}

#[tokio::test]
async fn another_directory_is_refused() {
    let mut gateway = Gateway::start(tenant_of(5)).await;
    gateway.cycle().await;
    let mut other = tenant_of(0);
    other.tenant_id = "00000000-0000-4000-a000-000000000002".to_owned();
    gateway.point_to(other);
    gateway.target.writes().await;
    let ended = gateway.try_cycle().await;
    assert!(matches!(ended, Err(CycleError::DifferentWorld { .. })), "{ended:?}");
    assert_eq!(gateway.target.writes().await, Vec::<String>::new());
}
