use super::*;

#[tokio::test]
async fn every_kind_of_success_counts() {
    for reply in [Reply::json(200, json!({ "id": "1" })), Reply::empty(200), Reply::empty(204)] {
        let (server, target) = scripted([reply]).await;
        target.change(&users(), &id("1"), &disable()).await.unwrap();
        let request = &server.requests()[0];
        assert_eq!(request.line(), "PATCH /scim/v2/Users/1");
        assert_eq!(
            request.json(),
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{ "op": "replace", "path": "active", "value": false }],
            })
        );
    }
}

#[tokio::test]
async fn the_echo_of_a_huge_group_is_not_needed() {
    let huge = || Reply::json(200, json!({ "id": "1", "members": "x".repeat(33 * 1024 * 1024) }));
    let (_server, target) = scripted([huge(), huge()]).await;
    target.change(&groups(), &id("1"), &disable()).await.unwrap();
    assert!(target.read(&groups(), &id("1")).await.is_err(), "who reads it is told that it is too long");
}

#[tokio::test]
async fn a_web_page_is_no_success() {
    let (_server, target) = scripted([Reply::html(200), scim_error(200, "", "no"), Reply::html(200)]).await;
    for _ in 0..2 {
        let error = target.change(&users(), &id("1"), &disable()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown));
    }
    assert!(target.delete(&users(), &id("1")).await.is_err());
}

#[tokio::test]
async fn a_patch_is_repeated_until_it_is_answered() {
    let (server, target) = scripted([Reply::Reset, Reply::empty(503), Reply::empty(204)]).await;
    target.change(&users(), &id("1"), &disable()).await.unwrap();
    assert_eq!((server.requests().len(), target.writes_sent()), (3, 3));
}

#[tokio::test]
async fn a_patch_that_is_never_answered_properly_may_have_been_done() {
    let (server, target) = scripted([Reply::empty(500), Reply::Reset, Reply::empty(502)]).await;
    let error = target.change(&users(), &id("1"), &disable()).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown));
    assert_eq!(server.requests().len(), 3);
    let (_server, target) = scripted([Reply::Reset, Reply::empty(403)]).await;
    let error = target.change(&users(), &id("1"), &disable()).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::Unknown));
}

#[tokio::test]
async fn a_missing_resource_is_matched_again() {
    let (_server, target) = scripted([Reply::json(404, json!({}))]).await;
    let error = target.change(&users(), &id("1"), &disable()).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (FailureClass::Conflict, "InvalidAnchor"));
}

#[tokio::test]
async fn a_deletion_says_whether_there_was_something() {
    let cases = [
        (vec![Reply::empty(204)], Deletion::Deleted),
        (vec![Reply::json(200, json!({}))], Deletion::Deleted),
        (vec![Reply::json(404, json!({}))], Deletion::Absent),
        (vec![Reply::empty(429), Reply::json(404, json!({}))], Deletion::Absent),
        (vec![Reply::Reset, Reply::json(404, json!({}))], Deletion::Absent),
        (vec![Reply::empty(500), Reply::empty(410)], Deletion::Absent),
    ];
    for (replies, expected) in cases {
        let (_server, target) = scripted(replies).await;
        assert_eq!(target.delete(&users(), &id("1")).await.unwrap(), expected);
    }
}

/// A target that takes at most `most` members in one PATCH and refuses more with `status`.
async fn narrow(most: usize, status: u16) -> (FakeServer, ScimTarget) {
    let server = FakeServer::start(move |request| {
        let (added, removed) = named(&request.json());
        if added.len() + removed.len() > most { scim_error(status, "", "too many") } else { Reply::empty(204) }
    })
    .await;
    let target = target(&server);
    (server, target)
}

