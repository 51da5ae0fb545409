//! The model: a company whose people and groups change at random, and what an application should hold of it.
//!
//! It knows what it told the directory, and nothing of how the program works.

use std::collections::{BTreeMap, BTreeSet};

use provisor::graph_emulator::{GroupRecord, Staged, Tenant, UserRecord};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::gateway::{group_id, object, tenant_of, user_id};

const PEOPLE: usize = 180;
const GROUPS: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Employed,
    /// In the recycle bin.
    Left,
    Purged,
}

#[derive(Clone, Debug)]
struct Person {
    /// The id in the directory; a joiner's is asked for once the directory has given it.
    id: Option<String>,
    name: String,
    display: String,
    title: String,
    enabled: bool,
    state: State,
    manager: Option<usize>,
    /// True once an application in step with the directory has to hold the person.
    was_provisioned: bool,
}

#[derive(Clone, Debug)]
struct Group {
    name: String,
    members: BTreeSet<usize>,
    exists: bool,
}

pub(crate) struct Company {
    random: StdRng,
    people: BTreeMap<usize, Person>,
    groups: BTreeMap<usize, Group>,
    /// Names of people who are gone for good: the next joiner may get one.
    free_names: Vec<String>,
    named: usize,
    /// The last promotion, with the title before, and the last membership: what somebody may think better of.
    promoted: Option<(usize, String)>,
    joined: Option<(usize, usize)>,
}

impl Company {
    pub(crate) fn found(seed: u64) -> Self {
        let mut company = Self {
            random: StdRng::seed_from_u64(seed),
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            free_names: Vec::new(),
            named: 0,
            promoted: None,
            joined: None,
        };
        for number in 1..=PEOPLE {
            let mut person = company.person(None);
            person.id = Some(user_id(number));
            person.enabled = company.random.random_ratio(19, 20);
            person.manager = company.random.random_bool(0.5).then(|| company.random.random_range(1..=PEOPLE));
            company.people.insert(number, person);
        }
        for number in 1..=GROUPS {
            let size = company.random.random_range(0..20);
            let members = (1..=PEOPLE).choose_multiple(&mut company.random, size).into_iter().collect();
            company.groups.insert(number, Group { name: format!("Group {number}"), members, exists: true });
        }
        company
    }

    fn person(&mut self, name: Option<String>) -> Person {
        self.named += 1;
        let number = self.named;
        Person {
            id: None,
            name: name.unwrap_or_else(|| format!("p{number}@example.org")),
            display: format!("Person {number}"),
            title: "Clerk".to_owned(),
            enabled: true,
            state: State::Employed,
            manager: None,
            was_provisioned: false,
        }
    }

    /// The directory as it begins.
    pub(crate) fn tenant(&self) -> Tenant {
        let mut tenant = tenant_of(0);
        tenant.users = self
            .people
            .iter()
            .map(|(number, person)| UserRecord {
                id: user_id(*number),
                manager: person.manager.map(user_id),
                properties: object(properties(*number, person)),
            })
            .collect();
        tenant.groups = self
            .groups
            .iter()
            .map(|(number, group)| GroupRecord {
                id: group_id(*number),
                members: group.members.iter().copied().map(user_id).collect(),
                properties: object(json!({
                    "displayName": group.name, "mailNickname": format!("g{number}"),
                    "securityEnabled": true, "mailEnabled": false, "groupTypes": [],
                })),
            })
            .collect();
        tenant
    }

    /// Something happens in the company.
    pub(crate) fn change(&mut self) -> Option<Staged> {
        match self.random.random_range(0..23) {
            0..=3 => self.promotion(),
            20 => self.demotion(),
            21 | 22 => self.second_thoughts(),
            4 => self.marriage(),
            5 => self.lock_or_unlock(),
            6 | 7 => self.departure(),
            8 => self.return_of_a_leaver(),
            9 => self.purge(),
            10 | 11 => self.joiner(),
            12..=16 => self.membership(),
            17 => self.new_manager(),
            18 => self.new_name_of_a_group(),
            _ => self.end_of_a_group(),
        }
    }

    /// Who joined and has no id yet: the name that the directory knows, and where to put the id.
    pub(crate) fn without_id(&mut self) -> Vec<(String, &mut Option<String>)> {
        let employed = |person: &&mut Person| person.id.is_none() && person.state == State::Employed;
        self.people.values_mut().filter(employed).map(|person| (person.name.clone(), &mut person.id)).collect()
    }

    /// The application is in step with the directory now.
    pub(crate) fn in_step(&mut self) {
        for person in self.people.values_mut().filter(|person| person.state == State::Employed && person.enabled) {
            person.was_provisioned = true;
        }
    }

    fn pick(&mut self, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        let fitting = self.people.iter().filter(|(_, person)| person.id.is_some() && fits(person));
        fitting.map(|(number, _)| *number).choose(&mut self.random)
    }

