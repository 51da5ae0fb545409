//! A year in an organisation, driven by the program from a Graph tenant into any SCIM target.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use provisor::graph_emulator::{self, Emulator, Staged};
use provisor::secret::Secret;
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value as Json, json};

use content::{Content, Person, Reader, differences};

use crate::support::gateway::{group, group_id, leave, object, purge, tenant_of, update, user_id, user_name};
use crate::support::program::TOKEN;
use crate::support::provisor::Workplace;

const PEOPLE: usize = 12;
const LONGEST_LAG: Duration = Duration::from_secs(5);
const CLIENT: &str = "gateway";
const NEWCOMER: &str = "newcomer@example.org";

/// What a target cannot hold whatever is sent, so that it is not expected of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) no_groups: bool,
    /// After a user was created, only `active` changes; managers come after their people.
    pub(super) only_active_changes: bool,
    /// No phone numbers and no addresses.
    pub(super) no_contacts: bool,
    /// What a PUT leaves out stays as it is.
    pub(super) nothing_is_cleared: bool,
    /// A user who is disabled is deleted.
    pub(super) disabled_are_gone: bool,
    /// A user who is deleted stays, disabled.
    pub(super) deleted_stay: bool,
}

pub(super) struct Scenario {
    source: graph_emulator::Running,
    runtime: tokio::runtime::Runtime,
    reader: Reader,
    workplace: Workplace,
    limits: Limits,
    expected: Content,
    /// Everybody as created.
    created: BTreeMap<String, Person>,
    /// Who was deleted, as last seen.
    deleted: BTreeMap<String, Person>,
}

