//! What a target can and cannot do: preset and template, refined by what the target says of itself, and the operator's
//! word last.
//!
//! Values only; asking the target is the client's work.

mod discovery;
mod overrides;
mod preset;
mod problems;

pub use discovery::Discovered;
pub(super) use discovery::{boolean, member};
pub use overrides::ProfileOverrides;
pub use preset::Preset;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::ResourceKind;
use crate::scim::{AttributePath, urn};

/// Everything about a target that changes how we speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// It finds resources by an attribute; without it every search is a walk through the whole list.
    pub filter: bool,
    /// Which attributes its filters know; `None` for all.
    pub filter_attributes: Option<Vec<AttributePath>>,
    /// Which endpoints have filters; `None` for all.
    pub filter_types: Option<BTreeSet<ResourceKind>>,
    /// Filters that the target has refused.
    pub filters_refused: Vec<(ResourceKind, AttributePath)>,
    /// How many resources to ask for in one page.
    pub max_page_size: usize,
    /// How its lists are walked through.
    pub paging: Paging,
    /// It sorts lists; a list in the order of its ids drifts less while it is read.
    pub sort: bool,
    /// How long after a write a search may still not show it.
    pub match_lag: Duration,
    /// It changes resources by PATCH.
    pub patch: bool,
    /// The attributes of users that its PATCH changes; `None` for all.
    pub user_patch_attributes: Option<Vec<AttributePath>>,
    /// What PUT does, which serves where there is no PATCH.
    pub put: Put,
    /// How its PATCH wants to be written.
    pub dialect: PatchDialect,
    /// It gives versions to resources and honours `If-Match`.
    pub etag: bool,
    /// Users can be disabled. Where not, whoever is to be disabled is deleted.
    pub soft_delete: bool,
    /// What taking a user away means.
    pub delete: DeleteMeans,
    /// A user who is deleted leaves all groups. Where not, the gateway takes them out before.
    pub deletes_memberships: bool,
    /// Groups may be members of groups.
    pub nested_groups: bool,
    /// How many members one PATCH adds and removes together.
    pub members_per_patch: usize,
    /// A group may be created with its members.
    pub members_on_create: bool,
    /// A group that is read shows its members; `None` as long as nobody has said so and none was seen.
    pub members_readable: Option<bool>,
    /// Who decides who is in a group.
    pub membership: Membership,
    /// The limits of `/Bulk`; `None` where it is not offered.
    pub bulk: Option<BulkLimits>,
    /// The media type of bodies.
    pub media_type: MediaType,
    /// The path below the base URL by endpoint name in lower case, where it is not the name itself.
    pub endpoints: BTreeMap<String, String>,
    /// The attributes that may be written, and their parts (`name.givenname`), by the URN of their schema, all in lower
    /// case. A schema that the target does not publish is not listed and allows everything, and so does an attribute
    /// of which no part is.
    pub attributes: BTreeMap<String, BTreeSet<String>>,
}

/// How a PATCH is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchDialect {
    pub form: PatchForm,
    /// Paths may select among several values: `emails[type eq "work"].value`. Where not, the whole list is sent.
    pub value_paths: bool,
    /// Operations in one request.
    pub operations_per_patch: usize,
    pub member_removal: MemberRemoval,
    /// Booleans go as the texts `True` and `False`.
    pub text_booleans: bool,
}

/// Where an operation says what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchForm {
    /// One operation an attribute, each with its path (RFC 7644 section 3.5.2).
    Paths,
    /// One operation without a path, whose value is an object of attributes.
    Object,
}

/// How a member is taken out of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRemoval {
    /// By a path that selects it: `members[value eq "…"]` (RFC 7644 section 3.5.2.2).
    Filter,
    /// By a list of values beside the path `members`, as Entra ID does. A target that follows the RFC would remove
    /// everybody.
    Values,
}

/// How lists are walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// By `startIndex` and `count` (RFC 7644 section 3.4.2.4).
    Index,
    /// By `cursor` (RFC 9865).
    Cursor,
}

/// What the end of a user is at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteMeans {
    /// DELETE.
    Delete,
    /// `active: false`: the target refuses to delete users.
    Disable,
}

/// Who decides who is in a group whose members the target does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// Others may have added members whom we do not know: such a group is never replaced.
    Shared,
    /// Nobody but this gateway: such a group is replaced (PUT) with the members that the gateway knows.
    Owned,
}

/// What PUT (RFC 7644 section 3.5.1) does. Written `true`, `merges` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenPut", into = "WrittenPut")]
pub enum Put {
    /// What the body leaves out is cleared, as the protocol says.
    Replaces,
    /// What the body leaves out stays: nothing can be cleared.
    Merges,
    /// It is refused.
    Refused,
}

/// [`Put`] as a profile has it.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum WrittenPut {
    Flag(bool),
    Word(String),
}

impl TryFrom<WrittenPut> for Put {
    type Error = &'static str;

    fn try_from(written: WrittenPut) -> Result<Self, Self::Error> {
        match written {
            WrittenPut::Flag(true) => Ok(Self::Replaces),
            WrittenPut::Flag(false) => Ok(Self::Refused),
            WrittenPut::Word(word) if word == "merges" => Ok(Self::Merges),
            WrittenPut::Word(_) => Err("`put` is `true`, `merges` or `false`"),
        }
    }
}

