//! Filters, orders and pages: what indexes answer is what an evaluation of every resource answers.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::scim::{Filter, Resource, ResourceSchema, matches};

/// A query string of these parameters.
fn query(parameters: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(parameters);
    ["?", &text.finish()].concat()
}

fn ids(list: &Value) -> Vec<String> {
    list["Resources"].as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

/// Every page of a walk by cursor, and how many resources it said there are.
async fn walk(target: &Target, endpoint: &str, parameters: &[(&str, &str)]) -> (Vec<String>, u64) {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1000 {
        let parameters = [parameters, &[("cursor", cursor.as_str())]].concat();
        let page = target.get(&[endpoint, &query(&parameters)].concat()).await.body;
        assert!(page.get("startIndex").is_none(), "{page}");
        assert_eq!(page["itemsPerPage"], page["Resources"].as_array().unwrap().len());
        found.extend(ids(&page));
        let total = page["totalResults"].as_u64().unwrap();
        match page.get("nextCursor") {
            Some(next) => next.as_str().unwrap().clone_into(&mut cursor),
            None => return (found, total),
        }
    }
    panic!("the walk does not end");
}

/// Users with few different values, so that many filters select some of them.
async fn people(target: &Target, random: &mut StdRng, count: usize) {
    for number in 0..count {
        let mut pick = |values: &[&str]| values[random.random_range(0..values.len())].to_owned();
        let name = [pick(&["Ada", "ada", "Bob", "Ärger", "eve "]), number.to_string()].concat();
        let mut body = json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "userName": name,
            "displayName": pick(&["Ada", "ADA", "", "Bob", "ärger"]),
            "externalId": pick(&["1", "2", "x", "X"]),
            "title": pick(&["", "Boss", "boss"]),
            "active": pick(&["true", "false"]),
            "emails": [{"type": "work", "value": pick(&["a@x", "B@x", "c@y"])}, {"type": pick(&["home", "other"])}],
            urn::ENTERPRISE_USER: {"department": pick(&["", "R", "S"])},
        });
        if number % 3 == 0 {
            body["emails"] = json!([]);
        }
        assert_eq!(target.call("POST", "/Users", body).await.status, 201);
    }
}

fn filter(random: &mut StdRng, depth: u32) -> String {
    let mut pick = |values: &[&str]| values[random.random_range(0..values.len())].to_owned();
    let path = pick(&[
        "userName",
        "displayName",
        "externalId",
        "title",
        "emails",
        "emails.value",
        "emails.type",
        "emails[type eq \"work\"].value",
        "name.givenName",
        "nothing",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ]);
    let literal = pick(&[
        "\"ada\"", "\"Ada1\"", "\"b\"", "\"ä\"", "\"1\"", "\"X\"", "\"a@x\"", "\"boss\"", "\"work\"", "\"\"", "null",
    ]);
    let operator = pick(&["eq", "eq", "eq", "ne", "sw", "sw", "co", "ew", "gt", "ge", "lt", "le"]);
    let shape = if depth == 0 { 0 } else { random.random_range(0..8) };
    match shape {
        1 => ["(", &filter(random, depth - 1), " and ", &filter(random, depth - 1), ")"].concat(),
        2 => ["(", &filter(random, depth - 1), " or ", &filter(random, depth - 1), ")"].concat(),
        3 => ["not (", &filter(random, depth - 1), ")"].concat(),
        4 => [&path, " pr"].concat(),
        5 => ["emails[value ", &operator, " ", &literal, "]"].concat(),
        6 => ["emails[type eq \"work\" and value ", &operator, " ", &literal, "]"].concat(),
        _ => [&path, " ", &operator, " ", &literal].concat(),
    }
}

