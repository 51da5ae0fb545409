//! What flows, and when: by the flow type of a mapping, its defaults and gates, and what the target holds already.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use provisor::engine::policy::Policy;
use provisor::engine::{Job, Progress, cycle};
use provisor::model::{CycleState, JobId};
use provisor::scim_server::{self, Dialect, Server};
use provisor::secret::Secret;
use provisor::store::Store;
use provisor::sync_schema::compile;
use provisor::target::{Auth, Protected, ScimSettings, ScimTarget};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::plain_source::PlainSource;
use crate::support::recorder::{Exchange, Recorder};

const TOKEN: &str = "token";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// One job from a plain source into a target, with everything that passes between them written down.
struct World {
    source: Arc<PlainSource>,
    job: Job,
    store: Store,
    target: ScimTarget,
    server: scim_server::Running,
    recorder: Recorder,
    client: reqwest::Client,
}

impl World {
    async fn start(dialect: &str, store: &str, mappings: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut settings = scim_server::Settings::new(([127, 0, 0, 1], 0).into(), Secret::new(TOKEN));
        settings.dialect = Dialect::named(dialect).unwrap();
        let server = Server::start(settings).unwrap();
        let recorder = Recorder::start(&server.base_url());
        let settings = ScimSettings::new(recorder.base_url.parse().unwrap(), Auth::Bearer(Secret::new(TOKEN)));
        let target = ScimTarget::new(settings, Protected::default()).unwrap();
        let document = serde_json::from_value(schema(mappings)).unwrap();
        let schema = compile(&document).runnable().unwrap();
        let job = Job {
            id: JobId::new("job"),
            application: "application".to_owned(),
            schema: Arc::new(schema),
            schema_version: 1,
            policy: Policy::default(),
            full_read: Duration::from_secs(24 * 60 * 60),
            now: Utc::now,
        };
        let store = Store::open(&Secret::new(store), None).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { source: Arc::default(), job, store, target, server, recorder, client }
    }

    /// Runs a cycle in which nothing may go wrong. Returns what passed, without discovery and look-ups.
    async fn cycle(&self) -> Vec<Exchange> {
        self.recorder.take();
        let (progress, _watched) = watch::channel(Progress::default());
        let (job, store, target) = (self.job.clone(), self.store.clone(), self.target.clone());
        let run = cycle::run_cycle(job, store, self.source.clone(), target, CancellationToken::new(), progress);
        let report = tokio::time::timeout(Duration::from_secs(60), run).await.expect("a cycle ends").unwrap();
        let escrows = self.store.escrows(&self.job.id, 10).await.unwrap();
        assert!(report.state == CycleState::Succeeded && escrows.is_empty(), "{report:?} {escrows:?}");
        let about_people = |exchange: &Exchange| {
            exchange.path.starts_with("/Users")
                && !exchange.path.contains("filter=")
                && !exchange.path.contains("count=")
        };
        self.recorder.take().into_iter().filter(about_people).collect()
    }

