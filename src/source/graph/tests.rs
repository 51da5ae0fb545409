//! The source against the emulator, and against servers that answer as none should.

mod assignments;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Client, Method};
use serde_json::{Value as Json, json};

use super::*;
use crate::graph_emulator::{Emulator, Running, Settings, Tenant};
use crate::model::{Change, Departure, FailureClass, Name, PartialObject, ReferenceChange, Value};
use crate::net::fake_server::{FakeServer, Reply, Request};
use crate::net::install_crypto_provider;
use crate::secret::Secret;
use crate::source::{Checkpoint, Coverage, KindSelection};

fn selection(kinds: &[(&str, &[&str], &[&str])]) -> Selection {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let read = |&(kind, attributes, references): &(&str, &[&str], &[&str])| {
        (ObjectKind::from(kind), KindSelection { attributes: set(attributes), references: set(references) })
    };
    kinds.iter().map(read).collect()
}

fn everything() -> Selection {
    let users = ["displayName", "userPrincipalName", "department", "telephoneNumber", "extensionAttribute1"];
    selection(&[("Group", &["displayName"], &["members"]), ("User", &users, &["manager"])])
}

fn settings(root_url: &str, tenant: &str) -> GraphSettings {
    install_crypto_provider();
    let url = url::Url::parse(root_url).unwrap();
    GraphSettings {
        root_url: url.clone(),
        authority_url: url,
        timeout_seconds: 10,
        ..GraphSettings::new(tenant, "app", Secret::new("s3cret~+/="))
    }
}

fn feed(id: &str) -> Feed {
    let kind = if id == "users" { "User" } else { "Group" };
    Feed { id: id.into(), kind: Some(kind.into()) }
}

async fn read(source: &GraphSource, feed_id: &str, start: Start) -> Result<(Vec<Page>, ReadEnd), SourceError> {
    let (sender, mut receiver) = mpsc::channel(2);
    let collect = async {
        let mut pages = Vec::new();
        while let Some(page) = receiver.recv().await {
            pages.push(page);
        }
        pages
    };
    let feed = feed(feed_id);
    let (end, pages) = tokio::join!(source.changes(&feed, start, sender), collect);
    Ok((pages, end?))
}

fn partials(pages: &[Page]) -> Vec<&PartialObject> {
    fn partial(change: &Change) -> &PartialObject {
        match change {
            Change::Partial(partial) => partial,
            other => panic!("not a partial object: {other:?}"),
        }
    }
    pages.iter().flat_map(|page| &page.changes).map(partial).collect()
}

/// An emulator, the source that reads it, and a client that changes it.
struct Bench {
    emulator: Running,
    source: GraphSource,
    client: Client,
    tenant: Tenant,
}

impl Bench {
    fn start(tenant: Tenant, page_size: usize) -> Self {
        install_crypto_provider();
        let emulator = Emulator::start(Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            directory: tenant.clone(),
            client_id: "app".into(),
            client_secret: Secret::new("s3cret~+/="),
            token: Some(Secret::new("fixed")),
            page_size,
        })
        .unwrap();
        let source = GraphSource::new(&settings(&emulator.root_url(), &tenant.tenant_id), &everything()).unwrap();
        Self { emulator, source, client: Client::builder().no_proxy().build().unwrap(), tenant }
    }

    async fn full(&self, feed: &str) -> (Vec<Page>, Checkpoint) {
        let (pages, end) = read(&self.source, feed, Start::Full).await.unwrap();
        assert_eq!(end.coverage, Coverage::Everything);
        (pages, end.checkpoint.unwrap())
    }

    /// The one change since `checkpoint`.
    async fn change(&self, feed: &str, checkpoint: &Checkpoint) -> (Change, Checkpoint) {
        let (pages, end) = read(&self.source, feed, Start::Since(checkpoint.clone())).await.unwrap();
        assert_eq!(end.coverage, Coverage::Changes);
        let mut changes: Vec<Change> = pages.into_iter().flat_map(|page| page.changes).collect();
        assert_eq!(changes.len(), 1, "{changes:?}");
        (changes.remove(0), end.checkpoint.unwrap())
    }

    async fn write(&self, method: Method, path: &[&str], body: Json) -> Json {
        let url = [&self.emulator.root_url(), "/v1.0", &path.concat()].concat();
        let response = self.client.request(method, url).bearer_auth("fixed").json(&body).send().await.unwrap();
        let (status, body) = (response.status(), response.bytes().await.unwrap());
        assert!(status.is_success(), "{path:?}: {status} {body:?}");
        serde_json::from_slice(&body).unwrap_or(Json::Null)
    }

    fn user(&self, login: &str) -> Anchor {
        let is_named = |name: &Json| name.as_str().is_some_and(|name| name.starts_with(login));
        let user = self.tenant.users.iter().find(|user| is_named(&user.properties["userPrincipalName"]));
        Anchor::new(user.unwrap().id.clone())
    }

    fn group(&self, name: &str) -> Anchor {
        let group = self.tenant.groups.iter().find(|group| group.properties["displayName"] == name);
        Anchor::new(group.unwrap().id.clone())
    }

    fn reference(&self, anchor: &Anchor) -> Json {
        let url = [&self.emulator.root_url(), "/v1.0/directoryObjects/", anchor.as_str()].concat();
        json!({ "@odata.id": url })
    }
}

