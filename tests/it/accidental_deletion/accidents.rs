//! The accidents that companies have had, each under its name: none of them may take anything away unasked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use provisor::engine::CycleError;
use provisor::model::{Anchor, CycleState, ObjectKind, RemovalState};
use provisor::source::{Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::gateway::{Gateway, edited_schema, join, leave, mapping_of, purge, tenant_of, update, user_name};

/// Nobody lost anything: so many people, all active and with the title that they had.
async fn nothing_is_lost(gateway: &Gateway, people: usize) {
    let users = gateway.target.users().await;
    let whole = users.iter().filter(|user| user["active"] == true && user["title"] == "Engineer");
    assert_eq!((users.len(), whole.count()), (people, people));
}

#[tokio::test]
async fn accident_a_mapping_edit_turns_active_off_for_everybody() {
    let mut gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    gateway.set_schema(edited_schema(2, |document| {
        mapping_of(document, "active")["source"] = json!({ "type": "Function", "expression": "Not(\"True\")" });
    }));
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged, report.counters.disabled), (CycleState::Partial, 20, 0));
    nothing_is_lost(&gateway, 20).await;
    // The edit is taken back, and with it all that was staged, also what a person released by mistake.
    gateway.judge_staged(RemovalState::Released).await;
    gateway.set_schema(edited_schema(1, |_| ()));
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    nothing_is_lost(&gateway, 20).await;
}

#[tokio::test]
async fn accident_a_mapping_edit_empties_an_attribute_for_everybody() {
    let mut gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    gateway.set_schema(edited_schema(2, |document| {
        mapping_of(document, "title")["source"] = json!({ "type": "Constant", "name": "" });
        mapping_of(document, "title")["source"]["expression"] = json!("\"\"");
    }));
    gateway.stage(vec![update(1, json!({ "displayName": "Ada" }))]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged), (CycleState::Partial, 20));
    nothing_is_lost(&gateway, 20).await;
    assert_eq!(gateway.target.user(&user_name(1)).await.map(|user| user["displayName"].clone()), Some(json!("Ada")));
    gateway.set_schema(edited_schema(1, |_| ()));
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    nothing_is_lost(&gateway, 20).await;
}

#[tokio::test]
async fn accident_the_source_answers_success_with_zero_entries() {
    let mut gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    gateway.point_to(tenant_of(0));
    let ended = gateway.try_cycle().await;
    assert!(matches!(ended, Err(CycleError::DifferentWorld { .. })), "{ended:?}");
    nothing_is_lost(&gateway, 20).await;
    gateway.point_to(tenant_of(20));
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    nothing_is_lost(&gateway, 20).await;
}

/// A source whose reads time out after so many pages.
struct TimesOut {
    source: Arc<dyn Source>,
    after_pages: usize,
}

#[async_trait]
impl Source for TimesOut {
    fn feeds(&self) -> Vec<Feed> {
        self.source.feeds()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        self.source.probe().await
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let (sender, mut receiver) = mpsc::channel(1);
        let reading = self.source.changes(feed, start, sender);
        let forwarding = async {
            for _ in 0..self.after_pages {
                let Some(page) = receiver.recv().await else { break };
                let _ = pages.send(page).await;
            }
            drop(receiver);
        };
        let _ = tokio::join!(reading, forwarding);
        Err(SourceError::Unreachable { server: "test".to_owned(), hint: "it timed out".to_owned(), cause: None })
    }

    async fn fetch(&self, _kind: &ObjectKind, _anchor: &Anchor) -> Result<Fetched, SourceError> {
        Ok(Fetched::Gone)
    }
}

#[tokio::test]
async fn accident_the_source_times_out_in_the_middle() {
    let mut gateway = Gateway::start(tenant_of(40)).await;
    gateway.cycle().await;
    gateway.job.full_read = Duration::ZERO;
    let whole = gateway.reader();
    for after_pages in 0..4 {
        gateway.read_from(Arc::new(TimesOut { source: Arc::clone(&whole), after_pages }));
        let ended = gateway.try_cycle().await;
        assert!(matches!(ended, Err(CycleError::Source(_))), "{ended:?}");
        nothing_is_lost(&gateway, 40).await;
    }
    gateway.read_from(whole);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.writes), (CycleState::Succeeded, 0));
}

#[tokio::test]
async fn accident_a_wrong_base_url_answers_404_to_everything() {
    let gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1), purge(1), update(2, json!({ "displayName": "Ada" }))]);
    gateway.stage((3..=20).map(|number| update(number, json!({ "displayName": "Somebody" }))).collect());
    let nothing_there = json!([{ "method": "*", "moment": "before_commit", "do": { "status": 404 } }]);
    gateway.target.set_faults(nothing_there).await;
    for _ in 0..2 {
        assert!(gateway.try_cycle().await.is_err());
    }
    gateway.target.clear_faults().await;
    nothing_is_lost(&gateway, 20).await;
    // Nobody was unlinked meanwhile: the leaver goes, and nobody is created anew.
    let report = gateway.cycle().await;
    assert_eq!((report.counters.deleted, report.counters.created, report.counters.updated), (1, 0, 19));
    nothing_is_lost(&gateway, 19).await;
}

#[tokio::test]
async fn accident_a_joiner_gets_the_user_name_of_a_leaver() {
    let gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    let leaver = gateway.target.id_of(&user_name(1)).await;
    gateway.stage(vec![leave(1), purge(1), join(&user_name(1))]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.deleted, report.counters.created), (CycleState::Succeeded, 1, 1));
    let joiner = gateway.target.id_of(&user_name(1)).await;
    assert_ne!(joiner, leaver, "the leaver's account is never handed over");
}

#[tokio::test]
async fn accident_a_joiner_gets_the_user_name_of_a_leaver_who_is_kept() {
    let gateway = Gateway::start(tenant_of(20)).await;
    gateway.cycle().await;
    let leaver = gateway.target.id_of(&user_name(1)).await;
    gateway.stage(vec![leave(1), join(&user_name(1))]);
    let report = gateway.cycle().await;
    assert_eq!((report.counters.disabled, report.counters.created, report.counters.linked), (1, 0, 0));
    assert_eq!(gateway.escrows().await, ["DuplicateSourceEntries"]);
    let user = gateway.target.user(&user_name(1)).await.map(|user| (user["id"].clone(), user["active"].clone()));
    assert_eq!(user, Some((json!(leaver), json!(false))), "neither enabled nor changed for the joiner");
}
