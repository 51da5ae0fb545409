use serde_json::json;

use super::*;
use crate::scim::{Resource, Strictness, urn};
use crate::scim_server::resources;
use crate::scim_server::tenant::{Manner, Tenant};
use crate::scim_server::{Running, Server, Settings};
use crate::secret::Secret;

const BASE: &str = "http://localhost/scim/v2";

struct Bench {
    running: Running,
    realm: Realm,
}

impl Bench {
    fn start() -> Self {
        let running = Server::start(Settings::new("127.0.0.1:0".parse().unwrap(), Secret::new("token"))).unwrap();
        Self { running, realm: Realm { tenant: Tenant::default(), base: BASE.to_owned(), manner: Manner::STANDARD } }
    }

    async fn bulk(&self, operations: Value) -> Vec<BulkResult> {
        self.bulk_until(operations, Value::Null).await
    }

    async fn bulk_until(&self, operations: Value, fail_on_errors: Value) -> Vec<BulkResult> {
        let body = json!({
            "schemas": [urn::BULK_REQUEST], "failOnErrors": fail_on_errors, "Operations": operations});
        let request = BulkRequest::from_json(&body, Strictness::Lenient).unwrap();
        carry_out(&self.running.service, &self.realm, request).await.unwrap().operations
    }

    async fn get(&self, path: &str) -> Option<Resource> {
        let Some(Endpoint::One(kind, id)) = Address::parse(path, &self.running.service.types).endpoint else {
            panic!("{path} names a resource")
        };
        let shown = resources::get(&self.running.service, &self.realm, &kind, id, Projection::All).await;
        shown.ok().map(|shown| shown.resource)
    }
}

fn user(bulk_id: &str, name: &str, manager: Option<&str>) -> Value {
    let mut data = json!({"schemas": [urn::USER], "userName": name});
    if let Some(manager) = manager {
        data[urn::ENTERPRISE_USER] = json!({"manager": {"value": reference(manager)}});
    }
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

fn group(bulk_id: &str, members: &[&str]) -> Value {
    let members: Vec<_> = members.iter().map(|member| json!({"value": reference(member)})).collect();
    let data = json!({"schemas": [urn::GROUP], "displayName": bulk_id, "members": members});
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data})
}

fn reference(bulk_id: &str) -> String {
    ["bulkId:", bulk_id].concat()
}

/// What each result says, in order: its bulkId and its status.
fn told(results: &[BulkResult]) -> Vec<(&str, u16)> {
    results.iter().map(|result| (result.bulk_id.as_deref().unwrap_or_default(), result.status)).collect()
}

fn scim_type(result: &BulkResult) -> &str {
    result.response.as_ref().unwrap()["scimType"].as_str().unwrap_or_default()
}

fn path_of(results: &[BulkResult], bulk_id: &str) -> String {
    let result = results.iter().find(|result| result.bulk_id.as_deref() == Some(bulk_id)).unwrap();
    result.location.as_deref().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

fn id_of(results: &[BulkResult], bulk_id: &str) -> String {
    path_of(results, bulk_id).rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_refers_forward_comes_later_and_every_result_says_what_became_of_it() {
    let bench = Bench::start();
    let results = bench
        .bulk(json!([
            group("g", &["a"]),
            user("a", "ada", None),
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"schemas": [urn::PATCH_OP], "Operations": [
                {"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]},
                {"op": "remove", "path": "members[value eq \"bulkId:a\"]"}]}},
            user("b", "bob", Some("a")),
        ]))
        .await;
    assert_eq!(told(&results), [("a", 201), ("g", 201), ("b", 201), ("", 200)]);
    assert!(results.iter().all(|result| result.version.is_some() && result.response.is_none()));
    let group = bench.get(&path_of(&results, "g")).await.unwrap();
    assert_eq!(group.as_map()["members"][0]["value"], json!(id_of(&results, "b")));
    assert_eq!(group.as_map()["members"].as_array().unwrap().len(), 1);
    let bob = bench.get(&path_of(&results, "b")).await.unwrap();
    assert_eq!(bob.as_map()[urn::ENTERPRISE_USER]["manager"]["value"], json!(id_of(&results, "a")));
    assert_eq!(results[3].location.as_deref(), results[1].location.as_deref());
}

#[tokio::test]
async fn it_is_served_within_its_limits() {
    let bench = Bench::start();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |operations: Value| {
        let body = json!({"schemas": [urn::BULK_REQUEST], "Operations": operations});
        let url = [&bench.running.base_url(), "/Bulk"].concat();
        let answer = client.post(url).bearer_auth("token").json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, answer) = send(json!([user("a", "ada", None), user("b", "ada", None)])).await;
    assert_eq!((status, &answer["schemas"]), (200, &json!([urn::BULK_RESPONSE])));
    let results = answer["Operations"].as_array().unwrap();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("201"), &json!("409")));
    assert_eq!(results[1]["response"]["scimType"], json!("uniqueness"));
    assert!(results[0]["location"].as_str().unwrap().starts_with(&bench.running.base_url()));
    let delete = json!({"method": "DELETE", "path": "/Users/none"});
    assert_eq!(send(json!(vec![delete.clone(); 1000])).await.0, 200);
    let (status, answer) = send(json!(vec![delete; 1001])).await;
    assert_eq!(status, 413);
    assert!(answer["detail"].as_str().unwrap().contains("maxOperations"));
}

