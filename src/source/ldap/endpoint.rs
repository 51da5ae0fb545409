//! One server's address, checked: where to dial, which protection, which name to verify.

use std::net::IpAddr;

use rustls::pki_types::ServerName;
use url::Url;

use super::settings::Security;

/// A server to dial.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// As the operator wrote it, for messages.
    pub(super) url: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// The name the certificate must carry.
    pub(super) verify: ServerName<'static>,
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndpointError {
    #[error(
        "`{0}` is not an LDAP address; write `ldaps://host` or `ldap://host`, with a port if it is not the usual one"
    )]
    Address(String),
    #[error("`{0}` does not go with its security; `ldaps://` means `tls`, `ldap://` means `start_tls` or `plain`")]
    Security(String),
    #[error("`{0}` is not on this machine, and `plain` sends the password readable; use `start_tls` or `ldaps://`")]
    PlainAbroad(String),
    #[error("`{0}` cannot be a name in a certificate; set `verify_name` to the name the server's certificate carries")]
    VerifyName(String),
}

impl Endpoint {
    /// Checks an address against the security asked for; without one, the scheme decides.
    pub(super) fn new(url: &str, security: Option<Security>, verify: Option<&str>) -> Result<Self, EndpointError> {
        let address = || EndpointError::Address(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| address())?;
        let (default_port, default_security) = match parsed.scheme() {
            "ldaps" => (636, Security::Tls),
            "ldap" => (389, Security::StartTls),
            _ => return Err(address()),
        };
        let bare = matches!(parsed.path(), "" | "/") && parsed.query().is_none() && parsed.fragment().is_none();
        if !bare || !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(address());
        }
        let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or_else(address)?;
        // An IPv6 address stands in brackets in a URL and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let security = security.unwrap_or(default_security);
        if (parsed.scheme() == "ldaps") != (security == Security::Tls) {
            return Err(EndpointError::Security(url.to_owned()));
        }
        if security == Security::Plain && !is_loopback(&host) {
            return Err(EndpointError::PlainAbroad(url.to_owned()));
        }
        let verify = verify.unwrap_or(&host);
        let verify =
            ServerName::try_from(verify.to_owned()).map_err(|_| EndpointError::VerifyName(verify.to_owned()))?;
        Ok(Self { url: url.to_owned(), port: parsed.port().unwrap_or(default_port), host, security, verify })
    }
}

/// True for the addresses that never leave this machine. A name other than `localhost` may resolve to anything.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_port_and_security() {
        for (url, host, port, security) in [
            ("ldaps://dc1.example.org", "dc1.example.org", 636, Security::Tls),
            ("ldap://dc1.example.org/", "dc1.example.org", 389, Security::StartTls),
            ("ldaps://[::1]:3636", "::1", 3636, Security::Tls),
            ("ldap://127.0.0.1:3389", "127.0.0.1", 3389, Security::StartTls),
        ] {
            let endpoint = Endpoint::new(url, None, None).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.security), (host, port, security), "{url}");
        }
    }

    #[test]
    fn what_is_no_server_address_is_refused() {
        for url in [
            "",
            "dc1",
            "http://dc1",
            "ldapi://%2frun%2fldapi",
            "ldap://",
            "ldap://dc1/dc=org",
            "ldap://u:p@dc1",
            "ldap://dc1?x",
        ] {
            assert_eq!(
                Endpoint::new(url, None, None).map(|_| ()),
                Err(EndpointError::Address(url.to_owned())),
                "{url}"
            );
        }
    }

    #[test]
    fn plain_stays_on_this_machine() {
        for url in ["ldap://127.0.0.1", "ldap://[::1]", "ldap://localhost"] {
            assert!(Endpoint::new(url, Some(Security::Plain), None).is_ok(), "{url}");
        }
        for url in ["ldap://10.0.0.1", "ldap://dc1", "ldap://localhost.example.org", "ldap://127.0.0.1.example.org"] {
            let refused = Endpoint::new(url, Some(Security::Plain), None).map(|_| ());
            assert_eq!(refused, Err(EndpointError::PlainAbroad(url.to_owned())), "{url}");
        }
    }

    #[test]
    fn scheme_and_security_must_agree() {
        for (url, security) in
            [("ldaps://dc1", Security::StartTls), ("ldaps://127.0.0.1", Security::Plain), ("ldap://dc1", Security::Tls)]
        {
            let refused = Endpoint::new(url, Some(security), None).map(|_| ());
            assert_eq!(refused, Err(EndpointError::Security(url.to_owned())));
        }
        assert!(Endpoint::new("ldaps://dc_1", None, Some("not a name")).is_err());
    }
}
