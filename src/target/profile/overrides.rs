//! What a preset, a template or an operator says of a target.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BulkLimits, DeleteMeans, MediaType, MemberRemoval, Membership, Paging, PatchForm, Preset, Profile, Put};
use crate::model::ResourceKind;
use crate::scim::AttributePath;

/// What is known of a target better than it says itself; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileOverrides {
    /// A known application to start from. What the target says of itself counts more. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The target is asked what it can do. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<bool>,
    /// The target finds resources by filter. Default: true, unless the target says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<bool>,
    /// The only attributes that its filters know. Default: all.
    #[serde(deserialize_with = "paths", serialize_with = "texts", skip_serializing_if = "Option::is_none")]
    pub filter_attributes: Option<Vec<AttributePath>>,
    /// The only endpoints that have filters. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_types: Option<BTreeSet<ResourceKind>>,
    /// Resources in one page of a list. Default: 100, or fewer if the target says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_page_size: Option<usize>,
    /// `index` or `cursor`. Default: `cursor` if the target offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// Lists are asked for in the order of ids. Default: if the target says that it sorts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<bool>,
    /// Seconds after which a search surely shows what was written. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_lag_seconds: Option<u64>,
    /// The target supports PATCH. Default: true, unless the target says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<bool>,
    /// The only attributes of users that its PATCH changes; a change of others goes by PUT. Default: all.
    #[serde(deserialize_with = "paths", serialize_with = "texts", skip_serializing_if = "Option::is_none")]
    pub user_patch_attributes: Option<Vec<AttributePath>>,
    /// The target supports PUT, used where it has no PATCH; `merges` where PUT leaves alone what it does not name, so
    /// that it can clear nothing. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put: Option<Put>,
    /// `paths`: an operation names the attribute that it changes. `object`: its value does. Default: `paths`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_form: Option<PatchForm>,
    /// Paths with value filters are understood. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_paths: Option<bool>,
    /// Operations in one PATCH. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations_per_patch: Option<usize>,
    /// `filter` or `values`: how members are removed. Default: `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_removal: Option<MemberRemoval>,
    /// Requests carry Booleans as the texts `True` and `False`. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_booleans: Option<bool>,
    /// The target honours `If-Match`. Default: if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<bool>,
    /// Users can be disabled; where not, they are deleted instead. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_delete: Option<bool>,
    /// `delete`, or `disable` where users cannot be deleted. Default: `delete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<DeleteMeans>,
    /// A user who is deleted leaves all groups of the target. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes_memberships: Option<bool>,
    /// The target takes groups as members of groups. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested_groups: Option<bool>,
    /// Members added and removed by one PATCH. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_per_patch: Option<usize>,
    /// Groups are created with members. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_on_create: Option<bool>,
    /// Groups that are read show their members. Default: found out before a group is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_readable: Option<bool>,
    /// `shared`, or `owned` where nobody but this gateway puts members into groups: one that does not show its members
    /// is then replaced with those that the gateway knows. Default: `shared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// The target offers Bulk. Default: if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<bool>,
    /// Operations in one Bulk request. Default: what the target says, else 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_max_operations: Option<usize>,
    /// Bytes of one Bulk request. Default: what the target says, else 1 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_max_bytes: Option<usize>,
    /// `scim` or `json`: the media type of bodies. Default: `scim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// Paths below the base URL, by endpoint: `{ Users: People }`. Default: what the target says, else the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, String>,
    /// What the template of the application knows: it counts more than the preset. Default: nothing.
    #[serde(skip)]
    pub template: Option<Box<ProfileOverrides>>,
}

impl ProfileOverrides {
    /// What is known before the target says anything, the operator's own word left aside: the preset, then the
    /// template.
    pub fn beforehand(&self) -> Profile {
        let preset = self.preset.map(Preset::overrides).unwrap_or_default();
        let template = self.template.as_deref().cloned().unwrap_or_default();
        Profile::default().with(&preset).with(&template)
    }
}

impl Profile {
    /// This profile with what `overrides` names, its preset and its template left aside.
    pub fn with(&self, overrides: &ProfileOverrides) -> Self {
        let mut profile = self.clone();
        set(&mut profile.filter, overrides.filter);
        set(&mut profile.filter_attributes, overrides.filter_attributes.clone().map(Some));
        set(&mut profile.filter_types, overrides.filter_types.clone().map(Some));
        set(&mut profile.max_page_size, overrides.max_page_size);
        set(&mut profile.paging, overrides.paging);
        set(&mut profile.sort, overrides.sort);
        set(&mut profile.match_lag, overrides.match_lag_seconds.map(Duration::from_secs));
        set(&mut profile.patch, overrides.patch);
        set(&mut profile.user_patch_attributes, overrides.user_patch_attributes.clone().map(Some));
        set(&mut profile.put, overrides.put);
        set(&mut profile.dialect.form, overrides.patch_form);
        set(&mut profile.dialect.value_paths, overrides.value_paths);
        set(&mut profile.dialect.operations_per_patch, overrides.operations_per_patch);
        set(&mut profile.dialect.member_removal, overrides.member_removal);
        set(&mut profile.dialect.text_booleans, overrides.text_booleans);
        set(&mut profile.etag, overrides.etag);
        set(&mut profile.soft_delete, overrides.soft_delete);
        set(&mut profile.delete, overrides.delete);
        set(&mut profile.deletes_memberships, overrides.deletes_memberships);
        set(&mut profile.nested_groups, overrides.nested_groups);
        set(&mut profile.members_per_patch, overrides.members_per_patch);
        set(&mut profile.members_on_create, overrides.members_on_create);
        set(&mut profile.members_readable, overrides.members_readable.map(Some));
        set(&mut profile.membership, overrides.membership);
        set(&mut profile.media_type, overrides.media_type);
        profile.bulk = bulk(profile.bulk, overrides);
        let endpoint =
            |(name, path): (&String, &String)| (name.to_ascii_lowercase(), path.trim_matches('/').to_owned());
        profile.endpoints.extend(overrides.endpoints.iter().map(endpoint));
        profile
    }
}

fn bulk(offered: Option<BulkLimits>, overrides: &ProfileOverrides) -> Option<BulkLimits> {
    let limits = match overrides.bulk {
        Some(false) => return None,
        Some(true) => offered.unwrap_or_default(),
        None => offered?,
    };
    Some(BulkLimits {
        max_operations: overrides.bulk_max_operations.unwrap_or(limits.max_operations),
        max_bytes: overrides.bulk_max_bytes.unwrap_or(limits.max_bytes),
    })
}

fn set<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<AttributePath>>, D::Error> {
    /// One of the list, so that a wrong one is told where it stands.
    struct Written(AttributePath);

    impl<'de> Deserialize<'de> for Written {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            AttributePath::parse(&text).map(Self).map_err(|_| {
                serde::de::Error::custom("this is no attribute path: write `userName` or `name.familyName`")
            })
        }
    }

    let written = Option::<Vec<Written>>::deserialize(deserializer)?;
    Ok(written.map(|paths| paths.into_iter().map(|Written(path)| path).collect()))
}

fn texts<S: Serializer>(paths: &Option<Vec<AttributePath>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().flatten().map(ToString::to_string))
}
