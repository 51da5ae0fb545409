//! Where things are: URLs of endpoints and resources, and the ids in them.

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

use crate::model::{ResourceId, ResourceKind};
use crate::target::TargetError;

/// The URL of a path below the base, each segment encoded, with these query parameters.
pub(super) fn url<'s>(
    base: &Url,
    segments: impl IntoIterator<Item = &'s str>,
    query: &[(&str, &str)],
) -> Result<Url, TargetError> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(segments),
        // Only URLs without a host, which the settings refuse.
        Err(()) => return Err(TargetError::Settings { problem: "`base_url` has no path".to_owned() }),
    };
    if !query.is_empty() {
        // Not every target reads `+` as a space; a plus sign proper is `%2B` by now.
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        url.set_query(Some(&text.replace('+', "%20")));
    }
    Ok(url)
}

/// The path of an endpoint as log lines show it.
pub(super) fn route(endpoint: &str) -> String {
    ["/", endpoint].concat()
}

/// The id at the end of a `Location`, if it leads to a resource of this endpoint.
pub(super) fn id_in(location: &str, base: &Url, endpoint: &str) -> Option<ResourceId> {
    let url = base.join(location).ok()?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    let [.., found, id] = segments.as_slice() else { return None };
    let last = endpoint.rsplit('/').next()?;
    let id = percent_decode_str(id).decode_utf8().ok()?;
    Some(ResourceId::new(id)).filter(|id| found.eq_ignore_ascii_case(last) && is_possible(id))
}

/// An empty id would name the whole list, and `.` and `..` are no path segments.
pub(in crate::target) fn is_possible(id: &ResourceId) -> bool {
    !matches!(id.as_str(), "" | "." | "..")
}

/// Groups may have more members than anybody wants to hear of.
pub(super) fn without_members(kind: &ResourceKind) -> Option<(&'static str, &'static str)> {
    kind.as_str().eq_ignore_ascii_case("Groups").then_some(("excludedAttributes", "members"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_from_its_own_endpoint_alone() {
        let base = Url::parse("https://app.example/scim/v2/").unwrap();
        let id = |location: &str, endpoint: &str| id_in(location, &base, endpoint).map(|id| id.as_str().to_owned());
        assert_eq!(id("https://other.example/x/Users/a%2Fb", "Users").as_deref(), Some("a/b"));
        assert_eq!(id("Users/7", "Users").as_deref(), Some("7"));
        assert_eq!(id("/scim/v2/a/People/7", "a/People").as_deref(), Some("7"));
        for (location, endpoint) in
            [("/Groups/7", "Users"), ("/Users/", "Users"), ("/Users/%2E%2E", "Users"), ("", "Users")]
        {
            assert_eq!(id(location, endpoint), None, "{location}");
        }
    }
}
