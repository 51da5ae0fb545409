//! Who is let in over HTTP, and to which tenant.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Answer, TOKEN, Target};
use crate::auth::test_keys::{AUDIENCE, ISSUER, SigningKey, claims, claims_but};
use crate::net::fake_server::{FakeServer, Reply};
use crate::scim::urn;
use crate::scim_server::{AccessSettings, Server, Settings};
use crate::secret::Secret;

fn served(access: Value) -> Target {
    crate::net::install_crypto_provider();
    Target::with(|settings| {
        settings.token = None;
        settings.access = serde_json::from_value(access).unwrap();
    })
}

impl Target {
    /// A request to a path of the server, with this `Authorization` header or none.
    async fn ask(&self, method: &str, path: &str, authorization: Option<&str>, body: Value) -> Answer {
        let url = ["http://", &self.running.address().to_string(), path].concat();
        let mut request = self.client.request(method.parse().unwrap(), url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn enter(&self, authorization: Option<&str>) -> Answer {
        self.ask("GET", "/scim/v2/Users", authorization, Value::Null).await
    }
}

fn bearer(token: &str) -> String {
    ["Bearer ", token].concat()
}

#[actix_web::test]
async fn signed_tokens_are_let_in_or_refused_with_a_challenge() {
    let key = SigningKey::ec("first");
    let keys = Arc::new(Mutex::new(json!({"keys": [key.jwk()]})));
    let published = Arc::clone(&keys);
    let issuer = FakeServer::start(move |_| Reply::json(200, published.lock().unwrap().clone())).await;
    let target = served(json!({"credentials": [{"jwt": {
        "algorithms": ["ES256", "RS256"], "issuer": ISSUER, "audience": AUDIENCE,
        "jwks_url": issuer.url(), "leeway_seconds": 0, "user_claim": "sub",
    }}]}));
    let good = key.sign(&claims(600));
    assert_eq!(target.enter(Some(&bearer(&good))).await.status, 200);

    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let confused = SigningKey::secret(key.public_pem().as_bytes()).sign(&claims(600));
    for (case, authorization) in [
        ("no token", None),
        ("an empty token", Some("Bearer ".to_owned())),
        ("another scheme", Some(["Basic ", &BASE64_STANDARD.encode("a:b")].concat())),
        ("expired", Some(bearer(&key.sign(&claims(-5))))),
        ("not valid yet", Some(bearer(&key.sign(&claims_but("nbf", json!(32_503_680_000_u64)))))),
        ("without an end", Some(bearer(&key.sign(&claims_but("exp", Value::Null))))),
        ("for another audience", Some(bearer(&key.sign(&claims_but("aud", json!("other")))))),
        ("of another issuer", Some(bearer(&key.sign(&claims_but("iss", json!("other")))))),
        ("unsigned", Some(bearer(&[&unsigned, parts[1], ""].join(".")))),
        ("the public key as a secret", Some(bearer(&confused))),
        ("of an unknown key", Some(bearer(&SigningKey::ec("other").sign(&claims(600))))),
        ("signed by another key of the same name", Some(bearer(&SigningKey::ec("first").sign(&claims(600))))),
        ("no JWT", Some(bearer("abc"))),
    ] {
        let answer = target.enter(authorization.as_deref()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (401, &json!("401")), "{case}");
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert_eq!(
            challenge.contains("error=\"invalid_token\""),
            !["no token", "an empty token", "another scheme"].contains(&case),
            "{case}: {challenge}"
        );
        let told = answer.body.to_string();
        assert!(!told.contains(parts[2]), "{case}: {told}");
    }
}

#[actix_web::test]
async fn a_new_key_of_an_issuer_is_found_and_an_outage_is_not_a_refusal() {
    let (first, second) = (SigningKey::ec("first"), SigningKey::ed("second"));
    let keys = Arc::new(Mutex::new(None));
    let published = Arc::clone(&keys);
    let issuer = FakeServer::start(move |_| match published.lock().unwrap().clone() {
        Some(keys) => Reply::json(200, keys),
        None => Reply::empty(500),
    })
    .await;
    let target = served(json!({"credentials": [{"jwt": {
        "algorithms": ["ES256", "EdDSA"], "issuer": ISSUER, "audience": AUDIENCE, "jwks_url": issuer.url(),
    }}]}));
    let enter = async |key: &SigningKey| target.enter(Some(&bearer(&key.sign(&claims(600))))).await;
    let down = enter(&first).await;
    assert_eq!((down.status.as_u16(), down.headers["retry-after"].to_str().unwrap()), (503, "5"));
    *keys.lock().unwrap() = Some(json!({"keys": [first.jwk(), second.jwk()]}));
    tokio::time::sleep(std::time::Duration::from_millis(5100)).await;
    assert_eq!(enter(&second).await.status, 200);
    assert_eq!(enter(&first).await.status, 200);
    assert_eq!(issuer.requests().len(), 2);
}

#[actix_web::test]
async fn clients_fetch_tokens_and_come_in_with_them() {
    let target = served(json!({
        "credentials": [{"client": {"id": "gateway", "secret": "s", "access": "admin"}}, {"client": {"id": "auditor", "secret": "r", "access": "read"}}],
        "tenants": [{"name": "acme", "credentials": [{"client": {"id": "acme", "secret": "a"}}]}],
    }));
    let fetch = async |id: &str, secret: &str| {
        let url = ["http://", &target.running.address().to_string(), "/oauth2/token"].concat();
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        target.client.post(url).form(&form).send().await.unwrap()
    };
    let token = async |id: &str, secret: &str| {
        let answer: Value = fetch(id, secret).await.json().await.unwrap();
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(300)));
        bearer(answer["access_token"].as_str().unwrap())
    };
    let refused = fetch("gateway", "wrong").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["cache-control"].to_str().unwrap()), (401, "no-store"));
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({"error": "invalid_client"}));

    let user = || json!({"schemas": [urn::USER], "userName": "ada"});
    let (gateway, auditor, acme) = (token("gateway", "s").await, token("auditor", "r").await, token("acme", "a").await);
    assert_eq!(target.ask("POST", "/scim/v2/Users", Some(&gateway), user()).await.status, 201);
    assert_eq!(target.ask("POST", "/scim/v2/Users", Some(&auditor), user()).await.status, 403);
    assert_eq!(target.enter(Some(&auditor)).await.body["totalResults"], 1);
    assert_eq!(target.enter(Some(&acme)).await.status, 401);
    assert_eq!(target.ask("GET", "/tenants/acme/scim/v2/Users", Some(&gateway), Value::Null).await.status, 401);
    let theirs = target.ask("GET", "/tenants/acme/scim/v2/Users", Some(&acme), Value::Null).await;
    assert_eq!(theirs.body["totalResults"], 0);
    let faults = json!([{"method": "POST", "path": "/oauth2/token", "nth": 1, "do": {"status": 503}}]);
    assert_eq!(target.ask("POST", "/admin/faults", Some(&gateway), faults).await.status, 204);
    assert_eq!(
        [fetch("gateway", "s").await.status().as_u16(), fetch("gateway", "s").await.status().as_u16()],
        [503, 200]
    );
    let method = target.ask("GET", "/oauth2/token", None, Value::Null).await;
    assert_eq!((method.status.as_u16(), method.headers["allow"].to_str().unwrap()), (405, "POST"));
}

