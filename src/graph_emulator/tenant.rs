//! The people and groups an emulator begins with: a JSON document, the embedded one, or as many as asked for.
//!
//! A tenant is what was written. How it changes afterwards is the directory's business.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::index};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    object::Kind,
    property,
    service_principal::{self, DEFAULT_ACCESS, ServicePrincipalRecord},
};

/// The name of the group that [`Tenant::with_everybody`] adds.
pub const EVERYBODY: &str = "Everybody";

/// A tenant as its document describes it. Ids are GUIDs in lower case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    pub tenant_id: String,
    pub display_name: String,
    /// The first one is the default domain.
    pub verified_domains: Vec<String>,
    #[serde(default)]
    pub users: Vec<UserRecord>,
    #[serde(default)]
    pub groups: Vec<GroupRecord>,
    #[serde(default)]
    pub service_principals: Vec<ServicePrincipalRecord>,
}

/// One user: Graph's properties by name, and the id of the manager.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct UserRecord {
    pub id: String,
    #[serde(default)]
    pub manager: Option<String>,
    #[serde(flatten)]
    pub properties: Map<String, Json>,
}

/// One group: Graph's properties by name, and the ids of the members (users or groups).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GroupRecord {
    pub id: String,
    #[serde(default)]
    pub members: Vec<String>,
    #[serde(flatten)]
    pub properties: Map<String, Json>,
}

/// Why a directory document cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    #[error("cannot read the directory file `{path}`")]
    Read {
        path: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("the directory document is not what it should be")]
    Parse(#[source] serde_json::Error),
    #[error("the directory document names `{id}` as {role}, which is not a lower-case GUID")]
    NotAGuid { role: &'static str, id: String },
    #[error("the directory document has two objects with the id `{0}`")]
    DuplicateId(String),
    #[error("the directory document has two users with the name `{0}`")]
    DuplicateName(String),
    #[error("`{from}` names `{to}` as {role}, which the directory document does not hold")]
    UnknownReference { from: String, to: String, role: &'static str },
    #[error("`{object}` has the property `{property}`, which is unknown or holds a value of the wrong type")]
    Property { object: String, property: String },
    #[error("the user `{0}` has no `userPrincipalName`")]
    Nameless(String),
}

impl Tenant {
    /// The embedded tenant: some two dozen people and six groups.
    pub fn fixture() -> Result<Self, TenantError> {
        Self::from_json(include_str!("../../fixtures/tenant.json"))
    }

    /// The tenant in a JSON file.
    pub fn from_file(path: &Path) -> Result<Self, TenantError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| TenantError::Read { path: path.display().to_string(), cause })?;
        Self::from_json(&text)
    }

    /// The tenant in a JSON document.
    pub fn from_json(text: &str) -> Result<Self, TenantError> {
        let tenant: Self = serde_json::from_str(text).map_err(TenantError::Parse)?;
        tenant.check()?;
        Ok(tenant)
    }

    /// A tenant of `users` people who report to each other in a tree, and `groups` groups, each with some of them. The
    /// same numbers always give the same tenant.
    pub fn generated(users: usize, groups: usize) -> Self {
        let mut random = StdRng::seed_from_u64(0x6d65_7269_6469_616e);
        let tenant_id = random_id(&mut random);
        let ids: Vec<String> = (0..users).map(|_| random_id(&mut random)).collect();
        let people = ids.iter().enumerate().map(|(number, id)| generated_user(&ids, number, id)).collect();
        let groups = (0..groups).map(|number| generated_group(&mut random, &ids, number)).collect();
        Self {
            tenant_id,
            display_name: "Generated".to_owned(),
            verified_domains: vec!["generated.example".to_owned()],
            users: people,
            groups,
            service_principals: Vec::new(),
        }
    }

    /// The same tenant with one group more, [`EVERYBODY`], which has all users.
    pub fn with_everybody(mut self) -> Self {
        let properties = BTreeMap::from([
            ("displayName", json!(EVERYBODY)),
            ("groupTypes", json!([])),
            ("mailEnabled", json!(false)),
            ("mailNickname", json!("everybody")),
            ("securityEnabled", json!(true)),
        ]);
        let mut id = [0; 16];
        id.copy_from_slice(&Sha256::digest(&self.tenant_id)[..16]);
        self.groups.push(GroupRecord {
            id: uuid::Builder::from_random_bytes(id).into_uuid().hyphenated().to_string(),
            members: self.users.iter().map(|user| user.id.clone()).collect(),
            properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        });
        self
    }

    fn check(&self) -> Result<(), TenantError> {
        check_guid("tenant id", &self.tenant_id)?;
        let mut ids = BTreeSet::new();
        for (role, id) in self.ids() {
            check_guid(role, id)?;
            if !ids.insert(id) {
                return Err(TenantError::DuplicateId(id.to_owned()));
            }
        }
        let mut names = BTreeSet::new();
        for user in &self.users {
            check_properties(Kind::User, &user.id, &user.properties)?;
            let name = user.properties.get("userPrincipalName").and_then(Json::as_str);
            let name = name.ok_or_else(|| TenantError::Nameless(user.id.clone()))?;
            if !names.insert(name.to_lowercase()) {
                return Err(TenantError::DuplicateName(name.to_owned()));
            }
        }
        for group in &self.groups {
            check_properties(Kind::Group, &group.id, &group.properties)?;
        }
        let users: BTreeSet<&str> = self.users.iter().map(|user| user.id.as_str()).collect();
        for user in &self.users {
            check_reference(&users, &user.id, user.manager.as_deref(), "manager")?;
        }
        for group in &self.groups {
            for member in &group.members {
                check_reference(&ids, &group.id, Some(member), "member")?;
            }
        }
        for application in &self.service_principals {
            for (role, id) in service_principal::ids(application) {
                check_guid(role, id)?;
            }
            let mut roles: BTreeSet<&str> = application.app_roles.iter().map(|role| role.id.as_str()).collect();
            roles.insert(DEFAULT_ACCESS);
            for assigned in &application.app_role_assigned_to {
                check_reference(&ids, &application.id, Some(&assigned.principal_id), "assigned")?;
                check_reference(&roles, &application.id, Some(&assigned.app_role_id), "role")?;
            }
        }
        Ok(())
    }

    fn ids(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let users = self.users.iter().map(|user| ("user id", user.id.as_str()));
        users.chain(self.groups.iter().map(|group| ("group id", group.id.as_str())))
    }
}

