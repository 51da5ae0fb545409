use super::*;

fn people(count: usize) -> Vec<Resource> {
    (0..count).map(|number| resource(json!({ "userName": format!("user{number}") }))).collect()
}

fn offering(server: &FakeServer, operations: usize, bytes: usize) -> ScimTarget {
    profiled(server, json!({ "bulk": true, "bulk_max_operations": operations, "bulk_max_bytes": bytes }))
}

fn answer(operations: Vec<Value>) -> Reply {
    Reply::json(
        200,
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": operations }),
    )
}

/// What a target says that has created the user of an operation, whose id is its name.
fn created(operation: &Value) -> Value {
    let name = operation["data"]["userName"].as_str().unwrap();
    let location = format!("https://app.example/scim/v2/Users/{name}");
    json!({ "method": "POST", "bulkId": operation["bulkId"], "location": location, "status": "201" })
}

fn operations(request: &fake_server::Request) -> Vec<Value> {
    assert_eq!(request.line(), "POST /scim/v2/Bulk");
    request.json()["Operations"].as_array().unwrap().clone()
}

fn names(outcomes: &[Result<ResourceId, TargetError>]) -> Vec<String> {
    outcomes.iter().map(|outcome| outcome.as_ref().unwrap().as_str().to_owned()).collect()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}")).collect()
}

