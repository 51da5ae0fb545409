//! The server over real sockets.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;

mod access;
mod administration;
mod broken_store;
mod bulk;
mod custom_types;
mod dialects;
mod faults;
mod groups;
mod managers;
mod queries;
mod wire;

use crate::scim::urn;

const TOKEN: &str = "a token for tests";

/// A running server and a client that has its token.
struct Target {
    running: Running,
    client: reqwest::Client,
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Target {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap(), Secret::new(TOKEN));
        change(&mut settings);
        // The provider is one for the process; another test may have set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            reqwest::Client::builder().user_agent("tests").no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { running: Server::start(settings).unwrap(), client }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = [&self.running.base_url(), path].concat();
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(TOKEN)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        if !text.is_empty()
            && !status.is_server_error()
            && !headers["content-type"].as_bytes().starts_with(b"application/json")
        {
            assert_eq!(headers["content-type"], "application/scim+json");
        }
        Answer { status, headers, body }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.call("PATCH", path, json!({"schemas": [urn::PATCH_OP], "Operations": operations})).await
    }

    async fn user(&self, name: &str) -> String {
        let answer = self.call("POST", "/Users", json!({"schemas": [urn::USER], "userName": name})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": [urn::GROUP], "displayName": name, "members": members});
        let answer = self.call("POST", "/Groups", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    async fn members(&self, group: &str) -> Vec<String> {
        let answer = self.get(&["/Groups/", group].concat()).await;
        let members = answer.body["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }
}

#[actix_web::test]
async fn a_user_lives_from_create_to_delete() {
    let target = Target::start();
    let body = json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "userName": "Ada",
        "externalId": "7",
        "password": "secret",
        "id": "mine",
        "emails": [{"value": "a@example.org", "type": "work"}],
        urn::ENTERPRISE_USER: {"department": "X"},
    });
    let created = target.call("POST", "/Users", body.clone()).await;
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let path = ["/Users/", &id].concat();
    let location = [&target.running.base_url(), path.as_str()].concat();
    assert_ne!(id, "mine");
    assert_eq!(created.body["meta"]["location"], location);
    assert_eq!(created.headers["location"], location);
    assert_eq!(created.headers["etag"], created.body["meta"]["version"].as_str().unwrap());
    assert!(created.body.get("password").is_none());

    let read = target.get(&path).await;
    assert_eq!((read.status, &read.body), (StatusCode::OK, &created.body));

    let taken = target.call("POST", "/Users", json!({"schemas": [urn::USER], "userName": "ADA"})).await;
    assert_eq!((taken.status.as_u16(), taken.body["scimType"].as_str()), (409, Some("uniqueness")));

    let same = target.call("PUT", &path, body).await;
    assert_eq!((same.status, &same.body), (StatusCode::OK, &created.body));

    let replaced = target.call("PUT", &path, json!({"schemas": [urn::USER], "userName": "Eve"})).await;
    assert_eq!(replaced.body["userName"], "Eve");
    assert!(replaced.body.get("emails").is_none() && replaced.body.get("externalId").is_none());
    assert_ne!(replaced.body["meta"]["version"], created.body["meta"]["version"]);
    assert_eq!(replaced.body["meta"]["created"], created.body["meta"]["created"]);

    assert_eq!(target.call("DELETE", &path, Value::Null).await.status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(target.call(method, &path, Value::Null).await.status, 404);
    }
    target.user("eve").await;
}

#[actix_web::test]
async fn a_patch_changes_a_user_and_moves_its_version_only_when_it_does() {
    let target = Target::start();
    let path = ["/Users/", &target.user("ada").await].concat();
    target.user("eve").await;
    let patched = target.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert_eq!((patched.status, &patched.body["active"]), (StatusCode::OK, &json!(false)));
    let again = target.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert_eq!(again.body, patched.body);
    for (operations, status, scim_type) in [
        (json!([{"op": "replace", "path": "userName", "value": "EVE"}]), 409, "uniqueness"),
        (
            json!([{"op": "replace", "path": "title", "value": "T"}, {"op": "remove", "path": "userName"}]),
            400,
            "mutability",
        ),
        (json!([{"op": "replace", "path": "groups", "value": []}]), 400, "mutability"),
        (json!([{"op": "replace", "path": "nothing", "value": 1}]), 400, "invalidPath"),
    ] {
        let refused = target.patch(&path, operations).await;
        assert_eq!((refused.status.as_u16(), refused.body["scimType"].as_str()), (status, Some(scim_type)));
    }
    assert_eq!(target.get(&path).await.body, patched.body);
}

#[actix_web::test]
async fn a_stale_version_is_not_overwritten() {
    let target = Target::start();
    let path = ["/Users/", &target.user("ada").await].concat();
    let read = target.get(&path).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let unchanged = target.send(target.request("GET", &path).header("if-none-match", &tag)).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body), (304, Value::Null));
    let patch = |tag: &str| {
        let body = json!({"schemas": [urn::PATCH_OP], "Operations": [{"op": "add", "path": "title", "value": "T"}]});
        target.request("PATCH", &path).header("if-match", tag).json(&body)
    };
    assert_eq!(target.send(patch(&tag)).await.status, 200);
    assert_eq!(target.send(patch(&tag)).await.status, 412);
    assert_eq!(target.send(target.request("DELETE", &path).header("if-match", &tag)).await.status, 412);
    assert_eq!(target.send(target.request("DELETE", &path).header("if-match", "*")).await.status, 204);
}

