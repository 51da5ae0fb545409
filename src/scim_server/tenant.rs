//! Tenants: who shares resources, names and totals with whom, and who does not.

use std::fmt;
use std::sync::Arc;

use super::dialect::Dialect;

/// The longest name a tenant may have, in bytes.
const LONGEST_NAME: usize = 64;

/// A tenant. Resources of one are never seen, counted or compared in another (RFC 7644 section 6).
///
/// The default tenant has no name and is served where no tenant is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The tenant of this name: 1 to 64 letters, digits, `-`, `_`, `.` or `~`, so that it stands in a path as it is.
    pub fn named(name: &str) -> Option<Self> {
        let fits = (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
            && !name.bytes().all(|byte| byte == b'.');
        fits.then(|| Self(name.into()))
    }

    /// The name; empty for the default tenant.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(default)" } else { &self.0 })
    }
}

/// Where a request plays: whose resources it may see, the address under which the client knows them, and how they are
/// dealt with there.
#[derive(Clone, Debug)]
pub(super) struct Realm {
    pub(super) tenant: Tenant,
    /// Without a slash at the end: `https://scim.example.org/tenants/acme/scim/v2`.
    pub(super) base: String,
    pub(super) manner: Manner,
}

/// How resources are dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) dialect: &'static Dialect,
    /// True where some read may yet ask for what was there before a write.
    pub(super) leaves_behind: bool,
}

impl Manner {
    /// As the protocol has it.
    pub(super) const STANDARD: Self = Self { dialect: Dialect::STANDARD, leaves_behind: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_mean_something_else_in_a_path_is_no_tenant() {
        for (name, fits) in [
            ("acme", true),
            ("A-1_b.c~", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(Tenant::named(name).is_some(), fits, "{name}");
        }
        assert!(Tenant::named(&"a".repeat(65)).is_none());
    }
}
