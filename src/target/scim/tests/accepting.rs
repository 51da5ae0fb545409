//! Writes that are answered with 202: accepted, and perhaps not done yet.

use super::*;

fn accepted() -> Reply {
    Reply::empty(202)
}

fn unknown(error: &TargetError) -> bool {
    (error.class(), error.outcome()) == (FailureClass::Transient, Outcome::Unknown)
}

#[tokio::test]
async fn a_resource_that_is_made_later_is_waited_for() {
    let location = accepted().with("location", "/scim/v2/Users/7");
    let (server, target) = scripted([
        location.clone(),
        Reply::empty(404),
        Reply::empty(503),
        Reply::json(200, json!({ "id": "7", "userName": "ada@n.example" })),
    ])
    .await;
    assert_eq!(target.create(&users(), &ada()).await.unwrap(), id("7"));
    assert_eq!(server.lines()[1..], ["GET /scim/v2/Users/7", "GET /scim/v2/Users/7", "GET /scim/v2/Users/7"]);

    for accepted in [location, accepted(), accepted().with("location", "/jobs/9")] {
        let server = FakeServer::start(move |request| match request.method.as_str() {
            "POST" => accepted.clone(),
            _ => Reply::empty(404),
        })
        .await;
        let error = self::target(&server).create(&users(), &ada()).await.unwrap_err();
        assert!(unknown(&error), "{error}");
        let posts = server.lines().iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(posts, 1, "it may still be made");
    }
}

#[tokio::test]
async fn an_id_in_the_answer_does_not_make_an_accepted_resource_exist() {
    let (_server, target) = scripted([Reply::json(202, json!({ "id": "7" }))]).await;
    assert!(unknown(&target.create(&users(), &ada()).await.unwrap_err()));
}

#[tokio::test]
async fn a_change_is_done_when_it_shows() {
    let user = |active: bool| Reply::json(200, json!({ "id": "1", "active": active }));
    let (server, target) = scripted([accepted(), user(true), user(false)]).await;
    target.change(&users(), &id("1"), &disable()).await.unwrap();
    assert_eq!(server.lines(), ["PATCH /scim/v2/Users/1", "GET /scim/v2/Users/1", "GET /scim/v2/Users/1"]);

    for profile in [json!({}), json!({ "patch": false })] {
        let server = FakeServer::start(move |request| match request.method.as_str() {
            "GET" => user(true),
            _ => accepted(),
        })
        .await;
        let target = profiled(&server, profile);
        assert!(unknown(&target.change(&users(), &id("1"), &disable()).await.unwrap_err()));
        assert_eq!(target.writes_sent(), 1);
    }
}

#[tokio::test]
async fn a_deletion_is_done_when_nothing_is_left() {
    let there = || Reply::json(200, json!({ "id": "1" }));
    let (_server, target) = scripted([accepted(), there(), Reply::empty(404)]).await;
    assert_eq!(target.delete(&users(), &id("1")).await.unwrap(), Deletion::Absent);
    let server = FakeServer::start(move |request| match request.method.as_str() {
        "GET" => there(),
        _ => accepted(),
    })
    .await;
    assert!(unknown(&self::target(&server).delete(&users(), &id("1")).await.unwrap_err()));
}
