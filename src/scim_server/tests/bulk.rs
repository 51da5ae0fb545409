//! Bulk requests over HTTP: one commit, faults and late reads.

use serde_json::{Value, json};

use super::{Answer, Target, urn};

impl Target {
    async fn bulk(&self, operations: Value) -> Answer {
        self.call("POST", "/Bulk", json!({"schemas": [urn::BULK_REQUEST], "Operations": operations})).await
    }
}

fn create(name: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"schemas": [urn::USER], "userName": name}})
}

fn statuses(answer: &Answer) -> Vec<&str> {
    answer.body["Operations"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn an_operation_that_fails_half_way_leaves_nothing_behind_and_the_others_alone() {
    let target = Target::start();
    let ada = target.user("ada").await;
    let group = target.group("G", &[&ada]).await;
    let half =
        json!({"schemas": [urn::GROUP], "displayName": "half", "members": [{"value": ada}, {"value": "nobody"}]});
    let change = json!({"schemas": [urn::PATCH_OP], "Operations": [
        {"op": "remove", "path": "members"}, {"op": "replace", "path": "displayName", "value": ""}]});
    let answer = target
        .bulk(json!([
            create("bob"),
            {"method": "POST", "path": "/Groups", "bulkId": "half", "data": half},
            {"method": "PATCH", "path": (["/Groups/", &group].concat()), "data": change},
            create("eve"),
        ]))
        .await;
    assert_eq!(statuses(&answer), ["201", "400", "400", "201"], "{}", answer.body);
    assert_eq!(target.get("/Groups").await.body["totalResults"], 1);
    assert_eq!(target.members(&group).await, [ada]);
    assert_eq!(target.get("/Users").await.body["totalResults"], 3);
}

#[actix_web::test]
async fn when_the_database_fails_nothing_of_the_request_stays() {
    let target = Target::start();
    let trap = "CREATE TRIGGER trap BEFORE INSERT ON resources WHEN NEW.document LIKE '%trap%' \
                BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    target.running.service.storage.write(move |tx| tx.configure(trap)).await.unwrap();
    let answer = target.bulk(json!([create("ada"), create("trap"), create("eve")])).await;
    assert_eq!(answer.status, 500);
    assert_eq!(target.get("/Users").await.body["totalResults"], 0);
}

#[actix_web::test]
async fn faults_strike_the_whole_request() {
    let target = Target::start();
    let url = ["http://", &target.running.address().to_string(), "/admin/faults"].concat();
    for (moment, left) in [("before_commit", 0), ("after_commit", 2)] {
        let rules = json!([{"path": "/Bulk", "nth": 1, "moment": moment, "do": {"drop": true}}]);
        let set = target.client.post(&url).bearer_auth(super::TOKEN).json(&rules);
        assert_eq!(target.send(set).await.status, 204);
        let body = json!({"schemas": [urn::BULK_REQUEST], "Operations": [create("ada"), create("eve")]});
        assert!(target.request("POST", "/Bulk").json(&body).send().await.is_err());
        assert_eq!(target.get("/Users").await.body["totalResults"], left, "{moment}");
    }
}

#[actix_web::test]
async fn late_reads_see_what_was_there_before_it() {
    let target = Target::start();
    let (old, gone) =
        (["/Users/", &target.user("old").await].concat(), ["/Users/", &target.user("gone").await].concat());
    let url = ["http://", &target.running.address().to_string(), "/admin/faults"].concat();
    let set = target.client.post(url).bearer_auth(super::TOKEN).json(&json!([{"do": {"stale_ms": 60_000}}]));
    assert_eq!(target.send(set).await.status, 204);
    let renamed = json!({"schemas": [urn::USER], "userName": "renamed"});
    let titled = json!({"schemas": [urn::PATCH_OP], "Operations": [{"op": "add", "path": "title", "value": "T"}]});
    let answer = target
        .bulk(json!([
            {"method": "PUT", "path": old, "data": renamed},
            {"method": "PATCH", "path": old, "data": titled},
            {"method": "DELETE", "path": gone},
            create("new"),
        ]))
        .await;
    assert_eq!(statuses(&answer), ["200", "200", "204", "201"]);
    let new = answer.body["Operations"][3]["location"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(target.get(&["/Users/", new].concat()).await.status, 404);
    assert_eq!(target.get(&gone).await.body["userName"], "gone");
    let seen = target.get(&old).await.body;
    assert_eq!((&seen["userName"], seen.get("title")), (&json!("old"), None));
    assert_eq!(target.get("/Users").await.body["totalResults"], 2);
}
