use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::model::{AttributeChange, FailureClass, TargetPath};
use crate::net::fake_server::{self, FakeServer, Reply, TestAuthority};
use crate::net::{Backoff, ProxyChoice};
use crate::secret::Secret;
use crate::target::{Outcome, ProfileOverrides};

const QUICK: RetryPolicy = RetryPolicy {
    attempts: 3,
    throttled: 4,
    total: Duration::from_secs(60),
    backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(2) },
};

fn settings(server: &FakeServer) -> ScimSettings {
    let base = server.url().join("scim/v2").unwrap();
    ScimSettings { proxy: ProxyChoice::Direct, ..ScimSettings::new(base, Auth::Bearer(Secret::new("t0ken"))) }
}

fn target(server: &FakeServer) -> ScimTarget {
    target_with(settings(server), Protected::default())
}

fn target_with(settings: ScimSettings, protected: Protected) -> ScimTarget {
    ScimTarget::with_retries(settings, protected, QUICK).unwrap()
}

/// Gives one reply after the other and fails the test when there are none left.
fn script(replies: impl Into<Vec<Reply>>) -> impl Fn(&fake_server::Request) -> Reply + Send + Sync {
    let mut replies: Vec<Reply> = replies.into();
    replies.reverse();
    let replies = Mutex::new(replies);
    move |request| replies.lock().unwrap().pop().unwrap_or_else(|| panic!("unexpected {}", request.line()))
}

async fn scripted(replies: impl Into<Vec<Reply>> + 'static) -> (FakeServer, ScimTarget) {
    let server = FakeServer::start(script(replies)).await;
    let target = target(&server);
    (server, target)
}

fn users() -> ResourceKind {
    ResourceKind::new("Users")
}

fn groups() -> ResourceKind {
    ResourceKind::new("Groups")
}

fn id(text: &str) -> ResourceId {
    ResourceId::new(text)
}

fn path(text: &str) -> AttributePath {
    text.parse().unwrap()
}

fn resource(json: Value) -> Resource {
    serde_json::from_value(json).unwrap()
}

fn ada() -> Resource {
    resource(json!({ "userName": "ada@n.example", "active": true }))
}

fn disable() -> PatchOp {
    let change = AttributeChange { path: TargetPath::new("active"), value: Some(json!(false)) };
    PatchOp { operations: write::attribute_operations(&[change]).unwrap() }
}

fn list(resources: Value, total: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "Resources": resources,
    })
}

fn scim_error(status: u16, scim_type: &str, detail: &str) -> Reply {
    Reply::json(
        status,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(),
            "scimType": scim_type,
            "detail": detail,
        }),
    )
}

/// A target with `count` users that understands `startIndex` and `count`.
fn directory(count: usize) -> impl Fn(&fake_server::Request) -> Reply + Send + Sync {
    move |request| {
        let number = |name: &str| request.query(name).map_or(1, |text| text.parse::<usize>().unwrap());
        let (start, most) = (number("startIndex"), number("count"));
        let resources: Vec<Value> = (start..=count)
            .take(most)
            .map(|index| json!({ "id": format!("u{index}"), "userName": format!("user{index}@n.example") }))
            .collect();
        Reply::json(200, list(json!(resources), count))
    }
}

fn ids(resources: &[Resource]) -> Vec<&str> {
    resources.iter().filter_map(Resource::id).collect()
}

mod reading {
    use super::*;

    #[tokio::test]
    async fn requests_say_who_we_are_and_what_we_understand() {
        let (server, target) = scripted([Reply::json(200, list(json!([]), 0))]).await;
        target.probe().await.unwrap();
        let request = &server.requests()[0];
        assert_eq!(request.line(), "GET /scim/v2/Users");
        assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
        assert!(request.header("accept").unwrap().starts_with("application/scim+json"));
        assert!(request.header("user-agent").unwrap().starts_with("provisor/"));
    }

