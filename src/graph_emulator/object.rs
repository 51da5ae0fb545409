//! One user or group, with the step at which each part of it last changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::tenant::{GroupRecord, UserRecord};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(super) enum Kind {
    User,
    Group,
}

impl Kind {
    /// The name of the collection, as paths spell it.
    pub(super) fn collection(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
        }
    }

    /// The qualified type name, as `@odata.type` spells it.
    pub(super) fn odata_type(self) -> &'static str {
        match self {
            Self::User => "#microsoft.graph.user",
            Self::Group => "#microsoft.graph.group",
        }
    }
}

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live,
    /// In the recycle bin.
    Recycled,
    /// Gone for good; only the id is kept, so that delta queries can say so.
    Purged,
}

/// A value with the step it was written at.
#[derive(Clone, Debug)]
pub(super) struct Stamped<T> {
    pub(super) value: T,
    pub(super) at: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) state: Stamped<State>,
    /// A property that never had a value is absent; one that lost its value is null.
    pub(super) properties: BTreeMap<String, Stamped<Json>>,
    /// Every manager the user has had, the present one last; `None` where it had none.
    managers: Vec<Stamped<Option<String>>>,
    /// Members by id; false for one that was removed.
    pub(super) members: BTreeMap<String, Stamped<bool>>,
    /// The last step that touched any of it.
    pub(super) changed_at: u64,
}

impl Object {
    /// A live object that begins at this step.
    pub(super) fn new(kind: Kind, id: String, properties: BTreeMap<String, Json>, step: u64) -> Self {
        let stamped = properties.into_iter().map(|(name, value)| (name, Stamped { value, at: step }));
        Self {
            kind,
            id,
            state: Stamped { value: State::Live, at: step },
            properties: stamped.collect(),
            managers: Vec::new(),
            members: BTreeMap::new(),
            changed_at: step,
        }
    }

    /// The user of a document, in which null is no value.
    pub(super) fn of_user(UserRecord { id, manager, properties }: UserRecord, step: u64) -> Self {
        let mut user = Self::new(Kind::User, id, with_values(properties), step);
        user.managers.extend(manager.map(|manager| Stamped { value: Some(manager), at: step }));
        user
    }

    /// The group of a document, in which null is no value.
    pub(super) fn of_group(GroupRecord { id, members, properties }: GroupRecord, step: u64) -> Self {
        let mut group = Self::new(Kind::Group, id, with_values(properties), step);
        group.members.extend(members.into_iter().map(|member| (member, Stamped { value: true, at: step })));
        group
    }

    /// Takes everything but the id.
    pub(super) fn purge(&mut self, step: u64) {
        self.state = Stamped { value: State::Purged, at: step };
        self.properties.clear();
        self.members.clear();
        self.managers.clear();
    }

    pub(super) fn set_manager(&mut self, manager: Option<String>, step: u64) {
        self.managers.push(Stamped { value: manager, at: step });
    }

    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        self.properties.get(name).map(|stamped| &stamped.value)
    }

    /// The id of the present manager.
    pub(super) fn manager(&self) -> Option<&str> {
        self.managers.last().and_then(|link| link.value.as_deref())
    }

    /// The id of the manager at an earlier step.
    pub(super) fn manager_at(&self, step: u64) -> Option<&str> {
        self.managers.iter().rfind(|link| link.at <= step).and_then(|link| link.value.as_deref())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Json::as_str)
    }

    pub(super) fn is_unified_group(&self) -> bool {
        let types = self.value("groupTypes").and_then(Json::as_array);
        types.is_some_and(|types| types.iter().any(|text| text == "Unified"))
    }
}

fn with_values(properties: Map<String, Json>) -> BTreeMap<String, Json> {
    properties.into_iter().filter(|(_, value)| !value.is_null()).collect()
}
