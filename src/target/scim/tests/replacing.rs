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

/// Groups that show what `members` says of them, `null` for nothing, and a list of their ids.
fn showing(
    members: impl Fn(&str) -> Value + Send + Sync + 'static,
) -> impl Fn(&fake_server::Request) -> Reply + Send + Sync {
    move |request| match request.line().strip_prefix("GET /scim/v2/Groups/") {
        Some(id) => Reply::json(200, json!({ "id": id, "displayName": "Ops", "members": members(id) })),
        None if request.method == "GET" => Reply::json(200, list(json!([{ "id": "g" }, { "id": "h" }]), 2)),
        None => Reply::empty(200),
    }
}

fn rename() -> ResourceChange {
    attributes(&[("displayName", json!("Dev"))])
}

#[tokio::test]
async fn a_group_that_may_hide_its_members_is_not_replaced() {
    let server = FakeServer::start(showing(|_| Value::Null)).await;
    let told = profiled(&server, json!({ "patch": false, "members_readable": false }));
    let unknown = profiled(&server, json!({ "patch": false }));
    for target in [&told, &unknown] {
        for change in [rename(), members(&["a"], &[]), members(&[], &["a"])] {
            let error = target.change(&groups(), &id("g"), &change).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::NotDone));
            let text = error.to_string();
            assert!(text.contains("`members_readable: true`") && text.contains("`membership: owned`"), "{text}");
        }
        assert_eq!(target.writes_sent(), 0);
    }
    let looks = server.lines().iter().filter(|line| *line == "GET /scim/v2/Groups").count();
    assert_eq!(looks, 1, "the groups of the target are looked through once, and not where it is known");
}

#[tokio::test]
async fn an_empty_group_is_replaced_where_another_one_shows_members() {
    let server = FakeServer::start(showing(|id| if id == "h" { json!([{ "value": "x" }]) } else { json!([]) })).await;
    let target = profiled(&server, json!({ "patch": false }));
    target.change(&groups(), &id("g"), &members(&["a"], &[])).await.unwrap();
    let put = server.requests().pop().unwrap();
    assert_eq!((put.line().as_str(), &put.json()["members"]), ("PUT /scim/v2/Groups/g", &json!([{ "value": "a" }])));
}

#[tokio::test]
async fn the_operators_word_makes_an_empty_group_an_empty_group() {
    let server = FakeServer::start(showing(|_| Value::Null)).await;
    let target = profiled(&server, json!({ "patch": false, "members_readable": true }));
    target.change(&groups(), &id("g"), &members(&["a"], &[])).await.unwrap();
    assert_eq!(server.lines(), ["GET /scim/v2/Groups/g", "PUT /scim/v2/Groups/g"]);
}

#[tokio::test]
async fn a_job_that_owns_the_membership_writes_all_the_members_that_it_knows() {
    let server = FakeServer::start(showing(|_| Value::Null)).await;
    let target = profiled(&server, json!({ "patch": false, "membership": "owned" }));
    let known = ResourceChange { owned_members: Some(vec![id("a"), id("b")]), ..rename() };
    target.change(&groups(), &id("g"), &known).await.unwrap();
    let put = server.requests().pop().unwrap().json();
    assert_eq!((&put["displayName"], &put["members"]), (&json!("Dev"), &json!([{ "value": "a" }, { "value": "b" }])));
    let error = target.change(&groups(), &id("g"), &rename()).await.unwrap_err();
    assert!(matches!(error, TargetError::Unsupported { .. }), "who does not know them writes nothing: {error}");
    let shared = profiled(&server, json!({ "patch": false }));
    assert!(shared.change(&groups(), &id("g"), &known).await.is_err());
}

#[tokio::test]
async fn the_first_members_of_a_group_created_here_show_whether_groups_show_them() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "POST" => Reply::json(201, json!({ "id": "new" })),
        "GET" if request.line().ends_with("/Groups") => Reply::json(200, list(json!([]), 0)),
        "GET" => Reply::json(200, json!({ "id": "new", "displayName": "Ops" })),
        _ => Reply::empty(200),
    })
    .await;
    let target = profiled(&server, json!({ "patch": false }));
    let group = target.create(&groups(), &resource(json!({ "displayName": "Ops" }))).await.unwrap();
    target.change(&groups(), &group, &members(&["a"], &[])).await.unwrap();
    assert_eq!(target.profile().members_readable, Some(false), "what was written does not show");
    let error = target.change(&groups(), &group, &members(&["b"], &[])).await.unwrap_err();
    assert!(matches!(error, TargetError::Unsupported { .. }), "{error}");
    assert_eq!(target.writes_sent(), 2);
}

#[tokio::test]
async fn a_put_that_merges_clears_nothing_and_does_the_rest() {
    let user = || Reply::json(200, json!({ "id": "1", "active": true, "title": "T" }));
    let server = FakeServer::start(script([user(), Reply::empty(200), user()])).await;
    let target = profiled(&server, json!({ "patch": false, "put": "merges" }));
    let mut leave = disable();
    leave.attributes.push(crate::scim::Operation::remove(path("title")));
    let error = target.change(&users(), &id("1"), &leave).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::NotDone));
    assert!(error.to_string().contains("put: merges"), "{error}");
    assert_eq!(server.requests()[1].json(), json!({ "id": "1", "active": false, "title": "T" }));
    let mut clear = ResourceChange::default();
    clear.attributes.push(crate::scim::Operation::remove(path("nickName")));
    target.change(&users(), &id("1"), &clear).await.unwrap();
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
