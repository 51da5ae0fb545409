//! Endpoints, methods, headers and bodies (RFC 7644 sections 2, 3.1, 3.8 and 3.12).

use serde_json::{Value, json};

use super::{Answer, MOST_BODY_BYTES, TOKEN, Target};
use crate::scim::urn;

impl Target {
    async fn raw(&self, method: &str, path: &str, media_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(method, path).header("content-type", media_type).body(body)).await
    }
}

fn allowed(answer: &Answer) -> &str {
    answer.headers.get("allow").map_or("", |allow| allow.to_str().unwrap())
}

#[actix_web::test]
async fn every_endpoint_has_its_methods_and_no_others() {
    let target = Target::start();
    let user = ["/Users/", &target.user("ada").await].concat();
    let one = "GET, HEAD, PUT, PATCH, DELETE";
    for (path, methods) in [
        ("", "GET, HEAD"),
        ("/", "GET, HEAD"),
        ("/.search", "POST"),
        ("/Users", "GET, HEAD, POST"),
        ("/Users/", "GET, HEAD, POST"),
        ("/Groups", "GET, HEAD, POST"),
        ("/Users/.search", "POST"),
        ("/Groups/.search", "POST"),
        (&user, one),
        ("/Users/unknown", one),
        ("/Me", one),
        ("/Bulk", "POST"),
        ("/ServiceProviderConfig", "GET, HEAD"),
        ("/Schemas", "GET, HEAD"),
        ("/Schemas/urn:x", "GET, HEAD"),
        ("/ResourceTypes", "GET, HEAD"),
        ("/ResourceTypes/User", "GET, HEAD"),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if methods.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = target.call(method, path, Value::Null).await;
            assert_eq!((answer.status.as_u16(), allowed(&answer)), (405, methods), "{method} {path}");
            assert_eq!((&answer.body["schemas"], &answer.body["status"]), (&json!([urn::ERROR]), &json!("405")));
        }
    }
}

#[actix_web::test]
async fn what_is_not_there_is_answered_in_scim() {
    let target = Target::start();
    for path in [
        "/Nothing",
        "/users",
        "/Users/a/b",
        "/Users/unknown",
        "/Schemas/urn:x",
        "/ResourceTypes/X",
        "/Me/x",
        "/Users/%ff",
    ] {
        let answer = target.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (404, &json!("404")), "{path}");
        assert_eq!(answer.headers["content-type"], "application/scim+json", "{path}");
    }
    let root = ["http://", &target.running.address().to_string()].concat();
    for (path, status, scim_type) in [
        ("/scim/v1/Users", 400, json!("invalidVers")),
        ("/scim/v3/ServiceProviderConfig", 400, json!("invalidVers")),
        ("/scim/v2x/Users", 404, Value::Null),
        ("/", 404, Value::Null),
        ("/index.html", 404, Value::Null),
        ("/scim/Users", 200, Value::Null),
        ("/v2/Users", 200, Value::Null),
        ("/Users/", 200, Value::Null),
    ] {
        let answer = target.send(target.client.get([&root, path].concat()).bearer_auth(TOKEN)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["scimType"]), (status, &scim_type), "{path}");
    }
}

#[actix_web::test]
async fn a_resource_comes_with_the_headers_of_its_place_and_version() {
    let target = Target::start();
    let body = json!({"schemas": [urn::USER], "userName": "ada"});
    let created = target.call("POST", "/Users", body.clone()).await;
    let path = ["/Users/", created.body["id"].as_str().unwrap()].concat();
    let changed = json!({"Operations": [{"op": "add", "path": "title", "value": "T"}]});
    for answer in [
        created,
        target.get(&path).await,
        target.call("PUT", &path, body).await,
        target.call("PATCH", &path, changed).await,
        target.get(&[&path, "?attributes=userName"].concat()).await,
    ] {
        let location = [&target.running.base_url(), path.as_str()].concat();
        assert_eq!(
            (&answer.headers["location"], &answer.headers["content-location"]),
            (&location.parse().unwrap(), &location.parse().unwrap())
        );
        assert!(answer.headers["etag"].to_str().unwrap().starts_with("W/\""));
        if let Some(meta) = answer.body.get("meta") {
            assert_eq!(
                (meta["location"].as_str().unwrap(), &answer.headers["etag"]),
                (location.as_str(), &meta["version"].as_str().unwrap().parse().unwrap())
            );
        }
        assert_eq!(answer.headers["content-type"], "application/scim+json");
    }
    let head = target.send(target.request("HEAD", &path)).await;
    assert_eq!((head.status.as_u16(), &head.body), (200, &Value::Null));
    assert!(head.headers.contains_key("etag"));
    let deleted = target.call("DELETE", &path, Value::Null).await;
    assert_eq!((deleted.status.as_u16(), deleted.headers.get("content-type")), (204, None));
}