#[actix_web::test]
async fn tenants_share_nothing() {
    let credentials = |token: &str| json!([{ "bearer": { "token": token } }]);
    let target = served(json!({
        "credentials": [
            {"bearer": {"token": "default", "access": "admin"}},
            {"bearer": {"token": "writer", "access": "write"}},
        ],
        "tenants": [
            {"name": "acme", "credentials": credentials("acme")},
            {"name": "globex", "credentials": credentials("globex"), "dialect": "no-filter"},
        ],
    }));
    let at = |tenant: &str, path: &str| ["/tenants/", tenant, "/scim/v2", path].concat();
    let ask = async |tenant: &str, method: &str, path: &str, body: Value| {
        target.ask(method, &at(tenant, path), Some(&bearer(tenant)), body).await
    };
    let user = || json!({"schemas": [urn::USER], "userName": "ada", "externalId": "7"});
    let mut ids = Vec::new();
    for tenant in ["acme", "globex"] {
        let created = ask(tenant, "POST", "/Users", user()).await;
        assert_eq!(created.status, 201, "{tenant}: {}", created.body);
        let id = created.body["id"].as_str().unwrap().to_owned();
        let location = created.headers["location"].to_str().unwrap();
        assert!(location.ends_with(&at(tenant, &["/Users/", &id].concat())), "{location}");
        ids.push(id);
    }
    let theirs = ["/Users/", &ids[1]].concat();
    for (method, body) in [
        ("GET", Value::Null),
        ("PUT", user()),
        ("PATCH", json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}]})),
        ("DELETE", Value::Null),
    ] {
        assert_eq!(ask("acme", method, &theirs, body).await.status, 404, "{method}");
    }
    let member = json!({"schemas": [urn::GROUP], "displayName": "G", "members": [{"value": ids[1]}]});
    assert_eq!(ask("acme", "POST", "/Groups", member).await.status, 400);
    assert_eq!(ask("acme", "GET", "/Users?filter=externalId eq \"7\"", Value::Null).await.body["totalResults"], 1);
    assert_eq!(ask("globex", "GET", "/Users?filter=externalId eq \"7\"", Value::Null).await.status, 400);
    assert_eq!(ask("globex", "GET", &theirs, Value::Null).await.status, 200);

    assert_eq!(target.enter(Some("Bearer default")).await.body["totalResults"], 0);
    assert_eq!(target.enter(Some("Bearer acme")).await.status, 401);
    let wrong = target.ask("GET", &at("acme", "/Users"), Some("Bearer globex"), Value::Null).await;
    assert_eq!(wrong.status, 401);
    for path in ["/tenants/nobody/scim/v2/Users", "/tenants//scim/v2/Users", "/tenants/%2e%2e%2fx/Users", "/tenants"] {
        let answer = target.ask("GET", path, Some("Bearer default"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["schemas"]), (404, &json!([urn::ERROR])), "{path}");
    }
    for authorization in ["Bearer acme", "Bearer globex"] {
        assert_eq!(target.ask("GET", "/admin/journal", Some(authorization), Value::Null).await.status, 401);
    }
    for (method, path) in [("GET", "/admin/journal"), ("POST", "/admin/reset"), ("GET", "/admin/faults")] {
        let answer = target.ask(method, path, Some("Bearer writer"), Value::Null).await;
        assert_eq!(answer.status, 403, "{path} shows and changes what is other tenants'");
    }
    let journal = target.ask("GET", "/admin/journal", Some("Bearer default"), Value::Null).await.body;
    assert_eq!((&journal[0]["tenant"], &journal[1]["tenant"]), (&json!("acme"), &json!("globex")));
}

