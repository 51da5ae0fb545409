use std::io::Write;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::net::fake_server::{FakeServer, Reply, TestAuthority};

fn direct() -> HttpSettings {
    HttpSettings { proxy: ProxyChoice::Direct, ..HttpSettings::default() }
}

fn trusting(authority: &TestAuthority) -> (HttpSettings, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    (HttpSettings { ca_file: Some(file.path().to_owned()), ..direct() }, file)
}

async fn failure(settings: &HttpSettings, url: Url) -> Explanation {
    explain(&client(settings).unwrap().get(url).send().await.unwrap_err())
}

#[tokio::test]
async fn a_refused_connection_is_known_to_have_had_no_effect() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let explanation = failure(&direct(), url).await;
    assert_eq!(explanation.trouble, Trouble::Refused);
    assert!(explanation.before_sending);
}

#[tokio::test]
async fn an_unknown_name_is_called_so() {
    let explanation = failure(&direct(), Url::parse("http://nobody.invalid/").unwrap()).await;
    assert_eq!(explanation.trouble, Trouble::NameUnknown);
    assert!(explanation.before_sending);
}

#[tokio::test]
async fn a_hung_up_connection_may_have_had_an_effect() {
    let server = FakeServer::start(|_| Reply::Reset).await;
    let explanation = failure(&direct(), server.url()).await;
    assert_eq!(explanation.trouble, Trouble::Reset);
    assert!(!explanation.before_sending);
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let server = FakeServer::start(|_| Reply::Silence).await;
    let settings = HttpSettings { timeout: Duration::from_millis(50), ..direct() };
    let explanation = failure(&settings, server.url()).await;
    assert_eq!(explanation.trouble, Trouble::Timeout);
    assert!(!explanation.before_sending);
}

#[tokio::test]
async fn a_private_authority_is_trusted_from_its_file_and_from_nowhere_else() {
    let authority = TestAuthority::new();
    let server = FakeServer::start_tls(authority.server("localhost"), |_| Reply::empty(200)).await;
    let (settings, _file) = trusting(&authority);
    let answer = client(&settings).unwrap().get(server.url()).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    let explanation = failure(&direct(), server.url()).await;
    assert_eq!(explanation.trouble, Trouble::Certificate);
    assert!(explanation.before_sending);
    assert!(explanation.hint.contains("`ca_file`"), "{}", explanation.hint);
}

#[tokio::test]
async fn bad_certificates_say_what_is_bad() {
    let authority = TestAuthority::new();
    let (settings, _file) = trusting(&authority);
    let cases = [
        (authority.expired_server("localhost"), "has expired"),
        (authority.server("other.example"), "another host name"),
    ];
    for (config, expected) in cases {
        let server = FakeServer::start_tls(config, |_| Reply::empty(200)).await;
        let explanation = failure(&settings, server.url()).await;
        assert_eq!(explanation.trouble, Trouble::Certificate);
        assert!(explanation.hint.contains(expected), "{}", explanation.hint);
    }
}

#[tokio::test]
async fn speaking_tls_to_a_plain_port_says_so() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let explanation = failure(&direct(), url).await;
    assert_eq!(explanation.trouble, Trouble::Certificate);
    assert!(explanation.hint.contains("does the port speak TLS"), "{}", explanation.hint);
    server.await.unwrap();
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let server = FakeServer::start(|_| Reply::empty(307).with("location", "http://other.example/")).await;
    let answer = client(&direct()).unwrap().get(server.url()).send().await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(server.lines(), ["GET /"]);
}

#[tokio::test]
async fn an_explicit_proxy_gets_the_request() {
    let proxy = FakeServer::start(|_| Reply::empty(204)).await;
    let settings = HttpSettings { proxy: ProxyChoice::Url(proxy.url()), ..direct() };
    let answer = client(&settings).unwrap().get("http://scim.example/Users").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(proxy.requests()[0].target, "http://scim.example/Users");
}

#[tokio::test]
async fn the_system_proxy_is_asked_for_others_and_not_for_loopback() {
    let proxy = FakeServer::start(|_| Reply::empty(204)).await;
    let server = FakeServer::start(|_| Reply::empty(200)).await;
    let mut address = proxy.url();
    address.set_username("ada").unwrap();
    address.set_password(Some("s:cret")).unwrap();
    let matcher = Matcher::builder().all(address.to_string()).build();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(client_config_as(None, None).unwrap().as_ref().clone())
        .proxy(system_proxy(matcher))
        .build()
        .unwrap();
    assert_eq!(client.get("http://scim.example/").send().await.unwrap().status(), 204);
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 200);
    assert_eq!(proxy.requests().len(), 1);
    let expected = format!("Basic {}", BASE64_STANDARD.encode("ada:s:cret"));
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), Some(expected.as_str()));
}

#[tokio::test]
async fn bodies_are_read_to_the_limit_and_not_beyond() {
    let server = FakeServer::start(|request| match request.target.as_str() {
        "/cut" => Reply::Truncated,
        "/gzip" => Reply::json(200, serde_json::json!("no gzip at all")).with("content-encoding", "gzip"),
        _ => Reply::json(200, serde_json::json!("abcdef")),
    })
    .await;
    let client = client(&direct()).unwrap();
    let get = async |path: &str| client.get(server.url().join(path).unwrap()).send().await.unwrap();
    assert_eq!(read_bounded(get("/").await, 8).await.unwrap(), "\"abcdef\"");
    assert!(matches!(read_bounded(get("/").await, 7).await, Err(NetError::TooLong { limit: 7 })));
    let Err(NetError::BrokeOff { cause, .. }) = read_bounded(get("/cut").await, 100).await else { panic!("it ended") };
    assert_eq!(explain(&cause).trouble, Trouble::Reset);
    let Err(NetError::BrokeOff { cause, .. }) = read_bounded(get("/gzip").await, 100).await else {
        panic!("it was gzip")
    };
    assert_eq!(explain(&cause).trouble, Trouble::Protocol);
}

#[test]
fn proxies_are_written_in_three_ways_and_print_no_password() {
    let parse = |text: &str| ProxyChoice::try_from(text.to_owned());
    assert_eq!(parse("system"), Ok(ProxyChoice::System));
    assert_eq!(parse("none"), Ok(ProxyChoice::Direct));
    let proxy = parse("http://ada:hunter2@proxy.example:3128").unwrap();
    assert_eq!(format!("{proxy:?}"), "Url(http://proxy.example:3128)");
    for wrong in ["", "proxy.example", "socks5://proxy.example", "ftp://proxy.example"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn loopback_addresses_are_recognised() {
    let cases = [
        ("http://localhost:8080/", true),
        ("http://LOCALHOST/", true),
        ("http://app.localhost/", true),
        ("http://127.3.2.1/", true),
        ("http://[::1]/", true),
        ("http://[::ffff:127.0.0.1]/", true),
        ("http://localhost.example/", false),
        ("http://10.0.0.1/", false),
    ];
    for (url, expected) in cases {
        assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
    }
}