#[actix_web::test]
async fn lists_are_filtered_paged_and_projected() {
    let target = Target::start();
    let mut ids = Vec::new();
    for name in ["ada", "bob", "eve"] {
        ids.push(target.user(name).await);
    }
    target.patch(&["/Users/", &ids[1]].concat(), json!([{"op": "add", "path": "title", "value": "Boss"}])).await;
    let group = target.group("G", &[&ids[0]]).await;
    target.group("H", &[]).await;
    let by_member = ["filter=id eq \"", &group, "\" and members.value eq \"", &ids[0], "\""].concat();
    let by_stranger = ["filter=members.value eq \"", &ids[1], "\""].concat();
    let by_group = ["filter=groups.value eq \"", &group, "\""].concat();
    for (endpoint, query, total, page) in [
        ("/Users", "", 3, 3),
        ("/Users", "startIndex=2&count=1", 3, 1),
        ("/Users", "startIndex=9", 3, 0),
        ("/Users", "count=0", 3, 0),
        ("/Users", "filter=userName eq \"EVE\"", 1, 1),
        ("/Users", "filter=userName eq \"nobody\"", 0, 0),
        ("/Users", "filter=title pr", 1, 1),
        ("/Users", "filter=not (title pr)&count=1", 2, 1),
        ("/Users", "filter=userName sw \"a\" or title eq \"boss\"&startIndex=2", 2, 1),
        ("/Users", "filter=userName eq \"ada\" and title pr", 0, 0),
        ("/Users", &by_group, 1, 1),
        ("/Groups", "filter=displayName eq \"g\"", 1, 1),
        ("/Groups", &by_member, 1, 1),
        ("/Groups", &by_stranger, 0, 0),
        ("/Groups", "filter=members pr", 1, 1),
    ] {
        let list = target.get(&[endpoint, "?", query].concat()).await;
        let found = (list.body["totalResults"].as_u64(), list.body["Resources"].as_array().map(Vec::len));
        assert_eq!(found, (Some(total), Some(page)), "{endpoint} {query}");
        assert_eq!(list.body["itemsPerPage"], page);
    }
    let bare = target.get("/Groups?excludedAttributes=members&filter=members pr").await;
    assert!(bare.body["Resources"][0].get("members").is_none());
    let names = target.get("/Users?attributes=userName&count=1").await;
    assert_eq!(names.body["Resources"][0], json!({"schemas": [urn::USER], "id": ids[0], "userName": "ada"}));
    let search = json!({"schemas": [urn::SEARCH_REQUEST], "filter": "userName eq \"bob\"", "attributes": ["id"]});
    assert_eq!(target.call("POST", "/Users/.search", search).await.body["Resources"][0]["id"], ids[1]);
    for query in ["filter=userName", "filter=active gt true", "filter=password eq \"x\""] {
        let refused = target.get(&["/Users?", query].concat()).await;
        assert_eq!((refused.status.as_u16(), refused.body["scimType"].as_str()), (400, Some("invalidFilter")));
    }
}