#[actix_web::test]
async fn an_index_selects_what_an_evaluation_selects() {
    let target = Target::start();
    let mut random = StdRng::seed_from_u64(7);
    people(&target, &mut random, 40).await;
    let all = target.get("/Users?count=1000").await.body;
    let all: Vec<Resource> = serde_json::from_value(all["Resources"].clone()).unwrap();
    let mut some = 0;
    for _ in 0..300 {
        let text = filter(&mut random, 3);
        let parsed = Filter::parse(&text).unwrap();
        let answer = target.get(&["/Users", &query(&[("filter", &text), ("count", "1000")])].concat()).await;
        if answer.status == 400 {
            assert_eq!(answer.body["scimType"], "invalidFilter", "{text}");
            continue;
        }
        let expected: Vec<&str> = all
            .iter()
            .filter(|user| matches(&parsed, user, ResourceSchema::user()))
            .map(|user| user.id().unwrap())
            .collect();
        some += usize::from(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(ids(&answer.body), expected, "{text}");
        assert_eq!(answer.body["totalResults"], expected.len(), "{text}");
        let (walked, total) = walk(&target, "/Users", &[("filter", &text), ("count", "7")]).await;
        assert_eq!((walked, total), (ids(&answer.body), expected.len() as u64), "{text}");
        let far = ["/Users", &query(&[("filter", &text), ("startIndex", "4"), ("count", "5")])].concat();
        assert_eq!(
            ids(&target.get(&far).await.body),
            expected.iter().skip(3).take(5).copied().collect::<Vec<_>>(),
            "{text}"
        );
    }
    assert!(some > 50, "{some}");
}

#[actix_web::test]
async fn a_sorted_list_is_the_same_by_index_and_by_cursor() {
    let target = Target::start();
    let mut random = StdRng::seed_from_u64(3);
    people(&target, &mut random, 30).await;
    for by in ["userName", "displayName", "emails", "active", "meta.lastModified", "id", "nothing", "name.givenName"] {
        for order in ["ascending", "descending"] {
            for filter in ["", "title pr", "userName sw \"a\""] {
                let mut parameters = vec![("sortBy", by), ("sortOrder", order)];
                if !filter.is_empty() {
                    parameters.push(("filter", filter));
                }
                let whole = target.get(&["/Users", &query(&parameters), "&count=1000"].concat()).await.body;
                let (walked, total) =
                    walk(&target, "/Users", &[parameters.as_slice(), &[("count", "4")]].concat()).await;
                assert_eq!((&walked, Some(total)), (&ids(&whole), whole["totalResults"].as_u64()), "{by} {order}");
                let page = target.get(&["/Users", &query(&parameters), "&startIndex=6&count=3"].concat()).await.body;
                assert_eq!(ids(&page), walked.iter().skip(5).take(3).cloned().collect::<Vec<_>>());
                let keys: Vec<Option<String>> = whole["Resources"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|user| user.get(by).and_then(Value::as_str).map(|text| text.to_lowercase()))
                    .collect();
                if by == "userName" || by == "displayName" {
                    let mut expected = keys.clone();
                    // What has no value stands last when the order ascends, and first when it descends.
                    expected.sort_by_key(|key| (key.is_none(), key.clone()));
                    if order == "descending" {
                        expected.reverse();
                    }
                    assert_eq!(keys, expected, "{by} {order} {filter}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn a_walk_misses_nothing_that_stays_while_others_come_and_go() {
    let target = Target::start();
    let mut users = Vec::new();
    for number in 0..12 {
        users.push(target.user(&["user", &number.to_string()].concat()).await);
    }
    let first = target.get("/Users?cursor&count=5").await.body;
    for id in &users[..3] {
        assert_eq!(target.call("DELETE", &["/Users/", id].concat(), Value::Null).await.status, 204);
    }
    target.user("late").await;
    let next = first["nextCursor"].as_str().unwrap();
    let second = target.get(&["/Users?count=5&cursor=", next].concat()).await.body;
    assert_eq!(ids(&second), users[5..10]);
    assert_eq!(second["totalResults"], 12);
}

#[actix_web::test]
async fn a_cursor_of_another_question_is_refused() {
    let target = Target::start();
    for name in ["ada", "bob", "eve"] {
        target.user(name).await;
    }
    let cursor =
        target.get("/Users?cursor=&count=1&sortBy=userName").await.body["nextCursor"].as_str().unwrap().to_owned();
    let ask = async |text: &str| target.get(&["/Users?cursor=", &cursor, text].concat()).await;
    assert_eq!(ask("&count=1&sortBy=userName").await.status, 200);
    for (text, scim_type) in [
        ("&count=2&sortBy=userName", "invalidCount"),
        ("&count=1", "invalidCursor"),
        ("&count=1&sortBy=userName&filter=title%20pr", "invalidCursor"),
        ("x&count=1&sortBy=userName", "invalidCursor"),
    ] {
        let refused = ask(text).await;
        assert_eq!((refused.status.as_u16(), refused.body["scimType"].as_str()), (400, Some(scim_type)), "{text}");
    }
    let none = target.get("/Users?cursor&count=0").await.body;
    assert_eq!((&none["totalResults"], none.get("nextCursor")), (&json!(3), None));
}

#[actix_web::test]
async fn groups_are_shown_and_found_directly_and_by_way_of_others() {
    let target = Target::start();
    let ada = target.user("ada").await;
    let inner = target.group("Inner", &[&ada]).await;
    let outer = target.group("Outer", &[&inner]).await;
    // A cycle ends nowhere, and is walked once.
    let add = json!([{"op": "add", "path": "members", "value": [{"value": outer}]}]);
    assert_eq!(target.patch(&["/Groups/", &inner].concat(), add).await.status, 204);
    let user = target.get(&["/Users/", &ada].concat()).await.body;
    let groups: Vec<_> = user["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            (group["value"].as_str().unwrap(), group["type"].as_str().unwrap(), group["display"].as_str().unwrap())
        })
        .collect();
    assert_eq!(groups, [(inner.as_str(), "direct", "Inner"), (outer.as_str(), "indirect", "Outer")]);
    assert_eq!(user["groups"][0]["$ref"], [&target.running.base_url(), "/Groups/", &inner].concat());
    let eve = target.user("eve").await;
    for (group, found) in [(&inner, vec![ada.clone()]), (&outer, vec![ada.clone()]), (&eve, vec![])] {
        let filter = ["groups.value eq \"", group, "\""].concat();
        assert_eq!(ids(&target.get(&["/Users", &query(&[("filter", &filter)])].concat()).await.body), found);
    }
}

#[actix_web::test]
async fn moments_of_modification_are_found_by_instant() {
    let target = Target::start();
    target.user("ada").await;
    let time = target.get("/Users").await.body["Resources"][0]["meta"]["lastModified"].as_str().unwrap().to_owned();
    let moment = chrono::DateTime::parse_from_rfc3339(&time).unwrap();
    let east = moment.with_timezone(&chrono::FixedOffset::east_opt(7200).unwrap()).to_rfc3339();
    let later = (moment + chrono::TimeDelta::microseconds(1)).to_rfc3339();
    for (operator, time, found) in [
        ("eq", &east, 1),
        ("ge", &east, 1),
        ("le", &east, 1),
        ("gt", &east, 0),
        ("lt", &east, 0),
        ("eq", &later, 0),
        ("lt", &later, 1),
        ("ge", &later, 0),
    ] {
        let filter = ["meta.lastModified ", operator, " \"", time, "\""].concat();
        let list = target.get(&["/Users", &query(&[("filter", &filter)])].concat()).await.body;
        assert_eq!(list["totalResults"], found, "{filter}");
    }
}

#[actix_web::test]
async fn a_password_is_kept_as_a_hash_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("target.sqlite");
    let target = Target::with(|settings| settings.database = Some(file.clone()));
    let body = json!({"schemas": [urn::USER], "userName": "ada", "password": "s3cret-words"});
    let created = target.call("POST", "/Users?attributes=password,userName", body.clone()).await;
    assert!(created.body.get("password").is_none());
    let path = ["/Users/", created.body["id"].as_str().unwrap()].concat();
    let version = created.headers["etag"].clone();
    for body in [body, json!({"schemas": [urn::USER], "userName": "ada"})] {
        let same = target.call("PUT", &path, body).await;
        assert_eq!((same.headers["etag"].clone(), same.body.get("password")), (version.clone(), None));
    }
    let changed = target.patch(&path, json!([{"op": "replace", "path": "password", "value": "other-words"}])).await;
    assert_ne!(changed.headers["etag"], version);
    assert!(changed.body.get("password").is_none());
    for parameters in ["sortBy=password", "sortBy=PASSWORD&cursor=&count=1"] {
        let sorted = target.get(&["/Users?", parameters].concat()).await;
        assert_eq!(
            (sorted.status, &sorted.body["scimType"]),
            (StatusCode::BAD_REQUEST, &json!("invalidValue")),
            "an order tells of a value"
        );
    }
    let refused = target.get("/Users?filter=password%20eq%20%22other-words%22").await;
    assert_eq!(refused.body["scimType"], "invalidFilter");
    target.running.stop().await;
    let kept = std::fs::read(&file).unwrap();
    let holds = |text: &str| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds("$argon2id$") && !holds("s3cret-words") && !holds("other-words"));
}

#[actix_web::test]
async fn a_query_at_the_root_goes_over_all_types() {
    let target = Target::start();
    let (ada, bob) = (target.user("ada").await, target.user("bob").await);
    let group = target.group("Ants", &[&ada]).await;
    let ask = async |parameters: &[(&str, &str)]| target.get(&["/", &query(parameters)].concat()).await.body;
    let whole = ask(&[]).await;
    assert_eq!((ids(&whole), &whole["totalResults"]), (vec![ada.clone(), bob.clone(), group.clone()], &json!(3)));
    assert_eq!(ids(&ask(&[("startIndex", "2"), ("count", "2")]).await), [bob.clone(), group.clone()]);
    for (filter, found) in [
        ("meta.resourceType eq \"Group\"", vec![&group]),
        ("userName sw \"b\" or displayName eq \"ants\"", vec![&bob, &group]),
        ("not (userName pr)", vec![&group]),
        ("members pr", vec![&group]),
    ] {
        assert_eq!(ids(&ask(&[("filter", filter)]).await).iter().collect::<Vec<_>>(), found, "{filter}");
    }
    // Users without a display name have nothing to sort by.
    assert_eq!(ids(&ask(&[("sortBy", "displayName")]).await)[0], group);
    for parameters in [&[("count", "1")][..], &[("count", "2"), ("sortBy", "displayName"), ("sortOrder", "descending")]]
    {
        let (walked, total) = walk(&target, "/", parameters).await;
        let sorted = parameters.iter().filter(|(name, _)| *name != "count").copied().collect::<Vec<_>>();
        assert_eq!((walked, total), (ids(&ask(&sorted).await), 3));
    }
}

#[actix_web::test]
async fn an_order_without_an_index_is_bounded() {
    let target = Target::start();
    target.user("ada").await;
    // As if there were more of them.
    let storage = &target.running.service.storage;
    storage.write(|tx| tx.configure("UPDATE blocks SET total = 200000")).await.unwrap();
    for (query, status) in [
        ("sortBy=title&startIndex=100001", 200),
        ("sortBy=title&startIndex=100002", 400),
        ("sortBy=title&filter=title pr&startIndex=150000", 400),
        ("sortBy=title&cursor", 200),
        ("sortBy=userName&startIndex=150000", 200),
        ("startIndex=150000", 200),
    ] {
        let answer = target.get(&["/Users?", query].concat()).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        if status == 400 {
            assert_eq!(answer.body["scimType"], "tooMany", "{query}");
        }
    }
}
