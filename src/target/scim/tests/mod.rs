mod accepting;
mod bulk;
mod changing;
mod creating;
mod discovering;
mod listing;
mod membership;
mod protecting;
mod reading;
mod replacing;
mod settling_in;
mod strict;
mod tokens;
mod waiting;

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::paging::PageStart;
use super::write::{MemberChange, ResourceChange};
use super::*;
use crate::model::{AttributeChange, FailureClass, TargetPath};
use crate::net::fake_server::{self, FakeServer, Reply, TestAuthority};
use crate::net::{Backoff, ProxyChoice};
use crate::scim::{AttributePath, Resource};
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

fn disable() -> ResourceChange {
    attributes(&[("active", json!(false))])
}

/// Sets these attributes.
fn attributes(changes: &[(&str, Value)]) -> ResourceChange {
    let change = |(path, value): &(&str, Value)| AttributeChange::set(TargetPath::new(*path), value.clone());
    let changes: Vec<AttributeChange> = changes.iter().map(change).collect();
    ResourceChange { attributes: write::attribute_operations(&changes).unwrap(), ..ResourceChange::default() }
}

/// Adds and removes these members.
fn members(added: &[&str], removed: &[&str]) -> ResourceChange {
    let ids = |ids: &[&str]| ids.iter().map(|&text| id(text)).collect();
    let members = vec![MemberChange { path: path("members"), added: ids(added), removed: ids(removed) }];
    ResourceChange { members, ..ResourceChange::default() }
}

/// A target with what an operator knows of it.
fn profiled(server: &FakeServer, profile: Value) -> ScimTarget {
    let profile: ProfileOverrides = serde_json::from_value(profile).unwrap();
    target_with(ScimSettings { profile, ..settings(server) }, Protected::default())
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

/// The member values that the operations of a PATCH add and remove.
fn named(body: &Value) -> (Vec<String>, Vec<String>) {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for operation in body["Operations"].as_array().unwrap() {
        let values = operation["value"].as_array().cloned().unwrap_or_default();
        let values = values.iter().map(|value| value["value"].as_str().unwrap().to_owned());
        match (operation["op"].as_str().unwrap(), operation["path"].as_str()) {
            ("add", Some("members")) => added.extend(values),
            ("remove", Some("members")) => removed.extend(values),
            ("remove", Some(path)) => removed.extend(path.split('"').nth(1).map(str::to_owned)),
            other => panic!("{other:?}"),
        }
    }
    (added, removed)
}

fn ids(resources: &[Resource]) -> Vec<&str> {
    resources.iter().filter_map(Resource::id).collect()
}
