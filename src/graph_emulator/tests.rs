//! The emulator over real sockets.

mod assignments;
mod rounds;

use std::collections::BTreeSet;

use reqwest::{Client, Method, StatusCode, header::LOCATION};
use serde_json::{Value as Json, json};

use super::*;

const ADA: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BOB: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const EVE: &str = "aaaaaaaa-0000-4000-8000-000000000003";
const STAFF: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const LAB: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const TENANT: &str = "cccccccc-0000-4000-8000-000000000001";

fn small_tenant() -> Tenant {
    let user = |id: &str, name: &str| {
        let login = [name, "@t.example"].concat();
        json!({ "id": id, "userPrincipalName": login, "displayName": name, "accountEnabled": true })
    };
    let mut bob = user(BOB, "bob");
    bob["manager"] = json!(ADA);
    let document = json!({
        "tenantId": TENANT, "displayName": "T", "verifiedDomains": ["t.example"],
        "users": [user(ADA, "ada"), bob, user(EVE, "eve")],
        "groups": [
            { "id": STAFF, "displayName": "Staff", "groupTypes": ["Unified"], "members": [ADA, BOB, EVE, LAB] },
            { "id": LAB, "displayName": "Lab", "securityEnabled": true, "members": [ADA] },
        ],
    });
    Tenant::from_json(&document.to_string()).unwrap()
}

/// A running emulator with a client that speaks to it.
struct Bench {
    emulator: Running,
    client: Client,
}

impl Bench {
    fn start(page_size: usize) -> Self {
        Self::serving(small_tenant(), page_size)
    }

