//! What the public documents of known applications say that those do not say of themselves.
//!
//! Data: where a document is silent, nothing stands here. Applications change; the operator's word counts more.

use serde::{Deserialize, Serialize};

use super::{DeleteMeans, MemberRemoval, PatchForm, ProfileOverrides, Put};
use crate::scim::AttributePath;

/// An application, or a family of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// AWS IAM Identity Center: at most 50 resources in a list and 100 members in a request.
    AwsIdentityCenter,
    /// GitHub Enterprise with managed users: no value filters in the paths of a PATCH.
    GithubEnterprise,
    /// Sentry: filters on three attributes, short pages.
    Sentry,
    /// Zoom: filters on three attributes, and a PUT that clears nothing.
    Zoom,
    /// Applications that were built for Entra ID's older PATCH: title-case Booleans, members removed by value.
    EntraLegacy,
    /// Applications that were built for Okta: a PATCH of an object, and users that are disabled instead of deleted.
    OktaStyle,
}

impl Preset {
    /// What the preset knows.
    pub fn overrides(self) -> ProfileOverrides {
        let filters = |names: &[&str]| Some(names.iter().map(|&name| AttributePath::new(name)).collect());
        let none = ProfileOverrides::default();
        match self {
            Self::AwsIdentityCenter => {
                ProfileOverrides { max_page_size: Some(50), members_per_patch: Some(100), bulk: Some(false), ..none }
            }
            Self::GithubEnterprise => ProfileOverrides { value_paths: Some(false), ..none },
            Self::Sentry => ProfileOverrides {
                filter_attributes: filters(&["userName", "value", "displayName"]),
                max_page_size: Some(100),
                members_per_patch: Some(100),
                ..none
            },
            Self::Zoom => ProfileOverrides {
                filter_attributes: filters(&["userName", "externalId", "displayName"]),
                put: Some(Put::Merges),
                ..none
            },
            Self::EntraLegacy => {
                ProfileOverrides { member_removal: Some(MemberRemoval::Values), text_booleans: Some(true), ..none }
            }
            Self::OktaStyle => ProfileOverrides {
                patch_form: Some(PatchForm::Object),
                value_paths: Some(false),
                delete: Some(DeleteMeans::Disable),
                ..none
            },
        }
    }
}
