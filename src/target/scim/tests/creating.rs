use super::*;

#[tokio::test]
async fn the_id_comes_from_the_body_or_the_location() {
    let cases = [
        (Reply::json(201, json!({ "id": "u1", "userName": "ada" })), "u1"),
        (Reply::json(200, json!({ "id": "u2" })), "u2"),
        (Reply::json(201, json!({ "schemas": [urn::USER], "userName": "ada", "id": "u5" })), "u5"),
        (Reply::json(201, json!({ "Schemas": urn::USER, "ID": "u6" })), "u6"),
        (Reply::empty(201).with("location", "https://other.example/scim/v2/Users/u%2F3"), "u/3"),
        (Reply::empty(201).with("location", "Users/u4"), "u4"),
    ];
    for (reply, expected) in cases {
        let (server, target) = scripted([reply]).await;
        assert_eq!(target.create(&users(), &ada()).await.unwrap(), id(expected));
        let request = &server.requests()[0];
        assert_eq!(request.line(), "POST /scim/v2/Users");
        assert_eq!(request.header("content-type"), Some("application/scim+json"));
        assert_eq!(request.json()["active"], json!(true));
        assert_eq!(target.writes_sent(), 1);
    }
}

#[tokio::test]
async fn a_success_without_an_id_has_an_unknown_outcome() {
    let cases = [
        Reply::html(200),
        Reply::json(201, json!({ "userName": "ada" })),
        Reply::json(201, json!([])),
        Reply::json(201, json!(["u1", [urn::USER]])),
        Reply::json(201, json!({ "id": "u1", "schemas": [urn::ERROR], "status": "500" })),
        Reply::empty(201),
        Reply::empty(201).with("location", "https://other.example/login"),
        scim_error(200, "", "internal"),
        Reply::Truncated,
    ];
    for reply in cases {
        let (server, target) = scripted([reply]).await;
        let error = target.create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_post_is_never_sent_again_when_its_end_is_unclear() {
    for reply in [Reply::Reset, Reply::empty(500), Reply::empty(502), Reply::empty(503), Reply::empty(504)] {
        let (server, target) = scripted([reply]).await;
        let error = target.create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_target_that_asks_for_time_gets_no_second_post_either() {
    let (server, target) = scripted([Reply::empty(503).with("retry-after", "1")]).await;
    let error = target.create(&users(), &ada()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_slow_post_ends_with_an_unknown_outcome() {
    let server = FakeServer::start(|_| Reply::Silence).await;
    let target = target_with(ScimSettings { timeout_seconds: 1, ..settings(&server) }, Protected::default());
    let error = target.create(&users(), &ada()).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), ("Timeout", Outcome::Unknown));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_created_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = Url::parse(&format!("http://{}/scim", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let settings = ScimSettings::new(base, Auth::Bearer(Secret::new("t")));
    let error = target_with(settings, Protected::default()).create(&users(), &ada()).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Outage, Outcome::NotDone), "{error}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let long = "x".repeat(10_000);
    let cases = [
        (scim_error(409, "uniqueness", "taken"), FailureClass::Conflict, "EntryConflict", "taken"),
        (scim_error(400, "uniqueness", "taken"), FailureClass::Conflict, "EntryConflict", "taken"),
        (scim_error(400, "invalidValue", &long), FailureClass::Object, "UnprocessableEntity", "invalidValue"),
        (scim_error(422, "", "bad\nline"), FailureClass::Object, "UnprocessableEntity", "`bad line`"),
        (Reply::json(403, json!({})), FailureClass::Object, "InsufficientRights", "403"),
        (Reply::json(401, json!({})), FailureClass::Credentials, "Unauthorized", "token"),
        (
            Reply::html(404),
            FailureClass::Configuration,
            "SystemForCrossDomainIdentityManagementServiceIncompatible",
            "base_url",
        ),
        (Reply::empty(405), FailureClass::Object, "MethodNotAllowed", "405"),
        (Reply::empty(413), FailureClass::Object, "UnprocessableEntity", "413"),
        (Reply::empty(501), FailureClass::Object, "NotImplemented", "501"),
    ];
    for (reply, class, code, text) in cases {
        let (_server, target) = scripted([reply]).await;
        let error = target.create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.code(), error.outcome()), (class, code, Outcome::NotDone), "{error}");
        let message = error.to_string();
        assert!(message.contains(text) && message.len() < 600, "{message}");
    }
}

fn ops() -> Resource {
    resource(json!({ "displayName": "Ops", "members": [{ "value": "a" }, { "value": "b" }] }))
}

#[tokio::test]
async fn a_group_that_is_too_much_with_its_members_gets_them_afterwards() {
    for status in [413, 400] {
        let created = Reply::json(201, json!({ "id": "g" }));
        let (server, target) = scripted([Reply::empty(status), created, Reply::empty(204)]).await;
        assert_eq!(target.create(&groups(), &ops()).await.unwrap(), id("g"));
        let requests = server.requests();
        assert_eq!(requests[1].json(), json!({ "displayName": "Ops" }));
        assert_eq!(named(&requests[2].json()).0, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_group_without_its_members_is_not_done_and_not_made_twice() {
    let created = Reply::json(201, json!({ "id": "g" }));
    let (server, target) = scripted([Reply::empty(413), created, Reply::empty(403)]).await;
    let error = target.create(&groups(), &ops()).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::Unknown), "{error}");
    assert_eq!(server.requests().len(), 3);
    let refused = || scim_error(400, "invalidValue", "displayName");
    let (_server, target) = scripted([refused(), refused()]).await;
    let error = target.create(&groups(), &ops()).await.unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Some(400), Outcome::NotDone));
}

#[tokio::test]
async fn a_target_that_knows_only_plain_json_gets_it() {
    let created = || Reply::json(201, json!({ "id": "1" }));
    let (server, target) = scripted([Reply::empty(415), created(), created()]).await;
    target.create(&users(), &ada()).await.unwrap();
    target.create(&users(), &ada()).await.unwrap();
    let types: Vec<_> = server.requests().iter().map(|r| r.header("content-type").unwrap().to_owned()).collect();
    assert_eq!(types, ["application/scim+json", "application/json", "application/json"]);
}
