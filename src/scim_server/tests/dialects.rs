//! What each dialect refuses or gets wrong, over HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Target};
use crate::scim::urn;
use crate::scim_server::Dialect;

mod writes;

fn speaking(name: &str) -> Target {
    let dialect = Dialect::named(name).unwrap();
    Target::with(|settings| settings.dialect = dialect)
}

/// A user that every dialect takes.
fn person(name: &str) -> Value {
    json!({
        "schemas": [urn::USER],
        "userName": name,
        "externalId": name,
        "displayName": name,
        "name": {"givenName": "A", "familyName": "B", "formatted": "A B"},
        "emails": [{"value": ([name, "@example.org"].concat()), "type": "work"}],
    })
}

impl Target {
    async fn person(&self, name: &str) -> String {
        let created = self.call("POST", "/Users", person(name)).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let location = created.headers["location"].to_str().unwrap();
        ["/Users/", location.rsplit('/').next().unwrap()].concat()
    }

    async fn config(&self) -> Value {
        self.get("/ServiceProviderConfig").await.body
    }

    async fn replace(&self, path: &str, attribute: &str, value: Value) -> Answer {
        self.patch(path, json!([{"op": "replace", "path": attribute, "value": value}])).await
    }

    async fn people_named(&self, names: &[&str]) {
        for name in names {
            self.person(name).await;
        }
    }

    async fn people(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0..count {
            let path = self.person(&["p", &number.to_string()].concat()).await;
            ids.push(path.rsplit('/').next().unwrap().to_owned());
        }
        ids
    }
}

fn told(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.body["scimType"].as_str())
}

fn members(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({"value": id})).collect()
}

fn add(ids: &[String]) -> Value {
    json!([{"op": "add", "path": "members", "value": members(ids)}])
}

#[actix_web::test]
async fn filters_are_refused_where_they_are_not_understood() {
    let (equal, both) = ("userName eq \"ada\"", "userName eq \"ada\" and externalId eq \"ada\"");
    let group = "displayName eq \"G\"";
    for (name, supported, users, groups) in [
        ("standard", true, vec![equal, both, "title pr"], vec![group]),
        ("no-filter", false, vec![], vec![]),
        ("no-group-filter", true, vec![equal, both, "title pr"], vec![]),
        ("eq-only", true, vec![equal], vec![group]),
        ("aws-iam-identity-center", true, vec![equal, both], vec![group]),
        ("snowflake", true, vec![equal, "userName sw \"a\""], vec![group]),
        ("gitlab", true, vec![equal], vec![]),
        ("zoom", true, vec![equal], vec![group]),
        ("servicenow", true, vec![equal], vec![group]),
        ("entra-strict", true, vec![equal, both], vec![group]),
    ] {
        let target = speaking(name);
        target.person("ada").await;
        if Dialect::named(name).is_some_and(|dialect| dialect.offers.groups) {
            target.group("G", &[]).await;
        }
        if !["gitlab"].contains(&name) {
            assert_eq!(target.config().await["filter"]["supported"], supported, "{name}");
        }
        for filter in [equal, both, "title pr", "userName sw \"a\"", "not (userName eq \"x\")"] {
            let understood = users.contains(&filter) || (users.contains(&"title pr") && name != "eq-only");
            let answer = target.get(&["/Users?filter=", filter].concat()).await;
            assert_eq!(answer.status == 200, understood, "{name} {filter}");
            if !understood && name != "zoom" {
                assert_eq!(told(&answer), (400, Some("invalidFilter")), "{name} {filter}");
            }
        }
        let answer = target.get(&["/Groups?filter=", group].concat()).await;
        assert_eq!(answer.status == 200, groups.contains(&group), "{name}: {}", answer.body);
    }
}

#[actix_web::test]
async fn long_filters_are_refused_in_capitals() {
    let target = speaking("databricks");
    let filter = |terms: usize| vec!["userName eq \"a\""; terms].join(" or ");
    assert_eq!(target.get(&["/Users?filter=", &filter(200)].concat()).await.status, 200);
    let refused = target.get(&["/Users?filter=", &filter(201)].concat()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("INVALID_FILTER")));
}

#[actix_web::test]
async fn a_search_for_nothing_may_be_answered_with_404() {
    let target = speaking("empty-404");
    assert_eq!(told(&target.get("/Users?filter=userName eq \"a\"").await), (404, None));
    assert_eq!(target.get("/Users").await.body["totalResults"], 0);
    target.person("a").await;
    assert_eq!(target.get("/Users?filter=userName eq \"a\"").await.body["totalResults"], 1);
}

