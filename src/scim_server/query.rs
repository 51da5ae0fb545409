//! What a list was asked for: the parameters of a query string or a search body (RFC 7644 section 3.4.2).

use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::projection::Projection;
use crate::scim::{AttributePath, Filter, ScimError, ScimType, SearchRequest, Strictness};

/// Resources in one answer at most.
pub(super) const MOST_RESULTS: u64 = 1000;
/// Resources in one answer where the client does not say.
pub(super) const DEFAULT_RESULTS: u64 = 100;

/// The parameters of a request. Those that are unknown are ignored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    pub(super) sort: Option<Sort>,
    /// 1-based.
    pub(super) start_index: u64,
    pub(super) count: u64,
    /// True when the client said how many it wants.
    pub(super) counted: bool,
    /// RFC 9865: the cursor that the last page gave; empty for the first page. With one, `start_index` means nothing.
    pub(super) cursor: Option<String>,
    pub(super) projection: Projection,
}

/// The order of a list (RFC 7644 section 3.4.2.3).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sort {
    pub(super) by: AttributePath,
    pub(super) descending: bool,
}

impl Query {
    /// Reads a query string. Names may be in any case (Entra ID sends `startindex`).
    pub(super) fn parse(text: &str, reading: Strictness) -> Result<Self, ScimError> {
        let mut search = SearchRequest::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match name.to_ascii_lowercase().as_str() {
                "filter" => search.filter = Some(value.into_owned()),
                "sortby" => search.sort_by = Some(value.into_owned()),
                "sortorder" => search.sort_order = Some(value.into_owned()),
                "startindex" => search.start_index = Some(number("startIndex", &value)?),
                "count" => search.count = Some(number("count", &value)?),
                "cursor" => search.cursor = Some(value.into_owned()),
                "attributes" => search.attributes = names(&value),
                "excludedattributes" => search.excluded_attributes = names(&value),
                _ => {}
            }
        }
        Self::from_search(search, reading)
    }

    /// Checks the parameters. Numbers out of range count as the nearest that is in it.
    pub(super) fn from_search(search: SearchRequest, reading: Strictness) -> Result<Self, ScimError> {
        let filter = search.filter.map(|text| {
            Filter::parse_as(&text, reading).map_err(|error| {
                ScimError::bad_request(ScimType::InvalidFilter, ["the filter is broken ", &error.to_string()].concat())
            })
        });
        let sort_by = search.sort_by.filter(|text| !text.trim().is_empty());
        let sort = sort_by.map(|text| sort(&text, search.sort_order.as_deref().unwrap_or_default()));
        Ok(Self {
            filter: filter.transpose()?,
            sort: sort.transpose()?,
            start_index: search.start_index.map_or(1, |index| u64::try_from(index).unwrap_or(1).max(1)),
            count: search.count.map_or(DEFAULT_RESULTS, |count| u64::try_from(count).unwrap_or(0).min(MOST_RESULTS)),
            counted: search.count.is_some(),
            cursor: search.cursor,
            projection: Projection::new(search.attributes, search.excluded_attributes)?,
        })
    }

    /// What a cursor is bound to, beside the tenant and the types: the filter and the order.
    pub(super) fn question<'a>(&self, scope: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
        let filter = self.filter.as_ref().map(Filter::to_string).unwrap_or_default();
        let sort = self.sort.as_ref().map(|sort| sort.by.to_string().to_ascii_lowercase()).unwrap_or_default();
        let order = if self.sort.as_ref().is_some_and(|sort| sort.descending) { "descending" } else { "" };
        let mut digest = Sha256::new();
        let mut add = |part: &str| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        [filter.as_str(), &sort, order].into_iter().for_each(&mut add);
        scope.into_iter().for_each(&mut add);
        digest.finalize().into()
    }
}

fn sort(by: &str, order: &str) -> Result<Sort, ScimError> {
    let invalid = |detail: &str| ScimError::bad_request(ScimType::InvalidValue, detail);
    let by = AttributePath::parse(by.trim()).map_err(|_| invalid("`sortBy` is the path of an attribute"))?;
    if by.filter.is_some() {
        return Err(invalid("`sortBy` takes no filter"));
    }
    let descending = match order.trim().to_ascii_lowercase().as_str() {
        "" | "ascending" => false,
        "descending" => true,
        _ => return Err(invalid("`sortOrder` is `ascending` or `descending`")),
    };
    Ok(Sort { by, descending })
}

fn number(name: &str, value: &str) -> Result<i64, ScimError> {
    let invalid = |_| ScimError::bad_request(ScimType::InvalidValue, ["`", name, "` is a whole number"].concat());
    value.trim().parse().map_err(invalid)
}

fn names(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_any_case_and_kept_in_range() {
        for (text, start_index, count) in [
            ("", 1, DEFAULT_RESULTS),
            ("startindex=3&COUNT=7&unknown=x", 3, 7),
            ("startIndex=0&count=-5", 1, 0),
            ("startIndex=-1&count=999999", 1, MOST_RESULTS),
        ] {
            let query = Query::parse(text, Strictness::Lenient).unwrap();
            assert_eq!((query.start_index, query.count), (start_index, count), "{text}");
        }
        let query =
            Query::parse("filter=userName+eq%20%22a%22&attributes=userName,%20id", Strictness::Lenient).unwrap();
        assert_eq!(query.filter.unwrap().to_string(), "userName eq \"a\"");
        assert!(matches!(query.projection, Projection::Only(paths) if paths.len() == 2));
        let query = Query::parse("cursor&sortBy=name.familyName&sortOrder=DESCENDING", Strictness::Lenient).unwrap();
        assert_eq!(query.cursor.as_deref(), Some(""));
        assert_eq!(query.sort, Some(Sort { by: AttributePath::new("name").part("familyName"), descending: true }));
    }

    #[test]
    fn broken_parameters_are_refused() {
        for (text, scim_type) in [
            ("count=x", ScimType::InvalidValue),
            ("filter=userName", ScimType::InvalidFilter),
            ("attributes=a&excludedAttributes=b", ScimType::InvalidValue),
            ("sortBy=a%20b", ScimType::InvalidValue),
            ("sortBy=emails[type eq \"work\"]", ScimType::InvalidValue),
            ("sortBy=a&sortOrder=up", ScimType::InvalidValue),
        ] {
            assert_eq!(Query::parse(text, Strictness::Lenient).unwrap_err().scim_type, Some(scim_type), "{text}");
        }
    }

    #[test]
    fn a_question_is_told_from_every_other() {
        let question = |text: &str, scope: &[&str]| {
            Query::parse(text, Strictness::Lenient).unwrap().question(scope.iter().copied())
        };
        let first = question("filter=title pr&sortBy=title", &["acme", "User"]);
        assert_eq!(first, question("filter=title%20PR&sortBy=TITLE&count=9&cursor=x", &["acme", "User"]));
        for (text, scope) in [
            ("filter=title pr", &["acme", "User"][..]),
            ("filter=title pr&sortBy=title&sortOrder=descending", &["acme", "User"]),
            ("filter=name pr&sortBy=title", &["acme", "User"]),
            ("filter=title pr&sortBy=title", &["acm", "eUser"]),
        ] {
            assert_ne!(first, question(text, scope), "{text}");
        }
    }
}
