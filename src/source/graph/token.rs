//! Tokens for the directory: where they are asked for, and what a refusal means.
//!
//! Tokens are opaque: nobody looks inside.

use reqwest::Client;
use url::Url;

use super::settings::GraphSettings;
use crate::net::{ClientAuthentication, ClientCredentials, OAuthError, TokenCache};
use crate::source::SourceError;

/// Refusals by which the token service says that the *request* is wrong: the tenant is unknown or malformed, the scope
/// is, the resource does not exist in this cloud, the assertion is for somebody else. Everything else it refuses is a
/// matter of credentials.
const CONFIGURATION_CODES: [u64; 11] =
    [90002, 900_023, 70011, 1_002_012, 500_011, 700_023, 700_021, 700_211, 700_212, 700_213, 70021];

/// Names that stand for no single tenant; an application cannot get a token from them.
const NO_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// The cache of the one token that all requests share.
pub(super) fn cache(client: Client, settings: &GraphSettings) -> Result<TokenCache, SourceError> {
    Ok(TokenCache::new(
        client,
        ClientCredentials {
            token_url: token_url(settings)?,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            scope: Some(settings.scope()),
            authentication: ClientAuthentication::Form,
        },
    ))
}

/// What the engine is told when there is no token.
pub(super) fn failure(error: OAuthError) -> SourceError {
    match error {
        OAuthError::Unreachable { host, hint, cause } => SourceError::Unreachable { server: host, hint, cause },
        OAuthError::Unavailable { host, status, .. } => SourceError::Unreachable {
            server: host,
            hint: format!("the token service is not available now (status {status})"),
            cause: None,
        },
        OAuthError::Refused { host, error, codes, .. }
            if codes.iter().any(|code| CONFIGURATION_CODES.contains(code)) =>
        {
            SourceError::Configuration {
                server: host,
                problem: format!("the token service refuses the request ({error} {codes:?})"),
                hint: "check `tenant`, `scope`, `root_url` and `authority_url`; they must belong to the same cloud"
                    .into(),
            }
        }
        OAuthError::Refused { host, client_id, error, codes } => SourceError::Credentials {
            server: host,
            principal: client_id,
            hint: format!(
                "the token service answered {error} {codes:?}; check `client_id`, and that `client_secret` has not expired"
            ),
        },
        OAuthError::Unsigned { host } => SourceError::Configuration {
            server: host,
            problem: "no assertion can be signed".to_owned(),
            hint: "check the key".into(),
        },
        OAuthError::NoToken { host, status } => SourceError::Configuration {
            server: host,
            problem: format!("the token service answered with status {status}, but not with a token"),
            hint: "check `authority_url` and `tenant`".into(),
        },
    }
}

fn token_url(settings: &GraphSettings) -> Result<Url, SourceError> {
    let tenant = settings.tenant.as_str();
    let is_name = !tenant.is_empty() && tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let is_dots = tenant.chars().all(|c| c == '.');
    let mut url = settings.authority_url.clone();
    let server = url.host_str().unwrap_or_default().to_owned();
    if !is_name || is_dots || NO_TENANTS.iter().any(|name| name.eq_ignore_ascii_case(tenant)) {
        return Err(SourceError::Configuration {
            server,
            problem: format!("`{tenant}` is no tenant"),
            hint: "set `tenant` to the tenant's id or to one of its verified domains".into(),
        });
    }
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend([tenant, "oauth2", "v2.0", "token"]);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailureClass;
    use crate::secret::Secret;

    #[test]
    fn a_tenant_is_an_id_or_a_domain() {
        let url = |tenant: &str| token_url(&GraphSettings::new(tenant, "app", Secret::new("s")));
        assert_eq!(url("t.example").unwrap().as_str(), "https://login.microsoftonline.com/t.example/oauth2/v2.0/token");
        for tenant in ["", "common", "Organizations", "a/b", "..", "a b", "a?b"] {
            assert!(url(tenant).is_err(), "{tenant}");
        }
    }

    #[test]
    fn refusals_are_told_apart_by_their_codes() {
        let class = |error: &str, codes: &[u64]| {
            let (host, client_id) = (String::from("h"), String::from("app"));
            failure(OAuthError::Refused { host, client_id, error: error.into(), codes: codes.to_vec() }).class()
        };
        assert_eq!(class("invalid_client", &[7_000_215]), FailureClass::Credentials);
        assert_eq!(class("unauthorized_client", &[700_016]), FailureClass::Credentials);
        assert_eq!(class("invalid_request", &[90002]), FailureClass::Configuration);
        assert_eq!(class("invalid_scope", &[1_002_012]), FailureClass::Configuration);
    }
}
