//! Our own reader could share a mistake with our writer: a foreign and strict one reads every message that we send.

use std::collections::BTreeSet;

use scim_v2::models::group::Group;
use scim_v2::models::others::{ListQuery, PatchOp};
use scim_v2::models::user::User;
use scim_v2::utils::validation::{Context, Validate};

use super::*;

fn read<T: serde::de::DeserializeOwned>(body: &Value) -> T {
    serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn accept_resource(path: &str, body: &Value, context: Context) {
    match path.contains("Groups") {
        true => read::<Group<String>>(body).validate_context(context).unwrap(),
        false => read::<User<String>>(body).validate_context(context).unwrap(),
    }
}

fn accept_query(request: &fake_server::Request) {
    let url = Url::parse("http://localhost").unwrap().join(&request.target).unwrap();
    let number = |text: &str| text.parse::<i64>().map_or_else(|_| json!(text), Value::from);
    let pairs = url.query_pairs().filter(|(name, _)| name != "cursor");
    let query: Value =
        pairs.map(|(name, text)| (name.into_owned(), number(&text))).collect::<serde_json::Map<_, _>>().into();
    read::<ListQuery>(&query).validate().unwrap();
}

/// The other reader knows no Bulk, but each create in one is a message that it knows.
fn accept_bulk(body: &Value) {
    assert_eq!(body["schemas"], json!([urn::BULK_REQUEST]));
    let operations = body["Operations"].as_array().unwrap();
    assert!(!operations.is_empty());
    for operation in operations {
        assert_eq!(operation["method"], "POST");
        assert!(operation["bulkId"].is_string());
        accept_resource(operation["path"].as_str().unwrap(), &operation["data"], Context::CreateRequest);
    }
}

fn accept(request: &fake_server::Request) {
    match request.method.as_str() {
        "GET" => accept_query(request),
        "PATCH" => read::<PatchOp>(&request.json()).validate().unwrap(),
        "PUT" => accept_resource(&request.target, &request.json(), Context::ReplaceRequest),
        "POST" if request.target.ends_with("Bulk") => accept_bulk(&request.json()),
        "POST" => accept_resource(&request.target, &request.json(), Context::CreateRequest),
        "DELETE" => {}
        other => panic!("{other}"),
    }
}

fn user() -> Resource {
    resource(json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "userName": "ada@n.example",
        "active": true,
        "name": { "givenName": "Ada", "familyName": "L" },
        "emails": [{ "type": "work", "value": "ada@n.example", "primary": true }],
        urn::ENTERPRISE_USER: { "department": "Ops", "manager": { "value": "7" } },
    }))
}

fn server_of_everything() -> impl Fn(&fake_server::Request) -> Reply + Send + Sync {
    |request| match (request.method.as_str(), request.line().ends_with("/1")) {
        ("GET", true) if request.line().contains("Groups") => Reply::json(
            200,
            json!({ "schemas": [urn::GROUP], "id": "1", "displayName": "Ops", "members": [{ "value": "a" }] }),
        ),
        ("GET", true) => {
            let mut user = user();
            user.set(&path("id"), json!("1"));
            Reply::json(200, user.into())
        }
        ("GET", false) => Reply::json(200, list(json!([]), 0)),
        ("POST", _) if request.line().ends_with("Bulk") => Reply::json(200, json!({ "Operations": [] })),
        ("POST", _) => Reply::json(201, json!({ "id": "1" })),
        _ => Reply::empty(204),
    }
}

#[tokio::test]
async fn every_message_in_every_dialect_is_valid() {
    let profiles = [
        json!({}),
        json!({ "value_paths": false, "etag": true }),
        json!({ "patch_form": "object" }),
        json!({ "operations_per_patch": 1, "members_per_patch": 1 }),
        json!({ "member_removal": "values" }),
        json!({ "patch": false, "etag": true }),
        json!({ "bulk": true, "sort": true, "paging": "cursor", "delete": "disable" }),
    ];
    let mut seen = BTreeSet::new();
    for profile in profiles {
        let server = FakeServer::start(server_of_everything()).await;
        let target = profiled(&server, profile.clone());
        target.discover().await.unwrap();
        target.probe().await.unwrap();
        target.find(&users(), &path(r#"emails[type eq "work"].value"#), "a\"b\\c").await.unwrap();
        target.list(&groups(), None).await.unwrap();
        target.read(&groups(), &id("1")).await.unwrap();
        target.create(&users(), &user()).await.unwrap();
        let group = resource(json!({ "schemas": [urn::GROUP], "displayName": "Ops", "members": [{ "value": "1" }] }));
        target.create(&groups(), &group).await.unwrap();
        target.create_all(&users(), &[user(), user()]).await;
        let change = attributes(&[
            ("active", json!(false)),
            ("title", Value::Null),
            (r#"emails[type eq "work"].value"#, json!("new@n.example")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", json!("Dev")),
        ]);
        target.change(&users(), &id("1"), &change).await.unwrap();
        target.change(&groups(), &id("1"), &members(&["b", "c"], &["a", "d\"e"])).await.unwrap();
        target.delete(&users(), &id("1")).await.unwrap();
        assert!(server.requests().len() > 10, "{profile}");
        server.requests().iter().for_each(accept);
        let kind = |request: &fake_server::Request| {
            let places = ["Bulk", "Users", "Groups"].into_iter().find(|place| request.target.contains(place));
            places.map(|place| [&request.method, " ", place].concat())
        };
        seen.extend(server.requests().iter().filter_map(kind));
    }
    let every =
        ["Users", "Groups"].map(|place| ["GET ", "POST ", "PUT ", "PATCH "].map(|method| [method, place].concat()));
    let every = every.into_iter().flatten().chain(["DELETE Users", "POST Bulk"].map(str::to_owned));
    assert_eq!(seen, every.collect());
}
