//! Groups and their members.

use serde_json::{Value, json};

use super::{Target, urn};

#[actix_web::test]
async fn members_come_and_go_as_rows() {
    let target = Target::start();
    let (ada, eve, bob) = (target.user("ada").await, target.user("eve").await, target.user("bob").await);
    let inner = target.group("Inner", &[&bob]).await;
    let group = target.group("G", &[&ada, &ada]).await;
    let path = ["/Groups/", &group].concat();
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);

    assert_eq!(target.patch(&path, add(&eve)).await.status, 204);
    assert_eq!(target.patch(&path, add(&inner)).await.status, 204);
    let read = target.get(&path).await;
    assert_eq!(read.body["members"][0]["$ref"], [&target.running.base_url(), "/Users/", &ada].concat());
    assert_eq!(read.body["members"][2]["type"], "Group");
    assert_eq!(target.patch(&path, add(&eve)).await.status, 204);
    assert_eq!(target.get(&path).await.body["meta"]["version"], read.body["meta"]["version"]);

    let unknown = target.patch(&path, add("nobody")).await;
    assert_eq!((unknown.status.as_u16(), unknown.body["scimType"].as_str()), (400, Some("invalidValue")));

    let user = target.get(&["/Users/", &eve].concat()).await;
    assert_eq!((&user.body["groups"][0]["value"], &user.body["groups"][0]["display"]), (&json!(group), &json!("G")));

    let selected = ["members[value eq \"", &eve, "\"]"].concat();
    target.patch(&path, json!([{"op": "remove", "path": selected}])).await;
    assert_eq!(target.members(&group).await, [ada.clone(), inner.clone()]);
    target.patch(&path, json!([{"op": "Remove", "path": "members", "value": [{"value": ada}]}])).await;
    assert_eq!(target.members(&group).await, std::slice::from_ref(&inner));
    target.patch(&path, json!([{"op": "replace", "value": {"id": group, "displayName": "H", "members": [{"value": bob}, {"value": ada}]}}])).await;
    assert_eq!(target.members(&group).await, [bob.clone(), ada.clone()]);
    let shown = target
        .patch(&[&path, "?excludedAttributes=members"].concat(), json!([{"op": "remove", "path": "members"}]))
        .await;
    assert_eq!((shown.status.as_u16(), &shown.body["displayName"]), (200, &json!("H")));
    assert!(target.members(&group).await.is_empty());
}

#[actix_web::test]
async fn a_deleted_user_leaves_its_groups() {
    let target = Target::start();
    let ada = target.user("ada").await;
    let group = target.group("G", &[&ada]).await;
    let before = target.get(&["/Groups/", &group].concat()).await.body;
    target.call("DELETE", &["/Users/", &ada].concat(), Value::Null).await;
    let after = target.get(&["/Groups/", &group].concat()).await.body;
    assert!(after.get("members").is_none());
    assert_ne!(after["meta"]["version"], before["meta"]["version"]);
}

#[actix_web::test]
async fn a_member_of_a_team_is_found_among_teams_only() {
    let directory = tempfile::tempdir().unwrap();
    let team = json!({"name": "Team", "endpoint": "/Teams", "schema": urn::GROUP});
    std::fs::write(directory.path().join("team.json"), team.to_string()).unwrap();
    let target = Target::with(|settings| settings.schemas = Some(directory.path().to_owned()));
    let ada = target.user("ada").await;
    let group = target.group("G", &[&ada]).await;
    let body = json!({"schemas": [urn::GROUP], "displayName": "T", "members": [{"value": ada}]});
    let team = target.call("POST", "/Teams", body).await.body["id"].clone();
    for (endpoint, id) in [("/Groups", json!(group)), ("/Teams", team)] {
        let list = target.get(&[endpoint, "?filter=members eq \"", &ada, "\""].concat()).await.body;
        assert_eq!((&list["totalResults"], &list["Resources"][0]["id"]), (&json!(1), &id), "{endpoint}");
    }
}

