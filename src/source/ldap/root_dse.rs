//! What the server says about itself (RFC 4512 section 5.1): what it holds and what it can do.

use ldap3::Scope;

use super::connection::{Connection, Item, Query};
use super::dn::Dn;
use super::entry::Entry;
use super::failure::{Failure, code};
use super::filter::Filter;
use super::sync_messages::SYNC_REQUEST;

/// The paged results control (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// The attributes that tell.
const ATTRIBUTES: [&str; 5] = ["namingContexts", "supportedControl", "vendorName", "nsBackendSuffix", "objectClass"];

/// How changes are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// RFC 4533, as OpenLDAP does it.
    Syncrepl,
    /// Everything, every time.
    FullRead,
}

/// What was read. It may be partly hidden from an account, so every part may be empty.
#[derive(Clone, Debug, Default)]
pub(super) struct RootDse {
    naming_contexts: Vec<Dn>,
    controls: Vec<String>,
    is_389: bool,
}

impl RootDse {
    /// Asks the server; to be done after the bind, since much is hidden before.
    pub(super) async fn read(connection: &mut Connection) -> Result<Self, Failure> {
        let query = Query {
            base: String::new(),
            scope: Scope::Base,
            filter: Filter::Present("objectClass").to_string(),
            attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
            controls: Vec::new(),
            size_limit: 0,
        };
        let mut search = connection.search(query).await?;
        let mut found = Self::default();
        while let Some(item) = search.next().await? {
            if let Item::Entry { entry, .. } = item {
                found = Self::from_entry(&entry);
            }
        }
        let ended = search.end().await;
        if ended.result.code == code::SUCCESS { Ok(found) } else { Err(ended.result.into()) }
    }

    /// True when the server lists the control. A critical one it does not list is never sent.
    pub(super) fn supports(&self, control: &str) -> bool {
        self.controls.iter().any(|known| known == control)
    }

    /// The best way to follow changes here. 389 Directory Server offers RFC 4533 too, but ends its incremental
    /// refreshes in a way that reads as "everything else is gone", so it is read in full.
    pub(super) fn mechanism(&self) -> Mechanism {
        if self.supports(SYNC_REQUEST) && !self.is_389 { Mechanism::Syncrepl } else { Mechanism::FullRead }
    }

    /// The naming context that holds `base`, as the server spells it; `base` itself when none is shown.
    pub(super) fn naming_context_of<'a>(&'a self, base: &'a str) -> &'a str {
        let Ok(parsed) = Dn::parse(base) else { return base };
        let holding = self.naming_contexts.iter().filter(|context| !context.is_root() && parsed.is_within(context));
        holding.max_by_key(|context| context.as_str().len()).map_or(base, Dn::as_str)
    }

    fn from_entry(entry: &Entry) -> Self {
        let texts = |attribute: &str| -> Vec<String> {
            entry.values(attribute).iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect()
        };
        let vendor = entry.text("vendorname").unwrap_or_default();
        Self {
            naming_contexts: texts("namingcontexts").iter().filter_map(|text| Dn::parse(text).ok()).collect(),
            controls: texts("supportedcontrol"),
            is_389: vendor.starts_with("389 Project") || !entry.values("nsbackendsuffix").is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_dse(attributes: &[(&str, &[&str])]) -> RootDse {
        let attributes = attributes
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect()));
        RootDse::from_entry(&Entry::new(Vec::new(), attributes))
    }

    #[test]
    fn syncrepl_is_used_where_it_is_safe() {
        let control: (&str, &[&str]) = ("supportedControl", &[PAGED_RESULTS, SYNC_REQUEST]);
        assert_eq!(root_dse(&[control]).mechanism(), Mechanism::Syncrepl);
        assert_eq!(root_dse(&[]).mechanism(), Mechanism::FullRead);
        assert_eq!(root_dse(&[control, ("vendorName", &["389 Project"])]).mechanism(), Mechanism::FullRead);
        assert_eq!(root_dse(&[control, ("nsBackendSuffix", &["userRoot:dc=org"])]).mechanism(), Mechanism::FullRead);
    }

    #[test]
    fn the_naming_context_is_the_deepest_that_holds_the_base() {
        let server = root_dse(&[("namingContexts", &["", "dc=Org", "dc=example,dc=org", "cn=config"])]);
        assert_eq!(server.naming_context_of("ou=people,DC=Example,DC=org"), "dc=example,dc=org");
        assert_eq!(server.naming_context_of("dc=other,dc=org"), "dc=Org");
        assert_eq!(server.naming_context_of("dc=net"), "dc=net");
    }
}