    async fn administrator(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = [self.server.base_url().as_str(), path].concat();
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn user(&self, name: &str) -> Value {
        let all = self.administrator("GET", "/Users", None).await;
        let users = all["Resources"].as_array().cloned().unwrap_or_default();
        users.into_iter().find(|user| user["userName"] == name).unwrap_or_else(|| panic!("{name} in {all}"))
    }

    /// Somebody else changes the person.
    async fn change(&self, name: &str, changes: Value) {
        let mut user = self.user(name).await;
        let Value::Object(changes) = changes else { panic!("an object") };
        user.as_object_mut().unwrap().extend(changes);
        let path = ["/Users/", user["id"].as_str().unwrap()].concat();
        self.administrator("PUT", &path, Some(user)).await;
    }
}

/// A document with all the attributes that the tests use, terse as people write them.
fn schema(mappings: Value) -> Value {
    let source = ["userPrincipalName", "nick", "title", "kind", "region", "pin"];
    let text = |name: &str| json!({ "name": name, "type": "String", "flowNullValues": name == "title" });
    let mut source: Vec<Value> = source.into_iter().map(text).collect();
    source.push(json!({ "name": "objectId", "type": "String", "anchor": true }));
    source.push(json!({ "name": "appRoleAssignments", "type": "String", "multivalued": true }));
    let target = ["userName", "displayName", "nickName", "title", "userType", "locale", "password"];
    let mut target: Vec<Value> = target.into_iter().map(|name| json!({ "name": name, "type": "String" })).collect();
    target.push(json!({ "name": "id", "type": "String", "anchor": true }));
    target.push(json!({ "name": "roles", "type": "String", "multivalued": true }));
    target.push(json!({ "name": "roles[primary eq \"True\"].value", "type": "String" }));
    let Value::Array(mut all) = mappings else { panic!("a list") };
    all.push(mapping("userName", "[userPrincipalName]", json!({ "matchingPriority": 1 })));
    json!({
        "id": "flow", "version": "1",
        "directories": [
            { "id": "s", "name": "Plain", "objects": [{ "name": "User", "attributes": source }] },
            { "id": "t", "name": "Target", "objects": [{ "name": USER, "attributes": target }] },
        ],
        "synchronizationRules": [{
            "id": "r", "name": "r", "priority": 1,
            "sourceDirectoryName": "Plain", "targetDirectoryName": "Target",
            "objectMappings": [{
                "name": "people", "enabled": true, "flowTypes": "Add, Update, Delete",
                "sourceObjectName": "User", "targetObjectName": USER, "attributeMappings": all,
            }],
        }],
    })
}

fn mapping(target: &str, expression: &str, more: Value) -> Value {
    let kind = if expression.starts_with('[') { "Attribute" } else { "Function" };
    let mut mapping = json!({
        "targetAttributeName": target,
        "source": { "type": kind, "expression": expression, "name": expression.trim_matches(['[', ']']) },
    });
    mapping.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    mapping
}

fn role(id: &str, value: &str) -> Value {
    json!({ "$record": { "id": id, "value": value, "displayName": value.to_uppercase() } })
}

/// The methods of what passed, and the operations of PATCH requests.
fn told(exchanges: &[Exchange]) -> Vec<String> {
    let one = |exchange: &Exchange| match exchange.body.as_ref().and_then(|body| body["Operations"].as_array()) {
        Some(operations) => operations
            .iter()
            .map(|operation| {
                [operation["op"].as_str().unwrap(), " ", operation["path"].as_str().unwrap_or("")].concat()
            })
            .collect::<Vec<_>>()
            .join(", "),
        None => exchange.method.clone(),
    };
    exchanges.iter().map(one).collect()
}

fn values(user: &Value, attribute: &str) -> Vec<String> {
    let values = user[attribute].as_array().cloned().unwrap_or_default();
    let mut values: Vec<String> =
        values.iter().map(|value| value["value"].as_str().unwrap_or("?").to_owned()).collect();
    values.sort();
    values
}

#[tokio::test]
async fn added_roles_stand_beside_those_that_others_granted() {
    for dialect in ["standard", "no-patch"] {
        let roles = mapping("roles", "AppRoleAssignmentsComplex([appRoleAssignments])", json!({}));
        let world = World::start(dialect, "sqlite::memory:", json!([roles])).await;
        let ada =
            |roles: Vec<Value>| json!({ "objectId": "a", "userPrincipalName": "ada", "appRoleAssignments": roles });
        world.source.give("a", ada(vec![role("1", "rw")]));
        let sent = world.cycle().await;
        let expected =
            json!([{ "display": "RW", "primary": false, "type": "WindowsAzureActiveDirectoryRole", "value": "rw" }]);
        assert_eq!(sent[0].body.as_ref().unwrap()["roles"], expected, "{dialect}");
        let theirs = json!([expected[0], { "value": "theirs" }]);
        world.change("ada", json!({ "roles": theirs })).await;
        world.source.give("a", ada(vec![role("1", "rw"), role("2", "ro")]));
        let sent = world.cycle().await;
        if dialect == "standard" {
            assert_eq!(told(&sent), ["add roles"]);
            assert_eq!(sent[0].body.as_ref().unwrap()["Operations"][0]["value"].as_array().map(Vec::len), Some(1));
        }
        assert_eq!(values(&world.user("ada").await, "roles"), ["ro", "rw", "theirs"], "{dialect}");
        world.source.give("a", ada(vec![role("2", "ro")]));
        assert_eq!(told(&world.cycle().await), [""; 0], "{dialect}: nothing is taken away");
        assert_eq!(values(&world.user("ada").await, "roles"), ["ro", "rw", "theirs"], "{dialect}");
    }
}

#[tokio::test]
async fn stated_roles_replace_all_others_down_to_none() {
    for dialect in ["standard", "no-patch"] {
        let roles = mapping("roles", "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", json!({}));
        let world = World::start(dialect, "sqlite::memory:", json!([roles])).await;
        let ada =
            |roles: Vec<Value>| json!({ "objectId": "a", "userPrincipalName": "ada", "appRoleAssignments": roles });
        world.source.give("a", ada(vec![role("1", "rw"), role("2", "ro")]));
        world.cycle().await;
        world.change("ada", json!({ "roles": [{ "value": "rw" }, { "value": "ro" }, { "value": "theirs" }] })).await;
        world.source.give("a", ada(vec![role("2", "ro")]));
        world.cycle().await;
        assert_eq!(values(&world.user("ada").await, "roles"), ["ro"], "{dialect}");
        world.source.give("a", ada(Vec::new()));
        world.cycle().await;
        assert_eq!(values(&world.user("ada").await, "roles"), [""; 0], "{dialect}");
        assert_eq!(told(&world.cycle().await), [""; 0], "{dialect}");
    }
}

#[tokio::test]
async fn the_one_role_is_a_primary_one_with_its_type() {
    let roles = mapping("roles[primary eq \"True\"].value", "SingleAppRoleAssignment([appRoleAssignments])", json!({}));
    let world = World::start("standard", "sqlite::memory:", json!([roles])).await;
    let person = |name: &str, roles: Vec<Value>| json!({ "objectId": name, "userPrincipalName": name, "appRoleAssignments": roles });
    world.source.give("a", person("ada", vec![role("2", "ro"), role("1", "rw")]));
    world.source.give("b", person("bob", Vec::new()));
    world.cycle().await;
    let expected = json!([{ "primary": true, "type": "WindowsAzureActiveDirectoryRole", "value": "RW" }]);
    assert_eq!(world.user("ada").await["roles"], expected);
    assert!(world.user("bob").await["roles"].is_null(), "no role, no element");
    world.source.give("a", person("ada", vec![role("2", "ro")]));
    assert_eq!(told(&world.cycle().await), ["replace roles[primary eq \"True\"].value"]);
    assert_eq!(values(&world.user("ada").await, "roles"), ["RO"]);
}

#[tokio::test]
async fn what_only_fills_looks_first_and_never_replaces() {
    for dialect in ["standard", "no-patch"] {
        let nick = mapping("nickName", "[nick]", json!({ "flowType": "AttributeAddOnly" }));
        let world = World::start(dialect, "sqlite::memory:", json!([nick])).await;
        let person = |name: &str, nick: Option<&str>| match nick {
            Some(nick) => json!({ "objectId": name, "userPrincipalName": name, "nick": nick }),
            None => json!({ "objectId": name, "userPrincipalName": name }),
        };
        world.source.give("a", person("ada", None));
        world.source.give("b", person("bob", None));
        world.cycle().await;
        world.change("ada", json!({ "nickName": "theirs" })).await;
        world.source.give("a", person("ada", Some("ours")));
        world.source.give("b", person("bob", Some("ours")));
        world.cycle().await;
        assert_eq!(world.user("ada").await["nickName"], "theirs", "{dialect}");
        assert_eq!(world.user("bob").await["nickName"], "ours", "{dialect}");
        world.source.give("b", person("bob", Some("other")));
        assert_eq!(told(&world.cycle().await), [""; 0], "{dialect}: what was filled is not even looked at again");
        assert_eq!(world.user("bob").await["nickName"], "ours", "{dialect}");
    }
}

#[tokio::test]
async fn a_default_without_a_source_fills_in_whom_it_finds() {
    let kind = json!({ "targetAttributeName": "userType", "defaultValue": "Employee" });
    let world = World::start("standard", "sqlite::memory:", json!([kind])).await;
    for (name, kind) in [("ada", json!(null)), ("bob", json!("Guest"))] {
        world
            .administrator("POST", "/Users", Some(json!({ "schemas": [USER], "userName": name, "userType": kind })))
            .await;
    }
    for name in ["ada", "bob", "eve"] {
        world.source.give(name, json!({ "objectId": name, "userPrincipalName": name }));
    }
    world.cycle().await;
    for (name, kind) in [("ada", "Employee"), ("bob", "Guest"), ("eve", "Employee")] {
        assert_eq!(world.user(name).await["userType"], kind, "{name}");
    }
    world.change("eve", json!({ "userType": "Guest" })).await;
    world.source.give("eve", json!({ "objectId": "eve", "userPrincipalName": "eve", "kind": "x" }));
    world.cycle().await;
    assert_eq!(world.user("eve").await["userType"], "Guest", "filled once");
}

#[tokio::test]
async fn a_value_that_goes_clears_the_target_behind_both_gates_alone() {
    for dialect in ["standard", "no-patch"] {
        let gates = mapping("title", "[title]", json!({ "flowNullValues": true }));
        let gate_of_the_mapping = mapping("nickName", "[nick]", json!({ "flowNullValues": true }));
        let no_gate = mapping("locale", "[region]", json!({}));
        let world = World::start(dialect, "sqlite::memory:", json!([gates, gate_of_the_mapping, no_gate])).await;
        let all = json!({ "objectId": "a", "userPrincipalName": "ada", "title": "T", "nick": "N", "region": "R" });
        world.source.give("a", all);
        world.cycle().await;
        world.source.give("a", json!({ "objectId": "a", "userPrincipalName": "ada" }));
        let sent = world.cycle().await;
        if dialect == "standard" {
            assert_eq!(told(&sent), ["remove title"]);
        }
        let ada = world.user("ada").await;
        assert_eq!(
            (&ada["title"], &ada["nickName"], &ada["locale"]),
            (&json!(null), &json!("N"), &json!("R")),
            "{dialect}"
        );
        assert_eq!(told(&world.cycle().await), [""; 0], "{dialect}");
    }
}

#[tokio::test]
async fn what_flows_always_goes_with_every_look_at_the_object() {
    let always = mapping("displayName", "[nick]", json!({ "flowBehavior": "FlowAlways" }));
    // Reads an attribute and gives nothing of it.
    let reads = mapping("locale", "IIF(IsPresent([kind]), \"en\", \"en\")", json!({}));
    let world = World::start("standard", "sqlite::memory:", json!([always, reads])).await;
    let ada = |kind: &str| json!({ "objectId": "a", "userPrincipalName": "ada", "nick": "N", "kind": kind });
    world.source.give("a", ada("1"));
    world.cycle().await;
    assert_eq!(told(&world.cycle().await), [""; 0], "nobody looked at her");
    world.change("ada", json!({ "displayName": "theirs" })).await;
    world.source.give("a", ada("2"));
    assert_eq!(told(&world.cycle().await), ["replace displayName"]);
    assert_eq!(world.user("ada").await["displayName"], "N");
}

#[tokio::test]
async fn a_redacted_value_is_in_no_file_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = mapping("password", "Redact(RandomString(24, 2, 2, 2, 2))", json!({ "flowType": "ObjectAddOnly" }));
    let shown = mapping("displayName", "Redact(Append(\"hushed-\", [nick]))", json!({}));
    let plain = mapping("title", "Append(\"plain-\", [nick])", json!({}));
    let path = folder.path().join("store.db");
    let url = ["sqlite:", path.to_str().unwrap()].concat();
    let world = World::start("standard", &url, json!([drawn, shown, plain])).await;
    let ada = |nick: &str| json!({ "objectId": "a", "userPrincipalName": "ada", "nick": nick });
    world.source.give("a", ada("N1"));
    let sent = world.cycle().await;
    let password = sent[0].body.as_ref().unwrap()["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 24);
    world.source.give("a", ada("N2"));
    assert_eq!(told(&world.cycle().await), ["replace displayName, replace title"]);
    assert_eq!(world.user("ada").await["displayName"], "hushed-N2");
    world.source.give("a", json!({ "objectId": "a", "userPrincipalName": "ada", "nick": "N2", "pin": "1" }));
    assert_eq!(told(&world.cycle().await), [""; 0], "what is hashed is not sent again");
    drop(world);
    let mut kept = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("plain-N2"), "the store was looked at");
    assert!(!holds(&password) && !holds("hushed-N"), "a redacted value is kept");
}
