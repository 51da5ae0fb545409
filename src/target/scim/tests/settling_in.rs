use super::*;
use crate::target::profile::{MemberRemoval, PatchDialect};

#[test]
fn equal_addresses_have_equal_identities() {
    let identity = |base: &str| {
        let settings = ScimSettings::new(Url::parse(base).unwrap(), Auth::Bearer(Secret::new("t")));
        ScimTarget::new(settings, Protected::default()).unwrap().identity().as_str().to_owned()
    };
    for same in ["https://App.Example/scim/v2", "https://app.example:443/scim/v2/", "https://app.example/scim/v2//"] {
        assert_eq!(identity(same), "https://app.example/scim/v2");
    }
    assert_ne!(identity("https://app.example/SCIM/v2"), "https://app.example/scim/v2");
    assert_eq!(identity("http://app.example:8080"), "http://app.example:8080");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let cases = [
        ("https://app.example/scim?flag", "t", "no query"),
        ("https://ada:pw@app.example/scim", "t", "no credentials"),
        ("ftp://app.example/scim", "t", "`https://`"),
        ("https://app.example/scim", "", "bearer token"),
        ("https://app.example/scim", "a\nb", "bearer token"),
    ];
    for (base, token, problem) in cases {
        let settings = ScimSettings::new(Url::parse(base).unwrap(), Auth::Bearer(Secret::new(token)));
        let Err(error) = ScimTarget::new(settings, Protected::default()) else { panic!("{base}") };
        assert!(error.to_string().contains(problem), "{error}");
        assert_eq!(error.class(), FailureClass::Configuration);
    }
    let unknown = json!({ "base_url": "https://app.example", "auth": { "bearer": "t" }, "timeout": 3 });
    assert!(serde_json::from_value::<ScimSettings>(unknown).is_err());
}

#[test]
fn settings_that_no_request_survives_are_told_with_their_place() {
    let base = Url::parse("https://app.example/scim").unwrap();
    let sound = || ScimSettings::new(base.clone(), Auth::Bearer(Secret::new("t")));
    let asking = |token_url: &str| {
        let auth = json!({ "client_credentials": { "token_url": token_url, "client_id": "c", "client_secret": "s" } });
        ScimSettings::new(base.clone(), serde_json::from_value(auth).unwrap())
    };
    let sizes = ProfileOverrides { max_page_size: Some(0), ..ProfileOverrides::default() };
    for (settings, place) in [
        (ScimSettings { timeout_seconds: 0, ..sound() }, "timeout_seconds"),
        (ScimSettings { concurrency: 0, ..sound() }, "concurrency"),
        (ScimSettings { profile: sizes, ..sound() }, "profile.max_page_size"),
        (asking("http://login.example/token"), "auth.client_credentials.token_url"),
        (asking("ftp://login.example/token"), "auth.client_credentials.token_url"),
        (asking("https://ada:pw@login.example/token"), "auth.client_credentials.token_url"),
        (asking("https://login.example/token#x"), "auth.client_credentials.token_url"),
    ] {
        let places: Vec<String> = settings.problems().into_iter().map(|problem| problem.at.join(".")).collect();
        assert_eq!(places, [place]);
        assert!(ScimTarget::new(settings, Protected::default()).is_err());
    }
    for token_url in ["https://login.example/token?v=2", "http://127.0.0.1:8080/token"] {
        assert_eq!(asking(token_url).problems(), []);
    }
}

#[tokio::test]
async fn a_target_that_says_nothing_keeps_the_preset() {
    let or_users = |reply: Reply| {
        move |request: &fake_server::Request| match request.line().ends_with("/Users") {
            true => Reply::json(200, list(json!([]), 0)),
            false => reply.clone(),
        }
    };
    for reply in [Reply::html(404), Reply::html(200), Reply::json(403, json!({})), Reply::json(200, json!([]))] {
        let server = FakeServer::start(or_users(reply)).await;
        let target = target(&server);
        target.discover().await.unwrap();
        assert_eq!(target.profile().as_ref(), &Profile::default());
    }
    let server = FakeServer::start(or_users(Reply::html(404))).await;
    let target = target(&server);
    target.discover().await.unwrap();
    target.discover().await.unwrap();
    let asked = ["ServiceProviderConfig", "ServiceProviderConfigs", "ResourceTypes", "Schemas", "Users"];
    let asked = asked.map(|name| ["GET /scim/v2/", name].concat());
    assert_eq!(server.lines(), asked, "it is asked once in a while");
}

#[tokio::test]
async fn discovery_refines_the_profile_below_the_operators_word() {
    let config = json!({ "patch": { "supported": false }, "filter": { "supported": true, "maxResults": 50 } });
    let types = json!({ "Resources": [{ "name": "User", "schema": urn::USER, "endpoint": "/People" }] });
    let server = FakeServer::start(move |request| match request.line().rsplit('/').next() {
        Some("ServiceProviderConfig") => Reply::json(200, config.clone()),
        Some("ResourceTypes") => Reply::json(200, types.clone()),
        Some("Schemas") => Reply::html(200),
        _ => Reply::json(200, list(json!([]), 0)),
    })
    .await;
    let target = profiled(&server, json!({ "patch": true, "preset": "entra-legacy" }));
    assert!(target.profile().dialect.text_booleans, "the preset counts before the target was asked, too");
    target.discover().await.unwrap();
    let endpoints = [("users".to_owned(), "People".to_owned())].into();
    let dialect =
        PatchDialect { text_booleans: true, member_removal: MemberRemoval::Values, ..PatchDialect::default() };
    assert_eq!(target.profile().as_ref(), &Profile { max_page_size: 50, endpoints, dialect, ..Profile::default() });
    target.probe().await.unwrap();
    assert_eq!(server.lines().last().unwrap(), "GET /scim/v2/People");
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_asked_again() {
    let down = std::sync::atomic::AtomicBool::new(true);
    let server = FakeServer::start(move |_| match down.swap(false, std::sync::atomic::Ordering::Relaxed) {
        true => Reply::Silence,
        false => Reply::json(200, json!({ "patch": { "supported": false } })),
    })
    .await;
    let quick = RetryPolicy { attempts: 1, ..QUICK };
    let settings = ScimSettings { timeout_seconds: 1, ..settings(&server) };
    let target = ScimTarget::with_retries(settings, Protected::default(), quick).unwrap();
    assert!(target.discover().await.is_err());
    target.discover().await.unwrap();
    assert!(!target.profile().patch);
}

#[tokio::test]
async fn a_private_authority_and_a_proxy_come_from_the_settings() {
    let authority = TestAuthority::new();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let empty = |_: &fake_server::Request| Reply::json(200, list(json!([]), 0));
    let server = FakeServer::start_tls(authority.server("localhost"), empty).await;
    let trusting = ScimSettings { ca_file: Some(file.path().to_owned()), ..settings(&server) };
    target_with(trusting, Protected::default()).probe().await.unwrap();
    let error = target(&server).probe().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Outage);
    assert!(error.to_string().contains("`ca_file`"), "{error}");

    let proxy = FakeServer::start(empty).await;
    let base = Url::parse("http://app.example/scim").unwrap();
    let proxied = ScimSettings {
        proxy: ProxyChoice::Url(proxy.url()),
        ..ScimSettings::new(base, Auth::Bearer(Secret::new("t")))
    };
    target_with(proxied, Protected::default()).probe().await.unwrap();
    assert!(proxy.requests()[0].target.starts_with("http://app.example/scim/Users?"));
}