    fn serving(directory: Tenant, page_size: usize) -> Self {
        // Another test may have installed the provider already; either way there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::start(Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            directory,
            client_id: "app".into(),
            client_secret: Secret::new("s3cret~+/="),
            token: Some(Secret::new("fixed")),
            page_size,
        });
        Self { emulator: emulator.unwrap(), client: Client::builder().no_proxy().build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { [&self.emulator.root_url(), path].concat() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Json>) -> (StatusCode, Json) {
        let mut request = self.client.request(method, self.url(path)).bearer_auth("fixed");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Json::Null))
    }

    async fn get(&self, path: &str) -> Json {
        let (status, answer) = self.send(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn write(&self, method: Method, path: &str, body: Json) -> Json {
        let (status, answer) = self.send(method, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn delete(&self, path: &str) {
        let (status, answer) = self.send(Method::DELETE, path, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {answer}");
    }

    /// All entries of a round with its delta link and the number of its pages.
    async fn round(&self, path: &str) -> (Vec<Json>, String, usize) {
        let (mut entries, mut path, mut pages) = (Vec::new(), path.to_owned(), 0);
        loop {
            let answer = self.get(&path).await;
            pages += 1;
            entries.extend(answer["value"].as_array().unwrap().iter().cloned());
            match (answer["@odata.nextLink"].as_str(), answer["@odata.deltaLink"].as_str()) {
                (Some(next), None) => path = next.to_owned(),
                (None, Some(delta)) => return (entries, delta.to_owned(), pages),
                _ => panic!("a page has exactly one link: {answer}"),
            }
        }
    }

    /// All objects of a paged collection.
    async fn all(&self, path: &str) -> Vec<Json> {
        let (mut objects, mut path) = (Vec::new(), Some(path.to_owned()));
        while let Some(at) = path {
            let answer = self.get(&at).await;
            objects.extend(answer["value"].as_array().unwrap().iter().cloned());
            path = answer["@odata.nextLink"].as_str().map(str::to_owned);
        }
        objects
    }
}

fn ids(objects: &[Json]) -> Vec<&str> {
    objects.iter().map(|object| object["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_token_is_issued_for_the_secret_in_form_or_header_and_opens_the_directory() {
    let bench = Bench::start(10);
    let url = bench.url(&["/", TENANT, "/oauth2/v2.0/token"].concat());
    let scope = [&bench.emulator.root_url(), "/.default"].concat();
    let form = [("grant_type", "client_credentials"), ("client_id", "app"), ("scope", &scope)];
    let with_secret: Vec<_> = form.iter().copied().chain([("client_secret", "s3cret~+/=")]).collect();
    let by_form = bench.client.post(&url).form(&with_secret);
    let by_header = bench.client.post(&url).form(&form).basic_auth("app", Some("s3cret%7E%2B%2F%3D"));
    for request in [by_form, by_header] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3599)));
        let users = bench.client.get(bench.url("/v1.0/users"));
        let response = users.bearer_auth(answer["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn the_token_service_says_what_is_wrong_in_its_own_shape() {
    let bench = Bench::start(10);
    let right = [
        ("grant_type", "client_credentials"),
        ("client_id", "app"),
        ("client_secret", "s3cret~+/="),
        ("scope", "https://graph.example/.default"),
    ];
    let cases = [
        ("client_secret", "wrong", "invalid_client", 7_000_215, 401),
        ("client_id", "other", "unauthorized_client", 700_016, 400),
        ("scope", "https://graph.example/User.Read", "invalid_scope", 1_002_012, 400),
        ("scope", "", "invalid_request", 900_144, 400),
        ("grant_type", "password", "unsupported_grant_type", 70003, 400),
    ];
    let url = bench.url("/t.example/oauth2/v2.0/token");
    for (field, value, error, number, status) in cases {
        let form = right.map(|(name, given)| (name, if name == field { value } else { given }));
        let response = bench.client.post(&url).form(&form).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{field}={value}");
        let answer: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!((&answer["error"], &answer["error_codes"]), (&json!(error), &json!([number])));
    }
    let elsewhere = bench.client.post(bench.url("/other.example/oauth2/v2.0/token")).form(&right).send().await.unwrap();
    assert_eq!(elsewhere.status().as_u16(), 400);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn every_refusal_has_the_shape_and_the_ids_of_the_service() {
    let bench = Bench::start(10);
    let cases = [
        (Method::GET, "/v1.0/users", None, 401, "InvalidAuthenticationToken"),
        (Method::GET, "/v1.0/users", Some("wrong"), 401, "InvalidAuthenticationToken"),
        (Method::GET, "/v1.0/users/nobody", Some("fixed"), 404, "Request_ResourceNotFound"),
        (Method::GET, "/v1.0/no/such/path", Some("fixed"), 404, "UnknownError"),
        (Method::GET, "/elsewhere", Some("fixed"), 404, "UnknownError"),
        (Method::PUT, "/v1.0/users", Some("fixed"), 405, "Request_BadRequest"),
        (Method::POST, "/v1.0/users", Some("fixed"), 400, "Request_BadRequest"),
        (Method::GET, "/v1.0/users?$top=1000", Some("fixed"), 400, "Request_BadRequest"),
        (Method::GET, "/beta/users?$select=colour", Some("fixed"), 400, "Request_BadRequest"),
        (Method::GET, "/v1.0/users?$filter=city%20ne%20'x'", Some("fixed"), 400, "Request_UnsupportedQuery"),
        (Method::GET, "/v1.0/users/delta?$deltatoken=rubbish", Some("fixed"), 400, "Request_BadRequest"),
        (Method::GET, "/v1.0/users/delta?$skiptoken=expired", Some("fixed"), 410, "syncStateNotFound"),
    ];
    for (method, path, token, status, code) in cases {
        let mut request = bench.client.request(method, bench.url(path)).header("client-request-id", "mine-7");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        let headers = response.headers().clone();
        let answer: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["error"]["code"], code, "{path}");
        let inner = &answer["error"]["innerError"];
        assert_eq!(inner["client-request-id"], "mine-7");
        assert_eq!(inner["request-id"].as_str(), headers["request-id"].to_str().ok(), "{path}");
        assert_eq!(headers.contains_key("www-authenticate"), status == 401);
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn plain_reads_show_defaults_or_the_selection_and_page_by_top() {
    let bench = Bench::start(10);
    let ada = bench.get(&["/v1.0/users/", ADA].concat()).await;
    assert_eq!(
        (&ada["displayName"], &ada["jobTitle"], &ada["businessPhones"]),
        (&json!("ada"), &Json::Null, &json!([]))
    );
    assert!(ada.get("accountEnabled").is_none());
    let by_name = bench.get("/beta/users/ADA@t.example?$select=id,accountEnabled,city").await;
    let shown: BTreeSet<&str> = by_name.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, BTreeSet::from(["@odata.context", "accountEnabled", "city", "id"]));
    assert_eq!(ids(&bench.all("/v1.0/users?$top=1&$select=id").await), [ADA, BOB, EVE]);
    let first = bench.get("/v1.0/users?$top=2").await;
    let link = first["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with(&bench.url("/v1.0/users?$skiptoken=")), "{link}");
    let organization = bench.get("/v1.0/organization").await;
    assert_eq!(organization["value"][0]["id"], TENANT);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn references_are_read_with_their_types() {
    let bench = Bench::start(2);
    let manager = bench.get(&["/v1.0/users/", BOB, "/manager?$select=id"].concat()).await;
    assert_eq!((&manager["id"], &manager["@odata.type"]), (&json!(ADA), &json!("#microsoft.graph.user")));
    let (status, _) = bench.send(Method::GET, &["/v1.0/users/", ADA, "/manager"].concat(), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let members = bench.all(&["/v1.0/groups/", STAFF, "/members?$select=id"].concat()).await;
    assert_eq!(ids(&members), [ADA, BOB, EVE, LAB]);
    assert_eq!(members[3]["@odata.type"], "#microsoft.graph.group");
    let cast = bench.all(&["/v1.0/groups/", STAFF, "/members/microsoft.graph.group"].concat()).await;
    assert_eq!(ids(&cast), [LAB]);
    let found = bench
        .write(Method::POST, "/v1.0/directoryObjects/getByIds", json!({ "ids": [EVE, TENANT, LAB], "types": ["user"] }))
        .await;
    assert_eq!(ids(found["value"].as_array().unwrap()), [EVE]);
    bench.emulator.stop().await;
}
