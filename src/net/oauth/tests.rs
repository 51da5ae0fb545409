use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::*;
use crate::net::fake_server::{FakeServer, Reply};
use crate::net::{HttpSettings, JwtAlgorithm, ProxyChoice, client};

fn cache(server: &FakeServer) -> TokenCache {
    let settings = HttpSettings { proxy: ProxyChoice::Direct, ..HttpSettings::default() };
    let credentials = ClientCredentials {
        token_url: server.url().join("/token").unwrap(),
        client_id: "gateway".to_owned(),
        client_secret: Secret::new("a+b/c=~ &"),
        scope: Some("api/.default".to_owned()),
        authentication: ClientAuthentication::Form,
    };
    TokenCache::new(client(&settings).unwrap(), credentials)
}

/// Issues `t1`, `t2`, … with the given life.
async fn issuer(expires_in: serde_json::Value) -> FakeServer {
    let issued = AtomicU64::new(0);
    FakeServer::start(move |_| {
        let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("t{number}");
        Reply::json(200, json!({ "token_type": "Bearer", "access_token": token, "expires_in": expires_in }))
    })
    .await
}

#[tokio::test]
async fn the_grant_is_sent_as_a_form() {
    let server = issuer(json!(3600)).await;
    assert_eq!(cache(&server).bearer().await.unwrap().expose(), "t1");
    let request = &server.requests()[0];
    assert_eq!(request.line(), "POST /token");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        request.body,
        "grant_type=client_credentials&client_id=gateway&client_secret=a%2Bb%2Fc%3D%7E+%26&scope=api%2F.default"
    );
}

#[tokio::test]
async fn the_secret_goes_into_the_header_where_the_issuer_wants_it_there() {
    let server = issuer(json!(3600)).await;
    let mut cache = cache(&server);
    let Grant::ClientCredentials(credentials) = &mut cache.grant else { panic!("it has credentials") };
    credentials.authentication = ClientAuthentication::Basic;
    cache.bearer().await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.body, "grant_type=client_credentials&scope=api%2F.default");
    let expected = format!("Basic {}", BASE64_STANDARD.encode("gateway:a%2Bb%2Fc%3D%7E+%26"));
    assert_eq!(request.header("authorization"), Some(expected.as_str()));
}

#[tokio::test]
async fn an_assertion_is_signed_anew_for_every_token() {
    let server = issuer(json!(0)).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.serialize_pem()).unwrap();
    let url = server.url().join("/token").unwrap();
    let mut grant = JwtBearer::new(url, "gateway".to_owned(), file.path(), JwtAlgorithm::ES256, None).unwrap();
    grant.scope = Some("scim".to_owned());
    let settings = HttpSettings { proxy: ProxyChoice::Direct, ..HttpSettings::default() };
    let cache = TokenCache::new(client(&settings).unwrap(), grant);
    assert_eq!(cache.bearer().await.unwrap().expose(), "t1");
    assert_eq!(cache.bearer().await.unwrap().expose(), "t2");
    let bodies: Vec<String> = server.requests().into_iter().map(|request| request.body).collect();
    for body in &bodies {
        assert!(body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey"));
        assert!(body.ends_with("&scope=scim"));
    }
    assert_ne!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn many_callers_cause_one_request() {
    let server = issuer(json!("3600")).await;
    let cache = Arc::new(cache(&server));
    let callers = (0..20).map(|_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.bearer().await.unwrap() })
    });
    for token in futures::future::join_all(callers).await {
        assert_eq!(token.unwrap().expose(), "t1");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = issuer(json!(3600)).await;
    let cache = cache(&server);
    let refused = cache.bearer().await.unwrap();
    cache.invalidate(&refused).await;
    assert_eq!(cache.bearer().await.unwrap().expose(), "t2");
    cache.invalidate(&refused).await;
    assert_eq!(cache.bearer().await.unwrap().expose(), "t2");
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let asked_at = Instant::now();
    let cases = [(json!(3600), 3300), (json!("100"), 80), (json!(99.0), 79), (json!(null), 480), (json!(0), 0)];
    for (expires_in, renewed_after) in cases {
        let answer = json!({ "access_token": "t", "expires_in": expires_in });
        let token = serde_json::from_value::<TokenAnswer>(answer).unwrap().token(asked_at).unwrap();
        assert_eq!((token.renew_at - asked_at).as_secs(), renewed_after, "{expires_in}");
    }
}

#[tokio::test]
async fn while_the_issuer_is_down_the_present_token_serves_until_its_end() {
    let issued = AtomicU64::new(0);
    let server = FakeServer::start(move |_| match issued.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(200, json!({ "access_token": "t1", "expires_in": 3600 })),
        _ => Reply::empty(503).with("retry-after", "0"),
    })
    .await;
    let cache = cache(&server);
    cache.bearer().await.unwrap();
    cache.token.lock().await.as_mut().unwrap().renew_at = Instant::now();
    assert_eq!(cache.bearer().await.unwrap().expose(), "t1");
    let asked = server.requests().len();
    assert_eq!(cache.bearer().await.unwrap().expose(), "t1");
    assert_eq!(server.requests().len(), asked, "it waits before it asks again");

    let ended = Instant::now();
    let mut token = cache.token.lock().await;
    token.as_mut().unwrap().renew_at = ended;
    token.as_mut().unwrap().ends_at = ended;
    drop(token);
    assert!(matches!(cache.bearer().await, Err(OAuthError::Unavailable { status: 503, .. })));
}

type Expectation = fn(&OAuthError) -> bool;

#[tokio::test]
async fn answers_without_a_token_are_told_apart() {
    let cases: [(Reply, Expectation); 6] = [
        (
            Reply::json(
                401,
                json!({ "error": "invalid_client\n", "error_codes": [7000215], "error_description": "x" }),
            ),
            |error| matches!(error, OAuthError::Refused { error, codes, .. } if error == "invalid_client" && codes == &[7000215]),
        ),
        (
            Reply::json(400, json!({ "error": "invalid_scope" })),
            |error| matches!(error, OAuthError::Refused { error, .. } if error == "invalid_scope"),
        ),
        (Reply::html(200), |error| matches!(error, OAuthError::NoToken { status: 200, .. })),
        (Reply::html(404), |error| matches!(error, OAuthError::NoToken { status: 404, .. })),
        (Reply::json(200, json!({ "access_token": "line\nbreak" })), |error| {
            matches!(error, OAuthError::NoToken { status: 200, .. })
        }),
        (Reply::json(200, json!({ "access_token": "" })), |error| matches!(error, OAuthError::NoToken { .. })),
    ];
    for (reply, expected) in cases {
        let reply = std::sync::Mutex::new(Some(reply));
        let server = FakeServer::start(move |_| reply.lock().unwrap().take().unwrap()).await;
        let error = cache(&server).bearer().await.unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(!error.is_transient());
        assert!(!format!("{error:?}").contains("a+b"), "no secret in errors");
    }
}

#[tokio::test]
async fn passing_trouble_is_tried_again() {
    let asked = AtomicU64::new(0);
    let server = FakeServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::empty(429).with("retry-after", "0"),
        1 => Reply::json(400, json!({ "error": "temporarily_unavailable" })).with("retry-after", "0"),
        _ => Reply::json(200, json!({ "access_token": "t" })),
    })
    .await;
    assert_eq!(cache(&server).bearer().await.unwrap().expose(), "t");
}