#[tokio::test]
async fn many_users_are_created_with_few_requests() {
    let server = FakeServer::start(|request| answer(operations(request).iter().rev().map(created).collect())).await;
    let outcomes = offering(&server, 20, 1 << 20).create_all(&users(), &people(50)).await;
    assert_eq!(names(&outcomes), expected(50));
    let sizes: Vec<usize> = server.requests().iter().map(|request| operations(request).len()).collect();
    assert_eq!(sizes, [18, 18, 14], "below the limit");
    let first = &server.requests()[0].json();
    assert_eq!(first["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]));
    assert_eq!(
        first["Operations"][1],
        json!({ "method": "POST", "path": "/Users", "bulkId": "1", "data": { "userName": "user1" } })
    );
}

#[tokio::test]
async fn requests_stay_below_the_bytes_that_are_allowed() {
    let server = FakeServer::start(|request| answer(operations(request).iter().map(created).collect())).await;
    let outcomes = offering(&server, 1000, 1000).create_all(&users(), &people(40)).await;
    assert_eq!(names(&outcomes), expected(40));
    assert!(server.requests().iter().all(|request| request.body.len() <= 900));
}

#[tokio::test]
async fn outcomes_are_told_by_their_place_where_they_carry_no_id() {
    let by_place = |operation: &Value| json!({ "status": 201, "response": { "id": operation["data"]["userName"], "schemas": [] } });
    let server = FakeServer::start(move |request| answer(operations(request).iter().map(by_place).collect())).await;
    assert_eq!(names(&offering(&server, 100, 1 << 20).create_all(&users(), &people(5)).await), expected(5));
}

#[tokio::test]
async fn what_the_answer_leaves_out_is_unknown() {
    let server = FakeServer::start(|request| answer(operations(request)[..2].iter().map(created).collect())).await;
    let outcomes = offering(&server, 100, 1 << 20).create_all(&users(), &people(4)).await;
    assert_eq!(names(&outcomes[..2]), expected(2));
    for outcome in &outcomes[2..] {
        let error = outcome.as_ref().unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
    }
    let anonymous = |operation: &Value| json!({ "status": "201", "response": { "id": operation["data"]["userName"] } });
    let server =
        FakeServer::start(move |request| answer(operations(request)[1..].iter().map(anonymous).collect())).await;
    let outcomes = offering(&server, 100, 1 << 20).create_all(&users(), &people(3)).await;
    assert!(
        outcomes.iter().all(|outcome| outcome.as_ref().unwrap_err().outcome() == Outcome::Unknown),
        "whose is whose?"
    );
}

#[tokio::test]
async fn a_bulk_request_without_an_answer_leaves_everything_open() {
    for reply in [
        Reply::Reset,
        Reply::Truncated,
        Reply::html(200),
        Reply::empty(500),
        Reply::empty(503),
        Reply::json(200, json!({})),
    ] {
        let (server, _) = scripted([reply]).await;
        let outcomes = offering(&server, 100, 1 << 20).create_all(&users(), &people(3)).await;
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
        }
        assert_eq!(server.requests().len(), 1, "nothing is sent again");
    }
}

#[tokio::test]
async fn every_operation_has_its_own_fate() {
    let server = FakeServer::start(|request| match request.line().ends_with("Bulk") {
        true => {
            let operations = operations(request);
            let refused = |index: usize, status: &str, scim_type: &str| {
                let response =
                    json!({ "status": status, "scimType": scim_type, "schemas": [urn::ERROR], "detail": "x" });
                json!({ "bulkId": operations[index]["bulkId"], "status": status, "response": response })
            };
            answer(vec![
                refused(1, "409", "uniqueness"),
                created(&operations[0]),
                refused(2, "400", "invalidValue"),
                refused(3, "500", ""),
                refused(4, "429", ""),
                json!({ "bulkId": operations[5]["bulkId"], "status": "201" }),
            ])
        }
        false => Reply::json(201, json!({ "id": request.json()["userName"] })),
    })
    .await;
    let outcomes = offering(&server, 100, 1 << 20).create_all(&users(), &people(6)).await;
    assert_eq!(names(&outcomes[..1]), ["user0"]);
    let of = |index: usize| {
        let error = outcomes[index].as_ref().unwrap_err();
        (error.class(), error.outcome())
    };
    assert_eq!(of(1), (FailureClass::Conflict, Outcome::NotDone));
    assert_eq!(of(2), (FailureClass::Object, Outcome::NotDone));
    assert_eq!(of(3), (FailureClass::Transient, Outcome::Unknown));
    assert_eq!(names(&outcomes[4..5]), ["user4"], "it was only put off");
    assert_eq!(of(5), (FailureClass::Transient, Outcome::Unknown), "created, and under which id?");
}

#[tokio::test]
async fn a_target_that_refuses_bulk_gets_one_after_the_other() {
    for status in [501, 404, 405, 400] {
        let server = FakeServer::start(move |request| match request.line().ends_with("Bulk") {
            true => Reply::empty(status),
            false => Reply::json(201, json!({ "id": request.json()["userName"] })),
        })
        .await;
        let target = offering(&server, 100, 1 << 20);
        assert_eq!(names(&target.create_all(&users(), &people(3)).await), expected(3));
        assert_eq!(target.profile().bulk, None);
        assert_eq!(server.requests().len(), 4);
    }
}

#[tokio::test]
async fn a_bulk_request_that_is_too_much_is_halved() {
    let server = FakeServer::start(|request| match request.line().ends_with("Bulk") {
        true if operations(request).len() > 3 => Reply::empty(413),
        true => answer(operations(request).iter().map(created).collect()),
        false => Reply::json(201, json!({ "id": request.json()["userName"] })),
    })
    .await;
    let target = offering(&server, 100, 1 << 20);
    assert_eq!(names(&target.create_all(&users(), &people(10)).await), expected(10));
    assert_eq!(target.profile().bulk.unwrap().max_operations, 100, "the next ones may be smaller");
    let before = server.requests().len();
    target.create_all(&users(), &people(6)).await;
    let sizes: Vec<usize> = server.requests()[before..].iter().map(|request| operations(request).len()).collect();
    assert_eq!(sizes, [3, 3], "what was too much is not tried again");
}

#[tokio::test]
async fn without_bulk_everything_is_created_all_the_same() {
    let server = FakeServer::start(|request| Reply::json(201, json!({ "id": request.json()["userName"] }))).await;
    assert_eq!(names(&target(&server).create_all(&users(), &people(70)).await), expected(70));
    assert!(server.lines().iter().all(|line| line == "POST /scim/v2/Users"));
    assert!(target(&server).create_all(&users(), &[]).await.is_empty());
}

#[tokio::test]
async fn a_group_that_is_refused_with_its_members_is_created_without_them() {
    let server = FakeServer::start(|request| match request.line().as_str() {
        "POST /scim/v2/Bulk" => {
            let refused = |operation: &Value| {
                let response = json!({ "status": "400", "schemas": [urn::ERROR], "detail": "no members yet" });
                json!({ "bulkId": operation["bulkId"], "status": "400", "response": response })
            };
            answer(operations(request).iter().map(refused).collect())
        }
        "POST /scim/v2/Groups" => Reply::json(201, json!({ "id": request.json()["displayName"] })),
        _ => Reply::empty(204),
    })
    .await;
    let group = |name: &str, members: Value| resource(json!({ "displayName": name, "members": members }));
    let created = [group("full", json!([{ "value": "u1" }])), group("empty", json!([]))];
    let outcomes = offering(&server, 100, 1 << 20).create_all(&groups(), &created).await;
    assert_eq!(outcomes[0].as_ref().unwrap().as_str(), "full");
    assert_eq!(outcomes[1].as_ref().unwrap_err().class(), FailureClass::Object, "it has no members to leave out");
    assert_eq!(server.lines(), ["POST /scim/v2/Bulk", "POST /scim/v2/Groups", "PATCH /scim/v2/Groups/full"]);
    assert!(server.requests()[1].json().get("members").is_none());
}

#[tokio::test]
async fn what_is_only_accepted_is_not_done() {
    let later = |operation: &Value| json!({ "bulkId": operation["bulkId"], "location": "/Users/1", "status": "202" });
    let server = FakeServer::start(move |request| answer(operations(request).iter().map(later).collect())).await;
    let whole = FakeServer::start(|_| Reply::json(202, json!({}))).await;
    for server in [&server, &whole] {
        for outcome in offering(server, 100, 1 << 20).create_all(&users(), &people(2)).await {
            assert_eq!(outcome.unwrap_err().outcome(), Outcome::Unknown);
        }
        assert_eq!(server.requests().len(), 1);
    }
}