#[tokio::test]
async fn how_many_members_a_target_takes_is_learned() {
    for status in [413, 400] {
        let (server, target) = narrow(30, status).await;
        let names: Vec<String> = (0..130).map(|number| format!("u{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        target.change(&groups(), &id("g"), &members(&names, &[])).await.unwrap();
        let arrived: Vec<String> =
            server.requests().iter().map(|r| named(&r.json()).0).filter(|added| added.len() <= 30).flatten().collect();
        assert_eq!(arrived, names, "each once and in order");
        assert_eq!(target.profile().members_per_patch, 30, "the most that went through");
        let before = server.requests().len();
        target.change(&groups(), &id("g"), &members(&names, &[])).await.unwrap();
        assert_eq!(server.requests().len() - before, 5, "nothing is too much any more");
    }
}

#[tokio::test]
async fn a_member_that_the_target_does_not_know_holds_up_nobody_else() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "g" })),
        _ => match named(&request.json()) {
            (added, removed) if added.iter().chain(&removed).any(|id| id.starts_with("ghost")) => Reply::empty(404),
            _ => Reply::empty(204),
        },
    })
    .await;
    let target = target(&server);
    let leave = members(&["a", "b", "c"], &["d", "ghost1"]);
    target.change(&groups(), &id("g"), &leave).await.unwrap();
    let error = target.change(&groups(), &id("g"), &members(&["a", "ghost2", "b"], &[])).await.unwrap_err();
    assert_eq!((error.class(), error.status()), (FailureClass::Object, Some(404)), "{error}");
    let done: Vec<String> = server
        .requests()
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| named(&request.json()))
        .filter(|(added, removed)| !added.iter().chain(removed).any(|id| id.starts_with("ghost")))
        .flat_map(|(added, removed)| [added, removed].concat())
        .collect();
    assert_eq!(done, ["a", "b", "c", "d", "a", "b"]);
    assert_eq!(target.profile().members_per_patch, 100, "it was not the number");
}

#[tokio::test]
async fn a_group_that_is_gone_is_gone() {
    let (server, target) = scripted([Reply::empty(404), Reply::empty(404)]).await;
    let error = target.change(&groups(), &id("g"), &members(&["a", "b"], &[])).await.unwrap_err();
    assert!(matches!(error, TargetError::Gone { .. }), "{error}");
    assert_eq!(server.lines(), ["PATCH /scim/v2/Groups/g", "GET /scim/v2/Groups/g"]);
}

#[tokio::test]
async fn a_conflict_over_a_name_is_one() {
    let (_server, target) = scripted([scim_error(409, "uniqueness", "taken")]).await;
    let rename = attributes(&[("displayName", json!("Ops"))]);
    assert!(matches!(target.change(&groups(), &id("g"), &rename).await, Err(TargetError::Conflict { .. })));
}

