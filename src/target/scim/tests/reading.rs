use super::*;

#[tokio::test]
async fn requests_say_who_we_are_and_what_we_understand() {
    let (server, target) = scripted([Reply::json(200, list(json!([]), 0))]).await;
    target.probe().await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.line(), "GET /scim/v2/Users");
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    assert!(request.header("accept").unwrap().starts_with("application/scim+json"));
    assert!(request.header("user-agent").unwrap().starts_with("provisor/"));
}

#[tokio::test]
async fn a_probe_says_what_is_wrong() {
    let cases = [
        (Reply::json(401, json!({})), FailureClass::Credentials, "Unauthorized"),
        (Reply::json(403, json!({})), FailureClass::Credentials, "InsufficientRights"),
        (Reply::html(404), FailureClass::Configuration, "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        (
            Reply::empty(302).with("location", "/login"),
            FailureClass::Configuration,
            "SystemForCrossDomainIdentityManagementServiceIncompatible",
        ),
        (Reply::html(200), FailureClass::Transient, "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        (
            Reply::json(200, json!({ "id": "1" })),
            FailureClass::Transient,
            "SystemForCrossDomainIdentityManagementServiceIncompatible",
        ),
        (Reply::json(400, json!({})), FailureClass::Object, "UnprocessableEntity"),
        (Reply::empty(501), FailureClass::Object, "NotImplemented"),
    ];
    for (reply, class, code) in cases {
        let (_server, target) = scripted([reply]).await;
        let error = target.probe().await.unwrap_err();
        assert_eq!((error.class(), error.code()), (class, code), "{error}");
        assert_eq!(error.outcome(), Outcome::NotDone);
    }
}

