//! Answers of the service, as far as the source reads them. Unknown members are ignored.

use serde::Deserialize;

use super::attribute::Properties;

/// One page of a delta query. Exactly one of the links is there.
#[derive(Deserialize)]
pub(super) struct DeltaAnswer {
    pub(super) value: Vec<Properties>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

/// What follows a page of a delta query.
pub(super) enum Following {
    Page(String),
    /// The round is complete; the link begins the next one.
    Round(String),
}

impl DeltaAnswer {
    /// The entries and what follows; `None` when the page has no link, or both.
    pub(super) fn split(self) -> Option<(Vec<Properties>, Following)> {
        match (self.next_link, self.delta_link) {
            (Some(next), None) => Some((self.value, Following::Page(next))),
            (None, Some(delta)) => Some((self.value, Following::Round(delta))),
            _ => None,
        }
    }
}

/// One page of a plain collection, of which only ids are read.
#[derive(Deserialize)]
pub(super) struct IdPage {
    pub(super) value: Vec<Id>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next_link: Option<String>,
}

/// The answer about the tenant itself.
#[derive(Deserialize)]
pub(super) struct Organizations {
    pub(super) value: Vec<Organization>,
}

#[derive(Deserialize)]
pub(super) struct Organization {
    pub(super) id: String,
    /// Null without the permission to see them.
    #[serde(rename = "verifiedDomains")]
    verified_domains: Option<Vec<VerifiedDomain>>,
}

#[derive(Deserialize)]
struct VerifiedDomain {
    name: String,
    #[serde(rename = "isDefault", default)]
    is_default: bool,
}

impl Organization {
    /// The verified domain that is the default one.
    pub(super) fn default_domain(self) -> Option<String> {
        let mut domains = self.verified_domains.unwrap_or_default().into_iter();
        domains.find(|domain| domain.is_default).map(|domain| domain.name)
    }
}

/// An object of which only the id is read.
#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}