    #[tokio::test]
    async fn a_probe_says_what_is_wrong() {
        let cases = [
            (Reply::json(401, json!({})), FailureClass::Credentials, "Unauthorized"),
            (Reply::json(403, json!({})), FailureClass::Credentials, "InsufficientRights"),
            (
                Reply::html(404),
                FailureClass::Configuration,
                "SystemForCrossDomainIdentityManagementServiceIncompatible",
            ),
            (
                Reply::empty(302).with("location", "/login"),
                FailureClass::Configuration,
                "SystemForCrossDomainIdentityManagementServiceIncompatible",
            ),
            (Reply::html(200), FailureClass::Transient, "SystemForCrossDomainIdentityManagementServiceIncompatible"),
            (
                Reply::json(200, json!({ "id": "1" })),
                FailureClass::Transient,
                "SystemForCrossDomainIdentityManagementServiceIncompatible",
            ),
            (Reply::json(400, json!({})), FailureClass::Object, "UnprocessableEntity"),
            (Reply::empty(501), FailureClass::Object, "NotImplemented"),
        ];
        for (reply, class, code) in cases {
            let (_server, target) = scripted([reply]).await;
            let error = target.probe().await.unwrap_err();
            assert_eq!((error.class(), error.code()), (class, code), "{error}");
            assert_eq!(error.outcome(), Outcome::NotDone);
        }
    }