impl Scenario {
    /// A tenant with its people and groups; nothing is provisioned yet.
    pub(super) fn start(limits: Limits) -> Self {
        provisor::net::install_crypto_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut tenant = tenant_of(PEOPLE);
        tenant.users[2].manager = Some(user_id(1));
        tenant.users[3].manager = Some(user_id(3));
        for (index, user) in tenant.users.iter_mut().enumerate() {
            user.properties.extend(object(names(index + 1)));
        }
        tenant.users[0].properties.extend(object(json!({
            "displayName": "Zoë \"Ace\" O'Brien\\Smith", "mail": "zoe@example.org", "mobilePhone": "+49 151 1234567",
            "city": "Nürnberg", "department": "R&D; 研究",
        })));
        tenant.groups = vec![group(1, 1..=PEOPLE), group(2, 1..=5), group(3, []), group(4, [1, 2])];
        tenant.groups[1].properties.insert("displayName".to_owned(), json!("Engineers, \"core\" + Süd"));

        let mut expected = Content::default();
        for number in 1..=PEOPLE {
            let person = Person {
                display_name: format!("User {number}"),
                title: "Engineer".to_owned(),
                active: true,
                mail: Some(mail(number)),
                ..Person::default()
            };
            expected.people.insert(user_name(number), person);
        }
        expected.person(1).display_name = "Zoë \"Ace\" O'Brien\\Smith".to_owned();
        expected.person(1).mail = Some("zoe@example.org".to_owned());
        expected.person(1).mobile = Some("+49 151 1234567".to_owned());
        expected.person(1).locality = Some("Nürnberg".to_owned());
        expected.person(1).department = Some("R&D; 研究".to_owned());
        expected.person(3).manager = Some(user_name(1));
        expected.person(4).manager = Some(user_name(3));
        expected.groups.insert("Group 1".to_owned(), (1..=PEOPLE).map(user_name).collect());
        expected.groups.insert("Engineers, \"core\" + Süd".to_owned(), (1..=5).map(user_name).collect());
        expected.groups.insert("Group 3".to_owned(), BTreeSet::new());
        expected.groups.insert("Group 4".to_owned(), [1, 2].map(user_name).into());

        let settings = graph_emulator::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            directory: tenant,
            client_id: CLIENT.to_owned(),
            client_secret: Secret::new(CLIENT),
            token: None,
            page_size: 5,
        };
        let source = {
            let _guard = runtime.enter();
            Emulator::start(settings).expect("an emulator")
        };
        let created = expected.people.clone();
        let (workplace, deleted) = (Workplace::new(), BTreeMap::new());
        Self { source, runtime, reader: Reader::new(), workplace, limits, expected, created, deleted }
    }

    /// Everything from the first cycle to the last. What differs at any point is the error.
    pub(super) fn carry_out(mut self, base_url: &str, profile: &Json) -> Result<(), String> {
        self.workplace.write("schema.json", self.schema().to_string());
        self.workplace.write("provisor.yaml", self.configuration(base_url, profile).to_string());
        self.settles("at first", base_url)?;

        self.people_and_groups_change();
        self.settles("after changes", base_url)?;

        // Moved to the recycle bin, or not allowed to sign in: either way the user is disabled and stays a member.
        self.source.stage(vec![leave(11), update(10, json!({ "accountEnabled": false }))]).expect("changes");
        self.expected.person(11).active = false;
        self.expected.person(10).active = false;
        self.settles("after two were disabled", base_url)?;

        self.source.stage(vec![purge(11), leave(12), purge(12)]).expect("changes");
        self.source.stage(vec![update(10, json!({ "accountEnabled": true }))]).expect("changes");
        self.expected.person(10).active = true;
        for number in [11, 12] {
            let person = self.expected.people.remove(&user_name(number)).expect("a person");
            self.deleted.insert(user_name(number), person);
            self.expected.groups.get_mut("Group 1").expect("a group").remove(&user_name(number));
        }
        self.settles("after two were deleted", base_url)?;

        self.source.stage(vec![Staged::DeleteGroup { group: group_id(4) }]).expect("changes");
        self.expected.groups.remove("Group 4");
        self.settles("after a group was deleted", base_url)
    }

    fn people_and_groups_change(&mut self) {
        let member = |group: usize, member: usize| (group_id(group), user_id(member));
        let add = |(group, member)| Staged::AddMember { group, member };
        let remove = |(group, member)| Staged::RemoveMember { group, member };
        let mut changes = vec![
            update(1, json!({ "mail": "zoe.obrien@example.org", "city": "Fürth", "department": "Ops" })),
            update(2, json!({ "jobTitle": "Chief \"everything\"", "mobilePhone": "+1 555 0100" })),
            Staged::SetManager { user: user_id(3), manager: Some(user_id(5)) },
            Staged::SetManager { user: user_id(4), manager: None },
            newcomer(),
        ];
        changes.extend([6, 7, 8].map(|number| add(member(2, number))));
        changes.extend([1, 2].map(|number| remove(member(2, number))));
        changes.push(add(member(3, 9)));
        let renamed = object(json!({ "displayName": "Group \"three\"" }));
        changes.push(Staged::UpdateGroup { group: group_id(3), properties: renamed });
        self.source.stage(changes).expect("changes");

        let first = self.expected.person(1);
        first.mail = Some("zoe.obrien@example.org".to_owned());
        first.locality = Some("Fürth".to_owned());
        first.department = Some("Ops".to_owned());
        let second = self.expected.person(2);
        second.title = "Chief \"everything\"".to_owned();
        second.mobile = Some("+1 555 0100".to_owned());
        self.expected.person(3).manager = Some(user_name(5));
        self.expected.person(4).manager = None;
        let newcomer = Person {
            display_name: "Newcomer".to_owned(),
            active: true,
            mail: Some(NEWCOMER.to_owned()),
            ..Person::default()
        };
        self.created.insert(NEWCOMER.to_owned(), newcomer.clone());
        self.expected.people.insert(NEWCOMER.to_owned(), newcomer);
        self.expected.groups.insert("Engineers, \"core\" + Süd".to_owned(), (3..=8).map(user_name).collect());
        self.expected.groups.remove("Group 3");
        self.expected.groups.insert("Group \"three\"".to_owned(), BTreeSet::from([user_name(9)]));
    }

    /// A cycle brings the target where it should be, and another one has nothing to do.
    fn settles(&self, when: &str, base_url: &str) -> Result<(), String> {
        self.cycle().map_err(|said| format!("{when}: {said}"))?;
        let expected = self.within_limits();
        let read = || self.runtime.block_on(self.reader.read(base_url, !self.limits.no_groups));
        let mut found = read();
        let asked_first = Instant::now();
        // Some lists lag behind what was written.
        while found != expected && asked_first.elapsed() < LONGEST_LAG {
            std::thread::sleep(Duration::from_millis(500));
            found = read();
        }
        if found != expected {
            return Err(format!("{when}:\n{}", differences(&expected, &found)));
        }
        let report = self.cycle().map_err(|said| format!("{when}, again: {said}"))?;
        match report["counters"]["writes"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(format!("{when}: a cycle without changes writes: {report}")),
        }
    }

    /// What is expected of this target.
    fn within_limits(&self) -> Content {
        let Limits { no_groups, only_active_changes, no_contacts, nothing_is_cleared, .. } = self.limits;
        let Limits { disabled_are_gone, deleted_stay, .. } = self.limits;
        let mut expected = self.expected.clone();
        if deleted_stay {
            let inactive =
                |(name, person): (&String, &Person)| (name.clone(), Person { active: false, ..person.clone() });
            expected.people.extend(self.deleted.iter().map(inactive));
        }
        for (name, person) in &mut expected.people {
            if only_active_changes {
                *person = Person { active: person.active, manager: None, ..self.created[name].clone() };
            }
            if nothing_is_cleared && person.manager.is_none() {
                person.manager.clone_from(&self.created[name].manager);
            }
            if no_contacts {
                (person.mobile, person.locality) = (None, None);
            }
        }
        if disabled_are_gone {
            expected.people.retain(|_, person| person.active);
            let Content { people, groups } = &mut expected;
            groups.values_mut().for_each(|members| members.retain(|name| people.contains_key(name)));
        }
        if no_groups {
            expected.groups.clear();
        }
        expected
    }

    fn cycle(&self) -> Result<Json, String> {
        let ended = self.workplace.run(&["run", "people", "--output", "json"]);
        if ended.code == Some(0) {
            return serde_json::from_str(&ended.stdout).map_err(|error| error.to_string());
        }
        let escrows = self.workplace.run(&["escrows", "people"]);
        Err(format!("the cycle ended with {:?}: {}{}", ended.code, ended.said(), escrows.said()))
    }

    /// The template, without groups where the target has none.
    fn schema(&self) -> Json {
        let template = Templates::built_in().named("scim").expect("a template");
        let schema = template.schema(Vocabulary::Graph).expect("a sound one");
        let mut schema = serde_json::to_value(schema).expect("JSON");
        if self.limits.no_groups {
            let mappings = schema["synchronizationRules"][0]["objectMappings"].as_array_mut().expect("mappings");
            mappings.retain(|mapping| mapping["name"] == "Provision users");
        }
        schema
    }

    fn configuration(&self, base_url: &str, profile: &Json) -> Json {
        json!({
            "sources": [{ "name": "tenant", "graph": {
                "root_url": self.source.root_url(), "authority_url": self.source.root_url(),
                "tenant": self.source.tenant_id(), "client_id": CLIENT, "client_secret": CLIENT,
            } }],
            "applications": [{
                "name": "application",
                "target": { "scim": { "base_url": base_url, "auth": { "bearer": TOKEN }, "profile": profile } },
                "jobs": [{
                    "name": "people", "source": "tenant", "schema": "schema.json",
                    // Two of twelve are more than a tenth.
                    "accidental_deletion": { "percent": 100, "at_least": 100 },
                }],
            }],
        })
    }
}

/// What demanding applications ask of a user.
fn names(number: usize) -> Json {
    json!({ "givenName": format!("Given {number}"), "surname": format!("Family {number}"), "mail": mail(number) })
}

fn mail(number: usize) -> String {
    format!("mail{number}@example.org")
}

fn newcomer() -> Staged {
    let mut properties = object(names(99));
    properties.extend(object(json!({
        "userPrincipalName": NEWCOMER, "mail": NEWCOMER, "displayName": "Newcomer", "mailNickname": "newcomer",
        "accountEnabled": true,
    })));
    Staged::Join { properties, groups: Vec::new() }
}
