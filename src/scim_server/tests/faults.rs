//! Misbehaviour on demand, as a client sees it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, TOKEN, Target};
use crate::scim::urn;

impl Target {
    async fn set_faults(&self, rules: Value) {
        let url = ["http://", &self.running.address().to_string(), "/admin/faults"].concat();
        let request = self.client.post(url).bearer_auth(TOKEN).json(&rules);
        assert_eq!(self.send(request).await.status, 204, "{rules}");
    }

    async fn fired(&self) -> u64 {
        let url = ["http://", &self.running.address().to_string(), "/admin/faults"].concat();
        let rules = self.send(self.client.get(url).bearer_auth(TOKEN)).await.body;
        rules.as_array().unwrap().iter().map(|rule| rule["fired"].as_u64().unwrap()).sum()
    }

    async fn create(&self, name: &str) -> Answer {
        self.call("POST", "/Users", json!({"schemas": [urn::USER], "userName": name})).await
    }

    async fn count(&self, filter: &str) -> Value {
        self.get(&["/Users?filter=", filter].concat()).await.body["totalResults"].clone()
    }
}

#[actix_web::test]
async fn every_status_can_be_answered_to_reads_and_writes() {
    let target = Target::start();
    for (status, wait) in [(429, Some(7)), (500, None), (502, None), (503, Some(1))] {
        let mut answer = json!({"status": status});
        if let Some(wait) = wait {
            answer["retry_after"] = json!(wait);
        }
        target.set_faults(json!([{"method": "*", "do": answer}])).await;
        for answer in [target.get("/Users").await, target.create("ada").await, target.get("/Schemas").await] {
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (status, &json!(status.to_string())));
            let told = answer.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(told, wait.map(|wait: u32| wait.to_string()));
        }
        assert_eq!(target.fired().await, 3);
    }
    target.set_faults(json!([])).await;
    assert_eq!(target.count("userName pr").await, 0);
}

#[actix_web::test]
async fn a_connection_breaks_off_before_or_after_the_commit_and_for_reads() {
    let target = Target::start();
    let post =
        |name: &str| target.request("POST", "/Users").json(&json!({"schemas": [urn::USER], "userName": name})).send();
    target.set_faults(json!([{"nth": 1, "do": {"drop": true}}])).await;
    assert!(post("before").await.is_err());
    assert_eq!(target.count("userName eq \"before\"").await, 0);
    target.set_faults(json!([{"nth": 1, "moment": "after_commit", "do": {"drop": true}}])).await;
    assert!(post("after").await.is_err());
    assert_eq!(target.count("userName eq \"after\"").await, 1);
    target.set_faults(json!([{"method": "GET", "path": "/Users", "nth": 1, "do": {"drop": true}}])).await;
    assert!(target.request("GET", "/Users").send().await.is_err());
    assert_eq!(target.get("/Users").await.status, 200);
}

