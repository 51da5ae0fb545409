//! What dialects make of PATCH, PUT and members.

use super::*;

#[actix_web::test]
async fn patch_may_be_missing_or_understood_in_part() {
    for (name, status, allow) in [("no-patch", 501, None), ("no-patch-405", 405, Some("GET, HEAD, PUT, DELETE"))] {
        let target = speaking(name);
        let path = target.person("ada").await;
        let refused = target.replace(&path, "title", json!("T")).await;
        let told = refused.headers.get("allow").map(|allow| allow.to_str().unwrap());
        assert_eq!((refused.status.as_u16(), told), (status, allow), "{name}");
        assert_eq!(target.config().await["patch"]["supported"], false);
        assert_eq!(target.call("PUT", &path, person("eve")).await.body["userName"], "eve");
    }
    let pathless = json!([{"op": "replace", "value": {"title": "T"}}]);
    let filtered = json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x@example.org"}]);
    for (name, with_path, without_path, with_filter) in [
        ("standard", 200, 200, 200),
        ("no-paths", 400, 200, 400),
        ("entra-strict", 200, 400, 200),
        ("github-emu", 200, 200, 400),
    ] {
        let target = speaking(name);
        let path = target.person("ada").await;
        assert_eq!(target.replace(&path, "title", json!("T")).await.status, with_path, "{name}");
        assert_eq!(target.patch(&path, pathless.clone()).await.status, without_path, "{name}");
        assert_eq!(target.patch(&path, filtered.clone()).await.status, with_filter, "{name}");
    }
}

#[actix_web::test]
async fn a_patch_may_change_less_than_it_says() {
    for (name, status) in [("zoom", 200), ("gitlab", 204)] {
        let target = speaking(name);
        let path = target.person("ada").await;
        let operations = json!([
            {"op": "replace", "path": "displayName", "value": "Countess"},
            {"op": "replace", "value": {"title": "T", "active": true}},
        ]);
        assert_eq!(target.patch(&path, operations).await.status, status, "{name}");
        let user = target.get(&path).await.body;
        assert_eq!((&user["displayName"], user.get("title"), &user["active"]), (&json!("ada"), None, &json!(true)));
    }
}

#[actix_web::test]
async fn merging_puts_at_the_same_time_lose_nothing() {
    let target = speaking("zoom");
    let path = target.person("ada").await;
    let names = ["title", "nickName", "userType", "locale", "timezone", "preferredLanguage", "externalId"];
    let puts = names.map(|name| target.call("PUT", &path, json!({"schemas": [urn::USER], name: "de"})));
    for answer in futures::future::join_all(puts).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let user = target.get(&path).await.body;
    for name in names {
        assert_eq!(user[name], "de", "{name}");
    }
}

#[actix_web::test]
async fn put_may_be_missing_merge_or_do_nothing() {
    let target = speaking("no-put");
    let path = target.person("ada").await;
    assert_eq!(target.call("PUT", &path, person("eve")).await.status, 501);

    let target = speaking("zoom");
    let path = target.person("ada").await;
    let body = json!({"schemas": [urn::USER], "displayName": "Countess"});
    assert_eq!(target.call("PUT", &path, body).await.status, 200);
    let user = target.get(&path).await.body;
    assert_eq!((&user["displayName"], &user["userName"]), (&json!("Countess"), &json!("ada")));

    let target = speaking("contentful");
    let path = target.person("ada").await;
    let mut body = person("ada");
    body["title"] = json!("T");
    assert_eq!(target.call("PUT", &path, body).await.status, 200);
    assert!(target.get(&path).await.body.get("title").is_none());
}

#[actix_web::test]
async fn too_many_members_are_refused_or_dropped() {
    for (name, status, kept) in [("ten-members", 413, 0), ("ten-members-400", 400, 0), ("members-dropped", 204, 10)] {
        let target = speaking(name);
        let ids = target.people(12).await;
        let group = target.group("G", &[]).await;
        let path = ["/Groups/", &group].concat();
        assert_eq!(target.patch(&path, add(&ids)).await.status, status, "{name}");
        assert_eq!(target.members(&group).await.len(), kept, "{name}");
        let halves = json!([
            {"op": "add", "path": "members", "value": members(&ids[..6])},
            {"op": "add", "value": {"members": members(&ids[6..])}},
        ]);
        assert_eq!(target.patch(&path, halves).await.status, status, "{name}");
        assert_eq!(target.patch(&path, add(&ids[..10])).await.status, 204, "{name}");
        assert_eq!(target.members(&group).await.len(), 10, "{name}");
    }
    let target = speaking("aws-iam-identity-center");
    let ids = target.people(101).await;
    let group = target.group("G", &[]).await;
    let path = ["/Groups/", &group].concat();
    assert_eq!(told(&target.patch(&path, add(&ids)).await), (400, Some("invalidValue")));
    assert_eq!(target.patch(&path, add(&ids[..100])).await.status, 204);
    for operations in [
        json!([{"op": "replace", "path": "members", "value": members(&ids[..1])}]),
        json!([{"op": "remove", "path": "members"}]),
        json!([{"op": "replace", "value": {"members": []}}]),
    ] {
        assert_eq!(target.patch(&path, operations.clone()).await.status, 400, "{operations}");
    }
    let one = ["members[value eq \"", &ids[0], "\"]"].concat();
    assert_eq!(target.patch(&path, json!([{"op": "remove", "path": one}])).await.status, 204);
    assert!(target.get(&path).await.body.get("members").is_none());
}

#[actix_web::test]
async fn members_may_be_hidden_and_unknown_ones_may_break_the_application() {
    let target = speaking("members-hidden");
    let ids = target.people(1).await;
    let group = target.group("G", &[&ids[0]]).await;
    assert!(target.members(&group).await.is_empty());
    assert!(target.get("/Groups").await.body["Resources"][0].get("members").is_none());
    assert_eq!(
        target.get(&["/Groups?filter=members.value eq \"", &ids[0], "\""].concat()).await.body["totalResults"],
        1
    );

    let target = speaking("unknown-member-500");
    let group = ["/Groups/", &target.group("G", &[]).await].concat();
    assert_eq!(told(&target.patch(&group, add(&["nobody".to_owned()])).await), (500, None));
    assert_eq!(
        told(&target.call("POST", "/Groups", json!({"schemas": [urn::GROUP]})).await),
        (400, Some("invalidValue"))
    );
}
