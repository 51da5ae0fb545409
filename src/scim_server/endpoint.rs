//! The addresses of the server: a path becomes an endpoint or nothing.
//!
//! It knows which methods an endpoint has, and not what they do.

use std::borrow::Cow;
use std::sync::Arc;

use super::resource_types::{Kind, ResourceTypes};
use crate::scim::urn;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The base of the protocol: resources of all types.
    Base,
    /// A query by POST over all types.
    SearchAll,
    Collection(Arc<Kind>),
    Search(Arc<Kind>),
    One(Arc<Kind>, String),
    /// The resource of the caller (RFC 7644 section 3.11).
    Me,
    Bulk,
    ServiceProviderConfig,
    /// The name of the configuration in SCIM 1.1, which some applications keep.
    ServiceProviderConfigs,
    /// All schemas, or the one of this URN.
    Schemas(Option<String>),
    /// All resource types, or the one of this name.
    ResourceTypes(Option<String>),
    /// A version of the protocol that is not served.
    OtherVersion,
    /// Beside the protocol: tokens for clients.
    Token,
    Faults,
    Journal,
    Reset,
}

/// A path, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// The tenant that the path names.
    pub(super) tenant: Option<&'a str>,
    /// What stands before the endpoint: `/scim/v2`, `/tenants/acme/scim/v2` or nothing.
    pub(super) base: &'a str,
    /// The rest: `/Users/7`.
    pub(super) path: &'a str,
    /// `None` when the path names nothing.
    pub(super) endpoint: Option<Endpoint>,
}

impl<'a> Address<'a> {
    /// Cuts a path: a tenant or none, `/scim` or nothing, a version or none (RFC 7644 section 3.13), the endpoint. A
    /// slash at the end does not matter, and ids may be percent-encoded.
    pub(super) fn parse(whole: &'a str, types: &ResourceTypes) -> Self {
        let (tenant, rest) = match strip_segment(whole, "tenants").and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, whole),
        };
        let rest = strip_segment(rest, "scim").unwrap_or(rest);
        let first = rest.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let (path, endpoint) = match version(first) {
            Some(true) => {
                let path = strip_segment(rest, first).unwrap_or_default();
                (path, endpoint(path, types))
            }
            Some(false) => (rest, Some(Endpoint::OtherVersion)),
            None => (rest, endpoint(rest, types)),
        };
        let base = &whole[..whole.len() - path.len()];
        let endpoint = match endpoint {
            // The bare root is nobody's base: there may be something else beside the protocol.
            Some(Endpoint::Base) if base.is_empty() => None,
            None if tenant.is_none() => beside(path),
            endpoint => endpoint,
        };
        Self { tenant, base, path, endpoint }
    }
}

impl Endpoint {
    /// The methods it has, as the `Allow` header lists them.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Collection(_) => &["GET", "HEAD", "POST"],
            Self::Search(_) | Self::SearchAll | Self::Bulk | Self::Token | Self::Reset => &["POST"],
            Self::One(..) | Self::Me => &["GET", "HEAD", "PUT", "PATCH", "DELETE"],
            Self::Base
            | Self::ServiceProviderConfig
            | Self::ServiceProviderConfigs
            | Self::Schemas(_)
            | Self::ResourceTypes(_) => &["GET", "HEAD"],
            Self::OtherVersion => &[],
            Self::Faults => &["GET", "HEAD", "POST", "DELETE"],
            Self::Journal => &["GET", "HEAD", "DELETE"],
        }
    }

    /// True when a request of this method may change a resource.
    pub(super) fn is_changed_by(&self, method: &str) -> bool {
        matches!(self, Self::Collection(_) | Self::One(..) | Self::Me | Self::Bulk) && !matches!(method, "GET" | "HEAD")
    }

    /// True for what is no part of the protocol and serves those who run the server.
    pub(super) fn is_administrative(&self) -> bool {
        matches!(self, Self::Faults | Self::Journal | Self::Reset)
    }

    /// The type of resource that is found there.
    pub(super) fn kind(&self) -> Option<&Arc<Kind>> {
        match self {
            Self::Collection(kind) | Self::Search(kind) | Self::One(kind, _) => Some(kind),
            _ => None,
        }
    }
}

