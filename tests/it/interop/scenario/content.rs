//! What a target should hold or holds, read back by a plain HTTP client that knows nothing of ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::support::gateway::user_name;
use crate::support::program::TOKEN;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a target should hold, or holds: people by `userName`, groups by `displayName` with the names of their members.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) groups: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Person {
    pub(super) display_name: String,
    pub(super) title: String,
    pub(super) active: bool,
    pub(super) mail: Option<String>,
    pub(super) mobile: Option<String>,
    pub(super) locality: Option<String>,
    pub(super) department: Option<String>,
    pub(super) manager: Option<String>,
}

impl Content {
    pub(super) fn person(&mut self, number: usize) -> &mut Person {
        self.people.get_mut(&user_name(number)).expect("a person")
    }
}

/// Reads what a target holds.
pub(super) struct Reader(reqwest::Client);

impl Reader {
    pub(super) fn new() -> Self {
        Self(reqwest::Client::builder().no_proxy().build().expect("a client"))
    }

    /// What stands at this address; without groups where the application has none.
    pub(super) async fn read(&self, base_url: &str, with_groups: bool) -> Content {
        let mut users = self.resources(base_url, "Users").await;
        // Where nobody can be deleted, the users of the probe are still there.
        users.retain(|user| !text(&user["userName"]).starts_with("provisor-probe-"));
        let groups = if with_groups { self.resources(base_url, "Groups").await } else { Vec::new() };
        let names: BTreeMap<&str, &str> =
            users.iter().filter_map(|user| Some((user["id"].as_str()?, user["userName"].as_str()?))).collect();
        let name =
            |id: &Json| names.get(id.as_str().unwrap_or_default()).map_or_else(|| id.to_string(), ToString::to_string);
        let people = by_name(users.iter().map(|user| (text(&user["userName"]), person(user, &name))));
        let members = |group: &Json| match group["members"].as_array() {
            Some(members) => members.iter().map(|member| name(&member["value"])).collect(),
            // Where groups do not show their members, users show their groups.
            None => {
                let belongs = |user: &&Json| {
                    user["groups"].as_array().into_iter().flatten().any(|known| known["value"] == group["id"])
                };
                users.iter().filter(belongs).map(|user| text(&user["userName"])).collect()
            }
        };
        let groups = by_name(groups.iter().map(|group| (text(&group["displayName"]), members(group))));
        Content { people, groups }
    }

    /// All resources of an endpoint, page by page, each read by its id as well: lists may leave attributes out.
    async fn resources(&self, base_url: &str, endpoint: &str) -> Vec<Json> {
        let (mut found, mut listed) = (Vec::new(), 0);
        loop {
            let page = self.get(&format!("{base_url}/{endpoint}?startIndex={}&count=50", listed + 1)).await;
            let page = page.expect("a list");
            let ids: Vec<String> =
                page["Resources"].as_array().into_iter().flatten().map(|resource| text(&resource["id"])).collect();
            for id in &ids {
                found.extend(self.get(&format!("{base_url}/{endpoint}/{id}")).await);
            }
            listed += ids.len();
            if ids.is_empty() || page["totalResults"].as_u64().is_some_and(|total| listed as u64 >= total) {
                return found;
            }
        }
    }

    /// `None` for what a list still shows although it was deleted.
    async fn get(&self, url: &str) -> Option<Json> {
        // Some applications ask who calls.
        let request = self.0.get(url).bearer_auth(TOKEN).header("user-agent", "provisor-tests");
        let response = request.send().await.expect("an answer");
        if response.status() == 404 {
            return None;
        }
        assert!(response.status().is_success(), "{url}: {}", response.status());
        Some(response.json().await.expect("JSON"))
    }
}

/// Twins stay apart: nothing may be there twice.
fn by_name<T>(named: impl Iterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    for (mut name, value) in named {
        while found.contains_key(&name) {
            name.push_str(", again");
        }
        found.insert(name, value);
    }
    found
}

fn person(user: &Json, name: &impl Fn(&Json) -> String) -> Person {
    let part = |attribute: &str, kind: &str, part: &str| {
        let mut values = user[attribute].as_array().into_iter().flatten();
        values.find(|value| value["type"] == kind).and_then(|value| value[part].as_str()).map(str::to_owned)
    };
    let manager = &user[ENTERPRISE]["manager"]["value"];
    Person {
        display_name: text(&user["displayName"]),
        title: text(&user["title"]),
        // Some targets write Booleans as text.
        active: user["active"] == true || user["active"].as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")),
        mail: part("emails", "work", "value"),
        mobile: part("phoneNumbers", "mobile", "value"),
        locality: part("addresses", "work", "locality"),
        department: user[ENTERPRISE]["department"].as_str().map(str::to_owned),
        manager: manager.is_string().then(|| name(manager)),
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A line for each person and each group that is not as expected.
pub(super) fn differences(expected: &Content, found: &Content) -> String {
    let mut lines = Vec::new();
    let names: BTreeSet<&String> = expected.people.keys().chain(found.people.keys()).collect();
    for name in names {
        let (wanted, there) = (expected.people.get(name), found.people.get(name));
        if wanted != there {
            lines.push(format!("  {name} is {there:?}\n    instead of {wanted:?}"));
        }
    }
    let names: BTreeSet<&String> = expected.groups.keys().chain(found.groups.keys()).collect();
    for name in names {
        let (wanted, there) = (expected.groups.get(name), found.groups.get(name));
        if wanted != there {
            lines.push(format!("  {name} is {there:?}\n    instead of {wanted:?}"));
        }
    }
    lines.join("\n")
}