#[tokio::test]
async fn a_search_quotes_its_value_and_leaves_members_out() {
    let (server, target) =
        scripted([Reply::json(200, list(json!([{ "id": "g1", "displayName": "a \"b\" + c\\d" }]), 1))]).await;
    let found = target.find(&groups(), &path("displayName"), "A \"B\" + C\\D").await.unwrap();
    assert_eq!(ids(&found), ["g1"]);
    let request = &server.requests()[0];
    assert_eq!(request.query("filter").unwrap(), r#"displayName eq "A \"B\" + C\\D""#);
    assert_eq!(request.query("excludedAttributes").unwrap(), "members");
    assert!(!request.target.contains('+'), "a space is %20: {}", request.target);
}

#[tokio::test]
async fn what_a_target_finds_is_compared_again() {
    let resources = json!([
        { "id": "1", "emails": [{ "type": "work", "value": "ada@n.example.com" }] },
        { "id": "2", "emails": [{ "type": "home", "value": "ada@n.example" }] },
        { "id": "3", "emails": [{ "type": "home", "value": "x" }, { "type": "work", "value": "ADA@n.example" }] },
    ]);
    let (server, target) = scripted([Reply::json(200, list(resources, 3))]).await;
    let found = target.find(&users(), &path(r#"emails[type eq "work"].value"#), "ada@n.example").await.unwrap();
    assert_eq!(ids(&found), ["3"]);
    let filter = r#"emails[type eq "work" and value eq "ada@n.example"]"#;
    assert_eq!(server.requests()[0].query("filter").unwrap(), filter);
}

#[tokio::test]
async fn a_target_that_ignores_filters_is_read_to_the_end() {
    let server = FakeServer::start(directory(250)).await;
    let found = target(&server).find(&users(), &path("userName"), "user240@n.example").await.unwrap();
    assert_eq!(ids(&found), ["u240"]);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_target_without_filters_is_not_sent_one() {
    let server = FakeServer::start(directory(3)).await;
    let profile = ProfileOverrides { filter: Some(false), ..ProfileOverrides::default() };
    let target = target_with(ScimSettings { profile, ..settings(&server) }, Protected::default());
    let found = target.find(&users(), &path("userName"), "user2@n.example").await.unwrap();
    assert_eq!(ids(&found), ["u2"]);
    assert_eq!(server.requests()[0].query("filter"), None);
}

#[tokio::test]
async fn a_search_answered_with_404_found_nothing() {
    let (_server, target) = scripted([Reply::json(404, json!({}))]).await;
    assert!(target.find(&users(), &path("userName"), "ada").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_resource_is_read_or_absent() {
    let (server, target) = scripted([
        Reply::json(200, json!({ "id": "a/b c", "userName": "ada" })),
        Reply::json(404, json!({})),
        Reply::json(403, json!({})),
    ])
    .await;
    assert_eq!(target.read(&users(), &id("a/b c")).await.unwrap().unwrap().id(), Some("a/b c"));
    assert_eq!(target.read(&groups(), &id("g")).await.unwrap(), None);
    assert_eq!(target.read(&users(), &id("x")).await.unwrap_err().class(), FailureClass::Object);
    assert_eq!(server.lines()[..2], ["GET /scim/v2/Users/a%2Fb%20c", "GET /scim/v2/Groups/g"]);
    assert_eq!(server.requests()[1].query("excludedAttributes").unwrap(), "members");
}

#[tokio::test]
async fn an_id_never_climbs_out_of_its_endpoint() {
    let (server, target) = scripted([]).await;
    for impossible in ["", ".", ".."] {
        let error = target.delete(&users(), &id(impossible)).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Conflict, Outcome::NotDone));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn reads_are_repeated_when_the_target_stumbles() {
    let (server, target) = scripted([Reply::empty(500), Reply::Reset, Reply::json(200, json!({ "id": "1" }))]).await;
    assert!(target.read(&users(), &id("1")).await.unwrap().is_some());
    assert_eq!(server.requests().len(), 3);
    let (server, target) = scripted([Reply::Truncated, Reply::Truncated, Reply::Truncated]).await;
    let error = target.read(&users(), &id("1")).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::NotDone));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn what_filters_do_not_know_is_looked_for_in_the_list() {
    let server = FakeServer::start(directory(3)).await;
    let target = profiled(&server, json!({ "filter_attributes": ["externalId"] }));
    assert_eq!(ids(&target.find(&users(), &path("userName"), "user2@n.example").await.unwrap()), ["u2"]);
    target.find(&users(), &path("externalId"), "7").await.unwrap();
    let filters: Vec<_> = server.requests().iter().map(|request| request.query("filter")).collect();
    assert_eq!(filters, [None, Some("externalId eq \"7\"".to_owned())]);
}

#[tokio::test]
async fn a_filter_that_is_refused_once_is_not_tried_again() {
    for refusal in [scim_error(400, "invalidFilter", "no"), Reply::empty(501)] {
        let whole = directory(3);
        let server = FakeServer::start(move |request| match request.query("filter") {
            Some(_) => refusal.clone(),
            None => whole(request),
        })
        .await;
        let target = target(&server);
        for _ in 0..2 {
            assert_eq!(ids(&target.find(&users(), &path("userName"), "user2@n.example").await.unwrap()), ["u2"]);
        }
        assert_eq!(server.requests().len(), 3);
        assert!(!target.profile().finds(&users(), &path("userName")));
        assert!(target.profile().finds(&groups(), &path("userName")));
    }
    let (_server, target) = scripted([scim_error(400, "invalidValue", "odd")]).await;
    target.find(&users(), &path("userName"), "odd").await.unwrap_err();
    assert!(target.profile().finds(&users(), &path("userName")), "it was the value");
}

#[tokio::test]
async fn a_resource_that_comes_twice_is_one_resource() {
    let kim = |id: &str| json!({ "id": id, "userName": "kim" });
    let page = move |request: &fake_server::Request, total: usize, resources: Value, next: &str| {
        assert_eq!(request.query("count").as_deref(), Some("100"));
        let mut page = list(resources, total);
        page["nextCursor"] = json!(next);
        Reply::json(200, page)
    };
    // The second page of the filter is refused, so the whole list is read.
    let server = FakeServer::start(move |request| {
        match (request.query("filter").is_some(), request.query("startIndex").as_deref()) {
            (true, Some("1")) => page(request, 2, json!([kim("1")]), ""),
            (true, _) => scim_error(400, "invalidFilter", "not that far"),
            (false, _) => page(request, 1, json!([kim("1")]), ""),
        }
    })
    .await;
    assert_eq!(ids(&target(&server).find(&users(), &path("userName"), "kim").await.unwrap()), ["1"]);
    // A cursor that ends makes the walk begin anew.
    let ended = std::sync::atomic::AtomicBool::new(false);
    let server = FakeServer::start(move |request| match request.query("cursor").as_deref() {
        Some("") => page(request, 2, json!([kim("1"), { "id": "2", "userName": "lee" }]), "a"),
        _ if !ended.swap(true, std::sync::atomic::Ordering::Relaxed) => scim_error(400, "expiredCursor", "too late"),
        _ => page(request, 2, json!([]), ""),
    })
    .await;
    let target = profiled(&server, json!({ "paging": "cursor" }));
    assert_eq!(ids(&target.find(&users(), &path("userName"), "kim").await.unwrap()), ["1"]);
}
