//! The tenant as it changes: objects, references and the moment each of them last changed.
//!
//! It knows neither HTTP nor paging. Time is counted in changes: every write moves the directory one step on, and
//! what it touches remembers that step, which is all a delta query needs.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::{
    error::GraphError,
    object::{Kind, Object, Stamped, State},
    property,
    service_principal::ServicePrincipals,
    tenant::Tenant,
};

/// The step at which a directory begins.
const FIRST_STEP: u64 = 1;

pub(super) struct Directory {
    pub(super) tenant_id: String,
    pub(super) display_name: String,
    pub(super) verified_domains: Vec<String>,
    /// What distinguishes this content from another: delta tokens of another directory are not good here.
    pub(super) digest: String,
    users: BTreeMap<String, Object>,
    groups: BTreeMap<String, Object>,
    pub(super) service_principals: ServicePrincipals,
    head: u64,
}

impl Directory {
    pub(super) fn new(tenant: Tenant) -> Self {
        let digest = digest(&tenant);
        let Tenant { tenant_id, display_name, verified_domains, users, groups, service_principals } = tenant;
        let service_principals = ServicePrincipals::new(service_principals);
        let users = users.into_iter().map(|user| (user.id.clone(), Object::of_user(user, FIRST_STEP))).collect();
        let groups = groups.into_iter().map(|group| (group.id.clone(), Object::of_group(group, FIRST_STEP))).collect();
        Self { tenant_id, display_name, verified_domains, digest, users, groups, service_principals, head: FIRST_STEP }
    }

    /// Distinguishes the content from itself: no delta token that was issued is good any more.
    pub(super) fn forget_tokens(&mut self) {
        let hash = Sha256::new().chain_update(&self.digest).finalize();
        self.digest = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    }

