//! Dialects: what real applications refuse or get wrong, on the wire.
//!
//! A dialect is data, one value of [`Dialect`]; they stand in `table` and `applications`. What it refuses is in `request`, how its answers
//! look in `answer`. Resources are kept as the protocol has them, whatever the dialect.

mod answer;
mod applications;
mod request;
mod table;

use std::time::Duration;

use crate::scim::Strictness;

/// How an application deviates from the protocol.
#[derive(Debug)]
pub struct Dialect {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it does differently, in one line.
    pub summary: &'static str,
    pub(super) discovery: Discovery,
    pub(super) filters: Filters,
    /// A filter with more terms than this is refused.
    pub(super) filter_terms: usize,
    /// A filtered list that finds nothing.
    pub(super) no_match: NoMatch,
    /// Resources on a page, whatever is asked for.
    pub(super) page_size: u64,
    /// Lists and filters lag behind writes by this.
    pub(super) lag: Duration,
    pub(super) patch: Patching,
    pub(super) put: Putting,
    pub(super) delete: Deleting,
    /// A user who becomes inactive.
    pub(super) inactive: Inactive,
    pub(super) offers: Offers,
    pub(super) members: Members,
    pub(super) booleans: Booleans,
    pub(super) values: Values,
    /// What a user must have, beside what the schema says: paths of attributes.
    pub(super) required: &'static [&'static str],
    /// What does not change after a user was created.
    pub(super) immutable: &'static [&'static str],
    /// What is taken and silently forgotten.
    pub(super) forgotten: &'static [&'static str],
    pub(super) echo: Echo,
    pub(super) errors: Errors,
    /// A request without a `User-Agent` is refused with 403.
    pub(super) needs_user_agent: bool,
    /// How the bodies, the filters and the paths of requests are read.
    pub(super) reading: Strictness,
}

/// What the application says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    Full,
    /// 404.
    Missing,
    /// The configuration is at `/ServiceProviderConfigs`, as in SCIM 1.1.
    FormerName,
}

/// Which filters are understood; the others are refused with `invalidFilter`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filters {
    All,
    None,
    /// None on groups.
    Users,
    /// Comparisons of these attributes by these operators alone.
    Only {
        users: &'static [&'static str],
        groups: &'static [&'static str],
        operators: Operators,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operators {
    /// One `eq`.
    Equal,
    /// `eq`, joined by `and`.
    EqualAnd,
    /// One `eq` or `sw`.
    EqualOrStarts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMatch {
    EmptyList,
    NotFound,
}

/// How PATCH is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patching {
    Full,
    /// This status: 501, or 405 with `Allow`.
    Missing(u16),
    /// Every operation needs a path.
    WithPaths,
    /// Every operation has an object as its value, and no path.
    WithoutPaths,
    /// No filters in paths.
    NoValueFilters,
    /// On users, other attributes than these are silently ignored.
    Users(&'static [&'static str]),
}

/// How PUT is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Putting {
    Full,
    /// 501.
    Missing,
    /// What the body does not name stays as it is.
    Merges,
    /// On users: answered as if it had been done.
    Ignored,
}

/// What DELETE does to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleting {
    Deletes,
    /// 403.
    Forbidden,
    /// The user stays, inactive.
    Deactivates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inactive {
    Stays,
    IsDeleted,
}

/// The parts of the protocol that may be missing: 501, and 404 for groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offers {
    pub(super) bulk: bool,
    pub(super) search: bool,
    pub(super) me: bool,
    pub(super) groups: bool,
    pub(super) sort: bool,
    /// RFC 9865.
    pub(super) cursors: bool,
    pub(super) etags: bool,
}

/// How members of groups are treated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members {
    /// Members that one request may name, and what becomes of more.
    pub(super) most: Option<(usize, Excess)>,
    /// False where a group is shown without its members.
    pub(super) shown: bool,
    /// False where the list of members cannot be replaced or emptied by a PATCH.
    pub(super) replaceable: bool,
    /// What becomes of one that does not exist.
    pub(super) unknown: UnknownMember,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// The request is refused with this status.
    Refused(u16),
    /// The first ones count; the others are silently dropped.
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownMember {
    /// 400 `invalidValue`.
    Refused,
    /// 500.
    Fails,
}

/// How booleans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Booleans {
    Json,
    /// `"True"` and `"False"` in answers; nothing else is accepted in requests.
    Text,
}

/// How many values a multi-valued attribute of a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Many,
    /// More than one is refused.
    One,
    /// The first one counts.
    First,
}

/// What a write is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Resource,
    /// A create is; a change is answered with 204.
    Created,
    /// 201 or 204 without a body.
    Nothing,
}

/// How errors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errors {
    Scim,
    /// 409 comes without its `scimType`.
    BareConflict,
    /// `scimType` in capitals: `INVALID_FILTER`.
    Capitals,
    /// `{"code": …, "message": …}`.
    CodeAndMessage,
}

impl Dialect {
    /// The protocol as it is written.
    pub const STANDARD: &'static Self = &table::STANDARD;
    /// Any `filter` is refused, and the configuration says so.
    pub const NO_FILTER: &'static Self = &table::NO_FILTER;

    /// All of them, the standard first.
    pub fn all() -> &'static [&'static Self] {
        &table::DIALECTS
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().copied().find(|dialect| dialect.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_a_name_of_its_own_and_says_what_it_does() {
        for dialect in Dialect::all() {
            assert!(std::ptr::eq(Dialect::named(dialect.name).unwrap(), *dialect), "{}", dialect.name);
            assert!(
                dialect.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
            );
            assert!((10..=110).contains(&dialect.summary.len()), "{}", dialect.name);
        }
        assert!(Dialect::named("Standard").is_none());
    }

    /// What an application does not have is refused by the endpoint, and an operation of a bulk request has none.
    #[test]
    fn a_dialect_that_lacks_a_method_offers_no_bulk() {
        for dialect in Dialect::all().iter().filter(|dialect| dialect.offers.bulk) {
            let has_all = !matches!(dialect.patch, Patching::Missing(_))
                && dialect.put != Putting::Missing
                && dialect.delete != Deleting::Forbidden;
            assert!(has_all, "{}", dialect.name);
        }
    }
}
