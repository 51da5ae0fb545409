//! The addresses of the server: a path becomes an endpoint or nothing.
//!
//! It knows which methods an endpoint has, and not what they do.

use std::borrow::Cow;
use std::sync::Arc;

use super::BASE;
use super::resource_types::{Kind, ResourceTypes};
use crate::scim::urn;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Collection(Arc<Kind>),
    Search(Arc<Kind>),
    One(Arc<Kind>, String),
    ServiceProviderConfig,
    /// All schemas, or the one of this URN.
    Schemas(Option<String>),
    /// All resource types, or the one of this name.
    ResourceTypes(Option<String>),
    /// A part of the protocol that is not offered.
    NotOffered,
    Faults,
    Journal,
    Reset,
}

/// A path, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// What stands before the endpoint: `/scim/v2` or nothing.
    pub(super) base: &'static str,
    /// The rest: `/Users/7`.
    pub(super) path: &'a str,
    /// `None` when the path names nothing.
    pub(super) endpoint: Option<Endpoint>,
}

impl<'a> Address<'a> {
    /// Cuts a path. A slash at the end does not matter, and ids may be percent-encoded.
    pub(super) fn parse(path: &'a str, types: &ResourceTypes) -> Self {
        let (base, path) = match path.strip_prefix(BASE) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => (BASE, rest),
            _ => ("", path),
        };
        let mut segments = path.trim_matches('/').split('/').map(decode);
        let parts = (segments.next(), segments.next(), segments.next());
        let endpoint = match parts {
            (Some(Some(first)), None, None) => named(&first, None, types),
            (Some(Some(first)), Some(Some(second)), None) if !second.is_empty() => {
                named(&first, Some(second.into_owned()), types)
            }
            _ => None,
        };
        Self { base, path, endpoint }
    }
}

impl Endpoint {
    /// The methods it has, as the `Allow` header lists them.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Collection(_) => "GET, POST",
            Self::Search(_) | Self::Reset => "POST",
            Self::One(..) => "GET, PUT, PATCH, DELETE",
            Self::ServiceProviderConfig | Self::Schemas(_) | Self::ResourceTypes(_) => "GET",
            Self::NotOffered => "",
            Self::Faults => "GET, POST, DELETE",
            Self::Journal => "GET, DELETE",
        }
    }

    /// True for a resource or a collection of them, where a request may change something.
    pub(super) fn holds_resources(&self) -> bool {
        matches!(self, Self::Collection(_) | Self::One(..))
    }
}

fn named(first: &str, second: Option<String>, types: &ResourceTypes) -> Option<Endpoint> {
    let kind = types.at_endpoint(first).cloned();
    match (kind, first, second) {
        (Some(kind), _, None) => Some(Endpoint::Collection(kind)),
        (Some(kind), _, Some(search)) if search == urn::SEARCH => Some(Endpoint::Search(kind)),
        (Some(kind), _, Some(id)) => Some(Endpoint::One(kind, id)),
        (None, urn::SERVICE_PROVIDER_CONFIG_ENDPOINT, None) => Some(Endpoint::ServiceProviderConfig),
        (None, urn::SCHEMAS, id) => Some(Endpoint::Schemas(id)),
        (None, urn::RESOURCE_TYPES, name) => Some(Endpoint::ResourceTypes(name)),
        (None, urn::BULK | urn::ME | urn::SEARCH, None) => Some(Endpoint::NotOffered),
        (None, "admin", Some(what)) => match what.as_str() {
            "faults" => Some(Endpoint::Faults),
            "journal" => Some(Endpoint::Journal),
            "reset" => Some(Endpoint::Reset),
            _ => None,
        },
        _ => None,
    }
}

/// A segment without its percent signs; `None` when it is no UTF-8.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match code.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *byte == b'%') {
            Some(code) => {
                decoded.push(code);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_endpoints_with_and_without_the_base() {
        let types = ResourceTypes::standard();
        let user = || types.named("User").unwrap().clone();
        let group = || types.named("Group").unwrap().clone();
        for (path, base, endpoint) in [
            ("/scim/v2/Users", BASE, Some(Endpoint::Collection(user()))),
            ("/Users/", "", Some(Endpoint::Collection(user()))),
            ("/scim/v2/Groups/a%20b%2Fc", BASE, Some(Endpoint::One(group(), "a b/c".to_owned()))),
            ("/Groups/100%", "", Some(Endpoint::One(group(), "100%".to_owned()))),
            ("/Users/.search", "", Some(Endpoint::Search(user()))),
            ("/scim/v2/Schemas/urn:x", BASE, Some(Endpoint::Schemas(Some("urn:x".to_owned())))),
            ("/ServiceProviderConfig", "", Some(Endpoint::ServiceProviderConfig)),
            ("/Bulk", "", Some(Endpoint::NotOffered)),
            ("/admin/faults", "", Some(Endpoint::Faults)),
            ("/scim/v2", BASE, None),
            ("/", "", None),
            ("/users", "", None),
            ("/Users//", "", Some(Endpoint::Collection(user()))),
            ("/Users/a/b", "", None),
            ("/Users/%ff", "", None),
            ("/scim/v2x/Users", "", None),
        ] {
            let address = Address::parse(path, &types);
            assert_eq!((address.base, address.endpoint), (base, endpoint), "{path}");
        }
    }
}