    fn employed(&mut self) -> Option<usize> {
        self.pick(|person| person.state == State::Employed)
    }

    fn promotion(&mut self) -> Option<Staged> {
        let number = self.employed()?;
        let title = format!("Rank {}", self.random.random_range(0..1000));
        let person = self.people.get_mut(&number)?;
        self.promoted = Some((number, std::mem::replace(&mut person.title, title.clone())));
        Some(Staged::Update { user: person.id.clone()?, properties: object(json!({ "jobTitle": title })) })
    }

    /// The title before the last promotion: a cycle that was killed may have sent the one between.
    fn demotion(&mut self) -> Option<Staged> {
        let (number, title) = self.promoted.take()?;
        let person = self.people.get_mut(&number).filter(|person| person.state == State::Employed)?;
        person.title.clone_from(&title);
        Some(Staged::Update { user: person.id.clone()?, properties: object(json!({ "jobTitle": title })) })
    }

    /// A new name, by which the application finds people.
    fn marriage(&mut self) -> Option<Staged> {
        let number = self.employed()?;
        self.named += 1;
        let (name, display) = (format!("p{}@example.org", self.named), format!("Person {}", self.named));
        let person = self.people.get_mut(&number)?;
        (person.name, person.display) = (name.clone(), display.clone());
        let properties = object(json!({ "userPrincipalName": name, "displayName": display }));
        Some(Staged::Update { user: person.id.clone()?, properties })
    }

    fn lock_or_unlock(&mut self) -> Option<Staged> {
        let number = self.employed()?;
        let person = self.people.get_mut(&number)?;
        person.enabled = !person.enabled;
        let properties = object(json!({ "accountEnabled": person.enabled }));
        Some(Staged::Update { user: person.id.clone()?, properties })
    }

    fn departure(&mut self) -> Option<Staged> {
        let number = self.employed()?;
        let person = self.people.get_mut(&number)?;
        person.state = State::Left;
        Some(Staged::Leave { user: person.id.clone()? })
    }

    fn return_of_a_leaver(&mut self) -> Option<Staged> {
        let number = self.pick(|person| person.state == State::Left)?;
        let person = self.people.get_mut(&number)?;
        person.state = State::Employed;
        Some(Staged::Restore { user: person.id.clone()? })
    }

    fn purge(&mut self) -> Option<Staged> {
        let number = self.pick(|person| person.state == State::Left)?;
        for group in self.groups.values_mut() {
            group.members.remove(&number);
        }
        let person = self.people.get_mut(&number)?;
        person.state = State::Purged;
        self.free_names.push(person.name.clone());
        Some(Staged::Purge { user: person.id.clone()? })
    }

    /// Somebody new, under the name of somebody who is gone where there is one.
    fn joiner(&mut self) -> Option<Staged> {
        let name = self.free_names.pop();
        let person = self.person(name);
        let number = PEOPLE + self.named;
        let properties = object(properties(number, &person));
        self.people.insert(number, person);
        Some(Staged::Join { properties, groups: Vec::new() })
    }

    fn membership(&mut self) -> Option<Staged> {
        let (group, member) = (self.some_group()?, self.employed()?);
        self.joined = Some((group, member));
        self.toggle(group, member)
    }

    /// Whoever was put into a group last is taken out of it, or the other way round.
    fn second_thoughts(&mut self) -> Option<Staged> {
        let (group, member) = self.joined?;
        let is_possible = self.groups[&group].exists && self.people[&member].state == State::Employed;
        if is_possible { self.toggle(group, member) } else { None }
    }

    fn toggle(&mut self, group: usize, member: usize) -> Option<Staged> {
        let id = self.people[&member].id.clone()?;
        let members = &mut self.groups.get_mut(&group)?.members;
        if members.remove(&member) {
            return Some(Staged::RemoveMember { group: group_id(group), member: id });
        }
        members.insert(member);
        Some(Staged::AddMember { group: group_id(group), member: id })
    }

    fn new_manager(&mut self) -> Option<Staged> {
        let (number, manager) = (self.employed()?, self.employed()?);
        let manager_id = self.people[&manager].id.clone();
        let person = self.people.get_mut(&number)?;
        let is_same = person.manager == Some(manager);
        person.manager = (!is_same).then_some(manager);
        Some(Staged::SetManager { user: person.id.clone()?, manager: manager_id.filter(|_| !is_same) })
    }

    fn some_group(&mut self) -> Option<usize> {
        self.groups.iter().filter(|(_, group)| group.exists).map(|(number, _)| *number).choose(&mut self.random)
    }

    fn new_name_of_a_group(&mut self) -> Option<Staged> {
        let number = self.some_group()?;
        self.named += 1;
        let name = format!("Group {}", self.named + GROUPS);
        self.groups.get_mut(&number)?.name.clone_from(&name);
        Some(Staged::UpdateGroup { group: group_id(number), properties: object(json!({ "displayName": name })) })
    }

