//! Everything is read once in a while although nothing asks for it: every source forgets to tell something.

use std::time::Duration;

use provisor::model::CycleKind;

use super::support::gateway::{Gateway, tenant_of};

#[tokio::test]
async fn a_full_read_is_due_by_the_clock_and_changes_nothing_by_itself() {
    let mut gateway = Gateway::start(tenant_of(4)).await;
    assert_eq!(gateway.cycle().await.kind, CycleKind::Initial);
    assert_eq!(gateway.cycle().await.kind, CycleKind::Incremental);
    gateway.job.full_read = Duration::ZERO;
    let report = gateway.cycle().await;
    assert_eq!((report.kind, report.counters.writes), (CycleKind::Initial, 0));
    gateway.job.full_read = Duration::from_secs(3600);
    assert_eq!(gateway.cycle().await.kind, CycleKind::Incremental);
}
