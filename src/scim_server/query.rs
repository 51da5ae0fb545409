//! What a list was asked for: the parameters of a query string or a search body (RFC 7644 section 3.4.2).

use url::form_urlencoded;

use super::projection::Projection;
use crate::scim::{Filter, ScimError, ScimType, SearchRequest};

/// Resources in one answer at most.
pub(super) const MOST_RESULTS: u64 = 1000;
/// Resources in one answer where the client does not say.
const DEFAULT_RESULTS: u64 = 100;

/// The parameters of a request. Those that are unknown are ignored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    /// 1-based.
    pub(super) start_index: u64,
    pub(super) count: u64,
    pub(super) projection: Projection,
}

impl Query {
    /// Reads a query string. Names may be in any case (Entra ID sends `startindex`).
    pub(super) fn parse(text: &str) -> Result<Self, ScimError> {
        let mut search = SearchRequest::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match name.to_ascii_lowercase().as_str() {
                "filter" => search.filter = Some(value.into_owned()),
                "startindex" => search.start_index = Some(number("startIndex", &value)?),
                "count" => search.count = Some(number("count", &value)?),
                "attributes" => search.attributes = names(&value),
                "excludedattributes" => search.excluded_attributes = names(&value),
                _ => {}
            }
        }
        Self::from_search(search)
    }

    /// Checks the parameters. Numbers out of range count as the nearest that is in it.
    pub(super) fn from_search(search: SearchRequest) -> Result<Self, ScimError> {
        let filter = search.filter.map(|text| {
            Filter::parse(&text).map_err(|error| {
                ScimError::bad_request(ScimType::InvalidFilter, ["the filter is broken ", &error.to_string()].concat())
            })
        });
        Ok(Self {
            filter: filter.transpose()?,
            start_index: search.start_index.map_or(1, |index| u64::try_from(index).unwrap_or(1).max(1)),
            count: search.count.map_or(DEFAULT_RESULTS, |count| u64::try_from(count).unwrap_or(0).min(MOST_RESULTS)),
            projection: Projection::new(search.attributes, search.excluded_attributes)?,
        })
    }
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
            let query = Query::parse(text).unwrap();
            assert_eq!((query.start_index, query.count), (start_index, count), "{text}");
        }
        let query = Query::parse("filter=userName+eq%20%22a%22&attributes=userName,%20id").unwrap();
        assert_eq!(query.filter.unwrap().to_string(), "userName eq \"a\"");
        assert!(matches!(query.projection, Projection::Only(paths) if paths.len() == 2));
    }

    #[test]
    fn broken_parameters_are_refused() {
        for (text, scim_type) in [
            ("count=x", ScimType::InvalidValue),
            ("filter=userName", ScimType::InvalidFilter),
            ("attributes=a&excludedAttributes=b", ScimType::InvalidValue),
        ] {
            assert_eq!(Query::parse(text).unwrap_err().scim_type, Some(scim_type), "{text}");
        }
    }
}
