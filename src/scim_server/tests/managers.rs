//! The manager of a user: the client says who, the server says what the manager is called and where.

use serde_json::{Value, json};

use super::{Target, urn};

impl Target {
    async fn subordinate(&self, name: &str, manager: Value) -> Value {
        let extension = json!({"department": "X", "manager": manager});
        let body =
            json!({"schemas": [urn::USER, urn::ENTERPRISE_USER], "userName": name, urn::ENTERPRISE_USER: extension});
        let answer = self.call("POST", "/Users", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }
}

#[actix_web::test]
async fn the_name_and_the_address_of_a_manager_follow_the_manager() {
    let target = Target::start();
    let boss = target.user("boss").await;
    let boss_path = ["/Users/", &boss].concat();
    let address = [&target.running.base_url(), boss_path.as_str()].concat();
    let created = target.subordinate("ada", json!({"value": boss, "displayName": "Emperor"})).await;
    assert_eq!(created[urn::ENTERPRISE_USER]["manager"], json!({"value": boss, "$ref": address}));
    let path = ["/Users/", created["id"].as_str().unwrap()].concat();
    target.patch(&boss_path, json!([{"op": "add", "path": "displayName", "value": "The Boss"}])).await;
    let whole = json!({"value": boss, "$ref": address, "displayName": "The Boss"});
    let read = target.get(&path).await.body;
    assert_eq!(read[urn::ENTERPRISE_USER]["manager"], whole);
    assert_eq!(read["meta"]["version"], created["meta"]["version"]);

    // Who writes back what was read changes nothing.
    let same = target.call("PUT", &path, read.clone()).await.body;
    assert_eq!(same, read);
    let manager = [urn::ENTERPRISE_USER, ":manager"].concat();
    let name = [&manager, ".displayName"].concat();
    let refused = target.patch(&path, json!([{"op": "replace", "path": name, "value": "x"}])).await;
    assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("mutability")));

    for (query, found) in [
        (["filter=", &name, " eq \"the boss\""].concat(), 1),
        (["filter=", &name, " eq \"emperor\""].concat(), 0),
        (["filter=", &manager, ".value eq \"", &boss, "\""].concat(), 1),
    ] {
        let list = target.get(&["/Users?", &query].concat()).await.body;
        assert_eq!(list["totalResults"], found, "{query}");
    }
    let only = target.get(&[&path, "?attributes=", &name].concat()).await.body;
    assert_eq!(only[urn::ENTERPRISE_USER], json!({"manager": {"displayName": "The Boss"}}));
    let without = target.get(&[&path, "?excludedAttributes=", &manager].concat()).await.body;
    assert_eq!(without[urn::ENTERPRISE_USER], json!({"department": "X"}));

    // A manager who has gone has neither; the reference is the client's to remove.
    target.call("DELETE", &boss_path, Value::Null).await;
    assert_eq!(target.get(&path).await.body[urn::ENTERPRISE_USER]["manager"], json!({"value": boss}));
}

#[actix_web::test]
async fn what_a_client_says_of_a_manager_is_kept() {
    let target = Target::start();
    let elsewhere = json!({"value": "7", "$ref": "https://elsewhere.example/people/seven"});
    let created = target.subordinate("ada", elsewhere.clone()).await;
    assert_eq!(created[urn::ENTERPRISE_USER]["manager"], elsewhere);
}