#[tokio::test]
async fn a_removal_that_selects_nobody_is_done() {
    let (server, target) = scripted([scim_error(400, "noTarget", "no such member")]).await;
    target.change(&groups(), &id("g"), &members(&[], &["a"])).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_target_that_stumbles_over_value_paths_gets_whole_lists() {
    let emails = json!([{ "type": "work", "value": "old" }, { "type": "home", "value": "h" }]);
    let server = FakeServer::start(move |request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "1", "emails": emails })),
        _ if request.body.contains("[type eq") => scim_error(400, "invalidPath", "what?"),
        _ => Reply::empty(204),
    })
    .await;
    let target = target(&server);
    let change = attributes(&[(r#"emails[type eq "work"].value"#, json!("new")), ("title", json!("T"))]);
    target.change(&users(), &id("1"), &change).await.unwrap();
    let sent = server.requests().last().unwrap().json();
    let whole = json!([{ "type": "work", "value": "new" }, { "type": "home", "value": "h" }]);
    assert!(
        sent["Operations"].as_array().unwrap().contains(&json!({ "op": "replace", "path": "emails", "value": whole }))
    );
    assert_eq!(server.requests().len(), 3);
    target.change(&users(), &id("1"), &change).await.unwrap();
    assert_eq!(server.requests().len(), 5, "it is remembered");
}

#[tokio::test]
async fn a_filter_that_selects_nothing_says_nothing_of_the_paths_of_others() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "1" })),
        _ if request.body.contains("[type eq") => scim_error(400, "noTarget", "no such e-mail"),
        _ => Reply::empty(204),
    })
    .await;
    let target = target(&server);
    target.change(&users(), &id("1"), &attributes(&[(r#"emails[type eq "work"].value"#, json!("x"))])).await.unwrap();
    assert!(target.profile().dialect.value_paths, "the next user may have such an e-mail");
}

#[tokio::test]
async fn how_the_second_way_ended_is_what_counts() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "1" })),
        _ if request.body.contains("[type eq") => scim_error(400, "invalidPath", "what?"),
        _ => Reply::empty(401),
    })
    .await;
    let change = attributes(&[(r#"emails[type eq "work"].value"#, json!("x"))]);
    let error = target(&server).change(&users(), &id("1"), &change).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Credentials, "not the refusal of the first way");
}

#[tokio::test]
async fn a_value_that_is_refused_in_every_dialect_is_reported_as_it_was_first() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "1" })),
        _ if request.body.contains("[type eq") => Reply::empty(400),
        _ => scim_error(400, "invalidValue", "second"),
    })
    .await;
    let target = target(&server);
    let change = attributes(&[(r#"emails[type eq "work"].value"#, json!("x"))]);
    let error = target.change(&users(), &id("1"), &change).await.unwrap_err();
    assert_eq!((error.class(), error.scim_type()), (FailureClass::Object, None));
    assert!(target.profile().dialect.value_paths, "nothing was learned");
    let plain = attributes(&[("title", json!("x"))]);
    let before = server.requests().len();
    target.change(&users(), &id("1"), &plain).await.unwrap_err();
    assert_eq!(server.requests().len() - before, 1, "there is no other way to say it");
}

#[tokio::test]
async fn a_list_that_was_read_is_written_only_to_the_version_it_was_read_from() {
    let version =
        || Reply::json(200, json!({ "id": "1", "emails": [{ "type": "work", "value": "a" }] })).with("etag", "W/\"7\"");
    let server = FakeServer::start(script([version(), Reply::empty(412), version(), Reply::empty(204)])).await;
    let target = profiled(&server, json!({ "value_paths": false, "etag": true }));
    let change = attributes(&[(r#"emails[type eq "work"].value"#, json!("new"))]);
    target.change(&users(), &id("1"), &change).await.unwrap();
    let versions: Vec<_> = server.requests().iter().map(|r| r.header("if-match").map(str::to_owned)).collect();
    assert_eq!(versions, [None, Some("W/\"7\"".to_owned()), None, Some("W/\"7\"".to_owned())]);
}

#[tokio::test]
async fn each_dialect_is_spoken_as_the_profile_says() {
    let change = || {
        let mut change = attributes(&[("active", json!(false)), ("name.givenName", json!("A"))]);
        change.members = members(&[], &["x", "y"]).members;
        change
    };
    let cases = [
        (
            json!({ "patch_form": "object", "text_booleans": true, "member_removal": "values" }),
            vec![json!([
                { "op": "replace", "value": { "active": "False", "name": { "givenName": "A" } } },
                { "op": "remove", "path": "members", "value": [{ "value": "x" }, { "value": "y" }] },
            ])],
        ),
        (
            json!({ "operations_per_patch": 1, "members_per_patch": 1 }),
            vec![
                json!([{ "op": "replace", "path": "active", "value": false }]),
                json!([{ "op": "replace", "path": "name.givenName", "value": "A" }]),
                json!([{ "op": "remove", "path": "members[value eq \"x\"]" }]),
                json!([{ "op": "remove", "path": "members[value eq \"y\"]" }]),
            ],
        ),
    ];
    for (profile, expected) in cases {
        let server = FakeServer::start(|_| Reply::empty(204)).await;
        profiled(&server, profile).change(&groups(), &id("g"), &change()).await.unwrap();
        let bodies: Vec<Value> = server.requests().iter().map(|request| request.json()["Operations"].clone()).collect();
        assert_eq!(bodies, expected);
    }
}

#[tokio::test]
async fn where_users_cannot_be_deleted_they_are_disabled() {
    let server = FakeServer::start(|request| match request.target.contains("ghost") {
        true => Reply::empty(404),
        false => Reply::empty(204),
    })
    .await;
    let target = profiled(&server, json!({ "delete": "disable" }));
    assert_eq!(target.delete(&users(), &id("1")).await.unwrap(), Deletion::Disabled);
    assert_eq!(target.delete(&users(), &id("ghost")).await.unwrap(), Deletion::Absent);
    assert_eq!(target.delete(&groups(), &id("g")).await.unwrap(), Deletion::Deleted);
    let lines = ["PATCH /scim/v2/Users/1", "PATCH /scim/v2/Users/ghost", "DELETE /scim/v2/Groups/g"];
    assert_eq!(server.lines(), lines);
    assert_eq!(server.requests()[0].json()["Operations"][0]["value"], json!(false));
}

#[tokio::test]
async fn a_target_that_accepts_no_scim_media_type_gets_plain_json() {
    let (server, target) = scripted([Reply::empty(406), Reply::json(200, json!({ "id": "1" }))]).await;
    target.read(&users(), &id("1")).await.unwrap();
    assert_eq!(server.requests()[1].header("accept"), Some("application/json"));
    let server = FakeServer::start(|_| Reply::empty(204)).await;
    profiled(&server, json!({ "media_type": "json" })).change(&users(), &id("1"), &disable()).await.unwrap();
    assert_eq!(server.requests()[0].header("content-type"), Some("application/json"));
}
