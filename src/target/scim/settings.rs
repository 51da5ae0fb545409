//! What the configuration says about a SCIM target.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::auth::{self, Auth, Authorizer};
use super::client::{Client, RetryPolicy};
use crate::net::{self, HttpSettings, ProxyChoice};
use crate::target::{ProfileOverrides, TargetError};

/// How to reach a SCIM service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimSettings {
    /// The address below which `Users` and `Groups` are: `https://app.example/scim/v2`. No query, no credentials.
    pub base_url: Url,
    /// How to authenticate.
    pub auth: Auth,
    /// A PEM file of authorities to trust besides the system's. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Seconds for one request with its answer. Default: 60.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// `system`, `none` or the URL of a proxy. Default: `system`.
    #[serde(default)]
    pub proxy: ProxyChoice,
    /// Requests at once; fewer while the target complains. Default: 16.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// What is known of the target better than it says itself.
    #[serde(default)]
    pub profile: ProfileOverrides,
}

impl ScimSettings {
    /// Settings with every default.
    pub fn new(base_url: Url, auth: Auth) -> Self {
        Self {
            base_url,
            auth,
            ca_file: None,
            timeout_seconds: default_timeout_seconds(),
            proxy: ProxyChoice::default(),
            concurrency: default_concurrency(),
            profile: ProfileOverrides::default(),
        }
    }

    /// The base URL with exactly one slash at its end. Scheme, host and default port were normalised by parsing.
    pub(super) fn normalised_base(&self) -> Result<Url, TargetError> {
        let mut base = self.base_url.clone();
        let wrong = |problem: &str| Err(TargetError::Settings { problem: problem.to_owned() });
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return wrong("`base_url` must begin with `https://` or `http://` and name a host");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return wrong("`base_url` must have no query and no fragment: give the address above `/Users`");
        }
        if !base.username().is_empty() || base.password().is_some() {
            return wrong("`base_url` must hold no credentials: use `auth`");
        }
        let path = base.path().trim_end_matches('/').to_owned() + "/";
        base.set_path(&path);
        Ok(base)
    }

    pub(super) fn client(&self, base: &Url, retry: RetryPolicy) -> Result<Client, TargetError> {
        let host = base.host_str().unwrap_or_default().to_owned();
        if let Auth::Bearer(token) = &self.auth
            && (token.is_empty() || auth::header(token).is_none())
        {
            let problem = "the bearer token is empty or holds characters that no header may have".to_owned();
            return Err(TargetError::Settings { problem });
        }
        if base.scheme() == "http" && !net::is_loopback(base) {
            tracing::warn!(target.host = %host, "the target is spoken to without TLS: its token can be read on the way");
        }
        let http = HttpSettings {
            ca_file: self.ca_file.clone(),
            timeout: Duration::from_secs(self.timeout_seconds.max(1)),
            proxy: self.proxy.clone(),
            ..HttpSettings::default()
        };
        let http = net::client(&http).map_err(|cause| TargetError::Setup { host: host.clone(), cause })?;
        let authorizer = Authorizer::new(&self.auth, &http);
        Ok(Client::new(http, host, authorizer, self.concurrency, retry))
    }
}

fn default_timeout_seconds() -> u64 {
    60
}

fn default_concurrency() -> usize {
    16
}
