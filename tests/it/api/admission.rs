//! Who is let in: every part of the API with every kind of caller.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{ADMIN, AUDIENCE, Api, BOOTSTRAP, CLIENT_SECRET, ISSUER, OPERATOR, READER, TENANT};
use crate::support::repository;

/// The claims of a good token of the other issuer, with one of them changed.
fn claims_but(name: &str, value: Json) -> Json {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": get_current_timestamp() + 600,
        "roles": ["Synchronization.ReadWrite.All"],
    });
    claims[name] = value;
    claims
}

fn signed(claims: &Json) -> String {
    let pem = std::fs::read(repository("fixtures/auth/rsa_private.pem")).expect("a key");
    encode(&Header::new(Algorithm::RS256), claims, &EncodingKey::from_rsa_pem(&pem).expect("RSA")).expect("a token")
}

/// The public key as a shared secret: the oldest way to forge a token.
fn confused(claims: &Json) -> String {
    let pem = std::fs::read(repository("fixtures/auth/rsa_public.pem")).expect("a key");
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(&pem)).expect("a token")
}

fn unsigned(claims: &Json) -> String {
    let part = |json: &Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(claims))
}

/// A token of the gateway with another word in it, under the same signature.
fn tampered(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(&parts[1]).expect("base64");
    let claims =
        String::from_utf8(claims).expect("text").replace("Synchronization.Read.All", "Synchronization.ReadWrite.All");
    parts[1] = BASE64_URL_SAFE_NO_PAD.encode(claims);
    parts.join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_what_their_role_says_and_no_more() {
    let api = Api::start().await;
    let base = api.synchronization().await;
    let (looks, steers) = (
        [
            "/v1.0/servicePrincipals".to_owned(),
            "/v1.0/servicePrincipals/$count".to_owned(),
            base.trim_end_matches("/synchronization").to_owned(),
            format!("{base}/jobs"),
            format!("{base}/jobs/$count"),
            format!("{base}/jobs/people"),
            format!("{base}/jobs/people/schema"),
            format!("{base}/jobs/people/schema/directories"),
            format!("{base}/jobs/people/schema/directories/$count"),
            format!("{base}/jobs/people/schema/filterOperators"),
            format!("{base}/jobs/people/schema/functions"),
            format!("{base}/templates"),
            format!("{base}/templates/$count"),
            format!("{base}/templates/scim"),
            format!("{base}/templates/scim/schema"),
        ],
        ["start", "pause", "restart"].map(|action| format!("{base}/jobs/people/{action}")),
    );
    let (admin, reader, operator) = (api.token(ADMIN).await, api.token(READER).await, api.token(OPERATOR).await);
    let kid_of_nobody = {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("nobody".to_owned());
        let pem = std::fs::read(repository("fixtures/auth/rsa_private.pem")).expect("a key");
        let claims = claims_but("iss", json!(format!("{}/{TENANT}/v2.0", api.url)));
        encode(&header, &claims, &EncodingKey::from_rsa_pem(&pem).expect("RSA")).expect("a token")
    };
    let good = claims_but("sub", json!("somebody"));
    // Who, then what looking and steering are answered with.
    let callers = [
        ("nobody", None, 401, 401),
        ("an admin", Some(admin), 200, 204),
        ("a fixed token", Some(BOOTSTRAP.to_owned()), 200, 204),
        ("an operator", Some(operator), 200, 204),
        ("a reader", Some(reader.clone()), 200, 403),
        ("another issuer's admin", Some(signed(&good)), 200, 204),
        ("another issuer's reader", Some(signed(&claims_but("roles", json!(["Application.Read.All"])))), 200, 403),
        ("somebody without a role", Some(signed(&claims_but("roles", json!(["Mail.Read"])))), 403, 403),
        ("somebody with no roles at all", Some(signed(&claims_but("roles", Json::Null))), 403, 403),
        ("an expired token", Some(signed(&claims_but("exp", json!(get_current_timestamp() - 600)))), 401, 401),
        (
            "a token that is not valid yet",
            Some(signed(&claims_but("nbf", json!(get_current_timestamp() + 600)))),
            401,
            401,
        ),
        ("another audience", Some(signed(&claims_but("aud", json!("api://another")))), 401, 401),
        ("another issuer", Some(signed(&claims_but("iss", json!("https://other.example")))), 401, 401),
        ("no signature", Some(unsigned(&good)), 401, 401),
        ("a public key as a secret", Some(confused(&good)), 401, 401),
        ("a key of nobody", Some(kid_of_nobody), 401, 401),
        ("a tampered token", Some(tampered(&reader)), 401, 401),
        ("no token at all", Some("x.y.z".to_owned()), 401, 401),
        ("a secret", Some(CLIENT_SECRET.to_owned()), 401, 401),
    ];
    for (who, token, looking, steering) in callers {
        for (method, path, expected) in looks
            .iter()
            .map(|path| (Method::GET, path, looking))
            .chain(steers.iter().map(|path| (Method::POST, path, steering)))
        {
            // A restart by everybody who may would only take time.
            if path.ends_with("restart") && expected == 204 && who != "an operator" {
                continue;
            }
            let answer = api.send(method.clone(), path, token.as_deref(), None).await;
            assert_eq!(answer.status, expected, "{who}: {method} {path}: {}", answer.body);
            if expected == 401 {
                let challenge = answer.header("www-authenticate").unwrap_or_default();
                assert!(challenge.starts_with("Bearer") && !challenge.contains("claims"), "{challenge}");
                assert_eq!(challenge.contains("error="), token.is_some(), "{who}: {challenge}");
                let error = answer.json()["error"].clone();
                assert_eq!(error["code"], "InvalidAuthenticationToken");
                let why = [("an expired token", "expired"), ("another audience", "another audience")];
                for (_, words) in why.into_iter().filter(|(about, _)| *about == who) {
                    assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{who}: {error}");
                }
            }
            if expected == 403 {
                assert_eq!(answer.json()["error"]["code"], "Authorization_RequestDenied");
            }
        }
        // What is there does not show without a token.
        let unknown = api.send(Method::GET, "/v1.0/servicePrincipals/nobody", token.as_deref(), None).await;
        assert_eq!(unknown.status, if looking == 200 { 404 } else { looking }, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drops_no_links_and_lets_nothing_through() {
    let api = Api::start().await;
    let restart = format!("{}/jobs/people/restart", api.synchronization().await);
    let operator = api.token(OPERATOR).await;
    for (scope, expected) in
        [("Escrows", 204), ("ForceDeletes", 403), ("Escrows, ConnectorDataStore", 403), ("Full", 403)]
    {
        let body = json!({ "criteria": { "resetScope": scope } }).to_string();
        let answer = api.send(Method::POST, &restart, Some(&operator), Some(&body)).await;
        assert_eq!(answer.status, expected, "{scope}: {}", answer.body);
    }
    let body = json!({ "criteria": { "resetScope": "ForceDeletes" } }).to_string();
    assert_eq!(api.send(Method::POST, &restart, Some(BOOTSTRAP), Some(&body)).await.status, 204, "an admin does");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_gives_tokens_to_clients_alone() {
    let api = Api::start().await;
    let ask = async |tenant: &str, form: &[(&str, &str)]| {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", api.url);
        let answer = api.client.post(url).form(form).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Json>().await.expect("JSON"))
    };
    let good = [
        ("grant_type", "client_credentials"),
        ("scope", "https://localhost/.default"),
        ("client_id", ADMIN),
        ("client_secret", CLIENT_SECRET),
    ];
    let (status, answer) = ask(TENANT, &good).await;
    assert_eq!((status, &answer["token_type"], &answer["expires_in"]), (200, &json!("Bearer"), &json!(3599)));
    for (name, value, status, error) in [
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_secret", "", 401, "invalid_client"),
        ("client_id", "00000000-0000-4000-8000-0000000000ff", 401, "invalid_client"),
        ("client_id", super::CERTIFIED, 401, "invalid_client"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("scope", "https://other.example/.default", 400, "invalid_scope"),
        ("scope", "https://localhost/User.Read", 400, "invalid_scope"),
        ("client_assertion", "x", 400, "invalid_request"),
    ] {
        let mut form: Vec<(&str, &str)> = good.iter().filter(|(known, _)| *known != name).copied().collect();
        form.push((name, value));
        let (found, answer) = ask(TENANT, &form).await;
        assert_eq!((found, &answer["error"]), (status, &json!(error)), "{name}={value}: {answer}");
        assert!(!answer.to_string().contains(CLIENT_SECRET) && answer["error_codes"].is_array(), "{answer}");
    }
    let (twice, answer) = ask(TENANT, &[good.as_slice(), &good[..1]].concat()).await;
    assert_eq!((twice, &answer["error"]), (400, &json!("invalid_request")));
    let (other, answer) = ask("00000000-0000-4000-8000-000000000000", &good).await;
    assert_eq!((other, &answer["error"]["code"]), (404, &json!("Request_ResourceNotFound")));

    // Nobody tries out secrets by the thousand.
    let mut slowed = None;
    for _ in 0..200 {
        let answer = api.client.post(format!("{}/{TENANT}/oauth2/v2.0/token", api.url)).form(&good[..3]).send().await;
        let answer = answer.expect("an answer");
        if answer.status() == 429 {
            slowed = answer.headers().get("retry-after").cloned();
            break;
        }
    }
    assert_eq!(slowed.expect("it slows down"), "1");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;

    // What the document says is where things are, and the published key signs.
    let document = api.send(Method::GET, &format!("/{TENANT}/v2.0/.well-known/openid-configuration"), None, None).await;
    let document = document.json();
    assert_eq!(document["issuer"], format!("{}/{TENANT}/v2.0", api.url));
    assert_eq!(document["token_endpoint"], format!("{}/{TENANT}/oauth2/v2.0/token", api.url));
    let keys = document["jwks_uri"].as_str().and_then(|uri| uri.strip_prefix(&api.url)).expect("its own");
    let keys = api.send(Method::GET, keys, None, None).await.json();
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).expect("a key set");
    let token = api.token(ADMIN).await;
    let header = jsonwebtoken::decode_header(&token).expect("a header");
    let key = keys.find(header.kid.as_deref().expect("a key id")).expect("it is published");
    let mut rules = jsonwebtoken::Validation::new(Algorithm::ES256);
    rules.set_audience(&[format!("api://{TENANT}")]);
    rules.set_issuer(&[document["issuer"].as_str().expect("a text")]);
    let key = jsonwebtoken::DecodingKey::from_jwk(key).expect("a key");
    let claims = jsonwebtoken::decode::<Json>(&token, &key, &rules).expect("it is signed").claims;
    assert_eq!((&claims["appid"], &claims["tid"]), (&json!(ADMIN), &json!(TENANT)));
    assert_eq!(claims["roles"], json!(["Synchronization.ReadWrite.All"]));
}
