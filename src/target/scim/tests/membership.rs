//! Who is in a group: what refusals of members mean, and what they teach.

use super::*;

/// A group that shows these members and answers every PATCH of `member` with this conflict.
async fn conflicting(shown: Value, scim_type: &'static str) -> (FakeServer, ScimTarget) {
    let server = FakeServer::start(move |request| match request.method.as_str() {
        "GET" => Reply::json(200, json!({ "id": "g", "members": shown })),
        _ if named(&request.json()).0.contains(&"member".to_owned()) => scim_error(409, scim_type, "no"),
        _ => Reply::empty(204),
    })
    .await;
    let target = target(&server);
    (server, target)
}

#[tokio::test]
async fn a_conflict_over_a_member_is_decided_by_who_is_in_the_group() {
    let cases = [
        (json!([{ "value": "member" }]), "uniqueness", true),
        (json!([{ "value": "member" }]), "mutability", true),
        (json!([{ "value": "somebody" }]), "uniqueness", false),
        // What the target does not show is believed, if that is what it said.
        (json!(null), "uniqueness", true),
        (json!(null), "", true),
        (json!(null), "tooMany", false),
    ];
    for (shown, scim_type, done) in cases {
        let (server, target) = conflicting(shown.clone(), scim_type).await;
        let outcome = target.change(&groups(), &id("g"), &members(&["new", "member"], &["gone"])).await;
        assert_eq!(outcome.is_ok(), done, "{shown} {scim_type}: {outcome:?}");
        let reads = server.lines().iter().filter(|line| line.starts_with("GET")).count();
        assert_eq!(reads, 1, "who is in it is asked once");
        let arrived: Vec<String> = server
            .requests()
            .iter()
            .filter(|request| request.method == "PATCH")
            .map(|request| named(&request.json()))
            .filter(|(added, _)| !added.contains(&"member".to_owned()))
            .flat_map(|(added, removed)| [added, removed].concat())
            .collect();
        assert_eq!(arrived, ["new", "gone"], "the others do not wait");
    }
}

#[tokio::test]
async fn a_conflict_while_removing_teaches_nothing() {
    let (_server, target) = conflicting(json!([]), "").await;
    target.change(&groups(), &id("g"), &members(&[], &["x"])).await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_several_kinds_of_operations_says_nothing_of_how_many_members_are_taken() {
    let server = FakeServer::start(|request| match named(&request.json()) {
        (added, removed) if !added.is_empty() && !removed.is_empty() => scim_error(400, "", "one thing at a time"),
        _ => Reply::empty(204),
    })
    .await;
    let target = target(&server);
    target.change(&groups(), &id("g"), &members(&["a"], &["b"])).await.unwrap();
    target.change(&groups(), &id("g"), &members(&["a", "c", "d"], &["b"])).await.unwrap();
    assert_eq!(target.profile().members_per_patch, 100);
}