#[actix_web::test]
async fn answers_are_cut_or_are_no_json_although_the_work_is_done() {
    let target = Target::start();
    target.set_faults(json!([{"method": "*", "nth": 1, "do": {"truncate": true}}])).await;
    let post =
        |name: &str| target.request("POST", "/Users").json(&json!({"schemas": [urn::USER], "userName": name})).send();
    let cut = post("cut").await.unwrap();
    let announced: usize = cut.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(cut.status() == 201 && announced > 100);
    assert!(cut.bytes().await.is_err());

    target.set_faults(json!([{"method": "*", "do": {"malformed": true}}])).await;
    let garbled = post("garbled").await.unwrap();
    assert_eq!(
        (garbled.status().as_u16(), &garbled.headers()["content-type"]),
        (201, &"application/scim+json".parse().unwrap())
    );
    let text = garbled.text().await.unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err(), "{text}");
    let list = target.request("GET", "/Users").send().await.unwrap().text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&list).is_err());
    let id = {
        target.set_faults(json!([])).await;
        assert_eq!(target.count("userName eq \"cut\"").await, 1);
        target.get("/Users?filter=userName eq \"garbled\"").await.body["Resources"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // What has no body gets half of one.
    target.set_faults(json!([{"do": {"malformed": true}}])).await;
    let deleted = target.request("DELETE", &["/Users/", &id].concat()).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert!(serde_json::from_str::<Value>(&deleted.text().await.unwrap()).is_err());
}

#[actix_web::test]
async fn latency_is_added_where_it_is_asked_for() {
    let target = Target::start();
    target.set_faults(json!([{"method": "GET", "path": "/Groups", "do": {"delay_ms": 300}}])).await;
    for (path, slow) in [("/Groups", true), ("/Users", false)] {
        let start = Instant::now();
        assert_eq!(target.get(path).await.status, 200);
        assert_eq!(start.elapsed() >= Duration::from_millis(300), slow, "{path}");
    }
}

#[actix_web::test]
async fn a_rate_is_kept_and_says_when_to_come_back() {
    let target = Target::start();
    target.set_faults(json!([{"method": "*", "path": "/Users", "do": {"rate_per_second": 3}}])).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(target.get("/Users").await.status.as_u16());
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses[3..].contains(&429), "{statuses:?}");
    let limited = futures::future::join_all((0..6).map(|_| target.get("/Users"))).await;
    let limited = limited.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(limited.headers["retry-after"], "1");
    assert_eq!(target.get("/Groups").await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(target.get("/Users").await.status, 200);
}

#[actix_web::test]
async fn a_seeded_chance_strikes_the_same_requests_each_time() {
    let target = Target::start();
    let mut runs = Vec::new();
    for _ in 0..2 {
        target.set_faults(json!([{"method": "GET", "probability": 0.5, "seed": 42, "do": {"status": 503}}])).await;
        let mut run = Vec::new();
        for _ in 0..20 {
            run.push(target.get("/Users?count=0").await.status.as_u16());
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&503));
}

#[actix_web::test]
async fn reads_lag_behind_writes_as_long_as_they_are_told_to() {
    let target = Target::start();
    let old = ["/Users/", &target.user("old").await].concat();
    let gone = ["/Users/", &target.user("gone").await].concat();
    target.set_faults(json!([{"do": {"stale_ms": 60_000}}])).await;
    let new = ["/Users/", &target.user("new").await].concat();
    target.patch(&old, json!([{"op": "replace", "path": "userName", "value": "renamed"}])).await;
    target.patch(&old, json!([{"op": "replace", "path": "title", "value": "T"}])).await;
    assert_eq!(target.call("DELETE", &gone, Value::Null).await.status, 204);

    assert_eq!(target.get(&new).await.status, 404);
    assert_eq!(target.get(&gone).await.body["userName"], "gone");
    let seen = target.get(&old).await;
    assert_eq!((&seen.body["userName"], seen.body.get("title")), (&json!("old"), None));
    assert_eq!(seen.headers["etag"], seen.body["meta"]["version"].as_str().unwrap());
    for (filter, total) in [
        ("userName eq \"new\"", 0),
        ("userName eq \"old\"", 1),
        ("userName eq \"renamed\"", 0),
        ("userName eq \"gone\"", 1),
        ("title pr", 0),
        ("userName pr", 2),
    ] {
        let list = target.get(&["/Users?attributes=userName&filter=", filter].concat()).await.body;
        let shown = list["Resources"].as_array().unwrap().len();
        assert_eq!((&list["totalResults"], shown), (&json!(total), total), "{filter}: {list}");
    }
    // A write still finds what is there now.
    assert_eq!(target.create("new").await.status, 409);

    target.set_faults(json!([{"path": "/Groups", "do": {"stale_ms": 60_000}}])).await;
    assert_eq!(target.get(&new).await.status, 200);
    assert_eq!(target.count("userName pr").await, 2);
}