    #[tokio::test]
    async fn a_search_quotes_its_value_and_leaves_members_out() {
        let (server, target) =
            scripted([Reply::json(200, list(json!([{ "id": "g1", "displayName": "a \"b\" + c\\d" }]), 1))]).await;
        let found = target.find(&groups(), &path("displayName"), "A \"B\" + C\\D").await.unwrap();
        assert_eq!(ids(&found), ["g1"]);
        let request = &server.requests()[0];
        assert_eq!(request.query("filter").unwrap(), r#"displayName eq "A \"B\" + C\\D""#);
        assert_eq!(request.query("excludedAttributes").unwrap(), "members");
        assert!(!request.target.contains('+'), "a space is %20: {}", request.target);
    }

    #[tokio::test]
    async fn what_a_target_finds_is_compared_again() {
        let resources = json!([
            { "id": "1", "emails": [{ "type": "work", "value": "ada@n.example.com" }] },
            { "id": "2", "emails": [{ "type": "home", "value": "ada@n.example" }] },
            { "id": "3", "emails": [{ "type": "home", "value": "x" }, { "type": "work", "value": "ADA@n.example" }] },
        ]);
        let (_server, target) = scripted([Reply::json(200, list(resources, 3))]).await;
        let found = target.find(&users(), &path(r#"emails[type eq "work"].value"#), "ada@n.example").await.unwrap();
        assert_eq!(ids(&found), ["3"]);
    }

    #[tokio::test]
    async fn a_target_that_ignores_filters_is_read_to_the_end() {
        let server = FakeServer::start(directory(250)).await;
        let found = target(&server).find(&users(), &path("userName"), "user240@n.example").await.unwrap();
        assert_eq!(ids(&found), ["u240"]);
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_target_without_filters_is_not_sent_one() {
        let server = FakeServer::start(directory(3)).await;
        let profile = ProfileOverrides { filter: Some(false), ..ProfileOverrides::default() };
        let target = target_with(ScimSettings { profile, ..settings(&server) }, Protected::default());
        let found = target.find(&users(), &path("userName"), "user2@n.example").await.unwrap();
        assert_eq!(ids(&found), ["u2"]);
        assert_eq!(server.requests()[0].query("filter"), None);
    }

    #[tokio::test]
    async fn a_search_answered_with_404_found_nothing() {
        let (_server, target) = scripted([Reply::json(404, json!({}))]).await;
        assert!(target.find(&users(), &path("userName"), "ada").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_resource_is_read_or_absent() {
        let (server, target) = scripted([
            Reply::json(200, json!({ "id": "a/b c", "userName": "ada" })),
            Reply::json(404, json!({})),
            Reply::json(403, json!({})),
        ])
        .await;
        assert_eq!(target.read(&users(), &id("a/b c")).await.unwrap().unwrap().id(), Some("a/b c"));
        assert_eq!(target.read(&groups(), &id("g")).await.unwrap(), None);
        assert_eq!(target.read(&users(), &id("x")).await.unwrap_err().class(), FailureClass::Object);
        assert_eq!(server.lines()[..2], ["GET /scim/v2/Users/a%2Fb%20c", "GET /scim/v2/Groups/g"]);
        assert_eq!(server.requests()[1].query("excludedAttributes").unwrap(), "members");
    }

    #[tokio::test]
    async fn an_id_never_climbs_out_of_its_endpoint() {
        let (server, target) = scripted([]).await;
        for impossible in ["", ".", ".."] {
            let error = target.delete(&users(), &id(impossible)).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Conflict, Outcome::NotDone));
        }
        assert!(server.requests().is_empty());
    }

    #[tokio::test]
    async fn reads_are_repeated_when_the_target_stumbles() {
        let (server, target) =
            scripted([Reply::empty(500), Reply::Reset, Reply::json(200, json!({ "id": "1" }))]).await;
        assert!(target.read(&users(), &id("1")).await.unwrap().is_some());
        assert_eq!(server.requests().len(), 3);
        let (server, target) = scripted([Reply::Truncated, Reply::Truncated, Reply::Truncated]).await;
        let error = target.read(&users(), &id("1")).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::NotDone));
        assert_eq!(server.requests().len(), 3);
    }
}

mod listing {
    use super::*;

    async fn walk(target: &ScimTarget) -> Vec<String> {
        let mut all = Vec::new();
        let mut page = target.list(&users(), None).await.unwrap();
        loop {
            all.extend(ids(&page.resources).into_iter().map(str::to_owned));
            match page.next {
                Some(next) => page = target.list(&users(), Some(next)).await.unwrap(),
                None => return all,
            }
        }
    }

    #[tokio::test]
    async fn a_list_is_read_page_by_page() {
        let server = FakeServer::start(directory(201)).await;
        assert_eq!(walk(&target(&server)).await.len(), 201);
        let starts: Vec<String> = server.requests().iter().filter_map(|request| request.query("startIndex")).collect();
        assert_eq!(starts, ["1", "101", "201"]);
    }

    #[tokio::test]
    async fn a_target_with_smaller_pages_than_asked_for_is_read_completely() {
        let whole = directory(25);
        let server = FakeServer::start(move |request| {
            let mut small = request.clone();
            small.target = request.target.replace("count=100", "count=10");
            whole(&small)
        })
        .await;
        assert_eq!(walk(&target(&server)).await.len(), 25);
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_target_that_ignores_the_start_does_not_hold_us_forever() {
        let server = FakeServer::start(|_| Reply::json(200, list(json!([{ "id": "1" }, { "id": "2" }]), 1000))).await;
        assert_eq!(walk(&target(&server)).await, ["1", "2"]);
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn an_empty_page_ends_a_list_whatever_its_total() {
        let (_server, target) =
            scripted([Reply::json(200, list(json!([{ "id": "1" }]), 9)), Reply::json(200, list(json!([]), 9))]).await;
        assert_eq!(walk(&target).await, ["1"]);
    }

    #[tokio::test]
    async fn a_resource_without_id_is_not_skipped_in_silence() {
        let (_server, target) = scripted([Reply::json(200, list(json!([{ "userName": "ada" }]), 1))]).await;
        assert!(matches!(target.list(&users(), None).await, Err(TargetError::Unusable { .. })));
    }
}

mod creating {
    use super::*;

    #[tokio::test]
    async fn the_id_comes_from_the_body_or_the_location() {
        let cases = [
            (Reply::json(201, json!({ "id": "u1", "userName": "ada" })), "u1"),
            (Reply::json(200, json!({ "id": "u2" })), "u2"),
            (Reply::empty(201).with("location", "https://other.example/scim/v2/Users/u%2F3"), "u/3"),
            (Reply::empty(201).with("location", "Users/u4"), "u4"),
        ];
        for (reply, expected) in cases {
            let (server, target) = scripted([reply]).await;
            assert_eq!(target.create(&users(), &ada()).await.unwrap(), id(expected));
            let request = &server.requests()[0];
            assert_eq!(request.line(), "POST /scim/v2/Users");
            assert_eq!(request.header("content-type"), Some("application/scim+json"));
            assert_eq!(request.json()["active"], json!(true));
            assert_eq!(target.writes_sent(), 1);
        }
    }

    #[tokio::test]
    async fn a_success_without_an_id_has_an_unknown_outcome() {
        let cases = [
            Reply::html(200),
            Reply::json(201, json!({ "userName": "ada" })),
            Reply::json(201, json!([])),
            Reply::empty(201),
            Reply::empty(201).with("location", "https://other.example/login"),
            scim_error(200, "", "internal"),
            Reply::Truncated,
        ];
        for reply in cases {
            let (server, target) = scripted([reply]).await;
            let error = target.create(&users(), &ada()).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
            assert_eq!(server.requests().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_post_is_never_sent_again_when_its_end_is_unclear() {
        for reply in [Reply::Reset, Reply::empty(500), Reply::empty(502), Reply::empty(503), Reply::empty(504)] {
            let (server, target) = scripted([reply]).await;
            let error = target.create(&users(), &ada()).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown), "{error}");
            assert_eq!(server.requests().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_target_that_asks_for_time_gets_no_second_post_either() {
        let (server, target) = scripted([Reply::empty(503).with("retry-after", "1")]).await;
        let error = target.create(&users(), &ada()).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_slow_post_ends_with_an_unknown_outcome() {
        let server = FakeServer::start(|_| Reply::Silence).await;
        let target = target_with(ScimSettings { timeout_seconds: 1, ..settings(&server) }, Protected::default());
        let error = target.create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), ("Timeout", Outcome::Unknown));
        assert_eq!(server.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_refused_connection_created_nothing() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = Url::parse(&format!("http://{}/scim", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let settings = ScimSettings::new(base, Auth::Bearer(Secret::new("t")));
        let error = target_with(settings, Protected::default()).create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Outage, Outcome::NotDone), "{error}");
    }

    #[tokio::test]
    async fn refusals_are_told_apart() {
        let long = "x".repeat(10_000);
        let cases = [
            (scim_error(409, "uniqueness", "taken"), FailureClass::Conflict, "EntryConflict", "taken"),
            (scim_error(400, "uniqueness", "taken"), FailureClass::Conflict, "EntryConflict", "taken"),
            (scim_error(400, "invalidValue", &long), FailureClass::Object, "UnprocessableEntity", "invalidValue"),
            (scim_error(422, "", "bad\nline"), FailureClass::Object, "UnprocessableEntity", "`bad line`"),
            (Reply::json(403, json!({})), FailureClass::Object, "InsufficientRights", "403"),
            (Reply::json(401, json!({})), FailureClass::Credentials, "Unauthorized", "token"),
            (
                Reply::html(404),
                FailureClass::Configuration,
                "SystemForCrossDomainIdentityManagementServiceIncompatible",
                "base_url",
            ),
            (Reply::empty(405), FailureClass::Object, "MethodNotAllowed", "405"),
            (Reply::empty(413), FailureClass::Object, "UnprocessableEntity", "413"),
            (Reply::empty(501), FailureClass::Object, "NotImplemented", "501"),
        ];
        for (reply, class, code, text) in cases {
            let (_server, target) = scripted([reply]).await;
            let error = target.create(&users(), &ada()).await.unwrap_err();
            assert_eq!((error.class(), error.code(), error.outcome()), (class, code, Outcome::NotDone), "{error}");
            let message = error.to_string();
            assert!(message.contains(text) && message.len() < 600, "{message}");
        }
    }

    #[tokio::test]
    async fn a_target_that_knows_only_plain_json_gets_it() {
        let created = || Reply::json(201, json!({ "id": "1" }));
        let (server, target) = scripted([Reply::empty(415), created(), created()]).await;
        target.create(&users(), &ada()).await.unwrap();
        target.create(&users(), &ada()).await.unwrap();
        let types: Vec<_> = server.requests().iter().map(|r| r.header("content-type").unwrap().to_owned()).collect();
        assert_eq!(types, ["application/scim+json", "application/json", "application/json"]);
    }
}

mod changing {
    use super::*;

    #[tokio::test]
    async fn every_kind_of_success_counts() {
        for reply in [Reply::json(200, json!({ "id": "1" })), Reply::empty(200), Reply::empty(204)] {
            let (server, target) = scripted([reply]).await;
            target.patch(&users(), &id("1"), &disable()).await.unwrap();
            let request = &server.requests()[0];
            assert_eq!(request.line(), "PATCH /scim/v2/Users/1");
            assert_eq!(
                request.json(),
                json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{ "op": "replace", "path": "active", "value": false }],
                })
            );
        }
    }

    #[tokio::test]
    async fn the_echo_of_a_huge_group_is_not_needed() {
        let huge = || Reply::json(200, json!({ "id": "1", "members": "x".repeat(33 * 1024 * 1024) }));
        let (_server, target) = scripted([huge(), huge()]).await;
        target.patch(&groups(), &id("1"), &disable()).await.unwrap();
        assert!(target.read(&groups(), &id("1")).await.is_err(), "who reads it is told that it is too long");
    }

    #[tokio::test]
    async fn a_web_page_is_no_success() {
        let (_server, target) = scripted([Reply::html(200), scim_error(200, "", "no"), Reply::html(200)]).await;
        for _ in 0..2 {
            let error = target.patch(&users(), &id("1"), &disable()).await.unwrap_err();
            assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown));
        }
        assert!(target.delete(&users(), &id("1")).await.is_err());
    }

    #[tokio::test]
    async fn a_patch_is_repeated_until_it_is_answered() {
        let (server, target) = scripted([Reply::Reset, Reply::empty(503), Reply::empty(204)]).await;
        target.patch(&users(), &id("1"), &disable()).await.unwrap();
        assert_eq!((server.requests().len(), target.writes_sent()), (3, 3));
    }

    #[tokio::test]
    async fn a_patch_that_is_never_answered_properly_may_have_been_done() {
        let (server, target) = scripted([Reply::empty(500), Reply::Reset, Reply::empty(502)]).await;
        let error = target.patch(&users(), &id("1"), &disable()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Transient, Outcome::Unknown));
        assert_eq!(server.requests().len(), 3);
        let (_server, target) = scripted([Reply::Reset, Reply::empty(403)]).await;
        let error = target.patch(&users(), &id("1"), &disable()).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), (FailureClass::Object, Outcome::Unknown));
    }