    fn end_of_a_group(&mut self) -> Option<Staged> {
        let number = self.some_group()?;
        self.groups.get_mut(&number)?.exists = false;
        Some(Staged::DeleteGroup { group: group_id(number) })
    }

    /// Everything in which the application differs from what it should hold.
    pub(crate) fn differences(&self, users: &[Value], groups: &[Value]) -> Vec<String> {
        let mut differences = Vec::new();
        let mut held: BTreeMap<&str, &Value> = BTreeMap::new();
        for user in users {
            let key = user["externalId"].as_str().unwrap_or("nothing");
            if held.insert(key, user).is_some() {
                differences.push(format!("{key} is there twice"));
            }
        }
        for (number, person) in &self.people {
            let key = format!("k{number}");
            let user = held.remove(key.as_str());
            differences.extend(person.differences(&key, user, |manager| self.expected_manager(manager, users)));
        }
        differences.extend(held.keys().map(|key| format!("{key} is nobody of the company")));
        differences.extend(self.differences_of_groups(users, groups));
        differences
    }

    /// The resource of a manager; `None` where nobody can expect one.
    fn expected_manager(&self, number: usize, users: &[Value]) -> Option<String> {
        let is_employed = self.people[&number].state == State::Employed;
        resource_of(users, number).filter(|_| is_employed)
    }

    fn differences_of_groups(&self, users: &[Value], groups: &[Value]) -> Vec<String> {
        let mut differences = Vec::new();
        let mut held: BTreeMap<&str, &Value> = BTreeMap::new();
        for group in groups {
            if held.insert(group["displayName"].as_str().unwrap_or_default(), group).is_some() {
                differences.push(format!("two groups are called {}", group["displayName"]));
            }
        }
        for group in self.groups.values().filter(|group| group.exists) {
            let Some(resource) = held.remove(group.name.as_str()) else {
                differences.push(format!("{} is missing", group.name));
                continue;
            };
            let members = resource["members"].as_array().cloned().unwrap_or_default();
            let members: BTreeSet<String> =
                members.iter().map(|member| member["value"].as_str().unwrap_or_default().to_owned()).collect();
            for (number, person) in &self.people {
                // What becomes of the membership of somebody who left is for the directory to say.
                let Some(id) = resource_of(users, *number).filter(|_| person.state == State::Employed) else {
                    continue;
                };
                match (group.members.contains(number), members.contains(&id)) {
                    (true, false) => differences.push(format!("k{number} is missing in {}", group.name)),
                    (false, true) => differences.push(format!("k{number} is no member of {}", group.name)),
                    _ => {}
                }
            }
            let known: BTreeSet<&str> = users.iter().filter_map(|user| user["id"].as_str()).collect();
            let dead = members.iter().filter(|id| !known.contains(id.as_str())).count();
            if dead > 0 {
                differences.push(format!("{} has {dead} members who are nobody", group.name));
            }
        }
        differences.extend(held.keys().map(|name| format!("{name} should not be there")));
        differences
    }
}

impl Person {
    fn differences(&self, key: &str, user: Option<&Value>, manager: impl Fn(usize) -> Option<String>) -> Vec<String> {
        let is_wanted = self.state == State::Employed && self.enabled;
        let Some(user) = user else {
            let is_missed = self.state != State::Purged && (is_wanted || self.was_provisioned);
            return is_missed.then(|| format!("{key} is missing ({self:?})")).into_iter().collect();
        };
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: &Value, expected: Value| {
            if *found != expected {
                differences.push(format!("{key}: {what} is {found}, not {expected} ({self:?})"));
            }
        };
        match self.state {
            State::Purged => compare("resource", &user["id"], Value::Null),
            State::Left => compare("active", &user["active"], json!(false)),
            State::Employed => {
                compare("active", &user["active"], json!(self.enabled));
                compare("userName", &user["userName"], json!(self.name));
                compare("displayName", &user["displayName"], json!(self.display));
                compare("title", &user["title"], json!(self.title));
                let found = &user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"];
                match self.manager {
                    None => compare("manager", found, Value::Null),
                    Some(number) => {
                        if let Some(expected) = manager(number) {
                            compare("manager", found, json!(expected));
                        }
                    }
                }
            }
        }
        differences
    }
}

fn properties(number: usize, person: &Person) -> Value {
    json!({
        "userPrincipalName": person.name, "displayName": person.display, "jobTitle": person.title,
        "mailNickname": format!("k{number}"), "accountEnabled": person.enabled,
    })
}

fn resource_of(users: &[Value], number: usize) -> Option<String> {
    let key = json!(format!("k{number}"));
    users.iter().find(|user| user["externalId"] == key).and_then(|user| user["id"].as_str()).map(str::to_owned)
}