fn fixture(page_size: usize) -> Bench {
    Bench::start(Tenant::fixture().unwrap(), page_size)
}

fn link(attribute: &str, to: &Anchor, present: bool) -> ReferenceChange {
    ReferenceChange { attribute: attribute.into(), to: Name::of_anchor(to), present }
}

#[tokio::test]
async fn a_full_round_delivers_every_object_and_reference_over_small_pages() {
    let bench = fixture(4);
    assert_eq!(bench.source.feeds(), [feed("users"), feed("groups")]);
    let (pages, _) = bench.full("users").await;
    assert!(pages.len() > 5 && pages[..pages.len() - 1].iter().all(|page| page.checkpoint.is_some()));
    let users: BTreeMap<&str, &PartialObject> =
        partials(&pages).into_iter().map(|user| (user.anchor.as_str(), user)).collect();
    assert_eq!(users.len(), bench.tenant.users.len());
    for expected in &bench.tenant.users {
        let user = users[expected.id.as_str()];
        assert_eq!(user.names, [Name::of_anchor(&user.anchor)]);
        assert_eq!(user.attributes["objectId"], Some(Value::text(&expected.id)));
        let name = expected.properties["displayName"].as_str().unwrap();
        assert_eq!(user.attributes["displayName"], Some(Value::text(name)));
        let enabled = expected.properties["accountEnabled"].as_bool().unwrap();
        assert_eq!(user.attributes["accountEnabled"], Some(Value::Boolean(enabled)));
        let manager: Vec<_> =
            expected.manager.iter().map(|id| link("manager", &Anchor::new(id.clone()), true)).collect();
        assert_eq!(user.references, manager);
    }
    let tanaka = users[bench.user("tanaka").as_str()];
    assert_eq!(tanaka.attributes["extensionAttribute1"], Some(Value::text("lab")));
    let guest = users[bench.user("amelie").as_str()];
    assert_eq!(guest.attributes["userPrincipalName"], Some(Value::text("amelie.duerr@partner.example")));

    let (pages, _) = bench.full("groups").await;
    let mut members: BTreeMap<&str, BTreeSet<&Name>> = BTreeMap::new();
    for group in partials(&pages) {
        assert!(group.references.iter().all(|member| member.present && member.attribute == "members"));
        members.entry(group.anchor.as_str()).or_default().extend(group.references.iter().map(|member| &member.to));
    }
    for expected in &bench.tenant.groups {
        let names: Vec<Name> = expected.members.iter().map(|id| Name::of_anchor(&Anchor::new(id.clone()))).collect();
        assert_eq!(members[expected.id.as_str()], names.iter().collect());
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_broken_read_resumes_after_its_last_page() {
    let bench = fixture(4);
    let (all, _) = bench.full("users").await;
    let checkpoint = all[2].checkpoint.clone().unwrap();
    let (rest, end) = read(&bench.source, "users", Start::Resume(checkpoint)).await.unwrap();
    assert_eq!(end.coverage, Coverage::Everything);
    assert_eq!(rest, all[3..]);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn every_sort_of_change_of_a_user_arrives() {
    let bench = fixture(50);
    let (_, mark) = bench.full("users").await;
    let (none, _) = read(&bench.source, "users", Start::Since(mark.clone())).await.unwrap();
    assert_eq!(none, []);

    let joiner = json!({ "userPrincipalName": "zoë@meridian.example", "displayName": "Zoë", "accountEnabled": true });
    let joiner = bench.write(Method::POST, &["/users"], joiner).await;
    let (change, mark) = bench.change("users", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!(partial.anchor.as_str(), joiner["id"].as_str().unwrap());
    assert_eq!(partial.attributes["displayName"], Some(Value::text("Zoë")));
    assert!(!partial.attributes.contains_key("department"));

    let mover = bench.user("tanaka");
    bench.write(Method::PATCH, &["/users/", mover.as_str()], json!({ "department": null })).await;
    let (change, mark) = bench.change("users", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!((&partial.anchor, &partial.attributes["department"]), (&mover, &None));
    assert_eq!(partial.references, []);

    let (former, new) = (bench.user("bjorn"), bench.user("jose"));
    let manager = ["/users/", mover.as_str(), "/manager/$ref"];
    bench.write(Method::PUT, &manager, bench.reference(&new)).await;
    let (change, mark) = bench.change("users", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!(partial.references, [link("manager", &new, true)], "the former manager {former} goes unmentioned");

    bench.write(Method::DELETE, &manager, json!({})).await;
    let (change, mark) = bench.change("users", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!(partial.references, [link("manager", &new, false)]);

    bench.write(Method::DELETE, &["/users/", mover.as_str()], json!({})).await;
    let (change, mark) = bench.change("users", &mark).await;
    assert_eq!(
        change,
        Change::Departed { kind: "User".into(), anchor: mover.clone(), departure: Departure::SoftDeleted }
    );
    assert_eq!(bench.source.fetch(&"User".into(), &mover).await.unwrap(), Fetched::SoftDeleted);

    let bin = ["/directory/deletedItems/", mover.as_str()].concat();
    bench.write(Method::POST, &[&bin, "/restore"], json!({})).await;
    let (change, mark) = bench.change("users", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!(partial.attributes["displayName"], Some(Value::text("田中 雪")));

    bench.write(Method::DELETE, &["/users/", mover.as_str()], json!({})).await;
    bench.write(Method::DELETE, &[&bin], json!({})).await;
    let (change, _) = bench.change("users", &mark).await;
    assert_eq!(change, Change::Departed { kind: "User".into(), anchor: mover.clone(), departure: Departure::Deleted });
    assert_eq!(bench.source.fetch(&"User".into(), &mover).await.unwrap(), Fetched::Gone);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn member_changes_arrive_one_by_one() {
    let bench = fixture(50);
    let (_, mark) = bench.full("groups").await;
    let (group, leaver, joiner) = (bench.group("Finance"), bench.user("ivana"), bench.user("kwame"));
    let members = ["/groups/", group.as_str(), "/members/"].concat();
    bench.write(Method::POST, &[&members, "$ref"], bench.reference(&joiner)).await;
    bench.write(Method::DELETE, &[&members, leaver.as_str(), "/$ref"], json!({})).await;
    let (change, _) = bench.change("groups", &mark).await;
    let Change::Partial(partial) = change else { panic!("{change:?}") };
    assert_eq!(partial.anchor, group);
    let found: BTreeMap<_, _> = partial.references.iter().map(|member| (member.to.clone(), member.present)).collect();
    assert_eq!(found, [(Name::of_anchor(&joiner), true), (Name::of_anchor(&leaver), false)].into());
    bench.emulator.stop().await;
}

#[tokio::test]
async fn one_object_is_fetched_whole() {
    let bench = Bench::start(Tenant::generated(60, 2), 7);
    let expected = &bench.tenant.users[9];
    let anchor = Anchor::new(expected.id.clone());
    let Fetched::Object(user) = bench.source.fetch(&"User".into(), &anchor).await.unwrap() else { panic!() };
    assert_eq!(user.attributes.get("department"), expected.properties["department"].as_str().map(Value::text).as_ref());
    assert_eq!(user.attributes.get("extensionAttribute1"), None);
    let manager = Name::of_anchor(&Anchor::new(expected.manager.clone().unwrap()));
    assert_eq!(user.references, [("manager".to_owned(), vec![manager])].into());
    let head = Anchor::new(bench.tenant.users[0].id.clone());
    let Fetched::Object(user) = bench.source.fetch(&"User".into(), &head).await.unwrap() else { panic!() };
    assert_eq!(user.references["manager"], []);
    let expected = &bench.tenant.groups[0];
    let Fetched::Object(group) = bench.source.fetch(&"Group".into(), &Anchor::new(expected.id.clone())).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(group.references["members"].len(), expected.members.len());
    for nobody in ["../users", "aaaaaaaa-0000-4000-8000-000000000001"] {
        assert_eq!(bench.source.fetch(&"User".into(), &nobody.into()).await.unwrap(), Fetched::Gone);
    }
    assert_eq!(bench.source.fetch(&"Device".into(), &anchor).await.unwrap(), Fetched::OutsideFeed);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn the_probe_names_the_tenant_and_the_view_depends_on_what_is_read() {
    let bench = fixture(50);
    let identity = bench.source.probe().await.unwrap();
    assert_eq!(identity.directory, bench.tenant.tenant_id);
    assert_eq!(identity.default_domain.as_deref(), bench.tenant.verified_domains.first().map(String::as_str));
    let settings = settings(&bench.emulator.root_url(), &bench.tenant.tenant_id);
    let view = |selection: &Selection| GraphSource::new(&settings, selection).unwrap().view;
    assert_eq!(identity.view, view(&everything()));
    let views = [
        everything(),
        selection(&[("User", &["mobile"], &[])]),
        selection(&[("User", &["mobilePhone"], &[])]),
        selection(&[("User", &["mobile"], &["manager"])]),
        selection(&[("Group", &["mobile"], &[])]),
    ];
    let views: BTreeSet<String> = views.iter().map(view).collect();
    assert_eq!(views.len(), 5);
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_watermark_that_is_no_longer_good_asks_for_a_full_read() {
    let bench = fixture(50);
    let at = |text: &str| Checkpoint([&bench.emulator.root_url(), text].concat());
    let stale = [
        at("/v1.0/users/delta?$deltatoken=expired"),
        at("/v1.0/users/delta?$deltatoken=rubbish"),
        Checkpoint("https://elsewhere.example/v1.0/users/delta?$deltatoken=x".into()),
        Checkpoint("no link".into()),
    ];
    for checkpoint in stale {
        for start in [Start::Since(checkpoint.clone()), Start::Resume(checkpoint.clone())] {
            let error = read(&bench.source, "users", start).await.unwrap_err();
            assert_eq!(error.class(), FailureClass::Resync, "{error}");
        }
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_revoked_token_is_replaced_without_a_word() {
    let bench = fixture(50);
    bench.full("users").await;
    bench.emulator.revoke_tokens();
    bench.full("users").await;
    bench.emulator.stop().await;
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_tenant_are_told_apart() {
    let bench = fixture(50);
    let good = settings(&bench.emulator.root_url(), &bench.tenant.tenant_id);
    let wrong_secret = GraphSettings { client_secret: Secret::new("wrong"), ..good.clone() };
    let wrong_tenant = GraphSettings { tenant: "other.example".into(), ..good.clone() };
    for (settings, class) in [(wrong_secret, FailureClass::Credentials), (wrong_tenant, FailureClass::Configuration)] {
        let source = GraphSource::new(&settings, &everything()).unwrap();
        let error = source.probe().await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_receiver_that_goes_away_stops_the_read() {
    let bench = fixture(4);
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let error = bench.source.changes(&feed("users"), Start::Full, sender).await.unwrap_err();
    assert!(matches!(error, SourceError::Stopped { .. }), "{error}");
    bench.emulator.stop().await;
}

#[test]
fn what_cannot_be_read_is_told_before_anything_is_sent() {
    let good = settings("https://graph.example", "t.example");
    let open = settings("http://graph.example", "t.example");
    let users = selection(&[("User", &[], &[])]);
    let cases = [
        (&good, selection(&[("Device", &[], &[])]), "`Device`"),
        (&good, selection(&[("User", &["a,b"], &[])]), "`a,b`"),
        (&good, selection(&[("User", &[], &["members"])]), "`members`"),
        (&open, users.clone(), "plain HTTP"),
    ];
    for (settings, selection, expected) in cases {
        let error = GraphSource::new(settings, &selection).err().unwrap();
        assert_eq!(error.class(), FailureClass::Configuration);
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(GraphSource::new(&GraphSettings { allow_http: true, ..open }, &users).is_ok());
}

/// A server that hands out tokens and answers everything else as told; `{0}` is replaced by its own root.
async fn fake(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (FakeServer, GraphSource) {
    let server = FakeServer::start(move |request: &Request| {
        if request.target.ends_with("/oauth2/v2.0/token") {
            return Reply::json(200, json!({ "access_token": "t", "expires_in": "3599" }));
        }
        let root = ["http://", request.header("host").unwrap_or_default()].concat();
        match answer(request) {
            Reply::Answer { status, headers, body } => {
                Reply::Answer { status, headers, body: body.replace("{0}", &root) }
            }
            reply => reply,
        }
    })
    .await;
    let source = GraphSource::new(&settings(server.url().as_str(), "t.example"), &everything()).unwrap();
    (server, source)
}

#[tokio::test]
async fn hostile_answers_break_the_read_and_nothing_else() {
    let cases = [
        ("garbage", "{\"value\": [{\"id\": \"7\"", "not what it should be"),
        ("no list", "{\"value\": 7, \"@odata.deltaLink\": \"{0}/x\"}", "not what it should be"),
        ("no link", "{\"value\": []}", "exactly one link"),
        (
            "both links",
            "{\"value\": [], \"@odata.nextLink\": \"{0}/a\", \"@odata.deltaLink\": \"{0}/b\"}",
            "exactly one link",
        ),
        ("no id", "{\"value\": [{}], \"@odata.deltaLink\": \"{0}/x\"}", "no valid `id`"),
        ("other host", "{\"value\": [], \"@odata.nextLink\": \"https://evil.example/users\"}", "another server"),
        ("other port", "{\"value\": [], \"@odata.deltaLink\": \"http://127.0.0.1:1/users\"}", "another server"),
        ("itself", "{\"value\": [], \"@odata.nextLink\": \"{0}/v1.0/users/delta?$skiptoken=same\"}", "again and again"),
    ];
    for (name, body, expected) in cases {
        let headers = vec![("content-type", "application/json".to_owned())];
        let (server, source) =
            fake(move |_| Reply::Answer { status: 200, headers: headers.clone(), body: body.to_owned() }).await;
        let error = read(&source, "users", Start::Full).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient, "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(server.requests().len() < 8, "{name}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (_server, source) = fake(|_| Reply::json(200, json!({ "value": ["x".repeat(17 << 20)] }))).await;
    let error = read(&source, "users", Start::Full).await.unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn throttling_is_waited_out_and_bounded() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let (server, source) = fake(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(429, json!({ "error": { "code": "TooManyRequests" } })).with("retry-after", "0"),
        1 => Reply::html(503).with("retry-after", "0"),
        _ => Reply::json(200, json!({ "value": [], "@odata.deltaLink": "{0}/v1.0/users/delta?$deltatoken=1" })),
    })
    .await;
    let (pages, end) = read(&source, "users", Start::Full).await.unwrap();
    assert_eq!((pages.len(), asked.load(Ordering::SeqCst)), (0, 3));
    assert!(end.checkpoint.unwrap().0.starts_with(server.url().as_str()));

    let (server, source) = fake(|_| Reply::empty(429).with("retry-after", "0")).await;
    let error = read(&source, "users", Start::Full).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert_eq!(server.requests().len(), 1 + 5);
}

#[tokio::test]
async fn refusals_have_the_class_the_engine_needs() {
    let refuse = |status: u16, code: &'static str| {
        fake(move |_| Reply::json(status, json!({ "error": { "code": code, "message": "no" } })))
    };
    let cases = [
        (401, "InvalidAuthenticationToken", FailureClass::Credentials, "fresh token"),
        (403, "Authorization_RequestDenied", FailureClass::Configuration, "`User.Read.All`"),
        (400, "Request_BadRequest", FailureClass::Configuration, "400 Request_BadRequest"),
        (501, "NotImplemented", FailureClass::Configuration, "not kept"),
        (302, "", FailureClass::Transient, "302"),
    ];
    for (status, code, class, expected) in cases {
        let (server, source) = refuse(status, code).await;
        let error = read(&source, "users", Start::Full).await.unwrap_err();
        assert_eq!(error.class(), class, "{status}: {error}");
        assert!(error.to_string().contains(expected), "{error}");
        let directory = server.lines().iter().filter(|line| line.contains("/v1.0/")).count();
        assert_eq!(directory, if status == 401 { 2 } else { 1 }, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_outage() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let root = ["http://", &nobody.to_string()].concat();
    let source = GraphSource::new(&settings(&root, "t.example"), &everything()).unwrap();
    assert_eq!(source.probe().await.unwrap_err().class(), FailureClass::Outage);
}