    #[tokio::test]
    async fn a_missing_resource_is_matched_again() {
        let (_server, target) = scripted([Reply::json(404, json!({}))]).await;
        let error = target.patch(&users(), &id("1"), &disable()).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (FailureClass::Conflict, "InvalidAnchor"));
    }

    #[tokio::test]
    async fn a_deletion_says_whether_there_was_something() {
        let cases = [
            (vec![Reply::empty(204)], Deletion::Deleted),
            (vec![Reply::json(200, json!({}))], Deletion::Deleted),
            (vec![Reply::json(404, json!({}))], Deletion::Absent),
            (vec![Reply::empty(429), Reply::json(404, json!({}))], Deletion::Absent),
            (vec![Reply::Reset, Reply::json(404, json!({}))], Deletion::Deleted),
            (vec![Reply::empty(500), Reply::empty(410)], Deletion::Deleted),
        ];
        for (replies, expected) in cases {
            let (_server, target) = scripted(replies).await;
            assert_eq!(target.delete(&users(), &id("1")).await.unwrap(), expected);
        }
    }
}

mod waiting {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_throttled_post_is_sent_again() {
        let (server, target) =
            scripted([Reply::empty(429), Reply::empty(429), Reply::json(201, json!({ "id": "1" }))]).await;
        target.create(&users(), &ada()).await.unwrap();
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn throttling_without_end_is_a_passing_failure() {
        let server = FakeServer::start(|_| Reply::empty(429)).await;
        let error = target(&server).create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (FailureClass::Transient, "TooManyRequests"));
        assert_eq!(error.outcome(), Outcome::NotDone);
        assert_eq!(server.requests().len(), 4);
    }