    /// The last step taken.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Every object of a kind by id, purged ones included.
    pub(super) fn objects(&self, kind: Kind) -> &BTreeMap<String, Object> {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    /// A live object by its id, or a user by its principal name.
    pub(super) fn live(&self, kind: Kind, key: &str) -> Result<&Object, GraphError> {
        let objects = self.objects(kind);
        let found = objects.get(&key.to_lowercase()).or_else(|| {
            let is_named = |user: &&Object| {
                user.state.value == State::Live
                    && user.text("userPrincipalName").is_some_and(|name| same_name(name, key))
            };
            if kind == Kind::User { objects.values().find(is_named) } else { None }
        });
        found.filter(|object| object.state.value == State::Live).ok_or_else(|| GraphError::resource_not_found(key))
    }

    /// A live object of any kind.
    pub(super) fn live_object(&self, id: &str) -> Option<&Object> {
        let id = id.to_lowercase();
        let found = self.users.get(&id).or_else(|| self.groups.get(&id));
        found.filter(|object| object.state.value == State::Live)
    }

    /// An object in the recycle bin.
    pub(super) fn recycled(&self, id: &str) -> Result<&Object, GraphError> {
        let key = id.to_lowercase();
        let found = self.users.get(&key).or_else(|| self.groups.get(&key));
        let found = found.filter(|object| object.state.value == State::Recycled);
        found.ok_or_else(|| GraphError::resource_not_found(id))
    }

    /// The kind of what `id` names, whether it is still there or not.
    pub(super) fn kind_of(&self, id: &str) -> Kind {
        if self.groups.contains_key(id) { Kind::Group } else { Kind::User }
    }

    pub(super) fn create(
        &mut self,
        kind: Kind,
        properties: Map<String, Json>,
        now: DateTime<Utc>,
    ) -> Result<&Object, GraphError> {
        let mut properties = checked(kind, properties)?;
        let required = match kind {
            Kind::User => "userPrincipalName",
            Kind::Group => "displayName",
        };
        if properties.get(required).and_then(Json::as_str).is_none_or(str::is_empty) {
            return Err(GraphError::bad_request(format!("A value is required for property '{required}'.")));
        }
        self.check_name_is_free(kind, &properties, None)?;
        properties.insert("createdDateTime".to_owned(), instant(now));
        let step = self.step();
        let id = self.drawn_id(step);
        let object = Object::new(kind, id.clone(), properties, step);
        Ok(self.objects_mut(kind).entry(id).insert_entry(object).into_mut())
    }

    pub(super) fn update(&mut self, kind: Kind, key: &str, changes: Map<String, Json>) -> Result<(), GraphError> {
        let id = self.live(kind, key)?.id.clone();
        let changes = checked(kind, changes)?;
        self.check_name_is_free(kind, &changes, Some(&id))?;
        let step = self.step();
        let object = self.touched(kind, &id, step)?;
        for (name, value) in changes {
            // A write of the value that is already there is no change, so no delta query reports it.
            if object.value(&name).unwrap_or(&Json::Null) != &value {
                object.properties.insert(name, Stamped { value, at: step });
            }
        }
        Ok(())
    }

    /// Deletes an object: users and Microsoft 365 groups go to the recycle bin, other groups are gone at once.
    pub(super) fn delete(&mut self, kind: Kind, key: &str, now: DateTime<Utc>) -> Result<(), GraphError> {
        let object = self.live(kind, key)?;
        let (id, recyclable) = (object.id.clone(), kind == Kind::User || object.is_unified_group());
        let step = self.step();
        let object = self.touched(kind, &id, step)?;
        if !recyclable {
            object.purge(step);
            return Ok(());
        }
        object.state = Stamped { value: State::Recycled, at: step };
        object.properties.insert("deletedDateTime".to_owned(), Stamped { value: instant(now), at: step });
        if let Some(name) = object.properties.get_mut("userPrincipalName")
            && let Some(text) = name.value.as_str()
        {
            // The prefix frees the name for somebody else while the account can still come back.
            name.value = json!([id.replace('-', "").as_str(), text].concat());
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, id: &str) -> Result<&Object, GraphError> {
        let object = self.recycled(id)?;
        let (kind, id) = (object.kind, object.id.clone());
        let prefix = id.replace('-', "");
        let former = object.text("userPrincipalName").map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned());
        if let Some(name) = &former {
            let properties = BTreeMap::from([("userPrincipalName".to_owned(), json!(name))]);
            self.check_name_is_free(kind, &properties, Some(&id))?;
        }
        let step = self.step();
        let object = self.touched(kind, &id, step)?;
        object.state = Stamped { value: State::Live, at: step };
        object.properties.remove("deletedDateTime");
        if let Some(name) = former {
            object.properties.insert("userPrincipalName".to_owned(), Stamped { value: json!(name), at: step });
        }
        Ok(object)
    }

    /// Deletes an object of the recycle bin for good.
    pub(super) fn purge(&mut self, id: &str) -> Result<(), GraphError> {
        let object = self.recycled(id)?;
        let (kind, id) = (object.kind, object.id.clone());
        let step = self.step();
        self.touched(kind, &id, step)?.purge(step);
        Ok(())
    }

    /// Sets or clears the manager of a user. Clearing what is not set is a 404, as in the service.
    pub(super) fn set_manager(&mut self, user: &str, manager: Option<&str>) -> Result<(), GraphError> {
        let object = self.live(Kind::User, user)?;
        let (id, former) = (object.id.clone(), object.manager().map(str::to_owned));
        let manager =
            manager.map(|manager| self.live(Kind::User, manager).map(|found| found.id.clone())).transpose()?;
        if manager.is_none() && former.is_none() {
            return Err(GraphError::resource_not_found("manager"));
        }
        if manager != former {
            let step = self.step();
            self.touched(Kind::User, &id, step)?.set_manager(manager, step);
        }
        Ok(())
    }

    pub(super) fn add_member(&mut self, group: &str, member: &str) -> Result<(), GraphError> {
        let group = self.live(Kind::Group, group)?;
        let member = self.live_object(member).ok_or_else(|| GraphError::resource_not_found(member))?.id.clone();
        if group.members.get(&member).is_some_and(|link| link.value) {
            let message =
                "One or more added object references already exist for the following modified properties: 'members'.";
            return Err(GraphError::bad_request(message));
        }
        let id = group.id.clone();
        self.write_member(&id, member, true)
    }

    pub(super) fn remove_member(&mut self, group: &str, member: &str) -> Result<(), GraphError> {
        let group = self.live(Kind::Group, group)?;
        let (id, member) = (group.id.clone(), member.to_lowercase());
        if !group.members.get(&member).is_some_and(|link| link.value) {
            return Err(GraphError::resource_not_found(&member));
        }
        self.write_member(&id, member, false)
    }

    fn write_member(&mut self, group: &str, member: String, present: bool) -> Result<(), GraphError> {
        let step = self.step();
        let object = self.touched(Kind::Group, group, step)?;
        object.members.insert(member, Stamped { value: present, at: step });
        Ok(())
    }

    fn check_name_is_free(
        &self,
        kind: Kind,
        properties: &BTreeMap<String, Json>,
        own: Option<&str>,
    ) -> Result<(), GraphError> {
        let Some(name) = properties.get("userPrincipalName").and_then(Json::as_str) else { return Ok(()) };
        match self.live(kind, name) {
            Ok(holder) if Some(holder.id.as_str()) != own => Err(GraphError::bad_request(
                "Another object with the same value for property userPrincipalName already exists.",
            )),
            _ => Ok(()),
        }
    }

    fn objects_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Object> {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }

    fn touched(&mut self, kind: Kind, id: &str, step: u64) -> Result<&mut Object, GraphError> {
        let object = self.objects_mut(kind).get_mut(id).ok_or_else(|| GraphError::resource_not_found(id))?;
        object.changed_at = step;
        Ok(object)
    }

    fn step(&mut self) -> u64 {
        self.head += 1;
        self.head
    }

    /// The id of what is created at `step`: the same history draws the same ids.
    fn drawn_id(&self, step: u64) -> String {
        let hash = Sha256::new().chain_update(&self.digest).chain_update(step.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
    }
}

/// True when two principal names mean the same account.
fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// The properties of a write in their stored spelling. What may not be written, or not so, is refused.
fn checked(kind: Kind, properties: Map<String, Json>) -> Result<BTreeMap<String, Json>, GraphError> {
    const READ_ONLY: [&str; 3] = ["id", "createdDateTime", "deletedDateTime"];
    let mut checked = BTreeMap::new();
    for (name, value) in properties {
        // A password is accepted and forgotten: nothing here can be signed in to. Annotations carry no data.
        if name == "passwordProfile" || name.contains('@') {
            continue;
        }
        let stored = property::resolve(kind, &name).filter(|stored| !READ_ONLY.contains(&stored.as_str()));
        let stored = stored
            .ok_or_else(|| GraphError::bad_request(format!("The property '{name}' does not exist or is read-only.")))?;
        if !property::accepts(kind, &stored, &value) {
            return Err(GraphError::bad_request(format!("Invalid value specified for property '{stored}'.")));
        }
        checked.insert(stored, value);
    }
    Ok(checked)
}

fn instant(now: DateTime<Utc>) -> Json {
    json!(now.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn digest(tenant: &Tenant) -> String {
    let mut hash = Sha256::new();
    hash.update(&tenant.tenant_id);
    for user in &tenant.users {
        hash.update(json!([user.id, user.manager, user.properties]).to_string());
    }
    for group in &tenant.groups {
        hash.update(json!([group.id, group.members, group.properties]).to_string());
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
