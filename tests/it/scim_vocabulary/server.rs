//! The server over its sockets does what the plain interpretation says, for documents and for members kept as rows.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::reference::{Change, Person};
use crate::support::program::{TOKEN, Target};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

struct Server {
    target: Target,
    client: Client,
}

impl Server {
    fn start() -> Self {
        provisor::net::install_crypto_provider();
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { target: Target::start("standard"), client }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.target.base_url)).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn create(&self, path: &str, body: &Value) -> String {
        let (status, created) = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, 201, "{created}");
        created["id"].as_str().expect("an id").to_owned()
    }

    async fn patch(&self, path: &str, operations: &[Value]) -> (u16, Value) {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.call(Method::PATCH, path, Some(&body)).await
    }
}

#[tokio::test]
async fn a_users_patch_is_what_the_plain_interpretation_says() {
    let server = Server::start();
    for seed in 0..150 {
        let mut random = StdRng::seed_from_u64(seed);
        let person = Person::random(&mut random);
        let id = server.create("/Users", &person.json()).await;
        let path = format!("/Users/{id}");
        let changes: Vec<_> = (0..random.random_range(1..4)).map(|_| Change::random(&mut random)).collect();
        let operations: Vec<_> = changes.iter().map(|change| change.json(&mut random)).collect();
        let (status, answer) = server.patch(&path, &operations).await;
        let (stored_status, stored) = server.call(Method::GET, &path, None).await;
        assert_eq!(stored_status, 200);
        let expected = match person.changed(&changes) {
            Ok(changed) => {
                assert!(matches!(status, 200 | 204), "seed {seed}: {status} {answer}");
                changed
            }
            Err(refusal) => {
                assert_eq!((status, answer["scimType"].as_str()), (400, Some(refusal)), "seed {seed}: {operations:?}");
                person
            }
        };
        assert_eq!(plain(stored), plain(expected.json()), "seed {seed}: {operations:?}");
        server.call(Method::DELETE, &path, None).await;
    }
}

/// Without what the server itself adds.
fn plain(mut user: Value) -> Value {
    let map = user.as_object_mut().expect("an object");
    map.remove("id");
    map.remove("meta");
    for (name, value) in map.iter_mut() {
        if let (true, Some(manager)) = (name.starts_with("urn:"), value.get_mut("manager")) {
            *manager = json!({"value": manager["value"]});
        }
    }
    user
}

#[tokio::test]
async fn a_groups_members_are_what_a_set_would_be() {
    let server = Server::start();
    let mut users = Vec::new();
    for number in 0..8 {
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}")});
        users.push(server.create("/Users", &body).await);
    }
    let group = server.create("/Groups", &json!({"schemas": [GROUP], "displayName": "G"})).await;
    let path = format!("/Groups/{group}");
    let mut members: BTreeSet<String> = BTreeSet::new();
    for seed in 0..150 {
        let mut random = StdRng::seed_from_u64(seed);
        let operations: Vec<_> =
            (0..random.random_range(1..4)).map(|_| member_change(&users, &mut members, &mut random)).collect();
        let (status, answer) = server.patch(&path, &operations).await;
        assert!(matches!(status, 200 | 204), "seed {seed}: {status} {answer} {operations:?}");
        let (_, stored) = server.call(Method::GET, &path, None).await;
        let stored: Vec<String> = stored["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| member["value"].as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(stored.len(), members.len(), "seed {seed}: {operations:?}");
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), members, "seed {seed}: {operations:?}");
    }
}

/// One operation on members, carried out on the set.
fn member_change(users: &[String], members: &mut BTreeSet<String>, random: &mut StdRng) -> Value {
    let some: Vec<String> = users.choose_multiple(random, 3).cloned().collect();
    let list: Vec<Value> = some.iter().map(|id| json!({"value": id})).collect();
    let one = &some[0];
    match random.random_range(0..8) {
        0 | 1 => {
            members.extend(some);
            json!({"op": "add", "path": "members", "value": list})
        }
        2 => {
            members.insert(one.clone());
            json!({"op": "Add", "value": {"members": [{"value": one}]}})
        }
        3 => {
            *members = some.into_iter().collect();
            json!({"op": "replace", "path": "members", "value": list})
        }
        4 => {
            members.remove(one);
            let path = ["members[value eq \"", one, "\"]"].concat();
            json!({"op": "remove", "path": path})
        }
        5 => {
            members.retain(|member| !some.contains(member));
            json!({"op": "Remove", "path": "members", "value": list})
        }
        6 => {
            members.retain(|member| *member != some[0] && *member != some[1]);
            let path = ["members[value eq \"", &some[0], "\" or value eq \"", &some[1], "\"]"].concat();
            json!({"op": "remove", "path": path})
        }
        _ if random.random_bool(0.3) => {
            members.clear();
            json!({"op": "remove", "path": "members"})
        }
        _ => {
            members.insert(one.clone());
            json!({"op": "add", "path": "members", "value": {"value": one}})
        }
    }
}