#[tokio::test]
async fn circles_are_created_first_and_closed_afterwards() {
    let bench = Bench::start();
    let results = bench
        .bulk(json!([
            user("a", "ada", Some("b")),
            user("b", "bob", Some("a")),
            user("self", "eve", Some("self")),
            group("g", &["h"]),
            group("h", &["g", "a"]),
        ]))
        .await;
    assert!(results.iter().all(|result| result.status == 201), "{results:?}");
    for (one, manager) in [("a", "b"), ("b", "a"), ("self", "self")] {
        let user = bench.get(&path_of(&results, one)).await.unwrap();
        assert_eq!(user.as_map()[urn::ENTERPRISE_USER]["manager"]["value"], json!(id_of(&results, manager)));
        let version = results.iter().find(|result| result.bulk_id.as_deref() == Some(one)).unwrap().version.clone();
        assert_eq!(user.as_map()["meta"]["version"].as_str(), version.as_deref());
    }
    let group = bench.get(&path_of(&results, "g")).await.unwrap();
    assert_eq!(group.as_map()["members"][0]["value"], json!(id_of(&results, "h")));
}

#[tokio::test]
async fn a_circle_that_cannot_be_closed_leaves_nothing_behind() {
    let bench = Bench::start();
    bench.bulk(json!([user("x", "taken", None)])).await;
    let results = bench.bulk(json!([user("a", "ada", Some("b")), user("b", "taken", Some("a"))])).await;
    assert_eq!(told(&results), [("a", 409), ("b", 409)]);
    assert!(results.iter().all(|result| result.location.is_none() && result.version.is_none()));
    // The name is free again, so the create was undone.
    assert_eq!(told(&bench.bulk(json!([user("a", "ada", None)])).await), [("a", 201)]);
    // A circle that is cut short by the limit of errors is no half one either.
    let cut = json!([user("c", "cleo", Some("e")), user("d", "taken", Some("c")), user("e", "eva", Some("c"))]);
    assert_eq!(told(&bench.bulk_until(cut, json!(1)).await), [("c", 409), ("d", 409)]);
    assert_eq!(told(&bench.bulk(json!([user("c", "cleo", None)])).await), [("c", 201)]);
}

#[tokio::test]
async fn failures_spread_to_what_depends_on_them_and_to_nothing_else() {
    let bench = Bench::start();
    let results = bench
        .bulk(json!([
            user("a", "", None),
            user("b", "bob", Some("a")),
            group("g", &["b"]),
            user("c", "cleo", None),
            user("d", "dora", Some("nobody")),
            {"method": "DELETE", "path": "/Users/bulkId:a"},
        ]))
        .await;
    assert_eq!(told(&results), [("a", 400), ("b", 400), ("g", 400), ("c", 201), ("d", 400), ("", 400)]);
    for index in [0, 1, 2, 4, 5] {
        assert_eq!(scim_type(&results[index]), "invalidValue");
        assert_eq!(results[index].location, None);
    }
}

#[tokio::test]
async fn it_stops_after_as_many_errors_as_are_allowed() {
    let bench = Bench::start();
    let operations = json!([user("a", "", None), user("b", "bob", None), user("c", "", None), user("d", "dora", None)]);
    assert_eq!(told(&bench.bulk_until(operations.clone(), json!(1)).await), [("a", 400)]);
    assert_eq!(told(&bench.bulk_until(operations, json!(2)).await), [("a", 400), ("b", 201), ("c", 400)]);
}

#[tokio::test]
async fn operations_that_make_no_sense_are_refused_one_by_one() {
    let bench = Bench::start();
    let results = bench.bulk(json!([user("a", "ada", None)])).await;
    let (path, version) = (path_of(&results, "a"), results[0].version.clone());
    let based = ["/scim/v2", &path].concat();
    let body = json!({"schemas": [urn::USER], "userName": "ada", "title": "T"});
    let results = bench
        .bulk(json!([
            {"method": "PUT", "path": path, "version": "W/\"none\"", "data": body},
            {"method": "PUT", "path": path, "version": version, "data": body},
            {"method": "PUT", "path": path},
            {"method": "PATCH", "path": path, "data": {"schemas": [urn::USER], "Operations": []}},
            {"method": "DELETE", "path": "/Users"},
            {"method": "POST", "path": path, "bulkId": "p", "data": body},
            {"method": "POST", "path": "/Bulk", "bulkId": "q", "data": {}},
            {"method": "DELETE", "path": "/Users/none"},
            {"method": "DELETE", "path": "/nowhere"},
            {"method": "DELETE", "path": based},
            {"method": "DELETE", "path": path.trim_start_matches('/')},
        ]))
        .await;
    let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [412, 200, 400, 400, 405, 405, 404, 404, 404, 404, 204]);
    let here = [BASE, &path].concat();
    assert_eq!(results[0].location.as_deref(), Some(here.as_str()));
    assert_eq!((results[10].location.as_deref(), &results[10].version), (Some(here.as_str()), &None));
    assert!(bench.get(&path).await.is_none());
}
