//! What goes wrong while talking to a server, and what it means to the engine and to the operator.

use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::source::SourceError;

use super::ber::BerError;

/// Result codes that mean something of their own here (RFC 4511 appendix A, RFC 4533).
pub(super) mod code {
    pub(in super::super) const SUCCESS: u32 = 0;
    pub(in super::super) const PROTOCOL_ERROR: u32 = 2;
    pub(in super::super) const TIME_LIMIT_EXCEEDED: u32 = 3;
    pub(in super::super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(in super::super) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
    pub(in super::super) const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
    pub(in super::super) const NO_SUCH_OBJECT: u32 = 32;
    pub(in super::super) const UNWILLING_TO_PERFORM: u32 = 53;
    pub(in super::super) const SYNC_REFRESH_REQUIRED: u32 = 4096;
}

/// A failed step of the conversation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the connection could not be made")]
    Dial(#[source] io::Error),
    #[error("TLS could not be established")]
    Tls(#[source] io::Error),
    #[error("the server refused StartTLS with code {0}")]
    StartTlsRefused(u32),
    #[error("no answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// The connection ended; the text says what the pump saw last.
    #[error("the connection ended: {0}")]
    Closed(String),
    #[error("the server sent something that is not LDAP")]
    Malformed(#[source] BerError),
    #[error("the server's answer lacks {0}")]
    Incomplete(&'static str),
    #[error(transparent)]
    Result(#[from] ServerResult),
}

/// A result other than success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {code} ({}){}", name(*.code), diagnostic(.text))]
pub(super) struct ServerResult {
    pub(super) code: u32,
    /// The server's own words, cut to a readable length.
    pub(super) text: String,
}

impl From<BerError> for Failure {
    fn from(error: BerError) -> Self {
        Self::Malformed(error)
    }
}

impl Failure {
    /// The failure as it stands while a connection is being made.
    pub(super) fn unreachable(self, server: &str) -> SourceError {
        let hint = match &self {
            Self::Dial(error) => dial_hint(error),
            Self::Tls(error) => tls_hint(error),
            Self::StartTlsRefused(_) => "the server does not offer StartTLS here; use `ldaps://`".to_owned(),
            Self::Timeout(_) => "it accepts connections but does not answer; see whether it is overloaded or \
                                 frozen, or raise `timeout_seconds`"
                .to_owned(),
            _ => "see whether an LDAP server listens there, and whether it expects TLS".to_owned(),
        };
        SourceError::Unreachable { server: server.to_owned(), hint, cause: Some(Box::new(self)) }
    }

    /// The failure as it stands while `feed` is being read below `base`.
    pub(super) fn broken(self, server: &str, feed: &str, base: &str) -> SourceError {
        match self {
            Self::Result(result) => result.broken(server, feed, base),
            other => SourceError::Broken {
                server: server.to_owned(),
                feed: feed.to_owned(),
                problem: "the server did not finish its answer, so nothing is concluded from it".to_owned(),
                cause: Some(Box::new(other)),
            },
        }
    }
}

impl ServerResult {
    pub(super) fn new(code: u32, text: &str) -> Self {
        // What a server says is shown to people; control characters and novels are not.
        let text = text.chars().filter(|character| !character.is_control()).take(300).collect();
        Self { code, text }
    }

    /// The result of a bind.
    pub(super) fn bind_refused(self, server: &str, principal: &str) -> SourceError {
        let (server, principal) = (server.to_owned(), principal.to_owned());
        let credentials =
            |hint: String| SourceError::Credentials { server: server.clone(), principal: principal.clone(), hint };
        let configuration = |hint: &str| SourceError::Configuration {
            server: server.clone(),
            problem: self.to_string(),
            hint: hint.to_owned(),
        };
        match self.code {
            49 => credentials(format!("{}; it is not tried again by itself, so that no lockout begins", self.why_49())),
            50 | 53 => credentials(format!("{self}; see whether the account may log in this way")),
            34 => configuration("write `bind_dn` as the server knows it, such as `cn=reader,dc=example,dc=org`"),
            7 | 48 => configuration("the server does not allow a login by name and password for this account"),
            8 | 13 => configuration("the server wants an encrypted connection: use `ldaps://` or `start_tls`"),
            _ => Failure::Result(self).unreachable(&server),
        }
    }

    fn why_49(&self) -> String {
        // Active Directory hides the reason behind `data` in its text.
        let reason = match self.text.split("data ").nth(1).map(|rest| rest.split([',', ' ']).next().unwrap_or(rest)) {
            Some("525") => "there is no such account",
            Some("52e") => "the password is wrong",
            Some("530" | "531") => "the account may not log in at this time or from here",
            Some("532") => "the password has expired",
            Some("533") => "the account is disabled",
            Some("701") => "the account has expired",
            Some("773") => "the password must be changed first",
            Some("775") => "the account is locked",
            _ => "name or password is wrong",
        };
        format!("{reason}; correct `bind_dn` or `password`")
    }

    fn broken(self, server: &str, feed: &str, base: &str) -> SourceError {
        let broken = |hint: &str| SourceError::Broken {
            server: server.to_owned(),
            feed: feed.to_owned(),
            problem: format!("{self}; {hint}"),
            cause: None,
        };
        let configuration = |problem: String, hint: &str| SourceError::Configuration {
            server: server.to_owned(),
            problem,
            hint: hint.to_owned(),
        };
        match self.code {
            code::NO_SUCH_OBJECT => configuration(
                format!("there is no `{base}`, or the account may not see it"),
                "correct the base, or grant the account read access to it",
            ),
            10 => configuration(
                format!("`{base}` is held by another server"),
                "write the address of the server that holds it into `urls`",
            ),
            16 | 17 | 18 | 21 | 34 => configuration(self.to_string(), "correct the base, the filter or the attributes"),
            50 => configuration(self.to_string(), "grant the account read access"),
            code::TIME_LIMIT_EXCEEDED | code::SIZE_LIMIT_EXCEEDED | code::ADMIN_LIMIT_EXCEEDED => broken(
                "the list is cut short, so nothing is concluded from it; raise the server's limits for this account",
            ),
            _ => broken("the answer is not complete, so nothing is concluded from it"),
        }
    }
}

fn dial_hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens on this port; see whether the server runs".to_owned(),
        io::ErrorKind::TimedOut => "no connection in time; see whether a firewall is in the way".to_owned(),
        _ => "see whether the host name is right and the network is up".to_owned(),
    }
}

fn tls_hint(error: &io::Error) -> String {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let hint = match rustls {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; renew it on the server"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; see whether the clocks agree"
            }
            CertificateError::UnknownIssuer => {
                "its certificate comes from an unknown authority; write the authority's PEM file into `ca_file`"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate carries another name; use that name in the URL or set `verify_name`"
            }
            _ => "its certificate is not acceptable",
        },
        _ => "the TLS handshake failed; see whether the port speaks TLS",
    };
    hint.to_owned()
}

fn diagnostic(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": `{text}`") }
}