#[actix_web::test]
async fn names_with_passwords_come_in_and_readers_only_look() {
    let target = served(json!({"credentials": [
        {"basic": {"name": "admin", "password": "pä:ss"}},
        {"basic": {"name": "reader", "password": "r", "access": "read"}},
    ]}));
    let basic =
        |name: &str, password: &str| ["Basic ", &BASE64_STANDARD.encode([name, ":", password].concat())].concat();
    assert_eq!(target.enter(Some(&basic("admin", "pä:ss"))).await.status, 200);
    for (name, password) in [("admin", "r"), ("nobody", "r"), ("", "")] {
        let refused = target.enter(Some(&basic(name, password))).await;
        assert_eq!(refused.status, 401, "{name}");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Basic realm="));
    }
    let reader = basic("reader", "r");
    assert_eq!(target.enter(Some(&reader)).await.status, 200);
    for (method, path) in [("POST", "/Users"), ("PATCH", "/Users/1"), ("DELETE", "/Groups/1"), ("POST", "/Bulk")] {
        let refused = target.ask(method, &["/scim/v2", path].concat(), Some(&reader), json!({})).await;
        assert_eq!((refused.status.as_u16(), &refused.body["status"]), (403, &json!("403")), "{method} {path}");
    }
    assert_eq!(target.ask("POST", "/scim/v2/Users/.search", Some(&reader), json!({})).await.status, 200);
    assert_eq!(target.ask("POST", "/admin/reset", Some(&reader), Value::Null).await.status, 403);
    let config = target.ask("GET", "/scim/v2/ServiceProviderConfig", None, Value::Null).await.body;
    assert_eq!(config["authenticationSchemes"][0]["type"], "httpbasic");
}