    #[tokio::test]
    async fn retry_after_holds_up_every_request() {
        let (server, target) = scripted([
            Reply::empty(503).with("retry-after", "1"),
            Reply::json(200, json!({ "id": "1" })),
            Reply::json(200, json!({ "id": "2" })),
        ])
        .await;
        let before = Instant::now();
        let first = tokio::spawn({
            let target = target.clone();
            async move { target.read(&users(), &id("1")).await.unwrap() }
        });
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        target.read(&users(), &id("2")).await.unwrap();
        assert!(before.elapsed() >= Duration::from_secs(1));
        first.await.unwrap();
    }
}

mod tokens {
    use super::*;

    fn with_issuer(server: &FakeServer, issuer: &FakeServer) -> ScimTarget {
        let auth = Auth::ClientCredentials {
            token_url: issuer.url(),
            client_id: "gateway".to_owned(),
            client_secret: Secret::new("secret"),
            scope: None,
        };
        target_with(ScimSettings { auth, ..settings(server) }, Protected::default())
    }

    #[tokio::test]
    async fn an_issued_token_is_renewed_once_when_it_is_refused() {
        let token = |text: &str| Reply::json(200, json!({ "access_token": text, "expires_in": 3600 }));
        let issuer = FakeServer::start(script([token("old"), token("new")])).await;
        let server = FakeServer::start(|request| match request.header("authorization") {
            Some("Bearer new") => Reply::json(200, list(json!([]), 0)),
            _ => Reply::empty(401),
        })
        .await;
        with_issuer(&server, &issuer).probe().await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn no_token_means_credentials_and_nothing_sent() {
        let issuer = FakeServer::start(|_| Reply::json(400, json!({ "error": "invalid_client" }))).await;
        let server = FakeServer::start(|_| Reply::empty(204)).await;
        let error = with_issuer(&server, &issuer).create(&users(), &ada()).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (FailureClass::Credentials, "Unauthorized"));
        assert!(server.requests().is_empty());
    }
}

