//! What families of applications have in common and do not say of themselves, and applications without a template.
//!
//! Data: where a document is silent, nothing stands here. Applications change; the operator's word counts more. What an
//! application with a template needs stands in the template.

use serde::{Deserialize, Serialize};

use super::{DeleteMeans, MemberRemoval, PatchForm, ProfileOverrides};
use crate::scim::AttributePath;

/// An application, or a family of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Sentry: filters on three attributes, short pages.
    Sentry,
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
            Self::Sentry => ProfileOverrides {
                filter_attributes: filters(&["userName", "value", "displayName"]),
                max_page_size: Some(100),
                members_per_patch: Some(100),
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