#[actix_web::test]
async fn accept_and_content_type_are_understood_as_they_are_sent() {
    let target = Target::start();
    for accept in ["application/scim+json", "application/json", "*/*", "application/json;q=0.5, text/html"] {
        let answer = target.send(target.request("GET", "/Users").header("accept", accept)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &"application/scim+json".parse().unwrap()),
            "{accept}"
        );
    }
    for (number, media_type) in
        ["application/scim+json", "application/json", "Application/SCIM+JSON; charset=utf-8", "application/json;x=y"]
            .into_iter()
            .enumerate()
    {
        let body = json!({"schemas": [urn::USER], "userName": number.to_string()}).to_string();
        assert_eq!(target.raw("POST", "/Users", media_type, body).await.status, 201, "{media_type}");
    }
    for media_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx"] {
        for (method, path) in
            [("POST", "/Users"), ("PUT", "/Users/1"), ("PATCH", "/Users/1"), ("POST", "/Users/.search")]
        {
            let answer = target.raw(method, path, media_type, "{}").await;
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (415, &json!("415")), "{media_type} {method}");
        }
    }
}

#[actix_web::test]
async fn a_body_is_one_json_object_of_a_bounded_size() {
    let target = Target::start();
    let user = ["/Users/", &target.user("ada").await].concat();
    for body in [
        "",
        " ",
        "[]",
        "7",
        "null",
        "{",
        "{} {}",
        "{} x",
        "{\"userName\": }",
        "{\"a\": 1, \"a\": 2}",
        "{\"userName\": \"a\", \"USERNAME\": \"b\"}",
        "{\"name\": {\"givenName\": \"a\", \"givenname\": \"b\"}}",
    ] {
        for (method, path) in
            [("POST", "/Users"), ("PUT", user.as_str()), ("PATCH", user.as_str()), ("POST", "/.search")]
        {
            let answer = target.raw(method, path, "application/scim+json", body).await;
            let found = (answer.status.as_u16(), &answer.body["scimType"]);
            assert_eq!(found, (400, &json!("invalidSyntax")), "{method} {path} {body}");
        }
    }
    let deep = ["{\"a\":".repeat(50_000), "1".to_owned(), "}".repeat(50_000)].concat();
    assert_eq!(target.raw("POST", "/Users", "application/json", deep).await.status, 400);
    let unpacked = target.request("POST", "/Users").header("content-encoding", "gzip").body("{}");
    let answer = target.send(unpacked).await;
    assert_eq!((answer.status.as_u16(), &answer.body["scimType"]), (400, &json!("invalidSyntax")));
    let large = target.raw("POST", "/Users", "application/json", vec![b' '; MOST_BODY_BYTES + 1]).await;
    assert_eq!((large.status.as_u16(), &large.body["status"]), (413, &json!("413")));
    assert!(large.body["detail"].as_str().unwrap().contains("4 MiB"));
}

#[actix_web::test]
async fn the_base_and_a_search_ask_all_types_at_once() {
    let target = Target::start();
    for name in ["ada", "bob", "eve"] {
        target.user(name).await;
    }
    for name in ["A", "B"] {
        target.group(name, &[]).await;
    }
    for (query, total, shown) in [
        ("", 5, 5),
        ("count=2", 5, 2),
        ("startIndex=3&count=2", 5, 2),
        ("startIndex=4", 5, 2),
        ("startIndex=6", 5, 0),
        ("count=0", 5, 0),
        ("filter=meta.resourceType eq \"Group\"", 2, 2),
        ("filter=userName sw \"a\"", 1, 1),
        ("filter=userName eq \"ada\" or displayName eq \"B\"", 2, 2),
        ("filter=userName pr and members pr", 0, 0),
    ] {
        let list = target.get(&["?", query].concat()).await.body;
        let found = (list["totalResults"].as_u64(), list["Resources"].as_array().map(Vec::len));
        assert_eq!(found, (Some(total), Some(shown)), "{query}: {list}");
    }
    let page = target.get("/?startIndex=3&count=2").await.body;
    let kinds: Vec<&Value> =
        page["Resources"].as_array().unwrap().iter().map(|one| &one["meta"]["resourceType"]).collect();
    assert_eq!(kinds, [&json!("User"), &json!("Group")]);
    let search = json!({"schemas": [urn::SEARCH_REQUEST], "filter": "userName eq \"bob\"", "attributes": ["userName"]});
    for path in ["/.search", "/Users/.search"] {
        let list = target.call("POST", path, search.clone()).await.body;
        assert_eq!((&list["totalResults"], &list["Resources"][0]["userName"]), (&json!(1), &json!("bob")), "{path}");
    }
    assert_eq!(target.call("POST", "/Users/.search", json!({})).await.body["totalResults"], 3);
    for broken in [json!({"filter": 7}), json!({"attributes": "userName"}), json!({"count": "x"})] {
        assert_eq!(target.call("POST", "/.search", broken.clone()).await.status, 400, "{broken}");
    }
}