mod protecting {
    use super::*;

    fn protected(user_names: &[&str], ids: &[&str]) -> Protected {
        Protected {
            user_names: user_names.iter().map(|&name| name.to_owned()).collect(),
            ids: ids.iter().map(|&text| id(text)).collect(),
        }
    }

    #[tokio::test]
    async fn protected_resources_are_left_alone_without_a_request() {
        let server = FakeServer::start(|_| Reply::json(200, list(json!([]), 0))).await;
        let target = target_with(settings(&server), protected(&["Root@n.example"], &["u0"]));
        let rename = |value: Value| {
            let change = AttributeChange { path: TargetPath::new("userName"), value: Some(value) };
            PatchOp { operations: write::attribute_operations(&[change]).unwrap() }
        };
        let root = resource(json!({ "USERNAME": "root@N.example" }));
        let refusals = [
            target.create(&users(), &root).await.map(drop),
            target.patch(&users(), &id("u0"), &disable()).await,
            target.patch(&users(), &id("u1"), &rename(json!("ROOT@n.example"))).await,
            target.delete(&users(), &id("u0")).await.map(drop),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            assert_eq!((error.class(), error.code()), (FailureClass::Object, "NotPermitted"));
        }
        assert_eq!(target.writes_sent(), 0);
    }

    #[tokio::test]
    async fn the_id_behind_a_protected_name_is_protected_too() {
        let server = FakeServer::start(|request| match request.method.as_str() {
            "GET" => Reply::json(200, list(json!([{ "id": "u7", "userName": "root@n.example" }]), 1)),
            _ => Reply::empty(204),
        })
        .await;
        let target = target_with(settings(&server), protected(&["root@n.example"], &[]));
        assert!(matches!(target.delete(&users(), &id("u7")).await, Err(TargetError::Protected { .. })));
        assert!(matches!(target.patch(&users(), &id("u7"), &disable()).await, Err(TargetError::Protected { .. })));
        assert_eq!(target.delete(&users(), &id("u8")).await.unwrap(), Deletion::Deleted);
        assert_eq!(server.lines(), ["GET /scim/v2/Users", "DELETE /scim/v2/Users/u8"], "the name is looked up once");
    }
}