#[actix_web::test]
async fn a_change_of_a_large_group_costs_what_it_changes_and_a_look_past_its_members_nothing() {
    let target = Target::start();
    let group = target.group("Large", &[]).await;
    let newcomer = target.user("newcomer").await;
    let path = ["/Groups/", &group].concat();
    let storage = &target.running.service.storage;
    let fill = "INSERT INTO resources (collection, id, created, modified, version, document)
                WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
                SELECT collections.id, 'u' || n, 0, 0, 1, '{\"userName\":\"u' || n || '\"}' FROM numbers, collections
                WHERE kind = 'User' AND tenant = '';
                INSERT INTO members (group_sequence, member, display)
                SELECT large.sequence, people.sequence, people.id FROM resources AS large, resources AS people
                WHERE large.document LIKE '%Large%' AND people.id LIKE 'u%';";
    storage.write(move |tx| tx.configure(fill)).await.unwrap();
    let written = async || storage.write(|tx| Ok(tx.rows_written())).await.unwrap();
    for operation in [
        json!({"op": "add", "path": "members", "value": [{"value": newcomer}, {"value": "u5"}]}),
        json!({"op": "remove", "path": "members[value eq \"u7\"]"}),
        json!({"op": "remove", "path": "members", "value": [{"value": "u8"}]}),
        json!({"op": "remove", "path": "members[display eq \"u9\"]"}),
        json!({"op": "replace", "path": "externalId", "value": "7"}),
    ] {
        let before = written().await;
        assert_eq!(target.patch(&path, json!([operation.clone()])).await.status, 204);
        // The member, or the value of the index, and the version of the group.
        assert_eq!(written().await - before, 2, "{operation}");
    }
    let whole = target.get(&path).await.body;
    assert_eq!(whole["members"].as_array().unwrap().len(), 99_998);

    // Without the table of members, whoever looks past them does not notice.
    storage.write(|tx| tx.configure("ALTER TABLE members RENAME TO elsewhere")).await.unwrap();
    for query in ["?excludedAttributes=members", "?attributes=displayName", "?attributes=displayName,externalId"] {
        assert_eq!(target.get(&[&path, query].concat()).await.body["displayName"], "Large", "{query}");
        let list = target.get(&["/Groups", query].concat()).await.body;
        assert_eq!(list["Resources"][0]["displayName"], "Large", "{query}");
    }
    assert_eq!(target.get(&path).await.status, 500);
}

#[actix_web::test]
async fn a_member_is_called_what_it_was_last_called_in_a_whole_list() {
    let target = Target::start();
    let (ada, eve) = (target.user("ada").await, target.user("eve").await);
    let path = ["/Groups/", &target.group("G", &[]).await].concat();
    let list = |ada_is: Value| {
        let mut first = json!({"value": ada});
        if !ada_is.is_null() {
            first["display"] = ada_is;
        }
        json!([first, {"value": eve, "display": "Eve"}])
    };
    let put = async |members: Value| {
        let body = json!({"schemas": [urn::GROUP], "displayName": "G", "members": members});
        let answer = target.call("PUT", &path, body).await;
        (answer.body["members"][0]["display"].clone(), answer.body["meta"]["version"].clone())
    };
    let (first, version) = put(list(json!("Ada"))).await;
    assert_eq!(first, "Ada");
    assert_eq!(put(list(json!("Ada"))).await, (json!("Ada"), version.clone()));
    assert_eq!(put(list(Value::Null)).await, (json!("Ada"), version.clone()));
    let (renamed, next) = put(list(json!("Countess"))).await;
    assert!(renamed == "Countess" && next != version);
    // A member that is there already is not added, and its parts do not change in place.
    let add = json!([{"op": "add", "path": "members", "value": [{"value": ada, "display": "Other"}]}]);
    assert_eq!(target.patch(&path, add).await.status, 204);
    let read = target.get(&path).await.body;
    assert_eq!((&read["members"][0]["display"], &read["meta"]["version"]), (&json!("Countess"), &next));
    let replace = json!([{"op": "replace", "path": "members", "value": (list(json!("Ada")))}]);
    assert_eq!(target.patch(&path, replace).await.status, 204);
    assert_eq!(target.get(&path).await.body["members"][0]["display"], "Ada");
}