#[actix_web::test]
async fn what_is_no_request_is_refused_as_the_protocol_says() {
    let target = Target::start();
    for (method, path, body, status) in [
        ("GET", "/Nothing", "", 404),
        ("GET", "/Users/unknown", "", 404),
        ("PUT", "/Users", "{}", 405),
        ("POST", "/Users/1", "{}", 405),
        ("DELETE", "/Schemas", "", 405),
        ("POST", "/Bulk", "{}", 400),
        ("GET", "/Me", "", 501),
        ("GET", "/Schemas?filter=id%20pr", "", 403),
        ("GET", "/Schemas/urn:x", "", 404),
        ("POST", "/Users", "", 400),
        ("POST", "/Users", "[]", 400),
        ("POST", "/Users", "{} x", 400),
        ("POST", "/Users", "{\"userName\": ", 400),
    ] {
        let answer = target.send(target.request(method, path).body(body)).await;
        assert_eq!(answer.status, status, "{method} {path} {body}");
        assert_eq!(answer.body["schemas"], json!([urn::ERROR]), "{method} {path}");
        assert_eq!(answer.body["status"], status.to_string());
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    let text = target.request("POST", "/Users").header("content-type", "text/plain").body("{}");
    assert_eq!(target.send(text).await.status, 415);
    let large = target.request("POST", "/Users").body(vec![b' '; MOST_BODY_BYTES + 1]);
    assert_eq!(target.send(large).await.status, 413);
}

#[actix_web::test]
async fn discovery_is_open_where_it_must_be_and_tells_the_truth() {
    let target = Target::with(|settings| settings.dialect = Dialect::NO_FILTER);
    let url = [&target.running.base_url(), "/ServiceProviderConfig"].concat();
    let open = target.send(target.client.get(url)).await;
    assert_eq!((open.status.as_u16(), &open.body["filter"]["supported"]), (200, &json!(false)));
    assert_eq!(target.get("/Users?filter=userName%20eq%20%22a%22").await.body["scimType"], "invalidFilter");
    let schemas = target.get("/Schemas").await.body;
    assert_eq!(schemas["totalResults"], 6);
    let types = target.get("/ResourceTypes").await.body;
    for listed in types["Resources"].as_array().unwrap() {
        let schema = ["/Schemas/", listed["schema"].as_str().unwrap()].concat();
        assert_eq!(target.get(&schema).await.body["id"], listed["schema"]);
    }
    assert_eq!(target.get("/ResourceTypes/User").await.body["endpoint"], "/Users");
}

#[actix_web::test]
async fn strangers_are_turned_away() {
    let target = Target::start();
    let url = [&target.running.base_url(), "/Users"].concat();
    for header in [None, Some("Bearer wrong"), Some("Basic YTpi"), Some("Bearer a token for test"), Some("Bearer ")] {
        let mut request = target.client.get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = target.send(request).await;
        assert_eq!(answer.status, 401, "{header:?}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    }
}

#[actix_web::test]
async fn a_restart_finds_everything_that_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("target.sqlite");
    let target = Target::with(|settings| settings.database = Some(file.clone()));
    let names: Vec<String> = (0..40).map(|number| ["user", &number.to_string()].concat()).collect();
    let posts = names.iter().map(|name| target.user(name));
    let ids = futures::future::join_all(posts).await;
    let group = target.group("G", &[&ids[0]]).await;
    target.running.stop().await;
    let target = Target::with(|settings| settings.database = Some(file));
    assert_eq!(target.get("/Users?count=1").await.body["totalResults"], 40);
    assert_eq!(target.members(&group).await, std::slice::from_ref(&ids[0]));
}

#[actix_web::test]
async fn a_second_reader_accepts_what_the_server_sends() {
    let target = Target::start();
    let config = target.get("/ServiceProviderConfig").await.body;
    let read = serde_json::from_value::<scim_v2::models::service_provider_config::ServiceProviderConfig>(config);
    assert!(read.is_ok(), "{read:?}");
    for schema in target.get("/Schemas").await.body["Resources"].as_array().unwrap() {
        let read = serde_json::from_value::<scim_v2::models::scim_schema::Schema>(schema.clone());
        assert!(read.is_ok(), "{}: {read:?}", schema["id"]);
    }
    for kind in target.get("/ResourceTypes").await.body["Resources"].as_array().unwrap() {
        let read = serde_json::from_value::<scim_v2::models::resource_types::ResourceType>(kind.clone());
        assert!(read.is_ok(), "{}: {read:?}", kind["id"]);
    }
    let path = ["/Users/", &target.user("ada").await].concat();
    let read = serde_json::from_value::<scim_v2::models::user::User<String>>(target.get(&path).await.body);
    assert!(read.is_ok(), "{read:?}");
    let missing = target.get("/Users/unknown").await.body;
    let read = serde_json::from_value::<scim_v2::models::errors::ScimHttpError>(missing);
    assert!(read.is_ok(), "{read:?}");
}