impl From<Put> for WrittenPut {
    fn from(put: Put) -> Self {
        match put {
            Put::Replaces => Self::Flag(true),
            Put::Refused => Self::Flag(false),
            Put::Merges => Self::Word("merges".to_owned()),
        }
    }
}

/// The media type of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// `application/scim+json`.
    Scim,
    /// `application/json`, for targets that know no other.
    Json,
}

/// What one Bulk request may hold (RFC 7644 section 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkLimits {
    pub max_operations: usize,
    pub max_bytes: usize,
}

impl Default for BulkLimits {
    /// For targets that offer Bulk and do not say how much of it.
    fn default() -> Self {
        Self { max_operations: 100, max_bytes: 1 << 20 }
    }
}

impl Default for PatchDialect {
    fn default() -> Self {
        Self {
            form: PatchForm::Paths,
            value_paths: true,
            operations_per_patch: usize::MAX,
            member_removal: MemberRemoval::Filter,
            text_booleans: false,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            filter: true,
            filter_attributes: None,
            filter_types: None,
            filters_refused: Vec::new(),
            max_page_size: 100,
            paging: Paging::Index,
            sort: false,
            match_lag: Duration::ZERO,
            patch: true,
            user_patch_attributes: None,
            put: Put::Replaces,
            dialect: PatchDialect::default(),
            etag: false,
            soft_delete: true,
            delete: DeleteMeans::Delete,
            deletes_memberships: true,
            nested_groups: true,
            members_per_patch: 100,
            members_on_create: true,
            members_readable: None,
            membership: Membership::Shared,
            bulk: None,
            media_type: MediaType::Scim,
            endpoints: BTreeMap::new(),
            attributes: BTreeMap::new(),
        }
    }
}

impl Profile {
    /// True when the target finds resources of this kind by this attribute.
    pub fn finds(&self, kind: &ResourceKind, path: &AttributePath) -> bool {
        self.filter
            && self.filter_types.as_ref().is_none_or(|kinds| kinds.contains(kind))
            && self.filter_attributes.as_ref().is_none_or(|known| known.iter().any(|attribute| attribute.is_same(path)))
            && !self.filters_refused.iter().any(|(refused, attribute)| refused == kind && attribute.is_same(path))
    }

    /// The target does not find resources of this kind by this attribute.
    pub(super) fn refuse_filter(&mut self, kind: &ResourceKind, path: &AttributePath) {
        if self.finds(kind, path) {
            self.filters_refused.push((kind.clone(), path.clone()));
        }
    }

    /// True when the target publishes the schema of this attribute, and the attribute is not in it or cannot be
    /// written, or when the path names a schema as a whole. Attributes that stand in no schema (RFC 7643 section 3.1) are
    /// never lacking.
    pub fn lacks(&self, kind: &ResourceKind, path: &AttributePath) -> bool {
        const IN_NO_SCHEMA: [&str; 4] = ["id", "externalId", "meta", "schemas"];
        let schema = match (path.schema.as_deref(), kind.as_str()) {
            (Some(schema), _) => schema,
            (None, urn::USERS) => urn::USER,
            (None, urn::GROUPS) => urn::GROUP,
            (None, _) => return false,
        };
        let (schema, attribute) = (schema.to_ascii_lowercase(), path.attribute.to_ascii_lowercase());
        let Some(known) = self.attributes.get(&schema) else {
            return self.attributes.contains_key(&[schema.as_str(), ":", &attribute].concat());
        };
        if IN_NO_SCHEMA.iter().any(|name| name.eq_ignore_ascii_case(&attribute)) {
            return false;
        }
        let lacks_part = path.sub_attribute.as_deref().is_some_and(|part| {
            let of_it = [attribute.as_str(), "."].concat();
            let mut parts = known.iter().filter_map(|name| name.strip_prefix(&of_it)).peekable();
            parts.peek().is_some() && !parts.any(|known| known.eq_ignore_ascii_case(part))
        });
        !known.contains(&attribute) || lacks_part
    }

    /// True when a resource of this kind is replaced with the members that we know, where it shows none.
    pub fn sends_owned_members(&self, kind: &ResourceKind) -> bool {
        !self.patch && self.membership == Membership::Owned && kind.as_str() == urn::GROUPS
    }

    /// True when a PATCH changes all of these attributes of a resource of this kind.
    pub fn patches<'a>(&self, kind: &ResourceKind, mut attributes: impl Iterator<Item = &'a AttributePath>) -> bool {
        let known = self.user_patch_attributes.as_ref().filter(|_| kind.as_str() == urn::USERS);
        self.patch && known.is_none_or(|known| attributes.all(|path| known.iter().any(|one| one.is_same(path))))
    }

    /// The path of this endpoint below the base URL.
    pub fn endpoint<'a>(&'a self, kind: &'a ResourceKind) -> &'a str {
        if self.endpoints.is_empty() {
            return kind.as_str();
        }
        self.endpoints.get(&kind.as_str().to_ascii_lowercase()).map_or(kind.as_str(), String::as_str)
    }
}

#[cfg(test)]
mod tests;
