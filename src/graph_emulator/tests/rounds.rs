//! Rounds of delta queries, and changes between and during them.

use super::*;

#[tokio::test]
async fn an_initial_round_shows_everything_once_in_all_four_spellings() {
    let bench = Bench::start(2);
    for spelling in ["delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"] {
        let path = ["/v1.0/users/", spelling, "?%24select=displayName,jobTitle,manager"].concat();
        let (entries, _, pages) = bench.round(&path).await;
        assert_eq!(ids(&entries), [ADA, BOB, EVE], "{spelling}");
        assert_eq!(pages, 2);
        assert_eq!(entries[0], json!({ "id": ADA, "displayName": "ada" }));
        assert_eq!(entries[1]["manager@delta"], json!([{ "@odata.type": "#microsoft.graph.user", "id": ADA }]));
    }
    let (entries, ..) = bench.round("/beta/users/delta?$select=displayName").await;
    assert!(entries.iter().all(|entry| entry.get("manager@delta").is_none()));
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_large_group_repeats_with_slices_of_its_members() {
    let bench = Bench::start(3);
    let (entries, ..) = bench.round("/v1.0/groups/delta?$select=displayName,members").await;
    assert_eq!(ids(&entries), [STAFF, STAFF, LAB]);
    assert!(entries[..2].iter().all(|entry| entry["displayName"] == "Staff"));
    let members = |entry: &Json| entry["members@delta"].as_array().map_or(0, Vec::len);
    assert_eq!(entries.iter().map(members).collect::<Vec<_>>(), [3, 1, 1]);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn no_page_size_loses_or_doubles_anything() {
    let tenant = Tenant::generated(130, 3);
    let links: usize = tenant.groups.iter().map(|group| group.members.len()).sum();
    for page_size in [1, 7, 50, 1000] {
        let bench = Bench::serving(tenant.clone(), page_size);
        let (users, ..) = bench.round("/v1.0/users/delta?$select=displayName").await;
        assert_eq!(ids(&users).into_iter().collect::<BTreeSet<_>>().len(), 130);
        assert_eq!(users.len(), 130);
        let (groups, ..) = bench.round("/v1.0/groups/delta?$select=members").await;
        let mut seen = BTreeSet::new();
        for entry in &groups {
            for member in entry["members@delta"].as_array().unwrap() {
                assert!(seen.insert((entry["id"].to_string(), member["id"].to_string())));
            }
        }
        assert_eq!(seen.len(), links, "page size {page_size}");
        bench.emulator.stop().await;
    }
}

#[tokio::test]
async fn a_later_round_shows_what_changed_of_what_is_tracked() {
    let bench = Bench::start(10);
    let (_, link, _) = bench.round("/v1.0/users/delta?$select=displayName,jobTitle,manager").await;
    assert_eq!(bench.round(&link).await.0, Vec::<Json>::new());
    bench.write(Method::PATCH, &["/v1.0/users/", ADA].concat(), json!({ "city": "Ulm" })).await;
    bench.write(Method::PATCH, &["/v1.0/users/", ADA].concat(), json!({ "displayName": "ada" })).await;
    assert_eq!(bench.round(&link).await.0, Vec::<Json>::new(), "neither is a change of a tracked property");
    bench.write(Method::PATCH, &["/v1.0/users/", BOB].concat(), json!({ "jobTitle": "Cook" })).await;
    bench.write(Method::PATCH, &["/v1.0/users/", BOB].concat(), json!({ "jobTitle": null })).await;
    let (entries, next, _) = bench.round(&link).await;
    assert_eq!(entries, [json!({ "id": BOB, "displayName": "bob", "jobTitle": null })]);
    let minimal = bench.client.get(&link).header("Prefer", "return=minimal").bearer_auth("fixed").send().await.unwrap();
    let minimal: Json = serde_json::from_slice(&minimal.bytes().await.unwrap()).unwrap();
    assert_eq!(minimal["value"], json!([{ "id": BOB, "jobTitle": null }]));
    assert_eq!(bench.round(&next).await.0, Vec::<Json>::new());
    assert_eq!(bench.round(&link).await.0.len(), 1, "an old link stays good");
    bench.emulator.stop().await;
}

#[tokio::test]
async fn manager_and_member_changes_surface_as_change_lists() {
    let bench = Bench::start(10);
    let (_, users, _) = bench.round("/v1.0/users/delta?$select=manager").await;
    let (_, groups, _) = bench.round("/v1.0/groups/delta?$select=members").await;
    let reference = |id: &str| {
        let url = bench.url(&["/v1.0/directoryObjects/", id].concat());
        json!({ "@odata.id": url })
    };
    let manager_of = |id: &str| ["/v1.0/users/", id, "/manager/$ref"].concat();
    bench.write(Method::PUT, &manager_of(EVE), reference(BOB)).await;
    bench.write(Method::PUT, &manager_of(BOB), reference(EVE)).await;
    bench.delete(&manager_of(BOB)).await;
    bench.write(Method::POST, &["/v1.0/groups/", LAB, "/members/$ref"].concat(), reference(EVE)).await;
    bench.delete(&["/v1.0/groups/", LAB, "/members/", ADA, "/$ref"].concat()).await;
    let user = |id: &str| json!({ "@odata.type": "#microsoft.graph.user", "id": id });
    let gone =
        |id: &str| json!({ "@odata.type": "#microsoft.graph.user", "id": id, "@removed": { "reason": "deleted" } });
    let (entries, ..) = bench.round(&users).await;
    assert_eq!(entries[0], json!({ "id": BOB, "manager@delta": [gone(ADA)] }));
    assert_eq!(entries[1], json!({ "id": EVE, "manager@delta": [user(BOB)] }));
    let (entries, ..) = bench.round(&groups).await;
    assert_eq!(entries, [json!({ "id": LAB, "members@delta": [gone(ADA), user(EVE)] })]);
    let (status, _) = bench.send(Method::DELETE, &manager_of(BOB), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let twice = bench.send(Method::POST, &["/v1.0/groups/", LAB, "/members/$ref"].concat(), Some(reference(EVE))).await;
    assert_eq!(twice.0, StatusCode::BAD_REQUEST);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_user_is_deleted_restored_and_purged() {
    let bench = Bench::start(10);
    let (_, link, _) = bench.round("/v1.0/users/delta?$select=userPrincipalName").await;
    let bin = ["/v1.0/directory/deletedItems/", EVE].concat();
    bench.delete(&["/v1.0/users/", EVE].concat()).await;
    assert_eq!(bench.round(&link).await.0, [json!({ "id": EVE, "@removed": { "reason": "changed" } })]);
    let name = bench.get(&[&bin, "?$select=userPrincipalName"].concat()).await["userPrincipalName"].clone();
    assert_eq!(name, [&EVE.replace('-', ""), "eve@t.example"].concat());
    assert_eq!(ids(&bench.all("/v1.0/directory/deletedItems/microsoft.graph.user").await), [EVE]);
    assert_eq!(ids(&bench.all(&["/v1.0/groups/", STAFF, "/members"].concat()).await), [ADA, BOB, LAB]);
    bench.write(Method::POST, &[&bin, "/restore"].concat(), json!({})).await;
    assert_eq!(bench.round(&link).await.0, [json!({ "id": EVE, "userPrincipalName": "eve@t.example" })]);
    bench.delete(&["/v1.0/users/", EVE].concat()).await;
    bench.delete(&bin).await;
    assert_eq!(bench.round(&link).await.0, [json!({ "id": EVE, "@removed": { "reason": "deleted" } })]);
    assert_eq!(bench.send(Method::GET, &bin, None).await.0, StatusCode::NOT_FOUND);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn only_microsoft_365_groups_have_a_recycle_bin() {
    let bench = Bench::start(10);
    let (_, link, _) = bench.round("/v1.0/groups/delta?$select=displayName").await;
    bench.delete(&["/v1.0/groups/", STAFF].concat()).await;
    bench.delete(&["/v1.0/groups/", LAB].concat()).await;
    let (entries, ..) = bench.round(&link).await;
    let reasons: Vec<_> = entries.iter().map(|entry| entry["@removed"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["changed", "deleted"]);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_new_user_appears_and_its_name_is_taken() {
    let bench = Bench::start(10);
    let (_, link, _) = bench.round("/v1.0/users/delta?$deltatoken=latest&$select=displayName,city").await;
    let new =
        json!({ "userPrincipalName": "zoë@t.example", "displayName": "Zoë", "passwordProfile": { "password": "x" } });
    let created = bench.write(Method::POST, "/v1.0/users", new.clone()).await;
    assert_eq!(bench.round(&link).await.0, [json!({ "id": created["id"], "displayName": "Zoë" })]);
    assert_eq!(bench.send(Method::POST, "/v1.0/users", Some(new)).await.0, StatusCode::BAD_REQUEST);
    let renamed = json!({ "userPrincipalName": "ADA@t.example" });
    let path = ["/v1.0/users/", BOB].concat();
    assert_eq!(bench.send(Method::PATCH, &path, Some(renamed)).await.0, StatusCode::BAD_REQUEST);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_good_here_sends_the_client_to_the_beginning() {
    let bench = Bench::start(10);
    let other = Bench::serving(Tenant::generated(3, 1), 10);
    let (_, foreign, _) = other.round("/v1.0/users/delta").await;
    let (_, token) = foreign.split_once('?').unwrap();
    for query in ["$deltatoken=expired", "$deltaToken=expired", token] {
        let url = bench.url(&["/v1.0/users/delta?", query].concat());
        let response = bench.client.get(url).bearer_auth("fixed").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::GONE, "{query}");
        let location = response.headers()[LOCATION].to_str().unwrap().to_owned();
        assert_eq!(location, bench.url("/v1.0/users/delta?$deltatoken="));
        assert_eq!(bench.round(&location).await.0.len(), 3);
    }
    let (_, users, _) = bench.round("/v1.0/users/delta").await;
    let misused = users.replace("/users/", "/groups/");
    assert_eq!(bench.send(Method::GET, &misused, None).await.0, StatusCode::BAD_REQUEST);
    bench.emulator.stop().await;
    other.emulator.stop().await;
}

#[tokio::test]
async fn a_change_made_during_a_round_is_in_it_or_in_the_next() {
    let bench = Bench::start(1);
    let first = bench.get("/v1.0/users/delta?$select=city").await;
    bench.write(Method::PATCH, &["/v1.0/users/", ADA].concat(), json!({ "city": "Ulm" })).await;
    bench.write(Method::PATCH, &["/v1.0/users/", EVE].concat(), json!({ "city": "Bonn" })).await;
    let (rest, link, _) = bench.round(first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(rest[1]["city"], "Bonn");
    assert_eq!(ids(&bench.round(&link).await.0), [ADA, EVE]);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn links_follow_the_host_and_scheme_of_the_request() {
    let bench = Bench::start(1);
    let request = bench.client.get(bench.url("/v1.0/users")).bearer_auth("fixed").header("Host", "graph.example:8443");
    let response = request.header("X-Forwarded-Proto", "https").send().await.unwrap();
    let answer: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let link = answer["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with("https://graph.example:8443/v1.0/users?"), "{link}");
    let discovery = bench.client.get(bench.url("/t.example/v2.0/.well-known/openid-configuration"));
    let response = discovery.send().await.unwrap();
    let answer: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["token_endpoint"], bench.url("/t.example/oauth2/v2.0/token"));
    bench.emulator.stop().await;
}
