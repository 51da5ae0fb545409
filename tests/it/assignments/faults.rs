//! Lists that are empty, cut or not there, and cycles that die in between.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use provisor::engine::CycleError;
use provisor::model::{Anchor, Assignment, FailureClass, ObjectKind};
use provisor::source::{Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start};
use tokio::sync::mpsc;

use super::*;

/// A source whose list of assignments a test may have.
struct Listing {
    whole: Arc<dyn Source>,
    list: Mutex<Option<Result<Vec<Assignment>, ()>>>,
}

#[async_trait]
impl Source for Listing {
    fn feeds(&self) -> Vec<Feed> {
        self.whole.feeds()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        self.whole.probe().await
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        self.whole.changes(feed, start, pages).await
    }

    async fn assignments(&self) -> Result<Option<Vec<Assignment>>, SourceError> {
        let list = self.list.lock().expect("nobody panics with it").clone();
        match list {
            None => self.whole.assignments().await,
            Some(Ok(list)) => Ok(Some(list)),
            Some(Err(())) => Err(SourceError::Broken {
                server: "a test".to_owned(),
                feed: "appRoleAssignedTo".to_owned(),
                problem: "the list is cut".to_owned(),
                cause: None,
            }),
        }
    }

    async fn fetch(&self, kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
        self.whole.fetch(kind, anchor).await
    }
}

async fn crowd(policy: Policy) -> (Gateway, Arc<Listing>) {
    let mut assigned: Vec<(String, &str)> = (1..=12).map(|number| (user_id(number), PLAIN)).collect();
    assigned.extend([(group_id(1), VIEWER), (group_id(2), PLAIN), (group_id(3), PLAIN)]);
    let members: Vec<usize> = (13..=30).collect();
    let mut gateway = start(directory(40, &[(1, &members), (2, &[]), (3, &[])], &assigned), policy).await;
    let listing = Arc::new(Listing { whole: gateway.reader(), list: Mutex::default() });
    gateway.read_from(Arc::clone(&listing) as Arc<dyn Source>);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await.len(), 30);
    gateway.target.writes().await;
    (gateway, listing)
}

#[tokio::test]
async fn an_empty_list_removes_nobody_without_a_person() {
    let (gateway, listing) = crowd(guarded(Reach::Direct)).await;
    *listing.list.lock().expect("it") = Some(Ok(Vec::new()));
    for _ in 0..3 {
        gateway.cycle().await;
    }
    assert_eq!(gateway.target.writes().await, [""; 0]);
    assert_eq!(active(&gateway).await.len(), 30);
    assert_eq!(gateway.removals(RemovalState::Staged).await.len(), 33, "everybody, and the groups");
    // The list comes back: nothing is left of it.
    *listing.list.lock().expect("it") = None;
    gateway.cycle().await;
    assert_eq!((gateway.removals(RemovalState::Staged).await.len(), gateway.target.writes().await.len()), (0, 0));
    // It stays away, and a person says that it is meant.
    *listing.list.lock().expect("it") = Some(Ok(Vec::new()));
    two_lists(&gateway).await;
    gateway.judge_staged(RemovalState::Released).await;
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, [""; 0]);
}

#[tokio::test]
async fn an_empty_list_is_no_decision_about_anybody_whatever_the_guard_lets_through() {
    let (gateway, listing) = crowd(open(Reach::Direct)).await;
    *listing.list.lock().expect("it") = Some(Ok(Vec::new()));
    two_lists(&gateway).await;
    assert_eq!((gateway.target.writes().await.len(), active(&gateway).await.len()), (0, 30));
    assert_eq!(gateway.removals(RemovalState::Staged).await.len(), 33);
}

async fn two_lists(gateway: &Gateway) {
    gateway.cycle().await;
    gateway.cycle().await;
}

#[tokio::test]
async fn a_list_that_is_cut_decides_nothing() {
    let (gateway, listing) = crowd(open(Reach::Direct)).await;
    *listing.list.lock().expect("it") = Some(Err(()));
    gateway.stage(vec![unassign(user_id(1), PLAIN), leave(1, 13)]);
    for _ in 0..3 {
        let error = gateway.try_cycle().await.expect_err("the list is cut");
        assert_eq!(error.class(), Some(FailureClass::Transient));
    }
    assert_eq!(active(&gateway).await.len(), 30);
    assert_eq!(gateway.target.writes().await, [""; 0]);
    *listing.list.lock().expect("it") = None;
    two_cycles(&gateway).await;
    assert_eq!(active(&gateway).await.len(), 28);
}

#[tokio::test]
async fn an_application_that_is_not_there_is_not_one_that_nobody_is_assigned_to() {
    let (gateway, _listing) = crowd(open(Reach::Direct)).await;
    gateway.stage(vec![Staged::DeleteApplication { application: APPLICATION.to_owned() }]);
    for _ in 0..3 {
        let error = gateway.try_cycle().await.expect_err("it is not there");
        assert_eq!(error.class(), Some(FailureClass::Configuration));
        let CycleError::Source(source) = &error else { panic!("{error}") };
        assert!(source.to_string().contains("service_principal"), "{source}");
    }
    assert_eq!(active(&gateway).await.len(), 30);
}

#[tokio::test]
async fn a_source_that_says_nothing_of_assignments_is_no_empty_list() {
    let mut gateway =
        Gateway::start_of(directory(3, &[], &[]), Dialect::STANDARD, Policy::default(), schema(1, |_| {})).await;
    gateway.cycle().await;
    gateway.job.policy = open(Reach::Direct);
    let error = gateway.try_cycle().await.expect_err("nothing says who is assigned");
    assert_eq!(error.class(), Some(FailureClass::Configuration));
    assert_eq!(active(&gateway).await.len(), 3);
}

/// A cycle that learns a list and dies while it acts on it leaves nothing undone.
#[tokio::test]
async fn a_cycle_that_breaks_off_forgets_nobody() {
    let (gateway, _listing) = crowd(open(Reach::Direct)).await;
    gateway.stage(vec![assign(user_id(31), EDITOR), unassign(group_id(1), VIEWER), unassign(user_id(1), PLAIN)]);
    gateway.cycle().await;
    gateway.stage(vec![assign(user_id(32), EDITOR), join(1, 33)]);
    let refused = json!([{ "method": "PATCH", "every": 1, "moment": "before_commit", "do": { "status": 401 } },
        { "method": "POST", "every": 1, "moment": "before_commit", "do": { "status": 401 } }]);
    gateway.target.set_faults(refused).await;
    gateway.try_cycle().await.expect_err("the target takes nothing");
    gateway.target.clear_faults().await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.changes), (CycleState::Succeeded, 0));
    let names = active(&gateway).await;
    assert_eq!(names.len(), 13, "2 to 12, 31 and 32: {names:?}");
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}