fn check_guid(role: &'static str, id: &str) -> Result<(), TenantError> {
    // Graph writes GUIDs in lower case with dashes; anything else would not compare equal to what clients send.
    match Uuid::parse_str(id) {
        Ok(guid) if guid.hyphenated().to_string() == id => Ok(()),
        _ => Err(TenantError::NotAGuid { role, id: id.to_owned() }),
    }
}

fn check_properties(kind: Kind, object: &str, properties: &Map<String, Json>) -> Result<(), TenantError> {
    let wrong = properties.iter().find(|(name, value)| {
        property::resolve(kind, name).as_deref() != Some(name.as_str()) || !property::accepts(kind, name, value)
    });
    match wrong {
        Some((name, _)) => Err(TenantError::Property { object: object.to_owned(), property: name.clone() }),
        None => Ok(()),
    }
}

fn check_reference(
    known: &BTreeSet<&str>,
    from: &str,
    to: Option<&str>,
    role: &'static str,
) -> Result<(), TenantError> {
    match to {
        Some(to) if !known.contains(to) => {
            Err(TenantError::UnknownReference { from: from.to_owned(), to: to.to_owned(), role })
        }
        _ => Ok(()),
    }
}

fn random_id(random: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(random.random()).into_uuid().hyphenated().to_string()
}

