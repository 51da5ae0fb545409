//! The endpoints beside the protocol.

use reqwest::Method;
use serde_json::{Value, json};

use super::{TOKEN, Target, urn};

#[actix_web::test]
async fn faults_strike_before_and_after_the_commit() {
    let target = Target::start();
    let url = ["http://", &target.running.address().to_string()].concat();
    let admin = |method: Method, path: &str| target.client.request(method, [&url, path].concat()).bearer_auth(TOKEN);
    let set = async |rules: Value| {
        assert_eq!(target.send(admin(Method::POST, "/admin/faults").json(&rules)).await.status, 204);
    };
    let post = |name: &str| target.request("POST", "/Users").json(&json!({"schemas": [urn::USER], "userName": name}));
    let exists = async |name: &str| {
        target.get(&["/Users?filter=userName eq \"", name, "\""].concat()).await.body["totalResults"] == 1
    };

    set(json!([{"method": "POST", "path": "/Users", "nth": 1, "moment": "before_commit", "do": {"drop": true}}])).await;
    assert!(post("before").send().await.is_err());
    assert!(!exists("before").await);

    set(json!([{"nth": 1, "moment": "after_commit", "do": {"drop": true}}])).await;
    assert!(post("after").send().await.is_err());
    assert!(exists("after").await);

    set(json!([{"every": 2, "moment": "before_commit", "do": {"status": 503, "retry_after": 1}}])).await;
    assert_eq!(target.send(post("first")).await.status, 201);
    let busy = target.send(post("second")).await;
    assert_eq!((busy.status.as_u16(), busy.headers["retry-after"].to_str().unwrap()), (503, "1"));
    let rules = target.send(admin(Method::GET, "/admin/faults")).await.body;
    assert_eq!((&rules[0]["fired"], &rules[0]["do"]["status"]), (&json!(1), &json!(503)));

    set(json!([{"moment": "after_commit", "do": {"hang": true}}])).await;
    let hanging = tokio::spawn(post("hanging").send());
    while !exists("hanging").await {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    // The rule may be deleted before the request has begun to hang, so it is deleted until the request is released.
    while !hanging.is_finished() {
        target.send(admin(Method::DELETE, "/admin/faults")).await;
    }
    assert!(hanging.await.unwrap().is_err());

    assert_eq!(target.send(admin(Method::POST, "/admin/faults").json(&json!([{"do": {}}]))).await.status, 400);
    let journal = target.send(admin(Method::GET, "/admin/journal?since=1")).await.body;
    let statuses: Vec<&Value> = journal.as_array().unwrap().iter().map(|entry| &entry["status"]).collect();
    assert_eq!(statuses, [&json!(null), &json!(201), &json!(503), &json!(null)]);
    assert_eq!(journal[0]["body"]["userName"], "after");
    assert_eq!(journal[0]["path"], "/Users");

    assert_eq!(target.send(admin(Method::POST, "/admin/reset")).await.status, 204);
    assert_eq!(target.get("/Users").await.body["totalResults"], 0);
    assert_eq!(target.send(admin(Method::DELETE, "/admin/journal")).await.status, 204);
    assert_eq!(target.send(admin(Method::GET, "/admin/journal")).await.body, json!([]));
}