#[actix_web::test]
async fn filters_lag_and_single_reads_do_not() {
    let target = speaking("lagging");
    let path = target.person("ada").await;
    let found = async || target.get("/Users?filter=userName eq \"ada\"").await.body["totalResults"].clone();
    assert_eq!(found().await, 0);
    assert_eq!(target.get(&path).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(found().await, 1);
}

#[actix_web::test]
async fn pages_are_no_larger_than_the_application_likes() {
    for (name, size) in [("small-pages", 10), ("gitlab", 20), ("aws-iam-identity-center", 50)] {
        let target = speaking(name);
        target.people(size + 1).await;
        let page = target.get("/Users?count=500").await.body;
        let shown = page["Resources"].as_array().unwrap().len();
        assert_eq!(
            (shown, &page["itemsPerPage"], &page["totalResults"]),
            (size, &json!(size), &json!(size + 1)),
            "{name}"
        );
        if name != "gitlab" {
            assert_eq!(target.config().await["filter"]["maxResults"], size);
        }
    }
}

#[actix_web::test]
async fn writes_may_be_answered_with_nothing() {
    let target = speaking("no-echo");
    let created = target.call("POST", "/Users", person("ada")).await;
    assert_eq!(
        (created.status.as_u16(), &created.body, created.headers.get("content-type")),
        (201, &Value::Null, None)
    );
    let location = created.headers["location"].to_str().unwrap();
    let path = location.strip_prefix(&target.running.base_url()).unwrap();
    for answer in [target.call("PUT", path, person("eve")).await, target.replace(path, "title", json!("T")).await] {
        assert_eq!((answer.status.as_u16(), answer.body), (204, Value::Null));
    }
    assert_eq!(target.get(path).await.body["title"], "T");
}

#[actix_web::test]
async fn conflicts_and_errors_are_written_in_many_ways() {
    let target = speaking("bare-conflict");
    target.person("ada").await;
    assert_eq!(told(&target.call("POST", "/Users", person("ada")).await), (409, None));
    assert_eq!(told(&target.get("/Users?filter=x").await), (400, Some("invalidFilter")));

    let target = speaking("zoom");
    let missing = target.get("/Users/unknown").await;
    assert_eq!((missing.status.as_u16(), &missing.body["code"]), (404, &json!(404)));
    assert!(missing.body["message"].is_string() && missing.body.get("schemas").is_none());
}

#[actix_web::test]
async fn booleans_may_be_texts() {
    let target = speaking("text-booleans");
    let mut body = person("ada");
    body["active"] = json!(true);
    assert_eq!(told(&target.call("POST", "/Users", body.clone()).await), (400, Some("invalidValue")));
    body["active"] = json!("true");
    body["emails"][0]["primary"] = json!("True");
    let created = target.call("POST", "/Users", body).await;
    assert_eq!((&created.body["active"], &created.body["emails"][0]["primary"]), (&json!("True"), &json!("True")));
    let path = ["/Users/", created.body["id"].as_str().unwrap()].concat();
    assert_eq!(told(&target.replace(&path, "active", json!(false)).await), (400, Some("invalidValue")));
    let pathless = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(told(&target.patch(&path, pathless).await), (400, Some("invalidValue")));
    assert_eq!(target.replace(&path, "active", json!("FALSE")).await.body["active"], "False");
    assert_eq!(target.get("/Users?filter=active eq false").await.body["Resources"][0]["active"], "False");
}

#[actix_web::test]
async fn some_names_never_change() {
    for name in ["fixed-user-name", "atlassian", "contentful"] {
        let target = speaking(name);
        let path = target.person("ada").await;
        assert_eq!(told(&target.call("PUT", &path, person("eve")).await), (400, Some("mutability")), "{name}");
        assert_eq!(told(&target.replace(&path, "userName", json!("eve")).await), (400, Some("mutability")), "{name}");
        assert_eq!(target.replace(&path, "title", json!("T")).await.status, 200, "{name}");
        assert_eq!(target.call("PUT", &path, person("ada")).await.status, 200, "{name}");
    }
}

#[actix_web::test]
async fn users_leave_in_the_way_of_the_application() {
    for (name, status, remains) in [
        ("standard", 204, None),
        ("no-delete", 403, Some(Value::Null)),
        ("contentful", 403, Some(Value::Null)),
        ("delete-deactivates", 204, Some(json!(false))),
        ("slack", 204, Some(json!(false))),
        ("salesforce", 204, Some(json!(false))),
    ] {
        let target = speaking(name);
        let path = target.person("ada").await;
        assert_eq!(target.call("DELETE", &path, Value::Null).await.status, status, "{name}");
        let left = target.get(&path).await;
        assert_eq!(left.status == 200, remains.is_some(), "{name}");
        assert_eq!(left.body["active"], remains.unwrap_or_default(), "{name}");
        let group = ["/Groups/", &target.group("G", &[]).await].concat();
        assert_eq!(target.call("DELETE", &group, Value::Null).await.status, 204, "{name}");
    }
    for name in ["inactive-deletes", "gitlab", "sentry"] {
        let target = speaking(name);
        let path = target.person("ada").await;
        assert!(target.replace(&path, "active", json!(false)).await.status.is_success(), "{name}");
        assert_eq!(target.get(&path).await.status, 404, "{name}");
    }
}

#[actix_web::test]
async fn some_attributes_are_needed_and_others_forgotten() {
    let bare = json!({"schemas": [urn::USER], "userName": "ada"});
    for name in ["demanding", "slack", "github-emu", "aws-iam-identity-center", "atlassian", "gitlab", "salesforce"] {
        let target = speaking(name);
        assert_eq!(told(&target.call("POST", "/Users", bare.clone()).await), (400, Some("invalidValue")), "{name}");
        let path = target.person("ada").await;
        let replaced = target.call("PUT", &path, bare.clone()).await;
        assert!([400, 501].contains(&replaced.status.as_u16()), "{name}");
    }
    let mut several = person("ada");
    several["emails"] = json!([{"value": "a@example.org"}, {"value": "b@example.org"}]);
    several["photos"] = json!([{"value": "https://example.org/a.png"}]);
    let target = speaking("aws-iam-identity-center");
    assert_eq!(told(&target.call("POST", "/Users", several.clone()).await), (400, Some("invalidValue")));
    let target = speaking("snowflake");
    let kept = target.call("POST", "/Users", several).await.body;
    assert_eq!((kept["emails"].as_array().map(Vec::len), kept.get("photos")), (Some(1), None));
}

#[actix_web::test]
async fn discovery_and_further_parts_may_be_missing() {
    let target = speaking("no-discovery");
    for path in ["/ServiceProviderConfig", "/ServiceProviderConfigs", "/Schemas", "/ResourceTypes", "/Schemas/urn:x"] {
        assert_eq!(target.get(path).await.status, 404, "{path}");
    }
    let target = speaking("salesforce");
    assert_eq!(target.get("/ServiceProviderConfig").await.status, 404);
    assert_eq!(target.get("/ServiceProviderConfigs").await.body["bulk"]["supported"], false);
    assert_eq!(Target::start().get("/ServiceProviderConfigs").await.status, 404);

    let target = speaking("slack");
    for path in ["/Bulk", "/.search", "/Users/.search"] {
        assert_eq!(target.call("POST", path, json!({})).await.status, 501, "{path}");
    }
    let config = target.config().await;
    for part in ["bulk", "etag", "sort"] {
        assert_eq!(config[part]["supported"], false, "{part}");
    }
    assert!(config.get("pagination").is_none() && target.get("/Users?cursor").await.body.get("startIndex").is_some());
    assert_eq!(Target::start().config().await["pagination"]["cursor"], true);
    for (name, first) in [("standard", "eve"), ("slack", "ada")] {
        let target = speaking(name);
        target.people_named(&["ada", "eve"]).await;
        let list = target.get("/Users?sortBy=userName&sortOrder=descending").await.body;
        assert_eq!(list["Resources"][0]["userName"], first, "{name}");
    }
    assert_eq!(speaking("gitlab").get("/Groups").await.status, 404);
}

#[actix_web::test]
async fn versions_may_be_unknown() {
    let target = speaking("no-etags");
    let path = target.person("ada").await;
    let read = target.get(&path).await;
    assert!(!read.headers.contains_key("etag") && read.body["meta"].get("version").is_none());
    let stale = target.request("DELETE", &path).header("if-match", "W/\"77\"");
    assert_eq!(target.send(stale).await.status, 204);
}

#[actix_web::test]
async fn a_caller_may_have_to_say_what_it_is() {
    let target = speaking("github-emu");
    let nameless = target.request("GET", "/Users").header("user-agent", "");
    assert_eq!(told(&target.send(nameless).await), (403, None));
    assert_eq!(target.get("/Users").await.status, 200);
}

#[actix_web::test]
async fn the_letter_counts_where_it_is_asked_for() {
    for (name, accepted) in [("standard", true), ("strict", false)] {
        let target = speaking(name);
        let path = target.person("ada").await;
        let mut unknown = person("eve");
        unknown["shoeSize"] = json!(7);
        let operations = json!([
            {"method": "PATCH", "path": path,
                "data": {"schemas": [urn::PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": "False"}]}},
        ]);
        let bulk =
            target.call("POST", "/Bulk", json!({"schemas": [urn::BULK_REQUEST], "Operations": operations})).await;
        assert_eq!(bulk.body["Operations"][0]["status"] == "200", accepted, "{name}: {}", bulk.body);
        for (what, answer) in [
            ("an unknown attribute", target.call("POST", "/Users", unknown).await),
            ("a boolean in a text", target.replace(&path, "active", json!("False")).await),
            ("a word without quotation marks", target.get("/Users?filter=userName eq ada").await),
            (
                "a lone member",
                target
                    .call(
                        "POST",
                        "/Groups",
                        json!({"schemas": [urn::GROUP], "displayName": "G",
                "members": {"value": (path.rsplit('/').next())}}),
                    )
                    .await,
            ),
        ] {
            assert_eq!(
                (answer.status.is_success(), answer.status == 400),
                (accepted, !accepted),
                "{name}: {what}: {}",
                answer.body
            );
        }
        assert_eq!(target.call("PUT", &path, person("ada")).await.status, 200, "{name}");
    }
}
