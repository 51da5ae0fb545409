use super::*;

fn group(members: Value) -> Reply {
    Reply::json(
        200,
        json!({ "id": "g", "displayName": "Ops", "custom": 7, "members": members, "meta": { "version": "W/\"1\"" } }),
    )
}

async fn put_only(replies: impl Into<Vec<Reply>> + 'static) -> (FakeServer, ScimTarget) {
    let server = FakeServer::start(script(replies)).await;
    let target = profiled(&server, json!({ "patch": false, "etag": true }));
    (server, target)
}

#[tokio::test]
async fn a_group_keeps_the_members_of_others() {
    let (server, target) =
        put_only([group(json!([{ "value": "theirs" }, { "value": "leaver" }])), Reply::empty(200)]).await;
    target.change(&groups(), &id("g"), &members(&["new"], &["leaver"])).await.unwrap();
    assert_eq!(server.lines(), ["GET /scim/v2/Groups/g", "PUT /scim/v2/Groups/g"]);
    assert_eq!(server.requests()[0].query("excludedAttributes"), None, "the members are needed");
    let put = &server.requests()[1];
    assert_eq!(put.header("if-match"), Some("W/\"1\""));
    assert_eq!(
        put.json(),
        json!({ "id": "g", "displayName": "Ops", "custom": 7, "members": [{ "value": "theirs" }, { "value": "new" }] })
    );
}

#[tokio::test]
async fn what_is_as_it_should_be_is_not_written() {
    let (server, target) = put_only([group(json!([{ "value": "a" }]))]).await;
    target.change(&groups(), &id("g"), &members(&["a"], &["b"])).await.unwrap();
    assert_eq!((server.requests().len(), target.writes_sent()), (1, 0));
}

#[tokio::test]
async fn somebody_elses_change_is_read_again_and_kept() {
    let (server, target) = put_only([
        group(json!([{ "value": "a" }])),
        Reply::empty(412),
        group(json!([{ "value": "a" }, { "value": "meanwhile" }])),
        Reply::empty(204),
    ])
    .await;
    target.change(&groups(), &id("g"), &members(&["new"], &[])).await.unwrap();
    let kept = json!([{ "value": "a" }, { "value": "meanwhile" }, { "value": "new" }]);
    assert_eq!(server.requests()[3].json()["members"], kept);
}

#[tokio::test]
async fn a_resource_that_never_holds_still_is_left_for_later() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => group(json!([{ "value": "a" }])),
        _ => Reply::empty(412),
    })
    .await;
    let target = profiled(&server, json!({ "patch": false, "etag": true }));
    let error = target.change(&groups(), &id("g"), &members(&["new"], &[])).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::NotDone), "{error}");
    assert_eq!(server.requests().len(), 6, "three times");
}

#[tokio::test]
async fn hidden_members_are_not_overwritten() {
    let hidden = || Reply::json(200, json!({ "id": "g", "displayName": "Ops" }));
    let server = FakeServer::start(move |_| hidden()).await;
    let told = profiled(&server, json!({ "patch": false, "members_readable": false }));
    let found = profiled(&server, json!({ "patch": false }));
    let rename = attributes(&[("displayName", json!("Dev"))]);
    let refusals = [
        told.change(&groups(), &id("g"), &members(&["a"], &[])).await,
        told.change(&groups(), &id("g"), &rename).await,
        found.change(&groups(), &id("g"), &members(&[], &["a"])).await,
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::NotDone));
        assert!(error.to_string().contains("members"), "{error}");
    }
    assert_eq!(told.writes_sent() + found.writes_sent(), 0);
    told.change(&users(), &id("1"), &disable()).await.unwrap();

    found.change(&groups(), &id("g"), &members(&["a"], &[])).await.unwrap();
    assert!(!found.profile().members_readable, "what was written does not show");
    assert!(matches!(
        found.change(&groups(), &id("g"), &members(&["b"], &[])).await,
        Err(TargetError::Unsupported { .. })
    ));
}

#[tokio::test]
async fn a_target_that_turns_out_to_have_no_patch_is_changed_by_put_from_then_on() {
    for status in [501, 405] {
        let user = || Reply::json(200, json!({ "id": "1", "userName": "ada", "active": true, "nickName": "kept" }));
        let (server, target) =
            scripted([Reply::empty(status), user(), Reply::empty(200), user(), Reply::empty(200)]).await;
        target.change(&users(), &id("1"), &disable()).await.unwrap();
        target.change(&users(), &id("1"), &disable()).await.unwrap();
        let methods: Vec<String> = server.requests().iter().map(|request| request.method.clone()).collect();
        assert_eq!(methods, ["PATCH", "GET", "PUT", "GET", "PUT"]);
        assert_eq!(
            server.requests()[2].json(),
            json!({ "id": "1", "userName": "ada", "active": false, "nickName": "kept" })
        );
    }
}

#[tokio::test]
async fn a_target_with_neither_way_says_so() {
    let (server, target) = scripted([Reply::empty(501)]).await;
    let neither = profiled(&server, json!({ "patch": false, "put": false }));
    let error = neither.change(&users(), &id("1"), &disable()).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (FailureClass::Object, "MethodNotAllowed"));
    assert!(server.requests().is_empty());
    drop(target);
}

#[tokio::test]
async fn a_resource_that_is_gone_is_matched_again() {
    let (_server, target) = put_only([Reply::empty(404)]).await;
    let error = target.change(&users(), &id("1"), &disable()).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (FailureClass::Conflict, "InvalidAnchor"));
}

#[tokio::test]
async fn a_put_is_repeated_until_it_is_answered() {
    let (server, target) =
        put_only([group(json!([{ "value": "a" }])), Reply::Reset, Reply::empty(503), Reply::empty(204)]).await;
    target.change(&groups(), &id("g"), &members(&["new"], &[])).await.unwrap();
    assert_eq!(server.requests().len(), 4);
}
