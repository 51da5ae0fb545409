//! What is let through counts for 24 hours, and for all jobs of the application.

use chrono::{DateTime, TimeDelta, Utc};
use provisor::engine::cycle::CycleReport;
use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::RemovalState;

use crate::support::gateway::{Gateway, group, group_id, join, leave, purge, tenant_of, user, user_id, user_name};

fn tomorrow() -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(25)
}

fn in_ten_days() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(10)
}

fn disabled_and_staged(report: &CycleReport) -> (u64, u64) {
    (report.counters.disabled, report.counters.staged)
}

#[tokio::test]
async fn leavers_of_one_day_count_together_and_joiners_never_dilute_them() {
    let mut gateway = Gateway::start(tenant_of(60)).await;
    gateway.cycle().await;
    gateway.stage((1..=5).map(leave).collect());
    gateway.stage((0..100).map(|number| join(&format!("joiner{number}@example.org"))).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (5, 0));
    gateway.stage((6..=10).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (0, 5));
    gateway.job.now = tomorrow;
    gateway.stage((11..=15).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (5, 5));
}

#[tokio::test]
async fn whoever_is_disabled_and_then_deleted_counts_once_and_what_a_person_released_not_at_all() {
    let gateway = Gateway::start(tenant_of(60)).await;
    gateway.cycle().await;
    gateway.stage((1..=9).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (9, 0));
    gateway.stage((1..=9).map(purge).collect());
    assert_eq!(gateway.cycle().await.counters.deleted, 9);
    gateway.stage((10..=19).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (0, 10));
    gateway.judge_staged(RemovalState::Released).await;
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (10, 0));
    gateway.stage(vec![leave(20)]);
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (0, 1), "the tenth that nobody has released");
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_forgets_nor_keeps_counting() {
    let mut gateway = Gateway::start(tenant_of(60)).await;
    gateway.cycle().await;
    gateway.job.now = in_ten_days;
    gateway.stage((1..=5).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (5, 0));
    gateway.job.now = Utc::now;
    gateway.stage((6..=10).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (0, 5));
    gateway.job.now = tomorrow;
    gateway.stage((11..=15).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (5, 5));
}

#[tokio::test]
async fn the_jobs_of_an_application_count_together() {
    let gateway = Gateway::start(tenant_of(60)).await;
    let others = Tenant { users: (101..=160).map(|number| user(number, &user_name(number))).collect(), ..tenant_of(0) };
    let other = gateway.beside("other", others);
    gateway.cycle().await;
    other.cycle().await;
    gateway.stage((1..=5).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (5, 0));
    other.stage((101..=108).map(leave).collect());
    assert_eq!(disabled_and_staged(&other.cycle().await), (0, 8), "13 of 120");
    gateway.stage((6..=7).map(leave).collect());
    assert_eq!(disabled_and_staged(&gateway.cycle().await), (2, 0), "what is staged is not done");
}

#[tokio::test]
async fn members_who_leave_in_one_day_count_together() {
    let gateway = Gateway::start(Tenant { groups: vec![group(1, 1..=60)], ..tenant_of(60) }).await;
    gateway.cycle().await;
    let remove = |number| Staged::RemoveMember { group: group_id(1), member: user_id(number) };
    gateway.stage((1..=5).map(remove).collect());
    assert_eq!(gateway.cycle().await.counters.references_removed, 5);
    gateway.stage((6..=10).map(remove).collect());
    let report = gateway.cycle().await;
    assert_eq!((report.counters.references_removed, report.counters.staged), (0, 1));
    // More than the person saw is not released with it.
    gateway.stage(vec![remove(11)]);
    gateway.cycle().await;
    gateway.stage(vec![remove(12)]);
    gateway.judge_staged(RemovalState::Released).await;
    let report = gateway.cycle().await;
    assert_eq!((report.counters.references_removed, report.counters.staged), (0, 1));
    gateway.judge_staged(RemovalState::Released).await;
    assert_eq!(gateway.cycle().await.counters.references_removed, 7);
    assert_eq!(gateway.target.members("Group 1").await.len(), 48);
}
