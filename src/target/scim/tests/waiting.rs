use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn a_throttled_post_is_sent_again() {
    let (server, target) =
        scripted([Reply::empty(429), Reply::empty(429), Reply::json(201, json!({ "id": "1" }))]).await;
    target.create(&users(), &ada()).await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn throttling_without_end_is_a_passing_failure() {
    let server = FakeServer::start(|_| Reply::empty(429)).await;
    let error = target(&server).create(&users(), &ada()).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (FailureClass::Transient, "TooManyRequests"));
    assert_eq!(error.outcome(), Outcome::NotDone);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn retry_after_holds_up_every_request() {
    let (server, target) = scripted([
        Reply::empty(503).with("retry-after", "1"),
        Reply::json(200, json!({ "id": "1" })),
        Reply::json(200, json!({ "id": "2" })),
    ])
    .await;
    let before = Instant::now();
    let first = tokio::spawn({
        let target = target.clone();
        async move { target.read(&users(), &id("1")).await.unwrap() }
    });
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    target.read(&users(), &id("2")).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(1));
    first.await.unwrap();
}

#[tokio::test]
async fn a_rate_limit_that_says_when_it_starts_anew_is_believed() {
    let (server, target) =
        scripted([Reply::empty(429).with("x-ratelimit-reset", "1"), Reply::json(200, json!({ "id": "1" }))]).await;
    let before = Instant::now();
    target.read(&users(), &id("1")).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_with_the_same_request() {
    let (server, target) = scripted([
        Reply::empty(308).with("location", "/scim/v3/Users"),
        Reply::json(201, json!({ "id": "1" })),
        Reply::empty(307).with("location", "https://elsewhere.example/scim/v2/Users"),
    ])
    .await;
    target.create(&users(), &ada()).await.unwrap();
    let requests = server.requests();
    assert_eq!(server.lines(), ["POST /scim/v2/Users", "POST /scim/v3/Users"]);
    assert_eq!(requests[0].body, requests[1].body);
    let error = target.create(&users(), &ada()).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Configuration, Outcome::NotDone));
    assert_eq!(server.requests().len(), 3, "the token goes nowhere else");
}

#[tokio::test]
async fn a_target_that_sends_us_in_circles_is_left() {
    let server = FakeServer::start(|_| Reply::empty(307).with("location", "/scim/v2/Users/1")).await;
    assert!(target(&server).read(&users(), &id("1")).await.is_err());
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_resource_follow_each_other() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = FakeServer::start({
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        move |_| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(10));
            inside.fetch_sub(1, Ordering::SeqCst);
            Reply::empty(204)
        }
    })
    .await;
    let target = target(&server);
    let changes = (0..8).map(|_| {
        let target = target.clone();
        async move { target.change(&users(), &id("1"), &disable()).await.unwrap() }
    });
    futures::future::join_all(changes).await;
    assert_eq!((server.requests().len(), most.load(Ordering::SeqCst)), (8, 1));
}

#[tokio::test]
async fn errors_of_the_target_slow_us_down() {
    let server = FakeServer::start(|_| Reply::empty(500)).await;
    let target = target(&server);
    for _ in 0..3 {
        target.create(&users(), &ada()).await.unwrap_err();
    }
    assert_eq!(target.shared.client.concurrency(), 2, "16, 8, 4, 2");
}