#[actix_web::test]
async fn me_is_the_user_of_the_credential() {
    let target = served(json!({"credentials": [
        {"bearer": {"token": "service"}},
        {"bearer": {"token": "ada", "user": "ADA"}},
        {"bearer": {"token": "nobody", "user": "nobody"}},
    ]}));
    let created = target
        .ask("POST", "/scim/v2/Users", Some("Bearer service"), json!({"schemas": [urn::USER], "userName": "ada"}))
        .await;
    let location = created.headers["location"].to_str().unwrap().to_owned();
    let me = target.ask("GET", "/scim/v2/Me", Some("Bearer ada"), Value::Null).await;
    assert_eq!((me.status.as_u16(), &me.body), (200, &created.body));
    assert_eq!(me.headers["location"], location);
    let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "Countess"}]});
    let patched = target.ask("PATCH", "/scim/v2/Me", Some("Bearer ada"), patch).await;
    assert_eq!((patched.status.as_u16(), &patched.body["title"]), (200, &json!("Countess")));
    assert_eq!(target.ask("GET", "/scim/v2/Me", Some("Bearer service"), Value::Null).await.status, 501);
    assert_eq!(target.ask("GET", "/scim/v2/Me", Some("Bearer nobody"), Value::Null).await.status, 404);
    assert_eq!(target.ask("POST", "/scim/v2/Me", Some("Bearer ada"), json!({})).await.status, 405);
    assert_eq!(target.ask("DELETE", "/scim/v2/Me", Some("Bearer ada"), Value::Null).await.status, 204);
    assert_eq!(target.ask("GET", "/scim/v2/Me", Some("Bearer ada"), Value::Null).await.status, 404);
}

#[test]
fn a_server_that_nobody_could_call_does_not_start() {
    let start = |token: Option<&str>, access: Value| {
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap(), Secret::new(TOKEN));
        settings.token = token.map(Secret::new);
        settings.access = serde_json::from_value::<AccessSettings>(access).unwrap();
        Server::start(settings).err().and_then(|error| Some(std::error::Error::source(&error)?.to_string()))
    };
    let tenant = |name: &str| json!({"name": name, "credentials": [{"bearer": {"token": name}}]});
    for (token, access, says) in [
        (None, json!({}), "nobody could call"),
        (Some(""), json!({}), "cannot be used"),
        (None, json!({"tenants": [tenant("a/b")]}), "no name for a tenant"),
        (None, json!({"tenants": [tenant("a"), tenant("a")]}), "given twice"),
        (None, json!({"tenants": [{"name": "a", "credentials": []}]}), "nobody could call the tenant a"),
        (Some("t"), json!({"credentials": [{"bearer": {"token": "t", "access": "read"}}]}), "cannot be used"),
        (Some("t"), json!({"token_life_seconds": 0}), "86400"),
        (Some("t"), json!({"token_life_seconds": u64::MAX}), "86400"),
        (
            None,
            json!({"tenants": [{"name": "a", "credentials": [{"bearer": {"token": "a"}}], "dialect": "klingon"}]}),
            "unknown dialect",
        ),
    ] {
        let error = start(token, access.clone()).unwrap_or_default();
        assert!(error.contains(says), "{access}: {error}");
    }
}