/// What follows a first segment.
fn strip_segment<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(segment)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether a segment that names a version names the one that is served.
fn version(segment: &str) -> Option<bool> {
    let number = segment.strip_prefix('v')?;
    let is_number = number.starts_with(|first: char| first.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then_some(number == "2")
}

fn endpoint(path: &str, types: &ResourceTypes) -> Option<Endpoint> {
    let mut segments = path.trim_matches('/').split('/').map(decode);
    match (segments.next(), segments.next(), segments.next()) {
        (Some(Some(first)), None, None) => named(&first, None, types),
        (Some(Some(first)), Some(Some(second)), None) if !second.is_empty() => {
            named(&first, Some(second.into_owned()), types)
        }
        _ => None,
    }
}

fn named(first: &str, second: Option<String>, types: &ResourceTypes) -> Option<Endpoint> {
    let kind = types.at_endpoint(first).cloned();
    match (kind, first, second) {
        (Some(kind), _, None) => Some(Endpoint::Collection(kind)),
        (Some(kind), _, Some(search)) if search == urn::SEARCH => Some(Endpoint::Search(kind)),
        (Some(kind), _, Some(id)) => Some(Endpoint::One(kind, id)),
        (None, "", None) => Some(Endpoint::Base),
        (None, urn::SEARCH, None) => Some(Endpoint::SearchAll),
        (None, urn::ME, None) => Some(Endpoint::Me),
        (None, urn::BULK, None) => Some(Endpoint::Bulk),
        (None, urn::SERVICE_PROVIDER_CONFIG_ENDPOINT, None) => Some(Endpoint::ServiceProviderConfig),
        (None, "ServiceProviderConfigs", None) => Some(Endpoint::ServiceProviderConfigs),
        (None, urn::SCHEMAS, id) => Some(Endpoint::Schemas(id)),
        (None, urn::RESOURCE_TYPES, name) => Some(Endpoint::ResourceTypes(name)),
        _ => None,
    }
}

fn beside(path: &str) -> Option<Endpoint> {
    match path {
        "/oauth2/token" => Some(Endpoint::Token),
        "/admin/faults" => Some(Endpoint::Faults),
        "/admin/journal" => Some(Endpoint::Journal),
        "/admin/reset" => Some(Endpoint::Reset),
        _ => None,
    }
}

/// A segment without its percent signs; `None` when it is no UTF-8.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    percent_encoding::percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_path_is_cut_in_two(path in "/?(tenants/|scim|/|v2|v1|Users|.search|%[0-9a-f]{0,2}|\\PC){0,12}") {
            let types = ResourceTypes::standard();
            let address = Address::parse(&path, &types);
            prop_assert_eq!([address.base, address.path].concat(), path.as_str());
        }
    }

    #[test]
    fn paths_name_endpoints_with_and_without_the_base() {
        let types = ResourceTypes::standard();
        let user = || types.named("User").unwrap().clone();
        let group = || types.named("Group").unwrap().clone();
        for (path, tenant, base, endpoint) in [
            ("/scim/v2/Users", None, "/scim/v2", Some(Endpoint::Collection(user()))),
            ("/scim/Users", None, "/scim", Some(Endpoint::Collection(user()))),
            ("/v2/Users", None, "/v2", Some(Endpoint::Collection(user()))),
            ("/Users/", None, "", Some(Endpoint::Collection(user()))),
            ("/scim/v2/Groups/a%20b%2Fc", None, "/scim/v2", Some(Endpoint::One(group(), "a b/c".to_owned()))),
            ("/Groups/100%", None, "", Some(Endpoint::One(group(), "100%".to_owned()))),
            ("/Users/.search", None, "", Some(Endpoint::Search(user()))),
            ("/scim/v2/.search", None, "/scim/v2", Some(Endpoint::SearchAll)),
            ("/scim/v2/Schemas/urn:x", None, "/scim/v2", Some(Endpoint::Schemas(Some("urn:x".to_owned())))),
            ("/ServiceProviderConfig", None, "", Some(Endpoint::ServiceProviderConfig)),
            ("/Bulk", None, "", Some(Endpoint::Bulk)),
            ("/Me", None, "", Some(Endpoint::Me)),
            ("/Me/x", None, "", None),
            ("/scim/v2", None, "/scim/v2", Some(Endpoint::Base)),
            ("/scim/v2/", None, "/scim/v2", Some(Endpoint::Base)),
            ("/", None, "", None),
            ("/scim/v1/Users", None, "/scim", Some(Endpoint::OtherVersion)),
            ("/scim/v2.1/Users", None, "/scim", Some(Endpoint::OtherVersion)),
            ("/tenants/acme/scim/v2/Users", Some("acme"), "/tenants/acme/scim/v2", Some(Endpoint::Collection(user()))),
            ("/tenants/acme/Users/7", Some("acme"), "/tenants/acme", Some(Endpoint::One(user(), "7".to_owned()))),
            ("/tenants/acme", Some("acme"), "/tenants/acme", Some(Endpoint::Base)),
            ("/tenants//Users", Some(""), "/tenants/", Some(Endpoint::Collection(user()))),
            ("/tenants", None, "", None),
            ("/admin/faults", None, "", Some(Endpoint::Faults)),
            ("/oauth2/token", None, "", Some(Endpoint::Token)),
            ("/scim/v2/admin/faults", None, "/scim/v2", Some(Endpoint::Faults)),
            ("/tenants/acme/admin/faults", Some("acme"), "/tenants/acme", None),
            ("/users", None, "", None),
            ("/Users//", None, "", Some(Endpoint::Collection(user()))),
            ("/Users/a/b", None, "", None),
            ("/Users/%ff", None, "", None),
            ("/scim/v2x/Users", None, "/scim", None),
            ("/scimx/Users", None, "", None),
            ("//v2/Users", None, "", None),
        ] {
            let address = Address::parse(path, &types);
            assert_eq!((address.tenant, address.base, address.endpoint), (tenant, base, endpoint), "{path}");
        }
    }
}
