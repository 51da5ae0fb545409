use super::*;
use crate::net::{ClientAuthentication, ClientCertificate, JwtAlgorithm};

fn with_issuer(server: &FakeServer, issuer: &FakeServer) -> ScimTarget {
    let auth = Auth::ClientCredentials {
        token_url: issuer.url(),
        client_id: "gateway".to_owned(),
        client_secret: Secret::new("secret"),
        scope: None,
        authentication: ClientAuthentication::Form,
    };
    target_with(ScimSettings { auth, ..settings(server) }, Protected::default())
}

#[tokio::test]
async fn an_issued_token_is_renewed_once_when_it_is_refused() {
    let token = |text: &str| Reply::json(200, json!({ "access_token": text, "expires_in": 3600 }));
    let issuer = FakeServer::start(script([token("old"), token("new")])).await;
    let server = FakeServer::start(|request| match request.header("authorization") {
        Some("Bearer new") => Reply::json(200, list(json!([]), 0)),
        _ => Reply::empty(401),
    })
    .await;
    with_issuer(&server, &issuer).probe().await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn no_token_means_credentials_and_nothing_sent() {
    let issuer = FakeServer::start(|_| Reply::json(400, json!({ "error": "invalid_client" }))).await;
    let server = FakeServer::start(|_| Reply::empty(204)).await;
    let error = with_issuer(&server, &issuer).create(&users(), &ada()).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (FailureClass::Credentials, "Unauthorized"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_name_and_a_password_go_with_every_request() {
    let (server, _) = scripted([Reply::json(200, list(json!([]), 0))]).await;
    let auth = Auth::Basic { username: "gateway".to_owned(), password: Secret::new("p:w") };
    target_with(ScimSettings { auth, ..settings(&server) }, Protected::default()).probe().await.unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic Z2F0ZXdheTpwOnc="));
}

#[tokio::test]
async fn an_assertion_buys_a_token() {
    let issuer =
        FakeServer::start(script([Reply::json(200, json!({ "access_token": "t1", "expires_in": 3600 }))])).await;
    let server = FakeServer::start(|_| Reply::json(200, list(json!([]), 0))).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.serialize_pem()).unwrap();
    let auth = Auth::JwtBearer {
        token_url: issuer.url(),
        issuer: "gateway".to_owned(),
        subject: Some("robot".to_owned()),
        audience: Some("https://login.example".to_owned()),
        scope: None,
        key_file: file.path().to_owned(),
        algorithm: JwtAlgorithm::ES256,
        key_id: None,
    };
    let target = target_with(ScimSettings { auth, ..settings(&server) }, Protected::default());
    target.probe().await.unwrap();
    target.probe().await.unwrap();
    assert_eq!(server.requests()[1].header("authorization"), Some("Bearer t1"));
    assert_eq!(issuer.requests().len(), 1, "a token is used until it ends");
}

#[tokio::test]
async fn headers_of_ones_own_go_with_every_request_and_print_nothing() {
    let (server, _) = scripted([Reply::json(200, list(json!([]), 0))]).await;
    let headers =
        [("X-Api-Key".to_owned(), Secret::new("hunter2")), ("authorization".to_owned(), Secret::new("Key k"))];
    let settings = ScimSettings {
        auth: Auth::None,
        headers: headers.into(),
        user_agent: Some("gateway/1".to_owned()),
        ..settings(&server)
    };
    assert!(!format!("{settings:?}").contains("hunter2"));
    target_with(settings, Protected::default()).probe().await.unwrap();
    let request = &server.requests()[0];
    let sent = ["x-api-key", "authorization", "user-agent"].map(|name| request.header(name).unwrap_or_default());
    assert_eq!(sent, ["hunter2", "Key k", "gateway/1"]);
}

#[tokio::test]
async fn a_client_certificate_opens_a_door_that_is_closed_without() {
    let authority = TestAuthority::new();
    let write = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    let (certificate, key) = authority.client("gateway");
    let (ca, certificate, key) = (write(&authority.pem()), write(&certificate), write(&key));
    let server =
        FakeServer::start_tls(authority.server_for_members("localhost"), |_| Reply::json(200, list(json!([]), 0)))
            .await;
    let without = ScimSettings { auth: Auth::None, ca_file: Some(ca.path().to_owned()), ..settings(&server) };
    let client_certificate =
        Some(ClientCertificate { certificate_file: certificate.path().to_owned(), key_file: key.path().to_owned() });
    let with = ScimSettings { client_certificate, ..without.clone() };
    target_with(with, Protected::default()).probe().await.unwrap();
    assert!(target_with(without, Protected::default()).probe().await.is_err());
}