/// The name of a result code.
fn name(code: u32) -> &'static str {
    match code {
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        80 => "other",
        4096 => "e-syncRefreshRequired",
        _ => "a code without a name here",
    }
}

#[cfg(test)]
mod tests {
    use crate::model::FailureClass;

    use super::*;

    #[test]
    fn result_codes_become_classes() {
        for (code, class) in [
            (32, FailureClass::Configuration),
            (10, FailureClass::Configuration),
            (34, FailureClass::Configuration),
            (50, FailureClass::Configuration),
            (3, FailureClass::Transient),
            (4, FailureClass::Transient),
            (11, FailureClass::Transient),
            (51, FailureClass::Transient),
            (80, FailureClass::Transient),
        ] {
            assert_eq!(ServerResult::new(code, "").broken("s", "users", "dc=org").class(), class, "{code}");
        }
        for (code, class) in [
            (49, FailureClass::Credentials),
            (53, FailureClass::Credentials),
            (8, FailureClass::Configuration),
            (34, FailureClass::Configuration),
            (52, FailureClass::Outage),
        ] {
            assert_eq!(ServerResult::new(code, "").bind_refused("s", "cn=x").class(), class, "{code}");
        }
    }

    #[test]
    fn a_refused_bind_says_why() {
        let text = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 775, v4563";
        let error = ServerResult::new(49, text).bind_refused("ldaps://dc1", "cn=x").to_string();
        assert!(error.contains("the account is locked"), "{error}");
        let error = ServerResult::new(49, "").bind_refused("ldaps://dc1", "cn=x").to_string();
        assert!(error.contains("name or password is wrong"), "{error}");
    }

    #[test]
    fn a_missing_base_is_named() {
        let error = ServerResult::new(32, "").broken("s", "users", "ou=typo,dc=org").to_string();
        assert!(error.contains("`ou=typo,dc=org`"), "{error}");
    }

    #[test]
    fn the_servers_words_are_shortened_and_cleaned() {
        let result = ServerResult::new(80, &format!("a\u{7}\nb{}", "x".repeat(1_000)));
        assert!(result.text.starts_with("abx") && result.text.len() == 300);
    }
}