mod settling_in {
    use super::*;

    #[test]
    fn equal_addresses_have_equal_identities() {
        let identity = |base: &str| {
            let settings = ScimSettings::new(Url::parse(base).unwrap(), Auth::Bearer(Secret::new("t")));
            ScimTarget::new(settings, Protected::default()).unwrap().identity().as_str().to_owned()
        };
        for same in ["https://App.Example/scim/v2", "https://app.example:443/scim/v2/", "https://app.example/scim/v2//"]
        {
            assert_eq!(identity(same), "https://app.example/scim/v2");
        }
        assert_ne!(identity("https://app.example/SCIM/v2"), "https://app.example/scim/v2");
        assert_eq!(identity("http://app.example:8080"), "http://app.example:8080");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let cases = [
            ("https://app.example/scim?flag", "t", "no query"),
            ("https://ada:pw@app.example/scim", "t", "no credentials"),
            ("ftp://app.example/scim", "t", "`https://`"),
            ("https://app.example/scim", "", "bearer token"),
            ("https://app.example/scim", "a\nb", "bearer token"),
        ];
        for (base, token, problem) in cases {
            let settings = ScimSettings::new(Url::parse(base).unwrap(), Auth::Bearer(Secret::new(token)));
            let Err(error) = ScimTarget::new(settings, Protected::default()) else { panic!("{base}") };
            assert!(error.to_string().contains(problem), "{error}");
            assert_eq!(error.class(), FailureClass::Configuration);
        }
        let unknown = json!({ "base_url": "https://app.example", "auth": { "bearer": "t" }, "timeout": 3 });
        assert!(serde_json::from_value::<ScimSettings>(unknown).is_err());
    }

    #[tokio::test]
    async fn a_target_that_says_nothing_keeps_the_preset() {
        let server = FakeServer::start(|_| Reply::html(404)).await;
        let target = target(&server);
        assert_eq!(target.discover().await.unwrap(), &Profile::default());
        assert_eq!(server.lines(), ["GET /scim/v2/ServiceProviderConfig", "GET /scim/v2/ServiceProviderConfigs"]);
    }

    #[tokio::test]
    async fn discovery_refines_the_profile_below_the_operators_word() {
        let config = json!({ "patch": { "supported": false }, "filter": { "supported": true, "maxResults": 50 } });
        let server = FakeServer::start(move |_| Reply::json(200, config.clone())).await;
        let profile = ProfileOverrides { patch: Some(true), ..ProfileOverrides::default() };
        let target = target_with(ScimSettings { profile, ..settings(&server) }, Protected::default());
        target.discover().await.unwrap();
        assert_eq!(target.profile(), &Profile { max_page_size: 50, ..Profile::default() });
    }

    #[tokio::test]
    async fn a_private_authority_and_a_proxy_come_from_the_settings() {
        let authority = TestAuthority::new();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(authority.pem().as_bytes()).unwrap();
        let empty = |_: &fake_server::Request| Reply::json(200, list(json!([]), 0));
        let server = FakeServer::start_tls(authority.server("localhost"), empty).await;
        let trusting = ScimSettings { ca_file: Some(file.path().to_owned()), ..settings(&server) };
        target_with(trusting, Protected::default()).probe().await.unwrap();
        let error = target(&server).probe().await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Outage);
        assert!(error.to_string().contains("`ca_file`"), "{error}");

        let proxy = FakeServer::start(empty).await;
        let base = Url::parse("http://app.example/scim").unwrap();
        let proxied = ScimSettings {
            proxy: ProxyChoice::Url(proxy.url()),
            ..ScimSettings::new(base, Auth::Bearer(Secret::new("t")))
        };
        target_with(proxied, Protected::default()).probe().await.unwrap();
        assert!(proxy.requests()[0].target.starts_with("http://app.example/scim/Users?"));
    }
}