#[actix_web::test]
async fn discovery_takes_no_filter_and_ignores_paging() {
    let target = Target::start();
    for path in ["/Schemas", "/ResourceTypes"] {
        let refused = target.get(&[path, "?filter=name eq \"User\""].concat()).await;
        assert_eq!(refused.status, 403, "{path}");
        let (all, paged) =
            (target.get(path).await.body, target.get(&[path, "?count=1&startIndex=2"].concat()).await.body);
        assert_eq!(all, paged);
        assert_eq!(all["schemas"], json!([urn::LIST_RESPONSE]));
        for one in all["Resources"].as_array().unwrap() {
            let alone = target.get(&[path, "/", &one["id"].as_str().unwrap().to_uppercase()].concat()).await;
            assert_eq!((alone.status.as_u16(), &alone.body), (200, one));
        }
    }
    assert_eq!(target.get("/ServiceProviderConfig?filter=x").await.status, 200);
}

#[actix_web::test]
async fn a_condition_holds_for_the_tags_it_names_and_no_others() {
    let target = Target::start();
    let path = ["/Users/", &target.user("ada").await].concat();
    let tag = target.get(&path).await.headers["etag"].clone();
    let ask = async |method: &str, header: &str, values: &[&[u8]]| {
        let mut request = target.request(method, &path);
        for value in values {
            request = request.header(header, reqwest::header::HeaderValue::from_bytes(value).unwrap());
        }
        let operations = json!({"Operations": [{"op": "replace", "path": "title", "value": "same"}]});
        target.send(if method == "GET" { request } else { request.json(&operations) }).await.status.as_u16()
    };
    let tag = tag.as_bytes();
    for (values, status) in
        [(vec![tag], 304), (vec![b"*"], 304), (vec![b"\"x\"", tag], 304), (vec![b"\"x\""], 200), (vec![b"\xff"], 200)]
    {
        assert_eq!(ask("GET", "if-none-match", &values).await, status, "{values:?}");
    }
    for (values, status) in
        [(vec![b"\"x\"".as_slice()], 412), (vec![b"\xff"], 412), (vec![b""], 412), (vec![b"\"x\"", tag], 200)]
    {
        assert_eq!(ask("PATCH", "if-match", &values).await, status, "{values:?}");
    }
}

#[actix_web::test]
async fn a_resource_does_not_grow_for_ever() {
    let target = Target::start();
    let path = ["/Users/", &target.user("ada").await].concat();
    let add = |from: usize, to: usize, letters: usize| {
        let roles =
            (from..to).map(|number| json!({"value": ([&number.to_string(), "x".repeat(letters).as_str()].concat())}));
        json!([{"op": "add", "path": "roles", "value": (roles.collect::<Vec<_>>())}])
    };
    assert_eq!(target.patch(&path, add(0, 1000, 0)).await.status, 200);
    let before = target.get(&path).await.body;
    let refused = target.patch(&path, add(1000, 1001, 0)).await;
    assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("invalidValue")));
    assert!(refused.body["detail"].as_str().unwrap().contains("`roles`"), "{}", refused.body);
    let nick = json!([{"op": "add", "path": "nickName", "value": ("x".repeat(1024 * 1024))}]);
    assert_eq!(target.patch(&path, nick).await.status, 413);
    assert_eq!(target.get(&path).await.body, before);
}

#[actix_web::test]
async fn a_projection_names_no_more_than_it_may() {
    let target = Target::start();
    let user = ["/Users/", &target.user("ada").await].concat();
    for path in [user.as_str(), "/Users", "/Groups", ""] {
        for parameter in ["attributes", "excludedAttributes"] {
            for (names, status) in [(200, 200), (201, 400)] {
                let query = [path, "?", parameter, "=", &vec!["title"; names].join(",")].concat();
                let answer = target.get(&query).await;
                assert_eq!(answer.status, status, "{path} {parameter} {names}");
            }
        }
    }
    let search = json!({"schemas": [urn::SEARCH_REQUEST], "attributes": (vec!["title"; 201])});
    assert_eq!(target.call("POST", "/Users/.search", search).await.body["scimType"], "invalidValue");
}
