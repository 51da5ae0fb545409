//! A stop: nothing more is sent, what was sent is stored, and the next cycle goes on from there.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::Arc;

use async_trait::async_trait;
use provisor::engine::CycleError;
use provisor::model::{Anchor, CycleState, FeedId, ObjectKind};
use provisor::source::{Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::support::gateway::{Gateway, tenant_of};

const USERS: usize = 40;

fn every_create(effect: Value) -> Value {
    json!([{ "method": "POST", "path": "/Users", "every": 1, "moment": "before_commit", "do": effect }])
}

/// The last cycle was interrupted, and nothing hangs in the air. Returns how many users are linked.
async fn stands(gateway: &Gateway) -> u64 {
    let last = gateway.store.last_cycles(&gateway.job.id, 1).await.unwrap().pop().unwrap();
    assert_eq!(last.state, CycleState::Interrupted);
    assert_eq!(gateway.store.open_intents_of(&gateway.job.id).await.unwrap(), []);
    let linked = gateway.store.counts(&gateway.job.id).await.unwrap().linked;
    assert_eq!(linked, gateway.target.users().await.len() as u64, "what was sent is stored");
    linked
}

/// The next cycle leaves every user there once.
async fn goes_on(gateway: &Gateway) {
    let linked = stands(gateway).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, USERS as u64 - linked));
    let mut names: Vec<Value> = gateway.target.users().await.iter_mut().map(|user| user["userName"].take()).collect();
    names.sort_by_key(ToString::to_string);
    names.dedup();
    assert_eq!(names.len(), USERS);
}

#[tokio::test]
async fn a_job_that_is_told_to_wait_for_long_stops_at_once() {
    let gateway = Gateway::start(tenant_of(USERS)).await;
    gateway.target.set_faults(every_create(json!({ "status": 429, "retry_after": 290 }))).await;
    let stop = CancellationToken::new();
    let cycle = gateway.start_cycle(&stop);
    gateway.target.wait_for_writes(1).await;
    stop.cancel();
    assert!(matches!(cycle.await.unwrap(), Err(CycleError::Interrupted)), "long before the target allows it");
    assert_eq!(stands(&gateway).await, 0);
}

#[tokio::test]
async fn what_is_in_flight_is_waited_for_and_nothing_else_is_sent() {
    let gateway = Gateway::start(tenant_of(USERS)).await;
    gateway.target.set_faults(every_create(json!({ "delay_ms": 1000 }))).await;
    let stop = CancellationToken::new();
    let cycle = gateway.start_cycle(&stop);
    gateway.target.wait_for_faults().await;
    stop.cancel();
    assert!(matches!(cycle.await.unwrap(), Err(CycleError::Interrupted)));
    let sent = gateway.target.users().await.len();
    assert!(0 < sent && sent < USERS, "what was under way when the stop came, and only that");
    gateway.target.clear_faults().await;
    goes_on(&gateway).await;
}

/// A directory that takes for ever to answer.
struct Silent(Notify);

#[async_trait]
impl Source for Silent {
    fn feeds(&self) -> Vec<Feed> {
        vec![Feed { id: FeedId::new("users"), kind: Some(ObjectKind::new("User")) }]
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        Ok(ServerIdentity { directory: "d".to_owned(), view: "v".to_owned(), default_domain: None })
    }

    async fn changes(&self, _: &Feed, _: Start, _: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        self.0.notify_one();
        std::future::pending().await
    }

    async fn fetch(&self, _: &ObjectKind, _: &Anchor) -> Result<Fetched, SourceError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_source_that_does_not_answer_holds_up_no_stop() {
    let mut gateway = Gateway::start(tenant_of(0)).await;
    let source = Arc::new(Silent(Notify::new()));
    gateway.read_from(Arc::clone(&source) as Arc<dyn Source>);
    let stop = CancellationToken::new();
    let cycle = gateway.start_cycle(&stop);
    source.0.notified().await;
    stop.cancel();
    assert!(matches!(cycle.await.unwrap(), Err(CycleError::Interrupted)));
    assert_eq!(gateway.store.watermarks(&gateway.job.id).await.unwrap(), [], "nothing was read");
}
