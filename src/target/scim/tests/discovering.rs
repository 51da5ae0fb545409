//! Asking a target what it can do, also while it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use super::*;

/// A target without PATCH and without titles, whose `/Schemas` answers with this status; 200 stands for the truth.
async fn failing(status: &Arc<AtomicU16>) -> FakeServer {
    let status = Arc::clone(status);
    FakeServer::start(move |request| match (request.line().rsplit('/').next(), status.load(Ordering::Relaxed)) {
        (Some("ServiceProviderConfig"), _) => Reply::json(200, json!({ "patch": { "supported": false } })),
        (Some("Schemas"), 200) => {
            Reply::json(200, json!([{ "id": urn::USER, "attributes": [{ "name": "userName" }] }]))
        }
        (Some("Schemas"), 0) => Reply::Truncated,
        (Some("Schemas"), status) => Reply::empty(status),
        _ => Reply::empty(404),
    })
    .await
}

fn lacks_titles(target: &ScimTarget) -> bool {
    target.profile().lacks(&users(), &path("title"))
}

#[tokio::test]
async fn a_target_that_fails_to_say_is_asked_again_before_anything_is_decided() {
    for failure in [429, 500, 503, 0] {
        let status = Arc::new(AtomicU16::new(failure));
        let server = failing(&status).await;
        let target = target(&server);
        let error = target.discover().await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::NotDone), "{error}");
        assert!(error.to_string().contains("/Schemas") && error.to_string().contains("`discover: false`"), "{error}");
        status.store(200, Ordering::Relaxed);
        target.discover().await.unwrap();
        assert!(lacks_titles(&target) && !target.profile().patch);
    }
}

#[tokio::test]
async fn what_was_said_before_counts_while_the_target_fails_to_say_it_again() {
    let status = Arc::new(AtomicU16::new(200));
    let server = failing(&status).await;
    let target = target(&server);
    target.discover().await.unwrap();
    for failure in [503, 401, 0] {
        status.store(failure, Ordering::Relaxed);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(7 * 3600)).await;
        tokio::time::resume();
        target.discover().await.unwrap();
        assert!(lacks_titles(&target), "{failure}: the schema that jobs are fitted to stays");
    }
    let before = server.requests().len();
    target.discover().await.unwrap();
    assert!(server.requests().len() > before, "it is asked again at once");
    status.store(501, Ordering::Relaxed);
    target.discover().await.unwrap();
    assert!(!lacks_titles(&target), "it has no schemas any more");
    let before = server.requests().len();
    target.discover().await.unwrap();
    assert_eq!(server.requests().len(), before, "that is an answer");
}

#[tokio::test]
async fn nothing_is_learned_from_a_server_that_has_nothing_at_all() {
    let away = Arc::new(AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let server = FakeServer::start(move |request| match request.line().rsplit('/').next() {
        _ if is_away.load(Ordering::Relaxed) => Reply::html(404),
        Some("ServiceProviderConfig") => Reply::json(200, json!({ "patch": { "supported": false } })),
        Some("Schemas") => Reply::json(200, json!([{ "id": urn::USER, "attributes": [{ "name": "userName" }] }])),
        Some("Users") => Reply::json(200, list(json!([]), 0)),
        _ => Reply::empty(404),
    })
    .await;
    let known = target(&server);
    known.discover().await.unwrap();
    away.store(true, Ordering::Relaxed);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(7 * 3600)).await;
    tokio::time::resume();
    assert!(known.discover().await.is_err() && target(&server).discover().await.is_err());
    assert!(lacks_titles(&known) && !known.profile().patch, "what it told stays");
    away.store(false, Ordering::Relaxed);
    known.discover().await.unwrap();
    assert!(lacks_titles(&known) && !known.profile().patch);
}

#[tokio::test]
async fn an_operator_may_forbid_the_question() {
    let (server, _) = scripted([]).await;
    let target = profiled(&server, json!({ "discover": false, "patch": false }));
    target.discover().await.unwrap();
    assert!(!target.profile().patch && server.requests().is_empty());
}