fn generated_user(ids: &[String], number: usize, id: &str) -> UserRecord {
    const DEPARTMENTS: [&str; 6] = ["Assembly", "Development", "Finance", "Logistics", "People", "Sales"];
    let (given, surname) = (format!("Person {number}"), format!("Övergård {}", number / 7));
    let (login, department) = (format!("person.{number}"), DEPARTMENTS[number % DEPARTMENTS.len()]);
    let properties: BTreeMap<&str, Json> = BTreeMap::from([
        ("accountEnabled", json!(true)),
        ("businessPhones", json!([format!("+1 555 {:07}", number % 10_000_000)])),
        ("department", json!(department)),
        ("displayName", json!(format!("{given} {surname}"))),
        ("employeeId", json!((100_000 + number).to_string())),
        ("givenName", json!(given)),
        ("mail", json!(format!("{login}@generated.example"))),
        ("mailNickname", json!(login)),
        ("surname", json!(surname)),
        ("userPrincipalName", json!(format!("{login}@generated.example"))),
        ("userType", json!("Member")),
    ]);
    UserRecord {
        id: id.to_owned(),
        manager: (number > 0).then(|| ids[(number - 1) / 8].clone()),
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn generated_group(random: &mut StdRng, users: &[String], number: usize) -> GroupRecord {
    let size = random.random_range(20..=80).min(users.len());
    let members = index::sample(random, users.len(), size).into_iter().map(|user| users[user].clone()).collect();
    let properties: BTreeMap<&str, Json> = BTreeMap::from([
        ("description", json!(format!("Generated group {number}"))),
        ("displayName", json!(format!("Group {number}"))),
        ("groupTypes", json!([])),
        ("mailEnabled", json!(false)),
        ("mailNickname", json!(format!("group.{number}"))),
        ("securityEnabled", json!(true)),
    ]);
    GroupRecord {
        id: random_id(random),
        members,
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "11111111-1111-4111-8111-111111111111";

    fn document(users: Json) -> String {
        json!({ "tenantId": ADA, "displayName": "T", "verifiedDomains": ["t.example"], "users": users }).to_string()
    }

    #[test]
    fn the_embedded_tenant_is_sound_and_has_the_cases_a_demo_needs() {
        let tenant = Tenant::fixture().unwrap();
        assert_eq!((tenant.users.len(), tenant.groups.len()), (25, 6));
        let has = |name: &str, value: Json| tenant.users.iter().any(|user| user.properties.get(name) == Some(&value));
        assert!(has("accountEnabled", json!(false)) && has("userType", json!("Guest")));
        let groups: BTreeSet<&str> = tenant.groups.iter().map(|group| group.id.as_str()).collect();
        assert!(tenant.groups.iter().flat_map(|group| &group.members).any(|member| groups.contains(member.as_str())));
    }

    #[test]
    fn a_generated_tenant_is_sound_and_always_the_same() {
        for users in [0, 1, 120] {
            let tenant = Tenant::generated(users, 3);
            tenant.check().unwrap();
            assert_eq!((tenant.users.len(), tenant.groups.len()), (users, 3));
            assert_eq!(tenant, Tenant::generated(users, 3));
            let with_everybody = tenant.with_everybody();
            with_everybody.check().unwrap();
            assert_eq!(with_everybody.groups.last().unwrap().members.len(), users);
        }
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let user = |id: &str, name: &str| json!({ "id": id, "userPrincipalName": name });
        let bob = "22222222-2222-4222-8222-222222222222";
        let cases = [
            (document(json!([user("7", "a@t.example")])), "`7`"),
            (document(json!([user(ADA, "a@t.example"), user(ADA, "b@t.example")])), "two objects"),
            (document(json!([user(ADA, "a@t.example"), user(bob, "A@t.example")])), "two users"),
            (document(json!([{ "id": ADA }])), "no `userPrincipalName`"),
            (document(json!([{ "id": ADA, "userPrincipalName": "a", "colour": "red" }])), "`colour`"),
            (document(json!([{ "id": ADA, "userPrincipalName": "a", "city": 7 }])), "`city`"),
            (document(json!([{ "id": ADA, "userPrincipalName": "a", "manager": bob }])), "as manager"),
            ("[]".to_owned(), "not what it should be"),
        ];
        for (text, expected) in cases {
            let error = Tenant::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "`{error}` does not say {expected}");
        }
    }
}
