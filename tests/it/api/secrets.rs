//! No secret and no token is told: not in log lines of every kind, not in any answer.

use reqwest::Method;

use super::{ADMIN, Api, BOOTSTRAP, CLIENT_SECRET};
use crate::support::provisor::{BIND_PASSWORD, TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_tells_no_secret() {
    let api = Api::start_by(|workplace| workplace.start_traced(&["serve"])).await;
    let base = api.synchronization().await;
    let token = api.token(ADMIN).await;
    let secrets = [CLIENT_SECRET, BOOTSTRAP, BIND_PASSWORD, TOKEN, &token];
    for path in [
        "/v1.0/servicePrincipals".to_owned(),
        format!("{base}/jobs"),
        format!("{base}/jobs/people/schema"),
        format!("{base}/templates"),
    ] {
        let answer = api.send(Method::GET, &path, Some(&token), None).await;
        for secret in &secrets[..4] {
            assert!(!answer.body.contains(secret), "{path} tells `{secret}`");
        }
    }
    api.send(Method::POST, &format!("{base}/jobs/people/start"), Some(&token), None).await;
    let Api { gateway, .. } = api;
    gateway.signal("TERM");
    let ended = tokio::task::spawn_blocking(|| gateway.ended()).await.expect("it ends");
    ended.assert_code(0);
    assert!(ended.stderr.contains("TRACE") && ended.stderr.contains(ADMIN), "it logs who asks: {}", ended.stderr);
    for secret in secrets {
        let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(secret)).take(3).collect();
        assert!(lines.is_empty(), "it logs `{secret}`: {lines:?}");
    }
}
